"""Kea 2.2.0 and txkea answer the same, option by option and in addressing, from one configuration file."""

from __future__ import annotations

from typing import Final

from tests.real.arena4 import Arena4
from tests.real.cases4 import TOPICS, cases
from tests.real.compared import Compared, Family
from tests.real.configuration4 import configuration
from tests.real.known4 import KNOWN
from tests.real.servers import KEA4, PRODUCTS
from txkea.testing.namespaces import requires_root

FAMILY: Final = Family(PRODUCTS, Arena4, configuration, cases, KNOWN)


class Differential(Compared):
    """One test per configuration; the oracle's answers are obtained while it runs."""

    skip = requires_root("kea-dhcp4", "sysctl")
    family = FAMILY

    def test_main(self) -> None:
        """Every topic in the main configuration."""
        found = self.assert_same("main", *(topic for topic in TOPICS if topic != "globals4"), queries=900)
        self.assert_known_occur(found)

    def test_quiet(self) -> None:
        """Authoritative everywhere, client identifiers neither echoed nor matched."""
        self.assert_same("quiet", "states", "informs", "identities", "networks", "reservations", queries=400)

    def test_udp(self) -> None:
        """UDP sockets in place of raw ones, for relayed queries."""
        self.assert_same("udp", "states", "relaying", "informs", "addressing", link="eth1", queries=200)

    def test_global(self) -> None:
        """Global reservations only, found by circuit before hardware address."""
        self.assert_same("global", "globals4", queries=15)

    def test_names(self) -> None:
        """Names are cleaned and qualified although updates are off."""
        self.assert_same("names", "names", "reservations", queries=200)

    def test_override(self) -> None:
        """Names when the client's wishes are overridden."""
        self.assert_same("override", "names", queries=100)

    def test_replace(self) -> None:
        """Names that are replaced when the client sends one."""
        self.assert_same("replace", "names", queries=100)

    def test_always(self) -> None:
        """Names that are always replaced."""
        self.assert_same("always", "names", "reservations", queries=200)

    def test_lenient(self) -> None:
        """Options that are read leniently."""
        self.assert_same("lenient", "malformed", "vendors", "names", "overloads", queries=200)


class Control(Compared):
    """The test can fail: it sees what does differ, and sees nothing between equals."""

    skip = requires_root("kea-dhcp4", "sysctl")
    family = FAMILY

    def test_kea_equals_itself(self) -> None:
        """Kea beside Kea shows no difference."""
        found, _ = self.differences((KEA4, KEA4), ("main", "main"), cases(["states", "relaying"]))
        self.assertEqual([], found)

    def test_a_difference_is_seen(self) -> None:
        """Kea that does not echo client identifiers differs from Kea that does, exactly there."""
        found, _ = self.differences((KEA4, KEA4), ("main", "quiet"), cases(["informs"]))
        self.assertEqual({"option 61"}, {each.field for each in found})
