"""The machine's links, and what an ``interfaces`` list makes of them."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.net_lab import CableTestCase, packed
from txkea.errors import ConfigError
from txkea.interfaces import Link, LinkAddress
from txkea.model.configuration import Interfaces, InterfaceSelection
from txkea.net.links import is_link_local, links, readable
from txkea.net.selection import select4, select6
from txkea.testing.namespaces import wait_for
from txkea.testing.network import ETH0, LOOPBACK

__all__ = ["NamespaceLinks", "OwnLinks", "Selecting", "Selecting6"]


class OwnLinks(SynchronousTestCase):
    """What every machine has."""

    def test_loopback(self) -> None:
        """The loopback interface is there, with its type and address."""
        [loopback] = [link for link in links() if link.loopback]
        self.assertEqual(("lo", 772, False), (loopback.name, loopback.hwtype, loopback.broadcast))
        self.assertEqual(socket.if_nametoindex("lo"), loopback.index)
        self.assertIn(LinkAddress(b"\x7f\0\0\1", 8), loopback.addresses)


class NamespaceLinks(CableTestCase):
    """A namespace's links, not the machine's."""

    def test_all_of_them_and_no_others(self) -> None:
        """A namespace shows its own links with hardware address, type, size, state and addresses."""
        self.assertEqual(["lo", "eth0"], [link.name for link in links()])
        link = links()[1]
        self.assertEqual((b"\x02\0\0\0\0\1", 1, 1500), (link.hwaddr, link.hwtype, link.mtu))
        self.assertTrue(link.up and link.running and link.broadcast and not link.loopback)
        self.assertTrue(link.multicast and not links()[0].multicast)
        four = [entry for entry in link.addresses if len(entry.address) == 4]
        self.assertEqual([LinkAddress(packed("192.0.2.1"), 24), LinkAddress(packed("198.51.100.1"), 24)], four)
        six = {LinkAddress(packed("2001:db8::1"), 64), LinkAddress(packed("fe80::ff:fe00:1"), 64)}
        self.assertEqual(six, set(link.addresses) - set(four))

    def test_labelled_address(self) -> None:
        """An address with a label belongs to the link, and the label is no link."""
        here = self.cable.here
        here.run(["ip", "addr", "add", "203.0.113.1/28", "dev", "eth0", "label", "eth0:0"])
        [_, link] = links()
        self.assertIn(LinkAddress(packed("203.0.113.1"), 28), link.addresses)

    def test_down(self) -> None:
        """A link that was set down is not up and not running; without its cable it is up only."""
        self.cable.there.run(["ip", "link", "set", "eth0", "down"])
        wait_for(lambda: not self.cable.running(), "the carrier's loss")
        self.assertTrue(links()[1].up)
        self.cable.here.run(["ip", "link", "set", "eth0", "down"])
        self.assertEqual((False, False), (links()[1].up, links()[1].running))

    def test_no_address(self) -> None:
        """A link without addresses has none."""
        self.cable.here.run(["ip", "addr", "flush", "dev", "eth0"])
        self.assertEqual((), links()[1].addresses)


ETH1 = ETH0._replace(name="eth1", index=3, addresses=(LinkAddress(packed("198.51.100.1"), 24),))
OBSTACLES = {
    "is down": ETH0._replace(up=False),
    "is not running": ETH0._replace(running=False),
    "has no usable IPv4 address": ETH0._replace(addresses=(LinkAddress(bytes(16), 64),)),
    "raw sockets need Ethernet": ETH0._replace(hwtype=65534),
    "is the loopback interface": LOOPBACK._replace(name="eth0"),
}


def interfaces(*names: str, socket_type: str = "raw") -> Interfaces:
    """An ``interfaces`` list of names, and of names with an address behind a slash."""
    parts = [name.partition("/") for name in names]
    selections = tuple(InterfaceSelection(name, packed(address) if address else None) for name, _, address in parts)
    return Interfaces(selections=selections, socket_type=socket_type)


class Selecting(SynchronousTestCase):
    """Kea A048-A054, without a machine."""

    def chosen(self, wanted: Interfaces, *links: Link) -> dict[str, list[str]]:
        """The selected addresses in words, by link."""
        places = select4(wanted, links).places
        return {place.link.name: [socket.inet_ntoa(address) for address in place.addresses] for place in places}

    def test_every(self) -> None:
        """``*`` is all addresses of all links that can be served, never loopback; what it skips says why."""
        for reason, link in OBSTACLES.items():
            selection = select4(interfaces("*"), [link, ETH1])
            self.assertEqual(["eth1"], [place.link.name for place in selection.places])
            self.assertEqual([("eth0", True)], [(left.name, reason in left.reason) for left in selection.skipped])
            self.assertEqual((), selection.unusable)

    def test_named(self) -> None:
        """A named link that cannot be served is a failure that says why."""
        for reason, link in OBSTACLES.items():
            selection = select4(interfaces("eth0", "eth1"), [link, ETH1])
            self.assertEqual(["eth1"], [place.link.name for place in selection.places])
            self.assertEqual([("eth0", True)], [(left.name, reason in left.reason) for left in selection.unusable])

    def test_loopback_with_udp(self) -> None:
        """Loopback can be named when sockets are UDP; ``*`` does not mean it even then."""
        self.assertEqual({"lo": ["127.0.0.1"]}, self.chosen(interfaces("lo", socket_type="udp"), LOOPBACK, ETH0))
        self.assertEqual({"eth0": ["192.0.2.1"]}, self.chosen(interfaces("*", socket_type="udp"), LOOPBACK, ETH0))

    def test_addresses(self) -> None:
        """Several addresses of a link are several entries; a bare name or ``*`` beside them changes nothing twice."""
        link = ETH0._replace(addresses=(*ETH0.addresses, *ETH1.addresses, LinkAddress(packed("203.0.113.1"), 32)))
        self.assertEqual(
            {"eth0": ["203.0.113.1", "192.0.2.1"]}, self.chosen(interfaces("eth0/203.0.113.1", "eth0/192.0.2.1"), link)
        )
        both = self.chosen(interfaces("eth0/203.0.113.1", "*"), link)
        self.assertEqual({"eth0": ["203.0.113.1", "192.0.2.1", "198.51.100.1"]}, both)

    def test_absent(self) -> None:
        """All that does not exist is named at once, with what there is."""
        wanted = interfaces("eth0", "eth7", "eth0/192.0.2.9")
        error = self.assertRaises(ConfigError, select4, wanted, [LOOPBACK, ETH0])
        self.assertEqual("Dhcp4.interfaces-config.interfaces[1]", error.path)
        for text in ("eth7 does not exist", "eth0 has no address 192.0.2.9", "eth0 (192.0.2.1)"):
            self.assertIn(text, error.message)

    def test_vanished(self) -> None:
        """What has vanished since the configuration was taken is a failure like others."""
        selection = select4(interfaces("eth7", "eth1/192.0.2.9", "eth0"), [ETH0, ETH1], vanished=True)
        self.assertEqual(["eth0"], [place.link.name for place in selection.places])
        self.assertEqual(["eth7", "eth1"], [left.name for left in selection.unusable])

    @given(
        st.lists(st.sampled_from(["*", "eth0", "eth1", "eth1/198.51.100.1", "lo"])),
        st.permutations([ETH0, ETH1, LOOPBACK, *(link._replace(name="eth2") for link in OBSTACLES.values())]),
        st.sampled_from(["raw", "udp"]),
    )
    def test_never_twice(self, names: list[str], found: list[Link], socket_type: str) -> None:
        """Whatever is listed, each address of each link is selected at most once, and nothing that cannot be served."""
        present = list({link.name: link for link in found}.values())
        selection = select4(interfaces(*names, socket_type=socket_type), present)
        pairs = [(place.link.name, address) for place in selection.places for address in place.addresses]
        self.assertEqual(len(set(pairs)), len(pairs))
        for place in selection.places:
            self.assertTrue(place.link.up and place.link.running and place.addresses)
            self.assertTrue(socket_type == "udp" or place.link.hwtype == 1)


GLOBAL, LOCAL = packed("2001:db8::1"), packed("fe80::ff:fe00:1")
WITHOUT_LOCAL = ETH0._replace(addresses=(LinkAddress(GLOBAL, 64),))
OBSTACLES6 = {
    "is down": ETH0._replace(up=False),
    "is not running": ETH0._replace(running=False),
    "has no link-local address": WITHOUT_LOCAL,
    "carries no multicast": ETH0._replace(multicast=False),
    "is the loopback interface": LOOPBACK._replace(name="eth0"),
}
FIRST_BYTES = st.sampled_from([b"\xfe\x7f", b"\xfe\x80", b"\xfe\xbf", b"\xfe\xc0", b"\xff\x02", b"\x20\x01"])
WIFI = ETH0._replace(name="wifi", index=4, addresses=(LinkAddress(packed("fe80::4"), 64),))


class Selecting6(SynchronousTestCase):
    """Kea B012 and B013, without a machine."""

    def chosen(self, wanted: Interfaces, *links: Link) -> dict[str, list[str]]:
        """The selected addresses in words, by link."""
        places = select6(wanted, links).places
        return {place.link.name: [readable(address) for address in place.addresses] for place in places}

    def test_every(self) -> None:
        """``*`` is the link-local address of all links that can be served; what it skips says why."""
        for reason, link in OBSTACLES6.items():
            selection = select6(interfaces("*"), [link, WIFI])
            self.assertEqual([("wifi", (packed("fe80::4"),))], [(p.link.name, p.addresses) for p in selection.places])
            self.assertEqual([("eth0", True)], [(left.name, reason in left.reason) for left in selection.skipped])
            self.assertEqual((), selection.unusable)

    def test_named(self) -> None:
        """A named link that cannot be served is a failure that says why; a missing address may yet come."""
        for reason, link in OBSTACLES6.items():
            selection = select6(interfaces("eth0", "wifi"), [link, WIFI])
            self.assertEqual(["wifi"], [place.link.name for place in selection.places])
            self.assertEqual([("eth0", True)], [(left.name, reason in left.reason) for left in selection.unusable])
            self.assertEqual([link is WITHOUT_LOCAL], [left.passing for left in selection.unusable])

    def test_addresses(self) -> None:
        """An address is served beside the link-local one, which comes first; what is listed twice counts once."""
        both = {"eth0": ["fe80::ff:fe00:1", "2001:db8::1"]}
        for names in (["eth0/2001:db8::1"], ["eth0/2001:db8::1", "*"], ["eth0", "eth0/2001:db8::1"]):
            self.assertEqual(both, self.chosen(interfaces(*names), ETH0, LOOPBACK))
        self.assertEqual({"eth0": ["fe80::ff:fe00:1"]}, self.chosen(interfaces("eth0/fe80::ff:fe00:1"), ETH0))

    def test_unicast_alone(self) -> None:
        """Where no group can be heard, a link that is named with an address serves just that."""
        self.assertEqual({"lo": ["::1"]}, self.chosen(interfaces("lo/::1", "lo/::1"), LOOPBACK))
        for link in (WITHOUT_LOCAL, ETH0._replace(multicast=False)):
            self.assertEqual({"eth0": ["2001:db8::1"]}, self.chosen(interfaces("eth0/2001:db8::1"), link))

    def test_absent(self) -> None:
        """All that does not exist is named at once, with what there is of IPv6."""
        error = self.assertRaises(ConfigError, select6, interfaces("eth7", "eth0/2001:db8::9"), [LOOPBACK, ETH1, ETH0])
        self.assertEqual("Dhcp6.interfaces-config.interfaces[0]", error.path)
        expected = ("eth7 does not exist", "eth0 has no address 2001:db8::9", "lo (::1)", "eth1 (no IPv6 address)")
        for text in expected:
            self.assertIn(text, error.message)

    @given(
        st.binary(min_size=4, max_size=4) | st.tuples(FIRST_BYTES, st.binary(min_size=14, max_size=14)).map(b"".join)
    )
    def test_link_local(self, address: bytes) -> None:
        """An address is link-local if it is one of fe80::/10, as the standard library sees it."""
        self.assertEqual(len(address) == 16 and ip_address(address).is_link_local, is_link_local(address))
        self.assertEqual(ip_address(address), ip_address(readable(address)))
