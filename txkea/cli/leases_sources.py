"""Where ``txkea leases`` gets leases from: a running server, page by page, or lease files; and which of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import translate
from functools import partial
from time import time
from typing import Any, Final

from attrs import frozen

from txkea.cli.connection import Reply, Server
from txkea.cli.display_leases import is_lease, over
from txkea.cli.leases_formats import Record
from txkea.cli.stores import lease_file
from txkea.cli.waiting import Wait
from txkea.control.answer import Result
from txkea.control.views import VIEWS
from txkea.errors import TxkeaError
from txkea.model.lease import LeaseState

__all__ = ["Running", "Selection", "from_file"]

PAGE: Final = 2000
"""Leases that are asked for at once."""
IN_USE: Final = (LeaseState.DEFAULT, LeaseState.REGISTERED)
SEARCHES: Final = {4: ("hw-address", "client-id"), 6: ("duid",)}
"""By what a server finds leases without going through all of them."""

Page = Sequence[Mapping[str, Any]]


@frozen(kw_only=True)
class Selection:
    """Which leases are wanted."""

    subnet_id: frozenset[int] = frozenset()
    state: frozenset[int] = frozenset()
    hostname: str = ""
    """A pattern with ``*`` and ``?``."""
    identifiers: Mapping[str, str] = {}
    """Hexadecimal, by the names of ``hw-address``, ``client-id`` and ``duid``."""
    active: bool = False
    expired: bool = False

    def test(self, now: float) -> Callable[[Mapping[str, Any]], bool]:
        """Whether a lease is wanted."""
        tests = list(self._tests(now))
        return lambda shown: all(test(shown) for test in tests)

    def _tests(self, now: float) -> Iterator[Callable[[Mapping[str, Any]], bool]]:
        if self.subnet_id:
            yield lambda shown: shown["subnet-id"] in self.subnet_id
        if self.state:
            yield lambda shown: shown.get("state", 0) in self.state
        if self.hostname:
            matches = re.compile(translate(self.hostname), re.IGNORECASE).match
            yield lambda shown: matches(shown.get("hostname", "")) is not None
        for name, digits in self.identifiers.items():
            yield lambda shown, name=name, digits=digits: bare(shown.get(name, "")) == digits  # type: ignore[misc]
        if self.active:
            yield lambda shown: shown.get("state", 0) in IN_USE and not over(shown, now)
        if self.expired:
            yield lambda shown: shown.get("state", 0) == LeaseState.RECLAIMED or over(shown, now)


def bare(text: str) -> str:
    """Hexadecimal without what stands between the digits."""
    return text.replace(":", "").replace("-", "").replace(".", "").replace(" ", "").lower()


# -- a running server --------------------------------------------------------------------------------------------------


class Running:
    """The leases of one family in a running server."""

    def __init__(self, server: Server, wait: Wait, family: int = 0) -> None:
        self.server = server
        self._wait = wait
        self.family = family or self._found_family()

    def ask(self, command: str, arguments: Any = None) -> Reply:
        """What the server answers. Raises `TxkeaError` if it does not, or does not know the command."""
        (reply,) = self._wait(partial(self.server.ask, command, arguments))
        if reply.result == Result.UNSUPPORTED:
            mend = "Kea has it in libdhcp_lease_cmds.so; of a Control Agent, ask for a --service"
            raise TxkeaError(f"{self.server.where} does not know the command {command}: {mend}")
        return reply

    def _found_family(self) -> int:
        """Kea's library offers the commands of both families to either server: then its statistics tell."""
        names = self.ask("list-commands").arguments
        found = [family for family in VIEWS if isinstance(names, list) and f"lease{family}-get-page" in names]
        if len(found) > 1:
            found = [family for family in found if self._counts(f"pkt{family}-received")]
        if len(found) != 1:
            mend = "Kea has some in libdhcp_lease_cmds.so; of a Control Agent, ask for a --service"
            raise TxkeaError(f"{self.server.where} has no commands about leases: {mend}")
        return found[0]

    def _counts(self, statistic: str) -> bool:
        return bool(self.ask("statistic-get", {"name": statistic}).arguments)

    def count(self) -> int | None:
        """About how many leases there are, None if the server cannot tell."""
        try:
            found = self.ask(f"stat-lease{self.family}-get").arguments["result-set"]
            places = [place for place, name in enumerate(found["columns"]) if name.startswith("assigned")]
            return sum(int(row[place]) for row in found["rows"] for place in places)
        except (TxkeaError, KeyError, TypeError, ValueError, IndexError):
            return None

    def pages(self, selection: Selection) -> Iterator[Page]:
        """Its leases page by page, ascending; more than are wanted. Raises `TxkeaError`."""
        for name in SEARCHES[self.family]:
            if name in selection.identifiers:
                command, digits = f"lease{self.family}-get-by-{name}", selection.identifiers[name]
                yield self._leases(command, {name: ":".join(re.findall("..", digits))})
                return
        last = "start"
        while page := self._leases(f"lease{self.family}-get-page", {"from": last, "limit": PAGE}):
            yield page
            before, last = last, page[-1]["ip-address"]
            if last == before:
                raise TxkeaError(f"{self.server.where} gives the same page of leases again and again")

    def _leases(self, command: str, arguments: Mapping[str, Any]) -> Page:
        reply = self.ask(command, arguments)
        if reply.result not in (Result.SUCCESS, Result.EMPTY):
            raise TxkeaError(f"{self.server.where}: {command}: {reply.text}")
        found: Any = reply.arguments.get("leases") if isinstance(reply.arguments, dict) else []
        if not (isinstance(found, list) and all(map(is_lease, found))):
            raise TxkeaError(f"{self.server.where}: what {command} answers are no leases")
        page: Page = found
        return page

    def records(self, selection: Selection) -> Iterator[tuple[int, Sequence[Record]]]:
        """How many leases were looked at, and those that are wanted."""
        wanted = selection.test(time())
        for page in self.pages(selection):
            yield len(page), [Record(shown) for shown in page if wanted(shown)]


# -- lease files -------------------------------------------------------------------------------------------------------


def from_file(path: str, family: int, selection: Selection) -> Iterator[tuple[int, Sequence[Record]]]:
    """As `Running.records`, of the leases that a server would load from a lease file and those beside it.

    Not one byte of them is changed; what is wrong in them is told on standard error.
    """
    table = lease_file(path, family).table
    show, wanted = VIEWS[family].show, selection.test(time())
    after: bytes | None = None
    while page := table.page(after, PAGE):
        after = page[-1].address
        found = [Record(show(lease), lease) for lease in page]
        yield len(page), [record for record in found if wanted(record.shown)]
