"""What a ``cql`` database's parameters say (Kea E001, E005-E007)."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from txkea.backend.parameters import RECONNECT, Parameters, Reconnect
from txkea.backend.tls import standard_context

__all__ = ["CONSISTENCIES", "PARAMETERS", "SERIAL_CONSISTENCIES", "Settings", "settings"]

PARAMETERS: Final = (
    "contact-points",
    "port",
    "keyspace",
    "user",
    "password",
    "password-file",
    "consistency",
    "serial-consistency",
    "local-datacenter",
    "request-timeout",
    "tcp-keepalive",
    "tcp-nodelay",
    "trust-anchor",
    "cert-file",
    "key-file",
    *RECONNECT,
)
PORT: Final = 9042
MILLISECOND: Final = 0.001
REQUEST_TIMEOUT: Final = 12000
"""Milliseconds after which a request is given up (Kea E007)."""
CONSISTENCIES: Final = (
    "quorum", "local-quorum", "each-quorum", "all", "one", "two", "three", "local-one",
)  # fmt: skip
"""How many replicas must have answered; the first is what is used unless it is said."""
SERIAL_CONSISTENCIES: Final = ("serial", "local-serial")
"""Among which replicas conditional writes are agreed on."""


@frozen(kw_only=True)
class Settings:
    """Where the nodes are, and how to speak with them."""

    contact_points: Sequence[str]
    port: int
    keyspace: str
    user: str
    password: str
    consistency: str
    serial_consistency: str
    local_datacenter: str
    """Whose nodes are asked; ``""`` for all."""
    request_timeout: float
    """Seconds."""
    sockopts: Sequence[tuple[int, int, int]]
    tls: ssl.SSLContext | None
    reconnect: Reconnect


def settings(given: Parameters) -> Settings:
    """What the map of a database says; raises `ConfigError`."""
    return Settings(
        contact_points=_contact_points(given),
        port=int(given.number("port", 0, most=0xFFFF)) or PORT,
        keyspace=_keyspace(given),
        user=given.text("user"),
        password=given.password(),
        consistency=given.one_of("consistency", CONSISTENCIES, CONSISTENCIES[0]),
        serial_consistency=given.one_of("serial-consistency", SERIAL_CONSISTENCIES, SERIAL_CONSISTENCIES[0]),
        local_datacenter=given.text("local-datacenter"),
        request_timeout=given.number("request-timeout", REQUEST_TIMEOUT, least=1) * MILLISECOND,
        sockopts=_sockopts(given),
        tls=_tls(given),
        reconnect=given.reconnect(MILLISECOND),
    )


def _contact_points(given: Parameters) -> list[str]:
    points = [point.strip() for point in given.text("contact-points", "127.0.0.1").split(",")]
    if not all(points):
        raise given.wrong(
            "must be addresses of nodes with commas between them, such as 10.0.0.1, 10.0.0.2", "contact-points"
        )
    return points


def _keyspace(given: Parameters) -> str:
    name = given.text("keyspace", "txkea")
    if not (name.isascii() and name.replace("_", "a").isalnum() and name.lower() == name and len(name) <= 48):
        raise given.wrong("must be at most 48 of the small letters, digits and underscores", "keyspace")
    return name


def _sockopts(given: Parameters) -> list[tuple[int, int, int]]:
    """Without TCP_NODELAY every answer to a large batch waits for some 45 ms."""
    options = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(given.flag("tcp-nodelay", True)))]
    idle = int(given.number("tcp-keepalive", 0, most=32767))
    if idle:
        options += [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1), (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle)]
    return options


def _tls(given: Parameters) -> ssl.SSLContext | None:
    """None unless a ``trust-anchor`` is named; a node's certificate must name its address."""
    if given.text("trust-anchor"):
        return standard_context(given, trusts=True, names=True)
    for name in ("cert-file", "key-file"):
        if given.text(name):
            raise given.wrong("is of no use without a trust-anchor: the file of the authority of the nodes", name)
    return None
