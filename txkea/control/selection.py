"""The commands that tell which subnet a query would belong to (Kea G031)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from zope.interface import implementer

from txkea.control.answer import Answer, Result
from txkea.control.arguments import Arguments
from txkea.errors import TxkeaError
from txkea.exchange.query import Query4, Query6
from txkea.exchange.select4 import select4
from txkea.exchange.select6 import select6
from txkea.exchange.site import Site
from txkea.exchange.subnets import LiveSubnet
from txkea.explain.arrival import Arrival
from txkea.interfaces import ICommands
from txkea.wire.dhcp4 import NO_ADDRESS, Message4, MessageType4
from txkea.wire.dhcp6 import Message6, MessageType6, Option6, Relay
from txkea.wire.fields import KINDS

__all__ = ["SelectionCommands"]

LINK_SELECTION: Final = 5
SUBNET_SELECTION: Final = 118
NOWHERE: Final = bytes(16)
LINK_LOCAL: Final = b"\xfe\x80" + bytes(13) + b"\x01"
KNOWN: Final = {
    "subnet4-select-test": {"interface", "address", "relay", "local", "remote", "link", "subnet", "classes"},
    "subnet4o6-select-test": {
        *("interface", "interface-id", "address", "relay", "local", "remote", "link", "subnet", "classes"),
    },
    "subnet6-select-test": {"interface", "interface-id", "remote", "link", "classes"},
}
"""The arguments of each command."""


class SelectionArguments(Arguments):
    """The arguments of one of these commands; each may be left out."""

    def __init__(self, command: str, arguments: Any) -> None:
        super().__init__(arguments, KNOWN[command])

    def text(self, name: str) -> str:
        """A text, ``""`` if it is not given."""
        return super().text(name) if name in self else ""

    def address(self, family: int, name: str, default: bytes = b"") -> bytes:
        """A packed address."""
        text = self.text(name)
        try:
            return KINDS[f"ipv{family}-address"].parse(text) if text else default
        except ValueError as error:
            raise TxkeaError(f"{name!r}: {error}") from None

    def classes(self) -> dict[str, None]:
        """The classes of the client."""
        names = self.value("classes") if "classes" in self else []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TxkeaError("'classes' is not a list of class names")
        return dict.fromkeys(["ALL", *names])


@implementer(ICommands)
class SelectionCommands:
    """``subnet4-select-test``, ``subnet4o6-select-test`` and ``subnet6-select-test``."""

    def __init__(self, site: Callable[[], Site]) -> None:
        self._site = site

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands of the site's family by name."""
        if self._site().configuration.family == 6:
            return {"subnet6-select-test": self._select6}
        return {"subnet4-select-test": self._select4, "subnet4o6-select-test": self._select4o6}

    def _select4(self, arguments: Any) -> Answer:
        return told(select4(self._query4(SelectionArguments("subnet4-select-test", arguments), 4)))

    def _select4o6(self, arguments: Any) -> Answer:
        given = SelectionArguments("subnet4o6-select-test", arguments)
        query = self._query4(given, 6)
        query.over6 = self._query6(given)
        return told(select4(query))

    def _select6(self, arguments: Any) -> Answer:
        return told(select6(self._query6(SelectionArguments("subnet6-select-test", arguments))))

    def _query4(self, given: SelectionArguments, outer: int) -> Query4:
        """A query of which no more is known than what selects; ``outer`` is the family of its source address."""
        message = Message4(ciaddr=given.address(4, "address", NO_ADDRESS), giaddr=given.address(4, "relay", NO_ADDRESS))
        if subnet := given.address(4, "subnet"):
            message.options[SUBNET_SELECTION] = subnet
        source = given.address(4, "remote", NO_ADDRESS) if outer == 4 else NO_ADDRESS
        arrival = Arrival(
            data=b"",
            interface=given.text("interface"),
            local=given.address(4, "local", NO_ADDRESS),
            source=source,
            source_port=0,
            broadcast=message.ciaddr == NO_ADDRESS and source == NO_ADDRESS,
        )
        query = Query4(self._site(), message, arrival.origin(), 0.0, MessageType4.DISCOVER)
        link = given.address(4, "link") if outer == 4 else b""
        query.suboptions = {LINK_SELECTION: link} if link else None
        query.classes = given.classes()
        return query

    def _query6(self, given: SelectionArguments) -> Query6:
        link = given.address(6, "link", NOWHERE)
        identifier = given.text("interface-id").encode()
        options = {int(Option6.INTERFACE_ID): identifier} if identifier else {}
        source = given.address(6, "remote", LINK_LOCAL)
        relays = [Relay(0, link, source, options, {})] if identifier or link != NOWHERE else []
        arrival = Arrival(
            data=b"",
            interface=given.text("interface"),
            local=LINK_LOCAL,
            source=source,
            source_port=0,
            broadcast=True,
        )
        query = Query6(self._site(), Message6(MessageType6.SOLICIT, relays=relays), arrival.origin(), 0.0)
        query.classes = given.classes()
        return query


def told(subnet: LiveSubnet | None) -> Answer:
    """What was selected."""
    if subnet is None:
        return Answer(Result.EMPTY, "no selected subnet")
    if subnet.network is not None:
        text = f"selected shared network '{subnet.network.name}' starting with subnet '{subnet.prefix}' id {subnet.id}"
        return Answer(text=text)
    return Answer(text=f"selected subnet '{subnet.prefix}' id {subnet.id}")
