"""What a DHCPv6 client is known by (Kea B003-B005, E014; RFC 6939)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging6 import ADVERTISE, LINK, got6, serving6
from txkea.exchange.identifiers6 import HwaddrSource
from txkea.model.configuration import Configuration
from txkea.testing.clients6 import SERVER_ID, Client6, LocalServer6, ia_na, relayed, through
from txkea.wire.dhcp6 import Relay, option6

NAMELESS = bytes.fromhex("0002 0000 0063 01")
"""A DUID-EN: without a hardware address."""
MADE_FROM_MAC = "fe80::a19:9eff:fe04:506"
"""Made from 08:19:9e:04:05:06."""
MAC = bytes.fromhex("08199e040506")
FOUND_79, FOUND_37, FOUND_17, FOUND_36 = (bytes((number,)) * 6 for number in (0x79, 0x37, 0x17, 0x36))


def docsis(code: int, payload: bytes, enterprise: int = 4491) -> bytes:
    """Option 17 of one sub-option."""
    return enterprise.to_bytes(4, "big") + option6(code, payload)


def behind(peer: str = "fe80::2", **options: bytes) -> Relay:
    """A relay that says more: ``o79`` is its option 79."""
    return relayed(LINK, peer, [(int(name[1:]), payload) for name, payload in options.items()])


ALL: dict[str, Any] = {"o79": b"\0\7" + FOUND_79, "o37": b"\0\0\0\x09" + FOUND_37, "o17": docsis(1026, FOUND_17)}
MODEM = [(17, docsis(36, FOUND_36))]


@lru_cache
def configuration(*sources: str) -> Configuration:
    """With these sources; without any with those that are usual."""
    more: dict[str, Any] = {"mac_sources": list(sources)} if sources else {}
    return serving6(**more).site.configuration


class Case(SynchronousTestCase):
    def found(
        self,
        *sources: str,
        duid: bytes = NAMELESS,
        relays: tuple[Relay, ...] = (),
        options: list[tuple[int, bytes]] | None = None,
        source: str = "fe80::2",
    ) -> tuple[bytes, int, int]:
        """Hardware address, its type and its source, as they stand in the lease."""
        server = LocalServer6(configuration(*sources))
        client = Client6(server, duid=duid, relays=relays, options=options or ())
        way: dict[str, Any] = {} if relays else {"source": source}
        client.server_id = SERVER_ID
        got6(client.request(**way))
        (lease,) = server.leases.values()
        return lease.hwaddr, lease.hwtype, lease.hwaddr_source


class SourceTests(Case):
    """One source at a time."""

    def test_duid(self) -> None:
        """B005: DUID-LLT and DUID-LL hold type and address, others and those without any hold none."""
        for duid, expected in (
            ("0001 0006 12345678 0a0b0c0d0e0f", (bytes.fromhex("0a0b0c0d0e0f"), 6, HwaddrSource.DUID)),
            ("0003 0001 0a0b0c0d0e0f", (bytes.fromhex("0a0b0c0d0e0f"), 1, HwaddrSource.DUID)),
            ("0003 0020 " + "0b" * 20, (b"\x0b" * 20, 32, HwaddrSource.DUID)),
            ("0003 0020 " + "0b" * 21, (b"", 0, 0)),
            ("0003 0001", (b"", 0, 0)),
            ("0001 0001 12345678", (b"", 0, 0)),
            ("0001 00", (b"", 0, 0)),
            ("0004" + "0b" * 16, (b"", 0, 0)),
        ):
            self.assertEqual(self.found("duid", duid=bytes.fromhex(duid)), expected, duid)

    def test_link_local(self) -> None:
        """B005: a link-local address made from a manufacturer's gives that back, no other address does."""
        for source, expected in (
            (MADE_FROM_MAC, (MAC, 1, HwaddrSource.LINK_LOCAL)),
            ("fe80::819:9eff:fe04:506", (b"", 0, 0)),
            ("fe80::2", (b"", 0, 0)),
            ("2001:db8::a19:9eff:fe04:506", (b"", 0, 0)),
            ("fe80:0:1::a19:9eff:fe04:506", (b"", 0, 0)),
        ):
            self.assertEqual(self.found("ipv6-link-local", source=source), expected, source)

    def test_link_local_relayed(self) -> None:
        """B005: of a relayed query it is the address that the relay nearest to the client saw."""
        for relays, expected in (
            ((behind(MADE_FROM_MAC), behind("fe80::a19:9eff:fe04:507")), (MAC, 1, HwaddrSource.LINK_LOCAL)),
            ((behind("fe80::2"), behind(MADE_FROM_MAC)), (b"", 0, 0)),
        ):
            self.assertEqual(self.found("ipv6-link-local", relays=through(*relays)), expected)

    def test_client_link_layer(self) -> None:
        """V6-36: option 79 of the relay nearest to the client; an empty address is none."""
        near, far, empty = behind(**ALL), behind(o79=b"\0\1" + MAC), behind(o79=b"\0\1")
        for name in ("client-link-addr-option", "rfc6939"):
            for relays, expected in (
                ((near, far), (FOUND_79, 7, HwaddrSource.CLIENT_LINKLAYER_ADDR)),
                ((behind(), near), (b"", 0, 0)),
                ((empty,), (b"", 0, 0)),
                ((behind(o79=b"\0\x20" + b"z" * 20),), (b"z" * 20, 32, HwaddrSource.CLIENT_LINKLAYER_ADDR)),
            ):
                self.assertEqual(self.found(name, relays=through(*relays)), expected)

    def test_not_the_client(self) -> None:
        """V6-36: what a client itself sends as option 79 or 37 says nothing."""
        sent = [(79, b"\0\1" + MAC), (37, b"\0\0\0\x09" + MAC)]
        self.assertEqual(self.found("any", options=sent), (b"", 0, 0))

    def test_remote_id(self) -> None:
        """B005: a relay's remote-id without its enterprise number, cut after 20 bytes."""
        for name in ("remote-id", "rfc4649"):
            self.assertEqual(self.found(name, relays=(behind(**ALL),)), (FOUND_37, 1, HwaddrSource.REMOTE_ID))
        self.assertEqual(self.found("remote-id", relays=(behind(o37=bytes(44)),))[0], bytes(20))
        self.assertEqual(self.found("remote-id", relays=(behind(o37=bytes(4)),)), (b"", 0, 0))

    def test_docsis(self) -> None:
        """B005: a modem's own vendor options, or those that any relay adds for it, of DOCSIS only."""
        relay = behind(**ALL)
        for name, options, relays, expected in (
            ("docsis-modem", MODEM, (), (FOUND_36, 1, HwaddrSource.DOCSIS_MODEM)),
            ("docsis-modem", [(17, docsis(36, FOUND_36, 77))], (), (b"", 0, 0)),
            ("docsis-modem", [(17, docsis(36, b"x" * 21))], (), (b"", 0, 0)),
            ("docsis-modem", [(17, docsis(36, FOUND_36) + b"\0\1\0\7a")], (), (b"", 0, 0)),
            ("docsis-modem", [(17, docsis(37, b"x")), *MODEM], (), (FOUND_36, 1, HwaddrSource.DOCSIS_MODEM)),
            ("docsis-cmts", MODEM, (), (b"", 0, 0)),
            ("docsis-cmts", [], (relay,), (FOUND_17, 1, HwaddrSource.DOCSIS_CMTS)),
            ("docsis-cmts", [], (behind(), relay), (FOUND_17, 1, HwaddrSource.DOCSIS_CMTS)),
        ):
            self.assertEqual(self.found(name, options=options, relays=through(*relays)), expected, (name, options))

    def test_never(self) -> None:
        """B004: frames are not seen and subscriber-ids are no hardware addresses."""
        relay = behind(MADE_FROM_MAC, o38=MAC, **ALL)
        for name in ("raw", "subscriber-id", "rfc4580"):
            self.assertEqual(self.found(name, relays=(relay,), options=MODEM), (b"", 0, 0))


class OrderTests(Case):
    """Several sources."""

    def test_any(self) -> None:
        """B004: by default the relay's word goes first, then DUID, link-local address, remote-id, CMTS and modem."""
        known = b"\0\3\0\6" + bytes(6)
        rest: dict[str, Any] = {"o37": ALL["o37"], "o17": ALL["o17"]}
        for duid, relay, source in (
            (known, behind(MADE_FROM_MAC, **ALL), HwaddrSource.CLIENT_LINKLAYER_ADDR),
            (known, behind(MADE_FROM_MAC, **rest), HwaddrSource.DUID),
            (NAMELESS, behind(MADE_FROM_MAC, **rest), HwaddrSource.LINK_LOCAL),
            (NAMELESS, behind(**rest), HwaddrSource.REMOTE_ID),
            (NAMELESS, behind(o17=ALL["o17"]), HwaddrSource.DOCSIS_CMTS),
            (NAMELESS, behind(), HwaddrSource.DOCSIS_MODEM),
        ):
            for names in ((), ("any",)):
                self.assertEqual(self.found(*names, duid=duid, relays=(relay,), options=MODEM)[2], source)

    def test_configured(self) -> None:
        """B004: the first configured source that has an address decides."""
        relay = behind(**ALL)
        for names, source in (
            (("remote-id", "client-link-addr-option"), HwaddrSource.REMOTE_ID),
            (("duid", "docsis-cmts"), HwaddrSource.DOCSIS_CMTS),
            (("raw", "any"), HwaddrSource.CLIENT_LINKLAYER_ADDR),
        ):
            self.assertEqual(self.found(*names, relays=(relay,))[2], source)

    @settings(deadline=None)
    @given(
        st.binary(min_size=3, max_size=40),
        st.dictionaries(st.sampled_from([79, 37, 38, 17]), st.binary(min_size=4, max_size=22), max_size=4),
        st.binary(min_size=4, max_size=30),
    )
    def test_any_input(self, duid: bytes, options: dict[int, bytes], vendor: bytes) -> None:
        """V6-36: whatever client and relay send, the address that is found has at most 20 bytes, and nothing fails."""
        if duid == bytes(3):
            return
        relay = relayed(LINK, "fe80::2", options.items())
        hwaddr, _, source = self.found(duid=duid, relays=(relay,), options=[(17, vendor)])
        self.assertLessEqual(len(hwaddr), 20)
        self.assertEqual(bool(hwaddr), bool(source))


class ReservationTests(SynchronousTestCase):
    """Identifiers of reservations."""

    def offered(self, order: list[str] | None = None, **more: Any) -> str:
        """Which address a client with both reservations is offered."""
        hosts = [
            {"duid": "00:02:00:00:00:63:01", "ip-addresses": ["2001:db8:1::11"]},
            {"hw-address": MAC.hex(":"), "ip-addresses": ["2001:db8:1::12"]},
        ]
        identifiers: dict[str, Any] = {"host_reservation_identifiers": order} if order else {}
        client = Client6(serving6({"reservations": hosts}, **identifiers, **more), duid=NAMELESS, ias=[ia_na(1)])
        return got6(client.solicit(source=MADE_FROM_MAC), ADVERTISE).addresses[0]

    def test_order(self) -> None:
        """B003: reservations are looked up by hardware address, then by DUID, unless configured otherwise."""
        self.assertEqual(self.offered(), "2001:db8:1::12")
        self.assertEqual(self.offered(["duid", "hw-address"]), "2001:db8:1::11")
        self.assertEqual(self.offered(["duid"]), "2001:db8:1::11")

    def test_found_first(self) -> None:
        """B004: what no source tells is no identifier."""
        self.assertEqual(self.offered(mac_sources=["duid"]), "2001:db8:1::11")
