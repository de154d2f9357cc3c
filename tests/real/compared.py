"""Test cases that ask two servers the same."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.real.differential import Arena, Difference, Known, Pair, unexplained
from tests.real.servers import Product
from txkea.testing.namespaces import Lab

__all__ = ["Compared", "Family"]

SHOWN: Final = 120


class Family(NamedTuple):
    """What the test of DHCPv4 or DHCPv6 is made of."""

    products: dict[str, Product]
    arena: Callable[[Lab, Product, str, Path, int], Arena[Any]]
    configuration: Callable[[str], str]
    """The text of a group's configuration file."""
    cases: Callable[[Sequence[str]], Sequence[Any]]
    """All cases of some topics."""
    known: Sequence[Known]

    @property
    def oracle(self) -> Product:
        return self.products["kea"]

    @property
    def ours(self) -> Product:
        """Another server than ours in our place (``kea``) tries the test itself."""
        return self.products[os.environ.get("TXKEA_TEST_SERVER", "txkea")]


class Compared(SynchronousTestCase):
    """Two servers, each in a network of its own."""

    family: ClassVar[Family]

    def differences(
        self, products: Sequence[Product], groups: Sequence[str], asked: Sequence[Any]
    ) -> tuple[list[Difference], int]:
        """What differs, and how many queries were sent to each."""
        lab = Lab()
        self.addCleanup(lab.close)
        directory = Path(self.mktemp())
        pair = Pair(
            [
                self.family.arena(
                    lab, product, self.family.configuration(group), directory / f"{number}-{product.name}", number
                )
                for number, (product, group) in enumerate(zip(products, groups, strict=True))
            ]
        )
        self.addCleanup(pair.close)
        pair.start()
        found = [*pair.differences(asked), *pair.lease_differences()]
        return found, pair.queries

    def assert_same(self, group: str, *topics: str, link: str = "", queries: int) -> list[Difference]:
        """No difference but the known ones; gives those."""
        asked = [case for case in self.family.cases(topics) if all(step.link.startswith(link) for step in case.steps)]
        found, sent = self.differences((self.family.oracle, self.family.ours), (group, group), asked)
        self.assertGreaterEqual(sent, queries)
        rest = unexplained(found, self._known())
        if rest:
            self.fail(self._summary(rest))
        if group != "main":
            self.assert_known_occur(found, group)
        return found

    def assert_known_occur(self, found: Sequence[Difference], group: str = "main") -> None:
        """No entry of the known differences of a configuration is idle."""
        known = [each for each in self._known() if each.group == group]
        idle = [each.reason for each in known if not any(map(each.explains, found))]
        self.assertEqual([], idle, "these did not come: strike them from the list")

    def _known(self) -> Sequence[Known]:
        return self.family.known if self.family.ours is not self.family.oracle else ()

    def _summary(self, differences: Sequence[Difference]) -> str:
        counts = Counter(each.field for each in differences).most_common()
        lines = [str(each)[:300] for each in differences[:SHOWN]]
        return "\n".join([f"{len(differences)} differences (kea | {self.family.ours.name}): {counts}", *lines])
