"""The commands that change leases, and that write them into a file (Kea G.5)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, NamedTuple

from twisted.internet.task import deferLater
from zope.interface import implementer

from txkea.control.answer import Answer, ConflictError, Result
from txkea.control.entered import UINT32
from txkea.control.files import Directory
from txkea.control.finder import Finder, Selector
from txkea.control.leases_arguments import LeaseArguments
from txkea.control.views import View
from txkea.errors import TxkeaError
from txkea.exchange.site import Site
from txkea.exchange.together import together
from txkea.interfaces import ICommands
from txkea.model.lease import LeaseType
from txkea.wire.text import address_text

__all__ = ["LeaseChanges", "LeaseFile"]

PAGE: Final = 200
"""Leases that are changed or written in one turn of the reactor."""
ADDED: Final = "added"
UPDATED: Final = "updated"

Changed = Callable[[Any, Any, bool], object]


class LeaseFile(NamedTuple):
    """How leases are written into a file that Kea loads."""

    header: bytes
    row: Callable[[Any], bytes]
    """The row of a lease, with its end; raises `TxkeaError` for a lease that cannot be written."""


@implementer(ICommands)
class LeaseChanges:
    """``leaseX-add`` and its kin over any store, for one family.

    ``changed(lease, was, partner)`` is told of each change; None stands for no lease, and ``partner`` says whether it
    is the partner of an HA pair that asks for it. No change is lost that somebody else makes at the same time: a lease
    that is not as it was read is looked at again.
    """

    def __init__(
        self,
        site: Callable[[], Site],
        view: View,
        changed: Changed,
        *,
        files: Directory,
        form: LeaseFile,
        reactor: Any,
    ) -> None:
        self._site = site
        self._view = view
        self._changed = changed
        self._files = files
        self._form = form
        self._reactor = reactor
        self._finder = Finder(site, view)
        self._wide = view.number == 6

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        named = self._view.named
        commands: dict[str, Callable[[Any], Any]] = {
            named("add"): self._add,
            named("del"): self._delete,
            named("resend-ddns"): self._resend_ddns,
            named("update"): self._update,
            named("wipe"): self._wipe,
            named("write"): self._write,
        }
        if self._wide:
            commands[named("bulk-apply")] = self._bulk_apply
        return commands

    # -- one lease -----------------------------------------------------------------------------------------------------

    def _entered(self, arguments: Any) -> tuple[LeaseArguments, Any]:
        given = LeaseArguments(arguments, "the lease: at least its ip-address and whose it is")
        return given, self._view.enter(given, self._site().subnets, int(self._reactor.seconds()))

    async def _add(self, arguments: Any) -> Answer:
        given, lease = self._entered(arguments)
        given.flag("force-create")
        store = self._site().leases
        if not await store.add(lease):
            if await store.get(lease.address) is not None:
                raise ConflictError(f"{self._view.label} lease already exists.")
            raise await self._overlap(lease)
        self._changed(lease, None, given.from_partner)
        kind = "prefix" if lease.type == LeaseType.PD else "address"
        return Answer(text=f"Lease for {kind} {_name(lease)}, subnet-id {lease.subnet_id} added.")

    async def _update(self, arguments: Any) -> Answer:
        given, lease = self._entered(arguments)
        done = await self._put(lease, given.flag("force-create"), given.from_partner)
        return Answer(text=f"{self._view.label} lease {done}.")

    async def _put(self, lease: Any, create: bool, partner: bool) -> str:
        """Update a lease, or add it if there is none and ``create``; tells what was done."""
        store = self._site().leases
        tried = None
        while True:
            was = await store.get(lease.address)
            if was is not None and was == tried:
                raise await self._overlap(lease)  # nobody has changed it: it is the new length that the store refuses
            if was is None:
                if not create:
                    raise ConflictError(f"{_name(lease)} has no lease to update; 'force-create' would add it")
                if await store.add(lease):
                    self._changed(lease, None, partner)
                    return ADDED
                if await store.get(lease.address) is None:
                    raise await self._overlap(lease)
                continue
            if was.type != lease.type:
                raise TxkeaError(f"{_name(lease)} has a lease of another type: IA_{LeaseType(was.type).name}")
            if await store.update(lease, was):
                self._changed(lease, was, partner)
                return UPDATED
            tried = was

    async def _overlap(self, lease: Any) -> TxkeaError:
        """Why the store refuses a lease whose address is free."""
        there = await self._site().leases.overlapping(lease.address, lease.prefix_length) if self._wide else ()
        for other in there:
            if other.address != lease.address:
                return ConflictError(f"{_name(lease)} overlaps the lease of {_name(other)}; delete that one first")
        return ConflictError(f"the lease of {_name(lease)} was changed by somebody else meanwhile; try again")

    async def _delete(self, arguments: Any) -> Answer:
        selector = self._finder.selector(arguments)
        if not await self._remove(selector, LeaseArguments(arguments, "the lease").from_partner):
            return Answer(Result.EMPTY, f"{self._view.label} lease not found.")
        return Answer(Result.SUCCESS, f"{self._view.label} lease deleted.")

    async def _remove(self, selector: Selector, partner: bool) -> bool:
        """Delete a lease; one that changed meanwhile is looked up again."""
        store = self._site().leases
        while (found := await self._finder.one(selector)) is not None:
            if await store.remove(found):
                self._changed(None, found, partner)
                return True
        return False

    def _resend_ddns(self, arguments: Any) -> Answer:
        LeaseArguments(arguments, "ip-address").address("ip-address", self._view.number)
        raise ConflictError("DDNS updating is not enabled: this server sends no DNS updates")

    # -- many ----------------------------------------------------------------------------------------------------------

    async def _turn(self) -> None:
        """Let others have the reactor."""
        await deferLater(self._reactor, 0, lambda: None)

    async def _pages(self) -> AsyncIterator[Sequence[Any]]:
        store, after = self._site().leases, None
        while leases := await store.page(after, PAGE):
            yield leases
            after = leases[-1].address
            await self._turn()

    async def _wipe(self, arguments: Any) -> Answer:
        """Delete all leases of a subnet, or of all subnets (Kea G049)."""
        given = LeaseArguments({} if arguments is None else arguments, "subnet-id, or nothing")
        number = given.number("subnet-id", 0, UINT32, 0)
        subnets = {number} if number else {subnet.id for subnet in self._site().subnets.subnets}
        count = 0
        async for leases in self._pages():
            count += sum(await together([self._wiped(lease, subnets) for lease in leases]))
        numbers = "".join(f" {each}" for each in sorted(subnets))
        text = f"Deleted {count} {self._view.label} lease(s) from subnet(s){numbers}"
        return Answer(Result.SUCCESS if count else Result.EMPTY, text)

    async def _wiped(self, lease: Any, subnets: Iterable[int]) -> bool:
        """Delete a lease if it is of these subnets, as it is now."""
        store = self._site().leases
        while lease is not None and lease.subnet_id in subnets:
            if await store.remove(lease):
                self._changed(None, lease, False)
                return True
            lease = await store.get(lease.address)
        return False

    # -- a batch of DHCPv6 leases --------------------------------------------------------------------------------------

    async def _bulk_apply(self, arguments: Any) -> Answer:
        """Delete some leases, then add or update others; nothing is done if one of them is malformed (Kea G052)."""
        given = LeaseArguments(arguments, "deleted-leases or leases")
        if "deleted-leases" not in given and "leases" not in given:
            raise TxkeaError("'deleted-leases' and 'leases' are both missing")
        deleted = given.list("deleted-leases") if "deleted-leases" in given else ()
        leases = given.list("leases") if "leases" in given else ()
        selectors = await self._parsed("deleted-leases", deleted, self._finder.selector)
        entered = await self._parsed("leases", leases, lambda each: self._entered(each)[1])
        delete, put = (partial(each, given.from_partner) for each in (self._bulk_delete, self._bulk_put))
        failures = {
            "failed-deleted-leases": await self._in_batches(selectors, lambda each: each[:3], delete),
            "failed-leases": await self._in_batches(entered, lambda lease: lease.address, put),
        }
        count = len(selectors) + len(entered) - sum(map(len, failures.values()))
        result = Result.SUCCESS if count else Result.EMPTY
        failed = {name: list(failures) for name, failures in failures.items() if failures}
        return Answer(result, f"Bulk apply of {count} IPv6 leases completed.", failed or None)

    async def _parsed(self, name: str, values: Sequence[Any], parse: Callable[[Any], Any]) -> list[Any]:
        parsed: list[Any] = []
        for number, value in enumerate(values):
            if number % PAGE == PAGE - 1:
                await self._turn()
            try:
                parsed.append(parse(value))
            except TxkeaError as error:
                raise TxkeaError(f"'{name}[{number}]': {error}") from None
        return parsed

    async def _in_batches(
        self,
        items: Sequence[Any],
        key: Callable[[Any], object],
        change: Callable[[Any], Coroutine[Any, Any, Mapping[str, Any] | None]],
    ) -> list[Mapping[str, Any]]:
        """Make many changes, those of one batch at once so that they share a commit; gives what failed.

        What two of them have in common is changed in their order.
        """
        failed: list[Mapping[str, Any]] = []
        batch: dict[object, Any] = {}
        for item in (*items, None):
            if batch and (item is None or key(item) in batch or len(batch) >= PAGE):
                failed += filter(None, await together([change(each) for each in batch.values()]))
                batch.clear()
                await self._turn()
            if item is not None:
                batch[key(item)] = item
        return failed

    async def _bulk_delete(self, partner: bool, selector: Selector) -> Mapping[str, Any] | None:
        try:
            if await self._remove(selector, partner):
                return None
        except TxkeaError as error:
            return _failure(selector.told, Result.ERROR, str(error))
        return _failure(selector.told, Result.EMPTY, "lease not found")

    async def _bulk_put(self, partner: bool, lease: Any) -> Mapping[str, Any] | None:
        try:
            await self._put(lease, True, partner)
        except TxkeaError as error:
            named = {"type": f"IA_{LeaseType(lease.type).name}", "ip-address": address_text(lease.address)}
            return _failure(named, Result.ERROR, str(error))
        return None

    # -- files ---------------------------------------------------------------------------------------------------------

    async def _write(self, arguments: Any) -> Answer:
        """Write all leases into a lease file; those that change meanwhile as they were or as they are then."""
        name = LeaseArguments(arguments, "filename").text("filename")
        written = await self._files.write(name, self._rows())
        return Answer(text=f"{self._view.label} lease database into '{written.path}'.")

    async def _rows(self) -> AsyncIterator[bytes]:
        yield self._form.header
        async for leases in self._pages():
            yield b"".join([self._form.row(lease) for lease in leases])


def _name(lease: Any) -> str:
    """Its address, or its prefix with the length."""
    address = address_text(lease.address)
    return f"{address}/{lease.prefix_length}" if lease.type == LeaseType.PD else address


def _failure(lease: Mapping[str, Any], result: int, text: str) -> Mapping[str, Any]:
    """What is told of a lease of a batch that could not be changed."""
    return {**lease, "result": int(result), "error-message": text}
