"""`txkea.cassandra.hosts` over a real node."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Sequence
from hashlib import sha256
from typing import Any, ClassVar, TypeVar

from attrs import evolve
from hypothesis import settings
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.real.cassandra import Cassandra
from txkea.cassandra.factory import CASSANDRA_ADMIN, CASSANDRA_HOSTS
from txkea.cassandra.hosts import CassandraHosts
from txkea.cassandra.hosts_encoding import hash_of
from txkea.errors import TxkeaError
from txkea.interfaces import IHostStore
from txkea.model.configuration import Configuration, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.paths import Paths
from txkea.providers import Surroundings
from txkea.testing.contracts.hosts import FEW, HostStoreContract, HostStoreContract6
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

__all__ = ["CassandraHosts4Tests", "CassandraHosts6Tests", "CassandraHostsTests"]

T = TypeVar("T")


class CassandraHostsCase(SynchronousTestCase):
    """Stores over the node that all tests share."""

    family = 4
    session: ClassVar[Any] = None
    """Behind the stores' backs."""

    def setUp(self) -> None:
        super().setUp()
        self.node = Cassandra.launch()
        self.log = RecordingLog()
        if self.session is None:
            admin = CASSANDRA_ADMIN.make(self.node.parameters(), self.site(True))
            if not self.wait(admin.version()).version:
                self.wait(admin.init())
            session: Any = self.node.nodes[0].connect()
            session.set_keyspace(self.node.keyspace)
            CassandraHostsCase.session = session

    def site(self, unique: bool) -> Surroundings:
        """For the family of this test."""
        configuration = Configuration(family=self.family, ip_reservations_unique=unique)
        return Surroundings(configuration=configuration, reactor=reactor, log=self.log, paths=Paths())

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        return wait(awaitable, reactor)

    def empty(self) -> None:
        """Delete all reservations; quicker than to truncate a table."""
        for partition in self.session.execute("SELECT DISTINCT family, subnet_id FROM reservation"):
            self.session.execute("DELETE FROM reservation WHERE family = %s AND subnet_id = %s", partition)

    def made(self, unique: bool = True, readonly: bool = False) -> CassandraHosts:
        """Another store over the same hosts, not yet open."""
        store: CassandraHosts = CASSANDRA_HOSTS.make(self.node.parameters(readonly=readonly), self.site(unique))
        return store

    def opened(self, unique: bool = True) -> CassandraHosts:
        """The same, open until the test ends."""
        store = self.made(unique)
        self.wait(store.open())
        self.addCleanup(lambda: self.wait(store.close()))
        return store


class CassandraHosts4Tests(CassandraHostsCase, HostStoreContract):
    """The contract."""

    few = settings(FEW, max_examples=6)

    def make_store(self, *, unique: bool = True, readonly: bool = False) -> CassandraHosts:
        self.empty()
        return self.made(unique, readonly)

    def reopen(self, store: IHostStore) -> CassandraHosts:
        self.wait(store.close())
        again = self.made()
        self.wait(again.open())
        return again


class CassandraHosts6Tests(HostStoreContract6, CassandraHosts4Tests):
    """The same for DHCPv6."""

    family = 6


class CassandraHostsTests(CassandraHostsCase):
    """What is so only here."""

    def setUp(self) -> None:
        super().setUp()
        self.empty()
        self.store = self.opened()

    def host(self, number: int, **fields: Any) -> Host:
        """One of very many."""
        identifier = Identifier(IdentifierKind.HW_ADDRESS, b"\2\0" + number.to_bytes(4, "big"))
        address = (0x0A000000 + number).to_bytes(4, "big")
        return Host(**{"identifier": identifier, "subnet_id": 1, "addresses": (address,), **fields})

    def all(self, calls: Iterable[Awaitable[T]]) -> list[T]:
        """What many calls give that are made at once."""

        async def run(call: Awaitable[T]) -> T:
            return await call

        return self.wait(gatherResults([Deferred.fromCoroutine(run(call)) for call in calls], consumeErrors=True))

    def pages(self, limit: int) -> Iterator[Sequence[Host]]:
        """All hosts, page by page."""
        page = self.wait(self.store.page(0, limit))
        while page.hosts:
            yield page.hosts
            page = self.wait(self.store.page(page.next, limit))

    def test_many(self) -> None:
        """What is added at once is added in few rounds, and all of it is there."""
        hosts = [self.host(number, subnet_id=number % 2) for number in range(1000)]
        self.assertEqual(self.all(map(self.store.add, hosts)), [True] * len(hosts))
        self.assertEqual(self.all(map(self.store.add, hosts)), [False] * len(hosts))
        found = [host for page in self.pages(300) for host in page]
        self.assertEqual(sorted(found, key=str), sorted(hosts, key=str))

    def test_two_servers(self) -> None:
        """Of two servers that reserve the same at once one succeeds, however often it happens."""
        other = self.opened()
        for number in range(20):
            one, two = self.host(number), self.host(number + 1000, addresses=self.host(number).addresses)
            done = self.all([self.store.add(one), other.add(two), self.store.add(two), other.add(one)])
            self.assertEqual(sum(done), 1, number)
            at = self.wait(self.store.at(one.addresses[0], 1))
            self.assertEqual(list(at), [one if done[0] or done[3] else two])

    def test_shared_by_two_servers(self) -> None:
        """Where addresses may be reserved more than once, two servers lose none of each other's hosts."""
        stores = (self.opened(unique=False), self.opened(unique=False))
        hosts = [self.host(number, addresses=self.host(0).addresses) for number in range(20)]
        self.all(stores[number % 2].add(host) for number, host in enumerate(hosts))
        found = self.wait(stores[0].at(hosts[0].addresses[0], 1))
        self.assertEqual(sorted(found, key=str), sorted(hosts, key=str))
        self.assertEqual(self.all(stores[number % 2].remove(host) for number, host in enumerate(hosts)), [True] * 20)
        self.assertEqual(self.wait(stores[1].at(hosts[0].addresses[0], 1)), ())

    def test_same_number(self) -> None:
        """Hosts that have the same place in the order of pages are given together."""
        seen: dict[int, Identifier] = {}
        for number in range(1_000_000):
            identifier = Identifier(IdentifierKind.FLEX_ID, sha256(str(number).encode()).digest())
            twin = seen.setdefault(hash_of(identifier), identifier)
            if twin != identifier:
                break
        twins = [Host(identifier=twin, subnet_id=1), Host(identifier=identifier, subnet_id=1)]
        others = [self.host(number, subnet_id=number % 3) for number in range(9)]
        self.all(map(self.store.add, [*twins, *others]))
        for limit in (1, 2, 3):
            found = [*self.pages(limit)]
            self.assertEqual(sum(map(len, found)), 11)
            self.assertEqual(
                [len(page) for page in found if twins[0] in page], [len(page) for page in found if twins[1] in page]
            )

    def test_too_large(self) -> None:
        """A host that is too large for Cassandra is refused with a reason, and those beside it are added."""
        large = self.host(1, user_context={"text": "x" * 2_000_000})

        async def refused() -> str:
            try:
                await self.store.add(large)
            except TxkeaError as error:
                return str(error)
            return ""

        adds = [self.store.add(self.host(2)), self.store.add(self.host(3))]
        reason, *added = self.all([refused(), *adds])
        self.assertIn("more than a million bytes", str(reason))
        self.assertEqual(added, [True, True])

    def test_families(self) -> None:
        """Servers of both families may share a keyspace, and see nothing of each other's hosts."""
        one = self.host(1, hostname="same", addresses=())
        self.family = 6
        other = self.opened()
        self.assertEqual(self.all([self.store.add(one), other.add(evolve(one, hostname="Same"))]), [True, True])
        for found in (self.store.by_hostname("SAME"), self.store.by_identifier(one.identifier)):
            self.assertEqual(list(self.wait(found)), [one])
        self.assertEqual(list(self.wait(self.store.page(0, 9)).hosts), [one])
