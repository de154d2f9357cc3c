"""The name that a client gets (RFC 4702; Kea A.17)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, OFFER, got, prl, serving
from txkea.testing.clients4 import Client
from txkea.wire.names import FQDN_E, FQDN_N, FQDN_O, FQDN_S, Fqdn4, decode_fqdn4, encode_fqdn4, name_from_text

ADDRESS = "192.0.2.10"
GENERATED = "myhost-192-0-2-10.example.org"
SUFFIX: dict[str, Any] = {"ddns_qualifying_suffix": "example.org"}
RESERVED: dict[str, Any] = {"reservations": [{"hw-address": "02:00:00:01:00:01", "hostname": "fixed"}]}


def fqdn(name: str, flags: int = FQDN_E | FQDN_S, partial: bool = False) -> dict[int, bytes]:
    """Option 81."""
    return {81: encode_fqdn4(Fqdn4(flags, name_from_text(name or "."), partial, 0, 0))}


class FlagTests(SynchronousTestCase):
    """Who updates what: the flags of option 81."""

    def flags(self, asked: int, updates: bool = True, **dhcp4: Any) -> int:
        """The flags of the answer, without E."""
        ack = Client(serving(updates=updates, **dhcp4)).lease(options=fqdn("a.example.org", asked | FQDN_E))
        answered = decode_fqdn4(ack.options[81]).flags
        self.assertTrue(answered & FQDN_E)
        return answered & ~FQDN_E

    def test_table(self) -> None:
        """V4-58, A187-A189: S, N and O of the answer follow from the client's wish and what is configured."""
        no_update, client_update = {"ddns_override_no_update": True}, {"ddns_override_client_update": True}
        for asked, more, answered in (
            (0, {}, 0),
            (0, client_update, FQDN_S | FQDN_O),
            (0, {"updates": False}, FQDN_N),
            (0, {"updates": False, **client_update}, FQDN_N),
            (0, {"ddns_send_updates": False}, FQDN_N),
            (FQDN_S, {}, FQDN_S),
            (FQDN_S, no_update, FQDN_S),
            (FQDN_S, {"updates": False}, FQDN_N | FQDN_O),
            (FQDN_N, {}, FQDN_N),
            (FQDN_N, no_update, FQDN_S | FQDN_O),
            (FQDN_N, client_update, FQDN_N),
            (FQDN_N, {"updates": False, **no_update}, FQDN_N),
        ):
            self.assertEqual(self.flags(asked, **more), answered, (asked, more))

    def test_lease(self) -> None:
        """A189: the lease says that S updates the forward zone and N=0 the reverse one."""
        for asked, forward, reverse in ((FQDN_S, True, True), (0, False, True), (FQDN_N, False, False)):
            client = Client(serving(updates=True))
            client.lease(options=fqdn("a.example.org", asked | FQDN_E))
            lease = client.server.leases[ADDRESS]
            self.assertEqual((lease.fqdn_fwd, lease.fqdn_rev, lease.hostname), (forward, reverse, "a.example.org."))

    def test_contradiction(self) -> None:
        """V4-58, A188: a client that asks for an update and for none at once gets its lease without a name."""
        client = Client(serving(updates=True))
        ack = client.lease(options=fqdn("a.example.org", FQDN_S | FQDN_N | FQDN_E))
        self.assertNotIn(81, ack.options)
        self.assertEqual(client.server.leases[ADDRESS].hostname, "")

    def test_codes(self) -> None:
        """V4-58: RCODE1 and RCODE2 of the answer are 255."""
        answered = decode_fqdn4(Client(serving()).lease(options=fqdn("a.example.org")).options[81])
        self.assertEqual((answered.rcode1, answered.rcode2), (255, 255))

    def test_unasked(self) -> None:
        """V4-58, A186: option 81 is sent to nobody who did not send it, even if it is requested."""
        ack = Client(serving(updates=True, **SUFFIX)).lease(options={**prl(81), 12: b"name"})
        self.assertNotIn(81, ack.options)

    def test_form(self) -> None:
        """V4-58, V4-59: E is echoed: ASCII is answered in ASCII, wire form in wire form without compression."""
        for flags, payload in ((FQDN_S, b"\1\0\0A.example.org."), (FQDN_E | FQDN_S, b"\5\0\0\1A\7example\3org\0")):
            answered = Client(serving(updates=True)).lease(options={81: payload}).options[81]
            self.assertEqual((answered[0], answered[3:].lower()), (flags, payload[3:].lower()))

    def test_malformed(self) -> None:
        """V4-58, A193: an option 81 that cannot be read costs no client its lease (CVE-2019-6473, CVE-2022-2929)."""
        for payload in (
            b"",
            b"\5",
            b"\5\0\0\x40abc",
            b"\5\0\0\5ab",
            b"\5\0\0\xc0\0",
            b"\1\0\0" + b"x" * 70,
            b"\1\0\0a..b",
        ):
            client = Client(serving(updates=True, **SUFFIX))
            self.assertEqual(client.lease(options={81: payload}).yiaddr, ADDRESS)
            self.assertEqual(client.server.statistic("pkt4-processing-failed"), 0)


class FqdnNameTests(SynchronousTestCase):
    """The name in option 81."""

    def name(self, options: dict[int, bytes], on_link: dict[str, Any] | None = None, **dhcp4: Any) -> str:
        client = Client(serving(on_link, updates=True, **dhcp4))
        answered = decode_fqdn4(client.lease(options=options).options[81])
        self.assertEqual(client.server.leases[ADDRESS].hostname, answered.text.lower())
        return answered.text

    def test_names(self) -> None:
        """A190: partial names are qualified, whole ones kept, empty ones made from prefix and address."""
        for options, expected in (
            (fqdn("a.example.com"), "a.example.com."),
            (fqdn("a", partial=True), "a.example.org."),
            (fqdn("a.b", partial=True), "a.b.example.org."),
            (fqdn(""), GENERATED + "."),
            (fqdn("", partial=True), GENERATED + "."),
        ):
            self.assertEqual(self.name(options, **SUFFIX), expected, options)

    def test_replaced(self) -> None:
        """A190, A089: the replace modes decide whether a name that was sent gives way to a generated one."""
        for mode, whole, empty in (
            ("never", "a.example.com.", GENERATED + "."),
            ("always", GENERATED + ".", GENERATED + "."),
            ("when-present", GENERATED + ".", GENERATED + "."),
            ("when-not-present", "a.example.com.", GENERATED + "."),
        ):
            more = {**SUFFIX, "ddns_replace_client_name": mode}
            self.assertEqual(self.name(fqdn("a.example.com"), **more), whole, mode)
            self.assertEqual(self.name(fqdn(""), **more), empty, mode)

    def test_prefix(self) -> None:
        """A190: a generated name begins with the configured prefix."""
        more = {**SUFFIX, "ddns_generated_prefix": "pc", "ddns_replace_client_name": "always"}
        self.assertEqual(self.name(fqdn("a"), **more), "pc-192-0-2-10.example.org.")

    def test_reserved(self) -> None:
        """A186, A190: a reserved hostname comes before what the client says."""
        self.assertEqual(self.name(fqdn("a.example.com"), RESERVED, **SUFFIX), "fixed.example.org.")

    def test_option_12_is_ignored(self) -> None:
        """A186: with option 81 in the query option 12 counts for nothing."""
        self.assertEqual(self.name({**fqdn("a.example.com"), 12: b"other"}, **SUFFIX), "a.example.com.")

    def test_scrubbed_away(self) -> None:
        """A193: a name of which the sanitising leaves nothing, or an empty label, is left out (CVE-2025-11232)."""
        for name in ("___", "aaa.___.bbb"):
            for options in (fqdn(name), fqdn(name, partial=True), {12: name.encode()}):
                offer = got(Client(serving(updates=True, **SUFFIX)).discover(options), OFFER)
                self.assertFalse({12, 81} & offer.options.keys())


class HostNameTests(SynchronousTestCase):
    """The name in option 12."""

    def name(self, options: dict[int, bytes], on_link: dict[str, Any] | None = None, **dhcp4: Any) -> str | None:
        """What the answer says; the lease says the same."""
        client = Client(serving(on_link, **dhcp4))
        ack = client.lease(options=options)
        told = ack.options.get(12)
        if told is not None:
            self.assertEqual(client.server.leases[ADDRESS].hostname, told.decode().lower())
        return told.decode() if told is not None else None

    def test_client(self) -> None:
        """A191: a single label is qualified without a final dot, more are echoed in lower case; no blanks."""
        for sent, expected in (
            (b"a", "a.example.org"),
            (b"a.b", "a.b"),
            (b"a.b.c.", "a.b.c."),
            (b"  a ", "a.example.org"),
            (b"a\0", "a.example.org"),
            (b"A.B", "a.b"),
        ):
            self.assertEqual(self.name({12: sent}, **SUFFIX), expected, sent)

    def test_no_suffix(self) -> None:
        """A191: without a suffix a single label is echoed as it is."""
        self.assertEqual(self.name({12: b"a"}), "a")

    def test_nothing(self) -> None:
        """A193: an empty or blank name is ignored."""
        for sent in (b"", b" ", b"\t \n", b"\0\0"):
            self.assertIsNone(self.name({12: sent}, **SUFFIX), sent)

    def test_modes(self) -> None:
        """A191, A192: the replace modes decide when the generated name takes the place of the client's, or of none."""
        for mode, sent, absent in (
            ("never", "a.example.org", None),
            ("always", GENERATED, GENERATED),
            ("when-present", GENERATED, None),
            ("when-not-present", "a.example.org", GENERATED),
        ):
            more = {**SUFFIX, "ddns_replace_client_name": mode}
            self.assertEqual(self.name({12: b"a"}, **more), sent, mode)
            self.assertEqual(self.name({}, **more), absent, mode)

    def test_no_label(self) -> None:
        """A191: a name without a label is replaced by the generated one."""
        self.assertEqual(self.name({12: b"."}, **SUFFIX), GENERATED)

    def test_reserved(self) -> None:
        """A191: a reserved hostname is told and stored, asked for or not (as in Kea 2.2)."""
        for options in ({12: b"a"}, prl(12), {}):
            client = Client(serving(RESERVED, **SUFFIX))
            ack = client.lease(options=options)
            self.assertEqual(ack.options.get(12), b"fixed.example.org")
            self.assertEqual(client.server.leases[ADDRESS].hostname, "fixed.example.org")

    def test_reserved_whole(self) -> None:
        """A076: a reserved hostname that ends in a dot is not qualified."""
        hosts = {"reservations": [{"hw-address": "02:00:00:01:00:01", "hostname": "fixed.example.net."}]}
        self.assertEqual(self.name({12: b"a"}, hosts, **SUFFIX), "fixed.example.net")

    def test_sanitised(self) -> None:
        """A193, A091: characters outside hostname-char-set are replaced, in either option."""
        for replacement, expected in (("", "ab.example.org"), ("x", "axb.example.org")):
            self.assertEqual(self.name({12: b"a_b"}, hostname_char_replacement=replacement, **SUFFIX), expected)
        whole = Client(serving(**SUFFIX)).lease(options=fqdn("a_b", partial=True)).options[81]
        self.assertEqual(decode_fqdn4(whole).text, "ab.example.org.")

    def test_configured_option(self) -> None:
        """A191: the client's name takes the place of a configured option 12; without a name that one is sent."""
        configured: dict[str, Any] = {"option_data": [{"name": "host-name", "data": "everybody"}]}
        self.assertEqual(self.name({12: b"a", **prl(12)}, **configured), "a")
        self.assertEqual(Client(serving(**configured)).lease(options=prl(12)).options[12], b"everybody")

    def test_renewal(self) -> None:
        """A157: a renewal stores the name that the client has now."""
        client = Client(serving())
        client.lease(options={12: b"before"})
        got(client.renew(ADDRESS, {12: b"after"}), ACK)
        self.assertEqual(client.server.leases[ADDRESS].hostname, "after")

    @given(st.binary(max_size=300), st.sampled_from((12, 81)), st.booleans())
    def test_any_bytes(self, payload: bytes, code: int, prefix: bool) -> None:
        """A193, C14: whatever bytes stand in option 12 or 81, the client gets its lease and nothing raises."""
        if code == 81 and prefix:
            payload = b"\5\0\0" + payload
        client = Client(serving(updates=True, **SUFFIX))
        ack = client.lease(options={code: payload})
        self.assertEqual((ack.yiaddr, client.server.statistic("pkt4-processing-failed")), (ADDRESS, 0))
        self.assertLessEqual(len(client.server.leases[ADDRESS].hostname.encode()), 255)
