"""The name that a DHCPv6 client gets (RFC 4704; Kea B063, B064)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging6 import ADVERTISE, got6, serving6
from txkea.model.configuration import Configuration
from txkea.testing.clients6 import Answer6, Client6, LocalServer6, ia_na, ia_pd
from txkea.wire.names import FQDN_N, FQDN_O, FQDN_S, Fqdn6, decode_fqdn6, encode_fqdn6, name_from_text

ADDRESS = "2001:db8:1::10"
GENERATED = "myhost-2001-db8-1--10.example.org."
SUFFIX: dict[str, Any] = {"ddns_qualifying_suffix": "example.org"}
RESERVED: dict[str, Any] = {"reservations": [{"duid": "00:03:00:01:02:00:00:01:00:01", "hostname": "Fixed"}]}
MODES = ("never", "always", "when-present", "when-not-present")


def fqdn(name: str, flags: int = FQDN_S, partial: bool = False) -> list[tuple[int, bytes]]:
    """Option 39."""
    return [(39, encode_fqdn6(Fqdn6(flags, name_from_text(name or "."), partial)))]


@lru_cache
def configuration(mode: str, reserved: bool, char_set: str) -> Configuration:
    """With updates, in this mode, perhaps with a reserved name."""
    more = {"ddns_replace_client_name": mode, "hostname_char_set": char_set, **SUFFIX}
    return serving6(RESERVED if reserved else {}, updates=True, **more).site.configuration


def told(answer: Answer6 | None) -> str | None:
    """The name in an answer, None without option 39."""
    assert answer is not None, "no answer"
    payload = answer.options.get(39)
    return None if payload is None else decode_fqdn6(payload).text


def leased(server: LocalServer6, options: list[tuple[int, bytes]], **more: Any) -> tuple[str | None, str]:
    """The name in the REPLY, and that in the lease."""
    name = told(Client6(server, options=options, **more).lease())
    (lease,) = server.leases.values()
    return name, lease.hostname


class FlagTests(SynchronousTestCase):
    """Who updates what: the flags of option 39."""

    def test_table(self) -> None:
        """V6-41, B063: S, N and O of the answer follow from the client's wish and what is configured."""
        no_update: dict[str, Any] = {"ddns_override_no_update": True}
        client_update: dict[str, Any] = {"ddns_override_client_update": True}
        off: dict[str, Any] = {"updates": False}
        for asked, more, answered in (
            (0, {}, 0),
            (FQDN_O, {}, 0),
            (0, client_update, FQDN_S | FQDN_O),
            (0, off, FQDN_N),
            (0, {"ddns_send_updates": False}, FQDN_N),
            (FQDN_S, {}, FQDN_S),
            (FQDN_S, off, FQDN_N | FQDN_O),
            (FQDN_N, {}, FQDN_N),
            (FQDN_N, no_update, FQDN_S | FQDN_O),
            (FQDN_N, {**off, **no_update}, FQDN_N),
        ):
            server = serving6(**{"updates": True, **more})
            reply = Client6(server, options=fqdn("a.example.org", asked)).lease()
            self.assertEqual(decode_fqdn6(reply.options[39]).flags, answered, (asked, more))

    def test_wire(self) -> None:
        """V6-41: on the wire N is bit 2, unlike in DHCPv4."""
        reply = Client6(serving6(), options=[(39, b"\4\1a\7example\3org\0")]).lease()
        self.assertEqual(reply.options[39], b"\4\1a\7example\3org\0")

    def test_lease(self) -> None:
        """A189: the lease says that S updates the forward zone and N=0 the reverse one."""
        for asked, forward, reverse in ((FQDN_S, True, True), (0, False, True), (FQDN_N, False, False)):
            server = serving6(updates=True)
            Client6(server, options=fqdn("a.example.org", asked)).lease()
            lease = server.leases[ADDRESS]
            self.assertEqual((lease.fqdn_fwd, lease.fqdn_rev, lease.hostname), (forward, reverse, "a.example.org."))

    def test_contradiction(self) -> None:
        """V6-41: a client that asks for an update and for none at once gets its lease without a name."""
        self.assertEqual(leased(serving6(updates=True), fqdn("a.b", FQDN_S | FQDN_N)), (None, ""))


class NameTests(SynchronousTestCase):
    """Which name it becomes."""

    def test_client_name(self) -> None:
        """V6-41: a full name is taken as it is, a partial one is qualified, both in lower case and made fit."""
        for sent, partial, name in (
            ("Host.Example.NET", False, "host.example.net."),
            ("ho_st.example.net", False, "host.example.net."),
            ("host", True, "host.example.org."),
            ("a.b", True, "a.b.example.org."),
            ("host.example.org", True, "host.example.org."),
        ):
            self.assertEqual(leased(serving6(updates=True, **SUFFIX), fqdn(sent, partial=partial)), (name, name), sent)

    def test_no_suffix(self) -> None:
        """B063: without a suffix a partial name is full as it is."""
        self.assertEqual(leased(serving6(), fqdn("host", partial=True)), ("host.", "host."))

    def test_generated(self) -> None:
        """B064: who leaves the name to the server gets one made from its address."""
        for partial in (True, False):
            found = leased(serving6(updates=True, **SUFFIX), fqdn("", partial=partial))
            self.assertEqual(found, (GENERATED, GENERATED))

    def test_generated_when_leased(self) -> None:
        """B064: an ADVERTISE has the flags but no name yet, a REPLY to a rapid commit has it."""
        server = serving6({"rapid-commit": True}, updates=True, **SUFFIX)
        client = Client6(server, options=fqdn("", partial=True))
        self.assertEqual(got6(client.solicit(), ADVERTISE).options[39], b"\1")
        self.assertEqual(told(client.solicit(rapid=True)), GENERATED)

    def test_replaced(self) -> None:
        """A089: what each mode makes of a client with a name and of one without."""
        for mode, with_name, without in (
            ("never", "host.example.net.", None),
            ("always", GENERATED, GENERATED),
            ("when-present", GENERATED, None),
            ("when-not-present", "host.example.net.", GENERATED),
        ):
            more = {"updates": True, "ddns_replace_client_name": mode, **SUFFIX}
            self.assertEqual(leased(serving6(**more), fqdn("host.example.net"))[0], with_name, mode)
            self.assertEqual(leased(serving6(**more), []), (without, without or ""), mode)

    def test_unasked(self) -> None:
        """B063: without updates nobody is told a name who sent none, requested or not."""
        for updates, send in ((False, True), (True, False)):
            modes: dict[str, Any] = {"ddns_send_updates": send, "ddns_replace_client_name": "always"}
            server = serving6(updates=updates, **modes, **SUFFIX)
            self.assertEqual(leased(server, [], requested=(39,)), (None, ""))

    def test_reserved(self) -> None:
        """B063: a reserved name goes before all others, qualified; the lease has it even if nobody is told."""
        name = "fixed.example.org."
        for sent in (fqdn("host.example.net"), fqdn("", partial=True)):
            for mode in MODES:
                server = serving6(RESERVED, updates=True, ddns_replace_client_name=mode, **SUFFIX)
                self.assertEqual(leased(server, sent), (name, name), mode)
        self.assertEqual(leased(serving6(RESERVED, updates=True, **SUFFIX), []), (None, "fixed"))

    def test_renewed(self) -> None:
        """B064: a generated name is the same at each renewal."""
        client = Client6(serving6(updates=True, **SUFFIX), options=fqdn("", partial=True))
        names = [told(client.lease()), told(client.renew()), told(client.rebind())]
        self.assertEqual(names, [GENERATED] * 3)

    def test_several(self) -> None:
        """B064: with several addresses the name is made from the first, and all leases have it."""
        server = serving6(updates=True, **SUFFIX)
        client = Client6(server, ias=[ia_na(1), ia_na(2), ia_pd(1)], options=fqdn("", partial=True))
        self.assertEqual(told(client.lease()), GENERATED)
        names = {lease.hostname for lease in server.leases.values() if lease.type == 0}
        self.assertEqual(names, {GENERATED})

    def test_no_address(self) -> None:
        """B063: a client that gets only a prefix is told what becomes of its name, and none is made up."""
        for sent, partial, name in (("host", True, "host.example.org."), ("", True, "")):
            server = serving6(updates=True, **SUFFIX)
            client = Client6(server, ias=[ia_pd(1)], options=fqdn(sent, partial=partial))
            self.assertEqual(told(client.lease()), name)

    def test_no_address_reserved(self) -> None:
        """B063: a reserved name is told with a prefix too, where names are told unasked."""
        for mode, name in (("never", None), ("always", "fixed.example.org.")):
            server = serving6(RESERVED, updates=True, ddns_replace_client_name=mode, **SUFFIX)
            self.assertEqual(told(Client6(server, ias=[ia_pd(1)]).lease()), name)

    def test_information(self) -> None:
        """B063: names are told with leases only."""
        client = Client6(serving6(updates=True), options=fqdn("a.example.org"))
        self.assertIsNone(told(client.information_request()))

    def test_configured(self) -> None:
        """B063: a configured option 39 gives way to the client's own name."""
        always = {"code": 39, "data": "04 01 78 00", "csv-format": False, "always-send": True}
        server = serving6(updates=True, option_data=[always])
        self.assertEqual(told(Client6(server, 1).lease()), "x.")
        reply = Client6(server, 2, options=fqdn("a.example.org")).lease()
        self.assertEqual([told(reply), 39 in reply.message.repeated], ["a.example.org.", False])


class DamageTests(SynchronousTestCase):
    """Names that cannot be used."""

    def test_left_out(self) -> None:
        """V6-40, V6-41: a name that is broken, compressed, too long or empty once made fit is left out."""
        long = b"".join(b"\x3f" + b"a" * 63 for _ in range(3))
        for payload in (b"\1\5ab", b"\1\xc0\1", b"\1\1a\xc0\0", b"\1\x40" + b"a" * 64, b"\1\3___\1x\0", b"\1\3___\0",
                        b"\1" + long + b"\x3f" + b"a" * 63, b"\1" + long + b"\x3d" + b"a" * 61):  # fmt: skip
            self.assertEqual(leased(serving6(updates=True, **SUFFIX), [(39, payload)]), (None, ""), payload)

    @settings(deadline=None)
    @given(st.binary(min_size=1, max_size=300), st.sampled_from(MODES), st.booleans(), st.sampled_from(["", "[^a-z]"]))
    def test_any_payload(self, payload: bytes, mode: str, reserved: bool, char_set: str) -> None:
        """V6-41: whatever option 39 holds, the client gets its address, and a name that can be read or none."""
        server = LocalServer6(configuration(mode, reserved, char_set))
        reply = Client6(server, options=[(39, payload)]).lease()
        self.assertEqual(reply.addresses, [ADDRESS])
        name = told(reply)
        lease = server.leases[ADDRESS]
        if name is None:
            self.assertEqual(lease.hostname, "fixed" if reserved else "")
        else:
            self.assertEqual(lease.hostname, name)
