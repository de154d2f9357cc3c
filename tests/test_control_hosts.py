"""Commands about reservations."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.editing import EditCase, EditedDaemon
from tests.test_control_request import JSON
from txkea.control.hosts import HostCommands
from txkea.model.configuration import Host
from txkea.testing.hosts import MemoryHosts


class HostCase(EditCase):
    """A server with a global reservation and two in a subnet of a network, here of DHCPv4."""

    GLOBAL: Any = {"hw-address": "02:00:00:00:00:0a", "hostname": "everywhere"}
    ONE: Any = {"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.1", "hostname": "One.example.org"}
    TWO: Any = {"client-id": "01:02:03", "ip-address": "192.0.2.2", "option-data": [{"code": 3, "data": "192.0.2.254"}]}
    NEW: Any = {"hw-address": "02:00:00:00:00:03", "ip-address": "192.0.2.3"}
    NAMED: Any = {"identifier-type": "hw-address", "identifier": "02:00:00:00:00:01"}
    OUTSIDE: Any = {"ip-address": "198.51.100.3"}
    SUBNETS: Any = ({"id": 1, "subnet": "192.0.2.0/24"}, {"id": 2, "subnet": "198.51.100.0/24"})

    def setUp(self) -> None:
        super().setUp()
        self.stores: list[MemoryHosts] = []
        self.start()

    def start(self) -> None:
        """Begin with the stores that there are."""
        key = f"subnet{self.number}"
        one, two = self.SUBNETS
        self.begin(
            lambda daemon: HostCommands(daemon, self.stores),
            **{key: [two]},
            shared_networks=[{"name": "floor1", key: [{**one, "reservations": [self.ONE, self.TWO]}]}],
            reservations=[self.GLOBAL],
        )

    def hosts(self, answer: Any) -> list[Any]:
        """The reservations of an answer, by the number of their subnet and their name or address."""
        return [(host["subnet-id"], self.address(host) or host["hostname"]) for host in answer["arguments"]["hosts"]]

    def address(self, host: Any) -> Any:
        return host.get("ip-address") or next(iter(host.get("ip-addresses", ())), None)

    def subnet(self, number: int) -> Any:
        return next(subnet for subnet in self.daemon.configuration.subnets if subnet.id == number)


class HostTests(HostCase):
    """Reservations of the configuration."""

    def test_get(self) -> None:
        """G054: a reservation is found by its subnet and an identifier or address, global ones with subnet 0."""
        for selector in (self.NAMED, {"ip-address": self.address(self.ONE)}):
            answer = self.ask("reservation-get", {"subnet-id": 1, **selector})
            self.assertEqual((answer["result"], answer["text"]), (0, "Host found."))
            wanted = {**self.ONE, "subnet-id": 1}
            self.assertEqual({name: answer["arguments"][name] for name in wanted}, wanted)
            self.assertEqual(answer["arguments"]["client-classes"], [])
        named = {"identifier-type": "hw-address", "identifier": "02000000000A"}
        answer = self.ask("reservation-get", {"subnet-id": 0, **named})
        self.assertEqual((answer["arguments"]["hostname"], answer["arguments"]["subnet-id"]), ("everywhere", 0))

    def test_get_absent(self) -> None:
        """A reservation that is not there is result 3; what names none is an error."""
        for subnet_id in (0, 2, 9):
            answer = {"result": 3, "text": "Host not found."}
            self.assertEqual(self.ask("reservation-get", {"subnet-id": subnet_id, **self.NAMED}), answer)
        for wrong, word in (
            (None, "'subnet-id'"),
            ({"subnet-id": 1}, "'identifier-type'"),
            ({"ip-address": self.address(self.ONE)}, "'subnet-id'"),
            ({"subnet-id": True, **self.NAMED}, "'subnet-id'"),
            ({"subnet-id": 1, "ip-address": "x"}, "'ip-address'"),
            ({"subnet-id": 1, "ip-address": 5}, "'ip-address'"),
            ({"subnet-id": 1, "identifier-type": "x", "identifier": "01"}, "'identifier-type'"),
            ({"subnet-id": 1, "identifier-type": "duid"}, "'identifier'"),
            ({"subnet-id": 1, "identifier-type": "duid", "identifier": "xyz"}, "'identifier'"),
            ({"subnet-id": 1, **self.NAMED, "operation-target": "moon"}, "'operation-target'"),
            ({"subnet-id": 1, **self.NAMED, "operation-target": []}, "'operation-target'"),
        ):
            self.refused("reservation-get", wrong, word)

    def test_add(self) -> None:
        """G053: a new reservation is in force, and stands behind the others of its subnet in what was written."""
        new = {"reservation": {"subnet-id": 1, **self.NEW}}
        self.assertEqual(self.ask("reservation-add", new), {"result": 0, "text": "Host added."})
        network = self.daemon.written["shared-networks"][0]
        written = network[f"subnet{self.number}"][0]["reservations"]
        self.assertEqual(written, [self.ONE, self.TWO, self.NEW])
        self.assertEqual(len(self.subnet(1).hosts), 3)
        everywhere = {name: value for name, value in self.NEW.items() if not name.startswith("ip-address")}
        self.assertEqual(self.told("reservation-add", {"reservation": {"subnet-id": 0, **everywhere}})[0], 0)
        self.assertEqual(len(self.daemon.configuration.hosts), 2)
        first = {"reservation": {"subnet-id": 2, **everywhere}, "operation-target": "memory"}
        self.assertEqual(self.told("reservation-add", first)[0], 0)
        self.assertEqual(len(self.subnet(2).hosts), 1)

    def test_add_refused(self) -> None:
        """What is reserved already, lies outside, or is no reservation is refused with its place and a mend."""
        for wrong, *words in (
            ({"subnet-id": 1, **self.ONE}, "reservations[2]", "already"),
            ({"subnet-id": 1, **self.NEW, **self.ADDRESS_OF_ONE}, "reservations[2]", "already"),
            ({"subnet-id": 1, **self.NEW, **self.OUTSIDE}, "reservations[2]", "outside of the subnet"),
            ({"subnet-id": 9, **self.NEW}, f"no IPv{self.number} subnet with id 9"),
            ({"subnet-id": 1, **self.NEW, "hostnmae": "x"}, "did you mean hostname"),
            ({"subnet-id": 1, **self.NEW, "flex-id": "'x'"}, "exactly one of"),
            ({"subnet-id": 1}, "exactly one of"),
            ({**self.NEW}, "'subnet-id'"),
            ({"subnet-id": 1, "hw-address": "xyz"}, "'hw-address'"),
            ([], "'reservation'"),
        ):
            self.refused("reservation-add", {"reservation": wrong}, *words)
        self.refused("reservation-add", None, "'reservation'")

    ADDRESS_OF_ONE: Any = {"ip-address": "192.0.2.1"}

    def test_update(self) -> None:
        """G056: a reservation is replaced as a whole; one that is not there is result 3."""
        changed = {**self.NAMED_ONE, "hostname": "new"}
        answer = self.ask("reservation-update", {"reservation": {"subnet-id": 1, **changed}})
        self.assertEqual(answer, {"result": 0, "text": "Host updated."})
        one, two = self.subnet(1).hosts
        self.assertEqual((one.hostname, one.addresses, len(two.addresses)), ("new", (), 1))
        absent = (3, "Host not updated (not found).")
        self.assertEqual(self.told("reservation-update", {"reservation": {"subnet-id": 2, **changed}}), absent)
        self.assertEqual(self.told("reservation-update", {"reservation": {"subnet-id": 9, **changed}}), absent)
        wrong = {"subnet-id": 1, **self.NAMED_ONE, **self.OUTSIDE}
        self.refused("reservation-update", {"reservation": wrong}, "reservations[0]")

    NAMED_ONE: Any = {"hw-address": "020000000001"}

    def test_delete(self) -> None:
        """G055: a reservation is deleted by identifier or address; one that is not there is result 3."""
        absent = (3, "Host not deleted (not found).")
        self.assertEqual(self.told("reservation-del", {"subnet-id": 2, **self.NAMED}), absent)
        self.assertEqual(self.told("reservation-del", {"subnet-id": 9, **self.NAMED}), absent)
        self.assertEqual(self.told("reservation-del", {"subnet-id": 1, **self.NAMED}), (0, "Host deleted."))
        self.assertEqual(self.told("reservation-del", {"subnet-id": 1, **self.NAMED}), absent)
        selector = {"subnet-id": 1, "ip-address": self.address(self.TWO)}
        self.assertEqual(self.told("reservation-del", selector), (0, "Host deleted."))
        self.assertEqual(self.subnet(1).hosts, ())
        everywhere = {"subnet-id": 0, "identifier-type": "hw-address", "identifier": self.GLOBAL["hw-address"]}
        self.assertEqual(self.told("reservation-del", everywhere), (0, "Host deleted."))
        self.assertEqual(self.daemon.written["reservations"], [])

    def test_get_all(self) -> None:
        """G056: all reservations of a subnet, or with 0 the global ones; none is result 3."""
        answer = self.ask("reservation-get-all", {"subnet-id": 1})
        self.assertEqual((answer["result"], answer["text"]), (0, f"2 IPv{self.number} host(s) found."))
        self.assertEqual(self.hosts(answer), [(1, self.address(self.ONE)), (1, self.address(self.TWO))])
        self.assertEqual(self.hosts(self.ask("reservation-get-all", {"subnet-id": 0})), [(0, "everywhere")])
        answer = self.ask("reservation-get-all", {"subnet-id": 2})
        text = f"0 IPv{self.number} host(s) found."
        self.assertEqual(answer, {"result": 3, "text": text, "arguments": {"hosts": []}})
        self.refused("reservation-get-all", None, "'subnet-id'")

    def test_searches(self) -> None:
        """G056: reservations by host name (in any case), by identifier, and by address, in all subnets or one."""
        one = [(1, self.address(self.ONE))]
        for command, arguments, found in (
            ("hostname", {"hostname": "ONE.example.org"}, one),
            ("hostname", {"hostname": "one.example.org", "subnet-id": 1}, one),
            ("hostname", {"hostname": "one.example.org", "subnet-id": 0}, []),
            ("hostname", {"hostname": "one"}, []),
            ("id", self.NAMED, one),
            ("address", {"ip-address": self.address(self.ONE)}, one),
            ("address", {"ip-address": self.address(self.ONE), "subnet-id": 2}, []),
        ):
            answer = self.ask(f"reservation-get-by-{command}", arguments)
            self.assertEqual((answer["result"], self.hosts(answer)), (0 if found else 3, found), arguments)
        for command in ("hostname", "id", "address"):
            self.refused(f"reservation-get-by-{command}", None)
        self.refused("reservation-get-by-id", {**self.NAMED, "subnet-id": 1}, "'subnet-id'")

    def test_pages(self) -> None:
        """G056: pages follow each other by ``next`` until one is empty; of one subnet, or of all."""
        for subnet, count in (({}, 3), ({"subnet-id": 1}, 2), ({"subnet-id": 2}, 0)):
            for limit in (1, 2, 5):
                found: list[Any] = []
                position: dict[str, int] = {}
                while True:
                    answer = self.ask("reservation-get-page", {"limit": limit, **subnet, **position})
                    arguments = answer["arguments"]
                    self.assertEqual(
                        (len(arguments["hosts"]), answer["result"]),
                        (arguments["count"], 0 if arguments["count"] else 3),
                    )
                    if "next" not in arguments:
                        break
                    self.assertLessEqual(arguments["count"], limit)
                    found += self.hosts(answer)
                    position = arguments["next"]
                self.assertEqual((len(found), len(set(found))), (count, count))
        for wrong in (
            None,
            {},
            {"limit": 0},
            {"limit": "1"},
            {"limit": 1, "from": "x"},
            {"limit": 1, "source-index": -1},
        ):
            self.refused("reservation-get-page", wrong)
        self.assertEqual(self.told("reservation-get-page", {"limit": 1, "source-index": 7})[0], 3)

    def test_no_database(self) -> None:
        """Where there is no host database, a command that is about one says so; all others mean the configuration."""
        for target in ("database", "alternate"):
            for command, arguments in (
                ("reservation-add", {"reservation": {"subnet-id": 1, **self.NEW}}),
                ("reservation-update", {"reservation": {"subnet-id": 1, **self.ONE}}),
                ("reservation-del", {"subnet-id": 1, **self.NAMED}),
                ("reservation-get", {"subnet-id": 1, **self.NAMED}),
                ("reservation-get-all", {"subnet-id": 1}),
            ):
                self.refused(command, {**arguments, "operation-target": target}, "no host database")
        for target in ("memory", "primary", "all", "default"):
            answer = self.told("reservation-get", {"subnet-id": 1, **self.NAMED, "operation-target": target})
            self.assertEqual(answer, (0, "Host found."))

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_anything(self, data: st.DataObject) -> None:
        """Whatever the arguments are, the answer is one, and no command fails inside the server."""
        words = ("memory", "hw-address", "duid", "02:00:00:00:00:01", "192.0.2.1", "2001:db8:1::1", 0, 1, 5)
        values = JSON | st.sampled_from(words)
        inside = ("subnet-id", "hw-address", "duid", "ip-address", "ip-addresses", "option-data", "client-classes")
        reservation = st.dictionaries(st.sampled_from(inside), values, max_size=4)
        names = (
            "subnet-id",
            "ip-address",
            "identifier-type",
            "identifier",
            "hostname",
            "limit",
            "from",
            "operation-target",
        )
        arguments = st.dictionaries(st.sampled_from(names), values, max_size=4) | JSON
        arguments |= st.builds(
            lambda one, target: {"reservation": one, **target},
            reservation | JSON,
            st.sampled_from(({}, {"operation-target": "all"})),
        )
        command = data.draw(st.sampled_from(self.ask("list-commands")["arguments"]))
        answer = self.ask(command, data.draw(arguments))
        self.assertIn(answer["result"], (0, 1, 3))
        self.assertNotIn("inside the server", answer.get("text", ""), command)


class Host6Tests(HostTests):
    """The same of DHCPv6."""

    number = 6
    ONE: Any = {
        "hw-address": "02:00:00:00:00:01",
        "ip-addresses": ["2001:db8:1::1"],
        "prefixes": ["2001:db8:f000::/48"],
        "hostname": "One.example.org",
    }
    TWO: Any = {"duid": "00:01:02:03", "ip-addresses": ["2001:db8:1::2"]}
    NEW: Any = {"duid": "00:01:02:04", "ip-addresses": ["2001:db8:1::3"]}
    ADDRESS_OF_ONE: Any = {"ip-addresses": ["2001:db8:1::1"]}
    OUTSIDE: Any = {"ip-addresses": ["2001:db8:2::3"]}
    SUBNETS: Any = ({"id": 1, "subnet": "2001:db8:1::/64"}, {"id": 2, "subnet": "2001:db8:2::/64"})

    def test_prefix(self) -> None:
        """A reserved prefix is found by its first address."""
        for command in ("reservation-get", "reservation-get-by-address"):
            answer = self.ask(command, {"subnet-id": 1, "ip-address": "2001:db8:f000::"})
            self.assertEqual(answer["result"], 0)


class StoredHostTests(HostCase):
    """Reservations of a store beside those of the configuration."""

    def setUp(self) -> None:
        super().setUp()
        self.store = MemoryHosts()
        self.stores = [self.store]
        self.start()

    def add(self, more: Any = None, target: str = "default") -> Any:
        new = {"subnet-id": 1, **self.NEW, **(more or {})}
        return self.told("reservation-add", {"reservation": new, "operation-target": target})

    NAMED_NEW: Any = {"subnet-id": 1, "identifier-type": "hw-address", "identifier": "02:00:00:00:00:03"}

    def test_add(self) -> None:
        """With a store, that is what is changed, checked as the configuration is, and found again."""
        before = self.daemon.configuration
        self.assertEqual(
            self.add({"hostname": "new", "option-data": [{"name": "routers", "data": "192.0.2.254"}]}),
            (0, "Host added."),
        )
        self.assertIs(self.daemon.configuration, before)
        (host,) = self.store.hosts
        self.assertEqual((host.subnet_id, host.hostname, host.options[0].payload), (1, "new", bytes((192, 0, 2, 254))))
        answer = self.ask("reservation-get", self.NAMED_NEW)["arguments"]
        wanted = {**self.NEW, "hostname": "new", "subnet-id": 1}
        self.assertEqual({name: answer[name] for name in wanted}, wanted)
        self.assertEqual(answer["option-data"][0]["data"], "C00002FE")

    def test_what_is_shown_can_be_sent(self) -> None:
        """What a store shows of a reservation is the same reservation when it is sent back."""
        more = {
            "hostname": "new", "client-classes": ["a"], "next-server": "192.0.2.7", "boot-file-name": "boot",
            "user-context": {"rack": 1}, "option-data": [{"name": "domain-name", "data": "x", "always-send": True}],
        }  # fmt: skip
        self.assertEqual(self.add(more)[0], 0)
        (host,) = self.store.hosts
        answer = self.ask("reservation-get", self.NAMED_NEW)["arguments"]
        self.assertEqual(self.told("reservation-update", {"reservation": answer}), (0, "Host updated."))
        self.assertEqual(self.store.hosts, [host])

    def test_add_refused(self) -> None:
        """What is wrong with a reservation is told as in the configuration, with its place in what was sent."""
        self.assertEqual(self.add()[0], 0)
        self.assertIn("already", self.add()[1])
        self.assertEqual(self.add(self.OUTSIDE)[1].partition(":")[0], "reservation.ip-address")
        self.assertIn("did you mean hostname", self.add({"hostnmae": "x"})[1])
        self.assertEqual(self.add({"subnet-id": 9}), (1, "no IPv4 subnet with id 9 found"))
        self.assertEqual(len(self.store.hosts), 1)

    def test_targets(self) -> None:
        """A target says which of them is meant; of all, none is changed if one refuses."""
        self.assertEqual(self.add(target="memory")[0], 0)
        self.assertEqual(len(self.subnet(1).hosts), 3)
        self.assertEqual(self.store.hosts, [])
        found = {target: self.told("reservation-get", {**self.NAMED_NEW, "operation-target": target})[0] for target in (
            "memory", "primary", "database", "alternate", "all", "default"
        )}  # fmt: skip
        self.assertEqual(found, {"memory": 0, "primary": 0, "database": 3, "alternate": 3, "all": 0, "default": 0})
        self.assertEqual(self.told("reservation-del", self.NAMED_NEW), (3, "Host not deleted (not found)."))
        self.assertEqual(self.add(target="database")[0], 0)
        self.assertEqual(self.told("reservation-del", {**self.NAMED_NEW, "operation-target": "memory"})[0], 0)
        self.assertEqual(self.add(target="all")[0], 1)
        self.assertEqual(len(self.subnet(1).hosts), 2, "what was added to the configuration is taken back")
        self.assertEqual(self.told("reservation-del", {**self.NAMED_NEW, "operation-target": "all"})[0], 0)
        self.assertEqual(self.add(target="all")[0], 0)
        self.assertEqual((len(self.subnet(1).hosts), len(self.store.hosts)), (3, 1))

    def test_update(self) -> None:
        """A reservation of a store is replaced, and is back when the new one cannot be."""
        self.add()
        (before,) = self.store.hosts
        self.add({"hw-address": "02:00:00:00:00:04", "ip-address": "192.0.2.4"})
        taken = {"subnet-id": 1, **self.NEW, "ip-address": "192.0.2.4"}
        self.assertEqual(self.told("reservation-update", {"reservation": taken})[0], 1)
        self.assertIn(before, self.store.hosts)
        free = {**taken, "ip-address": "192.0.2.5"}
        self.assertEqual(self.told("reservation-update", {"reservation": free}), (0, "Host updated."))
        self.assertEqual(self.told("reservation-get", {"subnet-id": 1, "ip-address": "192.0.2.5"})[0], 0)

    def test_update_at_once(self) -> None:
        """Who comes too late with a change hears so, and what the other one changed stays."""
        self.add()
        (before,) = self.store.hosts
        update = self.store.update

        async def beaten(host: Host, was: Host) -> bool:
            await update(evolve(before, hostname="first"), before)
            return await update(host, was)

        self.patch(self.store, "update", beaten)
        answer = self.told("reservation-update", {"reservation": {"subnet-id": 1, **self.NEW, "hostname": "second"}})
        self.assertEqual((answer[0], "somebody else" in answer[1]), (1, True))
        self.assertEqual([host.hostname for host in self.store.hosts], ["first"])

    def test_readonly(self) -> None:
        """E004: what is read-only is looked at and never changed, as long as something else can be."""
        fixed = MemoryHosts(self.store.hosts, readonly=True)
        self.stores = [fixed, self.store]
        self.start()
        self.assertEqual((self.add()[0], len(fixed.hosts), len(self.store.hosts)), (0, 0, 1))
        self.stores = [fixed]
        self.start()
        self.assertIn("read-only", self.add()[1])
        self.assertEqual(self.add(target="memory")[0], 0)

    def test_pages(self) -> None:
        """Lists and pages go on from the configuration to the store."""
        for number in range(3, 8):
            self.add({"hw-address": f"02:00:00:00:00:0{number}", "ip-address": f"192.0.2.{number}"})
        found: list[Any] = []
        position: dict[str, int] = {}
        while "next" in (arguments := self.ask("reservation-get-page", {"limit": 2, **position})["arguments"]):
            found += [host.get("ip-address") for host in arguments["hosts"]]
            position = arguments["next"]
        self.assertEqual(found, [None, *(f"192.0.2.{number}" for number in range(1, 8))])
        self.assertEqual(self.told("reservation-get-all", {"subnet-id": 1}), (0, "7 IPv4 host(s) found."))
        answer = self.told("reservation-get-all", {"subnet-id": 1, "operation-target": "alternate"})
        self.assertEqual(answer, (0, "5 IPv4 host(s) found."))
        answer = self.ask("reservation-get-page", {"limit": 9, "operation-target": "database"})
        self.assertEqual(answer["arguments"]["next"]["source-index"], 1)

    def test_searches(self) -> None:
        """G056: host names, identifiers and addresses are looked for in the store, too."""
        self.add({"hostname": "One.example.org"})
        for command, arguments, count in (
            ("hostname", {"hostname": "one.EXAMPLE.org"}, 2),
            ("hostname", {"hostname": "one.example.org", "operation-target": "database"}, 1),
            ("hostname", {"hostname": "one.example.org", "operation-target": "database", "subnet-id": 2}, 0),
            ("id", {"identifier-type": "hw-address", "identifier": "02:00:00:00:00:03"}, 1),
            ("address", {"ip-address": "192.0.2.3"}, 1),
            ("address", {"ip-address": "192.0.2.3", "subnet-id": 1}, 1),
            ("address", {"ip-address": "192.0.2.3", "subnet-id": 2}, 0),
        ):
            answer = self.ask(f"reservation-get-by-{command}", arguments)
            self.assertEqual(len(answer["arguments"]["hosts"]), count, arguments)
        self.refused("reservation-get-by-hostname", {"hostname": ""}, "'hostname'")


class StoredHost6Tests(EditCase):
    """The same of DHCPv6, where a reservation has more."""

    number = 6

    def test_shown(self) -> None:
        """Addresses, prefixes and what these lack are shown as they are written."""
        store = MemoryHosts()

        def commands(daemon: EditedDaemon) -> HostCommands:
            return HostCommands(daemon, [store])

        self.begin(commands, subnet6=[{"id": 1, "subnet": "2001:db8:1::/64"}])
        reservation = {
            "subnet-id": 1, "duid": "00:01:02", "ip-addresses": ["2001:db8:1::1", "2001:db8:1::2"],
            "prefixes": ["2001:db8:8::/48", "2001:db8:9::/48"], "excluded-prefixes": ["2001:db8:8:1::/64", ""],
        }  # fmt: skip
        self.assertEqual(self.told("reservation-add", {"reservation": reservation}), (0, "Host added."))
        answer = self.ask("reservation-get", {"subnet-id": 1, "ip-address": "2001:db8:9::"})["arguments"]
        self.assertEqual({name: answer[name] for name in reservation}, reservation)
        self.assertEqual(self.told("reservation-add", {"reservation": {**reservation, "subnet-id": 0}})[0], 0)
