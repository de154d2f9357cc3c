"""RADIUS servers, how they are asked, and how they are."""

from __future__ import annotations

import socket
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final
from weakref import WeakKeyDictionary

from attrs import field, frozen
from twisted.internet.threads import deferToThreadPool

from txkea.errors import Unavailable
from txkea.radius.dictionary import Dictionary
from txkea.radius.standard import STANDARD

__all__ = [
    "ANY",
    "RADSEC",
    "Health",
    "Policy",
    "RadiusServer",
    "address_of",
    "described",
    "health_of",
    "local_address",
]

ANY: Final = "*"
RADSEC: Final = b"radsec"
"""The secret where TLS proves who is who (RFC 6614 section 2.3)."""


@frozen(kw_only=True)
class RadiusServer:
    """One server of one service."""

    host: str
    """Its address, or a name, which is looked up when the client starts (TLS: for each connection)."""
    port: int
    secret: bytes = field(repr=False)
    deadtime: float = 0.0
    """Seconds for which it is asked after all others once it was silent; 0 asks it in its place all the same."""
    tls: Any = None
    """What `wrapClientTLS` takes, or None for UDP."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@frozen(kw_only=True)
class Policy:
    """How the servers of one service are asked (Kea I004, I006)."""

    service: str
    """``access`` or ``accounting``: part of the counters' names."""
    timeout: float = 10.0
    """Seconds that a server may take for one try."""
    retries: int = 3
    """Tries after the first."""
    bind: str = ANY
    """The address that requests come from."""
    sign: bool = True
    """Whether requests have a Message-Authenticator; those of a Status-Server do in any case."""
    require: bool = True
    """Whether answers must have one; those to a Status-Server need none."""
    most: int = 0
    """Requests that may wait at a time; 0: as many as the client bears."""
    idle: float = 0.0
    """Seconds without an answer after which a server is asked by a Status-Server how it is; 0: never."""
    dictionary: Dictionary = STANDARD


class Health:
    """What is known of a server."""

    def __init__(self) -> None:
        self.heard = float("-inf")
        """When it last answered."""
        self.dead_until: float | None = None
        """When it may be tried again; None while it is well."""
        self.trying = False
        """Whether one request tries whether it is back, so that the others need not wait for it."""
        self.problem = ""

    def answered(self, now: float) -> bool:
        """Note that it has answered; True if it is back."""
        back = self.dead_until is not None
        self.heard, self.dead_until, self.problem = now, None, ""
        return back

    def failed(self, now: float, deadtime: float, problem: str) -> bool:
        """Note that it has not; True if it is dead from now on."""
        died = self.dead_until is None and deadtime > 0
        self.problem = problem
        if deadtime > 0:
            self.dead_until = now + deadtime
        return died

    def usable(self, now: float) -> bool:
        """Whether it may be asked in its place."""
        return self.dead_until is None or (now >= self.dead_until and not self.trying)

    @property
    def dead(self) -> bool:
        """Whether it was silent, and has not answered since."""
        return self.dead_until is not None


_known: WeakKeyDictionary[Any, MutableMapping[tuple[str, str, int], Health]] = WeakKeyDictionary()
"""By reactor: a configuration that changes makes no dead server a live one."""


def health_of(reactor: Any, service: str, server: RadiusServer) -> Health:
    """What is known of a server; the same for all who ask it for this service."""
    healths = _known.setdefault(reactor, {})
    return healths.setdefault((service, server.host, server.port), Health())


def described(server: RadiusServer, health: Health, now: float, under_way: int) -> Mapping[str, Any]:
    """A server for ``status-get``."""
    shown: dict[str, Any] = {
        "server": str(server),
        "protocol": "UDP" if server.tls is None else "TLS",
        "state": "dead" if health.dead else "alive" if health.heard > float("-inf") else "unknown",
        "in-flight": under_way,
    }
    if health.heard > float("-inf"):
        shown["last-answer-age"] = round(max(now - health.heard, 0.0), 3)
    if health.problem:
        shown["problem"] = health.problem
    if health.dead_until is not None:
        shown["retry-in"] = round(max(health.dead_until - now, 0.0), 3)
    return shown


async def address_of(host: str, reactor: Any) -> str:
    """The address of a server, the first one if it has several. *Waits.* Raises `Unavailable`."""
    with suppress(ValueError):
        return str(ip_address(host))
    pool = reactor.getThreadPool()
    try:
        found = await deferToThreadPool(reactor, pool, socket.getaddrinfo, host, None, 0, socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise Unavailable(f"the RADIUS server {host} has no address ({error}); mend: give its address") from error
    return str(found[0][4][0])


def local_address(host: str, bind: str = ANY) -> str:
    """The address from which this machine reaches a server, for NAS-IP-Address; ``""`` where it cannot.

    Nothing is sent. A name is not looked up: it gives ``""``.
    """
    if bind != ANY:
        return bind
    with suppress(OSError, ValueError):
        family = socket.AF_INET if ip_address(host).version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as sock:
            sock.connect((host, 1812))
            return str(sock.getsockname()[0])
    return ""
