"""Clients that all have a lease already: what stands in the lease file, and whether one of them keeps it."""

from __future__ import annotations

import socket
import struct
from abc import ABC, abstractmethod
from typing import Any, Final

from bench.scenarios import CLIENT4, INTERFACE, SERVER4
from tests.real import packets, packets6
from txkea.testing.namespaces import Namespace

__all__ = ["POPULATIONS", "Population"]

LIFETIME: Final = 4000


class Population(ABC):
    """The clients of one family, by number."""

    scenario: str
    """Whose configuration they fit."""
    header: str
    """Of the lease file, in the columns of Kea 2.2.0."""

    @abstractmethod
    def row(self, number: int, expire: int) -> str:
        """A client's row in the lease file."""

    @abstractmethod
    def listen(self) -> socket.socket:
        """A socket of a relay of theirs."""

    @abstractmethod
    def keeps(self, relay: socket.socket, number: int) -> bool:
        """Whether a client that asks through the relay gets its address again."""

    def relay(self, namespace: Namespace) -> socket.socket:
        """A relay in a namespace."""
        with namespace.enter():
            return self.listen()


class Population4(Population):
    """Clients of ``server4.conf``."""

    scenario = "v4"
    header = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
    first: Final = (10 << 24) + (16 << 16) + 1
    """10.16.0.1, in the pool."""

    def address(self, number: int) -> str:
        """A client's address."""
        return packets.text((self.first + number).to_bytes(4, "big"))

    def row(self, number: int, expire: int) -> str:
        hwaddr = packets.chaddr(number).hex(":")
        return f"{self.address(number)},{hwaddr},01:{hwaddr},{LIFETIME},{expire},1,0,0,host-{number},0,"

    def listen(self) -> socket.socket:
        relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        relay.bind((CLIENT4, 67))
        return relay

    def keeps(self, relay: socket.socket, number: int) -> bool:
        address, hwaddr = self.address(number), packets.chaddr(number)
        options = ((61, b"\1" + hwaddr),)
        query = packets.Query(packets.REQUEST, hwaddr, options, number + 1, ciaddr=address, giaddr=CLIENT4)
        relay.sendto(packets.encode(query), (SERVER4, 67))
        answer = packets.decode(relay.recv(2048))
        return (answer.type, answer.yiaddr, answer.xid) == (packets.ACK, address, number + 1)


IA_NA: Final = 3
IA: Final = struct.Struct("!III")
IAADDR: Final = struct.Struct("!HH16sII")


class Population6(Population):
    """Clients of ``server6.conf``."""

    scenario = "v6"
    header = (
        "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,"
        "hostname,hwaddr,state,user_context,hwtype,hwaddr_source"
    )
    first: Final = int.from_bytes(packets6.packed6("2001:db8:1::1"), "big")
    group: Final = "ff02::1:2"
    index = 0

    def address(self, number: int) -> bytes:
        """A client's address."""
        return (self.first + number).to_bytes(16, "big")

    def duid(self, number: int) -> bytes:
        """A client's DUID."""
        return b"\0\3\0\1" + packets.chaddr(number)

    def row(self, number: int, expire: int) -> str:
        hwaddr, duid = packets.chaddr(number).hex(":"), self.duid(number).hex(":")
        address = packets6.text6(self.address(number))
        return f"{address},{duid},{LIFETIME},{expire},1,3000,0,1,128,0,0,host-{number},{hwaddr},0,,1,2"

    def listen(self) -> socket.socket:
        relay = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        relay.bind(("::", 547))
        self.index = socket.if_nametoindex(INTERFACE)
        return relay

    def keeps(self, relay: socket.socket, number: int) -> bool:
        ia = IA.pack(1, 0, 0) + IAADDR.pack(5, 24, self.address(number), 0, 0)
        options = ((1, self.duid(number)), (IA_NA, ia))
        query = packets6.Query(packets6.REBIND, options, (packets6.Relay("2001:db8::2"),), number + 1)
        relay.sendto(packets6.encode(query), (self.group, 547, 0, self.index))
        answer = packets6.decode(relay.recv(2048))
        return (answer.type, answer.xid) == (packets6.REPLY, number + 1) and self._holds(answer.options, number)

    def _holds(self, options: Any, number: int) -> bool:
        (found,) = (payload for code, payload in options if code == IA_NA)
        for code, payload in packets6.walk(found[IA.size :]):
            if code == 5 and payload[:16] == self.address(number):
                return int.from_bytes(payload[20:24], "big") > 0
        return False


POPULATIONS: Final = {each.scenario: each for each in (Population4(), Population6())}
