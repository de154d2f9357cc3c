"""Answers that are forged, malformed, late or somebody else's: none is believed, and none keeps the right one away."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final

from twisted.internet.defer import Deferred

from tests.radius_udp import ACCEPT, REJECT, SECRET, Said, answer, attribute, attributes_of, finish
from tests.test_radius_client import FIRST, RETRIES, SECOND, TIMEOUT, ClientCase
from txkea.errors import Unavailable
from txkea.radius.client import COUNTERS, Answer
from txkea.radius.packet import Code

__all__ = ["BelievedTests", "ForgedTests"]

ADDRESS: Final = attribute(8, b"\x0a\0\0\5")
PROXY_STATE: Final = attribute(33, bytes(range(200)))
Forger = Callable[[bytes], bytes]
"""Makes an answer of a request."""


def signed(change: Callable[[bytes], bytes]) -> Forger:
    """A right answer with its body changed, and a Response Authenticator that fits: what MD5's weakness gives."""

    def forge(request: bytes) -> bytes:
        right = answer(request, ACCEPT, ADDRESS)
        body = change(right[20:])
        return finish(right[:2] + (20 + len(body)).to_bytes(2, "big"), request, body)

    return forge


def raw(change: Callable[[bytearray], None]) -> Forger:
    """A right answer with some octets changed afterwards."""

    def forge(request: bytes) -> bytes:
        octets = bytearray(answer(request, ACCEPT, ADDRESS))
        change(octets)
        return bytes(octets)

    return forge


def octet(place: int, change: Callable[[int], int]) -> Forger:
    """A right answer with one octet changed."""

    def change_it(octets: bytearray) -> None:
        octets[place] = change(octets[place]) & 0xFF

    return raw(change_it)


def length(said: int) -> Forger:
    """An answer that says another length, and has the Response Authenticator of what that covers."""

    def forge(request: bytes) -> bytes:
        right = answer(request, ACCEPT, ADDRESS)
        covered = max(said, 20)
        return finish(right[:2] + said.to_bytes(2, "big"), request, right[20:covered]) + right[covered:]

    return forge


def body(octets: bytes) -> Forger:
    """An answer with this behind its right signature, which covers it."""
    return lambda request: answer(request, ACCEPT, octets)


def unsigned(code: int, octets: bytes = b"") -> Forger:
    return lambda request: answer(request, code, octets, sign=False)


def code(number: int) -> Forger:
    return lambda request: answer(request, number, ADDRESS)


def identifier(change: int) -> Forger:
    return lambda request: answer(request, ACCEPT, ADDRESS, identifier=(request[1] + change) % 256)


def signed_by_another(request: bytes) -> bytes:
    """Only its Response Authenticator is made with the right secret."""
    theirs = answer(request, ACCEPT, ADDRESS, secret=b"x")
    return finish(theirs[:4], request, theirs[20:])


def too_long_a_signature(request: bytes) -> bytes:
    """One of 17 octets, the first 16 of which are right."""
    head = bytes((ACCEPT, request[1])) + (39).to_bytes(2, "big")
    mac = hmac.new(SECRET, head + request[4:20] + attribute(80, bytes(17)), hashlib.md5).digest()
    return finish(head, request, attribute(80, mac + b"\0"))


def mirrored(request: bytes) -> bytes:
    """The authenticator of the request stands for that of the answer."""
    right = answer(request)
    return right[:4] + request[4:20] + right[20:]


def blast(request: bytes) -> bytes:
    """A reject that became an accept, its collision hidden in a Proxy-State: CVE-2024-3596."""
    return answer(request, ACCEPT, ADDRESS + PROXY_STATE, sign=False)


def replayed(request: bytes) -> bytes:
    """Yesterday's accept with the same identifier."""
    yesterday = request[:4] + bytes(16) + request[20:]
    return answer(yesterday, ACCEPT, ADDRESS)


def reflected(request: bytes) -> bytes:
    """Our own request."""
    return request


FORGED: Final[Mapping[str, tuple[str, Forger]]] = {
    # -- Message-Authenticator
    "no signature, accept": ("unsigned", unsigned(ACCEPT, ADDRESS)),
    "no signature, reject": ("unsigned", unsigned(REJECT)),
    "no signature, challenge": ("unsigned", unsigned(11)),
    "no signature, Proxy-State": ("unsigned", blast),
    "signature of zeros": ("message-authenticator", signed(lambda each: each[:2] + bytes(16) + each[18:])),
    "signature, one bit": ("message-authenticator", signed(lambda each: each[:2] + bytes([each[2] ^ 1]) + each[3:])),
    "signature, last": ("message-authenticator", signed(lambda each: each[:17] + bytes([each[17] ^ 128]) + each[18:])),
    "signature twice": ("message-authenticator", signed(lambda each: each + each[:18])),
    "right and wrong signature": ("message-authenticator", signed(lambda each: each + attribute(80, bytes(16)))),
    "wrong and right signature": ("message-authenticator", signed(lambda each: attribute(80, bytes(16)) + each)),
    "signature of 15": ("message-authenticator", signed(lambda each: attribute(80, each[2:17]) + each[18:])),
    "signature of 17": ("message-authenticator", signed(lambda each: attribute(80, each[2:18] + b"\0") + each[18:])),
    "right signature of 17": ("message-authenticator", too_long_a_signature),
    "right signature, and another": ("message-authenticator", body(attribute(80, bytes(16)))),
    "signature of 0": ("message-authenticator", signed(lambda each: attribute(80, b"") + each[18:])),
    "signature in a vendor's": ("unsigned", signed(lambda each: attribute(26, b"\0\0\0\x09" + each[:18]) + ADDRESS)),
    "signed for another body": ("message-authenticator", signed(lambda each: each[:18] + attribute(8, b"\x0a\0\0\6"))),
    "attribute behind the signed": ("message-authenticator", signed(lambda each: each + attribute(88, b"gold"))),
    "signed with another secret": ("message-authenticator", signed_by_another),
    # -- Response Authenticator
    "authenticator of zeros": ("authenticator", raw(lambda each: each.__setitem__(slice(4, 20), bytes(16)))),
    "authenticator, first bit": ("authenticator", octet(4, lambda each: each ^ 0x80)),
    "authenticator, last bit": ("authenticator", octet(19, lambda each: each ^ 1)),
    "authenticator of the request": ("authenticator", mirrored),
    "another secret": ("authenticator", lambda request: answer(request, ACCEPT, ADDRESS, secret=b"another")),
    "no secret": ("authenticator", lambda request: answer(request, ACCEPT, ADDRESS, secret=b"")),
    "yesterday's": ("authenticator", replayed),
    "reject turned accept": ("authenticator", lambda request: bytes([ACCEPT]) + answer(request, REJECT)[1:]),
    "address changed": ("authenticator", octet(-1, lambda each: each + 1)),
    # -- Proxy-State
    "Proxy-State": ("proxy-state", body(PROXY_STATE)),
    "Proxy-State of one octet": ("proxy-state", body(attribute(33, b"x"))),
    "Proxy-State without octets": ("proxy-state", body(attribute(33, b""))),
    "Proxy-State in front": ("proxy-state", lambda request: answer(request, REJECT, PROXY_STATE, last=True)),
    # -- identifier and code
    "identifier - 1": ("identifier", identifier(-1)),
    "identifier + 1": ("identifier", identifier(1)),
    "identifier + 128": ("identifier", identifier(128)),
    "our own request": ("code", reflected),
    "code 0": ("code", code(0)),
    "code of accounting": ("code", code(5)),
    "code of a Status-Server": ("code", code(12)),
    "code of a CoA-Request": ("code", code(43)),
    "code 255": ("code", code(255)),
    # -- lengths
    "nothing": ("malformed", lambda request: b""),
    "one octet": ("malformed", lambda request: b"\2"),
    "19 octets": ("malformed", lambda request: answer(request)[:19]),
    "cut short": ("malformed", lambda request: answer(request, ACCEPT, ADDRESS)[:-1]),
    "length 0": ("malformed", length(0)),
    "length 19": ("malformed", length(19)),
    "length 4097": ("malformed", length(4097)),
    "length 65535": ("malformed", length(0xFFFF)),
    "length beyond the datagram": ("malformed", length(45)),
    "length without the last attribute": ("authenticator", raw(lambda each: each.__setitem__(3, each[3] - 6))),
    "length within an attribute": ("malformed", length(43)),
    "4097 octets": ("malformed", lambda request: answer(request, ACCEPT, attribute(18, bytes(253)) * 16)),
    # -- attributes
    "attribute of length 0": ("malformed", body(b"\x12\0")),
    "attribute of length 1": ("malformed", body(b"\x12\1")),
    "attribute beyond the end": ("malformed", body(b"\x12\x05ab")),
    "attribute of one octet": ("malformed", body(b"\x12")),
    "address of no octets": ("malformed", body(attribute(8, b""))),
    "address of 3 octets": ("malformed", body(attribute(8, b"\x0a\0\0"))),
    "address of 5 octets": ("malformed", body(attribute(8, b"\x0a\0\0\5\5"))),
    "number of 8 octets": ("malformed", body(attribute(27, bytes(8)))),
    "IPv6 address of 15 octets": ("malformed", body(attribute(168, bytes(15)))),
    "prefix of 1 octet": ("malformed", body(attribute(123, b"\0"))),
    "prefix of 19 octets": ("malformed", body(attribute(123, b"\0\x40" + bytes(17)))),
    "prefix of 129 bits": ("malformed", body(attribute(123, b"\0\x81" + bytes(16)))),
    "second address wrong": ("malformed", body(ADDRESS + attribute(8, b"\x0a"))),
}  # fmt: skip
"""The kind as which each is counted, and how it is made."""
ELSEWHERE: Final = {
    "another address": ("192.0.2.66", 1812),
    "another port": (FIRST[0], 1813),
    "IPv6": ("::ffff:192.0.2.1", 1812),
    "no port": (FIRST[0], 0),
}
BELIEVED: Final[Mapping[str, bytes]] = {
    "a long Class": attribute(25, bytes(253)),
    "many messages": attribute(18, b"x") * 200,
    "an empty text": attribute(18, b""),
    "no UTF-8": attribute(18, b"\xff\xfe"),
    "the broadcast address": attribute(8, b"\xff\xff\xff\xff"),
    "attribute 0": attribute(0, b"x"),
    "attribute 255": attribute(255, bytes(253)),
    "vendor without anything": attribute(26, b""),
    "vendor 0": attribute(26, bytes(4) + attribute(1, b"x")),
    "vendor with nonsense": attribute(26, b"\0\0\0\x09\1\0"),
    "vendor with an empty attribute": attribute(26, b"\0\0\0\x09\1\2"),
    "all that fits": attribute(18, bytes(253)) * 15 + attribute(18, bytes(231)),
}
"""What a server may say, strange as it is."""


class ForgedTests(ClientCase):
    """One request, and an answer to it that is wrong."""

    def refusals(self) -> dict[str, int]:
        """How many answers were refused, by the kind, as far as any were."""
        counted = {name: self.count(name) for name in COUNTERS if name.startswith("refused-")}
        return {name.removeprefix("refused-"): number for name, number in counted.items() if number}

    def forgotten(self) -> None:
        """Count from nought again."""
        self.statistics.update(dict.fromkeys(self.statistics, 0))

    def assert_still_answered(self, waiting: Deferred[Answer], said: Said, name: str) -> None:
        """The right answer is taken after all that."""
        self.assertNoResult(waiting)
        self.reply(said, REJECT)
        self.assertEqual(Code.ACCESS_REJECT, self.successResultOf(waiting).code, name)

    def test_there_are_enough(self) -> None:
        """The table has what is known of attacks: forty rows at the least."""
        self.assertGreaterEqual(len(FORGED) + len(ELSEWHERE), 40)

    def test_forged(self) -> None:
        """Each is refused and counted by its kind, and the right answer that comes after it is taken."""
        for name, (kind, forge) in FORGED.items():
            self.forgotten()
            waiting = self.ask()
            said = self.sent()
            self.reactor.deliver(forge(said.data), said.port)
            self.assertEqual({kind: 1}, self.refusals(), name)
            self.assert_still_answered(waiting, said, name)
            self.reactor.turn()

    def test_all_of_them(self) -> None:
        """All together keep a request no longer than silence would, and it goes to the next server."""
        waiting = self.ask()
        said = self.sent()
        for _ in range(RETRIES + 1):
            for _, forge in FORGED.values():
                self.reactor.deliver(forge(said.data), said.port)
                self.reactor.turn()
            self.reactor.advance(TIMEOUT)
        self.assertEqual((RETRIES + 1) * len(FORGED), sum(self.refusals().values()))
        self.assertEqual(SECOND, self.reactor.sent[-1].place)
        self.reply(self.reactor.sent[-1])
        self.assertEqual("192.0.2.2:1812", self.successResultOf(waiting).server)

    def test_only_forged(self) -> None:
        """A request that only forgers answer fails when its time is over, and tells why."""
        waiting = self.ask()
        for _ in range(2 * (RETRIES + 1)):
            for said in self.reactor.taken():
                self.reactor.deliver(unsigned(ACCEPT)(said.data), said.port, said.place)
            self.reactor.advance(TIMEOUT)
        self.assertIn("Message-Authenticator", self.failureResultOf(waiting, Unavailable).getErrorMessage())

    def test_elsewhere(self) -> None:
        """The right answer from a wrong place is none."""
        for name, source in ELSEWHERE.items():
            self.forgotten()
            waiting = self.ask()
            said = self.sent()
            self.reactor.deliver(answer(said.data, ACCEPT, ADDRESS), said.port, source)
            self.assertEqual({"source": 1}, self.refusals(), name)
            self.assert_still_answered(waiting, said, name)
            self.reactor.turn()

    def test_the_other_server(self) -> None:
        """What one server was asked the other does not answer, though it knows the same secret."""
        self.kill()
        waiting = self.ask()
        said = self.sent()
        self.assertEqual(SECOND, said.place)
        self.forgotten()
        self.reactor.deliver(answer(said.data, ACCEPT, ADDRESS), said.port, FIRST)
        self.assertEqual(1, sum(self.refusals().values()))
        self.assert_still_answered(waiting, said, "the other server")

    def test_another_port_of_ours(self) -> None:
        """The right answer to another of our ports is none."""
        waiting = [self.ask(str(number)) for number in range(257)]
        self.reactor.turn(10)
        sent = self.reactor.taken()
        first, last = sent[0], sent[-1]
        self.assertNotEqual(first.port, last.port)
        self.reactor.deliver(answer(first.data, ACCEPT, ADDRESS), last.port)
        self.assertEqual(1, sum(self.refusals().values()))
        self.assertNoResult(waiting[0])

    def test_twice(self) -> None:
        """An answer that comes twice is taken once; that of a request which was sent once is nobody's then."""
        waiting = self.ask()
        said = self.sent()
        self.reply(said, REJECT)
        self.reply(said, ACCEPT)
        self.assertEqual(Code.ACCESS_REJECT, self.successResultOf(waiting).code)
        self.assertEqual({"identifier": 1}, self.refusals())

    def test_late(self) -> None:
        """An accept that comes when the request was given up is late, and forged it is that."""
        waiting = self.ask()
        said = self.sent()
        self.reactor.pump([TIMEOUT] * (RETRIES + 1))
        self.reply(said)
        self.reactor.deliver(answer(said.data, secret=b"x"), said.port)
        self.assertEqual({"late": 1, "authenticator": 1}, self.refusals())
        self.assertNoResult(waiting)

    def test_flood(self) -> None:
        """A flood of forged answers is bounded in memory, and the right answer behind it is still taken."""
        waiting = self.ask()
        said = self.sent()
        for number in range(20_000):
            self.reactor.deliver(answer(said.data, secret=b"%d" % number), said.port)
        self.assertGreater(self.count("refused-overrun"), 0)
        for _ in range(500):
            self.reactor.turn()
        self.assertEqual(20_000, sum(self.refusals().values()))
        self.assert_still_answered(waiting, said, "flood")


class BelievedTests(ClientCase):
    """What looks hostile, and is only strange."""

    def test_strange(self) -> None:
        """An answer that is proved to be the server's is taken, whatever is in it that may be there."""
        for name, octets in BELIEVED.items():
            waiting = self.ask()
            said = self.sent()
            right = answer(said.data, ACCEPT, octets)
            self.reactor.deliver(right, said.port)
            found = self.successResultOf(waiting)
            self.assertEqual(len(attributes_of(right)), sum(map(len, found.attributes.values())), name)

    def test_signature_not_required(self) -> None:
        """Where no signature is required one that is there must still be right."""
        client = self.started(self.policy.__class__(service="access", timeout=TIMEOUT, retries=0, require=False))
        waiting = self.ask(client=client)
        said = self.sent()
        for name in ("signature of zeros", "signature twice", "signature of 15", "attribute behind the signed"):
            self.reactor.deliver(FORGED[name][1](said.data), said.port)
        self.assertEqual(4, self.count("refused-message-authenticator"))
        self.assertNoResult(waiting)
        self.reactor.deliver(blast(said.data), said.port)
        self.assertEqual(1, self.count("refused-proxy-state"))
        self.reactor.deliver(answer(said.data, sign=False, secret=SECRET), said.port)
        self.successResultOf(waiting)
