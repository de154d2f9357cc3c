"""Kea 2.2.0 and txkea answer DHCPv6 the same, option by option and in addressing, from one configuration file."""

from __future__ import annotations

from typing import Final

from tests.real.arena6 import Arena6
from tests.real.cases6 import TOPICS, cases
from tests.real.compared import Compared, Family
from tests.real.configuration6 import configuration
from tests.real.known6 import KNOWN6
from tests.real.servers import KEA6, PRODUCTS6, TXKEA6_RAW
from txkea.testing.namespaces import requires_root

FAMILY: Final = Family(PRODUCTS6, Arena6, configuration, cases, KNOWN6)

RAW_TOPICS: Final = ("confirming", "informing", "relaying", "damaged", "unicasts")


class Differential(Compared):
    """One test per configuration; the oracle's answers are obtained while it runs."""

    skip = requires_root("kea-dhcp6", "sysctl")
    family = FAMILY

    def test_main(self) -> None:
        """Every topic in the main configuration."""
        topics = [topic for topic in TOPICS if topic not in ("globals6", "rsoo")]
        self.assert_known_occur(self.assert_same("main", *topics, queries=900))

    def test_global(self) -> None:
        """Global reservations only, found by hardware address before DUID."""
        self.assert_same("global", "globals6", "sources", queries=15)

    def test_times(self) -> None:
        """A preferred lifetime that follows from the valid one, T1 and T2 that are calculated."""
        self.assert_same("times", "lifetimes", "networks", queries=60)

    def test_names(self) -> None:
        """Names are cleaned and qualified although updates are off."""
        self.assert_same("names", "names", "reservations", queries=100)

    def test_override(self) -> None:
        """Names when the client's wishes are overridden."""
        self.assert_same("override", "names", queries=70)

    def test_replace(self) -> None:
        """Names that are replaced when the client sends one."""
        self.assert_same("replace", "names", "reservations", queries=100)

    def test_always(self) -> None:
        """Names that are always replaced."""
        self.assert_same("always", "names", "reservations", queries=100)

    def test_lenient(self) -> None:
        """Options that are read leniently."""
        self.assert_same("lenient", "damaged", "vendors", "names", queries=200)

    def test_relay_supplied(self) -> None:
        """Relays may supply more options than the one that they always may."""
        self.assert_same("rsoo", "rsoo", queries=25)

    def test_relay_supplied_by_default(self) -> None:
        """Relays may supply one option."""
        self.assert_same("main", "rsoo", queries=25)

    def test_hardware_addresses(self) -> None:
        """Hardware addresses are looked for in one place or two only."""
        for group in ("by duid", "by link-local", "by 79", "by remote-id", "by modem", "by cmts"):
            self.assert_same(group, "sources", queries=15)


class Raw(Compared):
    """The same where txkea takes and sends frames, for which Kea has no word; TXKEA_TEST_SERVER=txkea-raw runs all."""

    skip = requires_root("kea-dhcp6", "sysctl")
    family = FAMILY._replace(products={**PRODUCTS6, "txkea": TXKEA6_RAW})

    def test_ways(self) -> None:
        """Clients on the link, relays on it and behind others, groups and addresses, and what is damaged."""
        self.assert_same("main", *RAW_TOPICS, queries=200)


class Control(Compared):
    """The test can fail: it sees what does differ, and sees nothing between equals."""

    skip = requires_root("kea-dhcp6", "sysctl")
    family = FAMILY

    def test_kea_equals_itself(self) -> None:
        """Kea beside Kea shows no difference."""
        found, _ = self.differences((KEA6, KEA6), ("main", "main"), cases(["confirming", "relaying"]))
        self.assertEqual([], found)

    def test_a_difference_is_seen(self) -> None:
        """Kea that is told one more option of relays' differs from Kea that is not, exactly there."""
        found, _ = self.differences((KEA6, KEA6), ("main", "rsoo"), cases(["rsoo"]))
        self.assertEqual({"option 23", "option 59", "option 110", "option 1222"}, {each.field for each in found})
