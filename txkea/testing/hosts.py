"""A store of hosts in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Any

from zope.interface import implementer

from txkea.errors import TxkeaError
from txkea.interfaces import HostPage, IHostStore
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier

__all__ = ["MemoryHosts"]


@implementer(IHostStore)
class MemoryHosts:
    """A store that is a dictionary, as slow as it is plain; it outlasts its closing."""

    name = "memory"

    def __init__(self, hosts: Iterable[Host] = (), *, unique: bool = True, readonly: bool = False) -> None:
        self.readonly = readonly
        self._unique = unique
        self._numbers = count(1)
        self._hosts = {next(self._numbers): host for host in hosts}

    @property
    def hosts(self) -> list[Host]:
        """All of them, in the order in which they came."""
        return [*self._hosts.values()]

    async def open(self) -> None:
        """See `IHostStore`."""

    async def close(self) -> None:
        """See `IHostStore`."""

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """See `IHostStore`."""
        here = {host.identifier: host for host in self.hosts if host.subnet_id == subnet_id}
        return next((here[each] for each in identifiers if each in here), None)

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """See `IHostStore`."""
        return self._those(lambda host: host.subnet_id == subnet_id and address in host.reserved)

    async def add(self, host: Host) -> bool:
        """See `IHostStore`."""
        self._refuse()
        if self._number(host) is not None or self._taken(host):
            return False
        self._hosts[next(self._numbers)] = host
        return True

    async def update(self, host: Host, was: Host) -> bool:
        """See `IHostStore`."""
        self._refuse()
        number = self._number(was)
        if number is None or self._hosts[number] != was or self._taken(host):
            return False
        self._hosts[number] = host
        return True

    async def remove(self, host: Host) -> bool:
        """See `IHostStore`."""
        self._refuse()
        number = self._number(host)
        if number is not None:
            del self._hosts[number]
        return number is not None

    async def page(self, after: int, limit: int, subnet_id: int | None = None) -> HostPage:
        """See `IHostStore`."""
        behind = [(number, host) for number, host in self._hosts.items() if number > after]
        found = [(number, host) for number, host in behind if subnet_id in (None, host.subnet_id)][:limit]
        return HostPage([host for _, host in found], found[-1][0] if found else after)

    async def by_hostname(self, hostname: str, subnet_id: int | None = None) -> Sequence[Host]:
        """See `IHostStore`."""
        name = hostname.lower()
        return self._those(lambda host: host.hostname.lower() == name != "" and subnet_id in (None, host.subnet_id))

    async def by_identifier(self, identifier: Identifier) -> Sequence[Host]:
        """See `IHostStore`."""
        return self._those(lambda host: host.identifier == identifier)

    async def by_address(self, address: bytes) -> Sequence[Host]:
        """See `IHostStore`."""
        return self._those(lambda host: address in host.reserved)

    def _those(self, wanted: Callable[[Host], bool]) -> Sequence[Host]:
        return [host for host in self.hosts if wanted(host)]

    def _refuse(self) -> None:
        if self.readonly:
            raise TxkeaError(f"{self.name} is read-only")

    def _number(self, host: Host) -> int | None:
        """Where the reservation of this identifier in this subnet is."""
        key = host.identifier, host.subnet_id
        return next((number for number, each in self._hosts.items() if (each.identifier, each.subnet_id) == key), None)

    def _taken(self, host: Host) -> bool:
        """Whether another one reserves what this one does."""
        others = (each for each in self.hosts if each.subnet_id == host.subnet_id)
        others = (each for each in others if each.identifier != host.identifier)
        return self._unique and any(host.reserved & each.reserved for each in others)
