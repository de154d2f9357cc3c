"""The least that can answer perfdhcp: no decoding, no leases. What it cannot reach, perfdhcp cannot measure.

Run in the server's namespace: ``python bench/reflector.py ADDRESS``.
"""

from __future__ import annotations

import socket
import sys
from typing import Final

__all__ = ["reflect"]

OPTIONS: Final = 240
ANSWERS: Final = {1: 2, 3: 5}
"""DISCOVER: OFFER, REQUEST: ACK."""


def reflect(address: str) -> None:
    """Answer for ever: the query itself with ``op``, ``yiaddr`` and the options changed."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    listening.bind((address, 67))
    server = socket.inet_aton(address)
    tails = {
        query: bytes((53, 1, answer, 54, 4)) + server + bytes((51, 4, 0, 0, 15, 160, 1, 4, 255, 0, 0, 0, 255))
        for query, answer in ANSWERS.items()
    }
    receive, send = listening.recvfrom, listening.sendto
    while True:
        data, origin = receive(2048)
        # perfdhcp writes the message type first; the last bytes of chaddr are as good an address as any
        send(b"\2" + data[1:16] + b"\12" + data[31:34] + data[20:OPTIONS] + tails[data[OPTIONS + 2]], origin)


if __name__ == "__main__":
    reflect(sys.argv[1])
