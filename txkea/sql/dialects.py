"""How PostgreSQL and MySQL are reached, and what their errors mean."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Mapping
from typing import Any, Final

from attrs import frozen
from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError

from txkea.backend.parameters import Parameters
from txkea.backend.tls import standard_context

__all__ = ["DIALECTS", "PARAMETERS", "Dialect", "is_again", "is_lost", "is_poison"]

PARAMETERS: Final = (
    "name", "user", "password", "password-file", "host", "port", "connect-timeout", "read-timeout", "write-timeout",
    "tcp-user-timeout", "trust-anchor", "cert-file", "key-file", "cipher-list", "ssl-mode",
)  # fmt: skip
"""The parameters that a database of either kind understands, beside those of `RECONNECT` (Kea E002, E009)."""
STATEMENT: Final = 10
"""Seconds that the answer to a statement may take, unless ``read-timeout`` says it."""
LOCK: Final = 5
"""Seconds that a statement waits for a row which somebody else has locked."""
TCP: Final = 5000
"""Milliseconds that sent data may stay without acknowledgement, unless ``tcp-user-timeout`` says it."""
MYSQL_SOCKETS: Final = ("/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock")
"""Where the C library, hence Kea, looks for a server on ``localhost``."""
SSL_MODES: Final = ("disable", "prefer", "require", "verify-ca", "verify-full")


@frozen
class Dialect:
    """One kind of database."""

    name: str
    """As the configuration calls it."""
    driver: str
    """As SQLAlchemy calls it."""
    port: int
    connect_args: Callable[[Parameters], dict[str, Any]]
    """Keyword arguments of the driver."""
    session: Callable[[Parameters], tuple[str, ...]]
    """Statements that begin each session: times are UTC, and nothing waits for ever."""
    again: frozenset[str | int]
    """Errors after which the same transaction may succeed: deadlocks, serialization, a row that came meanwhile."""
    poison: frozenset[str | int]
    """Errors, or the first two characters of them, that are about one row's data."""
    lost: frozenset[str | int]
    """Errors that end the session, beside those that SQLAlchemy knows."""
    engine: Mapping[str, Any] = {}
    """Arguments of SQLAlchemy's dialect."""

    def url(self, given: Parameters) -> URL:
        """Where the database is; the password is no part of it."""
        return URL.create(self.driver, database=given.text("name") or None)


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def _seconds(given: Parameters, name: str, default: float) -> int:
    return int(given.number(name, default, most=3600))


def _ssl_mode(given: Parameters) -> str:
    return given.one_of("ssl-mode", SSL_MODES, "verify-ca" if given.text("trust-anchor") else "prefer")


def _postgresql_arguments(given: Parameters) -> dict[str, Any]:
    texts = {
        "user": given.text("user"),
        "password": given.password(),
        "host": given.text("host", "localhost"),
        "sslrootcert": given.text("trust-anchor"),
        "sslcert": given.text("cert-file"),
        "sslkey": given.text("key-file"),
        "sslmode": _ssl_mode(given),
    }
    return {
        **{name: text for name, text in texts.items() if text},
        "port": int(given.number("port", 0, most=65535)) or 5432,
        "connect_timeout": max(2, _seconds(given, "connect-timeout", 5)),
        "tcp_user_timeout": int(given.number("tcp-user-timeout", TCP / 1000, most=3600) * 1000),
        "application_name": "txkea",
    }


def _postgresql_session(given: Parameters) -> tuple[str, ...]:
    return (
        "SET TIME ZONE 'UTC'",
        "SET default_transaction_isolation = 'read committed'",
        f"SET statement_timeout = {_seconds(given, 'read-timeout', STATEMENT) * 1000:d}",
        f"SET lock_timeout = {LOCK * 1000:d}",
        f"SET idle_in_transaction_session_timeout = {STATEMENT * 1000:d}",
        # A plan that is made, and kept, while a table is small would read all of it when it has grown.
        "SET enable_seqscan = off",
        "SELECT set_config('jit', 'off', false) FROM pg_settings WHERE name = 'jit'",
    )


# -- MySQL and MariaDB -------------------------------------------------------------------------------------------------


def _mysql_place(given: Parameters) -> dict[str, Any]:
    """A TCP port, or a UNIX socket: as the C library has it, ``localhost`` without a port means the latter."""
    host = given.text("host", "localhost")
    port = int(given.number("port", 0, most=65535))
    if host.startswith("/"):
        return {"unix_socket": host}
    if host == "localhost" and not port:
        for path in MYSQL_SOCKETS:
            if os.path.exists(path):
                return {"unix_socket": path}
    return {"host": host, "port": port or 3306}


def _mysql_tls(given: Parameters) -> ssl.SSLContext | None:
    """As Kea does it: who has a trust anchor wants a certificate of its; the name in it counts for ``verify-full``."""
    mode = _ssl_mode(given)
    if mode in ("disable", "prefer") and not given.text("cert-file"):
        return None
    if mode.startswith("verify") and not given.text("trust-anchor"):
        raise given.wrong(f"{mode} needs a trust-anchor", "ssl-mode")
    return standard_context(given, trusts=mode.startswith("verify"), names=mode == "verify-full")


def _mysql_arguments(given: Parameters) -> dict[str, Any]:
    timeout = _seconds(given, "connect-timeout", 5)
    arguments = {
        **_mysql_place(given),
        "user": given.text("user") or None,
        "password": given.password(),
        "charset": "utf8mb4",
        "connect_timeout": timeout,
        "read_timeout": _seconds(given, "read-timeout", STATEMENT),
        "write_timeout": _seconds(given, "write-timeout", STATEMENT),
    }
    context = _mysql_tls(given)
    if context is None:
        return {**arguments, "ssl_disabled": _ssl_mode(given) == "disable"}
    return {**arguments, "ssl": context}


def _mysql_session(given: Parameters) -> tuple[str, ...]:
    return (
        "SET SESSION time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES', "
        f"innodb_lock_wait_timeout = {LOCK:d}, wait_timeout = 86400",
        # What another server has committed meanwhile is seen within a transaction, as in PostgreSQL.
        "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    )


DIALECTS: Final[Mapping[str, Dialect]] = {
    "postgresql": Dialect(
        "postgresql",
        "postgresql+psycopg",
        5432,
        _postgresql_arguments,
        _postgresql_session,
        again=frozenset({"40001", "40P01", "55P03", "23505"}),
        poison=frozenset({"21", "22", "23", "54"}),
        lost=frozenset({"57P01", "57P02", "57P03", "25P03", "08"}),
        engine={"use_native_hstore": False},
    ),
    "mysql": Dialect(
        "mysql",
        "mysql+pymysql",
        3306,
        _mysql_arguments,
        _mysql_session,
        again=frozenset({1020, 1062, 1205, 1213}),
        poison=frozenset({1048, 1264, 1265, 1292, 1366, 1406, 1452, 3140, 3141, 4025, 4037, 4038}),
        lost=frozenset({1053, 1927, 2006, 2013, 2055}),
    ),
}


# -- what an error means -----------------------------------------------------------------------------------------------


def _codes(error: DBAPIError) -> set[str | int]:
    """MySQL's number, or SQLSTATE and its class: newer PyMySQL has both, but not in all of its errors."""
    arguments = getattr(error.orig, "args", ())
    if arguments and isinstance(arguments[0], int):
        return {arguments[0]}
    state = getattr(error.orig, "sqlstate", None)
    return {state, state[:2]} if state else set()


def is_lost(dialect: Dialect, error: DBAPIError) -> bool:
    """Whether the connection is gone."""
    return error.connection_invalidated or not dialect.lost.isdisjoint(_codes(error))


def is_again(dialect: Dialect, error: DBAPIError) -> bool:
    """Whether the same transaction may succeed now."""
    return not dialect.again.isdisjoint(_codes(error))


def is_poison(dialect: Dialect, error: DBAPIError) -> bool:
    """Whether the data of one row are to blame."""
    return not dialect.poison.isdisjoint(_codes(error))
