"""Texts that would hurt whoever takes them for more than texts, in every field of every database."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.real.listened import ListenedCassandra, ListenedMariaDB, ListenedPostgres, ListenedRedis
from txkea.model.configuration import Configuration, Database, Host, OptionData
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.paths import Paths
from txkea.providers import host_store, lease_store
from txkea.testing.contracts.leases import deferred
from txkea.testing.contracts.samples import SAMPLES4, SAMPLES6, Samples
from txkea.testing.contracts.samples_hosts import HOSTS4, HOSTS6, INJECTIONS, HostSamples
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

if TYPE_CHECKING:
    Base = SynchronousTestCase
else:
    Base = object

T = TypeVar("T")

HARMLESS: Final = ("one.example.org", "two", "three, and four")
PROBES: Final = {"SELECT 1", "SELECT ?", " INFO", " PING"}
"""What a database is asked once a second."""
HARMFUL: Final = (
    *INJECTIONS,
    "'; DROP TABLE lease4;--", "'; DROP TABLE lease6;--", '"; DROP TABLE lease4;--', "\\'; DELETE FROM lease4; #",
    "1 OR 1=1", "' OR ''='", "') ON CONFLICT DO UPDATE SET hostname = ('", "/* x */ -- \\", "$$; SELECT 1; $$",
    "'; TRUNCATE txkea.lease4; //", "' IF NOT EXISTS USING TTL 1", "APPLY BATCH;",
    "$8\r\nFLUSHALL\r\n", "redis.call('FLUSHALL')", "]] redis.call('FLUSHALL') --[[", "KEYS *",
    "*)(uid=*))(|(uid=*", "{0}{1!r}", "%n%x%d", "__proto__", '{"$ref": "#"}', "x,y,z", "\t", "\n", "\u0085",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), "a" * 60,
)  # fmt: skip
"""Of SQL, CQL, Redis, Lua, LDAP, formats, CSV, JSON, shells and terminals (hostile.md C24)."""
MISUSE: Final = re.compile("DROP TABLE IF EXISTS extra|FLUSHALL|^extra$")
BYTES: Final = "\udcff\udc80'\udc85"
"""A name of a client's that is no UTF-8 (PEP 383)."""


def remarks(text: str) -> str:
    """A user context with a text in names and values."""
    return json.dumps({text: text, "$ref": text, "__proto__": {"x": [text, None]}}, ensure_ascii=False)


class Leases(Base):
    """What a lease store keeps of such texts."""

    server: Any

    def setUp(self) -> None:
        self.database = self.server.launch()
        self.database.fresh()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        return wait(awaitable, reactor)

    def all(self, calls: Iterable[Awaitable[T]]) -> list[T]:
        """What several calls at once give."""
        return self.wait(gatherResults([deferred(call) for call in calls]))

    def configuration(self, family: int) -> Configuration:
        """One that names the database."""
        parameters = self.database.parameters()
        database = Database(type=parameters.pop("type"), parameters=parameters)
        return Configuration(family=family, lease_database=database, hosts_databases=(database,))

    def opened(self, store: Any) -> Any:
        """The store, open until the test ends."""
        self.wait(store.open())
        self.addCleanup(lambda: self.wait(store.close()))
        return store

    def surroundings(self) -> dict[str, Any]:
        """What a store is made with."""
        return {"reactor": reactor, "log": RecordingLog(), "paths": Paths()}

    def test_leases4(self) -> None:
        """Of DHCPv4."""
        self.leases(SAMPLES4)

    def test_leases6(self) -> None:
        """Of DHCPv6."""
        self.leases(SAMPLES6)

    def test_more_is_heard(self) -> None:
        """The test can fail: a statement of another kind is heard among all others."""
        store = self.opened(lease_store(self.configuration(4), **self.surroundings()))
        ordinary = self.said(lambda: self.keeps(store, SAMPLES4, leases_with(SAMPLES4, HARMLESS)))
        told = self.said(self.database.misuse)
        self.addCleanup(getattr(self.database, "forgive", lambda: None))
        self.assertEqual(1, len([each for each in told - ordinary - PROBES if MISUSE.search(each)]), told)

    def leases(self, samples: Samples) -> None:
        """Each field comes back byte for byte, and the database is told nothing that it is not told otherwise."""
        store = self.opened(lease_store(self.configuration(samples.family), **self.surroundings()))
        ordinary = self.said(lambda: self.keeps(store, samples, leases_with(samples, HARMLESS)))
        told = self.said(lambda: self.keeps(store, samples, leases_with(samples, (*HARMFUL, BYTES))))
        self.assertEqual(set(), told - ordinary - PROBES)

    def said(self, use: Any) -> set[str]:
        """What the database is told meanwhile."""
        self.database.listen()
        use()
        heard: set[str] = self.database.heard()
        self.assertTrue(heard)
        return heard

    def keeps(self, store: Any, samples: Samples, leases: Sequence[Any]) -> None:
        """One after the other added, found, changed, and at last removed."""
        main = next(iter(samples.clients))
        done = [True] * len(leases)
        self.assertEqual(done, self.all(store.add(lease) for lease in leases))
        self.assertEqual(leases, self.all(store.get(lease.address) for lease in leases))
        for kind in samples.clients:
            found = self.all(store.by_client(samples.client(lease, kind)) for lease in leases)
            self.assertEqual(leases, [lease for lease, those in zip(leases, found, strict=True) if lease in those])
        self.assertEqual([], [*self.wait(store.by_client(Identifier(main, b"stranger")))])
        self.assertCountEqual(leases, self.wait(store.page(None, 1 << 10)))
        others = [*leases[1:], *leases[:1]]
        changed = [one._replace(hostname=other.hostname) for one, other in zip(leases, others, strict=True)]
        self.assertEqual(done, self.all(store.update(*each) for each in zip(changed, leases, strict=True)))
        self.assertEqual(changed, self.all(store.get(lease.address) for lease in leases))
        self.assertEqual(done, self.all(store.remove(lease) for lease in changed))
        self.assertEqual([], [*self.wait(store.page(None, 1 << 10))])


class Hosts(Leases):
    """What a store of reservations keeps of them, too."""

    def test_hosts4(self) -> None:
        """Of DHCPv4."""
        self.hosts(HOSTS4)

    def test_hosts6(self) -> None:
        """Of DHCPv6."""
        self.hosts(HOSTS6)

    def hosts(self, samples: HostSamples) -> None:
        """Each field comes back byte for byte, and the database is told nothing that it is not told otherwise."""
        store = self.opened(host_store(self.configuration(samples.family), 0, **self.surroundings()))
        ordinary = self.said(lambda: self.reserves(store, [*hosts_with(samples, HARMLESS)]))
        told = self.said(lambda: self.reserves(store, [*hosts_with(samples, HARMFUL)]))
        self.assertEqual(set(), told - ordinary - PROBES)

    def reserves(self, store: Any, hosts: Sequence[Host]) -> None:
        """One after the other added, found, and at last removed."""
        for host in hosts:
            self.assertIs(True, self.wait(store.add(host)), host)
        self.assertEqual(hosts, self.all(store.find([host.identifier], host.subnet_id) for host in hosts))
        found = self.all(store.at(host.addresses[0], host.subnet_id) for host in hosts)
        self.assertEqual([[host] for host in hosts], [[*each] for each in found])
        for host in hosts:
            self.assertIs(True, self.wait(store.remove(host)))
        self.assertEqual({None}, {*self.all(store.find([host.identifier], host.subnet_id) for host in hosts)})


def leases_with(samples: Samples, texts: Sequence[str]) -> list[Any]:
    """A lease with each text wherever one fits."""
    leases = []
    for number, text in enumerate(texts, 1):
        octets = text.encode("utf-8", "surrogateescape")
        lease: Any = samples.example._replace(
            address=samples.many(number), hostname=text, user_context="{}" if text == BYTES else remarks(text)
        )
        client = {"client_id": octets} if samples.family == 4 else {"duid": octets.ljust(3, b"'")}
        leases.append(lease._replace(hwaddr=octets[:16], **client))
    return leases


def hosts_with(samples: HostSamples, texts: Sequence[str]) -> Iterator[Host]:
    """A reservation with each text wherever one fits."""
    for number, text in enumerate(texts, 1):
        octets = text.encode()
        option = OptionData(code=222, space=f"dhcp{samples.family}", payload=octets)
        host = samples.host(
            number,
            identifier=Identifier(IdentifierKind.FLEX_ID, octets),
            hostname=text,
            options=(option,),
            client_classes=() if "," in text or text != text.strip() else (text,),
            user_context=json.loads(remarks(text)),
        )
        yield evolve(host, server_hostname=text[:15], boot_file_name=text[:31]) if samples.family == 4 else host


class PostgresTests(Hosts, SynchronousTestCase):
    """PostgreSQL, by its log of statements."""

    server = ListenedPostgres


class MariaDBTests(Hosts, SynchronousTestCase):
    """MariaDB, by its general log."""

    server = ListenedMariaDB


class CassandraTests(Hosts, SynchronousTestCase):
    """Cassandra, by its tables."""

    server = ListenedCassandra


class RedisTests(Leases, SynchronousTestCase):
    """Redis, by its monitor."""

    server = ListenedRedis
