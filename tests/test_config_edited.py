"""The configuration of an edited document is the one that the document has."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.config.edited import edited, opened
from txkea.config.load import configuration
from txkea.config.text import from_json
from txkea.errors import ConfigErrors
from txkea.model.configuration import Configuration


class EditedCase(SynchronousTestCase):
    """Documents of one family, here of DHCPv4."""

    number = 4

    @property
    def top(self) -> str:
        return f"Dhcp{self.number}"

    @property
    def key(self) -> str:
        return f"subnet{self.number}"

    def subnet(self, number: int, **more: Any) -> Any:
        prefix = f"10.{number}.0.0/16" if self.number == 4 else f"2001:db8:{number:x}::/48"
        return {"id": number, "subnet": prefix, **{name.replace("_", "-"): value for name, value in more.items()}}

    def reservation(self, host: int, subnet: int = 0, **more: Any) -> Any:
        address: dict[str, Any] = {}
        if subnet:
            address = (
                {"ip-address": f"10.{subnet}.0.{host}"}
                if self.number == 4
                else {"ip-addresses": [f"2001:db8:{subnet:x}::{host:x}"]}
            )
        return {"hw-address": f"02:00:00:00:00:{host:02x}", **address, **more}

    def built(self, **written: Any) -> Configuration:
        inside = {name.replace("_", "-"): value for name, value in written.items()}
        return configuration(from_json({self.top: inside}), self.number)

    def edit(self, before: Configuration, change: Any) -> Configuration:
        """The configuration after a change of the map; what there was before must be as it was."""
        was = repr(before.written)
        document = opened(before.written, self.top)
        change(document[self.top])
        found = edited(document, before)
        self.assertEqual(repr(before.written), was)
        return found

    def compare(self, found: Configuration) -> None:
        """It is what its document is when it is read anew."""
        whole = configuration(from_json(found.written), self.number)
        self.assertEqual(found.tree, whole.tree)
        self.assertEqual(repr(found.tree), repr(whole.tree))
        self.assertEqual(found.written, whole.written)
        self.assertEqual(found, whole)

    def parts(self, before: Configuration, found: Configuration) -> set[int]:
        """The subnets that were not built again."""
        old = {subnet.id: subnet for subnet in before.subnets}
        return {subnet.id for subnet in found.subnets if old.get(subnet.id) is subnet}


class EditedTests(EditedCase):
    """What is built again, and what is not."""

    def begin(self, **more: Any) -> Configuration:
        one = self.subnet(1, reservations=[self.reservation(1, 1), self.reservation(2, 1)])
        inside = self.subnet(3, reservations=[self.reservation(1, 3)])
        networks = [{"name": "floor1", self.key: [inside, self.subnet(4)]}]
        return self.built(**{self.key: [one, self.subnet(2)], "shared_networks": networks, "reservations": [], **more})

    def replace(self, before: Configuration, at: int, **more: Any) -> Configuration:
        """Replace values of a subnet outside of networks."""

        def change(written: dict[str, Any]) -> None:
            subnets = written[self.key] = list(written[self.key])
            subnets[at] = {**subnets[at], **{name.replace("_", "-"): value for name, value in more.items()}}

        return self.edit(before, change)

    def test_reservation(self) -> None:
        """A new reservation, and one that is gone, leave all other subnets and reservations as they are."""
        before = self.begin()
        old = before.written[self.top][self.key][0]["reservations"]
        found = self.replace(before, 0, reservations=[old[1], self.reservation(9, 1)])
        self.compare(found)
        self.assertEqual(self.parts(before, found), {2, 3, 4})
        self.assertIs(found.subnets[0].hosts[0], before.subnets[0].hosts[1])
        self.assertIs(found.subnets[0].pools, before.subnets[0].pools)

    def test_inside_network(self) -> None:
        """The same of a reservation in a subnet of a network."""
        before = self.begin()

        def change(written: dict[str, Any]) -> None:
            (network,) = written["shared-networks"]
            one, other = network[self.key]
            other = {**other, "reservations": [self.reservation(1, 4)]}
            written["shared-networks"] = [{**network, self.key: [one, other]}]

        found = self.edit(before, change)
        self.compare(found)
        self.assertEqual(self.parts(before, found), {1, 2, 3})

    def test_global(self) -> None:
        """The same of a global reservation."""
        before = self.begin(reservations=[self.reservation(1)])
        found = self.edit(before, lambda written: written.update(reservations=[self.reservation(2)]))
        self.compare(found)
        self.assertEqual(self.parts(before, found), {1, 2, 3, 4})

    def test_subnets(self) -> None:
        """A new subnet, a changed one and a deleted one leave the others as they are; values are inherited."""
        before = self.begin(valid_lifetime=77)

        def change(written: dict[str, Any]) -> None:
            written[self.key] = [self.subnet(9), *written[self.key]]

        found = self.edit(before, change)
        self.compare(found)
        self.assertEqual(found.subnets[-1].parameters.valid_lifetime.default, 77)
        self.assertEqual(self.parts(before, found), {1, 2, 3, 4})
        again = self.edit(found, lambda written: written.update({self.key: written[self.key][1:]}))
        self.compare(again)
        self.assertEqual(self.parts(before, again), {1, 2, 3, 4})
        changed = self.replace(before, 1, valid_lifetime=88)
        self.compare(changed)
        self.assertEqual(self.parts(before, changed), {1, 3, 4})

    def test_refused(self) -> None:
        """A mistake is told as it is told of the whole document."""
        before = self.begin()
        old = before.written[self.top][self.key][0]["reservations"]
        outside = self.reservation(1, 2)
        for wrong in (
            {"reservations": [*old, old[0]]},
            {"reservations": [*old, self.reservation(1, 1)]},
            {"reservations": [*old, {**self.reservation(9, 1), **self.address(self.reservation(1, 1))}]},
            {"reservations": [*old, {**self.reservation(9, 1), **self.address(outside)}]},
            {"reservations": [*old, 5]},
            {"reservations": 5},
            {"id": 1.0},
            {"id": True},
            {"id": 3},
            {"id": "1"},
            {"subnet": self.subnet(2)["subnet"]},
            {"subnet": self.subnet(4)["subnet"]},
            {"subnet": 5},
            {"pools": [{"pool": "x"}]},
            {"valid_lifetime": "soon"},
        ):
            document = opened(before.written, self.top)
            subnets = document[self.top][self.key] = list(document[self.top][self.key])
            subnets[0] = {**subnets[0], **{name.replace("_", "-"): value for name, value in wrong.items()}}
            with self.assertRaises(ConfigErrors) as whole:
                configuration(from_json(document), self.number)
            with self.assertRaises(ConfigErrors) as part:
                edited(document, before)
            self.assertEqual(str(part.exception), str(whole.exception), wrong)

    def address(self, reservation: Any) -> Any:
        return {name: value for name, value in reservation.items() if name.startswith("ip-address")}

    def test_shared_addresses(self) -> None:
        """Where addresses need not be unique, a second reservation of one is in order."""
        before = self.begin(ip_reservations_unique=False)
        old = before.written[self.top][self.key][0]["reservations"]
        new = {**self.reservation(9, 1), **self.address(self.reservation(1, 1))}
        found = self.replace(before, 0, reservations=[*old, new])
        self.compare(found)
        self.assertEqual(self.parts(before, found), {2, 3, 4})

    def test_warnings(self) -> None:
        """What deserves a warning deserves it after an edit too, whether that has brought it or ended it."""
        guards = [{"name": "late"}, {"name": "asked", "only-in-additional-list": True, "test": "1 == 1"}]
        gives = {"client-classes": ["late"]}
        written: Any
        more: Any
        for written in (
            {"client_classes": guards[:1]},
            {"client_classes": guards},
            {"renew_timer": 900, "rebind_timer": 800},
        ):
            found = self.begin(**written)
            for more in (
                {"reservations": [self.reservation(9, 2, **gives)]},
                {"client_classes": ["late"]},
                {"client_classes": ["nowhere"]},
                {"evaluate_additional_classes": ["asked"]},
                {"client_classes": []},
                {"reservations": []},
                {"evaluate_additional_classes": []},
                {"renew_timer": 950},
                {"pools": []},
                {"renew_timer": 5},
            ):
                found = self.replace(found, 1, **more)
                self.compare(found)

    def test_anything_else(self) -> None:
        """A change anywhere else is a change of the whole, also one of 1 to true."""
        before = self.begin(cache_threshold=1)
        for value in (0.5, 1.0):
            found = self.edit(before, lambda written, value=value: written.update({"cache-threshold": value}))
            self.compare(found)
        with self.assertRaises(ConfigErrors):
            self.edit(before, lambda written: written.update({"cache-threshold": True}))

    def test_copied(self) -> None:
        """An edit may change in place what is not among the many."""
        before = self.begin(interfaces_config={"interfaces": []})
        found = self.edit(before, lambda written: written["interfaces-config"]["interfaces"].append("eth0"))
        self.compare(found)
        self.assertEqual(len(found.interfaces.selections), 1)


class Edited6Tests(EditedTests):
    """The same of DHCPv6."""

    number = 6


class EditsTests(EditedCase):
    """Edits one after the other."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_sequences(self, data: st.DataObject) -> None:
        """After each of many edits, right or wrong, the configuration is the one that the document has."""
        names = st.sampled_from(("a", "b", "never"))
        classes = st.lists(names, max_size=1)
        found = self.built(
            **{self.key: [self.subnet(1)], "shared_networks": [{"name": "n", self.key: [self.subnet(2)]}]}
        )
        for _ in range(data.draw(st.integers(1, 8))):
            draw = data.draw
            reservations = [
                self.reservation(host, draw(st.sampled_from((0, 1, 2))), **({"client-classes": given} if given else {}))
                for host, given in draw(st.lists(st.tuples(st.integers(1, 5), classes), max_size=3))
            ]
            change = draw(st.sampled_from((self.put, self.drop, self.reserve, self.reserve, self.inside, self.rename)))
            document = opened(found.written, self.top)
            change(document[self.top], draw, reservations, draw(classes))
            try:
                fresh = configuration(from_json(document), self.number)
            except ConfigErrors as error:
                with self.assertRaises(ConfigErrors) as raised:
                    edited(document, found)
                self.assertEqual(str(raised.exception), str(error))
            else:
                found = edited(document, found)
                self.assertEqual(evolve(found, tree={}), evolve(fresh, tree={}))
                self.assertEqual(repr(found.tree), repr(fresh.tree))
                self.assertEqual(found.written, fresh.written)

    def put(self, written: Any, draw: Any, reservations: Any, classes: Any) -> None:
        number = draw(st.integers(1, 4))
        new = self.subnet(number, reservations=reservations, **({"client_classes": classes} if classes else {}))
        kept = [subnet for subnet in written.get(self.key, ()) if subnet["id"] != number or draw(st.booleans())]
        written[self.key] = draw(st.permutations([*kept, new]))

    def drop(self, written: Any, draw: Any, reservations: Any, classes: Any) -> None:
        written[self.key] = written.get(self.key, [])[1:]

    def reserve(self, written: Any, draw: Any, reservations: Any, classes: Any) -> None:
        subnets = written.get(self.key, [])
        at = draw(st.integers(-1, len(subnets) - 1))
        holder = written if at < 0 else dict(subnets[at])
        holder["reservations"] = draw(st.permutations([*holder.get("reservations", ())[-2:], *reservations]))
        if at >= 0:
            written[self.key] = [*subnets[:at], holder, *subnets[at + 1 :]]

    def inside(self, written: Any, draw: Any, reservations: Any, classes: Any) -> None:
        (network,) = written["shared-networks"]
        subnets = [{**subnet, "reservations": reservations} for subnet in network[self.key]]
        more = {"client-classes": classes} if classes else {}
        written["shared-networks"] = [{**network, self.key: subnets, **more}]

    def rename(self, written: Any, draw: Any, reservations: Any, classes: Any) -> None:
        written["client-classes"] = [{"name": name} for name in classes]


class Edits6Tests(EditsTests):
    """The same of DHCPv6."""

    number = 6
