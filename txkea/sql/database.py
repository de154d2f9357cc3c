"""One SQL database: connections, threads, and somebody who watches it."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from sqlalchemy import Connection as Session
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from twisted.internet.defer import Deferred

from txkea.backend.connection import Connection
from txkea.backend.parameters import Parameters
from txkea.backend.threads import Workers
from txkea.errors import Unavailable
from txkea.sql.dialects import DIALECTS, is_lost

__all__ = ["Database", "InDoubt", "Session", "reason"]

T = TypeVar("T")

THREADS: Final = 5
"""For two groups of look-ups, one of changes, what a person asks for, and the probe."""
_PROBE: Final = text("SELECT 1")


class InDoubt(Unavailable):
    """The connection was lost in COMMIT, or in what needs none: nobody knows whether the change was made."""


def reason(error: Exception) -> str:
    """What the database said, without the statement and its values."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        said = " ".join(str(each) for each in error.orig.args) or str(error.orig)
        return " ".join(said.split())[:300]
    return f"{type(error).__name__}: {error}"[:300]


class _Own(threading.local):
    """What a thread has for itself: to take a session from a pool costs as much as to use it."""

    session: Session | None = None
    """One whose statements stand alone."""
    age = -1
    """Of which connection it is."""


class Database:
    """What leases and hosts in one SQL database share.

    ``dialect`` is a key of `DIALECTS`, ``name`` what log and status call it, such as ``lease-database postgresql``;
    ``site`` a `txkea.providers.Surroundings`. Everything that speaks to the database runs in threads of its own; its
    results come back with one call per group.
    """

    def __init__(self, parameters: Parameters, dialect: str, site: Any, name: str) -> None:
        self.name = name
        self.dialect = DIALECTS[dialect]
        self._parameters = parameters
        self._reactor = site.reactor
        self._sockets: set[socket.socket] = set()
        self._threads: Workers | None = None
        self._own = _Own()
        self._opened: list[Callable[[Session], object]] = []
        self._lost: list[Callable[[], None]] = []
        self._age = 0
        """Counts the connections: what a thread tells of a former one is no news."""
        arguments = self.dialect.connect_args(parameters)
        self._writing = self._engine(arguments)
        self._reading = self._engine(arguments, isolation_level="AUTOCOMMIT")
        self.connection = Connection(
            name,
            parameters.reconnect(),
            connect=self._connect,
            probe=self._probe,
            disconnect=self._disconnect,
            reactor=site.reactor,
            log=site.log,
            backends=site.backends,
        )

    # -- for stores ----------------------------------------------------------------------------------------------------

    def on_connect(self, call: Callable[[Session], object]) -> None:
        """Whenever it connects ``call(session)`` runs in a thread; if that raises `Unavailable`, it is not connected.

        For looking at the schema: another server may have changed it meanwhile.
        """
        self._opened.append(call)

    def on_loss(self, call: Callable[[], None]) -> None:
        """When the connection is lost ``call()`` runs in the reactor: let those who wait know."""
        self._lost.append(call)

    async def open(self) -> None:
        """Connect; see `txkea.backend.connection.Connection.open`."""
        await self.connection.open()

    async def close(self) -> None:
        """Let go of everything."""
        await self.connection.close()
        threads, self._threads = self._threads, None
        if threads is not None:
            await threads.stop()

    async def run(self, call: Callable[..., T], *args: Any) -> T:
        """What ``call(session, *args)`` gives, run in a thread in one transaction (READ COMMITTED), committed.

        Raises `Away`, `InDoubt`, or `Unavailable`; what else `call` raises passes. A `DBAPIError` that does not mean a
        lost connection passes too: the caller may know what it means (`dialects.is_again`, `is_poison`).
        """
        self.connection.check()
        return await self._guarded(self._transaction, call, args)

    async def once(self, call: Callable[..., T], *args: Any) -> T:
        """The same for what changes something with one statement, which stands alone: it is done, or not at all."""
        self.connection.check()
        return await self._guarded(self._change, call, args)

    async def look(self, call: Callable[..., T], *args: Any) -> T:
        """The same for what only reads: each statement stands alone (autocommit)."""
        self.connection.check()
        return await self._guarded(self._glance, call, args)

    # -- in threads ----------------------------------------------------------------------------------------------------

    def _transaction(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        with self._writing.connect() as session:
            transaction = session.begin()
            result = call(session, *args)
            try:
                transaction.commit()
            except DBAPIError as error:
                if is_lost(self.dialect, error):
                    raise InDoubt(f"{self.name}: connection lost in COMMIT: {reason(error)}") from error
                raise
            return result

    def _change(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        try:
            return self._glance(call, args)
        except DBAPIError as error:
            if is_lost(self.dialect, error):
                raise InDoubt(f"{self.name}: connection lost in a change: {reason(error)}") from error
            raise

    def _glance(self, call: Callable[..., T], args: tuple[Any, ...]) -> T:
        """In this thread's own session."""
        own = self._own
        session = own.session
        if session is None or own.age != self._age:
            self._leave()
            own.age = self._age
            own.session = session = self._reading.connect()
        try:
            return call(session, *args)
        except BaseException:
            try:
                session.rollback()
            except (SQLAlchemyError, OSError):
                self._leave()
            if session.invalidated:
                self._leave()
            raise

    def _leave(self) -> None:
        """Close this thread's session, and its connection."""
        session, self._own.session = self._own.session, None
        if session is not None:
            with suppress(SQLAlchemyError, OSError):
                session.invalidate()
                session.close()

    def _look_around(self) -> None:
        """Connect, and let the stores see whether they find what they need."""
        with self._writing.connect() as session:
            for call in self._opened:
                call(session)
            session.commit()

    # -- between reactor and threads -----------------------------------------------------------------------------------

    async def _guarded(self, work: Callable[..., T], *args: Any) -> T:
        age = self._age
        try:
            return await self._in_thread(work, *args)
        except InDoubt as error:
            self._tell(age, str(error))
            raise
        except DBAPIError as error:
            if not is_lost(self.dialect, error):
                raise
            self._tell(age, reason(error))
            raise Unavailable(f"{self.name}: connection lost: {reason(error)}") from error

    def _tell(self, age: int, problem: str) -> None:
        if age == self._age:
            self.connection.lost(problem)

    def _in_thread(self, work: Callable[..., T], *args: Any) -> Deferred[T]:
        """Run ``work`` in a thread; one call of the reactor brings what came of it."""
        if self._threads is None:
            self._threads = Workers(THREADS, self.name, self._reactor, self._leave)
        return self._threads.ask(work, *args)

    async def _connect(self) -> None:
        try:
            await self._in_thread(self._look_around)
        except (SQLAlchemyError, OSError) as error:
            raise Unavailable(f"cannot connect to {self._place()}: {reason(error)}") from error

    async def _probe(self) -> None:
        try:
            await self._in_thread(self._glance, lambda session: session.execute(_PROBE).scalar(), ())
        except SQLAlchemyError as error:
            raise Unavailable(reason(error)) from error

    async def _disconnect(self) -> None:
        """Threads that wait for an answer on a connection get an error at once."""
        self._age += 1
        for each in list(self._sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for engine in (self._writing, self._reading):
            engine.dispose()
        for call in self._lost:
            call()

    def _place(self) -> str:
        given = self._parameters
        host, port = given.text("host", "localhost"), int(given.number("port", 0)) or self.dialect.port
        return f"{self.dialect.name} database {given.text('name')!r} at {host} port {port}"

    # -- connections ---------------------------------------------------------------------------------------------------

    def _engine(self, arguments: dict[str, Any], **more: Any) -> Engine:
        engine = create_engine(
            self.dialect.url(self._parameters),
            connect_args=arguments,
            pool_size=THREADS,
            max_overflow=0,
            **self.dialect.engine,
            **more,
            # Every call of ours ends its transaction itself: another ROLLBACK would be a way to the server and back.
            pool_reset_on_return=None,
        )
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "close", self._closed)
        return engine

    def _connected(self, connection: Any, record: Any) -> None:
        """A duplicate of the descriptor: the driver may close its own, and the number become something else's."""
        driver = getattr(connection, "pgconn", None)
        number = driver.socket if driver is not None else connection._sock.fileno()
        record.info["socket"] = own = socket.socket(fileno=os.dup(number))
        self._sockets.add(own)
        with connection.cursor() as cursor:
            for statement in self.dialect.session(self._parameters):
                cursor.execute(statement)
        connection.commit()

    def _closed(self, connection: Any, record: Any) -> None:
        own = record.info.pop("socket", None)
        if own is not None:
            self._sockets.discard(own)
            own.close()
