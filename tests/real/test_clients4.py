"""Real clients, directly and through a real relay: they obtain, renew, rebind, release, obtain again, and decline.

The judge is what stands on the wire and on the clients' interfaces. ``TXKEA_TEST_SERVER=kea`` runs the same against
Kea, as a control of the tests themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.real.clients import Client, programs
from tests.real.clients4 import CLIENTS4, Dhclient, Dhcpcd, Udhcpc
from tests.real.listening import Listener
from tests.real.packets import (
    ACK,
    DECLINE,
    DISCOVER,
    OFFER,
    RELEASE,
    REQUEST,
    Answer,
    Query,
    decode,
    encode,
    packed,
    suboptions,
)
from tests.real.servers import PRODUCTS, Server
from tests.real.tap import BROADCAST, Seen, frame
from txkea.testing.namespaces import Lab, Namespace, Port, requires_root, wait_for

OURS: Final = PRODUCTS[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
GATEWAY: Final = "10.77.0.1"
"""The server, or the relay, on the clients' link."""
FIRST: Final = "10.77.0.100"
"""What the server offers first."""
LAST: Final = "10.77.0.149"
DISTANT: Final = "10.78.0.1"
"""The server behind the relay."""
CLIENT_HWADDR: Final = "02:00:00:00:00:0c"
OTHER_HWADDR: Final = "02:00:00:00:00:99"
NEIGHBOUR: Final = ("ip", "neigh")
AGENT_OPTIONS: Final = 82
CIRCUIT: Final = suboptions((1, b"down0"))
"""What isc-dhcp-relay adds: the name of its interface."""
NAMES: Final = ("", "DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM")

CONFIGURATION: Final[dict[str, Any]] = {
    "interfaces-config": {"interfaces": ["eth0"]},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "valid-lifetime": 24,
    "renew-timer": 2,
    "rebind-timer": 5,
    "subnet4": [
        {
            "id": 1,
            "subnet": "10.77.0.0/24",
            "pools": [{"pool": "10.77.0.100 - 10.77.0.149"}],
            "option-data": [{"name": "routers", "data": GATEWAY}],
        }
    ],
    "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]}],
}


class Message(NamedTuple):
    """A DHCP message as it was on the wire."""

    seen: Seen
    content: Answer

    def __str__(self) -> str:
        there, it = self.seen, self.content
        return f"{NAMES[it.type]} {there.source} > {there.destination} ciaddr {it.ciaddr} yiaddr {it.yiaddr}"


def received(seen: Seen) -> Message | None:
    """The DHCP message in a datagram, if it is one."""
    return Message(seen, decode(seen.payload)) if {seen.source_port, seen.destination_port} <= {67, 68} else None


class Scene(SynchronousTestCase):
    """A server, a client, and what is between them; subclasses lay the cables."""

    server_address = GATEWAY
    """Where clients send what is for the server alone."""

    def setUp(self) -> None:
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.there, self.here = self.lab.namespace("server"), self.lab.namespace("client")
        self.build()
        wait_for(lambda: carrier(self.there) and carrier(self.here), "the carriers of eth0")
        self.server = Server(OURS, json.dumps({"Dhcp4": CONFIGURATION}), Path(self.mktemp()), self.there)
        self.addCleanup(self.server.close)
        self.server.start()
        self.queries, self.answers = self.listen(self.there), self.listen(self.here)

    def build(self) -> None:
        """Lay the cables."""
        raise NotImplementedError

    def listen(self, namespace: Namespace, interface: str = "eth0") -> Listener[Message]:
        listener = Listener(namespace, interface, received)
        self.addCleanup(listener.tap.close)
        return listener

    def make(self, kind: type[Client]) -> Client:
        client = kind(self.here, Path(self.mktemp()))
        self.addCleanup(client.end)
        return client


def settle() -> None:
    """Let a client that has missed its answer (see `Udhcpc`) ask again, before it is told to do something else."""
    time.sleep(2.5)


class Living(Scene):
    """A client's life with one address."""

    def live(self, kind: type[Client]) -> None:
        """Obtain, renew, rebind, release, and obtain the same address again."""
        client = self.make(kind)
        address = self.obtain(client)
        self.assertEqual(FIRST, address)
        self.renew(client, address)
        self.block()
        self.rebind(client, address)
        self.unblock()
        self.release(client, address)
        self.assertEqual(address, self.obtain(client, address))

    def block(self) -> None:
        """Let nothing that the client sends to the server alone arrive there."""
        raise NotImplementedError

    def unblock(self) -> None:
        """Let it arrive again."""
        raise NotImplementedError

    def is_rebinding(self, message: Message) -> bool:
        """Whether a client that has an address asks all servers."""
        raise NotImplementedError

    def obtain(self, client: Client, *wanted: str) -> str:
        self.answers.rest()
        client.start(*wanted)
        seen, content = self.answers.expect("an ACK", lambda message: message.content.type == ACK)
        self.assertEqual((GATEWAY, 67, 68), (seen.source, seen.source_port, seen.destination_port))
        if not content.flags:  # such a client hears unicast without having the address yet (RFC 2131 section 4.1)
            self.assertEqual((content.yiaddr, self.answers.tap.hwaddr), (seen.destination, seen.hwaddr_to))
        wait_for(lambda: client.addresses() == [content.yiaddr], f"{content.yiaddr} to be used\n{client.tail()}")
        return content.yiaddr

    def renew(self, client: Client, address: str) -> None:
        client.renew()
        self.queries.expect("a renewal", lambda message: is_renewal(message, address, self.server_address))
        self.acknowledged(address, self.server_address)
        settle()

    def rebind(self, client: Client, address: str) -> None:
        query = None
        for _ in range(3):  # a client that was in between two states may have overheard the first time
            client.rebind()
            with contextlib.suppress(TimeoutError):
                query = self.queries.expect("a rebinding", self.is_rebinding, timeout=8)
                break
        assert query is not None, "no rebinding came"
        self.assertEqual(address, query.content.ciaddr)
        self.acknowledged(address, GATEWAY)

    def acknowledged(self, address: str, source: str) -> None:
        """An ACK comes from there; one to a renewal that was still under way may come before."""
        seen, content = self.answers.expect(
            f"an ACK from {source}", lambda message: message.content.type == ACK and message.seen.source == source
        )
        self.assertEqual((address, address), (content.ciaddr, content.yiaddr))
        self.assertEqual(address, seen.destination)

    def release(self, client: Client, address: str) -> None:
        settle()
        client.release()
        query = self.queries.expect("a RELEASE", lambda message: message.content.type == RELEASE)
        self.assertEqual((address, self.server_address), (query.content.ciaddr, query.seen.destination))
        wait_for(lambda: not self.leased(address), f"{address} to be free\n{self.server.tail()}")
        client.end()
        wait_for(lambda: not client.addresses(), "the address to be gone")

    def leased(self, address: str) -> bool:
        row = self.server.lease_rows().get(address)
        return row is not None and row[9] == "0"


class Neighbours(Living):
    """Client and server on one link, with a switch between them and a third machine on it."""

    skip = requires_root("kea-dhcp4", *programs(CLIENTS4))

    def build(self) -> None:
        other, self.switch = self.lab.namespace("other"), self.lab.namespace("switch")
        ports = [
            Port(self.there, "eth0", [f"{GATEWAY}/24"]),
            Port(self.here, "eth0", hwaddr=CLIENT_HWADDR),
            Port(other, "eth0", hwaddr=OTHER_HWADDR),
        ]
        self.lab.bridge(self.switch, ports)
        self.switch.run(["bridge", "fdb", "replace", OTHER_HWADDR, "dev", "port3", "master", "static"])

    def block(self) -> None:
        self.here.run([*NEIGHBOUR, "replace", GATEWAY, "lladdr", OTHER_HWADDR, "dev", "eth0", "nud", "permanent"])

    def unblock(self) -> None:
        self.here.run([*NEIGHBOUR, "del", GATEWAY, "dev", "eth0"])

    def is_rebinding(self, message: Message) -> bool:
        return message.content.type == REQUEST and message.seen.destination == BROADCAST and has_address(message)

    def test_dhclient(self) -> None:
        """dhclient obtains, renews, rebinds, releases and obtains again the same address."""
        self.live(Dhclient)

    def test_udhcpc(self) -> None:
        """udhcpc obtains, renews, rebinds, releases and obtains again the same address."""
        self.live(Udhcpc)

    def test_dhcpcd(self) -> None:
        """dhcpcd obtains, renews, rebinds, releases and obtains again the same address."""
        self.live(Dhcpcd)


class Relayed(Living):
    """The server behind isc-dhcp-relay, which is also the clients' router."""

    skip = requires_root("kea-dhcp4", "dhcrelay", *programs(CLIENTS4))
    server_address = DISTANT

    def build(self) -> None:
        self.relay = self.lab.namespace("relay")
        self.lab.veth(Port(self.there, "eth0", [f"{DISTANT}/24"]), Port(self.relay, "up0", ["10.78.0.2/24"]))
        self.lab.veth(Port(self.relay, "down0", [f"{GATEWAY}/24"]), Port(self.here, "eth0", hwaddr=CLIENT_HWADDR))
        self.there.run(["ip", "route", "add", "10.77.0.0/24", "via", "10.78.0.2"])
        self.unblock()
        wait_for(lambda: carrier(self.relay, "up0") and carrier(self.relay, "down0"), "the relay's carriers")
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        files = ["-pf", str(directory / "pid")]
        self.relay.spawn(
            ["dhcrelay", "-4", "-d", "-a", *files, "-iu", "up0", "-id", "down0", DISTANT], directory / "log"
        )
        wait_for(lambda: b"Sending on" in (directory / "log").read_bytes(), "the relay")

    def block(self) -> None:
        self.relay.run(["sysctl", "-qw", "net.ipv4.ip_forward=0"])

    def unblock(self) -> None:
        self.relay.run(["sysctl", "-qw", "net.ipv4.ip_forward=1"])

    def is_rebinding(self, message: Message) -> bool:
        return message.content.type == REQUEST and message.content.giaddr == GATEWAY and has_address(message)

    def live(self, kind: type[Client]) -> None:
        """As ever; and the relay's option 82 comes back to it as it was sent, and goes no further."""
        to_relay = self.listen(self.relay, "up0")
        super().live(kind)
        for listener in (self.queries, self.answers, to_relay):
            listener.rest()
        relayed = [message for message in self.queries.past if message.content.giaddr == GATEWAY]
        answered = [message for message in to_relay.past if message.content.giaddr == GATEWAY]
        self.assertGreaterEqual(len(relayed), 5)
        self.assertEqual({CIRCUIT}, {message.content.options.get(AGENT_OPTIONS) for message in relayed + answered})
        self.assertEqual({(GATEWAY, 67)}, {(m.seen.destination, m.seen.destination_port) for m in answered})
        self.assertEqual({AGENT_OPTIONS}, {message.content.order[-1] for message in answered})
        self.assertGreaterEqual(len(answered), 5)
        self.assertNotIn(AGENT_OPTIONS, {code for message in self.answers.past for code in message.content.options})

    def test_dhclient(self) -> None:
        """dhclient does so through a relay."""
        self.live(Dhclient)

    def test_udhcpc(self) -> None:
        """udhcpc does so through a relay."""
        self.live(Udhcpc)

    def test_dhcpcd(self) -> None:
        """dhcpcd does so through a relay."""
        self.live(Dhcpcd)


class Declining(Scene):
    """A machine that was never asked has the first address of the pool, and answers ARP for it."""

    skip = requires_root("kea-dhcp4", *programs(CLIENTS4))

    def build(self) -> None:
        other = self.lab.namespace("other")
        ports = [
            Port(self.there, "eth0", [f"{GATEWAY}/24"]),
            Port(self.here, "eth0", hwaddr=CLIENT_HWADDR),
            Port(other, "eth0", [f"{FIRST}/24"], OTHER_HWADDR),
        ]
        self.lab.bridge(self.lab.namespace("switch"), ports)

    def decline(self, kind: type[Client]) -> None:
        """The client declines the address that is in use, gets another; nobody is offered the first again."""
        client = self.make(kind)
        client.start()
        query = self.queries.expect("a DECLINE", lambda message: message.content.type == DECLINE)
        self.assertEqual(packed(FIRST), query.content.options[50])
        self.answers.rest()
        before = len(self.answers.past)
        wait_for(lambda: self.server.lease_rows()[FIRST][9] == "1", f"{FIRST} to be declined\n{self.server.tail()}")
        ack = self.answers.expect("an ACK", lambda m: m.content.type == ACK and m.content.yiaddr != FIRST, 30)
        wait_for(lambda: client.addresses() == [ack.content.yiaddr], f"an address to be used\n{client.tail()}", 20)
        self.assertEqual(LAST, self.offered(LAST))
        self.assertNotIn(self.offered(FIRST), (FIRST, ack.content.yiaddr))
        self.assertNotIn(FIRST, {message.content.yiaddr for message in self.answers.past[before:]})

    def offered(self, wanted: str) -> str:
        """What a stranger is offered who asks for an address."""
        stranger = bytes.fromhex("02000000ee") + packed(wanted)[3:]
        query = Query(DISCOVER, stranger, ((50, packed(wanted)),), xid=0xFACE0000 + stranger[5], flags=0x8000)
        self.answers.tap.send(frame(encode(query), stranger))
        return self.answers.expect(
            "an offer", lambda m: (m.content.type, m.content.xid) == (OFFER, query.xid)
        ).content.yiaddr

    def test_dhclient(self) -> None:
        """An address that dhclient's script found in use is declined and not offered again."""
        self.decline(Dhclient)

    def test_udhcpc(self) -> None:
        """An address that udhcpc found in use is declined and not offered again."""
        self.decline(Udhcpc)

    def test_dhcpcd(self) -> None:
        """An address that dhcpcd found in use is declined and not offered again."""
        self.decline(Dhcpcd)


def carrier(namespace: Namespace, interface: str = "eth0") -> bool:
    """Whether an interface is up and has its carrier; the kernel says so a little after both ends are up."""
    return "LOWER_UP" in namespace.run(["ip", "link", "show", "dev", interface]).stdout.partition(">")[0] and (
        namespace.run(["cat", f"/sys/class/net/{interface}/operstate"]).stdout.strip() == "up"
    )


def has_address(message: Message) -> bool:
    """Whether the client says that it uses an address."""
    return message.content.ciaddr != "0.0.0.0"


def is_renewal(message: Message, address: str, server: str) -> bool:
    """Whether a client asks one server alone to prolong its lease."""
    seen, content = message
    return (content.type, content.ciaddr, content.giaddr, seen.destination) == (REQUEST, address, "0.0.0.0", server)
