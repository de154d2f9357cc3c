"""Opening UDP sockets: on which address and device, with which buffers, and what to do when the kernel refuses."""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from struct import Struct
from typing import Any, Final

from txkea.interfaces import Link
from txkea.net.filters import DROP_ALL, Instruction, attach
from txkea.net.links import IPV6_LENGTH

__all__ = ["bound_udp", "endpoint", "explain", "silent_udp"]

IPV6_MREQ: Final = Struct("16sI")
MULTICAST: Final = 0xFF
"""The first byte of a multicast group."""
MULTICAST_HOPS: Final = 8
"""As RFC 8415 section 19 has it for what goes to a group."""
SO_BINDTODEVICE: Final = 25
SO_SNDBUFFORCE: Final = 32
SO_RCVBUFFORCE: Final = 33
MENDS: Final = {
    errno.EPERM: "raw sockets, and before Linux 5.7 those of one interface, need CAP_NET_RAW: "
    "start as root or grant it (AmbientCapabilities in a systemd unit)",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE: start as root or grant it",
    errno.EADDRINUSE: "another program has the port: stop the other DHCP server or relay",
    errno.EADDRNOTAVAIL: "the interface has lost this address, or still looks for a duplicate, or has found one",
    errno.EAFNOSUPPORT: "this kernel has no IPv6: boot without ipv6.disable=1",
    errno.ENODEV: "the interface has vanished",
}


def bound_udp(
    address: bytes,
    port: int,
    link: Link | None,
    buffer_size: int,
    reuse: bool = False,
    program: Sequence[Instruction] = (),
) -> socket.socket:
    """A UDP socket on one packed address of one link (None: any), that does not block and may broadcast.

    The address may also be one that the link shares with others: a broadcast address, or a multicast group, which is
    joined. Raises `OSError`. With ``reuse`` the port may be shared with others that ask for it too; ``program`` is a
    filter through which everything goes that arrives.
    """
    six = len(address) == IPV6_LENGTH
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        if link is not None and not link.loopback:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, link.name.encode())
        enlarge(sock, buffer_size)
        if program:
            attach(sock, program)
        sock.bind(endpoint(address, port, link.index if link else 0))
        if six:
            _prepare6(sock, address, link.index if link else 0)
    except OSError:
        sock.close()
        raise
    return sock


def endpoint(address: bytes, port: int, index: int) -> Any:
    """What the socket module calls an address; a link-local one is of the link with this index, others disregard it."""
    if len(address) == IPV6_LENGTH:
        return socket.inet_ntop(socket.AF_INET6, address), port, 0, index
    return socket.inet_ntoa(address), port


def _prepare6(sock: socket.socket, address: bytes, index: int) -> None:
    if address[0] == MULTICAST:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, IPV6_MREQ.pack(address, index))
    else:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, MULTICAST_HOPS)


def silent_udp(address: bytes, port: int, link: Link | None, buffer_size: int, reuse: bool = False) -> socket.socket:
    """A `bound_udp` that only sends: it keeps the port, so that no ICMP error leaves, and receives nothing."""
    return bound_udp(address, port, link, buffer_size, reuse, DROP_ALL)


def enlarge(sock: socket.socket, size: int) -> None:
    """Ask for buffers of ``size`` bytes; without CAP_NET_ADMIN the system's limits (net.core.*mem_max) hold."""
    _enlarge(sock, SO_RCVBUFFORCE, socket.SO_RCVBUF, size)
    _enlarge(sock, SO_SNDBUFFORCE, socket.SO_SNDBUF, size)


def _enlarge(sock: socket.socket, forced: int, plain: int, size: int) -> None:
    try:
        sock.setsockopt(socket.SOL_SOCKET, forced, size)
    except PermissionError:
        sock.setsockopt(socket.SOL_SOCKET, plain, size)


def explain(error: OSError) -> str:
    """An error of a socket with its mend."""
    mend = MENDS.get(error.errno or 0)
    return f"{error.strerror or error}; {mend}" if mend else f"{error.strerror or error}"
