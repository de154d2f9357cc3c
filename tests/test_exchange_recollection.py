"""What was looked up for an offer is not looked up again for its request, and never decides what only the store can."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, NAK, serving
from txkea.exchange.recollection import CLIENTS, MOST, SECONDS, Recollections
from txkea.testing.clients4 import Client, LocalServer
from txkea.testing.stores import CountingLeases, SharedLeases

__all__ = ["RecollectionTests", "RecollectionsTests"]


class RecollectionTests(SynchronousTestCase):
    """Exchanges over a store that others use too."""

    def setUp(self) -> None:
        self.leases = SharedLeases()
        self.store = CountingLeases(self.leases)
        self.server = self.serving(self.store)

    def serving(self, store: Any) -> LocalServer:
        """A server with a few addresses."""
        keywords = {"subnet": "10.0.0.0/24", "interface": "eth0", "pools": [{"pool": "10.0.0.8/29"}]}
        return serving(keywords, site={"leases": store, "random": lambda below: 0})

    def asked(self) -> dict[str, int]:
        """What the store was asked since the last time."""
        calls = dict(self.store.calls)
        self.store.calls.clear()
        return calls

    def offered(self, number: int) -> tuple[Client, str]:
        """A client with an offer, and what it was offered."""
        client = Client(self.server, number)
        offer = client.discover()
        assert offer is not None
        return client, offer.yiaddr

    def test_one_change(self) -> None:
        """A request that accepts an offer asks the store for nothing but the lease."""
        client, address = self.offered(1)
        self.asked()
        answer = client.select(address)
        self.assertEqual((ACK, {"add": 1}), (answer and answer.type, self.asked()))

    def test_once(self) -> None:
        """A request that is repeated looks again."""
        client, address = self.offered(1)
        client.select(address)
        self.asked()
        client.select(address)
        self.assertIn("by_client", self.asked())

    def test_renewal(self) -> None:
        """A renewal is no answer to an offer: it looks at what is there now."""
        client, address = self.offered(1)
        client.select(address)
        client.discover()
        self.asked()
        client.renew(address)
        self.assertIn("by_client", self.asked())

    def test_taken_meanwhile(self) -> None:
        """What another server has given away since the offer is refused, and its lease stays."""
        client, address = self.offered(1)
        other = Client(self.serving(self.leases), 2)
        self.assertEqual(ACK, getattr(other.select(address), "type", None))
        (lease,) = self.leases.table.page(None, 9)
        self.assertEqual(NAK, getattr(client.select(address), "type", None))
        self.assertEqual([lease], [*self.leases.table.page(None, 9)])


class RecollectionsTests(SynchronousTestCase):
    """What is remembered, and for how long."""

    def setUp(self) -> None:
        self.kept = Recollections()

    def test_taken_once(self) -> None:
        """Each is given back once, and not to others."""
        self.kept.keep(b"a", {1: 2}, 100.0)
        self.assertEqual({}, self.kept.take(b"b", 100.0))
        self.assertEqual({1: 2}, self.kept.take(b"a", 100.0))
        self.assertEqual({}, self.kept.take(b"a", 100.0))

    def test_forgotten(self) -> None:
        """What is old is not given back, and goes when something new comes."""
        self.kept.keep(b"a", {1: 2}, 100.0)
        self.kept.keep(b"b", {1: 2}, 100.0)
        self.assertEqual({}, self.kept.take(b"a", 100.1 + SECONDS))
        self.kept.keep(b"c", {1: 2}, 100.1 + SECONDS)
        self.assertEqual(1, len(self.kept))

    def test_bounded(self) -> None:
        """Neither many clients nor one with many look-ups take more and more memory."""
        for number in range(CLIENTS + 9):
            self.kept.keep(number.to_bytes(4, "big"), {}, 100.0)
        self.assertEqual(CLIENTS, len(self.kept))
        self.kept.keep(b"a", dict.fromkeys(range(MOST + 1)), 100.0)
        self.assertEqual({}, self.kept.take(b"a", 100.0))
