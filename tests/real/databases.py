"""PostgreSQL and MariaDB for tests: each started once per run, on a port and in a directory of its own, durable."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from sqlalchemy import URL, Engine, create_engine, text
from typing_extensions import Self

from tests.real.daemons import Daemon, free_port

__all__ = ["DATABASES", "DatabaseServer", "MariaDB", "Postgres"]

USER: Final = "kea"
PASSWORD: Final = 'it\'s a "secret" $1'
SCHEMAS: Final = Path("/usr/share/kea/scripts")


class DatabaseServer(Daemon):
    """A database server with Kea's schema (2.2.0's) in a database ``kea``."""

    owner: ClassVar[str]
    """The user that it runs as, when the tests run as root."""
    script: ClassVar[str]
    """The one that makes Kea's tables."""
    _shared: ClassVar[dict[type, Any]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.port = free_port()
        self._engine: Engine | None = None
        self._full: set[str] = set()

    @classmethod
    def launch(cls) -> Self:
        """The one of this run; started if it is not yet."""
        server: Self | None = cls._shared.get(cls)
        if server is None:
            server = cls._shared[cls] = cls()
            server.initialize()
            server.start()
            server.create_database("kea")
            server.load_schema("kea")
            server._full = {table for table in server.tables() if server.rows(table)}
        elif not server.runs:
            server.start()
        return server

    # -- for tests -----------------------------------------------------------------------------------------------------

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """The map of a ``lease-database`` or ``hosts-database``; an underscore of a keyword is a hyphen."""
        return {
            "type": self.kind,
            "name": "kea",
            "user": USER,
            "password": PASSWORD,
            "host": "127.0.0.1",
            "port": self.port,
            **{name.replace("_", "-"): value for name, value in changes.items()},
        }

    def fresh(self) -> Self:
        """Without a lease or a host."""
        self.empty([table for table in self.tables() if table not in self._full and self.rows(table)])
        return self

    def execute(self, statement: str, **values: Any) -> list[Any]:
        """What an administrator's statement brings; it is committed."""
        with self.engine.begin() as session:
            result = session.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    @property
    def engine(self) -> Engine:
        """An administrator's connections to the database ``kea``."""
        if self._engine is None:
            self._engine = create_engine(self.url("kea"), pool_pre_ping=True)
        return self._engine

    # -- the rest ------------------------------------------------------------------------------------------------------

    def initialize(self) -> None:
        """Make its files."""
        raise NotImplementedError

    def create_database(self, name: str) -> None:
        """An empty database that the user may do anything with."""
        raise NotImplementedError

    def load_schema(self, name: str, version: str = "") -> None:
        """Kea's own tables, from its own script; an older version is what the script makes until it gets there."""
        script = (SCHEMAS / self.script).read_bytes()
        if version:
            major, minor = version.split(".")
            script = script[: script.index(b"SET version = '%s', minor = '%s'" % (major.encode(), minor.encode()))]
            script += b"SET version = '%s', minor = '%s'; COMMIT;" % (major.encode(), minor.encode())
        self.feed(name, script)

    def feed(self, name: str, script: bytes) -> None:
        """Let the database's own client read a script."""
        raise NotImplementedError

    def tables(self) -> list[str]:
        """The tables of the database."""
        raise NotImplementedError

    def empty(self, tables: Sequence[str]) -> None:
        """Delete all rows of some tables."""
        raise NotImplementedError

    def url(self, database: str) -> URL:
        """Where an administrator connects."""
        raise NotImplementedError

    def rows(self, table: str) -> bool:
        """Whether a table has a row; its name is one that the database itself told."""
        return bool(self.execute(f"SELECT 1 FROM {table} LIMIT 1"))

    def answers(self) -> bool:
        """Whether it can be used."""
        engine = create_engine(self.url(""), connect_args={"connect_timeout": 5})
        try:
            engine.connect().close()
        except Exception:  # noqa: BLE001 - whatever it is, it is not ready
            return False
        finally:
            engine.dispose()
        return True

    def end(self, number: int) -> None:
        """Send a signal and wait until it is gone."""
        super().end(number)
        if self._engine is not None:
            self._engine.dispose()

    @property
    def become(self) -> dict[str, Any]:
        """What makes a process the owner's, and apart from the terminal's group."""
        apart: dict[str, Any] = {"start_new_session": True}
        if os.getuid():
            return apart
        user = pwd.getpwnam(self.owner)
        groups = os.getgrouplist(user.pw_name, user.pw_gid)
        return {**apart, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": groups}

    def as_owner(self, *command: str, text: bytes = b"", timeout: float = 120.0) -> None:
        """Run a program as the owner; raises RuntimeError with what it said."""
        done = subprocess.run(
            command,
            check=False,
            input=text,
            capture_output=True,
            timeout=timeout,
            cwd=self.directory,
            env={**os.environ, "TMPDIR": str(self.directory / "run")},  # names there are the server's own choice
            **self.become,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]}: {(done.stderr or done.stdout).decode(errors='replace')[-2000:]}")

    def own(self, path: Path) -> Path:
        """A directory that belongs to the owner."""
        path.mkdir()
        if not os.getuid():
            user = pwd.getpwnam(self.owner)
            os.chown(path, user.pw_uid, user.pw_gid)
        return path


class Postgres(DatabaseServer):
    """PostgreSQL as Debian has it; the administrator comes by its UNIX socket."""

    kind = "postgresql"
    owner = "postgres"
    gently = signal.SIGINT
    script = "pgsql/dhcpdb_create.pgsql"

    def initialize(self) -> None:
        self.own(self.directory / "run")
        data = self.own(self.directory / "data")
        self.as_owner(
            self.program("initdb"), "-D", str(data), "-A", "scram-sha-256", "--auth-local=trust", "-U", "postgres",
            "-E", "UTF8", "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip

    @staticmethod
    def program(name: str) -> str:
        """Debian keeps the server's programs apart by version."""
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        return str(found[-1]) if found else name

    def command(self) -> Sequence[str]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.directory / "run",
            "fsync": "on",
            "max_connections": 100,
            "shared_buffers": "64MB",
            **self.settings,
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return (self.program("postgres"), "-D", str(self.directory / "data"), *options)

    settings: ClassVar[dict[str, Any]] = {}

    def create_database(self, name: str) -> None:
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as session:
            if not session.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :user"), {"user": USER}).scalar():
                quoted = PASSWORD.replace("'", "''")
                session.exec_driver_sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{quoted}'")
            session.exec_driver_sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            session.exec_driver_sql(f'CREATE DATABASE "{name}" OWNER {USER}')
        engine.dispose()

    def feed(self, name: str, script: bytes) -> None:
        self.as_owner(
            "psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(self.directory / "run"), "-p", str(self.port),
            "-U", USER, "-d", name, "-o", "/dev/null", text=script,
        )  # fmt: skip

    def tables(self) -> list[str]:
        found = self.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [name for (name,) in found]

    def empty(self, tables: Sequence[str]) -> None:
        if tables:
            self.execute(f"TRUNCATE {', '.join(tables)} CASCADE")

    def url(self, database: str) -> URL:
        socket_directory = {"host": str(self.directory / "run")}
        return URL.create(
            "postgresql+psycopg", "postgres", database=database or "postgres", port=self.port, query=socket_directory
        )


class MariaDB(DatabaseServer):
    """MariaDB as Debian has it; the administrator comes by its UNIX socket."""

    kind = "mysql"
    owner = "mysql"
    script = "mysql/dhcpdb_create.mysql"

    def initialize(self) -> None:
        self.own(self.directory / "run")
        data = self.own(self.directory / "data")
        self.as_owner(
            "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
            "--skip-test-db",
        )  # fmt: skip

    def command(self) -> Sequence[str]:
        settings = {
            "datadir": self.directory / "data",
            "socket": self.socket,
            "pid-file": self.directory / "run" / "pid",
            "tmpdir": self.directory / "run",
            "port": self.port,
            "bind-address": "127.0.0.1",
            "innodb-flush-log-at-trx-commit": 1,
            "innodb-buffer-pool-size": "64M",
            "character-set-server": "utf8mb4",
            "log-bin-trust-function-creators": 1,
            **self.settings,
        }
        return ("mariadbd", "--no-defaults", *(f"--{name}={value}" for name, value in settings.items()))

    settings: ClassVar[dict[str, Any]] = {}

    @property
    def socket(self) -> Path:
        """Its UNIX socket."""
        return self.directory / "run" / "socket"

    def create_database(self, name: str) -> None:
        engine = create_engine(self.url(""))
        with engine.begin() as session:
            session.exec_driver_sql(f"DROP DATABASE IF EXISTS `{name}`")
            session.exec_driver_sql(f"CREATE DATABASE `{name}`")
            session.execute(
                text(f"CREATE USER IF NOT EXISTS '{USER}'@'%' IDENTIFIED BY :password"), {"password": PASSWORD}
            )
            session.exec_driver_sql(f"GRANT ALL ON `{name}`.* TO '{USER}'@'%%'")
        engine.dispose()

    def feed(self, name: str, script: bytes) -> None:
        self.as_owner("mariadb", "--no-defaults", f"--socket={self.socket}", "-u", "root", name, text=script)

    def tables(self) -> list[str]:
        found = self.execute(
            "SELECT table_name FROM information_schema.tables"
            " WHERE table_schema = 'kea' AND table_type = 'BASE TABLE' ORDER BY 1"
        )
        return [name for (name,) in found]

    def empty(self, tables: Sequence[str]) -> None:
        with self.engine.begin() as session:
            session.exec_driver_sql("SET foreign_key_checks = 0")
            for table in tables:
                session.exec_driver_sql(f"DELETE FROM {table}")
            session.exec_driver_sql("SET foreign_key_checks = 1")

    def url(self, database: str) -> URL:
        return URL.create("mysql+pymysql", "root", database=database, query={"unix_socket": str(self.socket)})


DATABASES: Final[dict[str, type[DatabaseServer]]] = {"postgresql": Postgres, "mysql": MariaDB}
