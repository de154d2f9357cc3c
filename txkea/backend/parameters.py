"""The parameters of a database, checked (Kea E.1)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import frozen

from txkea.errors import ConfigError

__all__ = ["CONTINUE", "EXIT", "ON_FAIL", "RECONNECT", "STOP", "Parameters", "Reconnect"]

STOP, EXIT, CONTINUE = "stop-retry-exit", "serve-retry-exit", "serve-retry-continue"
ON_FAIL: Final = (STOP, EXIT, CONTINUE)
RECONNECT: Final = ("max-reconnect-tries", "reconnect-wait-time", "on-fail", "retry-on-startup", "connect-timeout")
"""The parameters of `Reconnect`, which every backend has."""
WAIT: Final = 1000
"""Milliseconds between two attempts to connect, unless it is said."""
CONNECT_TIMEOUT: Final = 5
"""Seconds that an attempt may take, unless it is said (Kea E005)."""


@frozen(kw_only=True)
class Reconnect:
    """What happens when a backend is away (Kea E.7, E009)."""

    tries: int | None = None
    """How often to try before giving up; None never gives up, and 0 gives up at once, as in Kea (E063)."""
    wait: float = WAIT / 1000
    """Seconds between two tries."""
    on_fail: str = STOP
    """One of `ON_FAIL`."""
    retry_on_startup: bool = False
    """Whether a backend that is away when the server starts is waited for, too."""
    timeout: float = CONNECT_TIMEOUT
    """Seconds that a try may take."""

    @property
    def stops(self) -> bool:
        """Whether the whole service rests while the backend is away."""
        return self.on_fail == STOP

    def exhausted(self, tried: int) -> bool:
        """Whether so many tries in vain end the server."""
        return self.on_fail != CONTINUE and self.tries is not None and tried >= self.tries


@frozen
class Parameters:
    """One database's map of the configuration; a value that cannot be used raises `ConfigError` with its name."""

    values: Mapping[str, Any]

    def number(self, name: str, default: float, *, least: float = 0, most: float = 0xFFFFFFFF) -> float:
        """A number within bounds."""
        value = self.values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.wrong(f"must be a number, at least {least:g}, not {value!r}", name)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self.values.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(f"must be true or false, not {value!r}", name)
        return value

    def text(self, name: str, default: str = "") -> str:
        """A text without NUL."""
        value = self.values.get(name, default)
        if not isinstance(value, str) or "\0" in value:
            raise self.wrong(f"must be a text, not {value!r}", name)
        return value

    def one_of(self, name: str, known: Iterable[str], default: str) -> str:
        """One of some words."""
        value = self.text(name, default)
        if value not in known:
            raise self.wrong(f"must be one of {', '.join(known)}, not {value!r}", name)
        return value

    def file(self, name: str) -> str:
        """The configured name, which must be that of a file (Kea #4647)."""
        value = self.text(name)
        if value.endswith("/") or os.path.basename(value) in (".", ".."):
            raise self.wrong(f"must be the name of a file, not {value!r}", name)
        return value

    def password(self) -> str:
        """The ``password``, or what ``password-file`` holds in its first line."""
        path = self.text("password-file")
        if not path:
            return self.text("password")
        try:
            with open(path, encoding="utf-8") as file:
                return file.readline().rstrip("\r\n")
        except (OSError, ValueError) as error:
            raise self.wrong(f"cannot be read: {error}", "password-file") from None

    def reconnect(self, unit: float = 1) -> Reconnect:
        """What happens when the backend is away; ``unit`` is that of ``connect-timeout`` in seconds (cql: ms)."""
        tries = int(self.number("max-reconnect-tries", 0)) if "max-reconnect-tries" in self.values else None
        wait = self.number("reconnect-wait-time", WAIT)
        return Reconnect(
            tries=tries if wait else 0,
            wait=(wait or WAIT) / 1000,
            on_fail=self.one_of("on-fail", ON_FAIL, STOP),
            retry_on_startup=self.flag("retry-on-startup", False),
            timeout=self.number("connect-timeout", CONNECT_TIMEOUT / unit, least=1) * unit,
        )

    def wrong(self, message: str, name: str) -> ConfigError:
        """The error about one parameter."""
        return ConfigError(message, name)
