"""Sessions, and records that the accounting server has not acknowledged yet, in one SQLite database."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, Final

from txkea.errors import TxkeaError
from txkea.radius.sessions import Attributes, Cause, Change, Event, Record, Session, Status, account

__all__ = ["Ledger"]

MODE: Final = 0o640
"""Who had which address is nobody's business but the server's and its group's."""
VERSION: Final = 1
SCHEMA: Final = f"""
CREATE TABLE session (
    address BLOB PRIMARY KEY, id TEXT NOT NULL, start REAL NOT NULL, client TEXT NOT NULL, attributes TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE record (
    number INTEGER PRIMARY KEY AUTOINCREMENT, status INTEGER NOT NULL, at REAL NOT NULL, address BLOB NOT NULL,
    attributes TEXT NOT NULL
);
CREATE INDEX interim ON record (number) WHERE status = {int(Status.INTERIM)};
CREATE TABLE history (path TEXT PRIMARY KEY);
CREATE TABLE last (at REAL NOT NULL);
INSERT INTO last VALUES (0);
PRAGMA user_version = {VERSION};
"""
FIND: Final = "SELECT * FROM session WHERE address = ?"
KEEP: Final = "INSERT OR REPLACE INTO session VALUES (?, ?, ?, ?, ?)"
FORGET: Final = "DELETE FROM session WHERE address = ?"
APPEND: Final = "INSERT INTO record (status, at, address, attributes) VALUES (?, ?, ?, ?)"
ACKNOWLEDGED: Final = "DELETE FROM record WHERE number = ?"
SEEN: Final = "CREATE TEMP TABLE seen (address BLOB PRIMARY KEY) WITHOUT ROWID"
UNSEEN: Final = "SELECT * FROM session WHERE start < ? AND address NOT IN temp.seen"
QUEUE: Final = "SELECT status, at, address, attributes, number FROM record ORDER BY number"
OLDEST: Final = (
    f"SELECT number FROM record WHERE status = {int(Status.INTERIM)} ORDER BY number LIMIT ?",
    "SELECT number FROM record ORDER BY number LIMIT ?",
)
"""What gives way when there is too much: Interim-Updates, and when there are none left whatever is oldest."""


class Ledger:
    """The database; used by one thread. What it cannot do raises `sqlite3.Error`.

    No other process can use the file meanwhile. Changes are durable after `commit`, except in a power failure, where
    those of the last seconds may be lost. ``most`` is how many records may wait.
    """

    def __init__(self, path: str, most: int) -> None:
        self.path = path
        self.most = most
        self.dropped = self._dropped = 0
        """Records that gave way, ever since."""
        self.waiting = 0
        """Records that are not acknowledged."""
        self._taken: dict[int, bytes] = {}
        self._told: list[int] = []
        self._last = 0
        """The number of the last record that was added, ever."""
        self._database = self._opened()
        (self.left,) = self._database.execute("SELECT at FROM last").fetchone()
        """When the last event happened before the file was opened; 0 if there was none."""
        self._latest = 0.0
        self.refresh()

    def _opened(self) -> sqlite3.Connection:
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, MODE))
        database = sqlite3.connect(self.path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA temp_store = MEMORY")
            (version,) = database.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                raise TxkeaError(f"{self.path} is of a newer txkea (its version is {version}); mend: move it away")
            if not version:
                database.executescript(f"BEGIN; {SCHEMA} COMMIT;")
            database.execute(SEEN)
        except BaseException:
            database.close()
            raise
        return database

    def refresh(self) -> None:
        """Count what there is."""
        (self.waiting,) = self._database.execute("SELECT count(*) FROM record").fetchone()
        (self._last,) = self._database.execute("SELECT coalesce(max(seq), 0) FROM sqlite_sequence").fetchone()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    # -- changes -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin to change something."""
        self._dropped = self.dropped
        self._database.execute("BEGIN")

    def commit(self) -> None:
        """Have what was changed stay."""
        if self._latest:
            self._database.execute("UPDATE last SET at = max(at, ?)", (self._latest,))
            self._latest = 0.0
        self._database.execute("COMMIT")
        for number in self._told:
            self._taken.pop(number, None)
        self._told.clear()

    def rollback(self) -> None:
        """Have nothing changed since `begin`."""
        if self._database.in_transaction:
            self._database.execute("ROLLBACK")
        self.dropped = self._dropped
        self._told.clear()
        self.refresh()

    def account(self, event: Event) -> list[Record]:
        """Let an event change its session, and add what is to be told of it."""
        before = self.session(event.address)
        self._latest = max(self._latest, event.at)
        session, records = account(event, before, self._last + 1)
        if session is not None and session is not before:
            self._keep(session)
        elif session is None and before is not None:
            self._database.execute(FORGET, (event.address,))
        for record in records:
            self.append(record)
        return records

    def _keep(self, session: Session) -> None:
        client = " ".join(sorted(session.client))
        self._database.execute(KEEP, (*session[:3], client, _encoded(session.attributes)))

    def append(self, record: Record) -> list[Record]:
        """Add a record, and give it; the oldest Interim-Update gives way if there are too many."""
        self._last = self._database.execute(APPEND, (*record[:3], _encoded(record.attributes))).lastrowid or 0
        self.waiting += 1
        if self.waiting > self.most:
            self._make_room(self.waiting - self.most)
        return [record]

    def _make_room(self, count: int) -> None:
        for query in OLDEST:
            numbers = [number for (number,) in self._database.execute(query, (count + len(self._taken),))]
            for number in [each for each in numbers if each not in self._taken][:count]:
                self._database.execute(ACKNOWLEDGED, (number,))
                self.waiting -= 1
                self.dropped += 1
                count -= 1

    def acknowledged(self, number: int) -> None:
        """A record was told; with `commit` it is gone, and the next one of its address can be taken."""
        self.waiting -= self._database.execute(ACKNOWLEDGED, (number,)).rowcount
        self._told.append(number)

    def remember(self, path: str, sessions: Iterable[Session]) -> None:
        """Take over the sessions of a file that was read: once for each file, and only those that are not known."""
        for session in sessions:
            if self.session(session.address) is None:
                self._keep(session)
        self._database.execute("INSERT OR IGNORE INTO history VALUES (?)", (path,))

    def found(self, addresses: Sequence[bytes], events: Iterable[Event]) -> list[Record]:
        """These have leases; ``events`` are the grants of some of them, for whom there may be no session."""
        self._database.executemany("INSERT OR IGNORE INTO seen VALUES (?)", ((each,) for each in addresses))
        unknown = [event for event in events if self.session(event.address) is None]
        return [record for event in unknown for record in self.account(event)]

    def all_found(self, before: float, now: float) -> list[Record]:
        """End the sessions from before that time of addresses that were not found since the last call."""
        rows = self._database.execute(UNSEEN, (before,)).fetchall()
        self._database.execute("DELETE FROM seen")
        lost = [
            Event(Change.ENDED, now, each.address, each.client, (), Cause.LOST_SERVICE) for each in map(_session, rows)
        ]
        return [record for event in lost for record in self.account(event)]

    # -- looks ---------------------------------------------------------------------------------------------------------

    def session(self, address: bytes) -> Session | None:
        """The open session of an address."""
        row = self._database.execute(FIND, (address,)).fetchone()
        return _session(row) if row is not None else None

    def sessions(self) -> int:
        """How many are open."""
        (count,) = self._database.execute("SELECT count(*) FROM session").fetchone()
        return int(count)

    def remembers(self, path: str) -> bool:
        """Whether a file was taken over."""
        return self._database.execute("SELECT 1 FROM history WHERE path = ?", (path,)).fetchone() is not None

    def take(self, limit: int) -> list[Record]:
        """Up to so many records that may be told now, the oldest first; of each address only its first one.

        What is taken is not given again before it is acknowledged. A record of the server itself is told alone, when
        all before it were.
        """
        found: list[Record] = []
        busy = {*self._taken.values()}
        for status, at, address, attributes, number in self._database.execute(QUEUE):
            if len(found) >= limit or (busy and not address) or b"" in busy:
                break
            if address not in busy:
                busy.add(address)
                found.append(Record(Status(status), at, address, _decoded(attributes), number))
        self._taken.update((record.number, record.address) for record in found)
        return found


def _session(row: Sequence[Any]) -> Session:
    *rest, client, attributes = row
    return Session._make((*rest, frozenset(client.split()), _decoded(attributes)))


def _encoded(attributes: Attributes) -> str:
    return json.dumps(attributes, default=_octets, separators=(",", ":"))


def _octets(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    raise TypeError(f"no attribute has a value such as {value!r}")


def _decoded(text: str) -> Attributes:
    return tuple((_name(name), _value(value)) for name, value in json.loads(text))


def _name(name: Any) -> Any:
    return tuple(name) if isinstance(name, list) else name


def _value(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value
