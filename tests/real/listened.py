"""Databases of the tests that tell which statements they were given, by their own logs."""

from __future__ import annotations

import re
import socket
from typing import Any, ClassVar, Final

from sqlalchemy import URL, create_engine

from tests.real.cassandra import Cassandra
from tests.real.databases import MariaDB, Postgres
from tests.real.redis import Redis

__all__ = ["ListenedCassandra", "ListenedMariaDB", "ListenedPostgres", "ListenedRedis"]

ENTRY: Final = "@ENTRY@"


class ListenedPostgres(Postgres):
    """PostgreSQL that logs each statement, and its parameters apart from it."""

    settings: ClassVar[dict[str, Any]] = {"log_statement": "all", "log_line_prefix": ENTRY}
    STATEMENT: Final = re.compile(r"LOG:  (?:statement|execute [^:]*): (.*)", re.DOTALL)
    PLACES: Final = re.compile(r"\$\d+(?:::\w+)?(?:, \$\d+(?:::\w+)?)*")
    """However many there are."""
    begun = 0

    def listen(self) -> None:
        """From now on."""
        self.begun = (self.directory / "output").stat().st_size

    def heard(self) -> set[str]:
        """The statements since then."""
        with (self.directory / "output").open("rb") as output:
            output.seek(self.begun)
            entries = output.read().decode(errors="replace").split(ENTRY)
        found = (self.STATEMENT.match(entry) for entry in entries)
        return {self.PLACES.sub("$", match[1].strip()) for match in found if match}

    def misuse(self) -> None:
        """Say what no store says, as a store might."""
        _say(self, "postgresql+psycopg")


class ListenedMariaDB(MariaDB):
    """MariaDB that keeps what it was asked in a table."""

    settings: ClassVar[dict[str, Any]] = {"general-log": 1, "log-output": "TABLE"}
    LITERAL: Final = re.compile(rb"(?:X|_binary)?'(?:[^'\\]|\\.|'')*'|\b\d+\b", re.DOTALL)
    ROW: Final = re.compile(rb"\?(?:, \?)*")
    ROWS: Final = re.compile(rb"(\([^()]*\?[^()]*(?:\(\?\)[^()]*)*\))(?:, ?\1)+")
    """However many there are."""

    def listen(self) -> None:
        """From now on."""
        self.execute("TRUNCATE mysql.general_log")

    def heard(self) -> set[str]:
        """The statements since then, without the values that the driver put into them."""
        asked = "SELECT argument FROM mysql.general_log WHERE command_type IN ('Query', 'Execute', 'Prepare')"
        rows = self.execute(f"{asked} AND user_host NOT LIKE 'root%'")
        texts = (self.ROW.sub(b"?", self.LITERAL.sub(b"?", _octets(argument))) for (argument,) in rows)
        return {self.ROWS.sub(rb"\1", text).decode("latin-1") for text in texts}

    def misuse(self) -> None:
        """Say what no store says, as a store might."""
        _say(self, "mysql+pymysql")


class ListenedRedis(Redis):
    """Redis with somebody at ``MONITOR``."""

    COMMAND: Final = re.compile(rb'^\+\S+ \[\d+ (lua)?[^\]]*\] "(\w+)"', re.MULTILINE)
    monitor: socket.socket | None = None
    shared = None
    """Not that of the other tests."""

    def listen(self) -> None:
        """From now on."""
        if self.monitor is not None:
            self.monitor.close()
        self.monitor = socket.create_connection((self.host, self.port), 10)
        self.monitor.sendall(b"MONITOR\r\n")
        assert self.monitor.recv(64).startswith(b"+OK")

    def heard(self) -> set[str]:
        """The commands since then, those of scripts marked as such."""
        assert self.monitor is not None
        self.ask("ECHO", "that was all")
        text = b""
        while b"that was all" not in text:
            text += self.monitor.recv(1 << 16)
        return {b" ".join(words).decode() for words in self.COMMAND.findall(text)} - {" ECHO", " QUIT"}

    def misuse(self) -> None:
        """Say what no store says."""
        self.ask("FLUSHALL")

    def remove(self) -> None:
        if self.monitor is not None:
            self.monitor.close()
        super().remove()


class ListenedCassandra:
    """Cassandra, the one of all tests, keeps no log of statements: its tables tell."""

    def __init__(self, cassandra: Cassandra) -> None:
        self._cassandra = cassandra
        self.parameters, self.fresh = cassandra.parameters, cassandra.fresh

    @classmethod
    def launch(cls) -> ListenedCassandra:
        """The one of this run."""
        return cls(Cassandra.launch())

    def listen(self) -> None:
        """From now on."""

    def heard(self) -> set[str]:
        """The tables that are there."""
        asked = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = %s"
        return {name for (name,) in self._cassandra.nodes[0].ask(asked, (self._cassandra.keyspace,))}

    def misuse(self) -> None:
        """Say what no store says."""
        self._cassandra.nodes[0].ask(f"CREATE TABLE {self._cassandra.keyspace}.extra (x int PRIMARY KEY)")

    def forgive(self) -> None:
        """Undo it."""
        self._cassandra.nodes[0].ask(f"DROP TABLE {self._cassandra.keyspace}.extra")


def _say(database: Postgres | MariaDB, driver: str) -> None:
    given = database.parameters()
    engine = create_engine(
        URL.create(driver, given["user"], given["password"], given["host"], given["port"], given["name"])
    )
    with engine.begin() as session:
        session.exec_driver_sql("DROP TABLE IF EXISTS extra")
    engine.dispose()


def _octets(text: Any) -> bytes:
    return text if isinstance(text, bytes) else str(text).encode("utf-8", "surrogateescape")
