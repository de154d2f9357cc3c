"""A keyspace: statements sent without waiting, answers brought to the reactor, one call for each."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from threading import Thread
from typing import Any, Final, NamedTuple, TypeVar

from cassandra import ConsistencyLevel, RequestValidationException  # type: ignore[import-untyped]
from cassandra.auth import PlainTextAuthProvider  # type: ignore[import-untyped]
from cassandra.cluster import (  # type: ignore[import-untyped]
    EXEC_PROFILE_DEFAULT,
    Cluster,
    ExecutionProfile,
    NoHostAvailable,
    Session,
)
from cassandra.policies import (  # type: ignore[import-untyped]
    ConstantReconnectionPolicy,
    ConstantSpeculativeExecutionPolicy,
    DCAwareRoundRobinPolicy,
    RoundRobinPolicy,
    TokenAwarePolicy,
)
from cassandra.query import BatchStatement, BatchType  # type: ignore[import-untyped]
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from txkea.backend.connection import Connection
from txkea.backend.gathering import Pace
from txkea.backend.threads import threaded
from txkea.cassandra.parameters import Settings
from txkea.cassandra.prepared import Prepared
from txkea.errors import TxkeaError, Unavailable

__all__ = ["Answer", "Keyspace", "Refused", "connected", "described", "threaded"]

T = TypeVar("T")

HEARTBEAT: Final = 1
"""Seconds of silence after which a node is asked for a sign of life."""
HEARTBEAT_TIMEOUT: Final = 2
"""Seconds that it may take: a node that hangs is left within three, and the others go on."""
IMPATIENCE: Final = 0.7
"""Seconds after which a second node is asked the same."""

# Nobody has configured Python's own logging, which would then write the driver's warnings to stderr.
logging.getLogger("cassandra").addHandler(logging.NullHandler())


class Refused(Unavailable):
    """A statement that the server will not execute, however often it is sent."""


class Answer(NamedTuple):
    """What a statement brought."""

    columns: Sequence[str]
    rows: Sequence[Any]
    """Tuples."""


def connected(settings: Settings, keyspace: str | None = None) -> Session:
    """A session, made in this thread; its ``cluster`` is to be shut. Raises what the driver raises."""
    cluster = Cluster(
        settings.contact_points,
        settings.port,
        auth_provider=PlainTextAuthProvider(settings.user, settings.password) if settings.user else None,
        execution_profiles={EXEC_PROFILE_DEFAULT: _profile(settings)},
        reconnection_policy=ConstantReconnectionPolicy(max(0.2, min(settings.reconnect.wait, 2.0)), None),
        sockopts=settings.sockopts,
        ssl_context=settings.tls,
        connect_timeout=settings.reconnect.timeout,
        control_connection_timeout=settings.reconnect.timeout,
        idle_heartbeat_interval=HEARTBEAT,
        idle_heartbeat_timeout=HEARTBEAT_TIMEOUT,
        monitor_reporting_enabled=False,
    )
    try:
        session = cluster.connect()
        if keyspace is not None:
            # Not named to connect(), which hides that there is none behind a NoHostAvailable.
            session.set_keyspace(keyspace)
        return session
    except BaseException:
        cluster.shutdown()
        raise


def _profile(settings: Settings) -> ExecutionProfile:
    local = settings.local_datacenter
    return ExecutionProfile(
        load_balancing_policy=TokenAwarePolicy(DCAwareRoundRobinPolicy(local) if local else RoundRobinPolicy()),
        consistency_level=_level(settings.consistency),
        serial_consistency_level=_level(settings.serial_consistency),
        request_timeout=settings.request_timeout,
        row_factory=Answer,
        speculative_execution_policy=ConstantSpeculativeExecutionPolicy(IMPATIENCE, 2),
    )


def _level(name: str) -> int:
    level: int = ConsistencyLevel.name_to_value[name.upper().replace("-", "_")]
    return level


class Keyspace:
    """One keyspace, watched by a `Connection`.

    ``statements`` are all that will be asked, ``probe`` the one among them (without values) that shows whether enough
    replicas are there; ``check(session)`` raises `TxkeaError` in a thread if the keyspace is not what it should be.
    All statements are repeated if a node is slow to answer, on another one: each must bear that.
    """

    def __init__(
        self,
        settings: Settings,
        name: str,
        site: Any,
        *,
        statements: Iterable[str],
        probe: str,
        check: Callable[[Session], None] = lambda session: None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._reactor = site.reactor
        self._texts = [*statements]
        self._probe = probe
        self._check = check
        self._session: Session | None = None
        self._prepared: Mapping[str, Prepared] = {}
        self._waiting: set[Deferred[Answer]] = set()
        self.pace = Pace(site.reactor)
        """Of all that is gathered for this keyspace."""
        self.connection = Connection(
            name,
            settings.reconnect,
            connect=self._connect,
            probe=self._probed,
            disconnect=self._disconnect,
            reactor=site.reactor,
            log=site.log,
            backends=site.backends,
        )

    @property
    def patience(self) -> float:
        """Seconds that a request may take."""
        return self._settings.request_timeout

    def ask(
        self, text: str, values: Sequence[Any] = (), timeout: float | None = None, serial: bool = False
    ) -> Deferred[Answer]:
        """What a statement brings; raises `Unavailable`.

        ``timeout`` is in seconds. A time-out of a write tells nothing about whether it was made, or will be; a read
        that is ``serial`` tells, for it ends or undoes what conditional writes have begun.
        """
        self.connection.check()
        bound = self._prepared[text].bound(values)
        if serial:
            bound.consistency_level = _level(self._settings.serial_consistency)
        return self._sent(bound, timeout)

    def batch(self, requests: Iterable[tuple[str, Sequence[Any]]], timeout: float | None = None) -> Deferred[Answer]:
        """The same for statements that are sent as one unlogged batch."""
        self.connection.check()
        batch = BatchStatement(BatchType.UNLOGGED)
        batch.is_idempotent = True
        prepared = self._prepared
        for text, values in requests:
            prepared[text].add_to(batch, values)
        return self._sent(batch, timeout)

    def _sent(self, statement: Any, timeout: float | None) -> Deferred[Answer]:
        answer: Deferred[Answer] = Deferred()
        self._waiting.add(answer)
        hand_over = self._reactor.callFromThread
        assert self._session is not None, "it is up"
        future = self._session.execute_async(statement, timeout=self.patience if timeout is None else timeout)
        future.add_callbacks(
            lambda result: hand_over(self._came, answer, result), lambda error: hand_over(self._failed, answer, error)
        )
        return answer

    def _came(self, answer: Deferred[Answer], result: Any) -> None:
        if answer in self._waiting:
            self._waiting.discard(answer)
            answer.callback(result if isinstance(result, Answer) else NOTHING)

    def _failed(self, answer: Deferred[Answer], error: Exception) -> None:
        if answer in self._waiting:
            self._waiting.discard(answer)
            if isinstance(error, NoHostAvailable):
                self.connection.lost(described(error))
            kind = Refused if isinstance(error, RequestValidationException) else Unavailable
            answer.errback(Failure(kind(f"{self.name}: {described(error)}")))

    # -- for the connection --------------------------------------------------------------------------------------------

    def _connect(self) -> Awaitable[None]:
        return threaded(self._made, self._reactor, lambda session: self._shut(session[0])).addCallback(self._take)

    def _made(self) -> tuple[Session, dict[str, Prepared]]:
        """In a thread."""
        session = self._opened()
        try:
            self._check(session)
            session.default_fetch_size = None  # an answer is whole: statements have limits of their own
            return session, {text: Prepared(session.prepare(text)) for text in self._texts}
        except RequestValidationException as error:
            session.cluster.shutdown()
            raise Unavailable(f"a table is not as it should be ({described(error)}); mend: txkea db upgrade") from error
        except BaseException:
            session.cluster.shutdown()
            raise

    def _opened(self) -> Session:
        try:
            return connected(self._settings, self._settings.keyspace)
        except RequestValidationException as error:
            raise Unavailable(f"{described(error)}; mend: txkea db init") from error
        except Exception as error:
            raise Unavailable(described(error)) from error

    def _take(self, made: tuple[Session, dict[str, Prepared]]) -> None:
        self._session, self._prepared = made

    def _probed(self) -> Awaitable[object]:
        return self.ask(self._probe)

    async def _disconnect(self) -> None:
        session, self._session = self._session, None
        waiting, self._waiting = self._waiting, set()
        for answer in waiting:
            answer.errback(Failure(Unavailable(f"{self.name}: the connection was lost")))
        if session is not None:
            self._shut(session)

    def _shut(self, session: Session) -> None:
        """Nobody waits for it: it may hang as its nodes do."""
        Thread(target=session.cluster.shutdown, name="cassandra-shutdown", daemon=True).start()


NOTHING: Final = Answer((), ())


def described(error: Exception) -> str:
    """An error in one line, without the statement's values."""
    if isinstance(error, TxkeaError):
        return str(error)
    if isinstance(error, NoHostAvailable):
        causes = [f"{node}: {cause}" for node, cause in error.errors.items()] if isinstance(error.errors, dict) else []
        return "; ".join(["no node can be asked", *causes])[:500]
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
