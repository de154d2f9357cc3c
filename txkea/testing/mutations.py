"""As many hostile packets as wanted, the same for the same seed: what both families share.

The classes are those of the project's list of hostile inputs. Besides those of `txkea.testing.malformed` and its like
for DHCPv6 there are C18, packets that are rightly made and wrongly meant, C19, the order in which a few clients send
good packets, and ``random``, damage upon damage.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

from txkea.testing.malformed import Case

__all__ = ["EXTREMES", "SPECIALS", "Hurt", "Source", "damaged", "mixed"]

SPECIALS: Final = (b"", b"\0", b"\xff", b"\0" * 4, b"\xff" * 4, b"\x80\0\0\0", b"\x7f\xff\xff\xff", b"\n", b"'%s{0}\\")
"""Payloads that somebody may have forgotten."""
EXTREMES: Final = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
"""Numbers of seconds."""

Hurt: TypeAlias = Callable[[random.Random, bytearray], None]
"""Damages a packet in place."""
Source: TypeAlias = Callable[[random.Random], Case]
"""Gives one packet after the other."""


def mixed(chance: random.Random, count: int, systematic: list[Case], sources: Sequence[Source]) -> Iterator[Case]:
    """That many packets: all systematic ones in random order, then random ones, each from any source."""
    chance.shuffle(systematic)
    yield from islice(systematic, count)
    for _ in range(count - len(systematic)):
        yield chance.choice(sources)(chance)


def damaged(seeds: Sequence[bytes], insert: Hurt) -> Source:
    """Good packets, each hurt once to five times; ``insert`` puts something in that a packet is made of."""
    hurts = (_flip, _set, insert, _delete, _repeat)

    def damage(chance: random.Random) -> Case:
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 5)):
            chance.choice(hurts)(chance, data)
        return "random", bytes(data)

    return damage


def _flip(chance: random.Random, data: bytearray) -> None:
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _set(chance: random.Random, data: bytearray) -> None:
    if data:
        data[chance.randrange(len(data))] = chance.choice((0, 1, 127, 128, 254, 255))


def _delete(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data) + 1)
    del data[at : at + chance.randint(1, 20)]


def _repeat(chance: random.Random, data: bytearray) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = data[at : at + chance.randint(1, 60)]
