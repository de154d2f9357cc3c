"""Which configured options an answer carries: what both families share (Kea A178-A183, B059-B061)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import OptionData

__all__ = ["DOCSIS", "DOCSIS_ORO", "Blocks", "Scopes", "remember", "scopes_of", "sources"]

DOCSIS = 4491
"""The enterprise whose option request option, a sub-option of the vendor options, we know."""
DOCSIS_ORO = 1
DEPTH = 8
CACHED = 4096
"""How many different sets of encoded options are kept at most; beyond that, four for each subnet."""

Encode = Callable[[int, bytes], bytes]


class Blocks(NamedTuple):
    """Encoded options in the order of the answer."""

    joined: bytes
    pairs: tuple[tuple[int, bytes], ...]
    """Code and encoded option: in DHCPv4 the most important first, in DHCPv6 ascending."""


class Scopes:
    """The options of all scopes of one answer, the narrowest scope first (Kea A178).

    ``space`` is the one of the family's own options; ``encode`` makes an option from code and payload.
    """

    def __init__(
        self, scopes: Iterable[Sequence[OptionData]], space: str, encode: Encode, classes: Container[str] = ()
    ) -> None:
        self._encode = encode
        self._space = space
        self.first: dict[str, dict[int, OptionData]] = {}
        self.always: dict[str, dict[int, None]] = {}
        self.never: set[tuple[str, int]] = set()
        for scope in scopes:
            for data in scope:
                if data.client_classes and not any(name in classes for name in data.client_classes):
                    continue  # it is for members of other classes (Kea A185)
                self.first.setdefault(data.space, {}).setdefault(data.code, data)
                if data.always_send:
                    self.always.setdefault(data.space, {})[data.code] = None
                if data.never_send:
                    self.never.add((data.space, data.code))

    def find(self, code: int) -> OptionData | None:
        """The option of the family's own space with this code, or None if there is none to send."""
        data = self.first.get(self._space, {}).get(code)
        return None if data is None or (self._space, code) in self.never else data

    def chosen(self, asked: Iterable[int]) -> Iterator[tuple[int, OptionData]]:
        """The options of the family's own space that are asked for or always sent, each once, in that order."""
        for code in dict.fromkeys((*asked, *self.always.get(self._space, ()))):
            data = self.find(code)
            if data is not None:
                yield code, data

    def payload(self, data: OptionData, depth: int = 0) -> bytes:
        """An option's bytes with the sub-options that its encapsulated space holds (Kea C048)."""
        inner = self.first.get(data.encapsulates) if data.encapsulates and depth < DEPTH else None
        if not inner:
            return data.payload
        return data.payload + b"".join(
            self._encode(code, self.payload(sub, depth + 1))
            for code, sub in sorted(inner.items())
            if (sub.space, code) not in self.never
        )

    def vendor(self, enterprise: int, wanted: Iterable[int]) -> bytes:
        """The sub-options for one enterprise: those wanted and those always sent."""
        space = f"vendor-{enterprise}"
        known = self.first.get(space, {})
        codes = dict.fromkeys(wanted) | self.always.get(space, {})
        return b"".join(
            self._encode(code, self.payload(known[code]))
            for code in sorted(codes)
            if code in known and (space, code) not in self.never
        )


def sources(query: Query, subnet: LiveSubnet | None, pools: Iterable[LivePool]) -> list[Any]:
    """Who may have options for a client, the narrowest scope first: its host, pools, subnet, network, its classes, and
    the configuration as a whole.
    """
    site = query.site
    found: list[Any] = [] if query.host is None else [query.host]
    found += [pool.pool for pool in pools]
    if subnet is not None:
        found.append(subnet.subnet)
        if subnet.network is not None:
            found.append(subnet.network)
    if site.classes is not None:
        found += site.classes.of(query)
    found.append(site.configuration)
    return found


def scopes_of(query: Query, subnet: LiveSubnet | None, pools: Iterable[LivePool], space: str, encode: Encode) -> Scopes:
    """What is configured for a client in all of its scopes."""
    return Scopes([source.options for source in sources(query, subnet, pools)], space, encode, query.classes)


def remember(query: Query, key: Any, blocks: Blocks) -> Blocks:
    """Keep the encoded options for queries like this one; there are never more than `CACHED`, or four for a subnet."""
    site = query.site
    if len(site.options) >= max(CACHED, 4 * len(site.subnets.subnets)):
        site.options.clear()
    site.options[key] = blocks
    return blocks
