"""Subnets, their pools and the networks they share (Kea A058-A071, B015-B018)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, count
from typing import Any, Final, NamedTuple

from txkea.config.families import Family, Values
from txkea.config.guards import guards
from txkea.config.kinds import prefix6
from txkea.config.node import Node
from txkea.config.options import Options
from txkea.config.prefixes import prefix_pool
from txkea.config.reservations import Bounds, context, hosts
from txkea.config.scopes import Scopes, inherit
from txkea.config.structure import Section
from txkea.model.configuration import Over6, Pool, PrefixPool, SharedNetwork, Subnet

__all__ = ["Placed", "SubnetBuilder", "assign_ids", "placed"]


class Placed(NamedTuple):
    """A subnet's section and its network's, if it is in one."""

    section: Section
    network: Section | None


def placed(dhcp: Section, family: Family) -> list[Placed]:
    """All subnets: those of networks and those by themselves, in Kea's order of reading."""
    networks = dhcp.sections("shared-networks")
    inside = [Placed(section, network) for network in networks for section in network.sections(family.subnets)]
    return inside + [Placed(section, None) for section in dhcp.sections(family.subnets)]


def assign_ids(found: Iterable[Placed]) -> None:
    """Complete the sections that have no id, or id 0, with the lowest free ones (Kea A059); report duplicates."""
    sections = [each.section for each in found]
    taken: dict[int, Section] = {}
    for section in sections:
        number = section.values.get("id") or 0
        if number in taken:
            section.wrong("id", f"the id {number} is taken by {taken[number].path} already; choose another")
        elif number:
            taken[number] = section
    without = [section for section in sections if not section.values.get("id")]
    for section, number in zip(without, (number for number in count(1) if number not in taken), strict=False):
        section.values["id"] = number
        section.node.value["id"] = Node("SCALAR", number)
    if without:
        others = f" (and {len(without) - 1} more without one)" if len(without) > 1 else ""
        number = without[0].values["id"]
        message = f"without an id it is {number} by its order{others}; give ids, for leases name their subnet by it"
        without[0].warn("id", message)


class Range(NamedTuple):
    """The addresses of a pool as numbers, and where it was written."""

    first: int
    last: int
    section: Section
    keyword: str

    @property
    def text(self) -> str:
        """The pool as it was written."""
        values = self.section.values
        return f"{values['prefix']}/{values['prefix-len']}" if self.keyword == "prefix" else values["pool"]


class SubnetBuilder:
    """Makes subnets and networks from their sections."""

    def __init__(self, family: Family, options: Options, scopes: Scopes, unique: bool) -> None:
        self.family = family
        self.options = options
        self.scopes = scopes
        self.unique = unique
        self.prefixes: dict[tuple[bytes, int], Section] = {}
        self.names: dict[str, Section] = {}

    def network(self, section: Section, outer: Values) -> SharedNetwork | None:
        """A shared network; its subnets are built by themselves."""
        parameters = self.scopes.parameters(section, inherit(section, outer, self.family))
        options = self.options.data(section.sections("option-data"))
        members = section.sections(self.family.subnets)
        check_interfaces(section, members)
        check_rapid_commit(section, members)
        name = section.values.get("name")
        if name is None:
            return None
        if name in self.names:
            section.wrong("name", f'"{name}" is the name of {self.names[name].path} already; choose another')
        self.names[name] = section
        return SharedNetwork(
            name=name,
            subnet_ids=tuple([subnet.values["id"] for subnet in members]),
            parameters=parameters,
            options=options,
            user_context=context(section),
            **guards(section),
        )

    def subnet(self, each: Placed, outer: Values) -> Subnet | None:
        """A subnet with its pools and reservations; ``outer`` are the values of its network or the global ones."""
        section = each.section
        parameters = self.scopes.parameters(section, inherit(section, outer, self.family))
        options = self.options.data(section.sections("option-data"))
        prefix = section.values.get("subnet")
        network, length = self.family.prefix(prefix) if prefix is not None else (b"", 0)
        bounds = None
        if prefix is not None:
            first = int.from_bytes(network, "big")
            bounds = Bounds(first, first | (1 << len(network) * 8 - length) - 1)
            self.check_prefix(section, prefix, length)
        pools, prefix_pools = self.pools(section, bounds)
        reserved = section.sections("reservations")
        found = hosts(reserved, section.values["id"], bounds, self.unique, self.options, self.family)
        if prefix is None:
            return None
        return Subnet(
            id=section.values["id"],
            prefix=prefix,
            network=network,
            length=length,
            parameters=parameters,
            pools=pools,
            prefix_pools=prefix_pools,
            options=options,
            hosts=found,
            network_name=(each.network.values.get("name") or "") if each.network else "",
            over6=over6(section),
            user_context=context(section),
            **guards(section),
        )

    def check_prefix(self, section: Section, prefix: str, length: int) -> None:
        """Report a prefix that another subnet has, as it is written: host bits tell them apart as in Kea."""
        key = self.family.address(prefix.partition("/")[0].strip()), length
        if key in self.prefixes:
            written = "".join(prefix.split())
            section.wrong("subnet", f"{written} is the prefix of {self.prefixes[key].path} already; choose another")
        self.prefixes[key] = section

    def pools(self, subnet: Section, bounds: Bounds | None) -> tuple[tuple[Pool, ...], tuple[PrefixPool, ...]]:
        """The pools of a subnet in the order of the file; those outside of it or overlapping are reported."""
        ranges: list[Range] = []
        pools = tuple(self.address_pools(subnet, bounds, ranges))
        prefix_pools = tuple(self.prefix_pools(subnet, ranges))
        check_overlaps(ranges)
        return pools, prefix_pools

    def address_pools(self, subnet: Section, bounds: Bounds | None, ranges: list[Range]) -> Iterator[Pool]:
        for section in subnet.sections("pools"):
            common = self.pool(section)
            if "pool" not in section.values:
                continue
            first, last = self.family.pool(section.values["pool"])
            if bounds and not bounds.first <= first <= last <= bounds.last:
                section.wrong("pool", f"the pool is outside of the subnet {subnet.values['subnet']}; it must lie in it")
            ranges.append(Range(first, last, section, "pool"))
            yield Pool(first=first, last=last, **common)

    def prefix_pools(self, subnet: Section, ranges: list[Range]) -> Iterator[PrefixPool]:
        for section in subnet.sections("pd-pools"):
            found = prefix_pool(section, self.pool(section))
            if found is not None:
                ranges.append(Range(found.first, found.last, section, "prefix"))
                yield found

    def pool(self, section: Section) -> dict[str, Any]:
        """What pools of addresses and of prefixes have in common."""
        return {
            "id": section.get("pool-id") or 0,
            "options": self.options.data(section.sections("option-data")),
            "user_context": context(section),
            **guards(section),
        }


OVER6: Final = ("4o6-interface", "4o6-interface-id", "4o6-subnet")


def over6(section: Section) -> Over6 | None:
    """Which DHCPv4-over-DHCPv6 queries a subnet of DHCPv4 serves; None if it does not say (Kea A175)."""
    interface, interface_id, prefix = (section.values.get(name) for name in OVER6)
    if not (interface or interface_id or prefix):
        return None
    return Over6(
        interface=interface or "",
        interface_id=(interface_id or "").encode(),
        prefix=prefix6(prefix) if prefix else None,
    )


def check_overlaps(found: list[Range]) -> None:
    """Report every pool that starts before one that started earlier has ended."""
    ordered = sorted(found, key=lambda pool: pool[:2])
    for widest, pool in zip(accumulate(ordered, further), ordered[1:], strict=False):
        if pool.first <= widest.last:
            pool.section.wrong(pool.keyword, f"the pool overlaps {widest.text}; an address belongs to one pool")


def further(one: Range, other: Range) -> Range:
    return one if one.last >= other.last else other


def check_interfaces(network: Section, members: Sequence[Section]) -> None:
    """All subnets of a network that name an interface name the same (Kea A066)."""
    named = [section for section in (network, *members) if section.values.get("interface")]
    for section in named[1:]:
        interface, other = section.values["interface"], named[0].values["interface"]
        if interface != other:
            section.wrong("interface", f"{interface} is not {other} as in {named[0].path}; a network has one interface")


def check_rapid_commit(network: Section, members: Sequence[Section]) -> None:
    """A client of a network meets the same rapid-commit in all its subnets (Kea B016)."""
    if "rapid-commit" not in network.table:
        return
    general = network.get("rapid-commit")
    first = next((section.values.get("rapid-commit", general) for section in members), general)
    for section in members[1:]:
        if section.values.get("rapid-commit", general) != first:
            message = f"this differs from {members[0].path}; a network has the same rapid-commit in all its subnets"
            section.wrong("rapid-commit", message)
