"""Kea 2.2.0 and txkea answer the same, option by option and in addressing, from one configuration file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real.arena4 import Arena4
from tests.real.cases4 import TOPICS, cases
from tests.real.configuration4 import configuration
from tests.real.dialect import Case
from tests.real.differential import Difference, Pair, unexplained
from tests.real.known4 import KNOWN
from tests.real.servers import KEA4, PRODUCTS, Product
from txkea.testing.namespaces import Lab, requires_root

OURS: Final = PRODUCTS[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
"""Another server than ours in our place (``kea``) tries the test itself."""
SHOWN: Final = 120


class Compared(SynchronousTestCase):
    """Two servers, each in a network of its own."""

    skip = requires_root("kea-dhcp4", "sysctl")

    def differences(
        self, products: Sequence[Product], groups: Sequence[str], asked: Sequence[Case]
    ) -> tuple[list[Difference], int]:
        lab = Lab()
        self.addCleanup(lab.close)
        directory = Path(self.mktemp())
        pair = Pair(
            [
                Arena4(lab, product, configuration(group), directory / f"{number}-{product.name}", number)
                for number, (product, group) in enumerate(zip(products, groups, strict=True))
            ]
        )
        self.addCleanup(pair.close)
        pair.start()
        found = [*pair.differences(asked), *pair.lease_differences()]
        return found, pair.queries


class Differential(Compared):
    """One test per configuration; the oracle's answers are obtained while it runs."""

    def assert_same(self, group: str, *topics: str, link: str = "", queries: int) -> list[Difference]:
        """No difference but the known ones; gives those."""
        asked = [case for case in cases(topics) if all(step.link.startswith(link) for step in case.steps)]
        found, sent = self.differences((KEA4, OURS), (group, group), asked)
        self.assertGreaterEqual(sent, queries)
        rest = unexplained(found, KNOWN if OURS is not KEA4 else ())
        if rest:
            self.fail(_summary(rest))
        return found

    def test_main(self) -> None:
        """Every topic in the main configuration."""
        found = self.assert_same("main", *(topic for topic in TOPICS if topic != "globals4"), queries=900)
        idle = [known.reason for known in KNOWN if not (known.elsewhere or any(map(known.explains, found)))]
        self.assertEqual([], idle if OURS is not KEA4 else [], "these did not come: strike them from the list")

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

    def test_kea_equals_itself(self) -> None:
        """Kea beside Kea shows no difference."""
        found, _ = self.differences((KEA4, KEA4), ("main", "main"), cases(["states", "relaying"]))
        self.assertEqual([], found)

    def test_a_difference_is_seen(self) -> None:
        """Kea that does not echo client identifiers differs from Kea that does, exactly there."""
        found, _ = self.differences((KEA4, KEA4), ("main", "quiet"), cases(["informs"]))
        self.assertEqual({"option 61"}, {each.field for each in found})


def _summary(differences: Sequence[Difference]) -> str:
    counts = Counter(each.field for each in differences).most_common()
    lines = [str(each)[:300] for each in differences[:SHOWN]]
    return "\n".join([f"{len(differences)} differences (kea | {OURS.name}): {counts}", *lines])
