"""What is reserved, for this client and for others."""

from __future__ import annotations

from collections.abc import Container, Sequence

from txkea.exchange.query import Query
from txkea.exchange.subnets import LiveSubnet
from txkea.model.configuration import Host
from txkea.model.lease import LeaseType

__all__ = ["find_global_host", "find_host", "reserved_address", "reserved_resources", "reserved_to_another"]


async def find_host(query: Query) -> None:
    """Look up the client's reservation and move it to the subnet of its network that holds it (Kea A101, A154).

    A subnet's own reservation wins over a global one, as in Kea, where the narrower scope comes first.
    """
    subnet = query.subnet
    if subnet is None:
        return
    for candidate in _nearest_first(subnet, query.classes):
        if candidate.parameters.reservations_in_subnet and (host := await _found(query, candidate.id)):
            if not _decided(query, host, candidate.id):
                query.subnet = candidate if host.addresses or host.prefixes else subnet
            return
    host = await _found(query, 0) if subnet.parameters.reservations_global else None
    if host is not None and not _decided(query, host, 0) and host.addresses:
        query.subnet = subnet.on_link(host.addresses[0], query.classes) or subnet


def _decided(query: Query, host: Host, sought: int) -> bool:
    """Whether the host itself says where its client belongs: nowhere, or in another subnet than where it was sought."""
    if host.refused:
        query.host = query.subnet = None
        return True
    elsewhere = query.site.subnets.by_id.get(host.subnet_id) if host.subnet_id != sought else None
    if elsewhere is not None:
        query.subnet = elsewhere
    return elsewhere is not None


async def find_global_host(query: Query) -> None:
    """Look up the client's global reservation before its subnet is known (Kea D017)."""
    if query.identifiers:
        await _found(query, 0)


def _nearest_first(subnet: LiveSubnet, classes: Container[str]) -> Sequence[LiveSubnet]:
    neighbours = subnet.neighbours(classes)
    return neighbours if len(neighbours) == 1 else [subnet, *(other for other in neighbours if other is not subnet)]


async def _found(query: Query, subnet_id: int) -> Host | None:
    host: Host | None = await query.site.hosts.find(query.identifiers, subnet_id, query)
    if host is not None:
        query.host = host
        query.host_subnet_id = subnet_id
    return host


def reserved_address(query: Query) -> bytes | None:
    """The address reserved for this client, if it lies in the selected subnet (Kea F020).

    With ``reservations-out-of-pool`` an address inside a pool does not count (Kea A069).
    """
    host, subnet = query.host, query.subnet
    if host is None or subnet is None or not host.addresses:
        return None
    address = host.addresses[0]
    if address not in subnet:
        return None
    if subnet.parameters.reservations_out_of_pool and query.host_subnet_id and subnet.pool_of(address):
        return None
    return address


def reserved_resources(query: Query, kind: int) -> Sequence[tuple[bytes, int]]:
    """The addresses, or prefixes, with their lengths that are reserved for a DHCPv6 client here (Kea B021, B052)."""
    host, subnet = query.host, query.subnet
    if host is None or subnet is None:
        return ()
    if kind == LeaseType.PD:
        return host.prefixes
    found = [(address, 128) for address in host.addresses if subnet.on_link(address, query.classes) is not None]
    if subnet.parameters.reservations_out_of_pool and query.host_subnet_id:
        return [pair for pair in found if not subnet.pool_of(pair[0])]
    return found


async def reserved_to_another(query: Query, subnet: LiveSubnet, address: bytes) -> bool:
    """Whether the address is reserved for somebody else (Kea A152)."""
    site = query.site
    parameters = subnet.parameters
    if not site.has_hosts:
        return False
    if parameters.reservations_in_subnet and not (parameters.reservations_out_of_pool and subnet.pool_of(address)):
        hosts = await site.hosts.at(address, subnet.id)
        if hosts and not any(host.identifier in query.identifiers for host in hosts):
            return True
    if parameters.reservations_global:
        hosts = await site.hosts.at(address, 0)
        return bool(hosts) and not any(host.identifier in query.identifiers for host in hosts)
    return False
