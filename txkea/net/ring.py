"""A packet socket's receive ring: the kernel writes frames into memory that we share (packet_mmap, TPACKET_V2).

Beside saving a system call per frame it says, frame by frame, whether a checksum is there to be checked, and it is as
large as we ask without CAP_NET_ADMIN.
"""

from __future__ import annotations

import mmap
import socket
from collections.abc import Iterator
from struct import Struct
from typing import Final

from txkea.net.context import Traffic

__all__ = ["Ring"]

SOL_PACKET: Final = 263
PACKET_RX_RING: Final = 5
PACKET_STATISTICS: Final = 6
PACKET_VERSION: Final = 10
TPACKET_V2: Final = 1
TPACKET_REQ: Final = Struct("4I")
TPACKET_STATS: Final = Struct("2I")
FRAME_HEADER: Final = Struct("3IH")
"""The beginning of ``struct tpacket2_hdr``: status, length, captured length, where the frame begins."""
KERNEL: Final = bytes(4)
"""The status of a slot that we give back."""
CSUM_NOT_READY: Final = 1 << 3
CSUM_VALID: Final = 1 << 7
BLOCK: Final = 1 << 16
HEADROOM: Final = 128
"""More than the slot's header, alignment and the Ethernet header together."""
LARGEST_SLOT: Final = 1 << 14
"""Enough for jumbo frames; a longer frame is counted as truncated and skipped."""


class Ring:
    """The frames that wait on a packet socket, which must not be bound yet.

    ``mtu`` is the link's, ``size`` the memory in bytes. Raises `OSError` where the kernel has none to give.
    """

    def __init__(self, sock: socket.socket, mtu: int, size: int, traffic: Traffic) -> None:
        self._socket = sock
        self._traffic = traffic
        self._slot = min(max(1 << (mtu + HEADROOM - 1).bit_length(), 2048), LARGEST_SLOT)
        blocks = max(size // BLOCK, 1)
        self._slots = blocks * (BLOCK // self._slot)
        sock.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
        sock.setsockopt(SOL_PACKET, PACKET_RX_RING, TPACKET_REQ.pack(BLOCK, blocks, self._slot, self._slots))
        self._memory = mmap.mmap(sock.fileno(), blocks * BLOCK)
        self._next = 0

    def frames(self, limit: int) -> Iterator[tuple[bytes, bool]]:
        """Take at most ``limit`` frames: each with whether its UDP checksum is still to be verified.

        It is not where the kernel or the hardware did so, nor where the sender is on this machine and left the
        checksum to hardware that was never reached (a container behind a veth pair).
        """
        memory, slot, slots, header = self._memory, self._slot, self._slots, FRAME_HEADER.unpack_from
        for _ in range(limit):
            if memory.closed:  # whoever took the last frame has closed the network
                return
            start = self._next * slot
            status, length, captured, offset = header(memory, start)
            if not status:
                return
            frame = memory[start + offset : start + offset + captured]
            memory[start : start + 4] = KERNEL
            self._next = (self._next + 1) % slots
            if captured < length:
                self._traffic.truncated += 1
            else:
                yield frame, not status & (CSUM_NOT_READY | CSUM_VALID)

    def count_losses(self) -> None:
        """Add to ``traffic.lost`` what the kernel has dropped since the last call because the ring was full."""
        answer = self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, TPACKET_STATS.size)
        self._traffic.lost += TPACKET_STATS.unpack(answer)[1]

    def close(self) -> None:
        """Give the memory back; the socket stays open."""
        self._memory.close()
