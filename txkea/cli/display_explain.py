"""How ``txkea explain`` shows an explanation; nothing in it can act on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rich.text import Text

from txkea.cli.display import duration
from txkea.explain.explanation import (
    Configured,
    Explanation,
    Inquiry,
    Leased,
    Membership,
    Part,
    PoolUse,
    Reservation,
    Selection,
)
from txkea.logs.pattern import printable

__all__ = ["lines"]

YES: Final = ("+", "green")
NO: Final = ("-", "bright_black")
DEPTH: Final = 5
"""How deep expressions are taken apart."""
MANY: Final = 20
"""Classes that a client is not in, of which not each one is told."""

Row = tuple[tuple[str, ...], "tuple[str, str] | None"]
"""Cells, and the mark before them."""


def lines(explanation: Explanation) -> Iterator[Text]:
    """The explanation from top to bottom."""
    yield from _decision(explanation)
    if explanation.classes:
        yield from _section("Classes", _classes(explanation.classes))
    if explanation.selection is not None:
        yield from _section(_subnet_title(explanation.selection), _steps(explanation.selection))
    for inquiry in explanation.inquiries:
        yield from _section(f"Asked of {inquiry.source}: {inquiry.outcome}", _inquiry(inquiry))
    if explanation.reservation is not None:
        yield from _section("Reservation", _reservation(explanation.reservation))
    if explanation.pools:
        yield from _section("Pools", _aligned([_pool(pool) for pool in explanation.pools]))
    if explanation.leases:
        yield from _section("Lease", _leases(explanation.leases))
    if explanation.fields:
        yield from _section("Fields", _aligned([(row, None) for row in _options(explanation.fields)]))
    if explanation.options:
        yield from _section("Options", _aligned([(row, None) for row in _options(explanation.options)]))
    if explanation.missing:
        missing = [((f"{each.name} ({each.code})", each.reason), NO) for each in explanation.missing]
        yield from _section("Asked for, but not given", _aligned(missing))
    if explanation.log:
        yield from _section("In the log", (_line(text) for text in explanation.log))


def _line(text: str, mark: tuple[str, str] | None = None, indent: int = 1) -> Text:
    head = "  " * indent + (f"{mark[0]} " if mark else "")
    return Text(f"{head}{printable(text)}".rstrip(), style=mark[1] if mark == NO and mark is not None else "")


def _section(title: str, content: Iterable[Text]) -> Iterator[Text]:
    yield Text()
    yield Text(printable(title), style="bold")
    yield from content


def _aligned(rows: Sequence[Row]) -> Iterator[Text]:
    """Rows of columns, but for the last as wide as their longest cell."""
    shown = [(tuple(map(printable, cells)), mark) for cells, mark in rows]
    count = max((len(cells) for cells, _ in shown), default=0)
    widths = [max(len(cells[at]) if at < len(cells) else 0 for cells, _ in shown) for at in range(count - 1)]
    for cells, mark in shown:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
        yield _line("  ".join((*padded, *cells[len(padded) :])), mark)


def _decision(explanation: Explanation) -> Iterator[Text]:
    who = f" of {explanation.client}" if explanation.client else ""
    yield Text(printable(f"{explanation.query or 'Something'}{who}, {explanation.way}"))
    if not explanation.answer:
        counted = f" (counted as {explanation.statistic})" if explanation.statistic else ""
        yield Text(printable(f"No answer: {explanation.reason}{counted}"), style="bold red")
        return
    got = [each.what for each in explanation.leases if each.valid]
    answer = " ".join((explanation.answer, *got))
    why = f": {explanation.reason}" if explanation.reason else ""
    style = "bold red" if explanation.reason else "bold green"
    yield Text(printable(f"{answer}, to {explanation.destination}{why}"), style=style)


def _inquiry(inquiry: Inquiry) -> Iterator[Text]:
    sent: list[Row] = [(("tells", name, value), None) for name, value in inquiry.sent]
    received: list[Row] = [(("says", name, value), None) for name, value in inquiry.received]
    yield from _aligned([*sent, *received])


# -- classes -----------------------------------------------------------------------------------------------------------


def _classes(classes: Sequence[Membership]) -> Iterator[Text]:
    others = sum(not each.member for each in classes)
    told = [each for each in classes if each.member or others <= MANY]
    width = max(len(printable(each.name)) for each in told)
    for each in told:
        mark = YES if each.member else NO
        yield _line(f"{printable(each.name).ljust(width)}  {each.reason}", mark)
        if each.expression is not None:
            value = "" if each.expression.value in ("true", "false") else f" = {each.expression.value}"
            yield _line(f"{each.expression.text}{value}", indent=3)
            yield from _parts(each.expression, 4)
    if others > MANY:
        yield _line(f"and not in {others} others, which --json tells one by one", NO)


def _parts(whole: Part, indent: int) -> Iterator[Text]:
    for each in whole.parts if indent < 4 + DEPTH else ():
        yield _line(f"{each.text} = {each.value}", indent=indent)
        yield from _parts(each, indent + 1)


# -- places ------------------------------------------------------------------------------------------------------------


def _subnet_title(selection: Selection) -> str:
    if not selection.subnet:
        return "Subnet: none"
    network = f" of shared network {selection.network}" if selection.network else ""
    return f"Subnet {selection.subnet}: {selection.prefix}{network}"


def _steps(selection: Selection) -> Iterator[Text]:
    for step in selection.steps:
        found = f"subnet {step.subnet}" if step.subnet else "none"
        yield _line(f"{step.way}: {found}", YES if step.subnet else NO)
        for number, why in step.passed:
            yield _line(f"not subnet {number}: {why}", indent=3)
    if selection.moved:
        yield _line(selection.moved)


def _reservation(found: Reservation) -> Iterator[Text]:
    if found.scope:
        what = ", ".join(found.reserved) or "nothing but options"
        yield _line(f"{found.scope}, by {found.identifier}: {what}", YES)
    else:
        yield _line(f"none for {' or '.join(found.looked_up)} in: {', '.join(found.places)}", NO)


def _pool(pool: PoolUse) -> Row:
    return (f"subnet {pool.subnet}", pool.range, pool.reason), YES if pool.used else NO


# -- what the client gets ----------------------------------------------------------------------------------------------


def _leases(leases: Sequence[Leased]) -> Iterator[Text]:
    for each in leases:
        name = f"{each.association}: " if each.association else ""
        if not each.valid:
            yield _line(f"{name}{f'{each.what}: ' if each.what else ''}{each.reason}", NO)
            continue
        pool = f"pool {each.pool}" if each.pool else "in no pool"
        yield _line(f"{name}{each.what}: {each.reason}; subnet {each.subnet}, {pool}", YES)
        preferred = "" if each.preferred is None else f", preferred for {duration(each.preferred)}"
        yield _line(f"valid for {duration(each.valid)}{preferred} [{each.scope}]", indent=3)
        yield _line("stored as a lease" if each.stored else "not stored yet", indent=3)


def _options(options: Sequence[Configured], indent: int = 0) -> Iterator[tuple[str, ...]]:
    for each in options:
        code = f" ({each.code})" if each.code else ""
        yield (f"{'  ' * indent}{each.name}{code}", each.text, f"[{each.scope}]")
        yield from _options(each.parts, indent + 1)
