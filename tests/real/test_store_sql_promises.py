"""What lease stores in PostgreSQL and MariaDB promise beyond the contract: older schemas, races, faults, plans."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from collections.abc import Awaitable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.real.databases import DatabaseServer, MariaDB, Postgres
from tests.real.plain import plain
from tests.real.proxies import AFTER, BEFORE, Proxy
from tests.real.servers import KEA4, Server
from tests.real.surroundings import surroundings
from txkea.backend.gathering import PATIENCE
from txkea.errors import Unavailable
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease4, Lease6, LeaseState
from txkea.sql import statements
from txkea.sql.factory import MYSQL_LEASES, POSTGRESQL_LEASES
from txkea.sql.leases import SqlLeases
from txkea.sql.statements import execute
from txkea.testing.contracts.leases import deferred
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

T = TypeVar("T")

TABLE: Final = "lease4"
DUID: Final = b"\0\3\0\1\2\0\0\0\0\1"
OPPOSITE: Final = str.maketrans("+-", "-+")
"""POSIX counts zones the other way round."""
KEA: Final = {
    "interfaces-config": {"interfaces": []},
    "control-socket": {"socket-type": "unix", "socket-name": "@DIRECTORY@/control"},
    "hooks-libraries": [{"library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so"}],
    "subnet4": [{"id": 1, "subnet": "10.0.0.0/8"}],
    "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]}],
}
FACTORIES = {"postgresql": POSTGRESQL_LEASES, "mysql": MYSQL_LEASES}


def lease4(number: int, **changes: Any) -> Lease4:
    """The lease of an address of 10.0.0.0/8."""
    octets = number.to_bytes(3, "big")
    return Lease4(b"\x0a" + octets, b"\2\0\0" + octets, b"\1" + octets, 3600, 1_900_000_000, 1)._replace(**changes)


def lease6(address: str, length: int = 128, **changes: Any) -> Lease6:
    """The lease of an address, or of a prefix."""
    kind = 0 if length == 128 else 2
    packed = bytes.fromhex(address).ljust(16, b"\0")
    lease = Lease6(packed, b"", DUID, 3600, 1_900_000_000, 1, type=kind, prefix_length=length)
    return lease._replace(**changes)


class Abroad(Server):
    """A server five hours behind UTC."""

    def environment(self) -> Mapping[str, str]:
        return {**super().environment(), "TZ": "<far>+05"}


class Stores(SynchronousTestCase):
    """Stores over one kind of database server."""

    server: ClassVar[type[DatabaseServer]]

    def setUp(self) -> None:
        self.database = self.server.launch().fresh()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        return wait(awaitable, reactor)

    def made(self, family: int = 4, **parameters: Any) -> SqlLeases:
        """A store, not yet open."""
        self.log = RecordingLog()
        given = self.database.parameters(**parameters)
        store: SqlLeases = FACTORIES[self.database.kind].make(given, surroundings(family, self.log))
        self.addCleanup(lambda: self.wait(store.close()))
        return store

    def opened(self, family: int = 4, **parameters: Any) -> SqlLeases:
        """An open store."""
        store = self.made(family, **parameters)
        self.wait(store.open())
        return store

    def together(self, calls: Iterable[Awaitable[T]]) -> list[T | Exception]:
        """What several calls at once give, or raise."""

        async def caught(call: Awaitable[T]) -> T | Exception:
            try:
                return await call
            except Unavailable as error:
                return error

        return self.wait(gatherResults([deferred(caught(call)) for call in calls]))

    def counted(self) -> dict[tuple[int, int], int]:
        """Leases by subnet and state, one by one."""
        rows = self.database.execute("SELECT subnet_id, state, count(*) FROM lease4 GROUP BY subnet_id, state")
        return {(subnet, state): count for subnet, state, count in rows if state < 2}

    def kept(self) -> dict[tuple[int, int], int]:
        """The same as the triggers have it."""
        rows = self.database.execute("SELECT subnet_id, state, leases FROM lease4_stat")
        return {(subnet, state): count for subnet, state, count in rows if count}


class Promises(Stores):
    """Those of both kinds."""

    longest: int
    """Octets of the longest client identifier."""
    old: str
    """The version of Kea 1.4's schema."""
    newer: bytes
    """Statements that make of the tables at hand, as far as leases go, those of newer Keas."""
    pool = 7

    def test_two_servers(self) -> None:
        """Of two servers that take, renew and end the same leases at once each hears what it did; counts stay true."""
        stores = [self.opened(), self.opened()]
        leases = [[lease4(n, hwaddr=bytes((2, 0, 0, 0, number, n))) for n in range(60)] for number in (0, 1)]
        calls = [
            store.add(lease) for pair in zip(*leases, strict=True) for store, lease in zip(stores, pair, strict=True)
        ]
        taken = self.together(calls)
        for n in range(60):
            self.assertEqual({False, True}, {*(taken[2 * n : 2 * n + 2])}, str(taken))
        there = [leases[0 if taken[2 * n] is True else 1][n] for n in range(60)]
        moved = [lease._replace(subnet_id=2, state=int(LeaseState.DECLINED)) for lease in there]
        renewed = self.together(
            call
            for lease, was in zip(moved, reversed(there), strict=True)
            for call in (stores[0].update(lease, lease._replace(subnet_id=1, state=0)), stores[1].remove(was))
        )
        self.assertEqual(60, sum(outcome is True for outcome in renewed))
        self.assertEqual(self.counted(), self.kept())

    def test_one_address_in_one_group(self) -> None:
        """What is asked of one address in one turn happens in that order, and costs one change of the row."""
        store = self.opened()
        first = lease4(1)
        second, third = first._replace(expires=1_900_000_001), first._replace(expires=1_900_000_002, subnet_id=7)
        outcomes = self.together(
            [
                store.add(first),
                store.add(second),
                store.update(second, first),
                store.update(third, first),
                store.update(third, second),
                store.remove(second),
            ]
        )
        self.assertEqual([True, False, True, False, True, False], outcomes)
        self.assertEqual(third, self.wait(store.get(first.address)))
        self.assertEqual([True, True], self.together([store.remove(third), store.add(first)]))
        self.assertEqual({(1, 0): 1}, self.kept())

    def test_poison(self) -> None:
        """A lease that the database refuses fails alone, with what it said; those beside it are stored."""
        store = self.opened()
        self.database.execute("DELETE FROM lease_state WHERE state = 3")
        leases = [lease4(n, state=3 if n == 13 else 0) for n in range(40)]
        outcomes = self.together(store.add(lease) for lease in leases)
        self.assertIsInstance(outcomes.pop(13), Unavailable)
        self.assertEqual([True] * 39, outcomes)
        self.assertEqual({(1, 0): 39}, self.kept())

    def test_too_long(self) -> None:
        """What is too long for its column is refused before it is sent, and the error names the column."""
        store = self.opened()
        for change, name in (
            ({"hostname": "h" * 256}, "hostname"),
            ({"client_id": bytes(self.longest + 1)}, "client_id"),
        ):
            error = self.assertRaises(Unavailable, self.wait, store.add(lease4(1, **change)))
            self.assertIn(f"its {name} is longer than", str(error))
        lease = lease4(1, hostname="h" * 255, client_id=bytes(self.longest))
        self.assertTrue(self.wait(store.add(lease)))
        self.assertEqual(lease, self.wait(store.get(lease.address)))

    def test_times(self) -> None:
        """The database's own clock and zone agree on when a lease ends; what no column holds comes back."""
        store = self.opened()
        table = {
            lease4(1): 1_900_000_000,
            lease4(2, valid_lifetime=INFINITE, expires=1_900_000_000 + INFINITE): 1_900_000_000,
        }
        for lease, second in table.items():
            self.assertTrue(self.wait(store.add(lease)))
            self.assertEqual(second, self.second(lease.address))
        late = lease4(3, expires=1 << 41, user_context='{ "a": 1 }')
        self.assertTrue(self.wait(store.add(late)))
        self.assertEqual(late, self.wait(store.get(late.address)))
        self.assertEqual([late], [*self.wait(store.expired((1 << 41) + 1, 0))][1:])
        self.assertEqual([], [*self.wait(store.expired(1 << 41, 0))][1:])

    def test_zones(self) -> None:
        """Where database and Kea have one zone, whichever, Kea and txkea read the same second in each other's rows."""
        self.abroad("-05:00")
        self.addCleanup(self.abroad, "+00:00")
        template = json.dumps({"Dhcp4": {**KEA, "lease-database": plain(self.database)}})
        server = Abroad(KEA4, template, Path(tempfile.mkdtemp(prefix="txkea-")))
        self.addCleanup(shutil.rmtree, server.directory)
        server.start()
        self.addCleanup(server.close)
        theirs = {"ip-address": "10.0.0.7", "hw-address": "02:00:00:00:00:07", "subnet-id": 1, "valid-lft": 3600}
        self.assertEqual(0, server.tell("lease4-add", **theirs, expire=1_900_000_000)["result"])
        store = self.opened()
        self.assertEqual(1_900_000_000, self.wait(store.get(b"\x0a\0\0\7")).expires)
        self.assertTrue(self.wait(store.add(lease4(8))))
        seen = server.tell("lease4-get", **{"ip-address": "10.0.0.8"})["arguments"]
        self.assertEqual(1_900_000_000, seen["cltt"] + seen["valid-lft"])

    def abroad(self, zone: str) -> None:
        """Give the database another zone."""
        raise NotImplementedError

    def test_unix_socket(self) -> None:
        """A host that begins with a slash is a UNIX socket; close() ends what is under way in good order."""
        store = self.opened(host=self.place(), user=self.administrator)
        begun = deferred(store.add(lease4(1)))
        self.wait(store.close())
        self.assertTrue(self.wait(begun))
        self.assertEqual({(1, 0): 1}, self.counted())

    administrator: str

    def place(self) -> str:
        """The UNIX socket of the server."""
        raise NotImplementedError

    def test_old_schema(self) -> None:
        """The tables of Kea 1.4 are used: what they cannot keep is refused, or is no difference."""
        self.database.create_database("old")
        self.database.load_schema("old", self.old)
        store = self.opened(name="old")
        lease = lease4(1, hostname="one.example.org", pool_id=7)
        later = lease._replace(expires=1_900_000_100, subnet_id=2, state=int(LeaseState.RELEASED))
        self.assertTrue(self.wait(store.add(lease)))
        self.assertFalse(self.wait(store.add(lease)))
        self.assertTrue(self.wait(store.update(later, lease)))
        self.assertEqual(later._replace(pool_id=0), self.wait(store.get(lease.address)))
        self.assertEqual({(2, 3, 0): 1}, {key: count for key, count in self.wait(store.counts()).items() if count})
        error = self.assertRaises(Unavailable, self.wait, store.add(lease4(2, user_context="{}")))
        self.assertIn("user_context", str(error))
        six = self.opened(6, name="old")
        address = lease6("20010db8", hwaddr=b"\2\0\0\0\0\1", hwtype=1, hwaddr_source=8, iaid=0xFFFFFFFF)
        self.assertTrue(self.wait(six.add(address)))
        self.assertEqual([address], [*self.wait(six.by_client(Identifier(IdentifierKind.DUID, address.duid)))])

    def test_new_schema(self) -> None:
        """IPv6 addresses that are no text, as in Kea's newer tables, are used alike, and come in their order."""
        self.database.create_database("new")
        self.database.load_schema("new")
        self.database.feed("new", self.newer)
        store = self.opened(6, name="new")
        leases = [lease6(f"20010db8000{n}", 48) for n in (1, 2, 4)] + [lease6("20010db80009000000000000000000ff", 128)]
        self.assertEqual([True] * 4, self.together(store.add(lease) for lease in reversed(leases)))
        for inside in (lease6("20010db800010002", 64), lease6("20010db80002" + "0" * 19 + "7"), lease6("20010db8", 32)):
            self.assertFalse(self.wait(store.add(inside)))
        self.assertEqual([leases[3]], [*self.wait(store.overlapping(lease6("20010db80009", 64).address, 64))])
        self.assertEqual(leases, [*self.wait(store.page(None, 9))])
        self.assertEqual(leases[2:], [*self.wait(store.page(leases[1].address, 9))])
        later = leases[0]._replace(expires=2_000_000_000, prefix_length=47, pool_id=self.pool)
        wider = later._replace(address=leases[1].address)
        self.assertEqual([True, True], self.together([store.update(wider, leases[1]), store.remove(leases[3])]))
        self.assertFalse(self.wait(store.update(later._replace(prefix_length=46), leases[0])))
        self.assertEqual(wider, self.wait(store.get(wider.address)))

    def test_no_tables(self) -> None:
        """An empty database is refused with the mend, and so is one whose table lacks a column."""
        self.database.create_database("empty")
        error = self.assertRaises(Unavailable, self.wait, self.made(name="empty").open())
        self.assertIn("txkea db init", str(error))
        self.database.load_schema("empty", self.old)
        self.database.feed("empty", b"ALTER TABLE lease4 DROP COLUMN fqdn_rev;")
        error = self.assertRaises(Unavailable, self.wait, self.made(name="empty").open())
        self.assertIn("table lease4 lacks the column fqdn_rev", str(error))
        self.assertIn("txkea db upgrade", str(error))

    def test_unreadable(self) -> None:
        """A row that is no lease, which somebody wrote by hand, is told and left alone; all others are served."""
        store = self.opened(6)
        leases = [lease6(f"20010db80000000{number}", 64) for number in (1, 2, 3)]
        self.assertEqual([True] * 3, self.together(map(store.add, leases)))
        self.database.execute("UPDATE lease6 SET address = '2001:db8::oops' WHERE address = '2001:db8:0:2::'")
        self.assertEqual([leases[0], leases[2]], [*self.wait(store.page(None, 2))])
        self.assertEqual({leases[0], leases[2]}, {*self.wait(store.by_client(Identifier(IdentifierKind.DUID, DUID)))})
        self.assertIn("'2001:db8::oops'", " ".join(self.log.texts("TXKEA_LEASE_UNREADABLE")))

    def test_wrong_place(self) -> None:
        """A server that is not there, or does not know us, is an error that names it, not the password."""
        for changes in ({"port": 1}, {"password": "hunter2"}, {"name": "nothing"}):
            error = self.assertRaises(Unavailable, self.wait, self.made(**changes).open())
            self.assertIn(f"at 127.0.0.1 port {changes.get('port', self.database.port)}", str(error))
            self.assertNotIn("hunter2", str(error))

    def test_restarted(self) -> None:
        """While the server is away every call fails at once; two seconds after it is back all works again."""
        store = self.opened(reconnect_wait_time=200)
        self.assertTrue(self.wait(store.add(lease4(1))))
        self.database.kill()
        self.assertRaises(Unavailable, self.wait, store.add(lease4(2)))
        began = time.monotonic()
        self.assertRaises(Unavailable, self.wait, store.get(lease4(1).address))
        self.assertLess(time.monotonic() - began, 0.5)
        self.database.start()
        self.until_back(store, 2)
        self.assertEqual(lease4(1), self.wait(store.get(lease4(1).address)))
        self.assertTrue(self.wait(store.add(lease4(2))))

    def test_frozen(self) -> None:
        """A server that does nothing any more is noticed within 5 s: nobody waits longer; later it is used again."""
        store = self.opened(reconnect_wait_time=200)
        self.assertTrue(self.wait(store.add(lease4(1))))
        self.database.freeze()
        self.addCleanup(self.database.thaw)
        began = time.monotonic()
        outcomes = self.together(
            [store.get(lease4(1).address), store.by_client(Identifier(IdentifierKind.CLIENT_ID, b"1"))]
        )
        self.assertEqual([True] * 2, [isinstance(outcome, Unavailable) for outcome in outcomes])
        self.assertLess(time.monotonic() - began, 6)
        self.database.thaw()
        self.until_back(store, 8)
        self.assertEqual(lease4(1), self.wait(store.get(lease4(1).address)))

    def until_back(self, store: SqlLeases, seconds: float) -> None:
        """The store can be used within some seconds."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.wait(store.get(bytes(4)))
            except Unavailable:
                reactor.iterate(0.05)
            else:
                return
        self.fail(f"the store is not back within {seconds} s")

    def test_cut_at_commit(self) -> None:
        """A connection that is lost in COMMIT: what is committed is acknowledged, what is not is not answered."""
        proxy = Proxy(self.database.kind, self.database.port)
        self.addCleanup(proxy.close)
        store = self.opened(port=proxy.port, reconnect_wait_time=100)
        for number, (when, outcome) in enumerate([(AFTER, True), (BEFORE, Unavailable)] * 3):
            lease = lease4(number)
            self.wait(store.get(lease.address))  # what a connection begins with has a COMMIT, too
            proxy.tell(cut=when)
            (came,) = self.together([store.add(lease)])
            self.assertIs(outcome, came if came is True else type(came), str(came))
            self.until_back(store, 5)
            self.assertEqual(lease if came is True else None, self.wait(store.get(lease.address)))

    def test_indexes(self) -> None:
        """Each statement finds its rows by an index; only the few counts of subnets are read as they are."""
        store = self.opened()
        leases = [lease4(n) for n in range(1000)]
        self.together(store.add(lease) for lease in leases)
        time.sleep(PATIENCE)  # a store that was busy refuses new clients for a moment
        heard: list[tuple[str, Any]] = []

        def hear(session: Any, statement: str, values: Any = None) -> Any:
            if re.search(rf"(FROM|UPDATE) {TABLE}\b", statement):
                heard.append((statement, values))
            return execute(session, statement, values)

        self.patch(statements, "execute", hear)
        few = leases[:20]
        calls = [
            *(store.get(lease.address) for lease in few),
            *(store.by_client(Identifier(IdentifierKind.HW_ADDRESS, lease.hwaddr)) for lease in few),
            *(store.by_client(Identifier(IdentifierKind.CLIENT_ID, lease.client_id)) for lease in few),
            store.page(leases[500].address, 10),
            store.expired(0, 10),
            store.reclaimed(0, 10),
            store.counts(),
            *(store.update(lease._replace(expires=2_000_000_000), lease) for lease in few[:10]),
            *(store.remove(lease) for lease in few[10:]),
        ]
        self.assertEqual([], [came for came in self.together(calls) if isinstance(came, Exception)])
        self.assertLessEqual(8, len({statement for statement, _ in heard}))
        with self.database.engine.connect() as session:
            for statement, values in heard:
                self.assertEqual([], self.scans(session, statement, values), statement)

    def scans(self, session: Any, statement: str, values: Any) -> list[str]:
        """Those parts of the plan of a statement that read a whole table."""
        raise NotImplementedError

    def second(self, address: bytes) -> int:
        """When a lease ends, as an administrator sees it in a zone far from here."""
        raise NotImplementedError


class PostgreSQLTests(Promises):
    """PostgreSQL."""

    server = Postgres
    longest = 2000
    old = "4.0"
    administrator = "postgres"

    def place(self) -> str:
        return str(self.database.directory / "run")

    def abroad(self, zone: str) -> None:
        self.database.execute(f"ALTER DATABASE kea SET timezone = '<far>{zone.translate(OPPOSITE)}'")

    newer = b"""
        ALTER TABLE lease6 ALTER COLUMN address TYPE INET USING address::inet;
        ALTER TABLE lease6 ADD COLUMN pool_id BIGINT NOT NULL DEFAULT 0;
    """

    def scans(self, session: Any, statement: str, values: Any) -> list[str]:
        session.exec_driver_sql("SET enable_seqscan = off")
        lines = [line for (line,) in session.exec_driver_sql(f"EXPLAIN {statement}", values)]
        return [line for line in lines if f"Seq Scan on {TABLE}" in line]

    def second(self, address: bytes) -> int:
        (row,) = self.database.execute(
            "SELECT extract(epoch FROM expire)::bigint FROM lease4 WHERE address = :address",
            address=int.from_bytes(address, "big"),
        )
        return int(row[0])


class MariaDBTests(Promises):
    """MariaDB."""

    server = MariaDB
    longest = 128
    old = "6.0"
    administrator = "kea"

    def place(self) -> str:
        return str(self.database.directory / "run" / "socket")

    def abroad(self, zone: str) -> None:
        self.database.execute("SET GLOBAL time_zone = :zone", zone=zone)

    newer = b"""
        ALTER TABLE lease6 MODIFY COLUMN address BINARY(16) NOT NULL;
        ALTER TABLE lease6 ADD COLUMN pool_id INT UNSIGNED NOT NULL DEFAULT 0;
    """

    def scans(self, session: Any, statement: str, values: Any) -> list[str]:
        rows = session.exec_driver_sql(f"EXPLAIN {statement}", values).mappings().all()
        return [str(row) for row in rows if row["table"] == TABLE and not row["key"]]

    def second(self, address: bytes) -> int:
        (row,) = self.database.execute(
            "SELECT UNIX_TIMESTAMP(expire) FROM lease4 WHERE address = :address", address=int.from_bytes(address, "big")
        )
        return int(row[0])


del Promises, Stores
