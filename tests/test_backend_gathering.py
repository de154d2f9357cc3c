"""Group commit: groups, lanes, and who hears what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txkea.backend.gathering import CROWD, PATIENCE, Gathering, Pace
from txkea.errors import Away, Busy, Drop, TxkeaError, Unavailable

MANY = 5_000


class Other:
    """The other side: takes groups, and answers when the test says so."""

    def __init__(self) -> None:
        self.groups: list[Sequence[int]] = []
        self._answers: list[Deferred[Sequence[Any]]] = []

    async def send(self, requests: Sequence[int]) -> Sequence[Any]:
        answer: Deferred[Sequence[Any]] = Deferred()
        self.groups.append(requests)
        self._answers.append(answer)
        return await answer

    def answer(self, number: int, outcomes: Any = None) -> None:
        """Answer a group, each request by ten times itself unless told otherwise."""
        come = [10 * each for each in self.groups[number]] if outcomes is None else outcomes
        answer = self._answers[number]
        if isinstance(come, Exception):
            answer.errback(Failure(come))
        else:
            answer.callback(come)


class GatheringTests(SynchronousTestCase):
    """`Gathering`."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.other = Other()

    def gathering(self, most: int = 4, at_once: int = 1) -> Gathering[int, int]:
        return Gathering(self.other.send, self.clock, most=most, at_once=at_once)

    def test_late(self) -> None:
        """Whoever only begins to ask is refused while the first of those who wait has waited for too long."""
        gathering = self.gathering(most=1)
        gathering.ask(1)
        self.clock.advance(1)
        gathering.check()  # nobody waits: the only one is under way
        for number in range(CROWD):
            gathering.ask(number)
        self.clock.advance(PATIENCE)
        gathering.check()
        self.clock.advance(0.1)
        self.assertRaises(Busy, gathering.check)
        self.other.answer(0)
        gathering.check()  # few wait now

    def test_pace(self) -> None:
        """Who begins to ask is refused for a moment, too, when anything else of the store was sent too late."""
        pace = Pace(self.clock)
        reads, writes = (Gathering(self.other.send, self.clock, most=1, pace=pace) for _ in range(2))
        writes.ask(1)
        self.clock.advance(0)
        for number in range(CROWD):
            writes.ask(number)
        self.clock.advance(PATIENCE + 0.1)
        reads.check()
        self.other.answer(0)
        self.assertRaises(Busy, reads.check)
        self.clock.advance(PATIENCE)
        reads.check()
        self.other.answer(1)
        reads.check()  # few waited

    def test_one_turn(self) -> None:
        """What is asked in one turn of the reactor is one group, and each hears its own."""
        gathering = self.gathering()
        asked = [gathering.ask(number) for number in (1, 2, 3)]
        self.assertEqual([], self.other.groups)
        self.clock.advance(0)
        self.assertEqual([[1, 2, 3]], self.other.groups)
        self.other.answer(0)
        self.assertEqual([10, 20, 30], [self.successResultOf(each) for each in asked])
        self.assertEqual(0, len(gathering))

    def test_busy(self) -> None:
        """What comes while the lane is busy is the next group, of at most so many."""
        gathering = self.gathering(most=2)
        asked = [gathering.ask(number) for number in range(2)]
        self.clock.advance(0)
        asked += [gathering.ask(number) for number in range(2, 5)]
        self.clock.advance(1)
        self.assertEqual([[0, 1]], self.other.groups)
        self.other.answer(0)
        self.other.answer(1)
        self.assertEqual([[0, 1], [2, 3], [4]], self.other.groups)
        self.other.answer(2)
        self.assertEqual([0, 10, 20, 30, 40], [self.successResultOf(each) for each in asked])

    def test_each_its_own(self) -> None:
        """An error in one's place fails that one alone."""
        gathering = self.gathering()
        first, poisoned, last = (gathering.ask(number) for number in range(3))
        self.clock.advance(0)
        self.other.answer(0, [1, Drop("poisoned"), 3])
        self.assertEqual([1, 3], [self.successResultOf(first), self.successResultOf(last)])
        self.failureResultOf(poisoned, Drop)

    def test_raises(self) -> None:
        """What the sending raises all of its group hear, as `Unavailable` unless it is our own; the next goes on."""
        for raised, heard in ((Away("gone"), Away), (ZeroDivisionError("our fault"), Unavailable)):
            gathering = self.gathering(most=2)
            asked = [gathering.ask(number) for number in range(3)]
            self.clock.advance(0)
            self.other.answer(-1, raised)
            for each in asked[:2]:
                self.assertIn(str(raised), str(self.failureResultOf(each, heard).value))
            self.other.answer(-1)
            self.assertEqual(20, self.successResultOf(asked[2]))

    def test_too_few(self) -> None:
        """An answer with fewer or more outcomes than requests fails them all; nobody waits for ever."""
        for outcomes in ([], [1], [1, 2, 3]):
            gathering = self.gathering()
            asked = [gathering.ask(number) for number in range(2)]
            self.clock.advance(0)
            self.other.answer(-1, outcomes)
            for each in asked:
                self.failureResultOf(each, Unavailable)
            self.assertEqual(0, len(gathering))

    def test_fail(self) -> None:
        """After `fail` nobody waits any more, an answer that comes late is not heard, and new requests are sent."""
        gathering = self.gathering(most=2)
        asked = [gathering.ask(number) for number in range(4)]
        self.clock.advance(0)
        gathering.fail(Away("lost"))
        for each in asked:
            self.failureResultOf(each, Away)
        again = gathering.ask(7)
        self.clock.advance(0)
        self.assertEqual([[0, 1], [7]], self.other.groups)
        self.other.answer(0)
        self.assertNoResult(again)
        self.other.answer(1)
        self.assertEqual(70, self.successResultOf(again))

    def test_fail_before_sent(self) -> None:
        """What was not sent yet when it failed is never sent."""
        gathering = self.gathering()
        asked = gathering.ask(1)
        gathering.fail(Away("lost"))
        self.failureResultOf(asked, Away)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_late_does_not_open_a_lane(self) -> None:
        """The late answer of a group that was given up does not let two groups at once into one lane."""
        gathering = self.gathering(most=1)
        given_up = gathering.ask(1)
        self.clock.advance(0)
        gathering.fail(Away("lost"))
        self.failureResultOf(given_up, Away)
        gathering.ask(2)
        gathering.ask(3)
        self.clock.advance(0)
        self.other.answer(0)
        self.assertEqual([[1], [2]], self.other.groups)

    def test_cancelled(self) -> None:
        """Who does not want to know any more disturbs nobody else of the group."""
        gathering = self.gathering()
        asked = [gathering.ask(number) for number in range(3)]
        self.clock.advance(0)
        asked[1].cancel()
        self.failureResultOf(asked[1])
        self.other.answer(0)
        self.assertEqual([0, 20], [self.successResultOf(asked[0]), self.successResultOf(asked[2])])
        cancelled = gathering.ask(5)
        self.clock.advance(0)
        cancelled.cancel()
        self.failureResultOf(cancelled)
        gathering.fail(Away("lost"))

    def test_fail_thousands(self) -> None:
        """Of thousands who wait in vain all hear it, but not all in one turn of the reactor."""
        gathering = self.gathering()
        asked = [gathering.ask(number) for number in range(MANY)]
        gathering.fail(Away("lost"))
        heard = sum(each.called for each in asked)
        self.assertTrue(0 < heard <= MANY // 10, heard)
        self.clock.pump([0] * 10)
        for each in asked:
            self.failureResultOf(each, Away)

    def test_asks_again(self) -> None:
        """Who asks again when it hears its answer comes with the next group, also when that was a failure."""
        gathering = self.gathering()
        first = gathering.ask(1)
        again: list[Deferred[int]] = []

        def ask(came: object) -> None:
            again.append(gathering.ask(2))

        first.addBoth(ask)
        self.clock.advance(0)
        gathering.fail(Away("lost"))
        self.clock.advance(0)
        self.assertEqual([[1], [2]], self.other.groups)
        again[0].addBoth(ask)
        self.other.answer(1)
        self.clock.advance(0)
        self.assertEqual([[1], [2], [2]], self.other.groups)

    def test_fails_while_answers_come(self) -> None:
        """What came already is heard by all, also if the first who hears it fails the rest."""
        gathering = self.gathering(most=2)
        first, second, third = (gathering.ask(number) for number in range(3))
        first.addCallback(lambda came: gathering.fail(Away("lost")))
        self.clock.advance(0)
        self.other.answer(0)
        self.assertEqual(10, self.successResultOf(second))
        self.failureResultOf(third, Away)

    def test_answers_at_once(self) -> None:
        """A store that answers at once, or refuses at once, answers any number without ending the stack."""

        async def refuse(requests: Sequence[int]) -> Sequence[int]:
            raise Away("away")

        async def give(requests: Sequence[int]) -> Sequence[int]:
            return requests

        refusing: Gathering[int, int] = Gathering(refuse, self.clock, most=1)
        giving: Gathering[int, int] = Gathering(give, self.clock, most=1, at_once=3)
        refused = [refusing.ask(number) for number in range(MANY)]
        given = [giving.ask(number) for number in range(MANY)]
        self.clock.advance(0)
        for each in refused:
            self.failureResultOf(each, Away)
        self.assertEqual([*range(MANY)], [self.successResultOf(each) for each in given])

    def test_lost_while_sent(self) -> None:
        """A store that notices in sending that all is lost, and fails its own gathering, leaves nobody waiting."""

        async def send(requests: Sequence[int]) -> Sequence[int]:
            gathering.fail(Away("noticed"))
            raise Unavailable("not heard")

        gathering: Gathering[int, int] = Gathering(send, self.clock, most=1)
        asked = [gathering.ask(number) for number in range(3)]
        self.clock.advance(0)
        for each in asked:
            self.failureResultOf(each, Away)
        self.assertEqual(0, len(gathering))

    @given(
        st.integers(1, 5),
        st.integers(1, 3),
        st.lists(
            st.one_of(
                st.tuples(st.just("ask"), st.integers(1, 7)),
                st.tuples(st.just("answer"), st.integers(0, 2)),
                st.tuples(st.just("raise"), st.integers(0, 2)),
                st.tuples(st.just("fail"), st.just(0)),
                st.tuples(st.just("turn"), st.just(0)),
            ),
            max_size=30,
        ),
    )
    def test_whatever_comes(self, most: int, at_once: int, steps: list[tuple[str, int]]) -> None:
        """Whatever the order of things: everybody hears once, his own, no group is too big and no lane used twice."""
        clock, other, heard = Clock(), Other(), dict[int, Any]()
        gathering: Gathering[int, int] = Gathering(other.send, clock, most=most, at_once=at_once)
        under_way: list[int] = []
        """The numbers of the groups without an answer."""
        asked = 0

        def hear(came: Any, number: int) -> None:
            self.assertNotIn(number, heard)
            heard[number] = came

        def look() -> None:
            known = sum(len(group) for group in other.groups)
            under_way.extend(range(looked[0], len(other.groups)))
            looked[0] = len(other.groups)
            self.assertLessEqual(len(under_way), at_once)
            self.assertLessEqual(max(map(len, other.groups), default=0), most)
            self.assertLessEqual(known, asked)
            self.assertEqual(asked, len(heard) + len(gathering))

        looked = [0]
        for step, number in [*steps, ("turn", 0), ("fail", 0)]:
            if step == "ask":
                for _ in range(number):
                    gathering.ask(asked).addBoth(hear, asked)
                    asked += 1
            elif step == "turn":
                clock.advance(0)
            elif step == "fail":
                gathering.fail(Away("lost"))
                under_way.clear()
            elif number < len(under_way):
                other.answer(under_way.pop(number), TxkeaError("no") if step == "raise" else None)
            look()
        self.assertEqual(asked, len(heard))
        for number, came in heard.items():
            self.assertTrue(came == 10 * number or isinstance(came, Failure), (number, came))
