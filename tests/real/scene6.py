"""Real DHCPv6 clients in front of a server: what is between them, and what both are seen to do."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any, Final, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.real.bindings6 import bindings
from tests.real.clients6 import LAN, Client6
from tests.real.listening import Listener
from tests.real.packets6 import (
    ADVERTISE,
    CONFIRM,
    REBIND,
    RELAY_FORW,
    RELAY_REPL,
    RELEASE,
    RENEW,
    REPLY,
    Answer,
    decode,
)
from tests.real.servers import PRODUCTS6, Server
from tests.real.tap import Seen
from txkea.testing.namespaces import Lab, Namespace, Port, wait_for

__all__ = [
    "ADDRESS",
    "CLIENT_HWADDR",
    "INTERFACE_ID",
    "OURS",
    "PREFIX",
    "RESOLVER",
    "SUCCESS",
    "Living",
    "Message",
    "Scene",
    "configuration",
    "held",
    "mentioned",
    "status",
    "subnet",
]

OURS: Final = PRODUCTS6[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
ADDRESS: Final = "2001:db8:77::100"
"""What the server leases first."""
PREFIX: Final = "2001:db8:8000::/56"
RESOLVER: Final = "2001:db8::53"
CLIENT_HWADDR: Final = "02:00:00:00:00:0c"
STATUS, INTERFACE_ID = 13, 18
SUCCESS: Final = 0
NAMES: Final = (
    *("", "SOLICIT", "ADVERTISE", "REQUEST", "CONFIRM", "RENEW", "REBIND", "REPLY", "RELEASE", "DECLINE"),
    *("RECONFIGURE", "INFORMATION-REQUEST", "RELAY-FORW", "RELAY-REPL"),
)


def subnet(number: int, network: str, **selected_by: str) -> dict[str, Any]:
    """A subnet of addresses that begin so, with a pool of prefixes; what it is ``selected_by`` in Kea's words."""
    prefix = "2001:db8:8000::" if number == 1 else f"2001:db8:{number}900::"
    return {
        "id": number,
        "subnet": f"{network}/64",
        "pools": [{"pool": f"{network}100 - {network}1ff"}],
        "pd-pools": [{"prefix": prefix, "prefix-len": 40, "delegated-len": 56}],
        "rapid-commit": True,
        **selected_by,
    }


def configuration(*subnets: dict[str, Any], **changed: Any) -> str:
    """A configuration with short timers."""
    tree: dict[str, Any] = {
        "interfaces-config": {"interfaces": ["*"]},
        "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
        "server-id": {"type": "EN", "enterprise-id": 1, "identifier": "AA01", "persist": False},
        "preferred-lifetime": 60,
        "valid-lifetime": 80,
        "renew-timer": 2,
        "rebind-timer": 4,
        # the highest preference: clients need not wait for other servers (RFC 8415 section 18.2.1)
        "option-data": [
            {"name": "preference", "data": "255", "always-send": True},
            {"name": "dns-servers", "data": RESOLVER},
        ],
        "subnet6": list(subnets),
        "loggers": [
            {"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]}
        ],
        **changed,
    }
    return json.dumps({"Dhcp6": tree})


class Message(NamedTuple):
    """A DHCPv6 message as it was on the wire."""

    seen: Seen
    content: Answer

    def __str__(self) -> str:
        there, it = self.seen, self.content
        levels = "".join(f" in {relay.link} {dict(relay.options).get(INTERFACE_ID)!r}" for relay in it.relays)
        return f"{NAMES[it.type]}{levels} {there.source} > {there.destination} {' '.join(sorted(held(it)))}"

    @property
    def type(self) -> int:
        return self.content.type


class Scene(SynchronousTestCase):
    """A server, a client, and what is between them; subclasses lay the cables."""

    template = configuration(subnet(1, "2001:db8:77::", interface="eth0"))

    def setUp(self) -> None:
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.there, self.here = self.lab.namespace("server"), self.lab.namespace("client")
        self.switch = self.lab.namespace("switch")
        self.lab.veth(Port(self.switch, LAN), Port(self.here, LAN, hwaddr="02:00:00:00:00:1a"))
        self.build()
        self.server = Server(OURS, self.template, Path(self.mktemp()), self.there)
        self.addCleanup(self.server.close)
        for namespace in (self.there, self.here):
            namespace.link_local("eth0")
            namespace.wait_for_addresses()
        self.server.start()
        self.queries, self.answers = self.listen(self.there), self.listen(self.here)

    def build(self) -> None:
        """Lay the cables: here, both on one switch."""
        ports = [Port(self.there, "eth0", ["2001:db8:77::1/64"]), Port(self.here, "eth0", hwaddr=CLIENT_HWADDR)]
        self.lab.bridge(self.switch, ports)

    def listen(self, namespace: Namespace, interface: str = "eth0") -> Listener[Message]:
        listener = Listener(namespace, interface, received)
        self.addCleanup(listener.tap.close)
        return listener

    def make(self, kind: type[Client6]) -> Client6:
        client = kind(self.here, Path(self.mktemp()))
        self.addCleanup(client.end)
        return client

    def obtain(self, client: Client6, *wanted: str) -> set[str]:
        """Start a client and wait until it uses what it asks for; gives the address and the prefix."""
        self.answers.rest()
        client.start(*wanted)
        advertised = self._next(self.answers, "an ADVERTISE", lambda message: message.type == ADVERTISE)
        reply = self._next(self.answers, "a REPLY", lambda message: message.type == REPLY)
        lease = held(reply.content)
        self.assertEqual(set(client.asks), {"prefix" if "/" in each else "address" for each in lease})
        self.assertEqual(lease, held(advertised.content))
        self.wait_until_used(client, lease)
        self.assertEqual(lease, self.leased())
        return lease

    def wait_until_used(self, client: Client6, lease: set[str]) -> None:
        wait_for(lambda: uses(client, lease), f"{lease} to be used\n{client.tail()}")

    def exchange(self, kind: int, lease: set[str]) -> None:
        """Wait until the client has asked for its whole lease in queries of this type, and was granted it."""
        granted: set[str] = set()
        while not granted >= lease:
            granted |= held(self.answer(self.expect(kind)).content)
        self.assertEqual(lease, granted)

    def expect(self, kind: int) -> Message:
        """The next query of this type that reaches the server."""
        return self._next(self.queries, f"a {NAMES[kind]}", lambda message: message.type == kind)

    def answer(self, query: Message, kind: int = REPLY) -> Message:
        """The answer to a query."""
        xid = query.content.xid  # dibbler's are random numbers that repeat themselves when it is started again
        what = f"the {NAMES[kind]} to {query}"
        message = self._next(self.answers, what, lambda message: (message.type, message.content.xid) == (kind, xid))
        self.assertEqual((547, 546), (message.seen.source_port, message.seen.destination_port))
        return message

    def _next(self, listener: Listener[Message], what: str, condition: Callable[[Message], bool]) -> Message:
        try:
            return listener.expect(what, condition, timeout=32)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.server.tail(5)}") from None

    def leased(self) -> set[str]:
        """The addresses and prefixes with a valid lease in the server's file."""
        rows = self.server.lease_rows().values()
        return {f"{row[0]}/{row[8]}" if row[6] == "2" else row[0] for row in rows if row[13] == "0"}


class Living(Scene):
    """A client's life with its lease."""

    def live(self, kind: type[Client6], lease: set[str], rebind: bool = True) -> None:
        """Obtain, renew, ``rebind``, confirm, release, and obtain the same again."""
        client = self.make(kind)
        self.assertEqual(lease, self.obtain(client))
        self.exchange(RENEW, lease)
        if rebind:
            self.rebind(lease)
        self.confirm(client, lease)
        self.release(client, lease)
        self.assertEqual(lease, self.obtain(client, *sorted(lease)))

    def rebind(self, lease: set[str]) -> None:
        """The server is deaf until the client asks all servers."""
        self.server.pause()
        asked: set[str] = set()
        while not asked >= lease:
            query = self.expect(REBIND)
            asked |= mentioned(query.content)
        self.server.resume()
        self.assertEqual(mentioned(query.content), held(self.answer(query).content))

    def confirm(self, client: Client6, lease: set[str]) -> None:
        """The client's cable is pulled and put back; it makes sure of its lease."""
        self.queries.rest()
        self.switch_cable(client)
        if client.confirms_with == CONFIRM:
            reply = self.answer(self.expect(CONFIRM))
            self.assertEqual((SUCCESS, set()), (status(reply.content), held(reply.content)))
        else:
            self.exchange(client.confirms_with, lease)
        self.wait_until_used(client, lease)
        self.assertEqual(lease, self.leased())

    def switch_cable(self, client: Client6) -> None:
        """Pull the client's cable and put it back."""
        self.carry("down")
        wait_for(lambda: not carrier(self.here), "the carrier to be gone")
        self.carry("up")
        client.reconnect()

    def carry(self, how: str) -> None:
        """Have the other end of the client's cable up or down."""
        self.switch.run(["ip", "link", "set", "port2", how])

    def release(self, client: Client6, lease: set[str]) -> None:
        """The client gives all back."""
        client.release()
        released: set[str] = set()
        while not released >= lease:
            query = self.expect(RELEASE)
            released |= mentioned(query.content)
            self.assertEqual(SUCCESS, status(self.answer(query).content))
        wait_for(lambda: not self.leased(), f"the lease to be gone\n{self.server.tail()}")
        wait_for(lambda: not client.addresses(), "the address to be gone")
        client.end()


def received(seen: Seen) -> Message | None:
    """The DHCPv6 message in a datagram, if it is one."""
    if not {seen.source_port, seen.destination_port} <= {546, 547}:
        return None
    return Message(seen, decode(seen.payload, RELAY_FORW if seen.payload[0] == RELAY_FORW else RELAY_REPL))


def mentioned(answer: Answer) -> set[str]:
    """The addresses and prefixes in a message."""
    return {each.resource for each in bindings(answer)}


def held(answer: Answer) -> set[str]:
    """Those that are valid."""
    return {each.resource for each in bindings(answer) if each.valid}


def status(answer: Answer) -> int | None:
    """The status of the whole message, Success if none is told (RFC 8415 section 21.13)."""
    payload = dict(answer.options).get(STATUS, b"\0\0")
    return int.from_bytes(payload[:2], "big")


def uses(client: Client6, lease: set[str]) -> bool:
    """Whether a client's addresses are those leased, and its other interface is within the delegated prefix."""
    prefixes = [IPv6Network(each) for each in lease if "/" in each]
    addresses = {each for each in lease if "/" not in each}
    networks = client.networks(LAN)
    return set(client.addresses()) == addresses and all(
        any(network.subnet_of(prefix) for network in networks) for prefix in prefixes
    )


def carrier(namespace: Namespace, interface: str = "eth0") -> bool:
    """Whether an interface has its carrier."""
    return namespace.run(["cat", f"/sys/class/net/{interface}/carrier"], check=False).stdout.strip() == "1"
