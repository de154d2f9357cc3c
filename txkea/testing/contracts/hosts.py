"""What every `IHostSource` and every `IHostStore` promises."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, gatherResults
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from txkea.errors import TxkeaError
from txkea.interfaces import IHostSource, IHostStore
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.contracts.samples_hosts import HOSTS4, HOSTS6, SUBNET_IDS, HostSamples
from txkea.testing.hosts import MemoryHosts

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

__all__ = ["HostSourceContract", "HostSourceContract6", "HostStoreContract", "HostStoreContract6"]

T = TypeVar("T")

FEW: Final = settings(deadline=None, suppress_health_check=list(HealthCheck))


class HostSourceContract(SynchronousTestCase):
    """Mix into a test case whose `make_source` makes what is tested; a source of DHCPv6: `HostSourceContract6`.

    One whose calls need somebody's help to end overrides `wait`.
    """

    samples: HostSamples = HOSTS4
    few: settings = FEW
    """How often each promise is tried; a source behind a network may want less."""

    def make_source(self, hosts: Sequence[Host]) -> Any:
        """A source with these reservations: at most one for an identifier in a subnet."""
        raise NotImplementedError

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        outcome: list[Any] = []
        _begun(awaitable).addBoth(outcome.append)
        self.assertTrue(outcome, "the call has not ended; a source that waits for others overrides `wait`")
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return outcome[0]  # type: ignore[no-any-return]

    def find(self, source: Any, wanted: Sequence[Identifier], subnet_id: int) -> Host | None:
        """The host that a source finds."""
        host: Host | None = self.wait(source.find(wanted, subnet_id))
        return host

    def test_interface(self) -> None:
        """It provides IHostSource."""
        self.assertTrue(verifyObject(IHostSource, self.make_source([])))

    def test_find(self) -> None:
        """F025: the host of the first identifier, in the order given, that has one in this very subnet."""

        @self.few
        @given(self.samples.hosts, st.lists(self.samples.identifiers, max_size=4), SUBNET_IDS)
        def check(every: list[Host], wanted: list[Identifier], subnet_id: int) -> None:
            here = {host.identifier: host for host in every if host.subnet_id == subnet_id}
            expected = next((here[one] for one in wanted if one in here), None)
            self.assertEqual(self.find(self.make_source(every), wanted, subnet_id), expected)

        check()

    def test_every_host(self) -> None:
        """Each host is found by its own identifier, and by nobody else's or none."""
        stranger = Identifier(IdentifierKind.HW_ADDRESS, b"stranger")

        @self.few
        @given(self.samples.hosts)
        def check(every: list[Host]) -> None:
            source = self.make_source(every)
            for host in every:
                self.assertEqual(self.find(source, [stranger, host.identifier], host.subnet_id), host)
            for wanted in ([stranger], []):
                self.assertIsNone(self.find(source, wanted, 1))

        check()

    def test_at(self) -> None:
        """F003: all the hosts for which an address is reserved in this very subnet."""

        @self.few
        @given(self.samples.hosts, self.samples.addresses, SUBNET_IDS)
        def check(every: list[Host], address: bytes, subnet_id: int) -> None:
            expected = [host for host in every if host.subnet_id == subnet_id and address in host.addresses]
            self.assertCountEqual(self.wait(self.make_source(every).at(address, subnet_id)), expected)

        check()


class HostSourceContract6(HostSourceContract):
    """The same for a source of DHCPv6, which also knows of delegated prefixes."""

    samples = HOSTS6

    def test_prefixes(self) -> None:
        """A reserved prefix is found by its first address, as an address is."""

        @self.few
        @given(
            st.lists(st.tuples(self.samples.identifiers, SUBNET_IDS), max_size=6, unique=True), self.samples.prefixes
        )
        def check(every: list[tuple[Identifier, int]], prefix: tuple[bytes, int]) -> None:
            hosts = [
                Host(identifier=identifier, subnet_id=subnet_id, prefixes=(prefix,)) for identifier, subnet_id in every
            ]
            source = self.make_source(hosts)
            for wanted in range(3):
                expected = [host for host in hosts if host.subnet_id == wanted]
                self.assertCountEqual(self.wait(source.at(prefix[0], wanted)), expected)

        check()


# -- stores ------------------------------------------------------------------------------------------------------------


class HostStoreContract(HostSourceContract):
    """Mix into a test case whose `make_store` makes what is tested; a store of DHCPv6: `HostStoreContract6`.

    A store that outlasts its process overrides `reopen`.
    """

    def make_store(self, *, unique: bool = True, readonly: bool = False) -> IHostStore:
        """A store without a reservation, not yet open; ``unique``: whether addresses are reserved once at most."""
        raise NotImplementedError

    def reopen(self, store: IHostStore) -> IHostStore:
        """Close a store and open another in its place, with the same reservations; this one keeps what it is given."""
        return store

    def make_source(self, hosts: Sequence[Host]) -> IHostStore:
        return self.store(*hosts, unique=False)

    def store(self, *hosts: Host, unique: bool = True, readonly: bool = False) -> IHostStore:
        """An open store with these reservations; the one before is closed."""
        if self._opened is None:
            self.addCleanup(self._close)
        else:
            self._close()
        store = self.make_store(unique=unique, readonly=readonly)
        self.wait(store.open())
        self._opened = store
        for host in hosts:
            self.assertIs(True, self.wait(store.add(host)))
        return store

    _opened: IHostStore | None = None

    def _close(self) -> None:
        assert self._opened is not None, "it was opened before"
        self.wait(self._opened.close())

    def again(self, store: IHostStore) -> IHostStore:
        """The same reservations, as who comes later finds them."""
        self._opened = self.reopen(store)
        return self._opened

    def everything(self, store: IHostStore, subnet_id: int | None = None, limit: int = 1000) -> list[Host]:
        """All reservations of a store, page by page."""
        found: list[Host] = []
        page = self.wait(store.page(0, limit, subnet_id))
        while page.hosts:
            self.assertLessEqual(len(page.hosts), limit)
            found += page.hosts
            page = self.wait(store.page(page.next, limit, subnet_id))
        return found

    def assert_same(self, hosts: Sequence[Host], others: Sequence[Host]) -> None:
        """The same reservations in any order."""
        self.assertEqual(sorted(hosts, key=_key), sorted(others, key=_key))

    # -- each method

    def test_store_interface(self) -> None:
        """It provides IHostStore."""
        store = self.store()
        self.assertTrue(verifyObject(IHostStore, store))
        self.assertIsInstance(store.name, str)
        self.assertIs(False, store.readonly)

    def test_starts_empty(self) -> None:
        """A fresh store has no reservation, whichever way one looks."""
        store, host = self.store(), self.samples.host(1)
        self.assertIsNone(self.find(store, [host.identifier], 1))
        for found in (
            store.at(host.addresses[0], 1),
            store.by_hostname(""),
            store.by_identifier(host.identifier),
            store.by_address(host.addresses[0]),
        ):
            self.assertEqual([], list(self.wait(found)))
        self.assertEqual([], self.everything(store))

    def test_add(self) -> None:
        """What has a reservation is not reserved again in its subnet, and can be in another or globally."""
        one, two = self.samples.host(1), self.samples.host(2)
        store = self.store(one)
        for twice in (
            one,
            evolve(one, addresses=two.addresses),
            evolve(one, addresses=()),
            evolve(two, addresses=one.addresses),
        ):
            self.assertIs(False, self.wait(store.add(twice)))
        self.assertEqual([one], self.everything(store))
        more = [two, evolve(one, subnet_id=0), evolve(one, subnet_id=2), evolve(one, subnet_id=0xFFFFFFFE)]
        for each in more:
            self.assertIs(True, self.wait(store.add(each)))
        self.assert_same([one, *more], self.everything(self.again(store)))

    def test_add_shared(self) -> None:
        """Where reserved addresses need not be unique, only an identifier's second reservation is refused."""
        one = self.samples.host(1)
        other = self.samples.host(2, addresses=one.addresses)
        store = self.store(one, other, unique=False)
        self.assertIs(False, self.wait(store.add(evolve(one, addresses=()))))
        self.assert_same([one, other], self.wait(store.at(one.addresses[0], 1)))

    def test_add_at_once(self) -> None:
        """Of several who reserve the same at once, one succeeds."""
        one = self.samples.host(1)
        store = self.store()
        rivals = [one, one, self.samples.host(2, addresses=one.addresses), one]
        done = self.wait(gatherResults([_begun(store.add(each)) for each in rivals], consumeErrors=True))
        self.assertEqual(sorted(done), [False, False, False, True])
        (kept,) = self.everything(store)
        self.assertEqual(kept, rivals[done.index(True)])

    def test_update(self) -> None:
        """A reservation is replaced by whoever knows it as it is, and by nobody else."""
        one, two = self.samples.host(1, hostname="one"), self.samples.host(2)
        store = self.store(one, two)
        new = evolve(one, hostname="new", addresses=(self.samples.address(3),), options=self.samples.options)
        self.assertIs(False, self.wait(store.update(new, evolve(one, hostname="former"))))
        absent = self.samples.host(4)
        self.assertIs(False, self.wait(store.update(absent, absent)))
        self.assert_same([one, two], self.everything(store))
        self.assertIs(True, self.wait(store.update(new, one)))
        self.assertIs(False, self.wait(store.update(new, one)))
        store = self.again(store)
        self.assert_same([new, two], self.everything(store))
        self.assertIs(True, self.wait(store.add(self.samples.host(5, addresses=one.addresses))), "it is free now")

    def test_update_of_what_is_taken(self) -> None:
        """What has another reservation is not reserved by an update either; what was there stays."""
        one, two = self.samples.host(1, hostname="one"), self.samples.host(2)
        store = self.store(one, two)
        self.assertIs(False, self.wait(store.update(evolve(one, addresses=two.addresses), one)))
        self.assert_same([one, two], self.everything(store))
        self.assertIs(True, self.wait(store.update(evolve(one, hostname="same address"), one)))

    def test_remove(self) -> None:
        """A reservation is deleted once, by its identifier and subnet; then all it reserved is free."""
        one, elsewhere = self.samples.host(1, options=self.samples.options), self.samples.host(1, subnet_id=2)
        store = self.store(one, elsewhere)
        self.assertIs(False, self.wait(store.remove(evolve(one, subnet_id=0))))
        self.assertIs(False, self.wait(store.remove(self.samples.host(2))))
        self.assertIs(True, self.wait(store.remove(evolve(one, hostname="whatever"))))
        self.assertIs(False, self.wait(store.remove(one)))
        store = self.again(store)
        self.assertEqual([elsewhere], self.everything(store))
        self.assertEqual([], list(self.wait(store.at(one.addresses[0], 1))))
        self.assertIs(True, self.wait(store.add(one)))

    def test_readonly(self) -> None:
        """E004: a store that is read-only says so, and refuses each change with a reason."""
        store, one = self.store(readonly=True), self.samples.host(1)
        self.assertIs(True, store.readonly)
        for change in (store.add(one), store.update(one, one), store.remove(one)):
            with self.assertRaises(TxkeaError) as raised:
                self.wait(change)
            self.assertIn("read-only", str(raised.exception))
        self.assertEqual([], self.everything(store))

    def test_pages(self) -> None:
        """Pages have each reservation once, of one subnet or of all, whatever is deleted on the way."""
        hosts = [self.samples.host(number, subnet_id=number % 3) for number in range(1, 20)]
        store = self.store(*hosts)
        for limit in (1, 2, 7, 19, 100):
            self.assert_same(hosts, self.everything(store, None, limit))
        for subnet_id in range(4):
            here = [host for host in hosts if host.subnet_id == subnet_id]
            self.assert_same(here, self.everything(store, subnet_id, 2))
        first = self.wait(store.page(0, 5))
        for host in first.hosts:
            self.wait(store.remove(host))
        rest = self.wait(store.page(first.next, 100))
        self.assert_same(hosts, [*first.hosts, *rest.hosts])

    def test_searches(self) -> None:
        """G056: reservations are found by host name in any case, by identifier, and by address, in all subnets."""
        one = self.samples.host(1, hostname="One.example.org")
        two = self.samples.host(2, hostname="one.EXAMPLE.org", subnet_id=2, addresses=one.addresses)
        three = self.samples.host(1, hostname="three", subnet_id=0, addresses=())
        store = self.store(one, two, three, self.samples.host(4))
        for found, expected in (
            (store.by_hostname("oNe.example.org"), [one, two]),
            (store.by_hostname("one.example.org", 2), [two]),
            (store.by_hostname("three", 0), [three]),
            (store.by_hostname("one"), []),
            (store.by_hostname("%"), []),
            (store.by_identifier(one.identifier), [one, three]),
            (store.by_identifier(one.identifier._replace(kind=IdentifierKind.FLEX_ID)), []),
            (store.by_address(one.addresses[0]), [one, two]),
            (store.by_address(self.samples.address(99)), []),
        ):
            self.assert_same(expected, self.wait(found))

    # -- anything

    def test_any_host(self) -> None:
        """Every reservation comes back as it went in, field by field, whichever way it is found."""

        @self.few
        @given(self.samples.every)
        def check(host: Host) -> None:
            store = self.again(self.store(host))
            self.assertEqual(host, self.find(store, [host.identifier], host.subnet_id))
            self.assertEqual([host], self.everything(store))
            for address in host.reserved:
                self.assertEqual([host], list(self.wait(store.at(address, host.subnet_id))))
            self.wait(store.remove(host))

        check()

    def test_any_history(self) -> None:
        """After any history the store holds what a dictionary would hold, and has said so all the time."""
        few = st.builds(
            lambda identifier, subnet_id, addresses, hostname: Host(
                identifier=identifier, subnet_id=subnet_id, addresses=addresses, hostname=hostname
            ),
            st.sampled_from([self.samples.host(number).identifier for number in range(3)]),
            SUBNET_IDS,
            st.just(()) | self.samples.addresses.map(lambda address: (address,)),
            st.sampled_from(("", "name")),
        )
        changes = st.sampled_from(("add", "add", "update", "remove"))

        @self.few
        @given(st.lists(st.tuples(changes, few, st.booleans()), max_size=12), st.booleans())
        def check(history: list[tuple[str, Host, bool]], unique: bool) -> None:
            store, model = self.store(unique=unique), MemoryHosts(unique=unique)
            for change, host, known in history:
                was = next((each for each in model.hosts if _key(each) == _key(host)), host) if known else host
                arguments = (host, was) if change == "update" else (host,)
                expected = self.wait(getattr(model, change)(*arguments))
                self.assertIs(expected, self.wait(getattr(store, change)(*arguments)), (change, arguments))
            self.assert_same(model.hosts, self.everything(store))

        check()


class HostStoreContract6(HostSourceContract6, HostStoreContract):
    """The same for a store of DHCPv6."""

    def test_several(self) -> None:
        """A client has several addresses and prefixes; none of them is reserved again, and all are kept in order."""
        one = self.samples.host(
            1,
            addresses=tuple(map(self.samples.address, (9, 3, 7))),
            prefixes=((self.samples.address(0x20), 128), (b"\x20\x01\x0d\xb8\xaa" + bytes(11), 56)),
        )
        store = self.store(one)
        for taken in one.addresses:
            self.assertIs(False, self.wait(store.add(self.samples.host(2, addresses=(taken,)))))
        for prefix in one.prefixes:
            self.assertIs(False, self.wait(store.add(self.samples.host(2, addresses=(), prefixes=(prefix,)))))
            self.assertEqual([one], list(self.wait(store.by_address(prefix[0]))))
        self.assertEqual(one, self.find(self.again(store), [one.identifier], 1))


def _key(host: Host) -> tuple[int, Identifier]:
    return host.subnet_id, host.identifier


def _begun(awaitable: Awaitable[T]) -> Deferred[T]:
    async def run() -> T:
        return await awaitable

    return Deferred.fromCoroutine(run())
