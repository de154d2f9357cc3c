"""The commands about the machine's interfaces, and on which of them the server listens (Kea G031)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from socket import AF_INET, AF_INET6, inet_ntop
from typing import Any, Final, Protocol

from zope.interface import implementer

from txkea.control.answer import Answer
from txkea.control.arguments import Arguments
from txkea.control.commands import Daemon
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands, Link

__all__ = ["InterfaceCommands", "Listening"]

CONFIG: Final = "interfaces-config"
LIST: Final = "interfaces"


class Listening(Daemon, Protocol):
    """What these commands need of a server."""

    def links(self) -> Sequence[Link]:
        """All interfaces of the machine now."""

    def served(self) -> frozenset[str]:
        """The names of the interfaces with open sockets."""

    def listen_again(self) -> None:
        """Look at the machine's interfaces anew, and open what the configuration names and was not there before."""


@implementer(ICommands)
class InterfaceCommands:
    """``interface-list`` and its kin."""

    def __init__(self, server: Listening) -> None:
        self._server = server

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "interface-add": self._add,
            "interface-list": self._list,
            "interface-redetect": self._redetect,
        }

    def _list(self, arguments: Any) -> Answer:
        served = self._server.served()
        found = [shown(link, link.name in served) for link in self._server.links()]
        return Answer(text=f"{len(found)} interfaces detected.", arguments={"interfaces": found})

    def _redetect(self, arguments: Any) -> Answer:
        self._server.listen_again()
        return self._list(None)

    async def _add(self, arguments: Any) -> Answer:
        """Listen on more interfaces; they become part of the configuration."""
        names = Arguments(arguments, (LIST,)).value(LIST)
        if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
            raise TxkeaError('\'interfaces\' is not a list such as [ "eth0", "eth1/192.0.2.1" ]')

        def edit(written: dict[str, Any]) -> None:
            config = written.setdefault(CONFIG, {})
            config[LIST] = [*config.get(LIST, []), *names]

        await self._server.change(edit)
        return Answer(text="Operation succeeded.")


def shown(link: Link, in_use: bool) -> Mapping[str, Any]:
    """An interface as commands show it; ``type`` is its ARPHRD number."""
    families = {4: AF_INET, 16: AF_INET6}
    return {
        "name": link.name,
        "index": link.index,
        "mac": link.hwaddr.hex(":"),
        "type": link.hwtype,
        "addresses": [inet_ntop(families[len(each.address)], each.address) for each in link.addresses],
        "flag-loopback": link.loopback,
        "flag-up": link.up,
        "flag-running": link.running,
        "flag-multicast": link.multicast,
        "flag-broadcast": link.broadcast,
        "in-use": in_use,
    }
