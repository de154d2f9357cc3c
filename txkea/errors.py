"""Every error that txkea raises on purpose.

The request path says no by raising `Drop` or `Refuse`; `txkea.server` is the one place that hears it.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = [
    "Away",
    "Busy",
    "ConfigError",
    "ConfigErrors",
    "Drop",
    "EvaluationError",
    "ExpressionError",
    "Malformed",
    "NoSuchProvider",
    "Position",
    "Refuse",
    "TxkeaError",
    "Unavailable",
]


class TxkeaError(Exception):
    """The root of all errors of txkea."""


class Drop(TxkeaError):
    """This query gets no answer.

    ``statistic`` is the name of the counter that grows beside ``pkt4-receive-drop`` or ``pkt6-receive-drop`` (or
    ``""``), ``message`` the identifier of the log message (``""``: the family's own for dropped packets), the
    exception's text the reason in words.
    """

    def __init__(self, reason: str, statistic: str = "", message: str = "") -> None:
        super().__init__(reason)
        self.statistic = statistic
        self.message = message


class Malformed(Drop):
    """The bytes are not what the protocol says; counted as the family's ``parse-failed``."""


class Refuse(TxkeaError):
    """This query gets a negative answer (DHCPNAK; a status code in v6), the text says why."""


class ExpressionError(TxkeaError):
    """A class expression is none: ``message`` says what is wrong and what would be right.

    ``column`` counts characters of the expression from 1.
    """

    def __init__(self, message: str, column: int) -> None:
        super().__init__(f"column {column}: {message}")
        self.message = message
        self.column = column


class EvaluationError(TxkeaError):
    """A class expression has no value for this query (Kea D046): who evaluates logs it, and goes on (Kea D012)."""


class Unavailable(TxkeaError):
    """A store, a partner or a server could not do its part now (disk full, connection lost): nothing was changed."""


class Away(Unavailable):
    """A backend is away, and the log has said so when it went: not to be told again for every query."""


class Busy(Unavailable):
    """More is asked of a store than it does in time: better not to begin what would end too late for its client."""


class Position(NamedTuple):
    """Where in a text: file name, line and column, both counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class ConfigError(TxkeaError):
    """One thing wrong in a configuration: ``message`` says what, and what would be right.

    ``path`` is the place in the tree, such as ``Dhcp4.subnet4[0].pools[1].pool``; ``position`` is None where the value
    came from no file (a command).
    """

    def __init__(self, message: str, path: str = "", position: Position | None = None) -> None:
        self.message = message
        self.path = path
        self.position = position
        super().__init__(": ".join(str(part) for part in (position, path, message) if part))


class ConfigErrors(TxkeaError):
    """Everything wrong in a configuration, in the order of the file."""

    def __init__(self, errors: list[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(error) for error in errors))


class NoSuchProvider(ConfigError):
    """A provider was named that is not installed."""
