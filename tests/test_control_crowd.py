"""Who may stay when too many come."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txkea.control.crowd import HELD, MOST, SMALL, Crowd
from txkea.control.seldom import Seldom
from txkea.testing.sites import MemoryLogger

__all__ = ["CrowdTests"]


class Visitor:
    """A connection."""

    def __init__(self, peer: str = "", answering: bool = False) -> None:
        self.peer = peer
        self.answering = self.unfinished = answering
        self.open = True
        self.transport: Any = self

    def abortConnection(self) -> None:  # noqa: N802 - as transports have it
        self.open = False


class CrowdTests(SynchronousTestCase):
    """The connections of one socket."""

    def setUp(self) -> None:
        self.log = MemoryLogger()
        self.crowd: Crowd[Visitor] = Crowd(Seldom(self.log, Clock().seconds))

    def come(self, count: int, peer: str = "", answering: bool = False) -> list[Visitor]:
        visitors = [Visitor(peer, answering) for _ in range(count)]
        for visitor in visitors:
            self.assertTrue(self.crowd.admit(visitor))
        return visitors

    def test_longest(self) -> None:
        """The one that has waited longest makes room; whoever was answered meanwhile has waited less."""
        visitors = self.come(MOST)
        self.crowd.refresh(visitors[0])
        self.come(2)
        self.assertEqual([visitor.open for visitor in visitors[:4]], [True, False, False, True])
        self.assertEqual(len(self.crowd), MOST)

    def test_others(self) -> None:
        """However many come from one address, nobody from another is touched."""
        before = [*self.come(3, "192.0.2.1"), *self.come(1, "192.0.2.2")]
        self.come(10 * MOST, "198.51.100.1")
        after = self.come(1, "192.0.2.3")
        self.come(10 * MOST, "198.51.100.1")
        self.assertTrue(all(visitor.open for visitor in (*before, *after)))

    def test_answering(self) -> None:
        """Who is being answered stays, and if all are another one is refused."""
        self.come(MOST, answering=True)
        self.assertFalse(self.crowd.admit(Visitor("192.0.2.9")))
        self.assertEqual(len(self.log.lines), 1)

    def test_bytes(self) -> None:
        """Unfinished commands share one limit; small ones are always taken, and who leaves gives his share back."""
        one, two = self.come(2)
        self.assertTrue(self.crowd.holds(one, HELD - 5))
        self.assertFalse(self.crowd.holds(two, SMALL + 1))
        self.assertTrue(self.crowd.holds(two, SMALL))
        self.crowd.leave(one)
        self.assertTrue(self.crowd.holds(two, HELD))
        self.assertFalse(self.crowd.holds(one, 1))

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=3 * MOST))
    def test_anybody(self, comers: list[tuple[str, bool]]) -> None:
        """There are never too many, none that is answered is closed, and who is refused finds none that waits."""
        crowd: Crowd[Visitor] = Crowd(Seldom(self.log, Clock().seconds))
        for peer, answering in comers:
            visitor = Visitor(peer, answering)
            room = len(crowd) < MOST or any(not each.answering for each in crowd)
            self.assertEqual((crowd.admit(visitor), visitor in [*crowd]), (room, room))
            self.assertLessEqual(len(crowd), MOST)
            self.assertTrue(all(each.open for each in crowd))
