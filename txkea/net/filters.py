"""Classic BPF programs, which the kernel runs on each packet before a socket sees it (Kea A057)."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

__all__ = ["DROP_ALL", "LARGEST_PAYLOAD6", "UNFRAMED6", "Instruction", "attach", "dhcp_filter", "dhcp_filter6"]

SO_ATTACH_FILTER: Final = 26
SOCK_FPROG: Final = Struct("HP")
SOCK_FILTER: Final = Struct("HBBI")

# Instruction codes of <linux/bpf_common.h>, spelled as bpf_asm spells them.
LD: Final = 0x20
LDH: Final = 0x28
LDB: Final = 0x30
LDH_X: Final = 0x48
LDX_MSH: Final = 0xB1
JEQ: Final = 0x15
JGT: Final = 0x25
JSET: Final = 0x45
RET: Final = 0x06

# Loads from these addresses read the packet's metadata (<linux/filter.h>, SKF_AD_*).
PACKET_TYPE: Final = 0xFFFFF004
INTERFACE_INDEX: Final = 0xFFFFF008
HARDWARE_TYPE: Final = 0xFFFFF01C
NETWORK_HEADER: Final = 0xFFF00000
"""Where the IP header is, for the filter of a UDP socket, which is shown a datagram from its UDP header on."""

PACKET_BROADCAST: Final = 1
PACKET_MULTICAST: Final = 2
"""Packet types up to the former are addressed to us, up to the latter perhaps; above are other hosts' and our own."""
ETHER_TYPE: Final = 12
ETHERNET_HEADER: Final = 14
IP_FRAGMENT: Final = ETHERNET_HEADER + 6
IP_PROTOCOL: Final = ETHERNET_HEADER + 9
UDP_DESTINATION: Final = ETHERNET_HEADER + 2
"""Behind the IP header, whose length stands in X."""
IPV6_PAYLOAD_LENGTH: Final = 4
IPV6_NEXT_HEADER: Final = 6
"""In the IPv6 header."""
UDP_DESTINATION6: Final = ETHERNET_HEADER + 40 + 2
ARPHRD_ETHER: Final = 1
FRAGMENTED: Final = 0x3FFF
"""More-fragments bit and offset: a raw socket gets fragments as they are, and none of them is a whole datagram."""
EVERYTHING: Final = 0xFFFFFFFF
LARGEST_PAYLOAD6: Final = 1280 - 40
"""Bytes behind the IPv6 header that every link carries in one frame, so that nobody needs to fragment them."""


class Instruction(NamedTuple):
    """One instruction; jumps count instructions to skip."""

    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0


Test = tuple[int, int, int, int, bool]
"""How and where to load, the jump, what it compares with, and whether it shall be true."""


def _all_of(tests: Sequence[Test], passed: int = EVERYTHING, failed: int = 0) -> Sequence[Instruction]:
    """The program that takes so many bytes of a packet for which all tests come out well, and so many of another."""
    program: list[Instruction] = []
    length = 2 * len(tests) + 2 + sum(load == LDH_X for load, *_ in tests)
    for load, where, jump, value, wanted in tests:
        if load == LDH_X:
            program.append(Instruction(LDX_MSH, ETHERNET_HEADER))
        program.append(Instruction(load, where))
        fail = length - 1 - (len(program) + 1)
        program.append(Instruction(jump, value, 0, fail) if wanted else Instruction(jump, value, fail, 0))
    return (*program, Instruction(RET, passed), Instruction(RET, failed))


DROP_ALL: Final = _all_of((), passed=0)


def dhcp_filter(index: int, port: int) -> Sequence[Instruction]:
    """Pass unfragmented IPv4 UDP datagrams for ``port`` that were sent to this very link; for Ethernet frames.

    The index is compared because the kernel also shows a link the frames of the VLANs and the bond on top of it, with
    the tag already taken off; a tagged frame of a VLAN that does not exist counts as another host's.
    """
    return _all_of(
        (
            (LD, PACKET_TYPE, JGT, PACKET_BROADCAST, False),
            (LD, INTERFACE_INDEX, JEQ, index, True),
            (LDH, ETHER_TYPE, JEQ, 0x0800, True),
            (LDB, IP_PROTOCOL, JEQ, socket.IPPROTO_UDP, True),
            (LDH, IP_FRAGMENT, JSET, FRAGMENTED, False),
            (LDH_X, UDP_DESTINATION, JEQ, port, True),
        )
    )


def dhcp_filter6(index: int, port: int) -> Sequence[Instruction]:
    """The same for IPv6: datagrams right behind their IPv6 header that are no longer than `LARGEST_PAYLOAD6`."""
    return _all_of(
        (
            (LD, PACKET_TYPE, JGT, PACKET_MULTICAST, False),
            (LD, INTERFACE_INDEX, JEQ, index, True),
            (LDH, ETHER_TYPE, JEQ, 0x86DD, True),
            (LDB, ETHERNET_HEADER + IPV6_NEXT_HEADER, JEQ, socket.IPPROTO_UDP, True),
            (LDH, ETHERNET_HEADER + IPV6_PAYLOAD_LENGTH, JGT, LARGEST_PAYLOAD6, False),
            (LDH, UDP_DESTINATION6, JEQ, port, True),
        )
    )


UNFRAMED6: Final = _all_of(
    (
        (LD, PACKET_TYPE, JGT, PACKET_MULTICAST, False),
        (LD, HARDWARE_TYPE, JEQ, ARPHRD_ETHER, True),
        (LDB, NETWORK_HEADER + IPV6_NEXT_HEADER, JEQ, socket.IPPROTO_UDP, True),
        (LDH, NETWORK_HEADER + IPV6_PAYLOAD_LENGTH, JGT, LARGEST_PAYLOAD6, False),
    ),
    passed=0,
    failed=EVERYTHING,
)
"""For a UDP socket of the same port on an Ethernet link: pass exactly what `dhcp_filter6` does not.

That is what was longer than a frame that every link carries, hence perhaps fragmented; what has extension headers; and
what this machine sends itself, over loopback or to a group, of which packet sockets see nothing.
"""


def attach(sock: socket.socket, program: Sequence[Instruction]) -> None:
    """Run ``program`` on all that ``sock`` receives from now on; replaces an earlier one at once."""
    code = b"".join(SOCK_FILTER.pack(i.code, i.if_true, i.if_false, i.operand) for i in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, SOCK_FPROG.pack(len(program), ctypes.addressof(buffer)))
