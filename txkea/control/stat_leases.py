"""How many leases each subnet has, counted by the lease store (Kea G.8: stat_cmds)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from zope.interface import implementer

from txkea.control.answer import Answer, Result
from txkea.control.arguments import HIGHEST_ID, AnyArguments
from txkea.control.gradually import gradually
from txkea.control.samples import time_text
from txkea.errors import TxkeaError
from txkea.exchange.site import Site
from txkea.exchange.subnets import LiveSubnet
from txkea.interfaces import ICommands
from txkea.model.lease import LeaseState, LeaseType

__all__ = ["LeaseStatisticCommands"]

NA, PD = int(LeaseType.NA), int(LeaseType.PD)
DECLINED: Final = int(LeaseState.DECLINED)
TAKEN: Final = (int(LeaseState.DEFAULT), DECLINED)
"""A declined address counts as assigned (Kea G070, from 3.1.2 on)."""

Counts = Mapping[tuple[int, int, int], int]


class Column(NamedTuple):
    """A column of the answer: a statistic of the subnet, or what the store counts."""

    title: str
    kind: int = NA
    states: Sequence[int] = ()
    """The states of leases that are counted; none for a statistic."""


COLUMNS: Final = {
    4: (
        Column("total-addresses"),
        Column("cumulative-assigned-addresses"),
        Column("assigned-addresses", NA, TAKEN),
        Column("declined-addresses", NA, (DECLINED,)),
    ),
    6: (
        Column("total-nas"),
        Column("cumulative-assigned-nas"),
        Column("assigned-nas", NA, TAKEN),
        Column("declined-nas", NA, (DECLINED,)),
        Column("total-pds"),
        Column("cumulative-assigned-pds"),
        Column("assigned-pds", PD, TAKEN),
    ),
}
"""By family, after the subnet's id (Kea G067, G068)."""


class Selection(NamedTuple):
    """Which subnets are asked for, inclusive."""

    label: str
    first: int = 1
    last: int = HIGHEST_ID

    @property
    def absent(self) -> str:
        """What is said if there are none."""
        if self.label == "all subnets":
            return "the configuration has no subnets"
        if self.first == self.last:
            return f"subnet-id: {self.first} does not exist"
        return f"selected ID range: {self.first} through {self.last} includes no known subnets"


@implementer(ICommands)
class LeaseStatisticCommands:
    """``stat-lease4-get``, or ``stat-lease6-get``."""

    def __init__(self, family: int, site: Callable[[], Site], reactor: Any) -> None:
        self._site = site
        self._reactor = reactor
        self._name = f"stat-lease{family}-get"

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The command by its name."""
        return {self._name: self._get}

    async def _get(self, arguments: Any) -> Answer:
        selection = selected(arguments)
        site = self._site()
        subnets = [site.subnets.by_id[each.id] for each in site.configuration.subnets if within(each.id, selection)]
        if not subnets:
            text = f"{self._name}[{selection.label}]: no matching data, {selection.absent}"
            return Answer(Result.EMPTY, text, {})
        counts, columns = await site.leases.counts(), COLUMNS[site.configuration.family]
        now, rows = self._reactor.seconds(), list[list[int]]()
        await gradually(self._reactor, filled(rows, subnets, columns, counts, site.statistics))
        found = {
            "columns": ["subnet-id", *(column.title for column in columns)],
            "rows": rows,
            "timestamp": time_text(now),
        }
        text = f"{self._name}[{selection.label}]: {len(subnets)} rows found"
        return Answer(text=text, arguments={"result-set": found})


def within(number: int, selection: Selection) -> bool:
    return selection.first <= number <= selection.last


def filled(
    rows: list[list[int]],
    subnets: Iterable[LiveSubnet],
    columns: Sequence[Column],
    counts: Counts,
    statistics: Mapping[str, int],
) -> Iterator[None]:
    """Add a row for each subnet, one at each step: its id, then the columns."""
    for subnet in subnets:
        rows.append([subnet.id, *(cell(subnet, column, counts, statistics) for column in columns)])
        yield


def cell(subnet: LiveSubnet, column: Column, counts: Counts, statistics: Mapping[str, int]) -> int:
    if not column.states:
        return statistics.get(f"subnet[{subnet.id}].{column.title}", 0)
    return sum(counts.get((subnet.id, state, column.kind), 0) for state in column.states)


def selected(arguments: Any) -> Selection:
    """What the arguments ask for (Kea G065); raises `TxkeaError`. Others than these do no harm (as in Kea)."""
    given = AnyArguments(arguments)
    if "subnet-id" in given and "subnet-range" in given:
        raise TxkeaError("cannot specify both subnet-id and subnet-range")
    if "subnet-id" in given:
        number = given.number("subnet-id", 1)
        return Selection(f"subnet-id={number}", number, number)
    if "subnet-range" not in given:
        return Selection("all subnets")
    limits = AnyArguments(given.map("subnet-range"))
    first, last = limits.number("first-subnet-id", 1), limits.number("last-subnet-id", 1)
    if last < first:
        raise TxkeaError("'last-subnet-id' must be greater than 'first-subnet-id'")
    return Selection(f"subnets {first} through {last}", first, last)
