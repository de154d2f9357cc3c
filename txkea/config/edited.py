"""The configuration of an edited document: what an edit left alone is not built again.

An edit that adds, changes or deletes reservations, or subnets outside of shared networks, is the usual one, and comes
by the thousand. What was written of the others is then the same object as before, so that what was made of it is still
right, and only the rest is built, in a document of its own. Whatever is out of the ordinary there (a mistake, a
warning, a change anywhere else) is built as a whole: the result is the same as `txkea.config.load.configuration` gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

from attrs import evolve

from txkea.config.families import BY_NUMBER, Family
from txkea.config.load import configuration
from txkea.config.text import from_json
from txkea.errors import ConfigErrors
from txkea.model.configuration import Configuration, Host

__all__ = ["edited", "opened"]

NETWORKS: Final = "shared-networks"
RESERVATIONS: Final = "reservations"
GLOBAL: Final = 0
INDEPENDENT: Final = frozenset((
    "client-classes", "control-socket", "control-sockets", "expired-leases-processing", "hooks-libraries",
    "lease-database", "loggers",
))  # fmt: skip
"""What subnets and reservations do not depend on, so that it need not be read again with them."""

Map = Mapping[str, Any]


def opened(written: Map, top: str) -> dict[str, Any]:
    """A copy of a document for an edit of its map ``top``.

    Subnets, shared networks and reservations, of which there may be many, are not copied: an edit replaces what it
    changes of them, down from the map ``top``.
    """
    shared = next(_lists(family) for family in BY_NUMBER.values() if family.top == top)
    inside = {name: value if name in shared else deepcopy(value) for name, value in written[top].items()}
    return {**written, top: inside}


def edited(document: Map, before: Configuration) -> Configuration:
    """The configuration of ``document``, which `opened` made of the one of ``before``, and which was edited then.

    Raises `ConfigErrors`.
    """
    try:
        return _Edit(BY_NUMBER[before.family], document, before).built()
    except (_Whole, ConfigErrors):
        return configuration(from_json(document), before.family)


class _Whole(Exception):
    """The document has to be built as a whole."""


class _Edit:
    """One edit; its methods raise `_Whole` or `ConfigErrors` where the document has to be built as a whole."""

    def __init__(self, family: Family, document: Map, before: Configuration) -> None:
        self._family = family
        self._document = document
        self._before = before
        self._new: Map = document[family.top]
        self._old: Map = before.written[family.top]
        self._tree: Map = before.tree[family.top]
        self._subnets = {subnet.id: subnet for subnet in before.subnets}
        self._shown = {subnet["id"]: subnet for subnet in _every_subnet(self._tree, family)}
        self._hosts = before.hosts
        self._global: list[Any] = self._tree[RESERVATIONS]
        """These four are first as they were, then as they are."""
        self._reserved: dict[int, list[Any]] = {}
        """The reservations of each scope in which they have changed, by the subnet's id: of an old one its place among
        the old ones, of a new one what was written of it.
        """
        self._rebuilt: dict[int, Map] = {}
        """What was written of subnets that are new, or have changed in something else than reservations."""

    def built(self) -> Configuration:
        """The configuration."""
        self._check_rest()
        self._compare(GLOBAL, self._old, self._new)
        self._compare_subnets()
        self._compare_networks()
        self._replace(self._part())
        given = _given((*self._before.hosts, *(host for subnet in self._before.subnets for host in subnet.hosts)))
        found = self._found()
        if given != _given((*found.hosts, *(host for subnet in found.subnets for host in subnet.hosts))):
            raise _Whole  # Guards are judged by what reservations give.
        return found

    # -- what has changed ----------------------------------------------------------------------------------------------

    def _check_rest(self) -> None:
        """Make sure that nothing has changed but the lists, and that nothing there deserved a warning."""
        lists = _lists(self._family)
        old, new = [{name: each[name] for name in each if name not in lists} for each in (self._old, self._new)]
        additional = any(each.only_if_additional for each in self._before.client_classes)
        # For equality alone 1 is the same as true.
        if additional or self._warned(self._before) or repr(old) != repr(new):
            raise _Whole

    def _warned(self, configuration: Configuration) -> bool:
        places = [f"{self._family.top}.{name}[" for name in _lists(self._family)]
        return any(place in warning for warning in configuration.warnings for place in places)

    def _compare_subnets(self) -> None:
        """Find out what has changed in the subnets outside of networks."""
        old = {subnet["id"]: subnet for subnet in _maps(self._old, self._family.subnets)}
        for new in _maps(self._new, self._family.subnets):
            number = new.get("id")
            if type(number) is not int or number < 1:
                raise _Whole
            was = old.get(number)
            if was is not None and _alike(was, new, RESERVATIONS):
                self._compare(number, was, new)
            else:
                self._rebuilt[number] = new

    def _compare_networks(self) -> None:
        """Find out what has changed in the subnets of networks: no more than their reservations may have."""
        for network, new_network in _pairs(_maps(self._old, NETWORKS), _maps(self._new, NETWORKS)):
            if network is new_network:
                continue
            if not _alike(network, new_network, self._family.subnets):
                raise _Whole
            members = [_maps(each, self._family.subnets) for each in (network, new_network)]
            for old, new in _pairs(*members):
                if not _alike(old, new, RESERVATIONS):
                    raise _Whole
                self._compare(old["id"], old, new)

    def _compare(self, number: int, old: Map, new: Map) -> None:
        """Find out what has changed in the reservations of a scope."""
        if old.get(RESERVATIONS) is not new.get(RESERVATIONS):
            places = {id(each): place for place, each in enumerate(_maps(old, RESERVATIONS))}
            self._reserved[number] = [places.get(id(each), each) for each in _maps(new, RESERVATIONS)]

    # -- what is new ---------------------------------------------------------------------------------------------------

    def _part(self) -> Configuration:
        """A configuration of nothing but what is new."""
        apart = {*_lists(self._family), *INDEPENDENT}
        new = {number: [each for each in found if type(each) is dict] for number, found in self._reserved.items()}
        reserved = [
            {"id": number, "subnet": self._subnets[number].prefix, RESERVATIONS: found}
            for number, found in new.items()
            if number != GLOBAL
        ]
        document = {
            **{name: value for name, value in self._new.items() if name not in apart},
            self._family.subnets: [*reserved, *self._rebuilt.values()],
            RESERVATIONS: new.get(GLOBAL, []),
        }
        part = configuration(from_json({self._family.top: document}), self._family.number)
        if self._warned(part):
            raise _Whole
        return part

    def _replace(self, part: Configuration) -> None:
        """Put what is new into the place of what was."""
        top = part.tree[self._family.top]
        shown = {subnet["id"]: subnet for subnet in top[self._family.subnets]}
        kept = self._kept()
        prefixes = {(subnet.network, subnet.length) for subnet in map(self._subnets.__getitem__, kept)}
        for subnet in part.subnets:
            if subnet.id in self._reserved:
                hosts, reservations = self._mixed(subnet.id, subnet.hosts, shown[subnet.id][RESERVATIONS])
                self._subnets[subnet.id] = evolve(self._subnets[subnet.id], hosts=hosts)
                self._shown[subnet.id] = {**self._shown[subnet.id], RESERVATIONS: reservations}
            elif (subnet.network, subnet.length) in prefixes:
                raise _Whole
            else:
                self._subnets[subnet.id], self._shown[subnet.id] = subnet, shown[subnet.id]
        if GLOBAL in self._reserved:
            self._hosts, self._global = self._mixed(GLOBAL, part.hosts, top[RESERVATIONS])

    def _kept(self) -> list[int]:
        """The ids of the subnets that are not new; an id that stands twice is not in order."""
        members = [subnet["id"] for network in self._tree[NETWORKS] for subnet in network[self._family.subnets]]
        alone = [subnet["id"] for subnet in _maps(self._new, self._family.subnets)]
        if len({*members, *alone}) != len(members) + len(alone):
            raise _Whole
        return [number for number in (*members, *alone) if number not in self._rebuilt]

    def _mixed(self, number: int, hosts: Sequence[Host], shown: Sequence[Any]) -> tuple[tuple[Host, ...], list[Any]]:
        """The reservations of a scope, new ones among old ones, and as they are shown."""
        subnet = self._subnets.get(number)
        old_hosts = self._hosts if subnet is None else subnet.hosts
        old_shown = self._global if subnet is None else self._shown[number][RESERVATIONS]
        new = iter(zip(hosts, shown, strict=True))
        found = [
            (old_hosts[each], old_shown[each]) if type(each) is int else next(new) for each in self._reserved[number]
        ]
        mixed = tuple(host for host, _ in found)
        reserved = [each for host in mixed for each in (*host.addresses, *(first for first, _ in host.prefixes))]
        if _repeated([host.identifier for host in mixed]):
            raise _Whole
        if self._before.ip_reservations_unique and _repeated(reserved):
            raise _Whole
        return mixed, [each for _, each in found]

    # -- the result ----------------------------------------------------------------------------------------------------

    def _found(self) -> Configuration:
        key = self._family.subnets
        networks = [
            {**network, key: [self._shown[subnet["id"]] for subnet in network[key]]} for network in self._tree[NETWORKS]
        ]
        alone = [self._shown[subnet["id"]] for subnet in _maps(self._new, key)]
        numbers = sorted(subnet["id"] for subnet in (*alone, *(each for network in networks for each in network[key])))
        return evolve(
            self._before,
            subnets=tuple([self._subnets[number] for number in numbers]),
            hosts=self._hosts,
            tree={self._family.top: {**self._tree, key: alone, NETWORKS: networks, RESERVATIONS: self._global}},
            written=self._document,
        )


def _lists(family: Family) -> tuple[str, ...]:
    return family.subnets, NETWORKS, RESERVATIONS


def _maps(holder: Map, name: str) -> list[Any]:
    """A list of maps, which may be absent."""
    found = holder.get(name, [])
    if type(found) is not list or not all(type(each) is dict for each in found):
        raise _Whole
    return found


def _every_subnet(top: Map, family: Family) -> Iterator[Map]:
    for network in top[NETWORKS]:
        yield from network[family.subnets]
    yield from top[family.subnets]


def _pairs(old: list[Any], new: list[Any]) -> Iterable[tuple[Map, Map]]:
    if len(old) != len(new):
        raise _Whole
    return zip(old, new, strict=True)


def _alike(old: Map, new: Map, besides: str) -> bool:
    """Whether two maps hold the same objects, with one exception."""
    if old is new:
        return True
    names = old.keys() - {besides}
    return names == new.keys() - {besides} and all(old[name] is new[name] for name in names)


def _repeated(found: list[Any]) -> bool:
    return len(set(found)) < len(found)


def _given(hosts: Iterable[Host]) -> set[str]:
    return {name for host in hosts for name in host.client_classes}
