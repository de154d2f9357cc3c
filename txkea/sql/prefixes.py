"""Prefixes that have addresses in common, found with nothing but an index of single addresses."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Iterator
from socket import AF_INET6, inet_ntop
from typing import Final

from txkea.model.lease import Lease6

__all__ = ["Prefixes", "bounds", "patterns", "truncations"]

_GROUPS: Final = 8
_DIGITS: Final = 4
"""Hexadecimal digits of a group at most."""


def truncations(address: bytes) -> Iterator[bytes]:
    """The first addresses of all prefixes that an address is in, itself included: as many as it has bits, and one."""
    number = int.from_bytes(address, "big")
    yield address
    while number:
        number &= number - 1
        yield number.to_bytes(16, "big")


def bounds(address: bytes, length: int) -> tuple[bytes, bytes]:
    """The first and the last address of a prefix."""
    first = int.from_bytes(address, "big")
    return address, (first | (1 << 128 - length) - 1).to_bytes(16, "big")


class Prefixes:
    """Some leases by address, and which of them overlap."""

    def __init__(self, leases: Iterable[Lease6]) -> None:
        self._leases = {lease.address: lease for lease in leases}
        self._order = sorted(self._leases)
        self._lengths = Counter(lease.prefix_length for lease in self._leases.values())

    def put(self, lease: Lease6) -> None:
        """Enter a lease, in the place of the one of its address."""
        self.drop(lease.address)
        self._leases[lease.address] = lease
        insort(self._order, lease.address)
        self._lengths[lease.prefix_length] += 1

    def drop(self, address: bytes) -> None:
        """Take the lease of an address out, if there is one."""
        lease = self._leases.pop(address, None)
        if lease is not None:
            del self._order[bisect_left(self._order, address)]
            self._lengths[lease.prefix_length] -= 1

    def overlapping(self, address: bytes, length: int, limit: int = 16) -> list[Lease6]:
        """See `ILeaseStore.overlapping`; of those inside at most ``limit``."""
        order, leases = self._order, self._leases
        first, last = bounds(address, length)
        start = bisect_left(order, first)
        found = [leases[key] for key in order[start : min(bisect_right(order, last, start), start + limit)]]
        number = int.from_bytes(address, "big")
        for shorter, count in self._lengths.items():
            if count and shorter < length:
                around = leases.get((number >> 128 - shorter << 128 - shorter).to_bytes(16, "big"))
                # One that begins at this very address is among those inside already.
                if around is not None and around.address != address and around.prefix_length == shorter:
                    found.append(around)
        return found


# -- addresses as text -------------------------------------------------------------------------------------------------


def patterns(address: bytes, length: int) -> list[str]:
    """Patterns of LIKE, of which one matches the text of each address in a prefix; they match others too.

    An address is written without leading zeros, and its longest run of zero groups as ``::`` (RFC 5952): what it
    begins with depends on where that run is.
    """
    whole, bits = divmod(length, 16)
    fixed = [int.from_bytes(address[place : place + 2], "big") for place in range(0, 2 * whole, 2)]
    if whole == _GROUPS:
        return [inet_ntop(AF_INET6, address)]
    part = int.from_bytes(address[2 * whole : 2 * whole + 2], "big")
    rest = [*_group(part, bits // 4, ":%" if whole < _GROUPS - 1 else "")]
    found = [_written(fixed) + each for each in rest]
    may_be_zero = part >> (16 - bits) == 0 if bits else True
    if may_be_zero:
        found.append(_opened(fixed) + "%")
    for start, end in _runs(fixed):
        if end < whole:
            found += [f"{_opened(fixed[:start])}{_written(fixed[end:])}{each}" for each in rest]
        elif end - start > 1 or may_be_zero:
            found.append(_opened(fixed[:start]) + "%")
    # The last four bytes of a few are written as those of IPv4.
    if not any(fixed[:5]):
        found.append("::%")
    return list(dict.fromkeys(found))


def _written(groups: list[int]) -> str:
    return "".join(f"{group:x}:" for group in groups)


def _opened(groups: list[int]) -> str:
    """Groups before a run of zeros."""
    return ":".join(f"{group:x}" for group in groups) + "::"


def _group(value: int, known: int, after: str) -> Iterator[str]:
    """The ways to write a group whose first ``known`` digits are those of ``value``."""
    digits = f"{value:04x}"[:known]
    significant = digits.lstrip("0")
    if significant:
        yield significant + "_" * (_DIGITS - known) + after
        return
    for count in range(1, _DIGITS - known + 1):
        yield "_" * count + after
    if known == _DIGITS:
        yield "0" + after


def _runs(groups: list[int]) -> Iterator[tuple[int, int]]:
    """The runs of zeros; one that ends before the last group has two at least."""
    start = 0
    while start < len(groups):
        end = start
        while end < len(groups) and groups[end] == 0:
            end += 1
        if end - start > 1 or (end > start and end == len(groups)):
            yield start, end
        start = max(end, start + 1)
