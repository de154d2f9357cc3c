"""Classic BPF programs, which the kernel runs on each packet before a socket sees it (Kea A057)."""

from __future__ import annotations

import ctypes
import socket
from collections.abc import Sequence
from struct import Struct
from typing import Final, NamedTuple

__all__ = ["DROP_ALL", "Instruction", "attach", "dhcp_filter"]

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

PACKET_BROADCAST: Final = 1
"""Packet types up to this one are addressed to us; above are multicast, other hosts' and our own packets."""
ETHER_TYPE: Final = 12
ETHERNET_HEADER: Final = 14
IP_FRAGMENT: Final = ETHERNET_HEADER + 6
IP_PROTOCOL: Final = ETHERNET_HEADER + 9
UDP_DESTINATION: Final = ETHERNET_HEADER + 2
"""Behind the IP header, whose length stands in X."""
FRAGMENTED: Final = 0x3FFF
"""More-fragments bit and offset: a raw socket gets fragments as they are, and none of them is a whole datagram."""
EVERYTHING: Final = 0xFFFFFFFF


class Instruction(NamedTuple):
    """One instruction; jumps count instructions to skip."""

    code: int
    operand: int
    if_true: int = 0
    if_false: int = 0


DROP_ALL: Final = (Instruction(RET, 0),)


def dhcp_filter(index: int, port: int) -> Sequence[Instruction]:
    """Pass unfragmented IPv4 UDP datagrams for ``port`` that were sent to this very link; for Ethernet frames.

    The index is compared because the kernel also shows a link the frames of the VLANs and the bond on top of it, with
    the tag already taken off; a tagged frame of a VLAN that does not exist counts as another host's.
    """
    tests = (
        (LD, PACKET_TYPE, JGT, PACKET_BROADCAST, False),
        (LD, INTERFACE_INDEX, JEQ, index, True),
        (LDH, ETHER_TYPE, JEQ, 0x0800, True),
        (LDB, IP_PROTOCOL, JEQ, socket.IPPROTO_UDP, True),
        (LDH, IP_FRAGMENT, JSET, FRAGMENTED, False),
        (LDH_X, UDP_DESTINATION, JEQ, port, True),
    )
    program: list[Instruction] = []
    length = 2 * len(tests) + 3
    for load, where, jump, value, wanted in tests:
        if load == LDH_X:
            program.append(Instruction(LDX_MSH, ETHERNET_HEADER))
        program.append(Instruction(load, where))
        drop = length - 1 - (len(program) + 1)
        program.append(Instruction(jump, value, 0, drop) if wanted else Instruction(jump, value, drop, 0))
    return (*program, Instruction(RET, EVERYTHING), Instruction(RET, 0))


def attach(sock: socket.socket, program: Sequence[Instruction]) -> None:
    """Run ``program`` on all that ``sock`` receives from now on; replaces an earlier one at once."""
    code = b"".join(SOCK_FILTER.pack(i.code, i.if_true, i.if_false, i.operand) for i in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, SOCK_FPROG.pack(len(program), ctypes.addressof(buffer)))
