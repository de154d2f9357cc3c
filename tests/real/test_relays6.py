"""Real DHCPv6 clients behind two real relays, one behind the other: they live as on the server's own link.

``TXKEA_TEST_SERVER=kea`` runs the same against Kea, as a control of the tests themselves.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.real.clients import programs
from tests.real.clients6 import CLIENTS6, Client6, Dhclient, DhclientBoth, Dhcp6c, Dhcpcd, Dibbler
from tests.real.packets6 import SOLICIT
from tests.real.scene6 import ADDRESS, CLIENT_HWADDR, INTERFACE_ID, OURS, PREFIX, Living, configuration, subnet
from tests.real.servers import KEA6
from txkea.testing.namespaces import Namespace, Port, requires_root, wait_for


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
        namespace.wait_for_addresses()
        directory = Path(self.mktemp()).absolute()
        directory.mkdir()
        log, files = directory / "log", ["-pf", str(directory / "pid")]
        down = f"down0#{int.from_bytes(interface_id, sys.byteorder)}"
        namespace.spawn(["dhcrelay", "-6", "-d", "-I", *files, "-l", down, "-u", f"{upper}up0"], log)
        wait_for(lambda: b"Sending on" in log.read_bytes(), "a relay")

    def live(self, kind: type[Client6], lease: set[str], rebind: bool = True) -> None:
        """As ever; and each query came through two relays, which the client hears nothing of."""
        super().live(kind, lease, rebind)
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
