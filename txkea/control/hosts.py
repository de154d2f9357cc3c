"""The commands that look at reservations and change them (Kea G053-G056)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Final

from zope.interface import implementer

from txkea.config.families import BY_NUMBER
from txkea.control.answer import Answer, Listing, Result
from txkea.control.arguments import Arguments
from txkea.control.edits import Edited
from txkea.control.reservations import ConfiguredReservations, Reservations, StoredReservations, Wanted, parsed
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands, IHostCache, IHostStore
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier

__all__ = ["HostCommands"]

Map = Mapping[str, Any]

TARGET: Final = "operation-target"
MEMORY, DATABASE, ALL, DEFAULT = "memory", "database", "all", "default"
TARGETS: Final = {
    **{name: name for name in (MEMORY, DATABASE, ALL, DEFAULT)}, "primary": MEMORY, "alternate": DATABASE,
}  # fmt: skip
"""What ``operation-target`` may be, with the names that the newest Kea has for two of them."""
SELECTORS: Final = ("subnet-id", "ip-address", "identifier-type", "identifier", TARGET)
MOST: Final = 5000
"""Reservations in one page: a longer one would keep others waiting."""
LAST: Final = (1 << 64) - 1
"""What ``from`` may be at most."""
NO_DATABASE: Final = "there is no host database in the configuration; with operation-target memory it is changed itself"


@implementer(ICommands)
class HostCommands:
    """``reservation-add`` and its kin over the configuration and any stores of hosts.

    What is changed is what is in the stores, or, if there are none, the configuration; a target says otherwise. A
    ``cache`` around the stores forgets what they have no longer (Kea J018).
    """

    def __init__(self, daemon: Edited, hosts: Sequence[IHostStore] = (), cache: IHostCache | None = None) -> None:
        self._family = BY_NUMBER[daemon.configuration.family]
        self._label = f"IPv{self._family.number}"
        self._kinds = {kind.keyword: kind for kind in self._family.identifiers}
        self._configured: Sequence[Reservations] = [ConfiguredReservations(daemon, self._family)]
        changed = _nobody_remembers if cache is None else cache.forget
        self._stored: Sequence[Reservations] = [
            StoredReservations(store, daemon, self._family, changed) for store in hosts
        ]

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "reservation-add": self._add,
            "reservation-del": self._delete,
            "reservation-get": self._get,
            "reservation-get-all": self._get_all,
            "reservation-get-by-address": self._get_by_address,
            "reservation-get-by-hostname": self._get_by_hostname,
            "reservation-get-by-id": self._get_by_id,
            "reservation-get-page": self._get_page,
            "reservation-update": self._update,
        }

    def _sources(self, given: Arguments, default: str) -> Sequence[Reservations]:
        """Where to look, or what to change; raises `TxkeaError` for a database that is not there."""
        target = TARGETS[given.one_of(TARGET, TARGETS, DEFAULT)]
        target = default if target == DEFAULT else target
        if target == DATABASE and not self._stored:
            raise TxkeaError(NO_DATABASE)
        return {MEMORY: self._configured, DATABASE: self._stored, ALL: [*self._configured, *self._stored]}[target]

    def _changing(self, given: Arguments) -> Sequence[Reservations]:
        """What to change: what can be, or else who says why it cannot (Kea F006)."""
        sources = self._sources(given, DATABASE if self._stored else MEMORY)
        return [each for each in sources if not each.readonly] or sources

    # -- one reservation -----------------------------------------------------------------------------------------------

    async def _get(self, arguments: Any) -> Answer:
        given = Arguments(arguments, SELECTORS)
        wanted = self._wanted(given)
        for source in self._sources(given, ALL):
            found = await source.one(wanted)
            if found is not None:
                return Answer(text="Host found.", arguments=found.shown())
        return Answer(Result.EMPTY, "Host not found.")

    async def _add(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("reservation", TARGET))
        wanted, reservation = self._entered(given)
        added: list[Reservations] = []
        try:
            for source in self._changing(given):
                await source.add(wanted.subnet_id or 0, reservation)
                added.append(source)
        except TxkeaError:
            for source in added:
                await source.remove(wanted)
            raise
        return Answer(text="Host added.")

    async def _update(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("reservation", TARGET))
        wanted, reservation = self._entered(given)
        sources = self._changing(given)
        return _told([await source.replace(wanted, reservation) for source in sources], "updated")

    async def _delete(self, arguments: Any) -> Answer:
        given = Arguments(arguments, SELECTORS)
        wanted = self._wanted(given)
        return _told([await source.remove(wanted) for source in self._changing(given)], "deleted")

    def _wanted(self, given: Arguments) -> Wanted:
        """The reservation that arguments name (Kea G054)."""
        subnet_id = given.number("subnet-id", 0)
        if "ip-address" in given:
            return Wanted(subnet_id, address=self._address(given))
        return Wanted(subnet_id, self._identifier(given))

    def _entered(self, given: Arguments) -> tuple[Wanted, Map]:
        """A reservation that came with a command, and what names it."""
        reservation = given.map("reservation")
        inside = Arguments(reservation, reservation)
        subnet_id = inside.number("subnet-id", 0)
        names = [name for name in self._kinds if name in inside]
        if len(names) != 1:
            raise TxkeaError(f"'reservation' has exactly one of {', '.join(self._kinds)}")
        wanted = Wanted(subnet_id, parsed(self._kinds[names[0]], inside.text(names[0]), names[0]))
        return wanted, {name: value for name, value in reservation.items() if name != "subnet-id"}

    def _address(self, given: Arguments) -> bytes:
        try:
            return self._family.address(given.text("ip-address"))
        except ValueError as error:
            raise TxkeaError(f"'ip-address': {error}") from None

    def _identifier(self, given: Arguments) -> Identifier:
        if "identifier-type" not in given:
            raise TxkeaError("'ip-address' or 'identifier-type' is missing: one of them tells which reservation")
        kind = given.one_of("identifier-type", self._kinds, "")
        return parsed(self._kinds[kind], given.text("identifier"), "identifier")

    # -- several -------------------------------------------------------------------------------------------------------

    def _get_all(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("subnet-id", TARGET))
        return self._listing(given, Wanted(given.number("subnet-id", 0)))

    def _get_by_hostname(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("hostname", "subnet-id", TARGET))
        hostname = given.text("hostname")
        if not hostname:
            raise TxkeaError("'hostname' is empty; reservation-get-all tells of those without a name, too")
        return self._listing(given, Wanted(_subnet_id(given), hostname=hostname))

    def _get_by_id(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("identifier-type", "identifier", TARGET))
        return self._listing(given, Wanted(None, self._identifier(given)))

    def _get_by_address(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("ip-address", "subnet-id", TARGET))
        return self._listing(given, Wanted(_subnet_id(given), address=self._address(given)))

    def _listing(self, given: Arguments, wanted: Wanted) -> Answer:
        sources = self._sources(given, ALL)

        async def pages() -> AsyncIterator[Sequence[Map]]:
            for source in sources:
                async for page in source.pages(wanted):
                    yield [found.shown() for found in page]

        return Answer(arguments=Listing("hosts", pages(), self._conclude))

    async def _get_page(self, arguments: Any) -> Answer:
        """So many reservations behind those that were told already; ``next`` is what asks for the following ones.

        ``source-index`` counts the configuration and the stores from 0; what ``from`` is, each of them knows.
        """
        given = Arguments(arguments, ("subnet-id", "limit", "source-index", "from", TARGET))
        limit, subnet_id = min(given.number("limit", 1), MOST), _subnet_id(given)
        index = given.number("source-index", 0) if "source-index" in given else 0
        start = given.number("from", 0, LAST) if "from" in given else 0
        chosen, sources = self._sources(given, ALL), [*self._configured, *self._stored]
        while index < len(sources):
            found, start = await sources[index].page(subnet_id, start, limit) if sources[index] in chosen else ((), 0)
            if found:
                arguments = {
                    "hosts": [each.shown() for each in found],
                    "count": len(found),
                    "next": {"from": start, "source-index": index},
                }
                return Answer(*self._conclude(len(found)), arguments)
            index, start = index + 1, 0
        return Answer(*self._conclude(0), {"hosts": [], "count": 0})

    def _conclude(self, count: int) -> tuple[int, str]:
        return Result.SUCCESS if count else Result.EMPTY, f"{count} {self._label} host(s) found."


async def _nobody_remembers(host: Host) -> None:
    """There is no cache."""


def _subnet_id(given: Arguments) -> int | None:
    """The subnet to look in; None for all."""
    return given.number("subnet-id", 0) if "subnet-id" in given else None


def _told(done: Sequence[bool], what: str) -> Answer:
    """What is told of a change in one source or several."""
    if any(done):
        return Answer(text=f"Host {what}.")
    return Answer(Result.EMPTY, f"Host not {what} (not found).")
