"""Real DHCPv6 clients on the server's link: they obtain, renew, rebind, confirm, release, obtain again, and decline.

The judge is what stands on the wire, on the clients' interfaces and in the server's lease file.
``TXKEA_TEST_SERVER=kea`` runs the same against Kea, as a control of the tests themselves.
"""

from __future__ import annotations

from typing import Final

from tests.real.clients import programs
from tests.real.clients6 import (
    CLIENTS6,
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
from tests.real.packets6 import CONFIRM, DECLINE, INFORMATION_REQUEST, REBIND, RENEW, REQUEST, SOLICIT, text6
from tests.real.scene6 import (
    ADDRESS,
    PREFIX,
    RESOLVER,
    SUCCESS,
    Living,
    Scene,
    configuration,
    held,
    mentioned,
    status,
    subnet,
)
from txkea.testing.namespaces import Port, requires_root, wait_for

WANTED: Final = ("2001:db8:77::155", "2001:db8:80aa:200::/56")
ELSEWHERE: Final = "2001:db8:88::100"
"""What the server leases first on its other link."""
FOREVER: Final = 0xFFFFFFFF
RAPID_COMMIT, DNS_SERVERS = 14, 23
NOT_ON_LINK: Final = 4


class Neighbours(Living):
    """Client and server on one link."""

    skip = requires_root("kea-dhcp6", *programs(CLIENTS6))

    def test_dhclient_address(self) -> None:
        """dhclient obtains an address, renews, confirms, releases and obtains it again."""
        self.live(Dhclient, {ADDRESS}, rebind=False)

    def test_dhclient_prefix(self) -> None:
        """dhclient does so with a prefix."""
        self.live(DhclientPrefix, {PREFIX}, rebind=False)

    def test_dhclient_both(self) -> None:
        """dhclient does so with an address and a prefix, and rebinds: ten seconds after a renewal without answer."""
        self.live(DhclientBoth, {ADDRESS, PREFIX})

    def test_dhcpcd(self) -> None:
        """dhcpcd does all that with an address and a prefix."""
        self.live(Dhcpcd, {ADDRESS, PREFIX})

    def test_dhcp6c(self) -> None:
        """WIDE's dhcp6c does so with an address and a prefix."""
        self.live(Dhcp6c, {ADDRESS, PREFIX})

    def test_dibbler(self) -> None:
        """dibbler-client does so with an address and a prefix."""
        self.live(Dibbler, {ADDRESS, PREFIX})

    def test_wish(self) -> None:
        """A client that asks for a certain address and prefix gets them."""
        self.assertEqual(set(WANTED), self.obtain(self.make(Dhcpcd), *WANTED))


class Unhurried(Living):
    """A link where ten seconds and more are between T1 and T2."""

    skip = requires_root("kea-dhcp6", *programs(CLIENTS6))
    template = configuration(subnet(1, "2001:db8:77::", interface="eth0"), **{"rebind-timer": 14})

    def test_networkd(self) -> None:
        """systemd-networkd obtains an address and a prefix, renews, rebinds, and gets them again on a new link."""
        client = self.make(Networkd)
        lease = self.obtain(client)
        self.assertEqual({ADDRESS, PREFIX}, lease)
        self.exchange(RENEW, lease)
        self.rebind(lease)
        self.confirm(client, lease)


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
