"""What databases hold of a reservation in a form of their own: options, lists of classes, user contexts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from txkea.config.families import BY_NUMBER
from txkea.config.options import SPACES
from txkea.config.parameters import definitions_of
from txkea.errors import Malformed, TxkeaError
from txkea.interfaces import ILogger
from txkea.model.configuration import Configuration, Host, JSONObject, OptionData
from txkea.wire.definition import OptionDefinition
from txkea.wire.options import encode_text, read

__all__ = ["StoredOption", "StoredOptions", "class_names", "context_text", "joined", "refuse_unfit", "user_context"]

SEPARATOR: Final = ","
TOLD: Final = 1000
"""How many faults are told of; who has more will have understood."""


class StoredOption(NamedTuple):
    """One option of a host as a database has it (Kea E038)."""

    code: int
    space: str
    """``""`` for the family's own."""
    value: bytes
    formatted: str
    """Text to be parsed by the definition that is in force, or ``""`` if the value counts (Kea F012)."""
    always_send: bool = False
    never_send: bool = False
    client_classes: tuple[str, ...] = ()


class StoredOptions:
    """Reads options by the definitions of a configuration."""

    def __init__(self, configuration: Configuration, log: ILogger) -> None:
        self._family = BY_NUMBER[configuration.family]
        self._definitions = definitions_of(configuration)
        self._log = log
        self._told: set[str] = set()

    def read(self, stored: Iterable[StoredOption], host: str) -> tuple[OptionData, ...]:
        """What can be used of a host's options; the rest is logged. ``host`` tells which it is.

        May run in any thread: a logger may be called there too.
        """
        found: list[OptionData] = []
        for each in stored:
            try:
                found.append(self._option(each))
            except (ValueError, Malformed) as error:
                which = f"option {each.code} of the space {each.space or self._family.space}"
                self._tell(f"{host}: {which} is left out: {error}")
        return tuple(found)

    def _tell(self, text: str) -> None:
        """Once, not for every query of its client."""
        if self._log.warn and text not in self._told and len(self._told) < TOLD:
            self._told.add(text)
            self._log.warn("TXKEA_HOST_OPTION_UNUSABLE", text)

    def _option(self, stored: StoredOption) -> OptionData:
        """Raises ValueError and `Malformed`."""
        space = SPACES.get(stored.space, stored.space) or self._family.space
        definition = self._definitions.by_code(space, stored.code)
        known = definition or OptionDefinition(code=stored.code, name="", space=space, kind="binary")
        return OptionData(
            code=stored.code,
            space=space,
            payload=self._payload(stored, definition),
            name=known.name,
            always_send=stored.always_send,
            never_send=stored.never_send,
            client_classes=stored.client_classes,
            encapsulates=known.encapsulates,
        )

    def _payload(self, stored: StoredOption, definition: OptionDefinition | None) -> bytes:
        if definition is None or not (stored.formatted or stored.value):
            return stored.value
        if stored.formatted:
            return encode_text(definition, stored.formatted, self._family.number, [])
        if definition.kind != "empty":
            read(definition, stored.value, self._family.number)
        return stored.value


# -- texts -------------------------------------------------------------------------------------------------------------


def class_names(text: str | None) -> tuple[str, ...]:
    """The names in a list with commas (Kea E035)."""
    return tuple([name.strip() for name in (text or "").split(SEPARATOR) if name.strip()])


def joined(names: Sequence[str]) -> str:
    """The list with commas; raises `TxkeaError` for a name that cannot stand in one."""
    for name in names:
        if SEPARATOR in name or name != name.strip() or not name:
            raise TxkeaError(f"the class {name!r} has a comma or outer spaces in its name: a database cannot keep it")
    return SEPARATOR.join(names)


def user_context(text: str | None) -> JSONObject | None:
    """A user context from its JSON; None for none, and for what is not a map."""
    try:
        value: Any = json.loads(text or "null")
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def context_text(context: JSONObject | None) -> str | None:
    """The JSON of a user context."""
    return None if context is None else json.dumps(context, ensure_ascii=False)


def refuse_unfit(host: Host) -> None:
    """Raise `TxkeaError` for text that no database keeps as it is."""
    texts = (
        host.hostname,
        host.server_hostname,
        host.boot_file_name,
        *host.client_classes,
        *(option.space for option in host.options),
        context_text(host.user_context) or "",
    )
    for each in texts:
        if "\0" in each or any("\ud800" <= letter <= "\udfff" for letter in each):
            raise TxkeaError(f"{each!r} cannot be kept: it has a NUL or half a character in it")
