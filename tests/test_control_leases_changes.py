"""The commands that change leases, and that write them into a file."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tests.commanding import ONE6, PREFIX, PREFIX6, WHOLE4, WHOLE6, WRONG, LeaseCase
from tests.observing import LocalObserver, Observer
from txkea.errors import Unavailable
from txkea.exchange.assemble import believe, recount
from txkea.exchange.figures import Figures
from txkea.leases.leasefile import ROWS, RowErrors, load
from txkea.model.lease import LeaseState
from txkea.testing.sites import memory_site

__all__ = [
    "Bulk6Tests", "Change4Tests", "Change6Tests", "Counting4Tests", "Counting6Tests", "Observed4Tests",
    "Observed6Tests",
]  # fmt: skip


class Change4Tests(LeaseCase):
    """Adding, updating, deleting and wiping."""

    whole: dict[str, Any] = WHOLE4

    @property
    def address(self) -> str:
        """Of the lease."""
        address: str = self.whole["ip_address"]
        return address

    def the_lease(self) -> Any:
        """The only one in the store."""
        (lease,) = self.leases.table
        return lease

    def test_add_twice(self) -> None:
        """G041: an address is leased once."""
        self.done("add", **self.whole)
        self.assertEqual(self.conflicts("add", **self.whole), f"IPv{self.family} lease already exists.")
        self.assertEqual(len(self.changes), 1)

    def test_update(self) -> None:
        """G048: an update replaces all of a lease; one that is not there is added only if that is wished for."""
        self.assertIn("'force-create'", self.conflicts("update", **self.whole))
        self.assertIn("'force-create'", self.refused("update", **self.whole, force_create="true"))
        answer = self.lease("update", **self.whole, force_create=True, hostname="a")
        self.assertEqual(answer, {"result": 0, "text": f"IPv{self.family} lease added."})
        first = self.the_lease()
        answer = self.lease("update", **self.whole, force_create=True, valid_lft=60)
        self.assertEqual(answer, {"result": 0, "text": f"IPv{self.family} lease updated."})
        second = self.the_lease()
        self.assertEqual((second.hostname, second.valid_lifetime), ("", 60))
        self.assertEqual(self.changes, [(first, None), (second, first)])

    def test_update_race(self) -> None:
        """A lease that changes while it is updated is updated as it is then; one that goes, as if it had not been."""
        self.done("add", **self.whole)
        first = self.the_lease()
        renewed = first._replace(expires=first.expires + 100)
        update = self.leases.update

        async def late(lease: Any, was: Any) -> bool:
            self.leases.update = update
            await update(renewed, first)
            return bool(await update(lease, was))

        self.leases.update = late
        self.done("update", **self.whole, hostname="b")
        self.assertEqual(self.changes[1:], [(self.the_lease(), renewed)])

        async def gone(lease: Any, was: Any) -> bool:
            self.leases.update = update
            await self.leases.remove(was)
            return bool(await update(lease, was))

        self.leases.update = gone
        answer = self.lease("update", **self.whole)
        self.assertEqual((answer["result"], "'force-create'" in answer["text"]), (4, True))
        self.assertEqual(len(self.changes), 2)

    def test_add_race(self) -> None:
        """An update that finds no lease, and one when it adds it, updates that one."""
        other = self.one()._replace(subnet_id=2)
        add = self.leases.add

        async def late(lease: Any) -> bool:
            self.leases.add = add
            await add(other._replace(address=lease.address))
            return bool(await add(lease))

        self.leases.add = late
        self.assertIn("updated", self.done("update", **self.whole, force_create=True)["text"])
        self.assertEqual(self.changes, [(self.the_lease(), other._replace(address=self.the_lease().address))])

    def test_delete(self) -> None:
        """G047: a lease is deleted once; one that is not there is result 3."""
        self.done("add", **self.whole)
        lease = self.the_lease()
        self.assertIn("'update-ddns'", self.refused("del", ip_address=self.address, update_ddns=1))
        answer = self.lease("del", ip_address=self.address, update_ddns=True)
        self.assertEqual(answer, {"result": 0, "text": f"IPv{self.family} lease deleted."})
        missing = {"result": 3, "text": f"IPv{self.family} lease not found."}
        self.assertEqual(self.lease("del", ip_address=self.address), missing)
        self.assertEqual((self.changes[1:], list(self.leases.table)), ([(None, lease)], []))
        self.assertIn("'arguments'", self.refused("del"))

    def test_delete_race(self) -> None:
        """A lease that changes while it is being deleted is deleted as it is then."""
        lease = self.one()
        self.fill(lease)
        renewed = lease._replace(expires=lease.expires + 100)
        remove = self.leases.remove

        async def late(lease: Any) -> bool:
            self.leases.remove = remove
            await self.leases.update(renewed, lease)
            return bool(await remove(lease))

        self.leases.remove = late
        self.done("del", ip_address=self.text(lease))
        self.assertEqual((self.changes, list(self.leases.table)), ([(None, renewed)], []))

    def test_wipe(self) -> None:
        """G049: all leases of a subnet are deleted, or those of all subnets that are configured, and counted."""
        self.fill(*[self.at(number, number % 4) for number in range(2000)])
        label = f"IPv{self.family}"
        for arguments, count, subnets in (
            ({"subnet_id": 1}, 500, " 1"),
            ({"subnet_id": 1}, 0, " 1"),
            ({}, 500, " 1 2"),
            ({"subnet_id": 3}, 500, " 3"),
            ({"subnet_id": 0}, 0, " 1 2"),
        ):
            answer = self.lease("wipe", **arguments)
            text = f"Deleted {count} {label} lease(s) from subnet(s){subnets}"
            self.assertEqual(answer, {"result": 0 if count else 3, "text": text})
        self.assertEqual({lease.subnet_id for lease in self.leases.table}, {0})
        self.assertEqual((len(self.changes), len(list(self.leases.table))), (1500, 500))
        for wrong in WRONG:
            if wrong != {}:
                self.assertIn("'subnet-id'", self.refused("wipe", subnet_id=wrong))

    def test_wipe_race(self) -> None:
        """A lease that changes while it is wiped is deleted as it is then, unless it has left the subnet."""
        stays, goes = self.at(1, 1), self.at(2, 1)
        self.fill(stays, goes)
        renewed, moved = stays._replace(expires=stays.expires + 1), goes._replace(subnet_id=2)
        remove = self.leases.remove

        async def late(lease: Any) -> bool:
            self.leases.remove = remove
            await self.leases.update(renewed, stays)
            await self.leases.update(moved, goes)
            return bool(await remove(lease))

        self.leases.remove = late
        self.assertIn("Deleted 1 ", self.done("wipe", subnet_id=1)["text"])
        self.assertEqual((self.changes, list(self.leases.table)), ([(None, renewed)], [moved]))

    def test_unavailable(self) -> None:
        """A store that can do nothing now says why, and nothing is counted."""

        async def full(*arguments: Any) -> bool:
            raise Unavailable("the disk is full")

        self.fill(self.one())
        self.leases.add = self.leases.update = self.leases.remove = full
        for what in ({"what": "add", **self.whole}, {"what": "del", "ip_address": self.text(self.one())}):
            self.assertEqual(self.refused(**what), "the disk is full")
        self.assertEqual(self.refused("wipe"), "the disk is full")
        self.assertEqual(self.changes, [])

    def test_resend(self) -> None:
        """G052: there are no DNS updates that could be sent again, as Kea says where they are off."""
        self.done("add", **self.whole)
        self.assertIn("DDNS updating is not enabled", self.conflicts("resend-ddns", ip_address=self.address))
        for wrong in ("x", 3, None):
            self.assertIn("'ip-address'", self.refused("resend-ddns", ip_address=wrong))
        self.assertIn("'ip-address'", self.refused("resend-ddns", subnet_id=1))

    # -- files

    def test_write(self) -> None:
        """G052: all leases stand in the file that is written, as a server would load them."""
        path = Path(self.directory)
        path.mkdir()
        leases = [self.at(number, 1)._replace(hostname="a,\nb" if number % 2 else "é") for number in range(1000)]
        self.fill(*leases)
        answer = self.done("write", filename="out.csv")
        where = path.absolute() / "out.csv"
        self.assertEqual(answer["text"], f"IPv{self.family} lease database into '{where}'.")
        found: dict[bytes, Any] = {}
        errors = RowErrors()
        load(str(where), ROWS[self.family], found, errors)
        self.assertEqual((list(found.values()), errors.count), (leases, 0))
        self.done("write", filename=str(where))
        for wrong in ("", "../x", "kea-leases4.csv", 3, None):
            self.refused("write", filename=wrong)
        self.assertIn("'filename'", self.refused("write", file="x"))
        self.assertEqual([each.name for each in path.iterdir()], ["out.csv"])

    def test_write_unwritable(self) -> None:
        """A lease that no file can hold leaves the old file, and is told."""
        path = Path(self.directory)
        path.mkdir()
        (path / "out.csv").write_text("old")
        self.fill(self.at(1, 1), self.at(2, 1)._replace(subnet_id=1 << 40))
        self.assertIn("cannot be stored", self.refused("write", filename="out.csv"))
        self.assertEqual([(each.name, each.read_text()) for each in path.iterdir()], [("out.csv", "old")])


class Change6Tests(Change4Tests):
    """The same for DHCPv6."""

    family = 6
    whole = WHOLE6

    def test_types(self) -> None:
        """An address has one lease, of one type."""
        self.done("add", **self.whole)
        self.assertIn("IA_NA", self.refused("update", **self.whole, type="IA_TA", force_create=True))
        self.assertEqual(self.conflicts("add", **self.whole, type="IA_TA"), "IPv6 lease already exists.")


class Bulk6Tests(LeaseCase):
    """G052: many leases of DHCPv6 at once."""

    family = 6

    def bulk(self, deleted: Any = None, leases: Any = None) -> Any:
        """What the command answers."""
        given = {"deleted-leases": deleted, "leases": leases}
        return self.ask("lease6-bulk-apply", {name: value for name, value in given.items() if value is not None})

    def named(self, whole: Any, **more: Any) -> dict[str, Any]:
        """Arguments, with ``_`` for ``-``."""
        return {name.replace("_", "-"): value for name, value in {**whole, **more}.items()}

    def test_apply(self) -> None:
        """Leases are deleted, added and updated; what fails is listed, and the rest is done."""
        self.fill(ONE6, PREFIX6)
        answer = self.bulk(
            [
                {"ip-address": "2001:db8::1"},
                {"ip-address": "2001:db8::99"},
                {"ip-address": "2001:db8:1::", "type": "IA_PD"},
                self.named({"subnet_id": 1, "identifier_type": "duid", "identifier": "00:01:99", "iaid": 1}),
            ],
            [self.named(WHOLE6), self.named(PREFIX), self.named(WHOLE6, type="IA_TA")],
        )
        missing = {"result": 3, "error-message": "lease not found"}
        failed = answer["arguments"]
        self.assertEqual(
            failed["failed-deleted-leases"],
            [
                {"type": "IA_NA", "ip-address": "2001:db8::99", **missing},
                {"type": "IA_NA", "duid": "00:01:99", **missing},
            ],
        )
        ((of_other_type,)) = failed["failed-leases"]
        self.assertEqual((of_other_type["ip-address"], of_other_type["type"]), ("2001:db8::10", "IA_TA"))
        self.assertEqual((of_other_type["result"], "IA_NA" in of_other_type["error-message"]), (1, True))
        self.assertEqual((answer["result"], answer["text"]), (0, "Bulk apply of 4 IPv6 leases completed."))
        self.assertEqual(sorted(map(self.text, self.leases.table)), ["2001:db8::10", "3001:db8:0:100::"])

    def test_order(self) -> None:
        """Changes of one address are made in their order, also in a batch."""
        self.bulk(leases=[self.named(WHOLE6, hostname=name) for name in "abc"])
        self.assertEqual([lease.hostname for lease in self.leases.table], ["c"])
        self.bulk([{"ip-address": "2001:db8::10"}], [self.named(WHOLE6, hostname="d")])
        self.assertEqual([lease.hostname for lease in self.leases.table], ["d"])

    def test_malformed(self) -> None:
        """Nothing is done if one lease is malformed, and it is named."""
        self.fill(ONE6)
        good = [{"ip-address": "2001:db8::1"}], [self.named(WHOLE6)]
        for deleted, leases, word in (
            ([*good[0], {}], good[1], "'deleted-leases[1]'"),
            ([*good[0], {"ip-address": "192.0.2.1"}], good[1], "'deleted-leases[1]'"),
            (good[0], [*good[1], {}], "'leases[1]'"),
            (good[0], [3, *good[1]], "'leases[0]'"),
            (good[0], [self.named(WHOLE6, ip_address="2001:db9::1")], "'leases[0]'"),
            ("x", None, "'deleted-leases'"),
            (None, {}, "'leases'"),
            (None, None, "'deleted-leases' and 'leases'"),
        ):
            answer = self.bulk(deleted, leases)
            self.assertEqual((answer["result"], word in answer["text"]), (1, True), answer)
            self.assertEqual((list(self.leases.table), self.changes), ([ONE6], []))

    def test_nothing(self) -> None:
        """Result 3 tells that nothing was changed."""
        self.assertEqual(self.bulk([], [])["result"], 3)
        self.assertEqual(self.bulk([{"ip-address": "2001:db8::1"}])["result"], 3)

    def test_many(self) -> None:
        """A thousand leases go in batches, with turns of the reactor between them."""
        leases = [self.named(WHOLE6, ip_address=f"2001:db8::{number:x}") for number in range(1, 1001)]
        self.assertEqual(self.bulk(leases=leases)["text"], "Bulk apply of 1000 IPv6 leases completed.")
        self.assertEqual(len(list(self.leases.table)), 1000)
        answer = self.bulk([{"ip-address": lease["ip-address"]} for lease in leases] * 2)
        self.assertEqual(answer["text"], "Bulk apply of 1000 IPv6 leases completed.")
        self.assertEqual(len(answer["arguments"]["failed-deleted-leases"]), 1000)

    def test_failing_store(self) -> None:
        """A store that can do nothing now fails each lease, and says why."""

        async def full(*arguments: Any) -> bool:
            raise Unavailable("the disk is full")

        self.fill(ONE6)
        self.leases.add = self.leases.remove = full
        answer = self.bulk([{"ip-address": "2001:db8::1"}], [self.named(WHOLE6)])
        self.assertEqual(answer["result"], 3)
        for failed in answer["arguments"].values():
            self.assertEqual([each["error-message"] for each in failed], ["the disk is full"])


class Observed4Tests(LeaseCase):
    """Observers hear of what commands do as of what queries do."""

    whole: dict[str, Any] = WHOLE4

    def setUp(self) -> None:
        super().setUp()
        self.failing, self.slow = Observer(True, error=RuntimeError("no")), Observer(False, waits=Deferred())
        self.told, self.local = Observer(True), LocalObserver(False)
        self.site.observers += [self.failing, self.slow, self.told, self.local]
        self.address = ip_address(self.whole["ip_address"]).packed

    def test_each(self) -> None:
        """An added lease is granted, an updated one takes the place of the other, and a deleted one is removed."""
        steps: tuple[tuple[str, dict[str, Any], tuple[int, int]], ...] = (
            ("add", self.whole, (1, 0)),
            ("update", {**self.whole, "hostname": "a"}, (1, 1)),
            ("del", {"ip_address": self.whole["ip_address"]}, (0, 1)),
            ("update", {**self.whole, "force_create": True}, (1, 0)),
            ("wipe", {}, (0, 1)),
        )
        for number, (command, arguments, (granted, removed)) in enumerate(steps, 1):
            self.done(command, **arguments)
            self.assertEqual(self.told.committed[number - 1 :], [([self.address] * granted, [self.address] * removed)])
        for other in (self.failing, self.slow, self.local):
            self.assertEqual(other.committed, self.told.committed)
        log: Any = self.site.log.leases
        failed = [message for severity, message, _ in log.lines if severity == "ERROR"]
        self.assertEqual(failed, ["TXKEA_LEASE_OBSERVER_FAILED"] * len(steps))

    def test_nothing(self) -> None:
        """What changes no lease is told to nobody."""
        self.conflicts("update", **self.whole)
        self.assertEqual(self.lease("del", ip_address=self.whole["ip_address"])["result"], 3)
        self.assertEqual(self.lease("wipe")["result"], 3)
        self.assertEqual(self.told.committed, [])

    def test_partner(self) -> None:
        """I031: what the partner of a pair does is told to all but those who do not want to hear of it."""
        for command, more in (("add", self.whole), ("update", self.whole), ("del", {})):
            self.done(command, **{"ip_address": self.whole["ip_address"], **more, "origin": "ha-partner"})
        self.done("add", **self.whole, origin="user")
        self.assertEqual(len(self.told.committed), 4)
        self.assertEqual(self.local.committed, [([self.address], [])])
        self.assertIn("'origin'", self.refused("update", **self.whole, origin=1))


class Observed6Tests(Observed4Tests):
    """The same for DHCPv6."""

    family = 6
    whole = WHOLE6

    def test_bulk(self) -> None:
        """Each lease of a batch is told, whoever sends it."""
        whole, prefix = ({name.replace("_", "-"): value for name, value in each.items()} for each in (WHOLE6, PREFIX))
        self.done("bulk-apply", leases=[whole, prefix])
        self.done("bulk-apply", deleted_leases=[whole], origin="ha-partner")
        granted: list[Any] = [([ip_address(str(each["ip-address"])).packed], []) for each in (whole, prefix)]
        self.assertEqual(self.told.committed, [*granted, ([], [self.address])])
        self.assertEqual(self.local.committed, granted)


class Counting4Tests(LeaseCase):
    """Statistics after changes by commands are those of a fresh look at the store (Kea G051, G083)."""

    clients: Any = st.fixed_dictionaries({"hw-address": st.sampled_from(["02:01", "02:02"])})
    addresses4 = ("192.0.2.10", "192.0.2.11", "192.0.2.99", "198.51.100.1", "198.51.100.17", "198.51.100.200")
    last_state = 3

    def resources(self) -> st.SearchStrategy[dict[str, Any]]:
        """Addresses in pools and outside."""
        return st.fixed_dictionaries({"ip-address": st.sampled_from(self.addresses4)})

    def commands(self) -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
        """Changes that mostly succeed."""
        more = st.fixed_dictionaries(
            {"state": st.integers(0, self.last_state)}, optional={"force-create": st.booleans(), "pool-id": st.just(3)}
        )
        whole = st.builds(lambda *parts: {**parts[0], **parts[1], **parts[2]}, self.resources(), self.clients, more)
        return st.one_of(
            st.tuples(st.just("add"), whole),
            st.tuples(st.just("update"), whole.map(lambda lease: {**lease, "force-create": True})),
            st.tuples(st.just("update"), whole),
            st.tuples(st.just("del"), self.resources()),
            st.tuples(st.just("wipe"), st.fixed_dictionaries({}, optional={"subnet-id": st.integers(0, 3)})),
            *self.family_commands(whole),
        )

    def family_commands(self, whole: Any) -> list[Any]:
        """What one family has."""
        return []

    @given(st.data())
    def test_invariant(self, data: st.DataObject) -> None:
        """Whatever commands do, in any order, the counts of subnets and pools are those of the leases in the store."""
        self.invariant(data)

    def invariant(self, data: st.DataObject) -> None:
        """Some commands, and a look."""
        self.build()
        for command, arguments in data.draw(st.lists(self.commands(), max_size=20)):
            answer = self.ask(f"lease{self.family}-{command}", arguments)
            self.assertNotIn("failed inside", answer.get("text", ""))
        twin = memory_site(self.site.configuration)
        recount(twin, self.leases.table.counts())
        believe(twin, self.leases.table)
        self.assertEqual(list(Figures(lambda: self.site)), list(Figures(lambda: twin)))

    def test_moves(self) -> None:
        """A lease that changes state is counted where it is now, and nothing is given to anybody."""
        whole = {"ip_address": "198.51.100.1", "hw_address": "02:01"}
        figures = Figures(lambda: self.site)
        for state, assigned, declined in ((0, 1, 0), (1, 1, 1), (2, 0, 0), (0, 1, 0), (3, 0, 0), (1, 1, 1)):
            self.done("update", **whole, state=state, force_create=True)
            for place in ("", "subnet[2].", "subnet[2].pool[3]."):
                told = [figures.get(f"{place}{name}-addresses") for name in ("assigned", "declined")]
                self.assertEqual(told, [assigned, declined], (state, place))
                self.assertEqual(figures.get(f"{place}cumulative-assigned-addresses"), 0)


class Counting6Tests(Counting4Tests):
    """The same for DHCPv6, with prefixes and temporary addresses."""

    family = 6
    clients = st.fixed_dictionaries({"duid": st.sampled_from(["00:01:01", "00:01:02"]), "iaid": st.integers(1, 2)})
    last_state = 4

    def resources(self) -> st.SearchStrategy[dict[str, Any]]:
        """Addresses and prefixes, which may overlap."""
        addresses = ("2001:db8::10", "2001:db8::11", "2001:db8::99", "2001:db8:2::1", "2001:db8:2::200")
        prefixes = ("3001:db8::", "3001:db8:0:100::", "3001:db8:0:200::", "2001:db8::", "4001::")
        return st.one_of(
            st.fixed_dictionaries(
                {"ip-address": st.sampled_from(addresses)},
                optional={"type": st.sampled_from(["IA_NA", "IA_TA"])},
            ),
            st.fixed_dictionaries(
                {
                    "ip-address": st.sampled_from(prefixes),
                    "type": st.just("IA_PD"),
                    "prefix-len": st.sampled_from([56, 64, 48]),
                    "subnet-id": st.integers(1, 2),
                }
            ),
        )

    def family_commands(self, whole: Any) -> list[Any]:
        """What one family has."""
        lists = {"leases": st.lists(whole, max_size=4), "deleted-leases": st.lists(self.resources(), max_size=4)}
        return [st.tuples(st.just("bulk-apply"), st.fixed_dictionaries({}, optional=lists))]

    @given(st.data())
    def test_invariant(self, data: st.DataObject) -> None:
        """The same, with many leases at once."""
        self.invariant(data)

    def test_moves(self) -> None:
        """A prefix that moves into another subnet is counted there."""
        figures = Figures(lambda: self.site)
        for number, states in ((1, (0, 3, 0)), (2, (0,))):
            for state in states:
                self.done("update", **{**PREFIX, "subnet_id": number, "state": state, "force_create": True})
                told = [figures.get(f"{place}assigned-pds") for place in ("", "subnet[1].", "subnet[2].")]
                here = int(state == LeaseState.DEFAULT)
                self.assertEqual(told, [here, here * (number == 1), here * (number == 2)])
