"""``txkea client`` for DHCPv4 against a server that is this test."""

from __future__ import annotations

import socket
from collections.abc import Callable

from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.answering import Replies, run_client
from txkea.cli.display import duration
from txkea.cli.parameters import following
from txkea.cli.root import main
from txkea.wire.dhcp4 import BOOTREPLY, Message4, MessageType4, Option4, decode4, encode_message4

Answer = Callable[[Message4], "Message4 | None"]
LEASED = bytes((192, 0, 2, 100))
ANSWERS = {
    MessageType4.DISCOVER: MessageType4.OFFER,
    MessageType4.REQUEST: MessageType4.ACK,
    MessageType4.INFORM: MessageType4.ACK,
}


def reply(query: Message4, kind: MessageType4) -> Message4:
    """An answer to a query, with an address and some options."""
    return Message4(
        op=BOOTREPLY,
        xid=query.xid,
        giaddr=query.giaddr,
        chaddr=query.chaddr,
        yiaddr=LEASED if kind != MessageType4.NAK and query.type != MessageType4.INFORM else bytes(4),
        options={
            Option4.MESSAGE_TYPE: bytes((kind,)),
            Option4.SERVER_IDENTIFIER: bytes((127, 0, 0, 1)),
            Option4.LEASE_TIME: (5400).to_bytes(4, "big"),
            Option4.MESSAGE: b"hello\x1b[31m",
            224: b"\1\2",
        },
    )


class Replies4(Replies[Message4]):
    """A server of DHCPv4."""

    family, address, loopback = socket.AF_INET, "127.0.0.1", "127.0.0.1"

    def decode(self, data: bytes) -> Message4:
        return decode4(data)

    def encode(self, answer: Message4, query: Message4) -> bytes:
        return encode_message4(answer)

    def foreign(self) -> bytes:
        return encode_message4(Message4(op=BOOTREPLY, xid=1, chaddr=b"\2"))


def good(query: Message4) -> Message4 | None:
    kind = ANSWERS.get(MessageType4(query.type))
    return None if kind is None else reply(query, kind)


class ClientTests(SynchronousTestCase):
    """What a person sees, and what a server hears."""

    def run_client(self, *switches: str, answer: Answer = good) -> tuple[Result, list[Message4]]:
        return run_client(Replies4(answer), *switches)

    def test_lease(self) -> None:
        """The four messages of a lease: the request repeats what was offered and names the server that offered it."""
        result, heard = self.run_client()
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertEqual([query.type for query in heard], [MessageType4.DISCOVER, MessageType4.REQUEST])
        self.assertEqual({query.giaddr for query in heard}, {bytes((127, 0, 0, 1))})
        self.assertEqual(heard[1].options[Option4.REQUESTED_ADDRESS], LEASED)
        self.assertEqual(heard[1].options[Option4.SERVER_IDENTIFIER], bytes((127, 0, 0, 1)))
        self.assertIn("02:00:5e:10:00:00: ACK 192.0.2.100", result.output)
        self.assertIn("5400 s (1 h 30 min)", result.output)
        self.assertRegex(result.output, r"option 224 +0102")

    def test_hostile_answer(self) -> None:
        """What a server sends cannot act on the terminal."""
        result, _ = self.run_client()
        self.assertRegex(result.output, r"dhcp-message +\S")
        self.assertNotIn("\x1b", result.output)

    def test_no_answer(self) -> None:
        """A server that says nothing is asked again, and then the exit status is 1."""
        result, heard = self.run_client(answer=lambda query: None)
        self.assertEqual((result.exit_code, len(heard)), (1, 3))
        self.assertIn("no answer from 127.0.0.1", result.output)

    def test_refused(self) -> None:
        """A refusal is shown, and the exit status is 1."""
        result, _ = self.run_client("--renew", "192.0.2.7", answer=lambda query: reply(query, MessageType4.NAK))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("NAK", result.output)

    def test_actions(self) -> None:
        """Each action is the message of RFC 2131 with the address where that message has it."""
        address = bytes((192, 0, 2, 7))
        for switches, kind, ciaddr, requested in (
            (("--renew", "192.0.2.7"), MessageType4.REQUEST, address, None),
            (("--release", "192.0.2.7"), MessageType4.RELEASE, address, None),
            (("--decline", "192.0.2.7"), MessageType4.DECLINE, bytes(4), address),
            (("--request", "192.0.2.7"), MessageType4.DISCOVER, bytes(4), address),
            (("--inform",), MessageType4.INFORM, bytes(4), None),
        ):
            result, heard = self.run_client(*switches)
            self.assertEqual(result.exit_code, 0, result.output)
            query = heard[0]
            self.assertEqual((query.type, query.ciaddr), (kind, ciaddr), switches)
            self.assertEqual(query.options.get(Option4.REQUESTED_ADDRESS), requested, switches)

    def test_identity_and_options(self) -> None:
        """Addresses, identifiers and options are sent as told, options in Kea's spelling or in hexadecimal."""
        options = ("host-name=printer", "60=0x0a0b", "user-class=0x01", "12=again")
        switches = [part for option in options for part in ("--option", option)]
        _, heard = self.run_client("--hwaddr", "0a:0b", "--client-id", "'joe'", *switches)
        query = heard[0]
        self.assertEqual((query.chaddr, query.options[Option4.CLIENT_IDENTIFIER]), (b"\x0a\x0b", b"joe"))
        self.assertEqual((query.options[12], query.options[60], query.options[77]), (b"again", b"\x0a\x0b", b"\1"))

    def test_count(self) -> None:
        """Several clients have hardware addresses one after the other, and a line each."""
        result, heard = self.run_client("--count", "3", "--hwaddr", "00:00:ff")
        self.assertEqual([query.chaddr.hex() for query in heard[::2]], ["0000ff", "000100", "000101"])
        self.assertEqual(len(result.output.splitlines()), 3)

    def test_wrong_use(self) -> None:
        """Nonsense is refused with what would be right."""
        for switches, word in (
            (("--renew", "192.0.2"), "IPv4"),
            (("--renew", "192.0.2.1", "--inform"), "enough"),
            (("--hwaddr", "0g"), "hwaddr"),
            (("--hwaddr", "00" * 17), "16 bytes"),
            (("--option", "host-name"), "NAME=TEXT"),
            (("--option", "no-such=1"), "no-such"),
            (("--option", "300=0x00"), "254"),
            (("--option", "routers=x"), "routers"),
            (("--server", "no.such.invalid"), "no.such.invalid"),
            (("--relay", "192.0.2.123"), "127.0.0.1"),
        ):
            result, heard = self.run_client(*switches)
            self.assertNotEqual(result.exit_code, 0, switches)
            self.assertIn(word, result.output)
            self.assertEqual(heard, [])

    def test_help(self) -> None:
        """--help teaches by examples, which are as they are typed."""
        output = CliRunner().invoke(main, ["client", "--help"]).output
        self.assertIn("txkea client --renew 192.0.2.100\n", output)


class PieceTests(SynchronousTestCase):
    """Small parts."""

    @given(st.binary(min_size=1, max_size=16), st.integers(0, 1 << 20))
    def test_following(self, first: bytes, number: int) -> None:
        """Hardware addresses keep their length, and wrap around."""
        after = following(first, number)
        self.assertEqual(len(after), len(first))
        difference = int.from_bytes(after, "big") - int.from_bytes(first, "big")
        self.assertEqual((difference - number) % (1 << 8 * len(first)), 0)

    def test_durations(self) -> None:
        """A number of seconds is shown as a person counts them."""
        for seconds, text in (
            (0, "0 s"),
            (59, "59 s"),
            (60, "60 s (1 min)"),
            (90061, "90061 s (1 d 1 h 1 min 1 s)"),
            (0xFFFFFFFF, "for ever"),
        ):
            self.assertEqual(duration(seconds), text)
