"""Datagram in, answer out: the one place that launches exchanges, and that hears why one had no answer."""

from __future__ import annotations

from collections.abc import Callable
from traceback import format_exception
from typing import Any

from zope.interface import implementer

from txkea.errors import Away, Busy, Drop, Malformed, Refuse, Unavailable
from txkea.exchange.families import FAMILIES
from txkea.exchange.observers import has_news, report
from txkea.exchange.query import Query
from txkea.exchange.reply import Reply
from txkea.exchange.site import Site
from txkea.exchange.timing import Timing, Watch
from txkea.interfaces import IDatagramReceiver, ILeaseObserver, Origin
from txkea.launch import drive, launch

__all__ = ["Server"]


@implementer(IDatagramReceiver)
class Server:
    """Answers the queries of one family, that of its site, with the site in force.

    ``seconds`` gives the time since the epoch. ``server_port`` and ``client_port`` are where relays and clients listen;
    0 is the family's own.
    """

    def __init__(self, site: Site, seconds: Callable[[], float], server_port: int = 0, client_port: int = 0) -> None:
        self.site = site
        self.enabled = True
        """Whether queries are answered at all (Kea A095)."""
        self.timing: Timing | None = None
        """Who wants to know how long exchanges take, if anybody does."""
        self._seconds = seconds
        self._in_flight: dict[bytes, Site] = {}
        """The sites that queries began with, by what tells their clients apart."""
        family = self._family = FAMILIES[site.configuration.family]
        self._ports = {
            family.server_port: server_port or family.server_port,
            family.client_port: client_port or family.client_port,
        }
        # Looked up once and not for every packet.
        self._accept, self._exchange, self._sent_by_type = family.accept, family.exchange, family.sent
        self._sent, self._dropped = family.statistic("sent"), family.statistic("receive-drop")

    def __len__(self) -> int:
        """How many exchanges wait."""
        return len(self._in_flight)

    def is_busy(self, site: Site) -> bool:
        """Whether exchanges wait that began with this site."""
        return any(each is site for each in self._in_flight.values())

    def datagram_arrived(self, data: bytes, origin: Origin) -> None:
        """Answer a query now, or when what it waits for has come; never raises."""
        timing = self.timing
        if timing is not None and timing.is_due():
            self._answer_timed(data, origin, timing)
            return
        query = self._accepted(data, origin)
        if query is not None:
            drive(self._exchange(query), self._came, self._failed, query)

    def _answer_timed(self, data: bytes, origin: Origin, timing: Timing) -> None:
        watch = Watch(timing)
        query = self._accepted(data, origin)
        if query is None:
            watch.stop(None)
            return

        def came(query: Query, reply: Reply | None) -> None:
            self._came(query, reply)
            watch.stop(query.type)

        def failed(query: Query, error: Exception) -> None:
            self._failed(query, error)
            watch.stop(query.type)

        drive(self._family.timed(query, timing, watch), came, failed, query)

    async def answer(self, data: bytes, origin: Origin) -> bytes | None:
        """The answer to a query that came inside of another message, None when it has none; never raises.

        ``origin`` is what the answer is made for; nothing is sent to it.
        """
        query = self._accepted(data, origin)
        if query is None:
            return None
        try:
            reply = await self._exchange(query)
        except Exception as error:  # noqa: BLE001 - no input may raise out of a query
            self._failed(query, error)
            return None
        self._ended(query, reply)
        return reply.data if reply is not None else None

    def _accepted(self, data: bytes, origin: Origin) -> Query | None:
        """The query in a datagram, from now on in flight; None if it is not answered."""
        site = self.site
        if not self.enabled:
            site.statistics[self._family.statistic("service-disabled")] += 1
            return None
        try:
            query = self._accept(site, data, origin, self._seconds())
        except Exception as error:  # noqa: BLE001 - no input may raise out of a query
            self._refuse(site, None, error)
            return None
        in_flight = self._in_flight
        if in_flight and self._is_waiting(query):
            return None
        in_flight[query.key] = site
        return query

    def _is_waiting(self, query: Query) -> bool:
        """Whether the client's earlier query still waits, or too many do."""
        if query.key in self._in_flight:
            reason = "duplicate"
        elif 0 < query.site.configuration.parked_packet_limit <= len(self._in_flight):
            reason = "queue-full"
        else:
            return False
        statistics = query.site.statistics
        statistics[self._family.statistic(reason)] += 1
        statistics[self._dropped] += 1
        return True

    def _came(self, query: Query, reply: Reply | None) -> None:
        if reply is not None:
            query.origin.socket.send(reply.data, reply.address, self._ports.get(reply.port, reply.port), reply.hwaddr)
        self._ended(query, reply)

    def _ended(self, query: Query, reply: Reply | None) -> None:
        self._in_flight.pop(query.key, None)
        if reply is not None:
            statistics = query.site.statistics
            statistics[self._sent] += 1
            statistics[self._sent_by_type[reply.type]] += 1
        if query.site.observers:
            self._tell(query)

    def _failed(self, query: Query, error: Exception) -> None:
        self._in_flight.pop(query.key, None)
        self._refuse(query.site, query, error)

    def _tell(self, query: Query) -> None:
        """Tell the observers that no answer waits for which leases changed, each in its own time."""
        if has_news(query):
            for observer in query.site.observers:
                if not observer.answer_waits:
                    launch(self._report(observer, query))

    async def _report(self, observer: ILeaseObserver, query: Query) -> None:
        try:
            await report(query, observer)
        except Exception as error:  # noqa: BLE001 - nobody else would hear it
            self._complain(query.site, query, error)

    def _refuse(self, site: Site, query: Query | None, error: Any) -> None:
        """Count and log a query that gets no answer: the one place that hears why."""
        statistics = site.statistics
        statistics[self._dropped] += 1
        if isinstance(error, Refuse):  # of a message that has no negative answer
            error = Drop(str(error))
        if isinstance(error, Drop):
            self._drop(site, query, error)
        else:
            reason = "queue-full" if isinstance(error, Busy) else "processing-failed"
            statistics[self._family.statistic(reason)] += 1
            self._complain(site, query, error)
        if query is not None and site.observers:
            self._tell(query)

    def _drop(self, site: Site, query: Query | None, error: Drop) -> None:
        unreadable = isinstance(error, Malformed)
        statistic = self._family.statistic("parse-failed") if unreadable else error.statistic
        if statistic:
            site.statistics[statistic] += 1
        log = site.log.bad_packets.debug
        if log:
            family = self._family
            message = family.malformed if unreadable else error.message or family.message("DHCP{}_PACKET_DROPPED")
            log(message, f"{query or 'a packet'}: {error}")

    def _complain(self, site: Site, query: Query | None, error: Exception) -> None:
        if isinstance(error, (Away, Busy)):
            if site.log.server.debug:
                site.log.server.debug(self._family.message("DHCP{}_LEASE_STORE_UNAVAILABLE"), f"{query}: {error}")
            return
        log = site.log.server.error
        if not log:
            return
        if isinstance(error, Unavailable):
            log(self._family.message("DHCP{}_LEASE_STORE_UNAVAILABLE"), f"{query}: not answered: {error}")
            return
        message = self._family.message("DHCP{}_PACKET_PROCESS_EXCEPTION")
        for line in "".join(format_exception(error)).splitlines():
            log(message, f"{query or 'a packet'}: not answered: {line}")
