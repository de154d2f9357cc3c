"""The commands that tell which subnet a query would belong to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import configured, configured6
from tests.test_control_request import JSON
from txkea.control.answer import Answer
from txkea.control.selection import SelectionCommands
from txkea.errors import TxkeaError
from txkea.testing.sites import memory_site

NOTHING = Answer(3, "no selected subnet")


class SelectionCase(SynchronousTestCase):
    """Commands over a site that does not change."""

    commands: Any

    def selected(self, command: str, **arguments: Any) -> Answer:
        """What a command answers; ``_`` stands for ``-``."""
        answer: Answer = self.commands[command]({name.replace("_", "-"): value for name, value in arguments.items()})
        return answer

    def refused(self, command: str, arguments: Any) -> str:
        """Why a command does nothing."""
        return str(self.assertRaises(TxkeaError, self.commands[command], arguments))


class Selection4Tests(SelectionCase):
    """DHCPv4."""

    def setUp(self) -> None:
        site = memory_site(
            configured(
                client_classes=[{"name": "vip", "test": "member('ALL')"}],
                subnet4=[
                    {"id": 1, "subnet": "192.0.2.0/24"},
                    {"id": 2, "subnet": "198.51.100.0/24", "relay": {"ip-addresses": ["10.0.0.1"]}},
                    {"id": 3, "subnet": "203.0.113.0/24", "interface": "eth1", "client-classes": ["vip"]},
                    {"id": 5, "subnet": "10.5.0.0/16", "4o6-subnet": "2001:db8::/64"},
                    {"id": 6, "subnet": "10.6.0.0/16", "4o6-interface-id": "vlan6"},
                ],
                shared_networks=[{"name": "hall", "subnet4": [{"id": 4, "subnet": "10.9.0.0/16"}]}],
            )
        )
        self.commands = SelectionCommands(lambda: site).commands()

    def test_ways(self) -> None:
        """Each of a query's ways to a subnet is one of the arguments."""
        first, second = (
            Answer(0, f"selected subnet '{prefix}' id {number}")
            for number, prefix in ((1, "192.0.2.0/24"), (2, "198.51.100.0/24"))
        )
        self.assertEqual(self.selected("subnet4-select-test", local="192.0.2.1"), first)
        self.assertEqual(self.selected("subnet4-select-test", address="192.0.2.77"), first)
        self.assertEqual(self.selected("subnet4-select-test", remote="192.0.2.77"), first)
        self.assertEqual(self.selected("subnet4-select-test", relay="10.0.0.1"), second)
        self.assertEqual(self.selected("subnet4-select-test", relay="10.0.0.2", link="198.51.100.1"), second)
        self.assertEqual(self.selected("subnet4-select-test", relay="10.0.0.2", subnet="198.51.100.0"), second)

    def test_guard(self) -> None:
        """A guarded subnet wants the class."""
        self.assertEqual(self.selected("subnet4-select-test", interface="eth1"), NOTHING)
        found = self.selected("subnet4-select-test", interface="eth1", classes=["vip"])
        self.assertEqual(found.text, "selected subnet '203.0.113.0/24' id 3")

    def test_network(self) -> None:
        """A subnet of a shared network is told with it."""
        found = self.selected("subnet4-select-test", address="10.9.1.1")
        self.assertEqual(found.text, "selected shared network 'hall' starting with subnet '10.9.0.0/16' id 4")

    def test_over6(self) -> None:
        """DHCPv4 over DHCPv6 is selected by what the DHCPv6 server knows."""
        found = self.selected("subnet4o6-select-test", remote="2001:db8::5")
        self.assertEqual(found.text, "selected subnet '10.5.0.0/16' id 5")
        found = self.selected("subnet4o6-select-test", interface_id="vlan6")
        self.assertEqual(found.text, "selected subnet '10.6.0.0/16' id 6")
        self.assertEqual(self.selected("subnet4o6-select-test", remote="2001:db8:1::5"), NOTHING)

    def test_wrong(self) -> None:
        """An argument that is wrong or unknown is named."""
        self.assertIn("'relay'", self.refused("subnet4-select-test", {"relay": "2001:db8::1"}))
        self.assertIn("'interface'", self.refused("subnet4-select-test", {"interface": 1}))
        self.assertIn("'classes'", self.refused("subnet4-select-test", {"classes": "vip"}))
        self.assertIn("'relays'", self.refused("subnet4-select-test", {"relays": "10.0.0.1"}))

    @given(st.dictionaries(st.sampled_from(["interface", "address", "relay", "link", "subnet", "classes"]), JSON))
    def test_anything(self, arguments: Any) -> None:
        """Whatever comes is answered or refused with a sentence."""
        for command in self.commands.values():
            try:
                self.assertIn(command(arguments).result, (0, 3))
            except TxkeaError as error:
                self.assertTrue(str(error))


class Selection6Tests(SelectionCase):
    """DHCPv6."""

    def setUp(self) -> None:
        site = memory_site(
            configured6(
                subnet6=[
                    {"id": 1, "subnet": "2001:db8:1::/64", "interface": "eth0"},
                    {"id": 2, "subnet": "2001:db8:2::/64", "interface-id": "vlan2"},
                    {"id": 3, "subnet": "2001:db8:3::/64", "relay": {"ip-addresses": ["2001:db8:9::1"]}},
                ]
            )
        )
        self.commands = SelectionCommands(lambda: site).commands()

    def test_ways(self) -> None:
        """Each of a query's ways to a subnet is one of the arguments."""
        for number, arguments in (
            (1, {"interface": "eth0"}),
            (1, {"remote": "2001:db8:1::7"}),
            (2, {"link": "2001:db8:2::1"}),
            (2, {"link": "2001:db8:7::1", "interface_id": "vlan2"}),
            (3, {"link": "2001:db8:9::1"}),
        ):
            found = self.selected("subnet6-select-test", **arguments)
            self.assertEqual(found.text, f"selected subnet '2001:db8:{number}::/64' id {number}", arguments)
        self.assertEqual(self.selected("subnet6-select-test", interface="eth7"), NOTHING)

    def test_wrong(self) -> None:
        """An argument that is wrong or unknown is named."""
        self.assertIn("'link'", self.refused("subnet6-select-test", {"link": "192.0.2.1"}))
        self.assertIn("'relay'", self.refused("subnet6-select-test", {"relay": "2001:db8::1"}))
        self.assertIn("map", self.refused("subnet6-select-test", []))
