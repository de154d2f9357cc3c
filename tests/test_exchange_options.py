"""Which options an answer carries, in which form (RFC 2132, RFC 3396; Kea A.16)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, LOCAL, OFFER, RELAY, got, prl, serving
from txkea.testing.clients4 import Answer, Client, packed
from txkea.wire.dhcp4 import HEADER_LENGTH, MessageType4, encode_message4, option
from txkea.wire.names import name_from_text
from txkea.wire.options import parse_vendor, write_vendor

FREE = "192.0.2.15"


def data(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "data": value, **{key.replace("_", "-"): each for key, each in more.items()}}


def offered(options: dict[int, bytes] | None = None, on_link: dict[str, Any] | None = None, **dhcp4: Any) -> Answer:
    """The OFFER of a server with this configuration."""
    return got(Client(serving(on_link, **dhcp4)).discover(options), OFFER)


def codes(answer: Answer) -> list[int]:
    """The codes as they stand on the wire, instance by instance."""
    found = []
    place = HEADER_LENGTH
    while answer.data[place] != 255:
        found.append(answer.data[place])
        place += 2 + answer.data[place + 1]
    return found


class TimesTests(SynchronousTestCase):
    """Options 51, 58 and 59."""

    def times(self, **dhcp4: Any) -> tuple[int | None, ...]:
        """Options 51, 58 and 59 of an ACK."""
        options = Client(serving(**dhcp4)).lease().options
        return tuple(int.from_bytes(options[code], "big") if code in options else None for code in (51, 58, 59))

    def test_renewal_times(self) -> None:
        """V4-29, A109: T1 < T2 < lifetime, and whatever does not fit that is left out."""
        for configured, expected in (
            ({}, (7200, None, None)),
            ({"renew_timer": 900, "rebind_timer": 1800}, (7200, 900, 1800)),
            ({"renew_timer": 900}, (7200, 900, None)),
            ({"rebind_timer": 1800}, (7200, None, 1800)),
            ({"renew_timer": 900, "rebind_timer": 7200}, (7200, 900, None)),
            ({"renew_timer": 1800, "rebind_timer": 1800}, (7200, None, 1800)),
            ({"renew_timer": 7200}, (7200, None, None)),
            ({"calculate_tee_times": True}, (7200, 3600, 6300)),
            ({"calculate_tee_times": True, "t1_percent": 0.25, "t2_percent": 0.5}, (7200, 1800, 3600)),
            ({"calculate_tee_times": True, "renew_timer": 900}, (7200, 900, 6300)),
        ):
            self.assertEqual(self.times(**configured), expected, configured)

    def test_infinite(self) -> None:
        """A114: an infinite lifetime is sent as it is, and does not end."""
        server = serving(valid_lifetime=0xFFFFFFFF, renew_timer=900)
        client = Client(server)
        self.assertEqual(client.lease(FREE).number(51), 0xFFFFFFFF)
        server.now += 10**9
        self.assertNotEqual(Client(server, 2).lease().yiaddr, FREE)

    def test_wish(self) -> None:
        """V4-28: a client's wish for a lifetime is clamped to the configured bounds; 0 is no wish, as in Kea."""
        for wish, given in ((0, 800), (599, 600), (700, 700), (901, 900), (0xFFFFFFFF, 900)):
            server = serving(min_valid_lifetime=600, valid_lifetime=800, max_valid_lifetime=900)
            client = Client(server, options={51: wish.to_bytes(4, "big")})
            self.assertEqual(got(client.discover(), OFFER).number(51), given)
            self.assertEqual(client.lease(FREE).number(51), given)
            self.assertEqual(server.leases[FREE].valid_lifetime, given)
        self.assertEqual(Client(server, 2).lease().number(51), 800)

    def test_wish_for_ever(self) -> None:
        """V4-28: a client that wishes for an infinite lifetime gets it where the bounds allow it."""
        server = serving(min_valid_lifetime=600, valid_lifetime=800, max_valid_lifetime=0xFFFFFFFF)
        self.assertEqual(Client(server, options={51: b"\xff" * 4}).lease().number(51), 0xFFFFFFFF)

    def test_cached(self) -> None:
        """A159: a renewal within threshold x lifetime tells the time that remains, and stores nothing."""
        server = serving(cache_threshold=0.25)
        client = Client(server)
        client.lease(FREE)
        before = server.leases[FREE]
        server.now += 1799
        self.assertEqual(got(client.renew(FREE), ACK).number(51), 7200 - 1799)
        self.assertEqual((server.leases[FREE], server.statistic("v4-lease-reuses")), (before, 1))
        server.now += 1
        self.assertEqual(got(client.renew(FREE), ACK).number(51), 7200)
        self.assertEqual(server.leases[FREE].cltt, int(server.now))

    def test_not_cached(self) -> None:
        """A159: a renewal that changes the lease is stored, and cache-max-age ends the reuse sooner."""
        server = serving(cache_threshold=0.25, cache_max_age=100)
        client = Client(server)
        client.lease(FREE)
        server.now += 10
        self.assertEqual(got(client.renew(FREE, {12: b"new-name"}), ACK).number(51), 7200)
        server.now += 101
        self.assertEqual(got(client.renew(FREE, {12: b"new-name"}), ACK).number(51), 7200)
        self.assertEqual(server.statistic("v4-lease-reuses"), 0)


class SelectionTests(SynchronousTestCase):
    """Which configured options are sent."""

    def test_order(self) -> None:
        """V4-30: requested options come in the order of the request; what the server owes comes as well."""
        configured = [
            data("routers", LOCAL),
            data("domain-name-servers", LOCAL),
            data("ntp-servers", LOCAL),
            data("log-servers", LOCAL),
        ]
        offer = offered(prl(42, 7, 6, 3), option_data=configured)
        self.assertEqual([code for code in codes(offer) if code not in (53, 54, 51, 1)], [42, 7, 6, 3])
        self.assertLess(codes(offer).index(1), codes(offer).index(3), "RFC 2132 section 3.3")

    def test_odd_requests(self) -> None:
        """V4-30, A179: duplicates, unknown codes and 255 entries in the request list give no duplicates."""
        for wanted in (prl(3, 3, 3, 6, 3), prl(200, 0, 255, 3), {55: bytes(range(255))}, {55: bytes(300)}, {55: b""}):
            found = codes(offered(wanted, option_data=[data("routers", LOCAL)]))
            self.assertEqual(sorted(found), sorted(set(found)))
            self.assertIn(3, found)
            self.assertFalse({0, 200, 255} & set(found))

    def test_precedence(self) -> None:
        """A178: host, pool, subnet, shared network, global: the first scope that has the option wins."""
        scopes = [f"203.0.113.{number}" for number in range(5)]

        def tree(used: set[int]) -> dict[str, Any]:
            host, pool, subnet, network, everywhere = (
                {"option-data": [data("log-servers", address)]} if number in used else {}
                for number, address in enumerate(scopes)
            )
            reservation = {"hw-address": "02:00:00:01:00:01", "hostname": "h", **host}
            inner = {
                "id": 7,
                "subnet": "192.0.2.0/24",
                "pools": [{"pool": "192.0.2.10/32", **pool}],
                "reservations": [reservation],
                **subnet,
            }
            outer = {"name": "n", "subnet4": [inner], **network}
            return {"subnet4": [], "shared_networks": [outer], "option_data": everywhere.get("option-data", [])}

        for first in range(5):
            server = serving(**tree(set(range(first, 5))))
            self.assertEqual(got(Client(server).discover(prl(7)), OFFER).options[7], packed(scopes[first]))

    def test_host_apart(self) -> None:
        """A178: what one client's reservation adds is not sent to others that ask alike."""
        log = [data("log-servers", LOCAL, always_send=True)]
        hosts = [{"hw-address": "02:00:00:01:00:01", "option-data": log}, {"hw-address": "02:00:00:01:00:02"}]
        server = serving({"reservations": hosts})
        sent = [7 in got(Client(server, number).discover(), OFFER).options for number in (1, 2, 3, 1, 2, 3)]
        self.assertEqual(sent, [True, False, False] * 2)

    def test_always_send(self) -> None:
        """A179, A180: always-send in any scope sends the option unasked, with the value of the narrowest scope."""
        offer = offered(
            on_link={"option-data": [data("log-servers", LOCAL)]},
            option_data=[data("log-servers", RELAY, always_send=True), data("ntp-servers", LOCAL)],
        )
        self.assertEqual(offer.options[7], packed(LOCAL))
        self.assertNotIn(42, offer.options)

    def test_never_send(self) -> None:
        """A185: never-send in any scope keeps the option back, asked for or not."""
        offer = offered(
            prl(3, 7),
            on_link={"option-data": [data("log-servers", LOCAL), data("routers", LOCAL)]},
            option_data=[data("log-servers", RELAY, never_send=True, always_send=True)],
        )
        self.assertNotIn(7, offer.options)
        self.assertIn(3, offer.options)

    def test_captive_portal(self) -> None:
        """V4-55: the URI of option 114 is sent if requested or always-send, and never as 160."""
        for always, wanted, sent in ((False, (), False), (False, (114, 160), True), (True, (), True)):
            portal = data("v4-captive-portal", "https://example.org/", code=114, always_send=always)
            options = offered(prl(*wanted), option_data=[portal]).options
            self.assertEqual(options.get(114), b"https://example.org/" if sent else None)
            self.assertNotIn(160, options)

    def test_classless_routes(self) -> None:
        """V4-56: option 121 carries the significant octets of each destination only, in the order of the request."""
        routes = data(
            "classless-static-route", "10.0.0.0/8 - 192.0.2.1, 0.0.0.0/0 - 192.0.2.2, 10.1.2.128/25 - 192.0.2.3"
        )
        offer = offered(prl(121, 3), option_data=[routes, data("routers", LOCAL)])
        expected = b"\x08\x0a" + packed(LOCAL) + b"\0" + packed("192.0.2.2") + b"\x19\x0a\1\2\x80" + packed("192.0.2.3")
        self.assertEqual(offer.options[121], expected)
        self.assertLess(codes(offer).index(121), codes(offer).index(3))

    def test_domain_search(self) -> None:
        """V4-57: option 119 is encoded as names, whole even when longer than 255 bytes."""
        labels = [f"{'x' * 60}{number}.example.org" for number in range(5)]
        sent = offered(prl(119), option_data=[data("domain-search", ", ".join(labels))])
        whole = sent.options[119]
        self.assertGreater(len(whole), 255)
        self.assertIn(name_from_text(labels[4])[0], whole)

    def test_encapsulated(self) -> None:
        """A183: sub-options go along when their container is sent, and only then."""
        configured = [
            data("vendor-encapsulated-options", ""),
            data("one", "1", space="vendor-encapsulated-options-space"),
        ]
        definition = {
            "name": "one",
            "code": 1,
            "type": "uint8",
            "space": "vendor-encapsulated-options-space",
        }
        self.assertEqual(offered(prl(43), option_data=configured, option_def=[definition]).options[43], b"\1\1\1")
        self.assertNotIn(43, offered(option_data=configured, option_def=[definition]).options)


class VendorTests(SynchronousTestCase):
    """Option 125 (RFC 3925)."""

    DOCSIS = [data("tftp-servers", "192.0.2.9", space="vendor-4491")]

    def sent(self, payload: bytes | None, configured: list[dict[str, Any]] | None = None) -> dict[int, bytes]:
        options = {125: payload} if payload is not None else {}
        found = offered(options, option_data=configured or self.DOCSIS).options.get(125)
        return dict(parse_vendor(found)) if found is not None else {}

    def test_requested(self) -> None:
        """A181: sub-options of enterprise 4491 are those of its option request option."""
        wanted = write_vendor({4491: option(1, bytes((2,)))})
        self.assertEqual(self.sent(wanted), {4491: b"\2\4" + packed("192.0.2.9")})
        self.assertEqual(self.sent(write_vendor({4491: option(1, bytes((3,)))})), {})

    def test_unasked(self) -> None:
        """A181: without option 125 only always-send sub-options are sent."""
        self.assertEqual(self.sent(None), {})
        always = [data("tftp-servers", "192.0.2.9", space="vendor-4491", always_send=True)]
        self.assertEqual(self.sent(None, always), {4491: b"\2\4" + packed("192.0.2.9")})

    def test_several_enterprises(self) -> None:
        """V4-66, A181: each enterprise of the query is looked at, and one that overruns the option is passed over."""
        wanted = write_vendor({9: b"\1\1x", 4491: option(1, bytes((2,)))})
        self.assertEqual(self.sent(wanted), {4491: b"\2\4" + packed("192.0.2.9")})
        self.assertEqual(self.sent(wanted + b"\0\0\0\7\xf0x"), {4491: b"\2\4" + packed("192.0.2.9")})
        for broken in (b"", b"\0", b"\0\0\x11\x8b", b"\0\0\x11\x8b\x05\1\x09"):
            self.assertEqual(self.sent(broken), {}, broken)


class FixedFieldTests(SynchronousTestCase):
    """``siaddr``, ``sname`` and ``file``."""

    FIELDS = ("next-server", "server-hostname", "boot-file-name")

    def test_precedence(self) -> None:
        """A182: a reservation's next-server, server-hostname and boot-file-name, else the subnet's, else the global."""
        rows = [("203.0.113.1", "a.example", "a.img"), ("203.0.113.2", "b.example", "b.img"), ("203.0.113.3", "c", "c")]
        host, subnet, everywhere = [dict[str, Any](zip(self.FIELDS, row, strict=True)) for row in rows]
        reservation = {"hw-address": "02:00:00:01:00:01", "hostname": "h"}
        outer = {name.replace("-", "_"): value for name, value in everywhere.items()}
        cases: list[tuple[dict[str, Any], dict[str, Any]]] = [(host, subnet), ({}, subnet), ({}, {})]
        for first, (extra, inner) in enumerate(cases):
            server = serving({"reservations": [{**reservation, **extra}], **inner}, **outer)
            message = Client(server).lease().message
            found = (message.siaddr, message.sname.rstrip(b"\0"), message.file.rstrip(b"\0"))
            self.assertEqual(found, (packed(rows[first][0]), rows[first][1].encode(), rows[first][2].encode()))


class LengthTests(SynchronousTestCase):
    """Long options, small clients."""

    MANY = [data("domain-name-servers", ", ".join(f"10.0.0.{j}" for j in range(100)))]

    def test_long_option(self) -> None:
        """V4-41, A184: an option of more than 255 bytes becomes consecutive instances that read as one."""
        offer = offered({57: b"\x05\xdc"}, option_data=self.MANY)
        self.assertEqual(len(offer.options[6]), 400)
        places = [place for place, code in enumerate(codes(offer)) if code == 6]
        self.assertEqual(places, [places[0], places[0] + 1])

    def test_maximum_size(self) -> None:
        """V4-37: no answer exceeds what option 57 says; less than 576 is 576, more than the MTU is that."""
        lists = [
            data(name, ", ".join(f"10.0.0.{j}" for j in range(50)), always_send=True)
            for name in (
                "ntp-servers",
                "log-servers",
                "time-servers",
                "smtp-server",
                "www-server",
                "pop-server",
                "nntp-server",
            )
        ]
        for size, most in ((0, 576), (300, 576), (576, 576), (800, 800), (1500, 1500), (65535, 1500)):
            offer = offered({57: size.to_bytes(2, "big")}, option_data=lists)
            self.assertLessEqual(len(offer.data) + 28, most)
            self.assertGreater(len(offer.data) + 28, most - 210, "room is used")
            self.assertTrue({53, 54, 51} <= offer.options.keys())

    def test_agent_options_survive(self) -> None:
        """V4-67: option 82 is kept when others must give way, and still comes last."""
        agent = b"\1" + bytes((200,)) + b"c" * 200
        client = Client(serving(option_data=self.MANY), relay=RELAY, options={82: agent, 57: b"\2\x40"})
        offer = got(client.discover(), OFFER)
        self.assertEqual((offer.options[82], list(offer.options)[-1]), (agent, 82))
        self.assertLessEqual(len(offer.data) + 28, 576)
        self.assertTrue({53, 54, 51} <= offer.options.keys())

    def test_overload(self) -> None:
        """V4-39: what finds no room in the options field goes to file and sname if they are free."""
        lists = [
            data(name, ", ".join(f"10.0.0.{j}" for j in range(25)), always_send=True)
            for name in ("ntp-servers", "log-servers", "time-servers")
        ]
        wanted = {57: b"\2\x40"}
        offer = offered(wanted, option_data=lists)
        self.assertEqual({4, 7, 42} & offer.options.keys(), {4, 7, 42})
        self.assertIn(52, offer.options)
        full = offered(wanted, {"boot-file-name": "f", "server-hostname": "s"}, option_data=lists)
        self.assertNotIn(52, full.options)
        self.assertEqual(full.message.file.rstrip(b"\0"), b"f")


class QueryFormTests(SynchronousTestCase):
    """What a client may write, and in which form."""

    def test_overloaded_query(self) -> None:
        """V4-39: options of an overloaded query are read from options, file and sname, a 52 inside them ignored."""
        wish, other = option(50, packed(FREE)) + b"\x34\1\2\xff", option(50, packed("192.0.2.16")) + b"\xff"
        halves = option(50, packed(FREE)[:2]) + b"\xff", option(50, packed(FREE)[2:]) + b"\xff"
        for value, file, sname in ((1, wish, other), (2, b"boot", wish), (3, *halves)):
            server = serving()
            message = Client(server).message(MessageType4.DISCOVER, file=file, sname=sname)
            raw = encode_message4(message)[:HEADER_LENGTH] + b"\x35\1\1" + option(52, bytes((value,))) + b"\xff"
            self.assertEqual(got(server.ask(raw.ljust(300, b"\0")), OFFER).yiaddr, FREE, value)

    def test_split_options(self) -> None:
        """V4-40: instances of a code are joined before they are read: 61, 12, 82 and 125."""
        server = serving()
        client = Client(server, relay=RELAY)
        head = encode_message4(client.message(MessageType4.DISCOVER))[:HEADER_LENGTH] + b"\x35\1\1"
        parts = {61: b"\1abcdef", 12: b"hostname", 82: b"\1\4port", 125: b"\0\0\x11\x8b\1\1"}
        first = b"".join(option(code, payload[:3]) for code, payload in parts.items())
        second = b"".join(option(code, payload[3:]) for code, payload in parts.items())
        offer = got(server.ask(head + first + second + b"\xff", RELAY, broadcast=False), OFFER)
        self.assertEqual(
            {code: offer.options.get(code) for code in (61, 12, 82)}, {61: parts[61], 12: parts[12], 82: parts[82]}
        )

    def test_ends(self) -> None:
        """V4-42: a missing END is tolerated, PAD may stand anywhere, and what follows END is not looked at."""
        server = serving()
        for number, tail in enumerate((b"", b"\0\0\0\x0c\1x\0\0", b"\xff\x3d\0\x39\xff"), 1):
            head = encode_message4(Client(server, number).message(MessageType4.DISCOVER))[:HEADER_LENGTH]
            got(server.ask(head + b"\0\0\x35\1\1" + tail), OFFER)

    def test_overrun(self) -> None:
        """V4-43: an option that runs past the end drops the query; lenient-option-parsing leaves out that option."""
        for lenient in (False, True):
            server = serving(compatibility={"lenient-option-parsing": lenient})
            head = encode_message4(Client(server).message(MessageType4.DISCOVER))[:HEADER_LENGTH]
            answer = server.ask(head + b"\x35\1\1\x0c\x40name")
            self.assertEqual(answer is not None, lenient)
            self.assertEqual(server.statistic("pkt4-parse-failed"), 0 if lenient else 1)


class NoAddressTests(SynchronousTestCase):
    """Answers that give no address on purpose."""

    V6_ONLY = [data("v6-only-preferred", "1800")]

    def test_v6_only(self) -> None:
        """V4-53: a client that requests 108 where it is configured is offered 0.0.0.0 and leases nothing."""
        client = Client(serving(option_data=self.V6_ONLY))
        offer = got(client.discover(prl(1, 108), ciaddr=packed(FREE)), OFFER)
        self.assertEqual((offer.yiaddr, offer.message.ciaddr), ("0.0.0.0", bytes(4)))
        self.assertEqual((offer.number(108), client.server.leases), (1800, {}))
        self.assertEqual(client.server.statistic("v4-allocation-fail"), 0)

    def test_v6_only_unasked(self) -> None:
        """V4-54: a client that does not request 108, or where it is not configured, gets a lease as ever."""
        for options, configured in (({}, self.V6_ONLY), (prl(3), self.V6_ONLY), (prl(108), [])):
            client = Client(serving(option_data=configured), options=options)
            self.assertEqual(client.lease(FREE).yiaddr, FREE)
            self.assertNotIn(108, got(client.renew(FREE), ACK).options)

    def test_v6_only_renewal(self) -> None:
        """V4-53: a REQUEST with 108 is answered with the lease and the option: the client decides."""
        client = Client(serving(option_data=self.V6_ONLY))
        client.lease(FREE)
        self.assertEqual(got(client.renew(FREE, prl(108)), ACK).number(108), 1800)

    def test_auto_configure(self) -> None:
        """V4-63: without an address a client that sent 116 is told whether to configure itself."""
        configured = [{"code": 116, "name": "auto-config", "data": "0"}]
        for sent, options, answered in ((b"\1", configured, True), (b"\1", [], False), (None, configured, False)):
            server = serving({"pools": []}, option_data=options)
            answer = Client(server).discover({116: sent} if sent else {})
            self.assertEqual(answer is not None, answered)
            if answer is not None:
                self.assertEqual((answer.type, answer.yiaddr, answer.options[116]), (OFFER, "0.0.0.0", b"\0"))
            self.assertEqual(server.statistic("v4-allocation-fail-subnet"), 1)

    def test_auto_configure_with_address(self) -> None:
        """V4-63: as long as there are addresses, option 116 changes nothing."""
        client = Client(serving(option_data=[{"code": 116, "name": "auto-config", "data": "0"}]), options={116: b"\1"})
        self.assertEqual(client.lease(FREE).yiaddr, FREE)
