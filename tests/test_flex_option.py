"""Options of answers that expressions make (Kea M044)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.configuring import configured
from tests.exchanging import NAK, RELAY, got, prl
from tests.exchanging6 import LINK, got6
from tests.flexing import flexible, flexible6, hooks, mistakes_of, option
from txkea.flex.entries import FLEX_OPTION
from txkea.interfaces import IAnswerReady, IProviderFactory
from txkea.testing.clients4 import Answer, Client
from txkea.testing.clients6 import Client6, ia_na, relayed, through
from txkea.wire.dhcp6 import Option6, parse_options6

MASK, ROUTERS, HOST_NAME, DOMAIN, VENDOR, BOOT_FILE, AGENT, VIVSO = 1, 3, 12, 15, 43, 67, 82, 125
DOMAIN_NAME = {"name": "domain-name", "data": "example.org"}


class ActionTests(SynchronousTestCase):
    """``add``, ``supersede`` and ``remove`` in DHCPv4."""

    def ask(self, *entries: dict[str, Any], options: dict[int, bytes] | None = None, **dhcp4: Any) -> Answer:
        """The ACK to a client that asks for a domain name, which is configured."""
        server = flexible(option(*entries), option_data=[DOMAIN_NAME], **dhcp4)
        self.log = server.log
        return Client(server).lease(options={**prl(DOMAIN), **(options or {})})

    def test_add(self) -> None:
        """An option is added with the expression's value, if there is one and the answer has no such option."""
        entry = {
            "code": BOOT_FILE,
            "add": "ifelse(option[host-name].exists, concat(option[host-name].text, '.boot'), '')",
        }
        self.assertEqual(self.ask(entry, options={HOST_NAME: b"pc"}).options[BOOT_FILE], b"pc.boot")
        self.assertNotIn(BOOT_FILE, self.ask(entry).options)
        self.assertEqual(self.ask({"name": "domain-name", "add": "'other.org'"}).options[DOMAIN], b"example.org")

    def test_supersede(self) -> None:
        """An option gets the expression's value, whether it was there or not; no value changes nothing."""
        for value, wanted in (("'other.org'", b"other.org"), ("''", b"example.org")):
            self.assertEqual(self.ask({"code": DOMAIN, "supersede": value}).options[DOMAIN], wanted)
        self.assertEqual(self.ask({"code": 230, "supersede": "0xc0ffee"}).options[230], b"\xc0\xff\xee")

    def test_remove(self) -> None:
        """An option is removed if the test says so."""
        for test, there in (("option[host-name].exists", True), ("not option[host-name].exists", False)):
            self.assertEqual(DOMAIN in self.ask({"code": DOMAIN, "remove": test}).options, there, test)
        self.assertNotIn(230, self.ask({"code": 230, "remove": "member('ALL')"}).options)

    def test_text(self) -> None:
        """With ``csv-format`` the value is read by the option's definition, standard or of the operator's own."""
        definition = {"code": 222, "name": "pair", "type": "record", "record-types": "uint8, fqdn"}
        entries = (
            {"code": MASK, "csv-format": True, "supersede": "ifelse(pkt4.giaddr == 0.0.0.0, '255.255.255.255', '')"},
            {"name": "pair", "csv-format": True, "add": "concat('7, ', option[host-name].text)"},
        )
        found = self.ask(*entries, options={HOST_NAME: b"pc.example"}, option_def=[definition]).options
        self.assertEqual(found[MASK], b"\xff" * 4)
        self.assertEqual(found[222], b"\7\2pc\7example\0")

    def test_unreadable(self) -> None:
        """A value that the definition cannot read, and an expression without one, change nothing and are logged."""
        entries = (
            {"code": MASK, "csv-format": True, "supersede": "'no mask'"},
            {"code": ROUTERS, "csv-format": True, "add": "0xff"},
            {"code": DOMAIN, "supersede": "int32totext(option[host-name].hex)"},
            {"code": 230, "add": "'still'"},
        )
        found = self.ask(*entries, options={HOST_NAME: b"pc"}).options
        self.assertEqual((found[MASK], found[DOMAIN], found[230]), (b"\xff\xff\xff\0", b"example.org", b"still"))
        self.assertNotIn(ROUTERS, found)
        errors = [text for severity, message, text in self.log.lines if message == "FLEX_OPTION_PROCESS_ERROR"]
        self.assertEqual(len(errors), 6)  # of OFFER and ACK
        self.assertIn("option 1 of its answer stays as it is: ", errors[0])

    def test_guard(self) -> None:
        """An entry with ``client-class`` is for members only, also of classes that are built in."""
        entry = {"code": DOMAIN, "supersede": "'phones.org'", "client-class": "VENDOR_CLASS_phone"}
        self.assertEqual(self.ask(entry, options={60: b"phone"}).options[DOMAIN], b"phones.org")
        self.assertEqual(self.ask(entry).options[DOMAIN], b"example.org")

    def test_order(self) -> None:
        """Entries are applied by their codes, those of one option in the order of the file."""
        entries = (
            {"code": DOMAIN, "supersede": "'one'", "client-class": "ALL"},
            {"code": DOMAIN, "remove": "pkt4.msgtype == 3"},
            {"code": DOMAIN, "add": "'two'"},
        )
        self.assertEqual(self.ask(*entries).options[DOMAIN], b"two")

    def test_every_answer(self) -> None:
        """All answers pass: an OFFER, an ACK to an INFORM, a NAK."""
        server = flexible(option({"code": 230, "add": "'x'"}), authoritative=True)
        client = Client(server)
        offer = client.discover()
        inform = client.inform("192.0.2.77")
        nak = got(client.reboot("203.0.113.1"), NAK)
        self.assertEqual([each.options[230] for each in (offer, inform, nak) if each], [b"x"] * 3)

    def test_agent_options_last(self) -> None:
        """The relay's option stays the last one (RFC 3046 section 2.1)."""
        server = flexible(option({"code": 230, "add": "'x'"}))
        ack = Client(server, relay=RELAY, options={AGENT: b"\1\1a"}).lease()
        self.assertEqual([*ack.options][-2:], [230, AGENT])


class SubOptionTests(SynchronousTestCase):
    """``sub-options``: what is in an option."""

    def ask(self, *inner: dict[str, Any], container: dict[str, Any], **dhcp4: Any) -> dict[int, bytes]:
        server = flexible(option({**container, "sub-options": list(inner)}), **dhcp4)
        return Client(server).lease(options=prl(VENDOR, VIVSO, 226)).options

    INSIDE = (
        {"name": "container", "data": "7", "always-send": True},
        {"name": "one", "space": "inner", "data": "1"},
    )
    DEFINED = (
        {"code": 226, "name": "container", "type": "uint8", "encapsulate": "inner"},
        {"code": 1, "name": "one", "type": "uint8", "space": "inner"},
        {"code": 2, "name": "two", "type": "uint16", "space": "inner"},
    )

    def changed(self, *inner: dict[str, Any], **container: Any) -> bytes | None:
        """Option 226, which holds a number and the option 1 of the space "inner", after a change."""
        found = self.ask(
            *inner,
            container={"name": "container", **container},
            option_def=list(self.DEFINED),
            option_data=list(self.INSIDE),
        )
        return found.get(226)

    def test_made(self) -> None:
        """The option that holds it is made, unless ``container-add`` is false."""
        for entry, wanted in (
            ({"code": 1, "add": "'foobar'"}, b"\1\6foobar"),
            ({"code": 1, "supersede": "'foobar'"}, b"\1\6foobar"),
            ({"code": 1, "add": "'foobar'", "container-add": False}, None),
            ({"code": 1, "add": "''"}, None),
        ):
            self.assertEqual(self.ask(entry, container={"code": VENDOR}).get(VENDOR), wanted, entry)

    def test_actions(self) -> None:
        """What stands before the options inside stays, and so do those that are not meant."""
        for entry, wanted in (
            ({"code": 1, "add": "0x09"}, b"\7\1\1\1"),
            ({"code": 1, "supersede": "0x09"}, b"\7\1\1\x09"),
            ({"name": "two", "csv-format": True, "add": "'513'"}, b"\7\1\1\1\2\2\2\1"),
            ({"code": 2, "remove": "member('ALL')"}, b"\7\1\1\1"),
            ({"code": 1, "remove": "member('ALL')", "container-remove": False}, b"\7"),
            ({"code": 1, "remove": "member('ALL')"}, None),
            ({"code": 1, "remove": "not member('ALL')"}, b"\7\1\1\1"),
        ):
            self.assertEqual(self.changed(entry), wanted, entry)

    def test_guards(self) -> None:
        """The client must be in the class of the entry and in that of the option around it."""
        for outer, inner, wanted in (("ALL", "ALL", 9), ("none", "ALL", 1), ("ALL", "none", 1)):
            found = self.changed({"code": 1, "supersede": "0x09", "client-class": inner}, **{"client-class": outer})
            self.assertEqual(found, b"\7\1\1" + bytes((wanted,)), (outer, inner))

    def test_vendor(self) -> None:
        """The options of an enterprise are found by their space; an option of another's stays as it is, as in Kea."""
        own = b"\0\0\x11\x8b\5\2\3tls"
        entry = {"space": "vendor-4491", "code": 2, "add": "'tls'"}
        self.assertEqual(self.ask(entry, container={"code": VIVSO})[VIVSO], own)
        other = {"space": "vendor-1", "code": 3, "csv-format": False, "data": "05", "always-send": True}
        vivso = {"name": "vivso-suboptions", "data": "1"}
        found = self.ask(entry, container={"code": VIVSO}, option_data=[vivso, other])
        self.assertEqual(found[VIVSO], b"\0\0\0\1\3\3\1\5")

    def test_vendor6(self) -> None:
        """In DHCPv6 too."""
        entry = {"code": Option6.VENDOR_OPTS, "sub-options": [{"space": "vendor-4491", "code": 2, "add": "'tls'"}]}
        reply = Client6(flexible6(option(entry))).lease()
        self.assertEqual(reply.options[17], b"\0\0\x11\x8b\0\2\0\3tls")


class Family6Tests(SynchronousTestCase):
    """DHCPv6."""

    DNS = {"name": "dns-servers", "data": "2001:db8::53"}

    def test_actions(self) -> None:
        """Options are added, replaced and removed, in their places by code and inside of what relays expect."""
        entries = (
            {"name": "dns-servers", "csv-format": True, "supersede": "'2001:db8::1, 2001:db8::2'"},
            {"code": 24, "csv-format": True, "add": "concat(relay6[0].option[18].hex, '.example.org')"},
            {"code": Option6.PREFERENCE, "remove": "member('ALL')"},
        )
        preference = {"name": "preference", "data": "7", "always-send": True}
        server = flexible6(option(*entries), option_data=[self.DNS, preference])
        client = Client6(server, requested=(23,), relays=through(relayed(LINK, options={18: b"port1"}.items())))
        reply = client.lease()
        self.assertEqual(reply.options[23].hex(), "20010db800000000000000000000000120010db8000000000000000000000002")
        self.assertEqual(reply.options[24], b"\5port1\7example\3org\0")
        self.assertNotIn(7, reply.options)
        self.assertEqual(len(reply.addresses), 1)

    def test_several(self) -> None:
        """Of several options of one code all are removed; unchanged they all stay."""
        for test, wanted in (("member('ALL')", 0), ("not member('ALL')", 2)):
            server = flexible6(option({"code": 3, "remove": test}))
            reply = Client6(server, ias=[ia_na(1), ia_na(2)]).solicit()
            assert reply is not None
            codes = [code for code, _ in parse_options6(reply.data[4:])]
            self.assertEqual(codes.count(3), wanted)

    def test_information_request(self) -> None:
        """Answers without leases pass too."""
        server = flexible6(option({"code": 24, "add": "0x0178 00".replace(" ", "")}))
        reply = got6(Client6(server).information_request())
        self.assertEqual(reply.options[24], b"\1x\0")


class ParameterTests(SynchronousTestCase):
    """The parameters of flex_option."""

    def test_interfaces(self) -> None:
        """The factory and what it makes keep the shape of their interfaces."""
        self.assertTrue(verifyObject(IProviderFactory, FLEX_OPTION))
        found = hooks(configured(hooks_libraries=[option({"code": 67, "add": "'x'"})]))
        self.assertEqual([*found], ["answer_ready"])
        self.assertTrue(verifyObject(IAnswerReady, found["answer_ready"][0]))

    def test_positions(self) -> None:
        """A mistake is told with the line of the file."""
        table: list[tuple[dict[str, Any], str]] = [
            ({"code": 67}, ": an entry has exactly one of add, supersede, remove; none is given"),
            ({"code": 67, "add": "'a'", "remove": "member('ALL')"}, ": an entry has exactly one of"),
            ({"code": 67, "add": "member('ALL')"}, ".add: "),
            ({"code": 67, "remove": "'text'"}, ".remove: "),
            ({"code": 67, "add": "concat('a'"}, ".add: "),
            ({"add": "'a'"}, ": an option is named by its name or its code; add one"),
            ({"code": 0, "add": "'a'"}, ".code: no option has the code 0"),
            ({"code": 255, "add": "'a'"}, ".code: no option has the code 255"),
            ({"code": 256, "add": "'a'"}, ".code: no option has the code 256"),
            ({"name": "domain-nam", "add": "'a'"}, '.name: there is no option "domain-nam" in the space dhcp4; did'),
            ({"name": "domain-name", "code": 16, "add": "'a'"}, ".name: domain-name has the code 15, not 16"),
            ({"code": 230, "csv-format": True, "add": "'a'"}, ".csv-format: option 230 of the space dhcp4 has no"),
            ({"code": 43, "sub-options": [], "add": "'a'"}, ".add: an entry has an action or sub-options"),
            ({"code": 230, "sub-options": [{"code": 1, "add": "'a'"}]}, ".sub-options[0]: it is not known which"),
            ({"code": 43, "sub-options": [{"code": 1, "add": "'a'"}] * 2}, ".sub-options[1]: option 1 in option 43"),
            ({"code": 67, "add": "'a'", "source": "response"}, '.source: "response" is not one of query'),
        ]
        for entry, wanted in table:
            found = mistakes_of(option(entry))
            self.assertEqual(len(found), 1, (entry, found))
            self.assertTrue(found[0].startswith(f"options[0]{wanted}"), found)

    def test_all_at_once(self) -> None:
        """All mistakes of all libraries are told; without its list of options the library is refused."""
        found = mistakes_of(option({"code": 67}, {"code": 68}), {"library": "libdhcp_flex_option.so"})
        self.assertEqual(len(found), 3)
        self.assertIn('"options" is missing; add it', found[2])
