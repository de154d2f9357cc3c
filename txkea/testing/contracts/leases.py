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
from txkea.model.lease import INFINITE, Lease4, LeaseState

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

__all__ = ["LeaseStoreContract", "LeaseStoreMachine", "any_leases", "few_leases"]

T = TypeVar("T")

FEW: Final = settings(
    deadline=None, max_examples=30, report_multiple_bugs=False, suppress_health_check=list(HealthCheck)
)
STEPS: Final = settings(FEW, max_examples=40, stateful_step_count=40)

# -- leases ------------------------------------------------------------------------------------------------------------

ADDRESSES: Final = tuple(bytes((192, 0, 2, last)) for last in (0, 1, 2, 9, 10, 255))
HWADDRS: Final = (b"", b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", b"\1")
CLIENT_IDS: Final = (b"", b"\1\2\0\0\0\0\1", b"\2\0\0\0\0\1", b"\xff\0")
TIMES: Final = range(90, 110)


def _finite(lease: Lease4) -> Lease4:
    """A reclaimed lease has an end; whether an endless one could be reclaimed is nobody's question."""
    forever = lease.state == LeaseState.RECLAIMED and lease.valid_lifetime == INFINITE
    return lease._replace(valid_lifetime=30) if forever else lease


few_leases: Final = st.builds(
    Lease4,
    address=st.sampled_from(ADDRESSES),
    hwaddr=st.sampled_from(HWADDRS),
    client_id=st.sampled_from(CLIENT_IDS),
    valid_lifetime=st.sampled_from((1, 30, 30, INFINITE)),
    expires=st.sampled_from(TIMES),
    subnet_id=st.sampled_from((1, 2)),
    fqdn_fwd=st.just(False),
    fqdn_rev=st.just(False),
    hostname=st.just(""),
    state=st.sampled_from(range(4)),
    user_context=st.just(""),
    pool_id=st.just(0),
).map(_finite)
"""Leases that get into each other's way: of six addresses, three clients, two subnets and twenty seconds."""

_bytes = st.binary(max_size=40).map(lambda data: data.decode("utf-8", "surrogateescape"))
_contexts = st.sampled_from(
    ("", "{}", '{ "a": [ 1, "b,c" ] }', '{"ISC": {"relay-agent-info": "0x0104"}}', '{"n":"&#x2c"}')
)

any_leases: Final = st.builds(
    Lease4,
    address=st.binary(min_size=4, max_size=4),
    hwaddr=st.binary(max_size=16),
    client_id=st.binary(max_size=255),
    valid_lifetime=st.integers(1, INFINITE),
    expires=st.integers(0, 1 << 40),
    subnet_id=st.integers(1, 0xFFFFFFFE),
    fqdn_fwd=st.booleans(),
    fqdn_rev=st.booleans(),
    hostname=st.sampled_from(("", "host.example.org.", "a,b", "a&#x2cb", "&", "\r\n")) | st.text(max_size=40) | _bytes,
    state=st.sampled_from(range(4)),
    user_context=_contexts,
    pool_id=st.just(0),
).map(_finite)
"""Leases with anything in them that a client or an operator can bring about; no pool, which not all stores keep."""

EXAMPLE: Final = Lease4(ADDRESSES[1], HWADDRS[1], CLIENT_IDS[1], 30, 100, 1, False, False, "one.example.org")


def by_address(lease: Lease4) -> bytes:
    """The key that sorts leases as pages do."""
    return lease.address


def deferred(awaitable: Awaitable[T]) -> Deferred[T]:
    """Begin a call; several can be begun before the first has ended."""

    async def run() -> T:
        return await awaitable

    return Deferred.fromCoroutine(run())


# -- the contract ------------------------------------------------------------------------------------------------------


class LeaseStoreContract(SynchronousTestCase):
    """Mix into a test case whose `make_store` makes what is tested.

    A store that outlasts its process overrides `reopen`, one whose calls need somebody's help to end `wait`.
    """

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

    def store(self, *leases: Lease4) -> ILeaseStore:
        """An open store with these leases."""
        store = self.make_store()
        self.wait(store.open())
        for lease in leases:
            self.assertIs(True, self.wait(store.add(lease)))
        return store

    def everything(self, store: ILeaseStore) -> list[Lease4]:
        """All leases of a store, in the order of their addresses."""
        return list(self.wait(store.page(None, 1 << 20)))

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
        self.assertIsNone(self.wait(store.get(EXAMPLE.address)))
        for found in (
            store.by_client(client(EXAMPLE)),
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
        rival = EXAMPLE._replace(hwaddr=HWADDRS[2], client_id=b"")
        self.assertIs(True, self.wait(store.add(EXAMPLE)))
        self.assertIs(False, self.wait(store.add(rival)))
        self.assertIs(False, self.wait(store.add(EXAMPLE)))
        self.assertEqual([EXAMPLE], self.everything(self.reopen(store)))

    def test_update(self) -> None:
        """A lease is replaced by whoever knows all of it, and by nobody else."""
        store = self.store(EXAMPLE)
        later = EXAMPLE._replace(expires=130)
        self.assertIs(False, self.wait(store.update(later, EXAMPLE._replace(hostname="two.example.org"))))
        self.assertEqual(EXAMPLE, self.wait(store.get(EXAMPLE.address)))
        self.assertIs(True, self.wait(store.update(later, EXAMPLE)))
        self.assertIs(False, self.wait(store.update(later, EXAMPLE)))
        self.assertIs(
            False, self.wait(store.update(*(lease._replace(address=ADDRESSES[2]) for lease in (later, later))))
        )
        self.assertEqual([later], self.everything(self.reopen(store)))

    def test_remove(self) -> None:
        """A lease is deleted by whoever knows all of it, once; then its address is free."""
        store = self.store(EXAMPLE)
        self.assertIs(False, self.wait(store.remove(EXAMPLE._replace(expires=99))))
        self.assertIs(True, self.wait(store.remove(EXAMPLE)))
        self.assertIs(False, self.wait(store.remove(EXAMPLE)))
        store = self.reopen(store)
        self.assertEqual([], self.everything(store))
        self.assertEqual([], list(self.wait(store.by_client(client(EXAMPLE)))))
        self.assertIs(True, self.wait(store.add(EXAMPLE)))

    def test_clients(self) -> None:
        """A client's leases are found by either identifier, in all subnets and states; no identifier finds none."""
        others = EXAMPLE._replace(address=ADDRESSES[2], hwaddr=b"", client_id=b"")
        second = EXAMPLE._replace(
            address=ADDRESSES[3], subnet_id=2, client_id=HWADDRS[1], state=int(LeaseState.RECLAIMED)
        )
        store = self.reopen(self.store(EXAMPLE, others, second))
        table = {
            Identifier(IdentifierKind.HW_ADDRESS, HWADDRS[1]): [EXAMPLE, second],
            Identifier(IdentifierKind.CLIENT_ID, HWADDRS[1]): [second],
            Identifier(IdentifierKind.CLIENT_ID, CLIENT_IDS[1]): [EXAMPLE],
            Identifier(IdentifierKind.HW_ADDRESS, CLIENT_IDS[1]): [],
            Identifier(IdentifierKind.HW_ADDRESS, b""): [],
            Identifier(IdentifierKind.CLIENT_ID, b""): [],
            Identifier(IdentifierKind.FLEX_ID, HWADDRS[1]): [],
            Identifier(IdentifierKind.DUID, CLIENT_IDS[1]): [],
        }
        for identifier, leases in table.items():
            found = self.wait(store.by_client(identifier))
            self.assertEqual(leases, sorted(found, key=by_address), str(identifier))

    def test_expired(self) -> None:
        """What is over is found, the earliest first: not in its last second, not endless, not reclaimed already."""
        over = [
            EXAMPLE._replace(address=address, expires=expires, state=int(state))
            for address, expires, state in zip(
                ADDRESSES[:3], (97, 95, 96), (0, LeaseState.DECLINED, LeaseState.RELEASED), strict=True
            )
        ]
        still = [
            EXAMPLE._replace(address=ADDRESSES[3], expires=98),
            EXAMPLE._replace(address=ADDRESSES[4], expires=90, valid_lifetime=INFINITE),
            EXAMPLE._replace(address=ADDRESSES[5], expires=90, state=int(LeaseState.RECLAIMED)),
        ]
        store = self.reopen(self.store(*over, *still))
        ordered = [over[1], over[2], over[0]]
        for limit in (0, 1, 2, 3, 4):
            self.assertEqual(ordered[: limit or 3], list(self.wait(store.expired(98, limit))), f"limit {limit}")
        self.assertEqual([], list(self.wait(store.expired(95, 0))))
        self.assertEqual(ordered[:1], list(self.wait(store.expired(95.5, 0))))
        self.assertEqual([], list(self.wait(store.reclaimed(90, 0))))
        self.assertEqual(still[2:], list(self.wait(store.reclaimed(91, 1))))

    def test_renewed_is_not_expired(self) -> None:
        """A lease that was renewed, and one that was deleted, is over no more, however often that happened."""
        store = self.store(EXAMPLE)
        now = EXAMPLE
        for expires in (101, 102, 103, 102, 110):
            was, now = now, now._replace(expires=expires)
            self.assertIs(True, self.wait(store.update(now, was)))
        self.assertEqual([], list(self.wait(store.expired(105, 0))))
        self.assertEqual([now], list(self.wait(store.expired(111, 0))))
        self.wait(store.remove(now))
        self.assertEqual([], list(self.wait(store.expired(111, 0))))

    def test_pages(self) -> None:
        """Pages ascend, begin after the address that is named (whether it has a lease or not), and end."""
        leases = [EXAMPLE._replace(address=address) for address in reversed(ADDRESSES)]
        store = self.reopen(self.store(*leases))
        leases.reverse()
        self.assertEqual(leases[:4], list(self.wait(store.page(None, 4))))
        self.assertEqual(leases[4:], list(self.wait(store.page(leases[3].address, 4))))
        self.assertEqual(leases[3:5], list(self.wait(store.page(b"\xc0\0\2\5", 2))))
        self.assertEqual([], list(self.wait(store.page(ADDRESSES[-1], 4))))

    def test_counts(self) -> None:
        """Leases are counted by subnet and state, and every change counts."""
        declined = EXAMPLE._replace(address=ADDRESSES[2], state=int(LeaseState.DECLINED))
        second = EXAMPLE._replace(address=ADDRESSES[3], subnet_id=2)
        store = self.reopen(self.store(EXAMPLE, declined, second))
        self.assertEqual({(1, 0, 0): 1, (1, 1, 0): 1, (2, 0, 0): 1}, nonzero(self.wait(store.counts())))
        self.wait(store.update(second._replace(state=int(LeaseState.RECLAIMED)), second))
        self.wait(store.remove(declined))
        self.assertEqual({(1, 0, 0): 1, (2, 2, 0): 1}, nonzero(self.wait(store.counts())))

    # -- several at once

    def test_one_of_many_takes_an_address(self) -> None:
        """Of many who want one address at once exactly one gets it, and the store knows which."""
        store = self.store()
        rivals = [EXAMPLE._replace(hwaddr=bytes((2, 0, 0, 0, 0, number))) for number in range(20)]
        taken = self.wait(gatherResults([deferred(store.add(lease)) for lease in rivals]))
        self.assertEqual([True], [each for each in taken if each])
        self.assertEqual([rivals[taken.index(True)]], self.everything(self.reopen(store)))

    def test_one_of_many_changes_a_lease(self) -> None:
        """Of many changes that start from the same lease exactly one is made."""
        store = self.store(EXAMPLE)
        wishes = [EXAMPLE._replace(expires=200 + number) for number in range(10)]
        calls = [deferred(store.update(lease, EXAMPLE)) for lease in wishes]
        calls.append(deferred(store.remove(EXAMPLE)))
        made = self.wait(gatherResults(calls))
        self.assertEqual([True], [each for each in made if each])
        self.assertEqual([*wishes, None][made.index(True)], self.wait(self.reopen(store).get(EXAMPLE.address)))

    def test_many_addresses_at_once(self) -> None:
        """Calls that do not touch each other all succeed together."""
        store = self.store()
        leases = [EXAMPLE._replace(address=bytes((192, 0, 2, number))) for number in range(200)]
        self.assertEqual({True}, set(self.wait(gatherResults([deferred(store.add(lease)) for lease in leases]))))
        self.assertEqual(leases, self.everything(self.reopen(store)))

    # -- anything

    def test_any_lease(self) -> None:
        """Every lease comes back as it went in, field by field."""

        @FEW
        @given(st.lists(any_leases, min_size=1, max_size=20, unique_by=by_address))
        def check(leases: list[Lease4]) -> None:
            store = self.reopen(self.store(*leases))
            self.assertEqual(sorted(leases), sorted(self.everything(store)))
            for lease in leases:
                found = self.wait(store.get(lease.address))
                self.assertEqual(lease, found)
                self.assertIs(type(found), Lease4)
            self.wait(store.close())

        check()

    def machine(self) -> LeaseStoreMachine:
        """What tries the store against a model; a store with more to be tried overrides this."""
        return LeaseStoreMachine(self)

    def test_any_history(self) -> None:
        """After any history every look shows what a dictionary would show."""
        run_state_machine_as_test(self.machine, settings=STEPS)  # type: ignore[arg-type]


def client(lease: Lease4) -> Identifier:
    """The client of a lease, by its hardware address."""
    return Identifier(IdentifierKind.HW_ADDRESS, lease.hwaddr)


def nonzero(counts: Any) -> dict[tuple[int, int, int], int]:
    """Counts without those that may be absent."""
    return {key: count for key, count in counts.items() if count}


class LeaseStoreMachine(RuleBasedStateMachine):
    """A store beside a dictionary of what it must hold."""

    def __init__(self, case: LeaseStoreContract) -> None:
        super().__init__()
        self.case = case
        self.model: dict[bytes, Lease4] = {}

    @initialize()
    def begin(self) -> None:
        """Each history has a store of its own."""
        self.store = self.case.store()

    def done(self, expected: bool, awaitable: Awaitable[bool], address: bytes, after: Lease4 | None) -> None:
        """Await a change; the model makes it too if it must have been made."""
        self.case.assertIs(expected, self.case.wait(awaitable))
        if expected:
            self.model.pop(address, None)
            if after is not None:
                self.model[address] = after

    @rule(lease=few_leases)
    def add(self, lease: Lease4) -> None:
        """Take an address that may be taken."""
        self.done(lease.address not in self.model, self.store.add(lease), lease.address, lease)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), lease=few_leases)
    def renew(self, data: st.DataObject, lease: Lease4) -> None:
        """Replace a lease that is there."""
        was = data.draw(st.sampled_from(sorted(self.model.values())))
        lease = lease._replace(address=was.address)
        self.done(True, self.store.update(lease, was), was.address, lease)

    @rule(lease=few_leases, was=few_leases)
    def replace(self, lease: Lease4, was: Lease4) -> None:
        """Replace a lease as somebody may have known it once."""
        was = was._replace(address=lease.address)
        self.done(self.model.get(lease.address) == was, self.store.update(lease, was), lease.address, lease)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        """Delete a lease that is there."""
        lease = data.draw(st.sampled_from(sorted(self.model.values())))
        self.done(True, self.store.remove(lease), lease.address, None)

    @rule(lease=few_leases)
    def remove_stale(self, lease: Lease4) -> None:
        """Delete a lease as somebody may have known it once."""
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

    def some_of(self, leases: Sequence[Lease4], found: Sequence[Lease4], limit: int) -> None:
        """As many of these as the limit allows, none twice."""
        self.case.assertEqual(min(len(leases), limit or len(leases)), len(found))
        self.case.assertEqual(len(found), len(set(found)))
        self.case.assertLessEqual(set(found), set(leases))

    @rule(size=st.integers(1, 7))
    def look_at_pages(self, size: int) -> None:
        """All leases, page by page."""
        after: bytes | None = None
        seen: list[Lease4] = []
        while page := self.case.wait(self.store.page(after, size)):
            self.case.assertLessEqual(len(page), size)
            seen += page
            after = page[-1].address
        self.case.assertEqual(sorted(self.model.values(), key=by_address), seen)

    @invariant()
    def look_at_all(self) -> None:
        """Every address, every client, every count."""
        for address in ADDRESSES:
            self.case.assertEqual(self.model.get(address), self.case.wait(self.store.get(address)))
        for hwaddr in HWADDRS:
            owned = [lease for lease in self.model.values() if hwaddr and lease.hwaddr == hwaddr]
            self.same_clients(Identifier(IdentifierKind.HW_ADDRESS, hwaddr), owned)
        for client_id in CLIENT_IDS:
            owned = [lease for lease in self.model.values() if client_id and lease.client_id == client_id]
            self.same_clients(Identifier(IdentifierKind.CLIENT_ID, client_id), owned)
        counts = Counter((lease.subnet_id, lease.state, lease.type) for lease in self.model.values())
        self.case.assertEqual(dict(counts), nonzero(self.case.wait(self.store.counts())))

    def same_clients(self, identifier: Identifier, owned: list[Lease4]) -> None:
        """The store finds the leases of a client."""
        found = self.case.wait(self.store.by_client(identifier))
        self.case.assertEqual(sorted(owned), sorted(found), str(identifier))

    def teardown(self) -> None:
        """The end."""
        if hasattr(self, "store"):
            self.case.wait(self.store.close())
