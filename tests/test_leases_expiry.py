"""Leases whose time is over are reclaimed in order, in time, once, and for all to know (Kea A162-A169)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.leasing import QuickDisk, begin, lease, lease6, outcome_of
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import ILeaseObserver, ILeaseStore
from txkea.leases.expiry import Reclamation
from txkea.leases.memfile import MemfileLeases
from txkea.leases.memory import MemoryLeases
from txkea.model.configuration import ExpiryParameters
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease, Lease4, Lease6, LeaseState
from txkea.testing.contracts.samples import SAMPLES4, SAMPLES6, Samples, by_address
from txkea.testing.disks import HeldWriter, RecordingLog
from txkea.testing.stores import CountingLeases, FailingLeases, WaitingLeases

__all__ = ["CycleTests", "FailureTests", "Lease6Tests", "LeaseTests", "ObserverTests"]

T = TypeVar("T")

NOW = 2_000_000_000
DECLINED, RECLAIMED, RELEASED, REGISTERED = (int(state) for state in list(LeaseState)[1:])
SLOW = "ALLOC_ENGINE_V4_LEASES_RECLAMATION_SLOW"
FAILED = "ALLOC_ENGINE_V4_LEASES_RECLAMATION_FAILED"


def over(number: int, **changes: Any) -> Lease4:
    """A lease that has ended some time ago; those with higher numbers ended later."""
    return lease(number, **{"expires": NOW - 1000 + number, **changes})


@implementer(ILeaseObserver)
class Observer:
    """Keeps what it is told, and raises what it is told to raise."""

    answer_waits = False

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.expired: list[Lease] = []

    async def leases_committed(self, query: Any, granted: Any, removed: Any) -> None:
        raise AssertionError("there was no query")

    async def lease_declined(self, query: Any, lease: Lease) -> None:
        raise AssertionError("there was no query")

    async def lease_expired(self, lease: Lease) -> None:
        self.expired.append(lease)
        if self.error is not None:
            raise self.error


class Silent(Observer):
    """Hears everything and never comes back by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Deferred[None]] = []

    async def lease_expired(self, lease: Lease) -> None:
        await super().lease_expired(lease)
        self.waiting.append(Deferred())
        await self.waiting[-1]


class _Reclamations(SynchronousTestCase):
    """A clock, a store in memory, and a reclamation that tells what it did."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(NOW)
        self.log = RecordingLog()
        self.store = MemoryLeases()
        self.told: list[Lease] = []

    def reclamation(self, store: ILeaseStore | None = None, **more: Any) -> Reclamation:
        """One that is not started; keywords are its own, or those of `ExpiryParameters`."""
        own = {name: more.pop(name) for name in ("observers", "postponed", "family") if name in more}
        return Reclamation(
            store or self.store,
            ExpiryParameters(**more),
            reactor=self.clock,
            log=self.log,
            reclaimed=self.told.append,
            **own,
        )

    def started(self, store: ILeaseStore | None = None, **more: Any) -> Reclamation:
        """One whose timers run."""
        reclamation = self.reclamation(store, **more)
        reclamation.start()
        self.addCleanup(reclamation.stop)
        return reclamation

    def settle(self) -> None:
        """Let all that wants the reactor at this moment have it."""
        while any(call.getTime() <= self.clock.seconds() for call in self.clock.getDelayedCalls()):
            self.clock.advance(0)

    def advance(self, seconds: float) -> None:
        """Time goes by."""
        self.clock.advance(seconds)
        self.settle()

    def wait(self, awaitable: Awaitable[T]) -> T:
        outcome = begin(awaitable)
        self.settle()
        self.assertTrue(outcome, "the call has not ended")
        return outcome_of(outcome)  # type: ignore[no-any-return]

    def add(self, *leases: Lease) -> None:
        for one in leases:
            self.assertTrue(self.store.table.add(one))

    def states(self) -> list[int]:
        """The states of all leases, by address."""
        return [one.state for one in sorted(self.store.table, key=by_address)]


class LeaseTests(_Reclamations):
    """What becomes of each lease."""

    def test_strictly_after_its_end(self) -> None:
        """A lease is over when its last second is, and not in it (A162)."""
        self.add(over(1, expires=NOW))
        self.assertEqual(0, self.wait(self.reclamation().reclaim(NOW)))
        self.assertEqual(1, self.wait(self.reclamation().reclaim(NOW + 1)))

    def test_kept_without_its_names(self) -> None:
        """A reclaimed lease keeps its row and its client, but neither name nor DNS flags (A163, A168)."""
        named = over(1, hostname="one.example.org", fqdn_fwd=True, fqdn_rev=True, user_context='{"a": 1}')
        self.add(named)
        self.assertEqual(1, self.wait(self.reclamation().reclaim(NOW)))
        kept = named._replace(state=RECLAIMED, hostname="", fqdn_fwd=False, fqdn_rev=False)
        self.assertEqual([kept], list(self.store.table))
        self.assertEqual([kept], list(self.store.table.by_client(Identifier(IdentifierKind.HW_ADDRESS, named.hwaddr))))
        self.assertEqual([named], self.told)

    def test_declined_is_forgotten(self) -> None:
        """A declined address whose probation is over is free again, whatever is held (A164)."""
        declined = over(1, state=DECLINED, hwaddr=b"", client_id=b"")
        self.add(declined)
        self.assertEqual(1, self.wait(self.reclamation(hold_reclaimed_time=3600).reclaim(NOW)))
        self.assertEqual([], list(self.store.table))
        self.assertEqual([declined], self.told)
        self.assertIn("192.0.2.1", self.log.texts("ALLOC_ENGINE_V4_DECLINED_RECOVERED")[0])

    def test_released_was_accounted_for(self) -> None:
        """A lease that its client gave back is reclaimed without a word: its end was told then."""
        observer = Observer()
        self.add(over(1, state=RELEASED))
        self.assertEqual(1, self.wait(self.reclamation(observers=[observer]).reclaim(NOW)))
        self.assertEqual(([RECLAIMED], [], []), (self.states(), self.told, observer.expired))

    def test_endless(self) -> None:
        """An endless lease is never over."""
        self.add(over(1, valid_lifetime=INFINITE))
        self.assertEqual(0, self.wait(self.reclamation().reclaim(NOW)))

    def test_removed_on_demand_of_a_command(self) -> None:
        """Who asks for removal gets it, though reclaimed leases are held otherwise."""
        self.add(over(1), over(2))
        self.assertEqual(2, self.wait(self.reclamation(hold_reclaimed_time=3600).reclaim(NOW, remove=True)))
        self.assertEqual(([], 2), (list(self.store.table), len(self.told)))

    def test_addresses_have_run_out(self) -> None:
        """On demand as many are reclaimed as a cycle may, or a hundred; nobody waits for more."""
        self.add(*(over(number) for number in range(250)))
        for limit, count in ((7, 7), (0, 100), (1000, 143)):
            self.assertEqual(count, self.wait(self.reclamation(max_reclaim_leases=limit).on_demand(NOW)))
        self.assertEqual(250, len(self.told))

    def test_any_leases(self) -> None:
        """The earliest that are over are reclaimed, each told once, and no other lease is touched."""
        for samples in (SAMPLES4, SAMPLES6):
            self.any_leases(samples)

    def any_leases(self, samples: Samples) -> None:
        """The same for one family."""

        @settings(deadline=None, max_examples=40)
        @given(
            st.lists(samples.few).map(samples.disjoint),
            st.integers(88, 112),
            st.integers(0, 7),
            st.sampled_from((0, 5)),
        )
        def check(leases: list[Any], now: int, limit: int, hold: int) -> None:
            self.setUp()
            self.add(*leases)
            ended = [each for each in leases if each.expired(now) and each.state != RECLAIMED]
            count = self.wait(self.reclamation(hold_reclaimed_time=hold).reclaim(now, limit, not hold))
            self.assertEqual(min(len(ended), limit or len(ended)), count)
            after = {each.address: each for each in self.store.table}
            changed = [each for each in leases if after.get(each.address) != each]
            self.assertEqual(count, len(changed))
            self.assertLessEqual(set(changed), set(ended))
            times = sorted(each.expires for each in ended)[:count]
            self.assertEqual(times, sorted(each.expires for each in changed))
            self.assertEqual({each for each in changed if each.state != RELEASED}, set(self.told))
            self.assertEqual(len(set(self.told)), len(self.told))
            for each in changed:
                kept = None if each.state == DECLINED or not hold else each._replace(state=RECLAIMED)
                self.assertEqual(kept, after.get(each.address))

        check()


def over6(number: int, **changes: Any) -> Lease6:
    """The same in DHCPv6: an address, or with an odd number a prefix."""
    return lease6(number, **{"expires": NOW - 1000 + number, **changes})


class Lease6Tests(_Reclamations):
    """What is particular to DHCPv6."""

    def test_registered(self) -> None:
        """An address that its client registered ends as others do (RFC 9686), and so does a prefix."""
        self.add(over6(2, state=REGISTERED), over6(3))
        self.assertEqual(2, self.wait(self.reclamation(family=6).reclaim(NOW)))
        self.assertEqual(([RECLAIMED] * 2, 2), (self.states(), len(self.told)))

    def test_messages(self) -> None:
        """Messages have the identifiers of their family, and name a prefix with its length."""
        self.add(over6(1), over6(2, state=DECLINED))
        self.started(family=6)
        self.advance(10)
        self.assertEqual(
            [
                "reclaimed expired lease 3001:db8:0:1::/64",
                "declined address 2001:db8::2 is free again",
                "completed reclamation of expired leases: 2",
            ],
            [
                *self.log.texts("ALLOC_ENGINE_V6_LEASE_RECLAIM"),
                *self.log.texts("ALLOC_ENGINE_V6_DECLINED_RECOVERED"),
                *self.log.texts("ALLOC_ENGINE_V6_LEASES_RECLAMATION_COMPLETE"),
            ],
        )

    def test_prefix_is_free_for_parts(self) -> None:
        """When a reclaimed prefix is flushed, a part of it can be leased; not before."""
        self.add(over6(1))
        part = over6(1, prefix_length=128, type=0, expires=NOW + 9999)
        reclamation = self.reclamation(family=6)
        self.assertEqual(1, self.wait(reclamation.reclaim(NOW)))
        self.assertFalse(self.store.table.add(part))
        self.assertEqual(1, self.wait(reclamation.flush(NOW)))
        self.assertTrue(self.store.table.add(part))


class _Slow(CountingLeases):
    """A store in which each change takes a millisecond."""

    def __init__(self, inner: MemoryLeases, clock: Clock) -> None:
        super().__init__(inner)
        self.clock = clock

    async def update(self, lease: Lease, was: Lease) -> bool:
        self.clock.rightNow += 0.001
        return await super().update(lease, was)


class CycleTests(_Reclamations):
    """The timers."""

    def test_limit_and_order(self) -> None:
        """A cycle reclaims at most so many leases, those that ended first (A165)."""
        self.add(*(over(number) for number in reversed(range(10))))
        self.started(reclaim_timer_wait_time=10, max_reclaim_leases=4)
        self.advance(9.9)
        self.assertEqual([], self.told)
        self.advance(0.1)
        self.assertEqual([over(number) for number in range(4)], self.told)
        self.advance(10)
        self.assertEqual([over(number) for number in range(8)], self.told)
        self.advance(10)
        self.assertEqual([RECLAIMED] * 10, self.states())

    def test_no_limit(self) -> None:
        """Without limits one cycle reclaims all, and leaves the reactor to others in between."""
        self.add(*(over(number) for number in range(500)))
        self.started(reclaim_timer_wait_time=10, max_reclaim_leases=0, max_reclaim_time=0)
        between: list[int] = []
        self.clock.callLater(10, lambda: between.append(len(self.told)))
        self.advance(10)
        self.assertTrue(0 < between[0] < 200, f"{between[0]} at once")
        self.assertEqual(500, len(self.told))

    def test_time_limit(self) -> None:
        """A cycle ends when its milliseconds are over, with what it has in hand."""
        self.add(*(over(number) for number in range(1000)))
        self.started(_Slow(self.store, self.clock), max_reclaim_leases=0, max_reclaim_time=250)
        self.advance(10)
        self.assertTrue(250 <= len(self.told) < 350, f"{len(self.told)} in 250 ms")

    def test_interval_from_end_to_start(self) -> None:
        """However long a cycle takes, the next begins a whole interval after its end (A165)."""
        store = WaitingLeases()
        self.started(store, reclaim_timer_wait_time=10, flush_reclaimed_timer_wait_time=0)
        self.clock.advance(10)
        self.assertEqual(["expired"], [name for name, _ in store.waiting])
        self.clock.advance(35)
        self.assertEqual(1, len(store.waiting))
        store.finish()
        self.clock.advance(9)
        self.assertEqual([], store.waiting)
        self.clock.advance(1)
        self.assertEqual(1, len(store.waiting))
        store.finish()

    def test_flush(self) -> None:
        """Reclaimed leases are deleted when they ended longer ago than they are to be held (A167)."""
        ages = (3599, 3600, 3601, 9999)
        self.add(*(over(number, state=RECLAIMED, expires=NOW + 25 - age) for number, age in enumerate(ages)))
        self.add(over(9))
        self.started(reclaim_timer_wait_time=0, flush_reclaimed_timer_wait_time=25, hold_reclaimed_time=3600)
        self.advance(25)
        self.assertEqual(
            [over(0).address, over(1).address, over(9).address], sorted(each.address for each in self.store.table)
        )
        self.assertEqual([], self.told)
        self.advance(25)
        self.assertEqual([over(9)], list(self.store.table))

    def test_flush_of_many(self) -> None:
        """However many are to be deleted, all are, in turns of the reactor."""
        self.add(*(over(number, state=RECLAIMED) for number in range(300)))
        self.assertEqual(300, self.wait(self.reclamation().flush(NOW)))
        self.assertEqual([], list(self.store.table))

    def test_hold_for_no_time(self) -> None:
        """With a hold time of 0 leases are deleted when they are reclaimed (A167)."""
        self.add(over(1), over(2))
        self.started(hold_reclaimed_time=0)
        self.advance(10)
        self.assertEqual(([], 2), (list(self.store.table), len(self.told)))

    def test_off(self) -> None:
        """An interval of 0 turns a timer off."""
        self.started(reclaim_timer_wait_time=0, flush_reclaimed_timer_wait_time=0)
        self.assertEqual([], self.clock.getDelayedCalls())

    def test_postponed(self) -> None:
        """While the service is disabled nothing is reclaimed; afterwards it goes on (A169)."""
        disabled = [True]
        self.add(over(1))
        self.started(postponed=lambda: bool(disabled))
        self.advance(10)
        self.advance(10)
        self.assertEqual([], self.told)
        disabled.clear()
        self.advance(10)
        self.assertEqual([over(1)], self.told)

    def test_warning(self) -> None:
        """After so many cycles in a row that left something there is a warning, and again after as many (A166)."""
        self.add(*(over(number) for number in range(20)))
        self.started(reclaim_timer_wait_time=1, max_reclaim_leases=1, unwarned_reclaim_cycles=5)
        warned = []
        for _ in range(25):
            self.advance(1)
            warned.append(len(self.log.texts(SLOW)))
        self.assertEqual([0] * 4 + [1] * 5 + [2] * 5 + [3] * 11, warned)

    def test_warning_starts_again(self) -> None:
        """A cycle that leaves nothing begins the count anew."""
        self.started(reclaim_timer_wait_time=1, max_reclaim_leases=1, unwarned_reclaim_cycles=3)
        for number in range(0, 30, 3):
            self.add(*(over(each) for each in range(number, number + 3)))
            self.advance(1)
            self.advance(1)
            self.advance(1)
        self.assertEqual([], self.log.texts(SLOW))
        self.assertEqual(30, len(self.told))

    def test_no_warning(self) -> None:
        """With 0 there is never a warning."""
        self.add(*(over(number) for number in range(50)))
        self.started(reclaim_timer_wait_time=1, max_reclaim_leases=1, unwarned_reclaim_cycles=0)
        for _ in range(40):
            self.advance(1)
        self.assertEqual([], self.log.texts(SLOW))

    def test_stop(self) -> None:
        """After a stop no timer is left, and a run under way ends after the leases that it has in hand."""
        self.add(*(over(number) for number in range(1000)))
        reclamation = self.started(max_reclaim_leases=0, max_reclaim_time=0)
        self.clock.callLater(10, reclamation.stop)
        self.advance(10)
        self.assertLess(len(self.told), 200)
        self.assertEqual([], self.clock.getDelayedCalls())
        self.advance(1000)
        self.assertLess(len(self.told), 200)


class ObserverTests(_Reclamations):
    """Those who are told."""

    def test_told_after_the_statistics(self) -> None:
        """Statistics and then the observers, in their order, hear of each lease as it was."""
        first, second = Observer(), Observer()
        self.add(over(1, hostname="one"), over(2, state=DECLINED))
        self.wait(self.reclamation(observers=[first, second]).reclaim(NOW))
        expected = [over(1, hostname="one"), over(2, state=DECLINED)]
        self.assertEqual((expected, expected, expected), (self.told, first.expired, second.expired))

    def broken(self, error: Exception) -> None:
        """An observer that raises this, before another."""
        self.setUp()
        first, second = Observer(error), Observer()
        self.add(over(1), over(2))
        self.started(observers=[first, second])
        self.advance(10)
        self.assertEqual(([RECLAIMED] * 2, 2, 2), (self.states(), len(self.told), len(second.expired)))
        self.assertIn(str(error), self.log.texts(FAILED)[0])
        self.add(over(3))
        self.advance(10)
        self.assertEqual(3, len(second.expired))

    def test_observer_fails(self) -> None:
        """An observer that fails keeps neither the lease from its end, nor others from hearing of it, nor the timer."""
        self.broken(TxkeaError("the partner is gone"))

    def test_observer_is_broken(self) -> None:
        """Nor does one with a bug."""
        self.broken(ValueError("somebody else's bug"))

    def test_observer_that_never_answers(self) -> None:
        """An observer that never comes back keeps neither timer, nor leases, nor other observers from going on."""
        first, second = Silent(), Observer()
        self.add(*(over(number) for number in range(150)))
        self.started(observers=[first, second], max_reclaim_leases=100)
        self.advance(10)
        self.advance(10)
        self.assertEqual([over(number) for number in range(150)], second.expired)
        self.assertEqual(second.expired, first.expired)
        self.add(over(200))
        self.advance(10)
        self.assertEqual(over(200), second.expired[-1])
        self.assertEqual([RECLAIMED] * 151, self.states())

    def test_told_in_order(self) -> None:
        """A slow observer hears of the leases in the order of their ends, whatever it has finished by then."""
        first = Silent()
        self.add(*(over(number) for number in reversed(range(70))))
        self.wait(self.reclamation(observers=[first]).reclaim(NOW))
        for waiting in first.waiting:
            waiting.callback(None)
        self.assertEqual([over(number) for number in range(70)], first.expired)

    def test_renewed_meanwhile(self) -> None:
        """A lease that its client renewed while a slow store was asked is kept, and nobody is told."""
        observer = Observer()
        store = WaitingLeases(self.store)
        self.add(over(1))
        ended = begin(self.reclamation(store, observers=[observer]).reclaim(NOW))
        self.assertEqual("expired", store.go_on())
        self.assertEqual(["update"], [name for name, _ in store.waiting])
        self.store.table.update(over(1, expires=NOW + 4000), over(1))
        store.finish()
        self.settle()
        store.finish()
        self.assertEqual([0], ended)
        self.assertEqual(([0], [], []), (self.states(), self.told, observer.expired))


class _Stubborn(FailingLeases):
    """A store that fails for the leases of one address."""

    async def _call(self, name: str, call: Callable[[], Awaitable[T]]) -> T:
        return await call()

    async def update(self, lease: Lease, was: Lease) -> bool:
        if lease.address == over(2).address:
            raise self.error
        return await super().update(lease, was)


class FailureTests(_Reclamations):
    """Stores that cannot."""

    def test_store_unavailable(self) -> None:
        """When the store fails, nothing is told to have ended, the log says why, and the next cycle goes on."""
        store = FailingLeases("update", inner=self.store)
        self.add(over(1), over(2))
        self.started(store)
        self.advance(10)
        self.assertEqual(([0, 0], []), (self.states(), self.told))
        self.assertIn("disk is full", self.log.texts(FAILED)[0])
        store.failing.clear()
        self.advance(10)
        self.assertEqual(([RECLAIMED] * 2, 2), (self.states(), len(self.told)))

    def test_store_cannot_be_asked(self) -> None:
        """When the store cannot even say what is over, or what to flush, the timers go on."""
        store = FailingLeases("expired", "reclaimed", inner=self.store)
        self.add(over(1), over(2, state=RECLAIMED, expires=NOW - 9999))
        self.started(store)
        self.advance(30)
        store.failing.clear()
        self.advance(30)
        self.assertEqual([RECLAIMED], self.states())

    def test_one_of_many_fails(self) -> None:
        """Leases that were reclaimed beside one that could not be are told all the same."""
        self.add(*(over(number) for number in range(5)))
        reclamation = self.reclamation(_Stubborn(inner=self.store))
        self.assertRaises(Unavailable, self.wait, reclamation.reclaim(NOW))
        self.assertEqual([RECLAIMED, RECLAIMED, 0, RECLAIMED, RECLAIMED], self.states())
        self.assertEqual([over(number) for number in (0, 1, 3, 4)], self.told)

    def test_one_commit(self) -> None:
        """Leases that end together share the commits of a lease file."""
        writer = HeldWriter()
        store = MemfileLeases(
            self.mktemp(), reactor=self.clock, log=self.log, disk=QuickDisk(), writer=lambda: writer, lfc_interval=0
        )
        self.held(writer, store.open())
        adding = [begin(store.add(over(number))) for number in range(60)]
        while not all(adding):
            writer.run()
        before = store.journal.commits
        self.assertEqual(60, self.held(writer, self.reclamation(store).reclaim(NOW)))
        self.assertLessEqual(store.journal.commits - before, 2)
        self.assertEqual(60, len(self.told))
        self.held(writer, store.close())

    def held(self, writer: HeldWriter, awaitable: Awaitable[T]) -> T:
        """Await something while the writer works."""
        outcome = begin(awaitable)
        while writer.work:
            writer.run()
            self.settle()
        return outcome_of(outcome)  # type: ignore[no-any-return]
