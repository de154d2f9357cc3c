"""What a DHCPv6 client writes, and what it demands of an answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.testing.clients6 import ia_na, ia_pd, packed6
from txkea.wire.client6 import ANSWERS, accepted, granted, link_local, objections, query6, read_ias
from txkea.wire.dhcp6 import Message6, MessageType6, Option6, decode6, encode_message6
from txkea.wire.ia import Ia, encode_ia

DUID, SERVER = b"\0\3\0\1\2\0\0\0\0\2", b"\0\3\0\1\2\0\0\0\0\1"
XID = 0x123456
WANTED = (ia_na(1), ia_na(2), ia_pd(1))
GIVEN = (
    ia_na(1, "2001:db8::1", preferred=10, valid=20, t1=5, t2=8),
    ia_na(2, "2001:db8::2", preferred=0, valid=0),
    ia_pd(1, "2001:db8:1::/56", preferred=20, valid=20, t1=5, t2=8),
)


def answer(*ias: Ia, kind: int = MessageType6.REPLY, xid: int = XID, **options: bytes) -> Message6:
    """A server's answer; ``options`` replace those of a number, as ``_2``, or are added."""
    pairs = {Option6.CLIENT_ID: DUID, Option6.SERVER_ID: SERVER}
    pairs |= {int(code[1:]): payload for code, payload in options.items()}
    return Message6(kind, xid, [*pairs.items(), *((ia.code, encode_ia(ia)[4:]) for ia in ias)])


def request(kind: int = MessageType6.REQUEST, rapid: bool = False) -> Message6:
    """A query for everything that is wanted."""
    named = SERVER if kind == MessageType6.REQUEST else b""
    return query6(kind, XID, duid=DUID, server_id=named, ias=WANTED, rapid=rapid)


class QueryTests(SynchronousTestCase):
    """What a client writes."""

    @given(
        st.sampled_from(MessageType6),
        st.integers(0, 0xFFFFFF),
        st.lists(st.integers(0, 0xFFFF), max_size=9),
        st.integers(0, 1 << 20),
        st.lists(st.sampled_from((*WANTED, *GIVEN)), max_size=5),
    )
    def test_round_trip(self, kind: int, xid: int, requested: list[int], elapsed: int, ias: list[Ia]) -> None:
        """A server reads what the client wrote, and a time beyond the field as its end (RFC 8415 section 21.9)."""
        if kind in (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL):
            return
        query = query6(kind, xid, duid=DUID, requested=requested, elapsed=elapsed, ias=ias)
        read = decode6(encode_message6(query))
        self.assertEqual(read, query)
        self.assertEqual(sorted(read_ias(read)), sorted(ias))
        self.assertEqual(int.from_bytes(read.options[Option6.ELAPSED_TIME], "big"), min(elapsed, 0xFFFF))
        self.assertEqual(len(read.options.get(Option6.ORO, b"")), 2 * len(requested))

    def test_accepted(self) -> None:
        """What was advertised is requested in the place of what was wanted, the rest as it was wanted."""
        got = accepted(WANTED, answer(GIVEN[0], GIVEN[2], WANTED[1]._replace(status=b"\0\2")))
        self.assertEqual(got, [GIVEN[0], WANTED[1], GIVEN[2]])

    def test_link_local(self) -> None:
        """A link-local address is the hardware address turned into an EUI-64."""
        self.assertEqual(link_local(bytes.fromhex("02005e100007")), packed6("fe80::5eff:fe10:7"))


class AnswerTests(SynchronousTestCase):
    """What a client demands."""

    def assertObjects(self, query: Message6, got: Message6, words: str) -> None:
        found = objections(query, got)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])

    def test_good(self) -> None:
        """Nothing is said against answers as the RFC has them."""
        self.assertEqual(objections(request(), answer(*GIVEN)), [])
        self.assertEqual(objections(request(), answer()), [])
        for kind, type_ in ANSWERS.items():
            self.assertEqual(objections(request(kind), answer(*GIVEN, kind=type_)), [], kind)
        rapid = request(MessageType6.SOLICIT, rapid=True)
        self.assertEqual(objections(rapid, answer(*GIVEN, _14=b"")), [])
        self.assertEqual(objections(rapid, answer(*GIVEN, kind=MessageType6.ADVERTISE)), [])
        anonymous = query6(MessageType6.INFORMATION_REQUEST, XID)
        self.assertEqual(objections(anonymous, Message6(MessageType6.REPLY, XID, [(Option6.SERVER_ID, SERVER)])), [])

    def test_message(self) -> None:
        """Each demand on the message as a whole is made (RFC 8415 sections 16.3 and 16.10)."""
        twice = answer()
        twice.repeated[Option6.SERVER_ID] = [SERVER, SERVER]
        for got, words in (
            (answer(xid=1), "transaction"),
            (answer(kind=MessageType6.ADVERTISE), "message type 2"),
            (answer(_14=b""), "rapid commit"),
            (answer(_2=b"\0\3\0\1other"), "another server"),
            (answer(_1=b"\0\3\0\1other"), "client's own"),
            (Message6(MessageType6.REPLY, XID, [(1, DUID)]), "server identifier"),
            (Message6(MessageType6.REPLY, XID, [(2, SERVER)]), "client's own"),
            (twice, "server identifier"),
        ):
            self.assertObjects(request(), got, words)
        self.assertObjects(request(MessageType6.SOLICIT, rapid=True), answer(), "message type 7")

    def test_associations(self) -> None:
        """Each demand on identity associations is made (RFC 8415 sections 21.4, 21.6, 21.21, 21.22)."""
        for ias, words in (
            ((ia_na(3),), "IA_NA 3 was not asked for"),
            ((ia_pd(2),), "IA_PD 2 was not asked for"),
            ((ia_na(1, "2001:db8::1", preferred=2, valid=1),), "preferred for 2 s"),
            ((ia_pd(1, "2001:db8::/56", preferred=2, valid=1),), "preferred for 2 s"),
            ((ia_na(1, "2001:db8::1", preferred=1, valid=1, t1=2, t2=1),), "T1 2 after T2 1"),
        ):
            self.assertObjects(request(), answer(*ias), words)
        self.assertIn("IA_NA 1 more than once", objections(request(), answer(ia_na(1), ia_na(1))))
        self.assertObjects(request(), answer(_3=b"short"), "identity association of 5 bytes")

    def test_granted(self) -> None:
        """A client may use what is valid and not contradictory, and nothing else."""
        self.assertEqual([granted(ia) for ia in GIVEN], [GIVEN[0], None, GIVEN[2]])
        both = ia_na(1, "2001:db8::1", "2001:db8::2", preferred=1, valid=1)
        ended = both._replace(resources=(both.resources[0], both.resources[1]._replace(preferred=0, valid=0)))
        self.assertEqual(granted(ended), both._replace(resources=both.resources[:1]))
        self.assertIsNone(granted(GIVEN[0]._replace(t1=9)))
