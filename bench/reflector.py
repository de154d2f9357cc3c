"""The least that can answer perfdhcp: no decoding, no leases. What it cannot reach, perfdhcp cannot measure.

Run in the server's namespace: ``python bench/reflector.py 4 ADDRESS`` or ``6 INTERFACE [prefix]``.
"""

from __future__ import annotations

import socket
import sys
from typing import Final

__all__ = ["reflect4", "reflect6"]

BUFFER: Final = 4 << 20


def _listening(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.bind((address, port))
    return sock


OPTIONS: Final = 240
ANSWERS4: Final = {1: 2, 3: 5}
"""DISCOVER: OFFER, REQUEST: ACK."""


def reflect4(address: str) -> None:
    """Answer for ever: the query itself with ``op``, ``yiaddr`` and the options changed."""
    listening = _listening(socket.AF_INET, address, 67)
    server = socket.inet_aton(address)
    tails = {
        query: bytes((53, 1, answer, 54, 4)) + server + bytes((51, 4, 0, 0, 15, 160, 1, 4, 255, 0, 0, 0, 255))
        for query, answer in ANSWERS4.items()
    }
    receive, send = listening.recvfrom, listening.sendto
    while True:
        data, origin = receive(2048)
        # perfdhcp writes the message type first; the last bytes of chaddr are as good an address as any
        send(b"\2" + data[1:16] + b"\12" + data[31:34] + data[20:OPTIONS] + tails[data[OPTIONS + 2]], origin)


ANSWERS6: Final = {1: b"\2", 3: b"\7"}
"""SOLICIT: ADVERTISE, REQUEST: REPLY."""
CLIENT_ID: Final = b"\0\1\0\16"
"""The head of a DUID-LLT of an Ethernet address, as perfdhcp makes them."""
IDENTITY: Final = len(CLIENT_ID) + 14
TIMES: Final = (3000).to_bytes(4, "big") + (4000).to_bytes(4, "big")
IA: Final = b"\0\0\0\1" + (1000).to_bytes(4, "big") + (2000).to_bytes(4, "big")
NETWORK: Final = socket.inet_pton(socket.AF_INET6, "2001:db8::")
SERVER_ID: Final = bytes.fromhex("0002000a00030001020000000001")
IA_NA: Final = b"\0\3\0\50" + IA + b"\0\5\0\30" + NETWORK[:13]
"""Up to the last three bytes of its address."""
IA_PD: Final = b"\0\31\0\51" + IA + b"\0\32\0\31" + TIMES + b"\x3c" + NETWORK[:13]


def reflect6(interface: str, prefixes: bool) -> None:
    """Answer for ever: the query's transaction and client identifier, an address and perhaps a prefix."""
    listening = _listening(socket.AF_INET6, "::", 547)
    index = socket.if_nametoindex(interface).to_bytes(4, sys.byteorder)
    listening.setsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, "ff02::1:2") + index
    )
    receive, send = listening.recvfrom, listening.sendto
    while True:
        data, origin = receive(2048)
        place, transaction = data.index(CLIENT_ID), data[1:4]
        answer = ANSWERS6[data[0]] + transaction + data[place : place + IDENTITY] + SERVER_ID
        answer += IA_NA + transaction + TIMES
        send(answer + IA_PD + transaction if prefixes else answer, origin)


if __name__ == "__main__":
    if sys.argv[1] == "4":
        reflect4(sys.argv[2])
    else:
        reflect6(sys.argv[2], "prefix" in sys.argv[3:])
