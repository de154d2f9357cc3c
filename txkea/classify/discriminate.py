"""What of a query a test cannot do without: so that of many tests only those are evaluated that may be true."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, NamedTuple

from txkea.classify.nodes import Equal, Junction, Literal, Member, Negation, Node, Option, VendorExists, walk

__all__ = ["Discriminator", "discriminator"]


class Discriminator(NamedTuple):
    """A test is true only if the value of ``node`` is one of ``constants``; equal nodes can share one evaluation.

    Of a `Member` the constant is True. No other node depends on classes.
    """

    node: Node
    constants: frozenset[Hashable]


EQUALITY, MEMBERSHIP, PRESENCE = range(3)
"""How much a discriminator tells apart, the most first."""


def discriminator(node: Node) -> Discriminator | None:
    """The discriminator of a test, of several the one that tells most; None if its value may depend on anything."""
    if isinstance(node, Equal):
        return equality(node)
    if isinstance(node, Negation):
        return Discriminator(node.of, ABSENT) if isinstance(node.of, (Option, VendorExists)) else None
    if isinstance(node, (Option, VendorExists, Member)):
        return Discriminator(node, PRESENT)
    if isinstance(node, Junction):
        found = [discriminator(part) for part in node.parts]
        return best(found) if node.every else shared(found)
    return None


PRESENT: Final = frozenset((True,))
ABSENT: Final = frozenset((False,))


def equality(node: Equal) -> Discriminator | None:
    left, right = node.parts
    if isinstance(left, Literal):
        left, right = right, left
    if isinstance(left, Literal) or not isinstance(right, Literal):
        return None
    if any(isinstance(each, Member) for each in walk(left)):
        return None
    return Discriminator(left, frozenset((right.value,)))


def best(found: list[Discriminator | None]) -> Discriminator | None:
    """What is enough for all of several tests: any of theirs."""
    return min([each for each in found if each is not None], key=rank, default=None)


def rank(found: Discriminator) -> tuple[int, int]:
    if isinstance(found.node, Member):
        return MEMBERSHIP, 1
    return (PRESENCE if found.node.boolean else EQUALITY), len(found.constants)


def shared(found: list[Discriminator | None]) -> Discriminator | None:
    """What one of several tests needs at least, if all look at the same."""
    first = found[0]
    constants: set[Hashable] = set()
    for each in found:
        if first is None or each is None or each.node != first.node:
            return None
        constants |= each.constants
    return Discriminator(first.node, frozenset(constants)) if first is not None else None
