"""Test cases that ask two servers the same."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.real.differential import Arena, Difference, Known, Pair, unexplained
from tests.real.servers import Product
from txkea.testing.namespaces import Lab

__all__ = ["Compared", "Family", "Judged", "ours"]

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
        return ours(self.products)


def ours(products: Mapping[str, Product]) -> Product:
    """The server under test; another than ours in our place (``TXKEA_TEST_SERVER=kea``) tries the test itself."""
    return products[os.environ.get("TXKEA_TEST_SERVER", "txkea")]


class Judged(SynchronousTestCase):
    """A test of two servers that may differ as far as that is known."""

    def assert_explained(self, found: Sequence[Difference], known: Sequence[Known], name: str) -> None:
        """No difference between Kea and the server of this name but the known ones."""
        rest = unexplained(found, known)
        if rest:
            counts = Counter(each.field for each in rest).most_common()
            lines = [str(each)[:300] for each in rest[:SHOWN]]
            self.fail("\n".join([f"{len(rest)} differences (kea | {name}): {counts}", *lines]))

    def assert_all_occur(self, found: Sequence[Difference], known: Sequence[Known]) -> None:
        """No entry of the known differences is idle."""
        idle = [each.reason for each in known if not any(map(each.explains, found))]
        self.assertEqual([], idle, "these did not come: strike them from the list")


class Compared(Judged):
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
        self.assert_explained(found, self._known(), self.family.ours.name)
        if group != "main":
            self.assert_known_occur(found, group)
        return found

    def assert_known_occur(self, found: Sequence[Difference], group: str = "main") -> None:
        """No entry of the known differences of a configuration is idle."""
        self.assert_all_occur(found, [each for each in self._known() if each.group == group])

    def _known(self) -> Sequence[Known]:
        return self.family.known if self.family.ours is not self.family.oracle else ()
