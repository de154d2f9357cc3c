"""Which options a DHCPv6 answer carries, in which form (RFC 8415 section 21; Kea B.9)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging6 import ADVERTISE, ON_LINK, got6, serving6
from txkea.exchange.options import CACHED
from txkea.exchange.options6 import configured6
from txkea.exchange.query import Query6
from txkea.interfaces import Origin
from txkea.testing.clients6 import Answer6, Client6, LocalServer6, ia_na, ia_pd, packed6
from txkea.testing.network import MemorySocket
from txkea.wire.dhcp6 import Message6, MessageType6, option6, parse_options6
from txkea.wire.options import parse_vendor6

SERVERS = [f"2001:db8::{number}" for number in range(1, 9)]
INFORMATION_REQUEST = MessageType6.INFORMATION_REQUEST
SOCKET = MemorySocket("eth0", packed6("fe80::1"), False, [])


def data(name: str, value: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "data": value, **{key.replace("_", "-"): each for key, each in more.items()}}


def raw(code: int, payload: str, **more: Any) -> dict[str, Any]:
    """An option by its code, its payload in hexadecimal."""
    more = {key.replace("_", "-"): each for key, each in more.items()}
    return {"code": code, "data": payload, "csv-format": False, **more}


def advertised(*requested: int, on_link: dict[str, Any] | None = None, **dhcp6: Any) -> Answer6:
    """The ADVERTISE of a server with this configuration."""
    return got6(Client6(serving6(on_link, **dhcp6), requested=requested).solicit(), ADVERTISE)


def told(*requested: int, options: list[tuple[int, bytes]] | None = None, **dhcp6: Any) -> Answer6:
    """The REPLY to an INFORMATION-REQUEST."""
    return got6(Client6(serving6(**dhcp6), requested=requested, options=options or ()).information_request())


def codes(answer: Answer6) -> list[int]:
    """The codes as they stand on the wire, instance by instance."""
    return [code for code, _ in parse_options6(answer.data[4:])]


class SelectionTests(SynchronousTestCase):
    """Which configured options are sent."""

    def test_whole_answer(self) -> None:
        """B060, C058: what is requested and what is always sent, and nothing else, ascending by code."""
        answer = told(
            24,
            23,
            option_data=[
                data("sntp-servers", SERVERS[2], always_send=True),
                data("domain-search", "example.org, example.net"),
                data("nis-servers", SERVERS[1]),
                data("dns-servers", f"{SERVERS[0]}, {SERVERS[1]}"),
            ],
        )
        names = b"\7example\3org\0\7example\3net\0"
        expected = [
            option6(1, answer.options[1]),
            option6(2, bytes.fromhex("00030001020000000001")),
            option6(23, packed6(SERVERS[0]) + packed6(SERVERS[1])),
            option6(24, names),
            option6(31, packed6(SERVERS[2])),
        ]
        self.assertEqual(answer.data[4:], b"".join(expected))

    def test_among_associations(self) -> None:
        """C058: options stand among the identity associations by their codes, prefixes behind name servers."""
        server = serving6(option_data=[data("dns-servers", SERVERS[0]), data("preference", "5", always_send=True)])
        wanted = [ia_na(1), ia_pd(1), ia_na(2), ia_pd(2)]
        answer = got6(Client6(server, ias=wanted, requested=(23,)).solicit(), ADVERTISE)
        self.assertEqual(codes(answer), [1, 2, 3, 3, 7, 23, 25, 25])
        self.assertEqual([ia.iaid for ia in answer.ias], [1, 2, 1, 2])

    def test_odd_requests(self) -> None:
        """B060: duplicates, codes without a value and endless requests give each option once."""
        for wanted in ((23, 23, 23), (65535, 0, 23), tuple(range(1, 700)), (23,) * 9000):
            found = codes(told(*wanted, option_data=[data("dns-servers", SERVERS[0])]))
            self.assertEqual(found, [1, 2, 23])

    def test_precedence(self) -> None:
        """B059: host, pool, subnet, shared network, global: the first scope that has the option wins."""

        def tree(used: set[int]) -> dict[str, Any]:
            host, pool, subnet, network, everywhere = (
                {"option-data": [data("nis-servers", address)]} if number in used else {}
                for number, address in enumerate(SERVERS[:5])
            )
            inner = {
                **ON_LINK,
                "pools": [{"pool": "2001:db8:1::10/128", **pool}],
                "reservations": [{"duid": "00:03:00:01:02:00:00:01:00:01", "hostname": "h", **host}],
                **subnet,
            }
            del inner["interface"]
            outer = {"name": "n", "interface": "eth0", "subnet6": [inner], **network}
            return {"subnet6": [], "shared_networks": [outer], "option_data": everywhere.get("option-data", [])}

        for first in range(5):
            server = serving6(**tree(set(range(first, 5))))
            answer = got6(Client6(server, requested=(27,)).solicit(), ADVERTISE)
            self.assertEqual(answer.options[27], packed6(SERVERS[first]))

    def pooled(self) -> LocalServer6:
        """Two pools of addresses and one of prefixes, each with options."""
        low, high, prefixes = SERVERS[:3]
        pools = [
            {"pool": "2001:db8:1::10/128", "option-data": [data("nis-servers", low)]},
            {"pool": "2001:db8:1::20/128", "option-data": [data("nis-servers", high)]},
        ]
        delegated = {
            **ON_LINK["pd-pools"][0],
            "option-data": [data("nis-servers", prefixes), data("sntp-servers", prefixes)],
        }
        return serving6({"pools": pools, "pd-pools": [delegated]})

    def test_pools(self) -> None:
        """B059: the pools of all addresses and prefixes in the answer count, those of others do not."""
        low, high, prefixes = (packed6(each) for each in SERVERS[:3])
        for wanted, expected in (
            ([ia_na(1, "2001:db8:1::10")], (low, None)),
            ([ia_na(1, "2001:db8:1::20")], (high, None)),
            ([ia_pd(1)], (prefixes, prefixes)),
            ([ia_pd(1), ia_na(1, "2001:db8:1::20")], (high, prefixes)),
        ):
            answer = got6(Client6(self.pooled(), ias=wanted, requested=(27, 31)).solicit(), ADVERTISE)
            self.assertEqual((answer.options.get(27), answer.options.get(31)), expected, wanted)

    def test_two_pools(self) -> None:
        """B059: of two pools the one with the lower addresses wins, whichever association is named first."""
        for first, second in (("10", "20"), ("20", "10")):
            wanted = [ia_na(1, f"2001:db8:1::{first}"), ia_na(2, f"2001:db8:1::{second}")]
            answer = got6(Client6(self.pooled(), ias=wanted, requested=(27,)).solicit(), ADVERTISE)
            self.assertEqual(len(answer.addresses), 2)
            self.assertEqual(answer.options[27], packed6(SERVERS[0]))

    def test_host_apart(self) -> None:
        """B059: what one client's reservation adds is not sent to others that ask alike."""
        extra = [data("nis-servers", SERVERS[0], always_send=True)]
        hosts = [{"duid": "00:03:00:01:02:00:00:01:00:01", "option-data": extra}]
        server = serving6({"reservations": hosts})
        sent = [27 in got6(Client6(server, number).information_request()).options for number in (1, 2, 1, 2)]
        self.assertEqual(sent, [True, False, True, False])

    def test_always_send(self) -> None:
        """A180: always-send in any scope sends the option unasked, with the value of the narrowest scope."""
        answer = advertised(
            on_link={"option-data": [data("nis-servers", SERVERS[0])]},
            option_data=[data("nis-servers", SERVERS[1], always_send=True), data("dns-servers", SERVERS[1])],
        )
        self.assertEqual(answer.options[27], packed6(SERVERS[0]))
        self.assertNotIn(23, answer.options)

    def test_never_send(self) -> None:
        """A185: never-send in any scope keeps the option back, asked for or not."""
        answer = advertised(
            23,
            27,
            on_link={"option-data": [data("nis-servers", SERVERS[0]), data("dns-servers", SERVERS[0])]},
            option_data=[data("nis-servers", SERVERS[1], never_send=True, always_send=True)],
        )
        self.assertEqual((27 in answer.options, 23 in answer.options), (False, True))

    def test_own(self) -> None:
        """B028: what the server computes itself is never taken from the configuration."""
        own = {
            1: "01020304",
            2: "0a0b0c",
            3: "00" * 12,
            4: "00000009",
            9: "00000000",
            13: "0000",
            14: "",
            25: "00" * 12,
        }
        configured = [raw(code, payload, always_send=True) for code, payload in own.items()]
        client = Client6(serving6(option_data=configured), requested=tuple(own), ias=[ia_na(1)])
        answer = got6(client.solicit(), ADVERTISE)
        self.assertEqual(codes(answer), [1, 2, 3])
        self.assertEqual((answer.options[1], answer.addresses), (client.duid, ["2001:db8:1::10"]))
        self.assertEqual(codes(got6(client.information_request())), [1, 2])

    def test_giving_up(self) -> None:
        """B047, B048: who releases or declines is told nothing but how it went."""
        server = serving6(option_data=[data("dns-servers", SERVERS[0], always_send=True)])
        client = Client6(server, requested=(23,))
        self.assertIn(23, client.lease().options)
        self.assertNotIn(23, got6(client.decline()).options)
        self.assertIn(23, client.lease().options)
        self.assertNotIn(23, got6(client.release()).options)

    def test_bounds(self) -> None:
        """V6-30: times that clients would not believe are brought within what they believe, and no others."""
        for name, code, value, sent in (
            ("information-refresh-time", 32, 5, 600),
            ("information-refresh-time", 32, 0xFFFFFFFF, 0xFFFFFFFF),
            ("solmax-rt", 82, 59, 60),
            ("solmax-rt", 82, 86401, 86400),
            ("inf-max-rt", 83, 3600, 3600),
            ("clt-time", 46, 5, 5),
        ):
            answer = told(code, option_data=[data(name, str(value))])
            self.assertEqual(answer.number(code), sent, name)

    def test_only_asked(self) -> None:
        """V6-30: maximum retransmission times go only to those that ask, even if they are always to be sent."""
        configured = [data("solmax-rt", "100", always_send=True), data("inf-max-rt", "100", always_send=True)]
        self.assertEqual(codes(told(option_data=configured)), [1, 2])
        self.assertEqual(codes(told(83, option_data=configured)), [1, 2, 83])

    def test_softwire(self) -> None:
        """C034, C048: containers carry what is configured for their spaces, with codes and lengths of two bytes."""
        configured = [
            data("s46-cont-mape", "", always_send=True),
            data("s46-rule", "128, 0, 24, 192.0.2.0, 2001:db8:8::/48", space="s46-cont-mape-options"),
            data("s46-portparams", "2, 3/4", space="s46-rule-options"),
            data("s46-br", SERVERS[0], space="s46-cont-mape-options"),
        ]
        rule = bytes.fromhex("80 00 18 c0000200 30 20010db80008") + option6(93, bytes.fromhex("02 04 3000"))
        expected = option6(89, rule) + option6(90, packed6(SERVERS[0]))
        self.assertEqual(told(option_data=configured).options[94], expected)

    def test_encapsulated_alone(self) -> None:
        """C048: sub-options are not sent where their container is not."""
        self.assertEqual(
            codes(told(94, 90, option_data=[data("s46-br", SERVERS[0], space="s46-cont-mape-options")])), [1, 2]
        )

    def test_no_subnet(self) -> None:
        """B049: a client on an unknown link is told what holds everywhere."""
        server = serving6({"interface": "eth7"}, option_data=[data("dns-servers", SERVERS[0])])
        self.assertEqual(
            codes(got6(Client6(server, requested=(23,)).information_request(source="fe80::9"))), [1, 2, 23]
        )


class VendorTests(SynchronousTestCase):
    """Option 17 (RFC 8415 section 21.17; Kea B061)."""

    SUBOPTIONS = [
        data("config-file", "abc", space="vendor-4491"),
        data("tftp-servers", SERVERS[0], space="vendor-4491"),
        raw(60, "aabb", space="vendor-4491", always_send=True),
        raw(5, "05", space="vendor-77", always_send=True),
        raw(6, "06", space="vendor-77"),
        raw(6, "88", space="vendor-88"),
    ]
    ALWAYS, SERVER, FILE = option6(60, b"\xaa\xbb"), option6(32, packed6(SERVERS[0])), option6(33, b"abc")
    FIVE = option6(5, b"\5")

    def vendor(self, enterprise: int, *suboptions: tuple[int, bytes]) -> tuple[int, bytes]:
        """A client's option 17."""
        return 17, enterprise.to_bytes(4, "big") + b"".join(option6(*each) for each in suboptions)

    def sent(self, *options: tuple[int, bytes], requested: tuple[int, ...] = (), **configured: Any) -> dict[int, bytes]:
        """What each enterprise gets."""
        more = [data("vendor-opts", **configured)] if configured else []
        answer = told(*requested, options=list(options), option_data=[*self.SUBOPTIONS, *more])
        return parse_vendor6(answer.message.every(17))

    def test_named(self) -> None:
        """B061: a client that names an enterprise gets what is always sent to it, others get nothing."""
        for options, expected in (
            ([], {}),
            ([self.vendor(4491)], {4491: self.ALWAYS}),
            ([(16, (4491).to_bytes(4, "big") + b"\0\3abc")], {4491: self.ALWAYS}),
            ([(16, (77).to_bytes(4, "big"))], {77: self.FIVE}),
            ([self.vendor(77, (1, b"\0\6"))], {77: self.FIVE}),
            ([self.vendor(88)], {}),
            ([(16, (77).to_bytes(4, "big")), self.vendor(4491)], {77: self.FIVE, 4491: self.ALWAYS}),
        ):
            self.assertEqual(self.sent(*options), expected, options)

    def test_requested(self) -> None:
        """B061: DOCSIS's own request option adds what it asks for, ascending by code."""
        for wanted, expected in (
            (b"\0\x21\0\x63\0\x20", self.SERVER + self.FILE + self.ALWAYS),
            (b"\0\x3c\0\x3c", self.ALWAYS),
            (b"\0\x20\0", self.SERVER + self.ALWAYS),
            (b"", self.ALWAYS),
        ):
            self.assertEqual(self.sent(self.vendor(4491, (1, wanted))), {4491: expected}, wanted)

    def test_several(self) -> None:
        """B061: each enterprise that a client names gets an option of its own, those of one number are read as one."""
        both = self.sent(self.vendor(77), self.vendor(4491, (36, b"x")), self.vendor(4491, (1, b"\0\x20")))
        self.assertEqual(both, {77: self.FIVE, 4491: self.SERVER + self.ALWAYS})

    def test_damaged(self) -> None:
        """V6-38: sub-options that overrun and options without an enterprise ask for nothing."""
        self.assertEqual(self.sent((17, (4491).to_bytes(4, "big") + b"\0\1\0\x09\0\x20")), {4491: self.ALWAYS})
        self.assertEqual(self.sent((16, (4491).to_bytes(4, "big") + b"\xff\xff")), {4491: self.ALWAYS})

    def test_configured(self) -> None:
        """B061: a configured option 17 is sent as any other, with what is always sent to its enterprise."""
        self.assertEqual(self.sent(value="77"), {})
        self.assertEqual(self.sent(requested=(17,), value="77"), {77: self.FIVE})
        self.assertEqual(self.sent(value="77", always_send=True), {77: self.FIVE})
        self.assertEqual(self.sent(value="88", always_send=True), {88: b""})
        self.assertEqual(self.sent(self.vendor(4491), value="77", always_send=True), {77: self.FIVE, 4491: self.ALWAYS})
        self.assertEqual(self.sent(requested=(17,), value="77", never_send=True), {})

    def test_key(self) -> None:
        """What modems tell of themselves does not make each of them a case of its own."""
        server = serving6(option_data=self.SUBOPTIONS)
        for number in range(5):
            options = [self.vendor(4491, (36, bytes((number,)) * 6), (1, b"\0\x20"))]
            got6(Client6(server, number, options=options).information_request())
        self.assertEqual(len(server.site.options), 1)


SENSIBLE = st.lists(st.sampled_from([1, 17, 23, 24, 27, 82]).map(lambda code: code.to_bytes(2, "big")), max_size=9)
REQUESTS = st.tuples(st.just(6), st.binary(max_size=40) | SENSIBLE.map(b"".join))
ENTERPRISES = st.sampled_from([b"\0\0\x11\x8b", b"\0\0\0\x4d", b""])
VENDORS = st.tuples(st.sampled_from([16, 17]), st.tuples(ENTERPRISES, st.binary(max_size=30)).map(b"".join))


class RememberedTests(SynchronousTestCase):
    """What is encoded once for many queries."""

    SERVER = serving6(
        option_data=[
            data("dns-servers", SERVERS[0]),
            data("domain-search", "example.org"),
            data("nis-servers", SERVERS[1], always_send=True),
            data("solmax-rt", "10"),
            *VendorTests.SUBOPTIONS,
        ]
    )

    def query(self, options: list[tuple[int, bytes]]) -> Query6:
        """A query as it is once its subnet is known."""
        site = self.SERVER.site
        origin = Origin(SOCKET, bytes(16), 546, b"", True)
        query = Query6(site, Message6(INFORMATION_REQUEST, 1, options), origin, 0.0)
        query.subnet = site.subnets.subnets[0]
        return query

    @given(st.lists(st.one_of(REQUESTS, VENDORS), max_size=6))
    def test_any_request(self, options: list[tuple[int, bytes]]) -> None:
        """B060: whatever is asked for, the answer ascends, holds no code twice but 17, and is the same from memory."""
        site = self.SERVER.site
        site.options.clear()
        first = configured6(self.query(options))
        self.assertEqual(configured6(self.query(options)), first)
        found = [code for code, _ in parse_options6(first.joined)]
        self.assertEqual(found, sorted(found))
        self.assertEqual(found, [code for code, _ in first.pairs])
        plain = [code for code in found if code != 17]
        self.assertEqual(len(plain), len(set(plain)))
        self.assertLessEqual(set(found), {17, 23, 24, 27, 82})
        self.assertIn(27, found)

    def test_half_a_code(self) -> None:
        """B060: half a code at the end of a request is left out."""
        self.assertEqual(configured6(self.query([(6, b"\0\x17\0")])), configured6(self.query([(6, b"\0\x17")])))

    def test_bounded(self) -> None:
        """Clients cannot fill the memory: neither with many requests nor with long ones."""
        kept = self.SERVER.site.options
        kept.clear()
        configured6(self.query([(6, b"\0\x17" * 300)]))
        configured6(self.query([(17, number.to_bytes(4, "big")) for number in range(200)]))
        self.assertEqual(len(kept), 0)
        for number in range(CACHED + 10):
            configured6(self.query([(6, number.to_bytes(4, "big"))]))
        self.assertLessEqual(len(kept), CACHED)
        kept.clear()
