"""What a RADIUS server is told of a client (Kea I009-I012, I016, I017)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.authorising import asking4, asking6
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import Lease4, Lease6
from txkea.radius.identities import Naming
from txkea.testing.clients4 import Client
from txkea.testing.clients6 import Client6
from txkea.testing.radius import SERVERS, MemoryRadius

HW, DUID, CIRCUIT, CLIENT, FLEX = IdentifierKind


def named(kind: IdentifierKind, value: bytes, family: int = 4, **how: Any) -> str:
    """How an identifier is written."""
    return Naming(family=family, kind=kind, **how).text(Identifier(kind, value))


class NameTests(SynchronousTestCase):
    """User-Name, from identifiers."""

    def test_hwaddr(self) -> None:
        """A hardware address has colons, or hyphens if it shall be canonical."""
        self.assertEqual(named(HW, b"\2\xab\0\0\0\1"), "02:ab:00:00:00:01")
        self.assertEqual(named(HW, b"\2\xab\0\0\0\1", canonical=True), "02-ab-00-00-00-01")

    def test_client_id(self) -> None:
        """A client identifier is hexadecimal, or text if it is printable and shall be."""
        self.assertEqual(named(CLIENT, b"\0abc"), "00:61:62:63")
        self.assertEqual(named(CLIENT, b"\0abc", printable=True), "00:61:62:63")
        self.assertEqual(named(CLIENT, b"\0abc", pop0=True), "61:62:63")
        self.assertEqual(named(CLIENT, b"\0abc", pop0=True, printable=True), "abc")
        self.assertEqual(named(CLIENT, b"\1abc", pop0=True), "01:61:62:63")
        self.assertEqual(named(CLIENT, b"\0", pop0=True), "00")

    def test_embedded_duid(self) -> None:
        """A DUID in a client identifier stands for it, unless it shall not."""
        client_id = b"\xff\0\0\0\1" + b"\0\3\0\1\2\0"
        self.assertEqual(named(CLIENT, client_id), "00:03:00:01:02:00")
        self.assertEqual(named(CLIENT, client_id, extract_duid=False)[:8], "ff:00:00")

    def test_duid(self) -> None:
        """A DHCPv6 client's DUID loses both zeros that flex_id put before it."""
        self.assertEqual(named(DUID, b"\0\0abc", 6, pop0=True, printable=True), "abc")
        self.assertEqual(named(DUID, b"\0\3\0\1", 6, pop0=True), "00:03:00:01")

    def test_printable(self) -> None:
        """What is text is sent as text."""
        self.assertEqual(named(FLEX, b"port 7", printable=True), "port 7")
        self.assertEqual(named(CIRCUIT, b"caf\xe9", printable=True), "63:61:66:e9")
        self.assertEqual(named(CIRCUIT, b"a\x7f", printable=True), "61:7f")

    @given(st.sampled_from([*IdentifierKind]), st.binary(min_size=1), st.booleans(), st.booleans(), st.booleans())
    def test_any(self, kind: IdentifierKind, value: bytes, printable: bool, pop0: bool, canonical: bool) -> None:
        """Whatever a client sends, its name has only printable characters, and is not empty."""
        name = named(kind, value, printable=printable, pop0=pop0, canonical=canonical)
        self.assertTrue(name and name.isascii() and name.isprintable())

    def test_of_lease(self) -> None:
        """A lease tells the client's name as far as it knows it, or another one that it has."""
        lease = Lease4(b"\0" * 4, b"\2\0\0\0\0\1", b"\xff\0\0\0\1\0\3\0\1", 1, 1, 1)
        found = [Naming(family=4, kind=kind).of_lease(lease) for kind in IdentifierKind]
        self.assertEqual(
            [each.value.hex() if each else "" for each in found],
            ["020000000001", "00030001", *["ff0000000100030001"] * 3],
        )
        without = lease._replace(client_id=b"")
        self.assertEqual(Naming(family=4, kind=IdentifierKind.CLIENT_ID).of_lease(without), (0, lease.hwaddr))
        self.assertIsNone(Naming(family=4, kind=IdentifierKind.FLEX_ID).of_lease(without._replace(hwaddr=b"")))
        lease6 = Lease6(b"\0" * 16, b"", b"\0\3\0\1", 1, 1, 1)
        self.assertEqual(Naming(family=6, kind=DUID).of_lease(lease6), Identifier(DUID, b"\0\3\0\1"))


class RequestTests(SynchronousTestCase):
    """Access-Requests of servers."""

    def asked(self, client: dict[str, Any] | None = None, **parameters: Any) -> dict[str, Any]:
        """What is told of a DHCPv4 client."""
        radius = MemoryRadius()
        server = asking4(radius, parameters).server
        Client(server, 1, **(client or {})).discover()
        (request,) = radius.requests
        return request

    def test_identifiers4(self) -> None:
        """A DHCPv4 client is known by what the configuration says, and its hardware address is told beside that."""
        circuit = {82: b"\1\4port"}
        mac = "02:00:00:01:00:01"
        for kind, name in (
            ("client-id", "00:61"),
            ("circuit-id", "70:6f:72:74"),
            ("hw-address", mac),
        ):
            request = self.asked({"client_id": b"\0a", "options": circuit}, identifier_type4=kind)
            self.assertEqual(request["User-Name"], name)
            self.assertEqual(request.get("Calling-Station-Id"), None if kind == "hw-address" else mac)
        duid = self.asked({"client_id": b"\xff\0\0\0\1\0\3\0\1"}, identifier_type4="duid")
        self.assertEqual(duid["User-Name"], "00:03:00:01")

    def test_nothing_to_know_it_by(self) -> None:
        """Of a client without the identifier nobody is asked: it is served like any other (Kea I014)."""
        radius = MemoryRadius()
        server = asking4(radius, {"identifier_type4": "circuit-id"}).server
        self.assertEqual(Client(server, 1).lease().yiaddr, "192.0.2.10")
        self.assertEqual(radius.requests, [])

    def test_client6(self) -> None:
        """A DHCPv6 client is known by its DUID; its hardware address is told if it can be known."""
        radius = MemoryRadius()
        client = Client6(asking6(radius).server, 1)
        client.solicit()
        (request,) = radius.requests
        self.assertEqual(request["User-Name"], client.duid.hex(":"))
        self.assertEqual(request["Calling-Station-Id"], client.duid[4:].hex(":"))
        self.assertEqual(request["NAS-Port"], 1)

    def test_own_address(self) -> None:
        """The server tells the address that its requests come from."""
        self.assertEqual(self.asked()["NAS-IP-Address"], "127.0.0.1")
        self.assertEqual(self.asked(bindaddr="192.0.2.1")["NAS-IP-Address"], "192.0.2.1")
        self.assertEqual(self.asked(bindaddr="2001:db8::1")["NAS-IPv6-Address"], "2001:db8::1")

    def test_added(self) -> None:
        """What the configuration adds is sent too, and in place of ours where it has the same name."""
        attributes = [
            {"name": "NAS-IP-Address", "data": "198.51.100.7"},
            {"name": "Configuration-Token", "expr": "pkt.iface"},
            {"name": "Filter-Id", "expr": "option[250].hex"},
            {"name": "NAS-Port-Type", "expr": "option[251].hex"},
        ]
        request = self.asked({"options": {251: b"\1"}}, access={"servers": SERVERS, "attributes": attributes})
        self.assertEqual(request["NAS-IP-Address"], "198.51.100.7")
        self.assertEqual(request["Configuration-Token"], "eth0")
        self.assertNotIn("Filter-Id", request)  # the client has no such option
        self.assertNotIn("NAS-Port-Type", request)  # one octet is no number of four

    def test_bad_value(self) -> None:
        """An expression whose value does not fit the attribute is told in the log, and the rest is sent."""
        attributes = [{"name": "NAS-Port-Type", "expr": "option[251].hex"}]
        found = asking4(MemoryRadius(), {"access": {"servers": SERVERS, "attributes": attributes}})
        Client(found.server, 1, options={251: b"\1"}).discover()
        (text,) = found.logged("RADIUS_ACCESS_ATTRIBUTE_ERROR")
        self.assertIn("NAS-Port-Type", text)
        self.assertEqual(len(found.radius.requests), 1)

    def test_too_long(self) -> None:
        """A client whose name does not fit into an attribute gets no answer, and the query is counted."""
        found = asking4(MemoryRadius(), {"identifier_type4": "client-id"})
        self.assertIsNone(Client(found.server, 1, client_id=b"\1" * 128).discover())
        self.assertEqual(found.radius.requests, [])
        self.assertEqual(found.statistics["radius-access-dropped"], 1)
