"""Leases of a file become leases of a running server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from attrs import define
from twisted.internet.defer import Deferred, FirstError, gatherResults

from txkea.cli.connection import Reply, Server
from txkea.cli.leases_entries import Entry
from txkea.control.answer import Result
from txkea.control.leases_arguments import LeaseArguments
from txkea.errors import TxkeaError
from txkea.wire.fields import KINDS

__all__ = ["Outcome", "Sender", "batches"]

TOGETHER: Final = 24
"""Commands under way at once: far fewer than a server takes, and enough to let them share its disk's work."""
BULK: Final = 500
"""Leases of one ``lease6-bulk-apply``."""


class Refused(NamedTuple):
    """A lease that did not become one."""

    place: int
    address: str
    reason: str


@define
class Outcome:
    """How far it came."""

    done: int = 0
    refused: int = 0


def batches(entries: Iterable[Entry], size: int) -> Iterator[Sequence[Entry]]:
    """So many at once; what one address has twice is in two batches, for the later one counts."""
    batch: dict[object, Entry] = {}
    for entry in entries:
        address = entry.shown.get("ip-address") if not entry.wrong else None
        key = address if isinstance(address, str) else (entry.place,)
        if len(batch) >= size or key in batch:
            yield tuple(batch.values())
            batch = {}
        batch[key] = entry
    if batch:
        yield tuple(batch.values())


class Sender:
    """Sends batches of leases of one family; with ``update`` they take the place of those that are there.

    With ``dry_run`` it only looks whether there are any. Raises `TxkeaError` if the server does not answer.
    """

    def __init__(self, server: Server, family: int, update: bool, dry_run: bool) -> None:
        self._server = server
        self._family = family
        self._update = update
        self._dry_run = dry_run
        self.bulk = update and not dry_run and family == 6
        self.size = BULK if self.bulk else TOGETHER

    async def send(self, batch: Sequence[Entry]) -> Sequence[Refused]:
        """Those of a batch that were refused."""
        refused = [wrong for entry in batch if (wrong := self._wrong(entry)) is not None]
        places = {each.place for each in refused}
        good = [entry for entry in batch if entry.place not in places]
        if not self.bulk or not good:
            return [*refused, *await self._singly(good)]
        try:
            return [*refused, *await self._together(good)]
        except _OneByOneError:
            return [*refused, *await self._singly(good)]

    def _wrong(self, entry: Entry) -> Refused | None:
        """What is wrong with a lease before anybody is asked."""
        address = str(entry.shown.get("ip-address", ""))
        if entry.wrong:
            return Refused(entry.place, address, entry.wrong)
        try:
            LeaseArguments(entry.shown, "a lease").address("ip-address", self._family)
        except TxkeaError as error:
            return Refused(entry.place, address, str(error))
        return None

    # -- one by one ----------------------------------------------------------------------------------------------------

    async def _singly(self, entries: Sequence[Entry]) -> Sequence[Refused]:
        asked = [Deferred.fromCoroutine(self._send(entry)) for entry in entries]
        try:
            return [each for each in await gatherResults(asked, consumeErrors=True) if each is not None]
        except FirstError as first:
            first.subFailure.raiseException()
            raise

    async def _send(self, entry: Entry) -> Refused | None:
        command, arguments = self._command(entry.shown)
        (reply,) = await self._server.ask(command, arguments)
        if reply.result == Result.UNSUPPORTED:
            raise TxkeaError(f"{self._server.where} does not know the command {command}")
        reason = self._reason(reply)
        return Refused(entry.place, entry.shown["ip-address"], reason) if reason else None

    def _command(self, shown: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        if self._dry_run:
            kind = {"type": shown["type"]} if "type" in shown else {}
            return f"lease{self._family}-get", {"ip-address": shown["ip-address"], **kind}
        if self._update:
            return f"lease{self._family}-update", {**entered(shown), "force-create": True}
        return f"lease{self._family}-add", entered(shown)

    def _reason(self, reply: Reply) -> str:
        """Why a lease was refused, or would be; ``""`` if it was not."""
        if not self._dry_run:
            return "" if reply.result == Result.SUCCESS else reply.text or f"result {reply.result}"
        if reply.result == Result.SUCCESS:
            return "" if self._update else "there is a lease already"
        return "" if reply.result == Result.EMPTY else reply.text

    # -- together ------------------------------------------------------------------------------------------------------

    async def _together(self, entries: Sequence[Entry]) -> Sequence[Refused]:
        """In one command, which does nothing if one of them is malformed: then which one is found out singly."""
        (reply,) = await self._server.ask("lease6-bulk-apply", {"leases": [entered(each.shown) for each in entries]})
        if reply.result not in (Result.SUCCESS, Result.EMPTY):
            raise _OneByOneError
        try:
            failed = (reply.arguments or {}).get("failed-leases", ())
            reasons = {packed(each["ip-address"]): str(each.get("error-message", "refused")) for each in failed}
        except (AttributeError, KeyError, TypeError, ValueError):
            raise TxkeaError(f"{self._server.where}: what lease6-bulk-apply answers cannot be understood") from None
        found = [(each, reasons.get(packed(each.shown["ip-address"]))) for each in entries]
        return [Refused(each.place, each.shown["ip-address"], reason) for each, reason in found if reason is not None]


class _OneByOneError(TxkeaError):
    """A batch was refused as a whole."""


def packed(text: str) -> bytes:
    address: bytes = KINDS["ipv6-address"].parse(text)
    return address


def entered(shown: Mapping[str, Any]) -> Mapping[str, Any]:
    """A lease as commands take it: its end in the place of its last transaction."""
    arguments = dict(shown)
    cltt, lifetime = arguments.pop("cltt", None), arguments.get("valid-lft")
    if "expire" not in arguments and isinstance(cltt, int) and isinstance(lifetime, int):
        arguments["expire"] = cltt + lifetime
    return arguments
