"""Threads for calls that block: `txkea.backend.threads.Workers`."""

from __future__ import annotations

import threading
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from txkea.backend.threads import Workers

__all__ = ["WorkersTests"]


class WorkersTests(TestCase):
    """With the real reactor, and real threads."""

    def setUp(self) -> None:
        self.left: list[int] = []
        self.workers = Workers(2, "test", reactor, lambda: self.left.append(threading.get_ident()))
        self.stopped: Deferred[None] | None = None
        self.addCleanup(self.stop)

    def stop(self) -> Deferred[None]:
        """Stop them, once."""
        if self.stopped is None:
            self.stopped = self.workers.stop()
        return self.stopped

    def held(self) -> tuple[threading.Event, Deferred[int]]:
        """A call that goes on when its event is set, and gives its thread."""
        gate = threading.Event()
        self.addCleanup(gate.set)

        def call() -> int:
            gate.wait(10)
            return threading.get_ident()

        return gate, self.workers.ask(call)

    async def test_one_is_enough(self) -> None:
        """Calls one after the other are all done by one thread, which is not the reactor's."""
        found = {await self.workers.ask(threading.get_ident) for _ in range(20)}
        self.assertEqual(1, len(found))
        self.assertNotIn(threading.get_ident(), found)

    async def test_as_many_as_needed(self) -> None:
        """Calls at the same time are done by several threads, and those that are too many wait for their turn."""
        (one, first), (two, second), (three, third) = self.held(), self.held(), self.held()
        three.set()
        two.set()
        self.assertEqual(await second, await third)
        self.assertFalse(first.called)
        one.set()
        self.assertNotEqual(await first, await second)

    async def test_the_last_one_goes_on(self) -> None:
        """The thread that was free last does the next call."""
        (one, first), (two, second) = self.held(), self.held()
        one.set()
        await first
        two.set()
        last = await second
        self.assertEqual([last] * 3, [await self.workers.ask(threading.get_ident) for _ in range(3)])

    async def test_errors(self) -> None:
        """What a call raises its asker hears, and the thread goes on."""

        def wrong() -> None:
            raise ValueError("no")

        before = await self.workers.ask(threading.get_ident)
        with self.assertRaisesRegex(ValueError, "no"):
            await self.workers.ask(wrong)
        self.assertEqual(before, await self.workers.ask(threading.get_ident))

    async def test_end(self) -> None:
        """All that was asked is done before the end, and each thread says farewell."""
        (one, first), (two, second), (three, third) = self.held(), self.held(), self.held()
        ended = self.stop()
        for gate in (one, two, three):
            self.assertFalse(ended.called)
            gate.set()
        found: list[Any] = await gatherResults([first, second, third])
        await ended
        self.assertEqual({*found}, {*self.left})

    async def test_end_of_the_idle(self) -> None:
        """Threads that have nothing to do end at once; so does it all where nobody has asked for anything."""
        thread = await self.workers.ask(threading.get_ident)
        await self.stop()
        self.assertEqual([thread], self.left)
        await Workers(2, "test", reactor, lambda: self.fail("there was nobody")).stop()
