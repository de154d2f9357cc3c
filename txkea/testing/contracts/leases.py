"""What every `ILeaseStore` promises."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from txkea.interfaces import ILeaseStore
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease, Lease6, LeaseState, LeaseType
from txkea.testing.contracts.samples import SAMPLES4, SAMPLES6, TIMES, Samples, by_address, prefix_of

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

__all__ = ["LeaseStoreContract", "LeaseStoreContract6", "LeaseStoreMachine", "LeaseStoreMachine6"]

T = TypeVar("T")

FEW: Final = settings(
    deadline=None, max_examples=30, report_multiple_bugs=False, suppress_health_check=list(HealthCheck)
)
STEPS: Final = settings(FEW, max_examples=40, stateful_step_count=40)


def deferred(awaitable: Awaitable[T]) -> Deferred[T]:
    """Begin a call; several can be begun before the first has ended."""

    async def run() -> T:
        return await awaitable

    return Deferred.fromCoroutine(run())


# -- the contract ------------------------------------------------------------------------------------------------------


class LeaseStoreContract(SynchronousTestCase):
    """Mix into a test case whose `make_store` makes what is tested.

    A store that outlasts its process overrides `reopen`, one whose calls need somebody's help to end `wait`. One of
    DHCPv6 is tested by `LeaseStoreContract6`.
    """

    samples: Samples = SAMPLES4
    few: settings = FEW
    """How often what needs fresh leases is tried; a store behind a network may want less."""
    steps: settings = STEPS
    """How many histories are tried, and how long they are."""
    ascending = True
    """Whether pages come in the order of addresses."""

    @property
    def example(self) -> Any:
        """A lease to begin with."""
        return self.samples.example

    def examples(self, *changes: dict[str, Any]) -> list[Any]:
        """Leases like the example, of the addresses in their order, changed."""
        pairs = zip(self.samples.addresses, changes, strict=False)
        return [self.example._replace(address=address, **change) for address, change in pairs]

    def make_store(self) -> ILeaseStore:
        """A fresh store without a lease, not yet open; asked for many times."""
        raise NotImplementedError

    def reopen(self, store: ILeaseStore) -> ILeaseStore:
        """Close a store and open another in its place, with the same leases; this one keeps what it is given."""
        return store

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        outcome: list[Any] = []
        deferred(awaitable).addBoth(outcome.append)
        self.assertTrue(outcome, "the call has not ended; a store that waits for others overrides `wait`")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]  # type: ignore[no-any-return]

    def store(self, *leases: Lease) -> ILeaseStore:
        """An open store with these leases."""
        store = self.make_store()
        self.wait(store.open())
        for lease in leases:
            self.assertIs(True, self.wait(store.add(lease)))
        return store

    def everything(self, store: ILeaseStore) -> list[Lease]:
        """All leases of a store, in the order of their addresses."""
        return sorted(self.wait(store.page(None, 1 << 20)), key=by_address)

    # -- each method

    def test_provides_the_interface(self) -> None:
        """The store provides ILeaseStore."""
        store = self.store()
        verifyObject(ILeaseStore, store)
        self.assertIsInstance(store.name, str)
        self.wait(store.close())

    def test_starts_empty(self) -> None:
        """A fresh store has no lease, whichever way one looks."""
        store = self.store()
        self.assertIsNone(self.wait(store.get(self.example.address)))
        for found in (
            store.by_client(self.samples.client(self.example)),
            store.page(None, 9),
            store.expired(1e9, 0),
            store.reclaimed(1e9, 0),
        ):
            self.assertEqual([], list(self.wait(found)))
        self.assertEqual({}, nonzero(self.wait(store.counts())))
        self.wait(store.close())

    def test_add(self) -> None:
        """A free address is taken once; whoever comes second gets False and changes nothing."""
        store = self.store()
        rival = self.example._replace(hwaddr=b"\2\0\0\0\0\2", subnet_id=2)
        self.assertIs(True, self.wait(store.add(self.example)))
        self.assertIs(False, self.wait(store.add(rival)))
        self.assertIs(False, self.wait(store.add(self.example)))
        self.assertEqual([self.example], self.everything(self.reopen(store)))

    def test_update(self) -> None:
        """A lease is replaced by whoever knows all of it, and by nobody else."""
        store = self.store(self.example)
        later = self.example._replace(expires=130)
        self.assertIs(False, self.wait(store.update(later, self.example._replace(hostname="two.example.org"))))
        self.assertEqual(self.example, self.wait(store.get(self.example.address)))
        self.assertIs(True, self.wait(store.update(later, self.example)))
        self.assertIs(False, self.wait(store.update(later, self.example)))
        elsewhere = later._replace(address=self.samples.addresses[2])
        self.assertIs(False, self.wait(store.update(elsewhere, elsewhere)))
        self.assertEqual([later], self.everything(self.reopen(store)))

    def test_remove(self) -> None:
        """A lease is deleted by whoever knows all of it, once; then its address is free."""
        store = self.store(self.example)
        self.assertIs(False, self.wait(store.remove(self.example._replace(expires=99))))
        self.assertIs(True, self.wait(store.remove(self.example)))
        self.assertIs(False, self.wait(store.remove(self.example)))
        store = self.reopen(store)
        self.assertEqual([], self.everything(store))
        self.assertEqual([], list(self.wait(store.by_client(self.samples.client(self.example)))))
        self.assertIs(True, self.wait(store.add(self.example)))

    def test_several(self) -> None:
        """Many addresses are looked at in one go, in whatever order, whether they have leases or not."""
        one, two, three = self.samples.addresses[:3]
        first, second = self.example._replace(address=one), self.example._replace(address=three)
        store = self.store(first, second)
        self.assertEqual([second, None, first], list(self.wait(store.several([three, two, one]))))
        self.assertEqual([], list(self.wait(store.several([]))))
        self.wait(store.close())

    def test_clients(self) -> None:
        """A client's leases are found by its identifiers, in all subnets and states, and by no other."""
        samples = self.samples
        for kind, values in samples.clients.items():
            known, field = values[1], samples.fields[kind]
            first, other, second = self.examples(
                {field: known}, {field: values[2]}, {field: known, "subnet_id": 2, "state": int(LeaseState.RECLAIMED)}
            )
            store = self.reopen(self.store(first, other, second))
            table = {
                Identifier(kind, known): [first, second],
                Identifier(kind, values[2]): [other],
                Identifier(kind, b""): [],
                Identifier(IdentifierKind.FLEX_ID, known): [],
                Identifier(IdentifierKind.CIRCUIT_ID, known): [],
            }
            for another in {IdentifierKind.CLIENT_ID, IdentifierKind.DUID} - {*samples.clients}:
                table[Identifier(another, known)] = []
            for identifier, leases in table.items():
                found = self.wait(store.by_client(identifier))
                self.assertEqual(leases, sorted(found, key=by_address), str(identifier))
            self.wait(store.close())

    def test_clients_without_identifier(self) -> None:
        """Leases that lack an identifier are kept, and found by none."""
        for kind, field in self.samples.fields.items():
            if b"" in self.samples.clients[kind]:
                store = self.reopen(self.store(*self.examples({field: b""}, {field: b""})))
                self.assertEqual(2, len(self.everything(store)))
                self.assertEqual([], list(self.wait(store.by_client(Identifier(kind, b"")))))

    def test_expired(self) -> None:
        """What is over is found, the earliest first: not in its last second, not endless, not reclaimed already."""
        leases = self.examples(
            {"expires": 97},
            {"expires": 95, "state": int(LeaseState.DECLINED)},
            {"expires": 96, "state": int(LeaseState.RELEASED)},
            {"expires": 98},
            {"expires": 90, "valid_lifetime": INFINITE},
            {"expires": 90, "state": int(LeaseState.RECLAIMED)},
        )
        store = self.reopen(self.store(*leases))
        ordered = [leases[1], leases[2], leases[0]]
        for limit in (0, 1, 2, 3, 4):
            self.assertEqual(ordered[: limit or 3], list(self.wait(store.expired(98, limit))), f"limit {limit}")
        self.assertEqual([], list(self.wait(store.expired(95, 0))))
        self.assertEqual(ordered[:1], list(self.wait(store.expired(95.5, 0))))
        self.assertEqual([], list(self.wait(store.reclaimed(90, 0))))
        self.assertEqual(leases[5:], list(self.wait(store.reclaimed(91, 1))))

    def test_renewed_is_not_expired(self) -> None:
        """A lease that was renewed, and one that was deleted, is over no more, however often that happened."""
        store = self.store(self.example)
        now = self.example
        for expires in (101, 102, 103, 102, 110):
            was, now = now, now._replace(expires=expires)
            self.assertIs(True, self.wait(store.update(now, was)))
        self.assertEqual([], list(self.wait(store.expired(105, 0))))
        self.assertEqual([now], list(self.wait(store.expired(111, 0))))
        self.wait(store.remove(now))
        self.assertEqual([], list(self.wait(store.expired(111, 0))))

    def test_pages(self) -> None:
        """Pages ascend, begin after the address that is named (whether it has a lease or not), and end."""
        leases = self.examples(*[{}] * 6)
        absent = leases[2]
        store = self.reopen(self.store(*reversed(leases)))
        if not self.ascending:
            leases = list(self.wait(store.page(None, 6)))
            self.assertEqual(self.examples(*[{}] * 6), sorted(leases, key=by_address))
            absent = leases[2]
        leases.remove(absent)
        self.assertIs(True, self.wait(store.remove(absent)))
        self.assertEqual(leases[:4], list(self.wait(store.page(None, 4))))
        self.assertEqual(leases[4:], list(self.wait(store.page(leases[3].address, 4))))
        self.assertEqual(leases[2:4], list(self.wait(store.page(absent.address, 2))))
        self.assertEqual([], list(self.wait(store.page(leases[-1].address, 4))))

    def test_counts(self) -> None:
        """Leases are counted by subnet, state and type, and every change counts."""
        first, declined, second = self.examples({}, {"state": int(LeaseState.DECLINED)}, {"subnet_id": 2})
        store = self.reopen(self.store(first, declined, second))
        self.assertEqual({(1, 0, 0): 1, (1, 1, 0): 1, (2, 0, 0): 1}, nonzero(self.wait(store.counts())))
        self.wait(store.update(second._replace(state=int(LeaseState.RECLAIMED)), second))
        self.wait(store.remove(declined))
        self.assertEqual({(1, 0, 0): 1, (2, 2, 0): 1}, nonzero(self.wait(store.counts())))

    # -- several at once

    def test_one_of_many_takes_an_address(self) -> None:
        """Of many who want one address at once exactly one gets it, and the store knows which."""
        store = self.store()
        rivals = [self.example._replace(hwaddr=bytes((2, 0, 0, 0, 0, number))) for number in range(20)]
        taken = self.wait(gatherResults([deferred(store.add(lease)) for lease in rivals]))
        self.assertEqual([True], [each for each in taken if each])
        self.assertEqual([rivals[taken.index(True)]], self.everything(self.reopen(store)))

    def test_one_of_many_changes_a_lease(self) -> None:
        """Of many changes that start from the same lease exactly one is made."""
        store = self.store(self.example)
        wishes = [self.example._replace(expires=200 + number) for number in range(10)]
        calls = [deferred(store.update(lease, self.example)) for lease in wishes]
        calls.append(deferred(store.remove(self.example)))
        made = self.wait(gatherResults(calls))
        self.assertEqual([True], [each for each in made if each])
        self.assertEqual([*wishes, None][made.index(True)], self.wait(self.reopen(store).get(self.example.address)))

    def test_many_addresses_at_once(self) -> None:
        """Calls that do not touch each other all succeed together."""
        store = self.store()
        leases = [self.example._replace(address=self.samples.many(number)) for number in range(200)]
        self.assertEqual({True}, set(self.wait(gatherResults([deferred(store.add(lease)) for lease in leases]))))
        self.assertEqual(leases, self.everything(self.reopen(store)))

    # -- anything

    def test_any_lease(self) -> None:
        """Every lease comes back as it went in, field by field."""

        @self.few
        @given(st.lists(self.samples.every, min_size=1, max_size=20).map(self.samples.disjoint))
        def check(leases: list[Lease]) -> None:
            store = self.reopen(self.store(*leases))
            self.assertEqual(sorted(leases), sorted(self.everything(store)))
            for lease in leases:
                found = self.wait(store.get(lease.address))
                self.assertEqual(lease, found)
                self.assertIs(type(found), type(self.example))
            self.wait(store.close())

        check()

    def machine(self) -> LeaseStoreMachine:
        """What tries the store against a model; a store with more to be tried overrides this."""
        return LeaseStoreMachine(self)

    def test_any_history(self) -> None:
        """After any history every look shows what a dictionary would show."""
        run_state_machine_as_test(self.machine, settings=self.steps)  # type: ignore[arg-type]


def nonzero(counts: Any) -> dict[tuple[int, int, int], int]:
    """Counts without those that may be absent."""
    return {key: count for key, count in counts.items() if count}


class LeaseStoreMachine(RuleBasedStateMachine):
    """A store beside a dictionary of what it must hold."""

    def __init__(self, case: LeaseStoreContract) -> None:
        super().__init__()
        self.case = case
        self.samples = case.samples
        self.model: dict[bytes, Lease] = {}

    @initialize()
    def begin(self) -> None:
        """Each history has a store of its own."""
        self.store = self.case.store()

    def done(self, expected: bool, awaitable: Awaitable[bool], address: bytes, after: Lease | None) -> None:
        """Await a change; the model makes it too if it must have been made."""
        self.case.assertIs(expected, self.case.wait(awaitable))
        if expected:
            self.model.pop(address, None)
            if after is not None:
                self.model[address] = after

    def few(self, data: st.DataObject) -> Any:
        """Any of few leases."""
        return data.draw(self.samples.few)

    def one(self, data: st.DataObject) -> Any:
        """A lease that is there."""
        return data.draw(st.sampled_from(sorted(self.model.values(), key=by_address)))

    def in_the_way(self, lease: Any) -> list[Any]:
        """The leases that are there and overlap one of another address."""
        others = [other for other in self.model.values() if other.address != lease.address]
        return [other for other in others if self.samples.overlap(lease, other)]

    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        """Take an address that may be taken."""
        lease = self.few(data)
        free = lease.address not in self.model and not self.in_the_way(lease)
        self.done(free, self.store.add(lease), lease.address, lease)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def renew(self, data: st.DataObject) -> None:
        """Replace a lease that is there."""
        was = self.one(data)
        lease = self.samples.moved(self.few(data), was.address)
        self.done(not self.in_the_way(lease), self.store.update(lease, was), was.address, lease)

    @rule(data=st.data())
    def replace(self, data: st.DataObject) -> None:
        """Replace a lease as somebody may have known it once."""
        lease, was = self.few(data), self.few(data)
        was = self.samples.moved(was, lease.address)
        expected = self.model.get(lease.address) == was and not self.in_the_way(lease)
        self.done(expected, self.store.update(lease, was), lease.address, lease)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """Delete a lease that is there."""
        lease = self.one(data)
        self.done(True, self.store.remove(lease), lease.address, None)

    @rule(data=st.data())
    def remove_stale(self, data: st.DataObject) -> None:
        """Delete a lease as somebody may have known it once."""
        lease = self.few(data)
        self.done(self.model.get(lease.address) == lease, self.store.remove(lease), lease.address, None)

    @rule()
    def reopen(self) -> None:
        """The server starts again."""
        self.store = self.case.reopen(self.store)

    @rule(now=st.sampled_from(TIMES) | st.floats(90, 110), limit=st.integers(0, 7))
    def look_for_expired(self, now: float, limit: int) -> None:
        """What is over, and what was reclaimed."""
        old = [lease for lease in self.model.values() if lease.expires < now and lease.valid_lifetime != INFINITE]
        over = [lease for lease in old if lease.state != LeaseState.RECLAIMED]
        found = self.case.wait(self.store.expired(now, limit))
        self.some_of(over, found, limit)
        earliest = sorted(lease.expires for lease in over)[: limit or None]
        self.case.assertEqual(earliest, [lease.expires for lease in found])
        kept = [lease for lease in old if lease.state == LeaseState.RECLAIMED]
        self.some_of(kept, self.case.wait(self.store.reclaimed(now, limit)), limit)

    def some_of(self, leases: Sequence[Lease], found: Sequence[Lease], limit: int) -> None:
        """As many of these as the limit allows, none twice."""
        self.case.assertEqual(min(len(leases), limit or len(leases)), len(found))
        self.case.assertEqual(len(found), len(set(found)))
        self.case.assertLessEqual(set(found), set(leases))

    @rule(size=st.integers(1, 7))
    def look_at_pages(self, size: int) -> None:
        """All leases, page by page."""
        after: bytes | None = None
        seen: list[Lease] = []
        while page := self.case.wait(self.store.page(after, size)):
            self.case.assertLessEqual(len(page), size)
            seen += page
            after = page[-1].address
        if not self.case.ascending:
            seen.sort(key=by_address)
        self.case.assertEqual(sorted(self.model.values(), key=by_address), seen)

    @invariant()
    def look_at_all(self) -> None:
        """Every address, every client, every count."""
        for address in self.samples.addresses:
            self.case.assertEqual(self.model.get(address), self.case.wait(self.store.get(address)))
        for kind, values in self.samples.clients.items():
            for value in values:
                owned = [
                    lease for lease in self.model.values() if value and self.samples.client(lease, kind)[1] == value
                ]
                self.same_clients(Identifier(kind, value), owned)
        counts = Counter((lease.subnet_id, lease.state, lease.type) for lease in self.model.values())
        self.case.assertEqual(dict(counts), nonzero(self.case.wait(self.store.counts())))

    def same_clients(self, identifier: Identifier, owned: list[Lease]) -> None:
        """The store finds the leases of a client."""
        found = self.case.wait(self.store.by_client(identifier))
        self.case.assertEqual(sorted(owned), sorted(found), str(identifier))

    def teardown(self) -> None:
        """The end."""
        if hasattr(self, "store"):
            self.case.wait(self.store.close())


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


class LeaseStoreContract6(LeaseStoreContract):
    """The same for a store of DHCPv6 leases, among which prefixes overlap."""

    samples = SAMPLES6

    def machine(self) -> LeaseStoreMachine:
        return LeaseStoreMachine6(self)

    def resource(self, address: bytes, length: int) -> Lease6:
        """A lease of a prefix, or of an address."""
        kind = int(LeaseType.NA if length == 128 else LeaseType.PD)
        lease: Lease6 = self.example._replace(address=address, prefix_length=length, type=kind)
        return lease

    def overlapping(self, store: ILeaseStore, lease: Any) -> list[Lease6]:
        """What is found to overlap a lease."""
        return sorted(self.wait(store.overlapping(lease.address, lease.prefix_length)), key=by_address)

    def test_overlapping(self) -> None:
        """Prefixes around, addresses and prefixes inside, and the very one are found, whatever their states."""
        around = self.resource(bytes.fromhex("20010db8000000010000000000000000"), 64)
        beside = self.resource(bytes.fromhex("20010db8000000020000000000000000"), 64)
        address = self.resource(bytes.fromhex("20010db8000000020000000000000001"), 128)
        reclaimed = address._replace(address=around.address[:15] + b"\7", state=int(LeaseState.RECLAIMED))
        store = self.reopen(self.store(around, address))
        self.assertEqual([around], self.overlapping(store, around))
        self.assertEqual([around], self.overlapping(store, reclaimed))
        self.assertEqual([address], self.overlapping(store, beside))
        self.assertEqual([], self.overlapping(store, self.resource(beside.address, 127)._replace(address=bytes(16))))
        for lease, was in ((reclaimed, around), (beside, address)):
            self.assertIs(True, self.wait(store.remove(was)))
            self.assertIs(True, self.wait(store.add(lease)))
        self.assertEqual([reclaimed, beside], self.overlapping(store, self.resource(around.address[:7] + bytes(9), 56)))
        self.assertEqual([beside], self.overlapping(store, address))

    def test_overlapping_many(self) -> None:
        """Of very many leases inside a prefix one is found at least, and the prefix itself if it is there."""
        prefix = self.resource(self.samples.many(0), 32)
        store = self.store(*(self.resource(self.samples.many(number), 64 + number % 65) for number in range(100)))
        found = self.overlapping(store, prefix)
        self.assertTrue(found)
        self.assertLessEqual({*found}, {*self.everything(store)})
        self.assertIs(False, self.wait(store.add(prefix)))
        for lease in self.everything(store):
            self.assertEqual([lease], self.overlapping(store, lease))

    def test_nothing_overlaps(self) -> None:
        """A prefix that others are inside of, or that is inside of another, cannot be taken, nor grown into."""
        inside = self.resource(self.samples.many(1), 64)
        beside = self.resource(self.samples.many(3), 64)
        store = self.store(inside, beside)
        for wish in (
            self.resource(self.samples.many(0), 60),
            self.resource(inside.address[:15] + b"\1", 128),
            self.resource(inside.address[:14] + b"\1\0", 120),
        ):
            self.assertIs(False, self.wait(store.add(wish)), str(prefix_of(wish)))
        first = self.resource(self.samples.many(2), 64)
        self.assertIs(True, self.wait(store.add(first)))
        self.assertIs(False, self.wait(store.update(first._replace(prefix_length=63), first)))
        self.assertIs(True, self.wait(store.remove(beside)))
        self.assertIs(True, self.wait(store.update(first._replace(prefix_length=63), first)))
        self.assertIs(False, self.wait(store.add(beside)))

    def test_types(self) -> None:
        """Leases are counted by their types, those of a client are found whatever their types."""
        leases = [
            self.resource(self.samples.many(1), 64),
            self.resource(self.samples.many(2), 128),
            self.resource(self.samples.many(3), 128)._replace(type=int(LeaseType.TA)),
            self.resource(self.samples.many(4), 128)._replace(type=int(LeaseType.PD)),
        ]
        store = self.reopen(self.store(*leases))
        self.assertEqual({(1, 0, 0): 1, (1, 0, 1): 1, (1, 0, 2): 2}, nonzero(self.wait(store.counts())))
        self.assertEqual(leases, sorted(self.wait(store.by_client(self.samples.client(leases[0]))), key=by_address))
        self.wait(store.update(leases[0]._replace(type=0, prefix_length=128), leases[0]))
        self.wait(store.remove(leases[3]))
        self.assertEqual({(1, 0, 0): 2, (1, 0, 1): 1}, nonzero(self.wait(store.counts())))


class LeaseStoreMachine6(LeaseStoreMachine):
    """The same beside all prefixes."""

    @rule(data=st.data())
    def look_for_overlaps(self, data: st.DataObject) -> None:
        """What shares an address with a prefix: if there is anything, some of it; and that prefix itself."""
        wish = self.few(data)
        found = self.case.wait(self.store.overlapping(wish.address, wish.prefix_length))
        there = {lease for lease in self.model.values() if self.samples.overlap(lease, wish)}
        self.case.assertLessEqual(set(found), there)
        self.case.assertEqual(len(found), len(set(found)))
        self.case.assertEqual(bool(found), bool(there))
        same = self.model.get(wish.address)
        self.case.assertTrue(same is None or same in found)
