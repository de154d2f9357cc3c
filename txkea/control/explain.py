"""The commands that tell what the server would do with a query, and why; nothing is changed by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from zope.interface import implementer

from txkea.control.answer import Answer, Result
from txkea.errors import TxkeaError
from txkea.exchange.site import Site
from txkea.explain.arrival import Arrival, arrival
from txkea.explain.described import described
from txkea.explain.explain import explain
from txkea.explain.shown import headline, shown
from txkea.interfaces import ICommands, Link
from txkea.wire.fields import KINDS
from txkea.wire.options import encode_hex

__all__ = ["ExplainCommands", "address_on"]

TAKEN_APART: Final = 32
"""Tests that are not true of which each part is told: others are being served."""
LENGTHS: Final = {4: 4, 6: 16}
"""Bytes of an address."""
KNOWN: Final = {"client": {"client"}, "packet": {"packet", "interface", "source"}}
"""The arguments of the two ways to tell what is to be explained."""


@implementer(ICommands)
class ExplainCommands:
    """``explain4`` or ``explain6``, of the site that is in force when the command comes.

    ``links`` gives the machine's interfaces, ``seconds`` the time since the epoch.
    """

    def __init__(
        self, family: int, site: Callable[[], Site], links: Callable[[], Sequence[Link]], seconds: Callable[[], float]
    ) -> None:
        self._family = family
        self._site = site
        self._links = links
        self._seconds = seconds

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The command by name."""
        return {f"explain{self._family}": self._explain}

    async def _explain(self, arguments: Any) -> Answer:
        site = self._site()
        found = await explain(site, self._arrival(site, arguments), self._seconds(), TAKEN_APART)
        return Answer(Result.SUCCESS, headline(found), shown(found))

    def _arrival(self, site: Site, arguments: Any) -> Arrival:
        """What is to be explained. Raises `TxkeaError`."""
        way = next((way for way in KNOWN if isinstance(arguments, dict) and way in arguments), None)
        if way is None:
            raise TxkeaError("'arguments' needs a 'packet' in hexadecimal, or a 'client' map that describes one")
        unknown = sorted(set(arguments) - KNOWN[way])
        if unknown:
            raise TxkeaError(f"'{way}' goes with {', '.join(sorted(KNOWN[way]))}, not with {', '.join(unknown)}")
        local = address_on(self._family, self._links)
        if way == "client":
            if not isinstance(arguments["client"], dict):
                raise TxkeaError("'client' is not a map")
            return described(site.configuration, arguments["client"], site.server_id, local)
        texts = {name: self._text(arguments, name) for name in KNOWN["packet"]}
        interface, _, address = texts["interface"].partition("/")
        own = self._parsed("interface", address) if address else local(interface)
        try:
            data = encode_hex(texts["packet"])
        except ValueError as error:
            raise TxkeaError(f"'packet': {error}") from None
        return arrival(self._family, data, interface, own, self._parsed("source", texts["source"]))

    def _text(self, arguments: Mapping[str, Any], name: str) -> str:
        value = arguments.get(name, "")
        if not isinstance(value, str):
            raise TxkeaError(f"{name!r} is not a text")
        return value

    def _parsed(self, name: str, text: str) -> bytes:
        """A packed address, ``b""`` for none."""
        try:
            return KINDS[f"ipv{self._family}-address"].parse(text) if text else b""
        except ValueError as error:
            raise TxkeaError(f"{name!r}: {error}") from None


def address_on(family: int, links: Callable[[], Sequence[Link]]) -> Callable[[str], bytes]:
    """Knows the first address of a family on an interface, in DHCPv6 a link-local one; ``b""`` where there is none."""

    def find(interface: str) -> bytes:
        for link in links() if interface else ():
            if link.name == interface:
                for each in link.addresses:
                    if len(each.address) == LENGTHS[family] and (family == 4 or each.address[:2] == b"\xfe\x80"):
                        return each.address
        return b""

    return find
