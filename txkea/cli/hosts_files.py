"""Files of reservations: JSON in one list or a line each, as commands and configurations have them, and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from txkea.cli.leases_entries import Cells, Entry, entries_of, parsed, sniffed, whole
from txkea.cli.leases_formats import Record, csv_table, json_lines, json_list
from txkea.config.families import BY_NUMBER
from txkea.config.options import Options
from txkea.config.reservations import hosts
from txkea.config.structure import Problems, structure
from txkea.config.text import from_json
from txkea.errors import ConfigError, TxkeaError
from txkea.model.configuration import Host
from txkea.wire.definitions import Definitions

__all__ = ["FORMATS", "HIGHEST_SUBNET", "HostReader", "host_entries"]

COLUMNS: Final = {
    4: (
        "subnet-id", "hw-address", "client-id", "duid", "circuit-id", "flex-id", "ip-address", "hostname",
        "client-classes", "next-server", "server-hostname", "boot-file-name", "option-data", "user-context",
    ),
    6: (
        "subnet-id", "duid", "hw-address", "flex-id", "ip-addresses", "prefixes", "excluded-prefixes", "hostname",
        "client-classes", "option-data", "user-context",
    ),
}  # fmt: skip
"""The header of CSV files: the keywords of a reservation."""
LISTS: Final = ("ip-addresses", "prefixes", "client-classes")
"""In CSV their members stand with spaces between them, unless one of them would be misunderstood so."""
AS_JSON: Final = ("option-data", "user-context", "excluded-prefixes")
SUBNET: Final = "subnet-id"
HIGHEST_SUBNET: Final = (1 << 32) - 2

Map = Mapping[str, Any]

# -- writing -----------------------------------------------------------------------------------------------------------


def csv_text(family: int, pages: Iterable[Sequence[Record]]) -> Iterator[bytes]:
    """CSV."""
    return csv_table(COLUMNS[family], ([_cells(record.shown) for record in page] for page in pages))


def _cells(shown: Map) -> Map:
    filled = {name: value for name, value in shown.items() if value not in ([], "", None)}
    return {name: _joined(value) if name in LISTS else value for name, value in filled.items()}


def _joined(members: Sequence[str]) -> Any:
    text = " ".join(members)
    return text if text.split() == list(members) and not text.startswith("[") else members


def configured(family: int, pages: Iterable[Sequence[Record]]) -> Iterator[bytes]:
    """A JSON list such as ``reservations`` of a configuration is: where it stands tells the subnet."""
    return json_list(family, ([Record(_without(record.shown)) for record in page] for page in pages))


def _without(shown: Map) -> Map:
    return {name: value for name, value in shown.items() if name != SUBNET}


FORMATS: Final[Mapping[str, Callable[[int, Iterable[Sequence[Record]]], Iterator[bytes]]]] = {
    "csv": csv_text,
    "json": json_list,
    "jsonl": json_lines,
    "config": configured,
}
"""By their names."""

# -- reading -----------------------------------------------------------------------------------------------------------


def host_entries(form: str | None, family: int, file: Any) -> Iterator[Entry]:
    """The reservations of a file; its format is found out unless it is told. Raises `TxkeaError`."""
    stream: BinaryIO = file
    found = form or sniffed(file.peek(4096), SUBNET)
    if found == "kea":
        raise TxkeaError("it is a lease file, and has no reservations")
    return entries_of(found, Cells(COLUMNS[family], _value), stream)


def _value(name: str, text: str) -> Any:
    """The value of a cell. Raises ValueError."""
    if name == SUBNET:
        return whole(text)
    if name in AS_JSON or (name in LISTS and text.startswith("[")):
        return parsed(text)
    return text.split() if name in LISTS else text.removeprefix("'")


class HostReader:
    """Makes hosts of what is written of them, by definitions of options; no subnet need be known."""

    def __init__(self, family: int, definitions: Definitions) -> None:
        self._family = BY_NUMBER[family]
        self._options = Options(self._family, definitions)

    def read(self, entry: Entry) -> Host:
        """The host of an entry. Raises `TxkeaError` with all that is wrong in it."""
        if entry.wrong:
            raise TxkeaError(entry.wrong)
        subnet_id = entry.shown.get(SUBNET)
        if isinstance(subnet_id, bool) or not isinstance(subnet_id, int) or not 0 <= subnet_id <= HIGHEST_SUBNET:
            raise TxkeaError(f"{SUBNET!r} is missing or no number of a subnet; 0 is a global reservation")
        problems = Problems()
        section = structure(from_json(_without(entry.shown)).root, "reservations", self._family.maps, problems)
        found = hosts([section], subnet_id, None, False, self._options, self._family)
        if problems.errors or not found:
            raise TxkeaError("; ".join(map(_text, problems.errors)))
        return found[0]


def _text(error: ConfigError) -> str:
    return f"{error.path}: {error.message}" if error.path else error.message
