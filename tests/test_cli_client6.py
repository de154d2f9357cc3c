"""``txkea client`` for DHCPv6 against a server that is this test."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from functools import partial

from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from tests.answering import Replies, run_client
from txkea.cli.root import main
from txkea.testing.clients6 import ia_na, ia_pd, packed6
from txkea.testing.namespaces import Lab, Namespace, Port, requires_root, wait_for
from txkea.wire.client6 import ANSWERS, read_ias
from txkea.wire.dhcp6 import (
    UNSPECIFIED,
    Message6,
    MessageType6,
    Option6,
    StatusCode,
    decode6,
    encode_message6,
    wrap_replies,
)
from txkea.wire.ia import Ia, Resource, encode_ia, write_pd_exclude

Answer = Callable[[Message6], "Message6 | None"]
SERVER_ID = bytes.fromhex("00030001020000000001")
DUID = bytes.fromhex("0003000102005e100000")
ADDRESS, PREFIX = packed6("2001:db8:1::64"), packed6("2001:db8:1000::")
EXCLUDED = Option6.PD_EXCLUDE.to_bytes(2, "big") + b"\0\2" + write_pd_exclude(PREFIX, 56, PREFIX, 64)
TIMES = (3600, 5400)


def filled(ia: Ia) -> Ia:
    """An identity association with what the client asks for, or something else."""
    if ia.code == Option6.IA_NA:
        return ia._replace(t1=1000, t2=2000, resources=ia.resources or (Resource(ADDRESS, 0, 0),))
    return ia._replace(t1=1000, t2=2000, resources=(Resource(PREFIX, 0, 0, 56, EXCLUDED),))


def timed(ia: Ia) -> Ia:
    """The same with lifetimes."""
    preferred, valid = TIMES
    return ia._replace(resources=tuple(each._replace(preferred=preferred, valid=valid) for each in ia.resources))


def reply(query: Message6, *ias: Ia, kind: int | None = None, **more: bytes) -> Message6:
    """An answer with these identity associations, and some options; ``more`` are those of a number, as ``_14``."""
    options = [
        (Option6.CLIENT_ID, query.options[Option6.CLIENT_ID]),
        (Option6.SERVER_ID, SERVER_ID),
        *((ia.code, encode_ia(ia)[4:]) for ia in ias),
        (Option6.DNS_SERVERS, packed6("2001:db8::53")),
        (Option6.INFORMATION_REFRESH_TIME, (86400).to_bytes(4, "big")),
        (65001, b"\1\2"),
        *((int(code[1:]), payload) for code, payload in more.items()),
    ]
    return Message6(kind or ANSWERS.get(query.type, MessageType6.REPLY), query.transaction_id, options)


def good(query: Message6) -> Message6 | None:
    """Grant everything."""
    if query.type in (MessageType6.CONFIRM, MessageType6.RELEASE, MessageType6.DECLINE):
        return reply(query, _13=b"\0\0done")
    return reply(query, *(timed(filled(ia)) for ia in read_ias(query)))


def refusing(code: int, text: bytes) -> Answer:
    """Nothing for anybody."""
    status = code.to_bytes(2, "big") + text
    return lambda query: reply(query, *(ia._replace(resources=(), status=status) for ia in read_ias(query)))


class Replies6(Replies[Message6]):
    """A server of DHCPv6 that is asked by relays."""

    family, address, loopback = socket.AF_INET6, "::1", "::1"

    def decode(self, data: bytes) -> Message6:
        return decode6(data)

    def encode(self, answer: Message6, query: Message6) -> bytes:
        return wrap_replies(query.relays, encode_message6(answer))

    def foreign(self) -> bytes:
        return encode_message6(Message6(MessageType6.REPLY, 1))


def requested(query: Message6) -> set[int]:
    """The codes of the option request option."""
    payload = query.options.get(Option6.ORO, b"")
    return {int.from_bytes(payload[place : place + 2], "big") for place in range(0, len(payload), 2)}


class ClientTests(SynchronousTestCase):
    """What a person sees, and what a server hears."""

    def run_client(self, *switches: str, answer: Answer = good) -> tuple[Result, list[Message6]]:
        return run_client(Replies6(answer), "-6", *switches)

    def test_lease(self) -> None:
        """The four messages of a lease: the request repeats what was advertised and names the server that did."""
        result, heard = self.run_client()
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual([query.type for query in heard], [MessageType6.SOLICIT, MessageType6.REQUEST])
        self.assertEqual([query.options[Option6.CLIENT_ID] for query in heard], [DUID, DUID])
        self.assertEqual(heard[1].options[Option6.SERVER_ID], SERVER_ID)
        self.assertEqual([(ia.code, ia.iaid, ia.resources) for ia in read_ias(heard[0])], [(Option6.IA_NA, 1, ())])
        self.assertEqual([each.address for ia in read_ias(heard[1]) for each in ia.resources], [ADDRESS])
        self.assertIn("00:03:00:01:02:00:5e:10:00:00: REPLY 2001:db8:1::64 in ", result.output)
        for row in (
            r"address +2001:db8:1::64",
            r"  preferred +3600 s \(1 h\)",
            r"  valid +5400 s \(1 h 30 min\)",
            r"renew \(T1\) +1000 s",
            r"rebind \(T2\) +2000 s",
            r"server +00:03:00:01:02:00:00:00:00:01",
            r"dns-servers +2001:db8::53",
            r"information-refresh-time +86400 s \(1 d\)",
            r"option 65001 +0102",
        ):
            self.assertRegex(result.output, row)

    def test_relay(self) -> None:
        """The query comes as from a relay that wants the answer at its port, of the link that the person names."""
        for switches, link, interface_id in (
            ((), "::1", None),
            (("--link", "2001:db8:1::1", "--interface-id", "'port 7'"), "2001:db8:1::1", b"port 7"),
        ):
            result, heard = self.run_client(*switches)
            self.assertEqual(result.exit_code, 0, result.output)
            (relay,) = heard[0].relays
            self.assertEqual((relay.hop_count, relay.link_address), (0, packed6(link)))
            self.assertEqual(relay.peer_address, packed6("fe80::5eff:fe10:0"))
            self.assertEqual(relay.options[Option6.RELAY_SOURCE_PORT], b"\0\0")
            self.assertEqual(relay.options.get(Option6.INTERFACE_ID), interface_id)

    def test_prefix(self) -> None:
        """A prefix is asked for too or alone, of any length or a certain one, and shown with what it lacks."""
        wish = (Resource(UNSPECIFIED, 0, 0, 56),)
        for switches, codes, hint in (
            (("--prefix",), {Option6.IA_NA, Option6.IA_PD}, ()),
            (("--prefix", "56"), {Option6.IA_NA, Option6.IA_PD}, wish),
            (("--prefix", "56", "--no-address"), {Option6.IA_PD}, wish),
            (("--no-address", "--prefix", "--count", "1"), {Option6.IA_PD}, ()),
        ):
            result, heard = self.run_client(*switches)
            self.assertEqual(result.exit_code, 0, result.output)
            found = {ia.code: ia.resources for ia in read_ias(heard[0])}
            self.assertEqual((set(found), found[Option6.IA_PD]), (codes, hint), switches)
            self.assertIn(Option6.PD_EXCLUDE, requested(heard[0]))
            self.assertIn("2001:db8:1000::/56 in ", result.output)
            self.assertRegex(result.output, r"without +2001:db8:1000::/64")
            self.assertEqual(result.output.count("renew (T1)"), 1)

    def test_rapid_commit(self) -> None:
        """Two messages are enough when the server commits at once; else there are four."""

        def commit(query: Message6) -> Message6:
            kind = int(MessageType6.REPLY)
            return reply(query, *(timed(filled(ia)) for ia in read_ias(query)), kind=kind, _14=b"")

        result, heard = self.run_client("--rapid-commit", answer=commit)
        self.assertEqual((result.exit_code, len(heard)), (0, 1), result.output)
        self.assertIn(Option6.RAPID_COMMIT, heard[0].options)
        result, heard = self.run_client("--rapid-commit")
        self.assertEqual((result.exit_code, len(heard)), (0, 2), result.output)
        self.assertNotIn(Option6.RAPID_COMMIT, heard[1].options)

    def test_actions(self) -> None:
        """Each action is its message of RFC 8415, with a server's name where that has one, and what it is about."""
        for switch, kind, named in (
            ("--renew", MessageType6.RENEW, True),
            ("--rebind", MessageType6.REBIND, False),
            ("--confirm", MessageType6.CONFIRM, False),
            ("--release", MessageType6.RELEASE, True),
            ("--decline", MessageType6.DECLINE, True),
        ):
            result, heard = self.run_client(switch, "2001:db8:1::7", switch, "2001:db8:1::8")
            self.assertEqual(result.exit_code, 0, result.output)
            query = heard[-1]
            self.assertEqual((query.type, query.options.get(Option6.SERVER_ID)), (kind, SERVER_ID if named else None))
            self.assertEqual(read_ias(query), [ia_na(1, "2001:db8:1::7"), ia_na(2, "2001:db8:1::8")])
            first = [MessageType6.INFORMATION_REQUEST] if named else []
            self.assertEqual([each.type for each in heard[:-1]], first, "the server is asked its name")

    def test_hints(self) -> None:
        """What the client would like is in the SOLICIT, in associations of its own numbers."""
        _, heard = self.run_client("--iaid", "5", "--request", "2001:db8:1::7", "--request", "2001:db8:2000::/56")
        self.assertEqual(read_ias(heard[0]), [ia_na(5, "2001:db8:1::7"), ia_pd(5, "2001:db8:2000::/56")])

    def test_stateless(self) -> None:
        """INFORMATION-REQUEST asks for options alone, how long they hold among them (RFC 8415 section 18.2.6)."""
        result, heard = self.run_client("--stateless", "--ask", "sip-server-addr", "--ask", "65001")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual([query.type for query in heard], [MessageType6.INFORMATION_REQUEST])
        self.assertEqual(read_ias(heard[0]), [])
        self.assertLessEqual({22, 23, 32, 83, 65001}, requested(heard[0]))

    def test_identity_and_options(self) -> None:
        """DUIDs and options are sent as told, options in Kea's spelling or in hexadecimal."""
        options = ("new-tzdb-timezone=Europe/Zurich", "16=0x0a0b0c0d", "user-class=0x000161")
        switches = [part for option in options for part in ("--option", option)]
        _, heard = self.run_client("--duid", "0a:0b:0c", *switches)
        query = heard[0]
        self.assertEqual(query.options[Option6.CLIENT_ID], b"\x0a\x0b\x0c")
        self.assertEqual(
            (query.options[42], query.options[16], query.options[15]), (b"Europe/Zurich", b"\x0a\x0b\x0c\x0d", b"\0\1a")
        )

    def test_count(self) -> None:
        """Several clients have DUIDs one after the other, and a line each."""
        result, heard = self.run_client("--count", "3", "--duid", "00:03:00:ff")
        duids = [query.options[Option6.CLIENT_ID].hex() for query in heard[::2]]
        self.assertEqual(duids, ["000300ff", "00030100", "00030101"])
        self.assertEqual(len(result.output.splitlines()), 3)

    def test_no_answer(self) -> None:
        """A server that says nothing is asked again, with the time that went by, and then the exit status is 1."""
        result, heard = self.run_client(answer=lambda query: None)
        self.assertEqual((result.exit_code, len(heard)), (1, 3))
        self.assertIn("no answer from ::1", result.output)
        elapsed = [int.from_bytes(query.options[Option6.ELAPSED_TIME], "big") for query in heard]
        self.assertEqual(elapsed[0], 0)
        self.assertEqual(elapsed, sorted(set(elapsed)), "in hundredths of a second")
        self.assertEqual(len({query.transaction_id for query in heard}), 1)

    def test_refused(self) -> None:
        """Why there is nothing is said in the RFC's words and the server's, nothing requested, the exit status is 1."""
        result, heard = self.run_client(answer=refusing(StatusCode.NO_ADDRS_AVAIL, b"none\x1b[31m left"))
        self.assertEqual((result.exit_code, len(heard)), (1, 1))
        self.assertIn("IA_NA 1: not granted: NoAddrsAvail: none", result.output)
        self.assertIn("link address ::1", result.output)
        self.assertNotIn("\x1b", result.output)
        result, _ = self.run_client("--release", "2001:db8:1::7", answer=refusing(StatusCode.NO_BINDING, b""))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("IA_NA 1: NoBinding", result.output)
        result, _ = self.run_client("--confirm", "2001:db8:1::7", answer=lambda query: reply(query, _13=b"\0\4"))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("NotOnLink", result.output)

    def test_partial(self) -> None:
        """An address without the prefix is requested all the same, and said to be half of what was asked for."""

        def half(query: Message6) -> Message6:
            nothing = StatusCode.NO_PREFIX_AVAIL.to_bytes(2, "big")
            given = (
                timed(filled(ia)) if ia.code == Option6.IA_NA else ia._replace(resources=(), status=nothing)
                for ia in read_ias(query)
            )
            return reply(query, *given)

        result, heard = self.run_client("--prefix", answer=half)
        self.assertEqual((result.exit_code, len(heard)), (1, 2))
        self.assertIn("REPLY 2001:db8:1::64 in", result.output)
        self.assertIn("IA_PD 1: not granted: NoPrefixAvail", result.output)

    def test_objections(self) -> None:
        """An answer that no client may take is shown with the reasons and followed by nothing; the exit status is 1."""

        def wrong(query: Message6) -> Message6:
            answer = good(query)
            assert answer is not None
            answer.options[Option6.CLIENT_ID] = b"\0\3\0\1other"
            return answer

        result, heard = self.run_client(answer=wrong)
        self.assertEqual((result.exit_code, len(heard)), (1, 1))
        self.assertIn("not the client's own identifier", result.output)

    def test_unreadable(self) -> None:
        """An identity association that cannot be read is an objection, not a failure of ours."""
        short = (Option6.IA_NA).to_bytes(2, "big")
        result, _ = self.run_client(answer=lambda query: reply(query, _3=b"\0\0\0\1" + bytes(8) + short + b"\xff\xff"))
        self.assertEqual(result.exit_code, 1, result.output)
        self.assertIsInstance(result.exception, SystemExit)
        self.assertIn("past the end", result.output)

    def test_wrong_use(self) -> None:
        """Nonsense is refused with what would be right."""
        for switches, word in (
            (("--renew", "192.0.2.1"), "IPv6"),
            (("--renew", "2001:db8::/129"), "128"),
            (("--renew", "2001:db8::1", "--stateless"), "enough"),
            (("--renew", "2001:db8::1", "--prefix"), "first"),
            (("--no-address",), "--prefix"),
            (("--duid", "0g"), "duid"),
            (("--duid", "00"), "3 to 130"),
            (("--option", "user-class"), "NAME=TEXT"),
            (("--option", "no-such=1"), "no-such"),
            (("--option", "65536=0x00"), "65535"),
            (("--option", "65000=text"), "0xHEX"),
            (("--option", "dns-servers=x"), "dns-servers"),
            (("--ask", "no-such"), "no-such"),
            (("--server", "no.such.invalid"), "no.such.invalid"),
            (("--hwaddr", "00"), "hwaddr"),
            (("--interface", "lo", "--link", "::1"), "relay's"),
            (("--interface", "no-such0"), "no-such0"),
        ):
            result, heard = self.run_client(*switches)
            self.assertNotEqual(result.exit_code, 0, switches)
            self.assertIn(word, result.output)
            self.assertEqual(heard, [])

    def test_help(self) -> None:
        """--help teaches by examples, which are as they are typed."""
        output = CliRunner().invoke(main, ["client", "-6", "--help"]).output
        self.assertIn("txkea client -6 --prefix 56 --no-address\n", output)


class ReplyOnLink(Replies6):
    """A server on a link, asked by clients."""

    address = "::"

    def __init__(self, namespace: Namespace, interface: str) -> None:
        with namespace.enter():
            super().__init__(good)
            index = socket.if_nametoindex(interface)
        group = socket.inet_pton(socket.AF_INET6, "ff02::1:2") + index.to_bytes(4, sys.byteorder)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, group)

    def encode(self, answer: Message6, query: Message6) -> bytes:
        return encode_message6(answer)


class LinkTests(SynchronousTestCase):
    """A client among clients."""

    skip = requires_root()

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        self.client, self.server = lab.namespace("client"), lab.namespace("server")
        lab.veth(Port(self.client, "eth0"), Port(self.server, "eth0"))
        for namespace in (self.client, self.server):
            wait_for(partial(self.settled, namespace), "a link-local address")

    def settled(self, namespace: Namespace) -> bool:
        text = namespace.run(["ip", "-6", "address", "show", "dev", "eth0"]).stdout
        return "scope link" in text and "tentative" not in text

    def test_link(self) -> None:
        """On a link everybody is asked by multicast, from port 546, without a relay."""
        server = ReplyOnLink(self.server, "eth0")
        with self.client.enter():
            result, heard = run_client(server, "-6", "--interface", "eth0", "--prefix")
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("REPLY 2001:db8:1::64 2001:db8:1000::/56", result.output)
        self.assertEqual([query.relays for query in heard], [(), ()])
        self.assertEqual({port for _, port, *_ in server.origins}, {546})

    def test_no_way(self) -> None:
        """A port that another client has, and an interface that is down, are named with what to do."""
        with self.client.enter(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
            other.bind(("::", 546))
            result = CliRunner().invoke(main, ["client", "-6", "--interface", "eth0"])
            self.assertEqual(result.exit_code, 1)
            self.assertIn("another DHCPv6 client", result.output)
            self.client.run(["ip", "link", "set", "eth0", "down"])
            result = CliRunner().invoke(main, ["client", "-6", "--interface", "eth0"])
            self.assertIn("ip link set eth0 up", result.output)
