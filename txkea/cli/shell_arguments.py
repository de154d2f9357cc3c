"""The arguments of a command as they are typed: JSON, or words such as ``subnet-id=1``."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any, Final

from txkea.cli.shell_words import TEXTS
from txkea.control.request import RequestError, parse
from txkea.errors import TxkeaError

__all__ = ["WrongArgumentsError", "arguments_of", "typed"]

BRACKETS: Final = ("{", "[")


class WrongArgumentsError(TxkeaError):
    """What was typed is no arguments."""


def arguments_of(words: Sequence[str]) -> Any:
    """The arguments that words come to, None for none. Raises `WrongArgumentsError`."""
    if not words:
        return None
    if words[0].startswith(BRACKETS):
        return json_of(" ".join(words))
    found: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise WrongArgumentsError(f"{word!r} is neither JSON nor NAME=VALUE")
        if name in found:
            raise WrongArgumentsError(f"{name!r} is given twice")
        found[name] = value_of(name, value)
    return found


def json_of(text: str) -> Any:
    """The value of a JSON text. Raises `WrongArgumentsError`."""
    try:
        return parse(text.encode("utf-8", "surrogateescape"))
    except RequestError as error:
        raise WrongArgumentsError(f"the arguments are no JSON: {error}") from None


def value_of(name: str, text: str) -> Any:
    """JSON if it is that, or else a text."""
    try:
        value = json_of(text)
    except WrongArgumentsError:
        if text.startswith(BRACKETS):
            raise
        return text
    return text if name in TEXTS and not isinstance(value, str) else value


def typed(line: str) -> tuple[str, Any]:
    """Command and arguments of a line; quotes keep blanks in words. Raises `WrongArgumentsError`."""
    command, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if rest.startswith(BRACKETS):
        return command, json_of(rest)
    try:
        return command, arguments_of(shlex.split(rest))
    except ValueError:
        raise WrongArgumentsError("a quote has no end") from None
