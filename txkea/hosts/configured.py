"""The reservations of the configuration file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from zope.interface import implementer

from txkea.interfaces import IHostSource
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier

__all__ = ["ConfiguredHosts", "configured_hosts"]


@implementer(IHostSource)
class ConfiguredHosts:
    """Reservations that are known from the start and never change."""

    def __init__(self, hosts: Iterable[Host]) -> None:
        self._by_identifier: dict[tuple[int, Identifier], Host] = {}
        self._by_address: dict[tuple[int, bytes], list[Host]] = {}
        for host in hosts:
            self._by_identifier.setdefault((host.subnet_id, host.identifier), host)
            for address in host.reserved:
                self._by_address.setdefault((host.subnet_id, address), []).append(host)

    def __len__(self) -> int:
        return len(self._by_identifier)

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        """The host of the first identifier that has one in this subnet."""
        hosts = self._by_identifier
        for identifier in identifiers:
            host = hosts.get((subnet_id, identifier))
            if host is not None:
                return host
        return None

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        """The hosts for which an address, or a prefix that begins with it, is reserved in this subnet."""
        return self._by_address.get((subnet_id, address), ())


def configured_hosts(configuration: Configuration) -> ConfiguredHosts:
    """All reservations of a configuration: the global ones and those of each subnet."""
    return ConfiguredHosts([*configuration.hosts, *(host for subnet in configuration.subnets for host in subnet.hosts)])
