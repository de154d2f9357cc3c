"""What all kinds of DHCP socket share: where they are, what receives for them, what failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from zope.interface import implementer

from txkea.interfaces import ISocket, Link
from txkea.net.context import Context
from txkea.net.links import IPV6_LENGTH, is_link_local, readable

__all__ = ["LIMITED_BROADCAST", "MULTICAST_GROUPS", "LinkSockets", "SendSide"]

LIMITED_BROADCAST: Final = b"\xff\xff\xff\xff"
MULTICAST_GROUPS: Final = (
    bytes.fromhex("ff020000000000000000000000010002"),
    bytes.fromhex("ff050000000000000000000000010003"),
)
"""All_DHCP_Relay_Agents_and_Servers, and All_DHCP_Servers, which relays use (RFC 8415 section 7.1)."""
LOG_INTERVAL: Final = 1.0
"""Seconds between two log lines about failures to send, per socket."""


@implementer(ISocket)
class SendSide:
    """An `ISocket` without its way of sending: where it is, and what failed."""

    direct = False

    def __init__(self, context: Context, link: str, local: bytes) -> None:
        self.link = link
        self.local = local
        self._context = context
        self._traffic = context.traffic
        self._silent_until = 0.0

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.link}/{readable(self.local)}>"

    def send(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `ISocket`."""
        self._context.send_soon(self, data, address, port, hwaddr)

    def transmit(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """Send at once."""
        raise NotImplementedError

    def _failed(self, error: Exception, address: bytes, port: int) -> None:
        self._traffic.send_failures += 1
        now = self._context.reactor.seconds()
        if now >= self._silent_until and self._context.log.error:
            self._silent_until = now + LOG_INTERVAL
            self._context.log.error(
                self._context.family.send_failed,
                f"cannot send from {self.link}/{readable(self.local)} to {readable(address)} port {port}: "
                f"{error} ({self._traffic.send_failures} failures so far)",
            )


class LinkSockets:
    """The DHCP sockets of one link, one per served address, and whatever receives for them."""

    def __init__(self, context: Context, link: Link) -> None:
        self.context = context
        self.link = link
        self.sockets: dict[bytes, SendSide] = {}
        """By packed local address; the first one answers broadcasts, the link-local one groups."""

    def serve(self, addresses: Sequence[bytes]) -> dict[bytes, OSError]:
        """Serve exactly these packed addresses; what is open and still wanted stays untouched.

        Gives the addresses that cannot be served, each with what the kernel said.
        """
        for address in [known for known in self.sockets if known not in addresses]:
            del self.sockets[address]
            self._close(address)
        attempts = {address: self._attempt(address) for address in addresses if address not in self.sockets}
        self.sockets = {address: self.sockets[address] for address in addresses if address in self.sockets}
        self._settle()
        return {address: error for address, error in attempts.items() if error is not None}

    def _attempt(self, address: bytes) -> OSError | None:
        try:
            self.sockets[address] = self._open(address)
        except OSError as error:
            return error
        return None

    def shared(self) -> dict[bytes, SendSide]:
        """The broadcast addresses or groups that clients and relays may send to, and which socket takes them."""
        found: dict[bytes, SendSide] = {}
        for address, sock in self.sockets.items():
            for target in self.shared_of(address):
                found.setdefault(target, sock)
        return found

    def shared_of(self, address: bytes) -> Sequence[bytes]:
        """The limited broadcast address, and that of the subnet of ``address`` if its subnet has one.

        In DHCPv6 the multicast groups, which belong to the link-local address (Kea B013).
        """
        if len(address) == IPV6_LENGTH:
            return MULTICAST_GROUPS if self.link.multicast and is_link_local(address) else ()
        if not self.link.broadcast:
            return ()
        lengths = [entry.prefix_length for entry in self.link.addresses if entry.address == address]
        return (LIMITED_BROADCAST, *(_last(address, length) for length in lengths if length < 31))

    def _open(self, address: bytes) -> SendSide:
        """Open what one more address needs. Raises `OSError`; then nothing has changed."""
        raise NotImplementedError

    def _close(self, address: bytes) -> None:
        """Close what only this address needed."""
        raise NotImplementedError

    def _settle(self) -> None:
        """``sockets`` has changed: make what receives for them follow."""
        raise NotImplementedError


def _last(address: bytes, length: int) -> bytes:
    return (int.from_bytes(address, "big") | (0xFFFFFFFF >> length)).to_bytes(4, "big")
