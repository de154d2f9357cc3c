"""The DHCPv6 answer on the wire and its way (RFC 8415 sections 18.3, 19.3; RFC 6422; RFC 8357; Kea B.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.exchanging6 import ADVERTISE, LINK, got6, serving6
from txkea.errors import Drop
from txkea.exchange.query import Query, Query6
from txkea.exchange.reply6 import CLIENT_PORT6, SERVER_PORT6, answer6
from txkea.interfaces import IAnswerReady, Origin
from txkea.model.configuration import Configuration, OptionData
from txkea.testing.clients6 import SERVER_ID, Answer6, Client6, ia_na, ia_pd, packed6, relayed, through
from txkea.testing.network import MemorySocket
from txkea.testing.sites import memory_site
from txkea.wire.dhcp6 import Message6, MessageType6, Option6, Relay, decode6, option6, parse_options6

REPLY = MessageType6.REPLY
SOURCE = packed6("fe80::2")
ORIGIN = Origin(MemorySocket("eth0", SOURCE, False, []), SOURCE, 546, b"", True)
SERVERS = {"name": "dns-servers", "data": "2001:db8::1"}


def codes(answer: Answer6) -> list[int]:
    """The codes of the innermost message as they stand there."""
    data = answer.data
    for _ in answer.message.relays:
        data = dict(parse_options6(data[34:]))[Option6.RELAY_MSG]
    return [code for code, _ in parse_options6(data[4:])]


class WireTests(SynchronousTestCase):
    """The bytes of an answer."""

    def test_reply(self) -> None:
        """V6-06, B028: type and transaction, client and server identifier, then the options by their codes."""
        server = serving6(option_data=[SERVERS], renew_timer=1000, rebind_timer=2000)
        client = Client6(server, requested=(23,), ias=[ia_na(0x0A0B0C0D)])
        reply = client.lease()
        self.assertEqual(
            reply.data.hex(" "),
            bytes.fromhex(
                f"07{reply.message.transaction_id:06x}"
                "0001 000a 00030001020000010001"
                "0002 000a 00030001020000000001"
                "0003 0028 0a0b0c0d 000003e8 000007d0"
                "     0005 0018 20010db8000100000000000000000010 00000e10 00001c20"
                "0017 0010 20010db8000000000000000000000001"
            ).hex(" "),
        )
        self.assertEqual((reply.address, reply.port, reply.hwaddr), (client.source, CLIENT_PORT6, b""))

    def test_nameless(self) -> None:
        """V6-20: an answer to a client without an identifier has none."""
        answer = got6(Client6(serving6(), duid=b"").information_request())
        self.assertEqual(codes(answer), [2])

    def test_relayed(self) -> None:
        """V6-31: each relay gets its hop count, addresses and interface-id back, and nothing more."""
        near = relayed("::", "fe80::2", [(18, b"port 7"), (37, b"\0\0\0\x09x")])
        far = relayed(LINK, "2001:db8:2::9", [(18, b"")])
        client = Client6(serving6(), relays=through(near, far))
        answer = got6(client.information_request())
        inner = bytes.fromhex(f"07{answer.message.transaction_id:06x}") + option6(1, client.duid)
        inner += option6(2, bytes.fromhex("00030001020000000001"))
        middle = b"\x0d\0" + bytes(16) + SOURCE + option6(18, b"port 7") + option6(9, inner)
        outer = b"\x0d\1" + packed6(LINK) + packed6("2001:db8:2::9") + option6(18, b"") + option6(9, middle)
        self.assertEqual(answer.data, outer)


class DestinationTests(SynchronousTestCase):
    """Where answers go."""

    def test_direct(self) -> None:
        """B029: a client hears on its own port, wherever it sends from."""
        for port in (546, 547, 5000):
            answer = got6(Client6(serving6()).solicit(source_port=port, source="fe80::77"), ADVERTISE)
            self.assertEqual((answer.address, answer.port), ("fe80::77", CLIENT_PORT6))

    def test_relayed(self) -> None:
        """B029, V6-35: a relay hears on port 547, or where it sends from if it says so; only the outermost counts."""
        plain, odd = relayed(LINK), relayed(LINK, options=[(135, b"\0\0")])
        for relays, port in (
            ((plain,), SERVER_PORT6),
            ((odd,), 5000),
            ((odd, plain), SERVER_PORT6),
            ((plain, odd), 5000),
        ):
            answer = got6(Client6(serving6(), relays=through(*relays)).solicit(source_port=5000), ADVERTISE)
            self.assertEqual(answer.port, port, relays)
            self.assertEqual(
                [135 in relay.options for relay in answer.message.relays], [relay is odd for relay in relays][::-1]
            )


class SuppliedTests(SynchronousTestCase):
    """What relays supply for clients: option 66 (RFC 6422)."""

    ALLOWED: dict[str, Any] = {"relay_supplied_options": ["110", "aftr-name", "dns-servers"]}

    def rsoo(self, *options: tuple[int, bytes], rest: bytes = b"") -> Relay:
        return relayed(LINK, options=[(66, b"".join(option6(*each) for each in options) + rest)])

    def sent(self, *relays: Relay, requested: tuple[int, ...] = (), **dhcp6: Any) -> dict[int, bytes]:
        """Which options the client gets beside the identifiers; ``relays`` from the nearest to it on."""
        client = Client6(serving6(**{**self.ALLOWED, **dhcp6}), relays=through(*relays), requested=requested)
        answer = got6(client.information_request())
        self.assertEqual(codes(answer), sorted(set(codes(answer))))
        return {code: payload for code, payload in answer.options.items() if code not in (1, 2)}

    def test_listed(self) -> None:
        """V6-37, B065: only what is listed is passed on, and option 65 always."""
        supplied = self.rsoo((65, b"\1a\0"), (110, b"xx"), (64, b"\1q\0"), (111, b"yy"), (1, b"abcd"), (13, b"\0\0"))
        self.assertEqual(self.sent(supplied), {64: b"\1q\0", 65: b"\1a\0", 110: b"xx"})
        self.assertEqual(self.sent(supplied, relay_supplied_options=[]), {65: b"\1a\0"})

    def test_own_first(self) -> None:
        """V6-37, B065: what the server sends itself is not supplied, what it would only have is."""
        supplied = self.rsoo((23, b"\1" * 16))
        self.assertEqual(self.sent(supplied, option_data=[SERVERS]), {23: b"\1" * 16})
        self.assertEqual(self.sent(supplied, option_data=[SERVERS], requested=(23,)), {23: packed6("2001:db8::1")})

    def test_nearest_first(self) -> None:
        """B065: of several relays the one nearest to the client is heard, of several values the first."""
        near, far = self.rsoo((110, b"in"), (110, b"in2")), self.rsoo((110, b"out"), (64, b"\1o\0"))
        self.assertEqual(self.sent(near, relayed(LINK), far), {110: b"in", 64: b"\1o\0"})

    def test_damaged(self) -> None:
        """V6-38: supplied options that overrun are left out."""
        self.assertEqual(self.sent(self.rsoo(rest=b"\0\x6e\0\x09a")), {})

    def test_not_the_client(self) -> None:
        """V6-37: what a client sends as option 66 is not given back."""
        client = Client6(serving6(**self.ALLOWED), relays=(relayed(LINK),), options=[(66, option6(110, b"xx"))])
        self.assertEqual(codes(got6(client.information_request())), [1, 2])


class LengthTests(SynchronousTestCase):
    """Answers that no datagram holds."""

    def query(self, relays: tuple[Relay, ...] = ()) -> Query6:
        message = Message6(MessageType6.INFORMATION_REQUEST, 1, [(1, b"\0\3\0\1abcdef")], relays)
        return Query6(serving6().site, message, ORIGIN, 0.0)

    def test_longest(self) -> None:
        """Hostile: an answer as long as a datagram is sent, a longer one, also for its relays, is none."""
        room = 65527 - len(answer6(self.query(), REPLY).data)
        blocks = [(3, option6(3, bytes(room // 2 - 4))), (3, option6(3, bytes(room - room // 2 - 4)))]
        self.assertEqual(len(answer6(self.query(), REPLY, blocks).data), 65527)
        self.assertRaises(Drop, answer6, self.query(), REPLY, [*blocks, (13, option6(13, b""))])
        self.assertRaises(Drop, answer6, self.query((relayed(LINK),)), REPLY, blocks)
        self.assertRaises(Drop, answer6, self.query((relayed(LINK),) * 2), REPLY, [blocks[0], (3, blocks[1][1][:-40])])

    def test_configured(self) -> None:
        """Hostile: more options than fit cost the client its answer, and nothing else."""
        big = [
            {"code": code, "data": "ab" * 40000, "csv-format": False, "always-send": code == 200} for code in (200, 201)
        ]
        server = serving6(option_data=big)
        self.assertEqual(len(got6(Client6(server).information_request()).options[200]), 40000)
        self.assertIsNone(Client6(server, requested=(201,)).information_request())

    def test_encapsulated(self) -> None:
        """Hostile: a container that cannot be as long as its sub-options costs the client its answer too."""
        server = serving6(
            option_def=[{"name": "box", "code": 200, "type": "empty", "encapsulate": "box"}],
            option_data=[{"name": "box", "data": ""}]
            + [{"code": code, "space": "box", "data": "ab" * 40000, "csv-format": False} for code in (1, 2)],
        )
        self.assertIsNotNone(Client6(server).information_request())
        self.assertIsNone(Client6(server, requested=(200,)).information_request())


@implementer(IAnswerReady)
class Change:
    """A third party that changes the options as it is told."""

    def __init__(self, change: Callable[[dict[int, bytes]], object]) -> None:
        self.change = change

    async def answer_ready(self, query: Query, options: dict[int, bytes]) -> None:
        """See `IAnswerReady`."""
        self.change(options)


class RevisedTests(SynchronousTestCase):
    """Answers that third parties change."""

    def answer(self, *changes: Callable[[dict[int, bytes]], object], relays: tuple[Relay, ...] = ()) -> Answer6 | None:
        """The ADVERTISE with two addresses, a prefix and a name server, after these changes."""
        server = serving6(option_data=[SERVERS], site={"answer_ready": [Change(change) for change in changes]})
        client = Client6(server, requested=(23,), ias=[ia_na(1), ia_na(2), ia_pd(1)], relays=relays)
        source = "2001:db8:2::9" if relays else client.source
        query = client.message(MessageType6.SOLICIT, ias=client.ias)
        return server.ask(query, source, broadcast=not relays)

    def test_unchanged(self) -> None:
        """`IAnswerReady`: who changes nothing gets the same bytes sent, through relays as well."""
        for relays in ((), through(relayed(LINK, options=[(18, b"x")]), relayed("::"))):
            seen: dict[int, bytes] = {}
            answer = got6(self.answer(seen.update, relays=relays), ADVERTISE)
            self.assertEqual(answer.data, got6(self.answer(relays=relays), ADVERTISE).data)
            self.assertEqual(seen, answer.options)

    def test_changed(self) -> None:
        """`IAnswerReady`: what is added, changed or taken away is; added options stand by their code."""

        def change(options: dict[int, bytes]) -> None:
            del options[23]
            options[7] = b"\5"
            options[2] = b"\0\3\0\1xyz"

        for relays in ((), (relayed(LINK, options=[(18, b"x")]),)):
            answer = got6(self.answer(change, relays=relays), ADVERTISE)
            self.assertEqual(codes(answer), [1, 2, 3, 3, 7, 25])
            self.assertEqual((answer.options[7], answer.options[2]), (b"\5", b"\0\3\0\1xyz"))
            self.assertEqual([relay.options for relay in answer.message.relays], [{18: b"x"} for _ in relays])

    def test_repeated(self) -> None:
        """`IAnswerReady`: a changed option takes the place of all with its code, one taken away takes all along."""
        answer = got6(self.answer(lambda options: options.update({3: bytes(12)})), ADVERTISE)
        self.assertEqual(answer.message.every(3), (bytes(12),))
        answer = got6(self.answer(lambda options: options.pop(3)), ADVERTISE)
        self.assertEqual(codes(answer), [1, 2, 23, 25])

    def test_too_long(self) -> None:
        """`IAnswerReady`: an option longer than one can be costs the client its answer, and nothing else."""
        self.assertIsNone(self.answer(lambda options: options.update({200: bytes(65536)})))


class OrderTests(SynchronousTestCase):
    """The order of options."""

    @given(
        st.lists(st.tuples(st.sampled_from([3, 5, 13, 14, 25]), st.binary(max_size=30)), max_size=8),
        st.sets(st.sampled_from([7, 12, 20, 23, 24, 31, 64])),
        st.booleans(),
    )
    def test_any(self, blocks: list[tuple[int, bytes]], configured: set[int], named: bool) -> None:
        """C058: whatever there is to say, codes ascend, and options of one code keep their order."""
        always = [OptionData(code=code, space="dhcp6", payload=b"\xab", always_send=True) for code in configured]
        site = memory_site(Configuration(family=6, options=tuple(always)), server_id=SERVER_ID)
        query = Query6(site, Message6(MessageType6.REQUEST, 1), ORIGIN, 0.0)
        if named:
            query.name = (39, b"\0\1a\0")
        reply = answer6(query, REPLY, [(code, option6(code, payload)) for code, payload in blocks])
        pairs = parse_options6(reply.data[4:])
        expected = [*blocks, (2, query.site.server_id), *((code, b"\xab") for code in configured)]
        expected += [(39, b"\0\1a\0")] if named else []
        self.assertEqual(pairs, sorted(expected, key=lambda pair: pair[0]))
        self.assertEqual(decode6(reply.data[:4]).type, REPLY)
