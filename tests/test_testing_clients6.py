"""The scripted DHCPv6 client: what it sends, what it keeps, and what it does not let pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txkea.testing.clients6 import SERVER_ID, Answer6, Client6, ia_na, ia_pd, packed6, relayed, through
from txkea.wire.client6 import ANSWERS, read_ias
from txkea.wire.dhcp6 import (
    Message6,
    MessageType6,
    Option6,
    Relay,
    decode6,
    encode_message6,
    wrap_replies,
)
from txkea.wire.ia import Ia, encode_ia

GRANTED = (
    ia_na(1, "2001:db8::1", preferred=10, valid=20, t1=5, t2=8),
    ia_pd(1, "2001:db8:1::/56", preferred=20, valid=20, t1=5, t2=8),
)
RELAYS = through(relayed("::", "fe80::9", [(Option6.INTERFACE_ID, b"port 1")]), relayed("2001:db8:2::1", "fe80::a"))


class Script:
    """A server that gives what it is told to give."""

    def __init__(self) -> None:
        self.heard: list[Message6] = []
        self.ways: list[tuple[str, dict[str, Any]]] = []
        self.ias: tuple[Ia, ...] = GRANTED
        self.relays: Callable[[tuple[Relay, ...]], tuple[Relay, ...]] = lambda relays: relays

    def ask(self, message: Message6, source: str, **way: Any) -> Answer6 | None:
        self.heard.append(message)
        self.ways.append((source, way))
        asked = {(ia.code, ia.iaid) for ia in read_ias(message)}
        ias = [(ia.code, encode_ia(ia)[4:]) for ia in self.ias if (ia.code, ia.iaid) in asked]
        pairs = [(Option6.CLIENT_ID, message.options[Option6.CLIENT_ID]), (Option6.SERVER_ID, SERVER_ID), *ias]
        kind = ANSWERS.get(message.type, MessageType6.REPLY)
        inner = encode_message6(Message6(kind, message.transaction_id, pairs))
        data = wrap_replies(self.relays(message.relays), inner)
        return Answer6(decode6(data, relayed=MessageType6.RELAY_REPL), source, way["source_port"], b"", data)


class Client6Tests(SynchronousTestCase):
    """A client and a script."""

    def setUp(self) -> None:
        self.server = Script()
        self.client = Client6(self.server, ias=[ia_na(1), ia_pd(1)])

    def test_lease(self) -> None:
        """SOLICIT and REQUEST, the second for what the answer to the first held; the REPLY's leases are kept."""
        self.client.lease()
        first, second = self.server.heard
        self.assertEqual((first.type, second.type), (MessageType6.SOLICIT, MessageType6.REQUEST))
        self.assertEqual(read_ias(first), [ia_na(1), ia_pd(1)])
        self.assertEqual(read_ias(second), list(GRANTED))
        self.assertNotEqual(first.transaction_id, second.transaction_id)
        self.assertEqual(self.client.bindings, {(ia.code, ia.iaid): ia for ia in GRANTED})

    def test_extending(self) -> None:
        """RENEW names the server, REBIND none, CONFIRM and DECLINE are about addresses alone and name no times."""
        self.client.lease()
        del self.server.heard[:]
        for ask in (self.client.renew, self.client.rebind, self.client.confirm, self.client.decline):
            ask()
        renew, rebind, confirm, decline = self.server.heard
        self.assertEqual([Option6.SERVER_ID in each.options for each in self.server.heard], [True, False, False, True])
        self.assertEqual(read_ias(renew), list(GRANTED))
        self.assertEqual(read_ias(rebind), list(GRANTED))
        self.assertEqual(read_ias(confirm), [ia_na(1, "2001:db8::1")])
        self.assertEqual(read_ias(decline), [ia_na(1, "2001:db8::1")])

    def test_ended(self) -> None:
        """What a REPLY ends, and what was released, is no longer the client's; what it does not speak of stays."""
        self.client.lease()
        self.server.ias = (ia_na(1, "2001:db8::1"),)
        self.client.renew()
        self.assertEqual(set(self.client.bindings), {(Option6.IA_PD, 1)})
        self.client.release()
        self.assertEqual(self.client.bindings, {})
        self.assertEqual(read_ias(self.server.heard[-1]), [ia_na(1), ia_pd(1, "2001:db8:1::/56")])

    def test_ways(self) -> None:
        """A client sends from its own address to the group; relays from theirs, with their hops counted."""
        self.client.solicit()
        self.client.solicit(relays=RELAYS)
        (source, way), (relay, relay_way) = self.server.ways
        self.assertEqual((source, way), (self.client.source, {"source_port": 546, "broadcast": True}))
        self.assertEqual((relay, relay_way), ("2001:db8:2::1", {"source_port": 547, "broadcast": False}))
        outer, inner = RELAYS
        self.assertEqual((outer.hop_count, inner.hop_count), (1, 0))
        self.assertEqual((outer.link_address, inner.options), (packed6("2001:db8:2::1"), {18: b"port 1"}))

    def test_register(self) -> None:
        """A registration comes from the address that it is about, which it holds."""
        self.client.register("2001:db8::77")
        self.assertEqual(self.server.ways[-1][0], "2001:db8::77")
        self.assertEqual(self.server.heard[-1].options[Option6.IAADDR][:16], packed6("2001:db8::77"))

    def test_nothing_passes(self) -> None:
        """Times that contradict or differ between associations, what comes twice, and other relays are failures."""
        for ias in (
            (GRANTED[0]._replace(t1=9),),
            (GRANTED[0], GRANTED[1]._replace(t1=6)),
            (GRANTED[0], GRANTED[0]),
        ):
            self.server.ias = ias
            with self.assertRaises(AssertionError):
                self.client.solicit()
        self.server.ias = GRANTED
        for change in (
            lambda relays: relays[1:],
            lambda relays: (relays[0]._replace(hop_count=0), relays[1]),
            lambda relays: (relays[0], relays[1]._replace(peer_address=bytes(16))),
            lambda relays: (relays[0], relays[1]._replace(options={})),
        ):
            self.server.relays = change
            with self.assertRaises(AssertionError):
                self.client.solicit(relays=RELAYS)
