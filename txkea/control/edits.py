"""Finding and changing what stands in a configuration as it was written.

An edit copies each map and list on the way to what it changes, and nothing else: the rest belongs to the configuration
in force too, and what is the same object need not be built again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from itertools import count
from typing import Any, NamedTuple, Protocol, TypeVar

from txkea.config.families import Family
from txkea.control.arguments import HIGHEST_ID
from txkea.errors import TxkeaError
from txkea.model.configuration import Configuration

__all__ = ["NETWORKS", "Absent", "Draft", "Edited", "Place"]

NETWORKS = "shared-networks"

Map = Mapping[str, Any]
T = TypeVar("T")


class Absent(TxkeaError):
    """What a command is about is not there."""


class Edited(Protocol):
    """A server whose configuration is edited; see `txkea.control.commands.Daemon`."""

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""

    @property
    def tree(self) -> Map:
        """The same as ``config-get`` shows it."""

    def change(self, edit: Callable[[dict[str, Any]], T]) -> Awaitable[T]:
        """Put the configuration with an edit into force; raises `TxkeaError` when nothing has changed. *Waits.*"""


class Place(NamedTuple):
    """Where a subnet stands: in the list of a shared network, by its number, or in the outermost one."""

    subnet: Map
    at: int
    network: int | None = None


class Draft:
    """The map of one family (``Dhcp4`` or ``Dhcp6``) as it was written, to be edited."""

    def __init__(self, family: Family, written: dict[str, Any]) -> None:
        self._family = family
        self._written = written

    # -- finding -------------------------------------------------------------------------------------------------------

    @property
    def networks(self) -> list[Map]:
        """The shared networks; not to be changed."""
        found: list[Map] = self._written.get(NETWORKS, [])
        return found

    def network(self, name: str) -> int:
        """The number of a shared network; raises `Absent`."""
        for number, network in enumerate(self.networks):
            if network["name"] == name:
                return number
        raise Absent(f"no IPv{self._family.number} shared network with name '{name}' found")

    def places(self) -> Iterator[Place]:
        """All subnets."""
        key = self._family.subnets
        for number, network in enumerate(self.networks):
            for at, subnet in enumerate(network.get(key, ())):
                yield Place(subnet, at, number)
        for at, subnet in enumerate(self._written.get(key, ())):
            yield Place(subnet, at)

    def place(self, subnet_id: int) -> Place:
        """A subnet; raises `Absent`."""
        for place in self.places():
            if place.subnet["id"] == subnet_id:
                return place
        raise Absent(f"no IPv{self._family.number} subnet with id {subnet_id} found")

    def numbered(self, subnets: Iterable[Any]) -> list[Any]:
        """New subnets, those without an id with the lowest ones that are free; what is no map is left as it is."""
        new = list(subnets)
        taken = {place.subnet["id"] for place in self.places()}
        taken.update(subnet["id"] for subnet in new if _has_id(subnet))
        free = (number for number in count(1) if number not in taken)
        return [
            {**subnet, "id": next(free)} if isinstance(subnet, dict) and subnet.get("id", 0) == 0 else subnet
            for subnet in new
        ]

    # -- changing ------------------------------------------------------------------------------------------------------

    def own(self, key: str) -> list[Any]:
        """An outermost list, for changes."""
        found = self._written[key] = list(self._written.get(key, ()))
        return found

    def own_network(self, number: int) -> dict[str, Any]:
        """A shared network, for changes."""
        networks = self.own(NETWORKS)
        networks[number] = dict(networks[number])
        found: dict[str, Any] = networks[number]
        return found

    def own_subnets(self, network: int | None = None) -> list[Any]:
        """The subnets of a shared network, or those by themselves, for changes."""
        key = self._family.subnets
        if network is None:
            return self.own(key)
        holder = self.own_network(network)
        found = holder[key] = list(holder.get(key, ()))
        return found

    def own_subnet(self, place: Place) -> dict[str, Any]:
        """A subnet, for changes."""
        subnets = self.own_subnets(place.network)
        subnets[place.at] = dict(subnets[place.at])
        found: dict[str, Any] = subnets[place.at]
        return found

    def own_reservations(self, subnet_id: int) -> list[Any]:
        """The reservations of a subnet, or with 0 the global ones, for changes; raises `Absent`."""
        if not subnet_id:
            return self.own("reservations")
        holder = self.own_subnet(self.place(subnet_id))
        found = holder["reservations"] = list(holder.get("reservations", ()))
        return found


def _has_id(subnet: Any) -> bool:
    number = subnet.get("id") if isinstance(subnet, dict) else None
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number <= HIGHEST_ID
