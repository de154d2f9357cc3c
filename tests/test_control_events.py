"""`txkea.control.events`: what happens to leases and to the server, told to those who listen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.exchanging import serving
from tests.exchanging6 import serving6
from tests.observing import Observer
from txkea.control.events import FIRST, QUEUE, SILENCE, Events
from txkea.control.replacements import Replacements
from txkea.control.views import lease4_arguments, lease6_arguments
from txkea.errors import TxkeaError
from txkea.interfaces import ILeaseObserver
from txkea.launch import launch
from txkea.testing.clients4 import Client, packed
from txkea.testing.clients6 import Client6

Told = tuple[str, Mapping[str, Any]]
"""Name and data of an event."""


class Reader:
    """Somebody who reads the page of events as an HTTP channel does: a piece at a time."""

    def __init__(self, hub: Events, **query: str) -> None:
        content: Any = launch(hub.page.get({name.replace("_", "-"): text for name, text in query.items()}))
        self.type: str = content.type
        self.pieces = content.pieces
        self.text = b""
        self.ended = False
        self._asked: Deferred[None] | None = None

    def ask(self) -> None:
        """Ask for the next piece, and take it whenever it comes."""
        asked = launch(self._take())
        self._asked = asked if isinstance(asked, Deferred) and not asked.called else None

    async def _take(self) -> None:
        try:
            piece = await self.pieces.__anext__()
        except StopAsyncIteration:
            self.ended = True
        else:
            self.text += piece

    def read(self) -> str:
        """Everything that is there; a piece is asked for in the end, and has not come."""
        while self._asked is None or self._asked.called:
            if self.ended:
                break
            self.ask()
        text, self.text = self.text.decode(), b""
        return text

    def told(self) -> list[Told]:
        """The events that have come."""
        return [event for event in map(parsed, self.read().split("\n\n")) if event is not None]

    def changes(self) -> list[tuple[str, str]]:
        """What has happened to leases: the change and the address."""
        return [(data["change"], data["lease"]["ip-address"]) for name, data in self.told() if name != "state"]

    def leave(self) -> None:
        """Close the stream."""
        launch(self.pieces.aclose())


def parsed(block: str) -> Told | None:
    """An event; None for a comment, and for what tells the reader when to come back."""
    fields = dict(line.split(": ", 1) for line in block.split("\n") if line and not line.startswith(":"))
    return (fields["event"], json.loads(fields["data"])) if "data" in fields else None


class EventTests(SynchronousTestCase):
    """A DHCPv4 server whose events are read."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.condition: dict[str, Any] = {"service": True}
        self.server = serving(valid_lifetime=600)
        self.server.now = 1_700_000_000.0
        self.clock.rightNow = self.server.now
        self.events = Events(4, self.clock, lambda: self.condition)
        self.events.watch(self.server.site)

    def test_interface(self) -> None:
        """What listens to the exchange provides ILeaseObserver, and no answer waits for it."""
        self.assertTrue(verifyObject(ILeaseObserver, self.events.observer))
        self.assertFalse(self.events.observer.answer_waits)

    def test_leases(self) -> None:
        """A lease is told of as it is granted, renewed, released, as lease4-get shows it."""
        reader, client = Reader(self.events, events="lease4"), Client(self.server)
        ack = client.lease()
        stored = lease4_arguments(self.server.leases[ack.yiaddr])
        self.assertEqual(reader.type, "text/event-stream")
        self.assertEqual(reader.told(), [("lease4", {"change": "granted", "time": 1_700_000_000.0, "lease": stored})])
        self.server.now += 100
        client.renew(ack.yiaddr)
        client.release(ack.yiaddr)
        self.assertEqual(reader.changes(), [("renewed", ack.yiaddr), ("released", ack.yiaddr)])
        client.lease()
        self.assertEqual(reader.changes(), [("granted", ack.yiaddr)], "what was given back is nobody's")

    def test_declined(self) -> None:
        """An address that is in use is told of once, as it is kept from everybody."""
        reader, client = Reader(self.events, events="lease4"), Client(self.server)
        address = client.lease().yiaddr
        client.decline(address)
        told = reader.told()
        self.assertEqual([data["change"] for _, data in told], ["granted", "declined"])
        self.assertEqual(told[1][1]["lease"]["state"], 1)

    def test_expired(self) -> None:
        """A lease that is over is told of when it gives way, and when it is reclaimed."""
        client = Client(self.server)
        for number in range(10):
            Client(self.server, number).lease()
        reader = Reader(self.events, events="lease4")
        self.server.now += 10_000
        Client(self.server, 77).lease()
        changes = reader.changes()
        self.assertIn("expired", [change for change, _ in changes])
        self.assertEqual(changes[-1][0], "granted")
        lease = self.server.leases[changes[-1][1]]
        launch(self.events.observer.lease_expired(lease))
        self.assertEqual(reader.changes(), [("expired", changes[-1][1])])
        self.assertEqual(client.address, "0.0.0.0")

    def test_moved(self) -> None:
        """A client that gets another address loses the first one, and both are told."""
        reader, client = Reader(self.events, events="lease4"), Client(self.server)
        client.select("192.0.2.15")
        client.select("192.0.2.16")
        self.assertEqual(
            sorted(reader.changes()),
            [("granted", "192.0.2.15"), ("granted", "192.0.2.16"), ("removed", "192.0.2.15")],
        )

    def test_commands(self) -> None:
        """What a command does to a lease is told: added, updated, deleted."""
        Client(self.server).select("192.0.2.15")
        lease = self.server.leases["192.0.2.15"]
        reader = Reader(self.events, events="lease4")
        replaced = Replacements(lambda: self.server.site)
        replaced(lease, None, False)
        replaced(lease._replace(hostname="printer"), lease, True)
        replaced(None, lease, False)
        told = [(data["change"], data["lease"]["hostname"]) for _, data in reader.told()]
        self.assertEqual(told, [("added", ""), ("updated", "printer"), ("deleted", "")])

    # -- the state of the server ---------------------------------------------------------------------------------------

    def test_condition(self) -> None:
        """A reader first learns how things are, and then within a second what has changed."""
        reader = Reader(self.events)
        ((name, data),) = reader.told()
        self.assertEqual((name, data["state"], data["service"]), ("state", "subscribed", True))
        self.clock.advance(1)
        self.assertEqual(reader.told(), [])
        self.condition = {"service": False, "lease-store": {"problem": "the disk is full"}}
        self.clock.advance(1)
        told = {data["state"]: (data["value"], data["was"]) for _, data in reader.told()}
        self.assertEqual(told, {"service": (False, True), "lease-store": ({"problem": "the disk is full"}, None)})
        self.condition = {"service": False}
        self.clock.advance(1)
        self.assertEqual([(data["state"], data["value"]) for _, data in reader.told()], [("lease-store", None)])

    def test_state(self) -> None:
        """What the server says of itself is told with all that it adds."""
        reader = Reader(self.events)
        reader.told()
        self.events.state("reconfigured", hash="CAFE")
        self.assertEqual(
            reader.told(),
            [("state", {"state": "reconfigured", "time": 1_700_000_000.0, "family": 4, "hash": "CAFE"})],
        )

    # -- who is told what ----------------------------------------------------------------------------------------------

    def test_choice(self) -> None:
        """A reader is told of the events and of the subnets that it names, and of states whatever subnets it names."""
        everything, states = Reader(self.events), Reader(self.events, events="state")
        first, second = Reader(self.events, subnet_id="1"), Reader(self.events, events="lease4", subnet_id="2,3")
        for reader in (everything, states, first, second):
            reader.read()
        Client(self.server).lease()
        Client(self.server, 2, relay="198.51.100.1").lease()
        self.events.state("reconfigured")
        names = {
            reader: [data.get("lease", {}).get("subnet-id", "state") for _, data in reader.told()]
            for reader in (everything, states, first, second)
        }
        self.assertEqual(names, {everything: [1, 2, "state"], states: ["state"], first: [1, "state"], second: [2]})

    def test_shared(self) -> None:
        """The text of an event is made once, however many read it; its number tells it from all others."""
        readers = [Reader(self.events, events="lease4") for _ in range(3)]
        Client(self.server).lease()
        Client(self.server, 2).lease()
        texts = [reader.read() for reader in readers]
        self.assertEqual(len(set(texts)), 1)
        self.assertEqual([line for line in texts[0].split("\n") if line.startswith("id")], ["id: 1", "id: 2"])
        self.assertTrue(texts[0].startswith(FIRST.decode()))

    @given(st.dictionaries(st.text(max_size=12), st.text(max_size=12), min_size=1, max_size=3))
    def test_parameters(self, query: dict[str, str]) -> None:
        """Parameters are understood or refused with a sentence; whoever is refused does not listen."""
        try:
            content: Any = launch(self.events.page.get(query))
        except TxkeaError as error:
            self.assertTrue(str(error))
            self.assertEqual(len(self.events), 0)
            return
        if isinstance(content, Deferred):
            self.assertTrue(self.failureResultOf(content, TxkeaError).getErrorMessage())
            return
        self.assertLessEqual(set(query), {"events", "subnet-id"})
        launch(content.pieces.aclose())

    def test_refused(self) -> None:
        """A parameter, an event and a subnet that there are not are named in the refusal."""
        for query, named in (
            ({"event": "state"}, "'event'"),
            ({"events": "lease6,state"}, "'lease6'"),
            ({"events": ""}, "''"),
            ({"subnet-id": "1,x"}, "'1,x'"),
            ({"subnet-id": "\uff11"}, "'\uff11'"),
            ({"subnet-id": ""}, "''"),
        ):
            with self.assertRaises(TxkeaError) as caught:
                launch(self.events.page.get(query))
            self.assertIn(named, str(caught.exception))

    # -- coming and going ----------------------------------------------------------------------------------------------

    def test_costs_nothing(self) -> None:
        """While nobody reads, nobody observes and no clock runs; so it is again when the last reader has gone."""
        for _ in range(2):
            self.assertEqual((self.server.site.observers, self.clock.getDelayedCalls()), ([], []))
            one, other = Reader(self.events), Reader(self.events)
            self.assertEqual(self.server.site.observers, [self.events.observer])
            self.assertEqual(len(self.clock.getDelayedCalls()), 1)
            one.leave()
            self.assertEqual(self.server.site.observers, [self.events.observer])
            other.leave()
            other.leave()
        self.assertEqual((self.server.site.observers, self.clock.getDelayedCalls()), ([], []))

    def test_others_observe(self) -> None:
        """A reader that leaves while an answer waits for another observer keeps nobody from being told."""
        gate: Deferred[None] = Deferred()
        slow, last = Observer(answer_waits=True, waits=gate), Observer(answer_waits=True)
        self.server = serving(site={"observers": [slow, last]})
        self.events.watch(self.server.site)
        reader = Reader(self.events, events="lease4")
        Client(self.server).select("192.0.2.15")
        reader.leave()
        gate.callback(None)
        self.assertEqual(last.committed, [([packed("192.0.2.15")], [])])
        self.assertEqual(self.server.site.observers, [slow, last])
        self.assertEqual(len(self.server.answers()), 1)

    def test_reconfigured(self) -> None:
        """A reader stays when another site comes into force, and hears of the leases of both."""
        reader = Reader(self.events, events="lease4")
        before = self.server
        after = serving()
        self.events.watch(after.site)
        Client(after, 2).select("192.0.2.16")
        Client(before).select("192.0.2.15")
        self.assertEqual(reader.changes(), [("granted", "192.0.2.16"), ("granted", "192.0.2.15")])
        reader.leave()
        self.assertEqual(after.site.observers, [])

    def test_slow(self) -> None:
        """Of a reader that does not read the oldest events are lost, it is told how many, and memory is bounded."""
        reader, quick = Reader(self.events, events="state"), Reader(self.events, events="state")
        quick.read()
        for number in range(QUEUE + 50):
            self.events.state("reconfigured", number=number)
            quick.read()
        told = reader.told()
        # The two that were there before are lost too: when to come back, and how things were.
        self.assertEqual(told[0], ("lost", {"lost": 52}))
        self.assertEqual([data["number"] for _, data in told[1:]], list(range(50, QUEUE + 50)))
        self.events.state("reconfigured", number=-1)
        self.assertEqual([data["number"] for _, data in reader.told()], [-1])
        self.assertEqual([data["number"] for _, data in quick.told()], [-1])

    def test_pieces(self) -> None:
        """What has piled up leaves in pieces of a bounded size."""
        reader = Reader(self.events)
        for _ in range(QUEUE - 2):
            self.events.state("reconfigured", why="x" * 100)
        sizes = []
        while reader.pieces._events:
            before = len(reader.text)
            reader.ask()
            sizes.append(len(reader.text) - before)
        self.assertGreater(len(sizes), 5)
        self.assertLess(max(sizes), 1 << 15)

    def test_silence(self) -> None:
        """A reader who is told nothing gets a comment every 15 seconds; one who is told something gets none."""
        reader = Reader(self.events, events="lease4")
        reader.read()
        self.clock.pump([1] * int(SILENCE - 1))
        self.assertEqual(reader.read(), "")
        self.clock.advance(1)
        self.assertEqual(reader.read(), ":\n\n")
        self.clock.pump([1] * 10)
        Client(self.server).lease()
        self.assertEqual(len(reader.changes()), 1)
        self.clock.pump([1] * 10)
        self.assertEqual(reader.read(), "")

    def test_silence_of_a_slow_one(self) -> None:
        """Comments do not pile up for a reader that does not read."""
        reader = Reader(self.events, events="lease4")
        reader.read()
        reader.ask()
        self.clock.pump([1] * 200)
        self.assertLessEqual(reader.read().count(":\n\n"), 2)

    def test_ends(self) -> None:
        """A stream that is closed while it waits ends, and so do all when the server stops."""
        readers = [Reader(self.events) for _ in range(3)]
        for reader in readers:
            reader.read()
        readers[0].leave()
        self.assertEqual([reader.ended for reader in readers], [True, False, False])
        launch(self.events.stop())
        self.assertEqual([reader.ended for reader in readers], [True, True, True])
        self.assertEqual((len(self.events), self.clock.getDelayedCalls()), (0, []))

    def test_cancelled(self) -> None:
        """Whoever gives up waiting for a piece may close the stream, or ask again and miss nothing."""
        reader = Reader(self.events, events="lease4")
        launch(reader.pieces.__anext__())
        waiting: Any = launch(reader.pieces.__anext__())
        waiting.cancel()
        self.failureResultOf(waiting)
        Client(self.server).lease()
        self.assertEqual(len(reader.changes()), 1)


class Event6Tests(SynchronousTestCase):
    """A DHCPv6 server whose events are read."""

    def setUp(self) -> None:
        self.server = serving6(site={})
        self.events = Events(6, Clock())
        self.events.watch(self.server.site)
        self.reader = Reader(self.events, events="lease6")

    def test_leases(self) -> None:
        """Addresses and prefixes are told of as lease6-get shows them."""
        client = Client6(self.server)
        client.lease()
        address, lease = next(iter(self.server.leases.items()))
        ((name, data),) = self.reader.told()
        self.assertEqual((name, data["change"], data["lease"]), ("lease6", "granted", lease6_arguments(lease)))
        client.renew()
        client.release()
        self.assertEqual(self.reader.changes(), [("renewed", address), ("released", address)])

    def test_registered(self) -> None:
        """An address that a client chose itself is granted, renewed, and removed when the client says so."""
        client = Client6(self.server)
        for valid in (7200, 7200, 0):
            client.register("2001:db8:1::abcd", preferred=0, valid=valid)
        changes = [("granted", "2001:db8:1::abcd"), ("renewed", "2001:db8:1::abcd"), ("removed", "2001:db8:1::abcd")]
        self.assertEqual(self.reader.changes(), changes)
