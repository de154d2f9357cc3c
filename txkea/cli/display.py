"""How the commands show what a server said; nothing in it can act on the terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.table import Table
from rich.text import Text

from txkea.cli.parameters import Options
from txkea.logs.pattern import printable
from txkea.model.lease import INFINITE
from txkea.wire.options import decode_text

__all__ = ["duration", "option_row", "table"]


def table(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values."""
    result = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for row in rows:
        result.add_row(*(Text(printable(each)) for each in row))
    return result


def option_row(options: Options, code: int, payload: bytes) -> tuple[str, str]:
    """An option's name and value."""
    definition = options.definition(str(code))
    if definition is None:
        return f"option {code}", payload.hex()
    return definition.name, decode_text(definition, payload, options.family)


def duration(seconds: int) -> str:
    """Seconds as a person counts them."""
    if seconds == INFINITE:
        return "for ever"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86400
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    parts += [f"{seconds % 60} s"] * bool(seconds % 60 or not parts)
    return " ".join(parts) if len(parts) == 1 and seconds < 60 else f"{seconds} s ({' '.join(parts)})"
