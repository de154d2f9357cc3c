"""What tells one family from the other for everybody who runs exchanges: a row each, and nothing else differs."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final

from attrs import frozen

from txkea.exchange.accept4 import accept4, place4
from txkea.exchange.accept6 import accept6, place6
from txkea.exchange.answer4 import ANSWERS4
from txkea.exchange.answer6 import ANSWERS6
from txkea.exchange.exchange import exchange
from txkea.exchange.query import Query
from txkea.exchange.reply import Reply
from txkea.exchange.reply4 import CLIENT_PORT, SERVER_PORT, revised
from txkea.exchange.reply6 import CLIENT_PORT6, SERVER_PORT6, revised6
from txkea.exchange.site import Site
from txkea.exchange.statistics import SENT4, SENT6
from txkea.exchange.timing import Timing, Watch, timed
from txkea.interfaces import Origin

__all__ = ["FAMILIES", "FAMILY4", "FAMILY6", "Family"]


@frozen(kw_only=True)
class Family:
    """A family of the protocol, as a server sees it."""

    number: int
    """4 or 6."""
    accept: Callable[[Site, bytes, Origin, float], Query]
    """From a datagram to a query; raises `Drop`."""
    exchange: Callable[[Any], Coroutine[Any, Any, Reply | None]]
    """From a query to its answer; raises `Drop`."""
    timed: Callable[[Any, Timing, Watch], Coroutine[Any, Any, Reply | None]]
    """The same, and its stages are timed."""
    sent: Mapping[int, str]
    """Message type to the statistic of answers."""
    malformed: str
    """The log message about a packet that cannot be read."""
    server_port: int
    client_port: int

    @property
    def top(self) -> str:
        """The map of a configuration that is its own."""
        return f"Dhcp{self.number}"

    @property
    def label(self) -> str:
        """As people write it."""
        return f"DHCPv{self.number}"

    @property
    def service(self) -> str:
        """As commands name a server of this family (Kea G014)."""
        return f"dhcp{self.number}"

    @property
    def daemon(self) -> str:
        """The name of Kea's program, of its pid file and of the root of its loggers."""
        return f"kea-dhcp{self.number}"

    @property
    def logger(self) -> str:
        """The logger of what a server tells about itself."""
        return f"dhcp{self.number}"

    def message(self, identifier: str) -> str:
        """A log message that both families have, such as ``DHCP{}_STARTED``, with its number."""
        return identifier.format(self.number)

    def statistic(self, name: str) -> str:
        """A statistic that both families have, such as ``sent``."""
        return f"pkt{self.number}-{name}"


EXCHANGE4: Final = (ANSWERS4, revised, place4, "pkt4-not-for-us")
EXCHANGE6: Final = (ANSWERS6, revised6, place6, "pkt6-not-for-us")

FAMILY4: Final = Family(
    number=4,
    accept=accept4,
    exchange=partial(exchange, *EXCHANGE4),
    timed=partial(timed, *EXCHANGE4),
    sent=SENT4,
    malformed="DHCP4_PACKET_DROP_0001",
    server_port=SERVER_PORT,
    client_port=CLIENT_PORT,
)
FAMILY6: Final = Family(
    number=6,
    accept=accept6,
    exchange=partial(exchange, *EXCHANGE6),
    timed=partial(timed, *EXCHANGE6),
    sent=SENT6,
    malformed="DHCP6_PACKET_DROP_PARSE_FAIL",
    server_port=SERVER_PORT6,
    client_port=CLIENT_PORT6,
)
FAMILIES: Final = {family.number: family for family in (FAMILY4, FAMILY6)}
"""By number."""
