"""Subnets, their pools and the networks they share (Kea A058-A071)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import accumulate, count
from typing import NamedTuple

from txkea.config.kinds import prefix4
from txkea.config.options import Options
from txkea.config.ranges import pool4
from txkea.config.reservations import context, hosts4
from txkea.config.scopes import Scopes, Values, inherit
from txkea.config.structure import Section
from txkea.model.configuration import Pool, SharedNetwork, Subnet

__all__ = ["Placed", "SubnetBuilder", "assign_ids", "placed"]


class Placed(NamedTuple):
    """A subnet's section and its network's, if it is in one."""

    section: Section
    network: Section | None


def placed(dhcp: Section) -> list[Placed]:
    """All subnets: those of networks and those by themselves, in Kea's order of reading."""
    inside = [Placed(section, network) for network in dhcp.sections("shared-networks") for section in subnets(network)]
    return inside + [Placed(section, None) for section in subnets(dhcp)]


def subnets(section: Section) -> list[Section]:
    return section.sections("subnet4")


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
    if without:
        others = f" (and {len(without) - 1} more without one)" if len(without) > 1 else ""
        number = without[0].values["id"]
        message = f"without an id it is {number} by its order{others}; give ids, for leases name their subnet by it"
        without[0].warn("id", message)


class SubnetBuilder:
    """Makes subnets and networks from their sections."""

    def __init__(self, options: Options, scopes: Scopes, unique: bool) -> None:
        self.options = options
        self.scopes = scopes
        self.unique = unique
        self.prefixes: dict[str, Section] = {}
        self.names: dict[str, Section] = {}

    def network(self, section: Section, outer: Values) -> SharedNetwork | None:
        """A shared network; its subnets are built by themselves."""
        values = inherit(section, outer)
        parameters = self.scopes.parameters(section, values)
        options = self.options.data(section.sections("option-data"))
        check_interfaces(section)
        name = section.values.get("name")
        if name is None:
            return None
        if name in self.names:
            section.wrong("name", f'"{name}" is the name of {self.names[name].path} already; choose another')
        self.names[name] = section
        return SharedNetwork(
            name=name,
            subnet_ids=tuple([subnet.values["id"] for subnet in subnets(section)]),
            parameters=parameters,
            options=options,
            user_context=context(section),
        )

    def subnet(self, each: Placed, outer: Values) -> Subnet | None:
        """A subnet with its pools and reservations; ``outer`` are the values of its network or the global ones."""
        section = each.section
        parameters = self.scopes.parameters(section, inherit(section, outer))
        options = self.options.data(section.sections("option-data"))
        prefix = section.values.get("subnet")
        first = last = 0
        network, length = b"\0\0\0\0", 0
        if prefix is not None:
            network, length = prefix4(prefix)
            first = int.from_bytes(network, "big")
            last = first | (1 << 32 - length) - 1
            self.check_prefix(section, prefix)
        bounds = (first, last) if prefix is not None else None
        pools = tuple(self.pools(section, bounds))
        hosts = hosts4(section.sections("reservations"), section.values["id"], bounds, self.unique, self.options)
        if prefix is None:
            return None
        return Subnet(
            id=section.values["id"],
            prefix=prefix,
            network=network,
            length=length,
            parameters=parameters,
            pools=pools,
            options=options,
            hosts=hosts,
            network_name=(each.network.values.get("name") or "") if each.network else "",
            user_context=context(section),
        )

    def check_prefix(self, section: Section, prefix: str) -> None:
        """Report a prefix that another subnet has, as it is written: host bits tell them apart as in Kea."""
        key = "".join(prefix.split())
        if key in self.prefixes:
            section.wrong("subnet", f"{key} is the prefix of {self.prefixes[key].path} already; choose another")
        self.prefixes[key] = section

    def pools(self, subnet: Section, bounds: tuple[int, int] | None) -> Iterator[Pool]:
        """The pools of a subnet in the order of the file; those outside of it or overlapping are reported."""
        found: list[tuple[int, int, Section]] = []
        for section in subnet.sections("pools"):
            options = self.options.data(section.sections("option-data"))
            if "pool" not in section.values:
                continue
            first, last = pool4(section.values["pool"])
            if bounds and not bounds[0] <= first <= last <= bounds[1]:
                section.wrong("pool", f"the pool is outside of the subnet {subnet.values['subnet']}; it must lie in it")
            found.append((first, last, section))
            yield Pool(
                first=first, last=last, id=section.get("pool-id") or 0, options=options, user_context=context(section)
            )
        check_overlaps(found)


def check_overlaps(found: list[tuple[int, int, Section]]) -> None:
    """Report every pool that starts before one that started earlier has ended."""
    ordered = sorted(found, key=lambda pool: pool[:2])
    for (_, end, widest), (start, _, section) in zip(accumulate(ordered, further), ordered[1:], strict=False):
        if start <= end:
            section.wrong("pool", f"the pool overlaps {widest.values['pool']}; an address belongs to one pool")


def further(one: tuple[int, int, Section], other: tuple[int, int, Section]) -> tuple[int, int, Section]:
    return one if one[1] >= other[1] else other


def check_interfaces(network: Section) -> None:
    """All subnets of a network that name an interface name the same (Kea A066)."""
    named = [section for section in (network, *subnets(network)) if section.values.get("interface")]
    for section in named[1:]:
        interface, other = section.values["interface"], named[0].values["interface"]
        if interface != other:
            section.wrong("interface", f"{interface} is not {other} as in {named[0].path}; a network has one interface")
