"""Real DHCPv6 clients, directly and through two real relays: they obtain, renew, rebind, confirm, release, decline.

The judge is what stands on the wire, on the clients' interfaces and in the server's lease file.
``TXKEA_TEST_SERVER=kea`` runs the same against Kea, as a control of the tests themselves.
"""

from __future__ import annotations

import json
import os
import sys
from ipaddress import IPv6Network
from pathlib import Path
from typing import Any, Final, NamedTuple

from twisted.trial.unittest import SynchronousTestCase

from tests.real.bindings6 import bindings
from tests.real.clients import programs
from tests.real.clients6 import (
    CLIENTS6,
    LAN,
    Client6,
    Dhclient,
    DhclientBoth,
    DhclientPrefix,
    DhclientStateless,
    Dhcp6c,
    Dhcp6cRapid,
    Dhcp6cStateless,
    Dhcpcd,
    DhcpcdAddress,
    Dibbler,
    DibblerAddress,
    Networkd,
)
from tests.real.listening import Listener
from tests.real.packets6 import (
    ADVERTISE,
    CONFIRM,
    DECLINE,
    INFORMATION_REQUEST,
    REBIND,
    RELAY_FORW,
    RELAY_REPL,
    RELEASE,
    RENEW,
    REPLY,
    REQUEST,
    SOLICIT,
    Answer,
    decode,
    text6,
)
from tests.real.servers import KEA6, PRODUCTS6, Server
from tests.real.tap import Seen
from txkea.testing.namespaces import Lab, Namespace, Port, requires_root, wait_for

OURS: Final = PRODUCTS6[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
ADDRESS: Final = "2001:db8:77::100"
"""What the server leases first."""
LAST: Final = "2001:db8:77::1ff"
PREFIX: Final = "2001:db8:8000::/56"
WANTED: Final = ("2001:db8:77::155", "2001:db8:80aa:200::/56")
ELSEWHERE: Final = "2001:db8:88::100"
"""The same on the other link."""
RESOLVER: Final = "2001:db8::53"
CLIENT_HWADDR: Final = "02:00:00:00:00:0c"
FOREVER: Final = 0xFFFFFFFF
STATUS, RAPID_COMMIT, INTERFACE_ID, DNS_SERVERS = 13, 14, 18, 23
SUCCESS, NOT_ON_LINK = 0, 4
NAMES: Final = (
    *("", "SOLICIT", "ADVERTISE", "REQUEST", "CONFIRM", "RENEW", "REBIND", "REPLY", "RELEASE", "DECLINE"),
    *("RECONFIGURE", "INFORMATION-REQUEST", "RELAY-FORW", "RELAY-REPL"),
)


def subnet(number: int, network: str, **selected_by: str) -> dict[str, Any]:
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
        advertised = self.answers.expect("an ADVERTISE", lambda message: message.type == ADVERTISE)
        reply = self.answers.expect("a REPLY", lambda message: message.type == REPLY)
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
        what = f"a {NAMES[kind]}\n{self.server.tail(5)}"
        return self.queries.expect(what, lambda message: message.type == kind, timeout=32)

    def answer(self, query: Message, kind: int = REPLY) -> Message:
        """The answer to a query."""
        xid = query.content.xid  # dibbler's are random numbers that repeat themselves when it is started again
        what = f"the {NAMES[kind]} to {query}\n{self.server.tail(5)}"
        message = self.answers.expect(what, lambda message: (message.type, message.content.xid) == (kind, xid))
        self.assertEqual((547, 546), (message.seen.source_port, message.seen.destination_port))
        return message

    def leased(self) -> set[str]:
        """The addresses and prefixes with a valid lease in the server's file."""
        rows = self.server.lease_rows().values()
        return {f"{row[0]}/{row[8]}" if row[6] == "2" else row[0] for row in rows if row[13] == "0"}


class Living(Scene):
    """A client's life with its lease."""

    def live(self, kind: type[Client6], lease: set[str]) -> None:
        """Obtain, renew, rebind, confirm, release, and obtain the same again."""
        client = self.make(kind)
        self.assertEqual(lease, self.obtain(client))
        self.exchange(RENEW, lease)
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


class Neighbours(Living):
    """Client and server on one link."""

    skip = requires_root("kea-dhcp6", *programs(CLIENTS6))

    def test_dhclient_address(self) -> None:
        """dhclient obtains an address, renews, rebinds, confirms, releases and obtains it again."""
        self.live(Dhclient, {ADDRESS})

    def test_dhclient_prefix(self) -> None:
        """dhclient does so with a prefix."""
        self.live(DhclientPrefix, {PREFIX})

    def test_dhclient_both(self) -> None:
        """dhclient does so with an address and a prefix."""
        self.live(DhclientBoth, {ADDRESS, PREFIX})

    def test_dhcpcd(self) -> None:
        """dhcpcd does so with an address and a prefix."""
        self.live(Dhcpcd, {ADDRESS, PREFIX})

    def test_dhcp6c(self) -> None:
        """WIDE's dhcp6c does so with an address and a prefix."""
        self.live(Dhcp6c, {ADDRESS, PREFIX})

    def test_dibbler(self) -> None:
        """dibbler-client does so with an address and a prefix."""
        self.live(Dibbler, {ADDRESS, PREFIX})

    def test_networkd(self) -> None:
        """systemd-networkd obtains an address and a prefix, renews, rebinds, and gets them again on a new link."""
        client = self.make(Networkd)
        lease = self.obtain(client)
        self.assertEqual({ADDRESS, PREFIX}, lease)
        self.exchange(RENEW, lease)
        self.rebind(lease)
        self.confirm(client, lease)

    def test_wish(self) -> None:
        """A client that asks for a certain address and prefix gets them."""
        self.assertEqual(set(WANTED), self.obtain(self.make(Dhcpcd), *WANTED))


class Stateless(Scene):
    """Clients that want no lease."""

    skip = requires_root("kea-dhcp6", *programs(CLIENTS6))

    def inform(self, kind: type[Client6]) -> None:
        """The client asks for options, gets them, and nothing is leased."""
        client = self.make(kind)
        client.start()
        reply = self.answer(self.expect(INFORMATION_REQUEST))
        self.assertEqual(RESOLVER, text6(dict(reply.content.options)[DNS_SERVERS]))
        self.assertEqual(set(), mentioned(reply.content))
        wait_for(lambda: RESOLVER in client.tail(), f"the name server to be told\n{client.tail()}")
        self.assertEqual(set(), self.leased())

    def test_dhclient(self) -> None:
        """dhclient -S is told the name server."""
        self.inform(DhclientStateless)

    def test_dhcp6c(self) -> None:
        """dhcp6c in its stateless mode is told the name server."""
        self.inform(Dhcp6cStateless)


class Rapid(Scene):
    """A client that wants its lease in two messages."""

    skip = requires_root("kea-dhcp6", *programs(CLIENTS6))

    def test_dhcp6c(self) -> None:
        """dhcp6c with Rapid Commit is leased what it asks for by a REPLY to its SOLICIT."""
        client = self.make(Dhcp6cRapid)
        client.start()
        reply = self.answer(self.expect(SOLICIT))
        self.assertIn((RAPID_COMMIT, b""), reply.content.options)
        self.assertEqual({ADDRESS, PREFIX}, held(reply.content))
        self.wait_until_used(client, {ADDRESS, PREFIX})
        self.assertEqual({ADDRESS, PREFIX}, self.leased())
        self.queries.rest()
        self.assertEqual({SOLICIT}, {message.type for message in self.queries.past})


class Replaced(Living):
    """Another server takes the place and the lease file of the first."""

    skip = requires_root("kea-dhcp6", *programs(CLIENTS6))

    def test_dhclient(self) -> None:
        """A server of another DUID ignores what is for its predecessor, and keeps what that has leased."""
        client = self.make(DhclientBoth)
        lease = self.obtain(client)
        self.queries.rest()
        self.server.stop()
        successor = {"type": "EN", "enterprise-id": 1, "identifier": "BB02", "persist": False}
        self.server.configure(configuration(subnet(1, "2001:db8:77::", interface="eth0"), **{"server-id": successor}))
        self.server.start()
        renewal = self.expect(RENEW)
        self.exchange(REBIND, lease)
        self.assertNotIn(renewal.content.xid, {message.content.xid for message in self.answers.past})
        self.exchange(RENEW, lease)
        self.release(client, lease)


class Moving(Living):
    """The server is on two links; the client's cable goes from one to the other."""

    skip = requires_root("kea-dhcp6", *programs(CLIENTS6))
    template = configuration(subnet(1, "2001:db8:77::", interface="eth0"), subnet(2, "2001:db8:88::", interface="eth1"))

    def build(self) -> None:
        super().build()
        self.lab.veth(Port(self.switch, "other"), Port(self.there, "eth1", ["2001:db8:88::1/64"]))
        self.switch.run(["ip", "link", "add", "br1", "type", "bridge", "stp_state", "0", "forward_delay", "0"])
        self.switch.run(["ip", "link", "set", "other", "master", "br1"])
        self.switch.run(["ip", "link", "set", "br1", "up"])
        self.there.link_local("eth1")

    def carry(self, how: str) -> None:
        super().carry(how)
        self.switch.run(["ip", "link", "set", "port2", "master", "br1"])

    def move(self, kind: type[Client6]) -> None:
        """The client asks whether its address is good there, hears that it is not, and gets another."""
        client = self.make(kind)
        self.assertEqual({ADDRESS}, self.obtain(client))
        self.queries = self.listen(self.there, "eth1")
        self.switch_cable(client)
        self.assertEqual(NOT_ON_LINK, status(self.answer(self.expect(CONFIRM)).content))
        self.exchange(REQUEST, {ELSEWHERE})
        self.wait_until_used(client, {ELSEWHERE})
        self.assertEqual({ADDRESS, ELSEWHERE}, self.leased())

    def test_dhclient(self) -> None:
        """dhclient, started on the new link, gets an address of that."""
        self.move(Dhclient)

    def test_dhcpcd(self) -> None:
        """dhcpcd gets an address of the new link as soon as it has its carrier."""
        self.move(DhcpcdAddress)


class Declining(Scene):
    """A machine that was never asked has the first address of the pool.

    Linux keeps an address that it found in use, for dibbler to see, only if that is leased for ever. The other clients
    do not decline here: dhcp6c does not look, and dhcpcd 9.4.1 waits in vain for the end of the detection.
    """

    skip = requires_root("kea-dhcp6", *programs(CLIENTS6))
    template = configuration(
        subnet(1, "2001:db8:77::", interface="eth0"),
        **{"preferred-lifetime": FOREVER, "valid-lifetime": FOREVER, "renew-timer": 20, "rebind-timer": 30},
    )

    def build(self) -> None:
        super().build()
        other = self.lab.namespace("other")
        self.lab.veth(Port(self.switch, "port3"), Port(other, "eth0", [f"{ADDRESS}/64"]))
        self.switch.run(["ip", "link", "set", "port3", "master", "br0"])
        other.link_local("eth0")

    def decline(self, kind: type[Client6]) -> Client6:
        """The client declines the address that is in use."""
        client = self.make(kind)
        client.start()
        query = self.expect(DECLINE)
        self.assertEqual({ADDRESS}, mentioned(query.content))
        self.assertEqual(SUCCESS, status(self.answer(query).content))
        wait_for(lambda: self.server.lease_rows()[ADDRESS][13] == "1", f"{ADDRESS} declined\n{self.server.tail()}")
        return client

    def get_another(self, client: Client6, kind: int) -> None:
        """It asks again, in a query of this type, and gets another."""
        (address,) = held(self.answer(self.expect(kind)).content)
        self.assertNotEqual(ADDRESS, address)
        self.wait_until_used(client, {address})
        self.assertEqual({address}, self.leased())

    def test_dhclient(self) -> None:
        """An address that dhclient's script found in use is declined and not leased again."""
        self.get_another(self.decline(Dhclient), REQUEST)

    def test_dibbler(self) -> None:
        """An address that dibbler-client found in use is declined and not leased again."""
        client = self.decline(DibblerAddress)
        client.reconnect()  # it asks for nothing any more, and when it is started anew for what it has declined
        self.get_another(client, RENEW)


class Chain(Living):
    """The server behind two relays of ISC's, one behind the other, the first next to the client."""

    skip = requires_root("kea-dhcp6", "dhcrelay", *programs(CLIENTS6))
    template = configuration(
        subnet(1, "2001:db8:77::"), **{"interfaces-config": {"interfaces": ["eth0/2001:db8:3::2"]}}
    )
    link = "2001:db8:77::1"
    """What the first relay calls the client's link."""
    upper = "2001:db8:3::2%"
    """Where the second relay sends to."""
    interface_id = b"near"
    """What the first relay calls it too: four bytes of our choice."""

    def build(self) -> None:
        near, far = self.lab.namespace("near"), self.lab.namespace("far")
        ports = [
            Port(near, "down0", [f"{self.link}/64"]),
            Port(self.here, "eth0", hwaddr=CLIENT_HWADDR),
        ]
        self.lab.bridge(self.switch, ports)
        self.lab.veth(Port(near, "up0", ["2001:db8:2::1/64"]), Port(far, "down0", ["2001:db8:2::2/64"]))
        self.lab.veth(Port(far, "up0", ["2001:db8:3::1/64"]), Port(self.there, "eth0", ["2001:db8:3::2/64"]))
        self.relay(near, "2001:db8:2::2%", self.interface_id)
        self.relay(far, self.upper, b"far\0")

    def relay(self, namespace: Namespace, upper: str, interface_id: bytes) -> None:
        """Relay what comes from below to a server above."""
        for interface in ("up0", "down0"):
            namespace.link_local(interface)
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        log, files = directory / "log", ["-pf", str(directory / "pid")]
        down = f"down0#{int.from_bytes(interface_id, sys.byteorder)}"
        namespace.spawn(["dhcrelay", "-6", "-d", "-I", *files, "-l", down, "-u", f"{upper}up0"], log)
        wait_for(lambda: b"Sending on" in log.read_bytes(), "a relay")

    def live(self, kind: type[Client6], lease: set[str]) -> None:
        """As ever; and each query came through two relays, which the client hears nothing of."""
        super().live(kind, lease)
        self.queries.rest()
        self.assertEqual({2}, {len(message.content.relays) for message in self.queries.past})
        near = {message.content.relays[0] for message in self.queries.past}
        self.assertEqual({(self.link, 0)}, {(relay.link, relay.hops) for relay in near})
        self.assertNotIn(INTERFACE_ID, {code for message in self.answers.past for code, _ in message.content.options})


class Relayed(Chain):
    """The second relay sends to the server's address; the client's link is known by the address of the first."""

    def test_dhclient(self) -> None:
        """dhclient lives so with an address and a prefix through two relays."""
        self.live(DhclientBoth, {ADDRESS, PREFIX})

    def test_dhcpcd(self) -> None:
        """dhcpcd does so through two relays."""
        self.live(Dhcpcd, {ADDRESS, PREFIX})

    def test_dibbler(self) -> None:
        """dibbler-client does so through two relays."""
        self.live(Dibbler, {ADDRESS, PREFIX})

    def test_dhcp6c(self) -> None:
        """dhcp6c obtains an address and a prefix through two relays, and releases them."""
        client = self.make(Dhcp6c)
        lease = self.obtain(client)
        self.assertEqual({ADDRESS, PREFIX}, lease)
        self.release(client, lease)


class Identified(Chain):
    """The client's link is known by the name that the first relay gives it."""

    link = "2001:db8:99::1"
    upper = "ff02::1:2%"
    template = configuration(
        subnet(2, "2001:db8:88::", **{"interface-id": "another"}),
        subnet(1, "2001:db8:77::", **{"interface-id": "near"}),
    )

    def test_dhclient(self) -> None:
        """dhclient lives with an address and a prefix of the subnet of that name."""
        self.live(DhclientBoth, {ADDRESS, PREFIX})


class AllServers(Chain):
    """The second relay knows no server's address."""

    upper = ""

    def test_dhclient(self) -> None:
        """A server is in the group of all servers of the site (RFC 8415 section 7.1; Kea 2.2.0 is not)."""
        client = self.make(Dhclient)
        if OURS is not KEA6:
            self.assertEqual({ADDRESS}, self.obtain(client))
            return
        client.start()
        self.expect(SOLICIT)
        self.assertRaises(TimeoutError, self.answers.expect, "an answer", bool, 2)


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
