"""Datagram in, answer out: the one place that launches exchanges, and that hears why one had no answer."""

from __future__ import annotations

from collections.abc import Callable
from traceback import format_exception
from typing import Any

from zope.interface import implementer

from txkea.errors import Drop, Refuse, Unavailable
from txkea.exchange.accept4 import accept4
from txkea.exchange.answer4 import exchange4
from txkea.exchange.query import Query
from txkea.exchange.reply import Reply
from txkea.exchange.reply4 import CLIENT_PORT, SERVER_PORT
from txkea.exchange.site import Site
from txkea.exchange.statistics import SENT4
from txkea.interfaces import IDatagramReceiver, ILeaseObserver, Origin
from txkea.launch import drive, launch

__all__ = ["Server"]

IN_FLIGHT_LIMIT = 8192
"""Exchanges that may wait at once (for a store, a partner, RADIUS); a query beyond is dropped and counted."""


@implementer(IDatagramReceiver)
class Server:
    """Answers DHCPv4 queries with the site in force.

    ``seconds`` gives the time since the epoch. ``server_port`` and ``client_port`` are where relays and clients listen.
    """

    def __init__(
        self, site: Site, seconds: Callable[[], float], server_port: int = SERVER_PORT, client_port: int = CLIENT_PORT
    ) -> None:
        self.site = site
        self.enabled = True
        """Whether queries are answered at all (Kea A095)."""
        self._seconds = seconds
        self._ports = {SERVER_PORT: server_port, CLIENT_PORT: client_port}
        self._in_flight: set[bytes] = set()

    def __len__(self) -> int:
        """How many exchanges wait."""
        return len(self._in_flight)

    def datagram_arrived(self, data: bytes, origin: Origin) -> None:
        """Answer a query now, or when what it waits for has come; never raises."""
        site = self.site
        if not self.enabled:
            site.statistics["pkt4-service-disabled"] += 1
            return
        try:
            query = accept4(site, data, origin, self._seconds())
        except Exception as error:  # noqa: BLE001 - no input may raise out of a query
            self._refuse(site, None, error)
            return
        in_flight = self._in_flight
        if in_flight and self._is_waiting(query):
            return
        in_flight.add(query.key)
        drive(exchange4(query), self._came, self._failed, query)

    def _is_waiting(self, query: Query) -> bool:
        """Whether the client's earlier query still waits, or too many do."""
        statistics = query.site.statistics
        if query.key in self._in_flight:
            statistics["pkt4-duplicate"] += 1
        elif len(self._in_flight) >= IN_FLIGHT_LIMIT:
            statistics["pkt4-queue-full"] += 1
        else:
            return False
        statistics["pkt4-receive-drop"] += 1
        return True

    def _came(self, query: Query, reply: Reply | None) -> None:
        self._in_flight.discard(query.key)
        if reply is not None:
            self._send(query, reply)
        if query.site.observers:
            self._tell(query)

    def _failed(self, query: Query, error: Exception) -> None:
        self._in_flight.discard(query.key)
        self._refuse(query.site, query, error)

    def _send(self, query: Query, reply: Reply) -> None:
        statistics = query.site.statistics
        statistics["pkt4-sent"] += 1
        statistics[SENT4[reply.type]] += 1
        query.origin.socket.send(reply.data, reply.address, self._ports.get(reply.port, reply.port), reply.hwaddr)

    def _tell(self, query: Query) -> None:
        """Tell the observers that no answer waits for which leases changed, each in its own time."""
        if query.granted or query.removed:
            for observer in query.site.observers:
                if not observer.answer_waits:
                    launch(self._committed(observer, query))

    async def _committed(self, observer: ILeaseObserver, query: Query) -> None:
        try:
            await observer.leases_committed(query, query.granted, query.removed)
        except Exception as error:  # noqa: BLE001 - nobody else would hear it
            self._complain(query.site, query, error)

    def _refuse(self, site: Site, query: Query | None, error: Any) -> None:
        """Count and log a query that gets no answer: the one place that hears why."""
        statistics = site.statistics
        statistics["pkt4-receive-drop"] += 1
        if isinstance(error, Refuse):  # of a message that has no negative answer
            error = Drop(str(error))
        if isinstance(error, Drop):
            if error.statistic:
                statistics[error.statistic] += 1
            log = site.log.bad_packets.debug
            if log:
                log(error.message, f"{query or 'a packet'}: {error}")
        else:
            statistics["pkt4-processing-failed"] += 1
            self._complain(site, query, error)
        if query is not None and site.observers:
            self._tell(query)

    def _complain(self, site: Site, query: Query | None, error: Exception) -> None:
        log = site.log.server.error
        if not log:
            return
        if isinstance(error, Unavailable):
            log("DHCP4_LEASE_STORE_UNAVAILABLE", f"{query}: not answered: {error}")
            return
        for line in "".join(format_exception(error)).splitlines():
            log("DHCP4_PACKET_PROCESS_EXCEPTION", f"{query or 'a packet'}: not answered: {line}")
