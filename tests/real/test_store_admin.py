"""``txkea db`` over real database servers: made, recognised, brought up to date; and Kea itself on what was made."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Any, ClassVar, TypeVar

from attrs import evolve
from sqlalchemy import Inspector, create_engine, inspect, text
from twisted.internet import reactor
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.real.databases import DATABASES, PASSWORD, USER
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import IDatabaseAdmin, Schema
from txkea.model.configuration import Configuration, Database, Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.paths import Paths
from txkea.providers import Surroundings, database_admin
from txkea.sql.hosts import MYSQL_HOSTS, POSTGRESQL_HOSTS
from txkea.sql.schema import TABLES, VERSIONS
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

T = TypeVar("T")

OLD: dict[str, Sequence[str]] = {
    "postgresql": (
        "CREATE TABLE schema_version (version int PRIMARY KEY, minor int)",
        "INSERT INTO schema_version VALUES (4, 0)",
        "CREATE TABLE lease_state (state int8 PRIMARY KEY, name varchar(64))",
        "INSERT INTO lease_state VALUES (0, 'default'), (1, 'declined'), (2, 'expired-reclaimed')",
        "CREATE TABLE lease_hwaddr_source (hwaddr_source int PRIMARY KEY, name varchar(40))",
        "CREATE TABLE lease4 (address bigint PRIMARY KEY, hwaddr bytea, client_id bytea, valid_lifetime bigint,"
        " expire timestamptz, subnet_id bigint, fqdn_fwd boolean, fqdn_rev boolean, hostname varchar(255),"
        " state int8 DEFAULT 0)",
        "CREATE TABLE lease6 (address varchar(39) PRIMARY KEY, duid bytea, valid_lifetime bigint, expire timestamptz,"
        " subnet_id bigint, pref_lifetime bigint, lease_type smallint, iaid int, prefix_len smallint, fqdn_fwd boolean,"
        " fqdn_rev boolean, hostname varchar(255), state int8 DEFAULT 0, hwaddr bytea, hwtype smallint,"
        " hwaddr_source smallint)",
        "CREATE TABLE hosts (host_id serial PRIMARY KEY, dhcp_identifier bytea NOT NULL,"
        " dhcp_identifier_type smallint NOT NULL, dhcp4_subnet_id int, dhcp6_subnet_id int, ipv4_address bigint,"
        " hostname varchar(255), dhcp4_client_classes varchar(255), dhcp6_client_classes varchar(255),"
        " dhcp4_next_server bigint, dhcp4_server_hostname varchar(64), dhcp4_boot_file_name varchar(128),"
        " user_context text)",
        "CREATE TABLE ipv6_reservations (reservation_id serial PRIMARY KEY, address varchar(39) NOT NULL,"
        " prefix_len smallint NOT NULL DEFAULT 128, type smallint NOT NULL DEFAULT 0, dhcp6_iaid int,"
        " host_id int NOT NULL)",
        *(
            f"CREATE TABLE dhcp{family}_options (option_id serial PRIMARY KEY, code int NOT NULL, value bytea,"
            " formatted_value text, space varchar(128), persistent boolean NOT NULL DEFAULT false,"
            f" dhcp_client_class varchar(128), dhcp{family}_subnet_id int, host_id int, scope_id smallint NOT NULL)"
            for family in (4, 6)
        ),
    ),
    "mysql": (
        "CREATE TABLE schema_version (version int PRIMARY KEY, minor int)",
        "INSERT INTO schema_version VALUES (6, 0)",
        "CREATE TABLE lease_state (state int unsigned PRIMARY KEY, name varchar(64))",
        "INSERT INTO lease_state VALUES (0, 'default'), (1, 'declined'), (2, 'expired-reclaimed')",
        "CREATE TABLE lease_hwaddr_source (hwaddr_source int unsigned PRIMARY KEY, name varchar(40))",
        "CREATE TABLE lease4 (address int unsigned PRIMARY KEY, hwaddr varbinary(20), client_id varbinary(128),"
        " valid_lifetime int unsigned, expire timestamp NULL, subnet_id int unsigned, fqdn_fwd bool, fqdn_rev bool,"
        " hostname varchar(255), state int unsigned DEFAULT 0)",
        "CREATE TABLE lease6 (address varchar(39) PRIMARY KEY, duid varbinary(128), valid_lifetime int unsigned,"
        " expire timestamp NULL, subnet_id int unsigned, pref_lifetime int unsigned, lease_type tinyint,"
        " iaid int unsigned, prefix_len tinyint unsigned, fqdn_fwd bool, fqdn_rev bool, hostname varchar(255),"
        " hwaddr varbinary(20), hwtype smallint unsigned, hwaddr_source int unsigned, state int unsigned DEFAULT 0)",
        "CREATE TABLE hosts (host_id int unsigned AUTO_INCREMENT PRIMARY KEY, dhcp_identifier varbinary(128) NOT NULL,"
        " dhcp_identifier_type tinyint NOT NULL, dhcp4_subnet_id int unsigned, dhcp6_subnet_id int unsigned,"
        " ipv4_address int unsigned, hostname varchar(255), dhcp4_client_classes varchar(255),"
        " dhcp6_client_classes varchar(255), dhcp4_next_server int unsigned, dhcp4_server_hostname varchar(64),"
        " dhcp4_boot_file_name varchar(128), user_context text)",
        "CREATE TABLE ipv6_reservations (reservation_id int unsigned AUTO_INCREMENT PRIMARY KEY,"
        " address varchar(39) NOT NULL, prefix_len tinyint unsigned NOT NULL DEFAULT 128,"
        " type tinyint unsigned NOT NULL DEFAULT 0, dhcp6_iaid int unsigned, host_id int unsigned NOT NULL)",
        *(
            f"CREATE TABLE dhcp{family}_options (option_id int unsigned AUTO_INCREMENT PRIMARY KEY,"
            " code smallint unsigned NOT NULL, value blob, formatted_value text, space varchar(128),"
            f" persistent bool NOT NULL DEFAULT 0, dhcp_client_class varchar(128), dhcp{family}_subnet_id int unsigned,"
            " host_id int unsigned, scope_id tinyint unsigned NOT NULL)"
            for family in (4, 6)
        ),
    ),
}
"""The columns that Kea 1.4 had (Kea E029-E038); of the rest only what tells the version."""
FACTORIES = {"postgresql": POSTGRESQL_HOSTS, "mysql": MYSQL_HOSTS}
VERSION14 = {"postgresql": "4.0", "mysql": "6.0"}


class AdminCase(SynchronousTestCase):
    """A database of its own beside that of the other tests."""

    kind: ClassVar[str] = "postgresql"
    name: ClassVar[str] = "empty"

    def setUp(self) -> None:
        self.server = DATABASES[self.kind].launch()
        self.server.create_database(self.name)
        owner: Any = {
            "username": USER,
            "password": PASSWORD,
            "host": "127.0.0.1",
            "port": self.server.port,
            "query": {},
        }
        self.engine = create_engine(self.server.url(self.name).set(**owner))
        self.addCleanup(self.engine.dispose)

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        return wait(awaitable, reactor, 60.0)

    def parameters(self, **changes: Any) -> dict[str, Any]:
        """The map of the database."""
        return {**self.server.parameters(**changes), "name": changes.get("name", self.name)}

    def admin(self, **changes: Any) -> IDatabaseAdmin:
        """What makes the database ready."""
        parameters = self.parameters(**changes)
        return database_admin(
            Database(type=parameters.pop("type"), parameters=parameters),
            "lease-database",
            Configuration(family=4),
            reactor=reactor,
            log=RecordingLog(),
            paths=Paths(),
        )

    def execute(self, *statements: str) -> list[Any]:
        """What the last of an administrator's statements brings."""
        with self.engine.begin() as session:
            results = [session.execute(text(each)) for each in statements]
            return list(results[-1]) if results[-1].returns_rows else []


class PostgresAdminTests(AdminCase):
    """Tables made and recognised."""

    def test_interface(self) -> None:
        """It provides IDatabaseAdmin, and says which database it is about."""
        admin = self.admin()
        self.assertTrue(verifyObject(IDatabaseAdmin, admin))
        self.assertIn(f"empty on 127.0.0.1 port {self.server.port}", admin.name)

    def test_init(self) -> None:
        """An empty database gets all tables once; what is there already is left alone."""
        admin = self.admin()
        before: Schema = self.wait(admin.version())
        self.assertEqual((before.version, before.recognised), ("", ""))
        self.assertIn("txkea db init", before.problem)
        done = self.wait(admin.init())
        self.assertIn("table lease4", done)
        after: Schema = self.wait(admin.version())
        version = ".".join(map(str, VERSIONS[self.kind]))
        self.assertEqual((after.version, after.problem), (version, ""))
        self.assertIn("Kea 2.2", after.recognised)
        with self.assertRaises(TxkeaError) as raised:
            self.wait(admin.init())
        self.assertIn("has tables already", str(raised.exception))
        self.assertEqual([], list(self.wait(admin.upgrade())))

    def test_same_columns(self) -> None:
        """Each table that is made has the columns and types of the one that kea-admin makes."""
        self.wait(self.admin().init())
        ours, keas = inspect(self.engine), inspect(self.server.engine)
        for seen in (ours, keas):
            self.assertGreaterEqual({*seen.get_table_names()}, {*TABLES.tables})
        mine, theirs = ({name: self.columns(seen, name) for name in TABLES.tables} for seen in (ours, keas))
        self.maxDiff = None
        self.assertEqual(mine, theirs)

    def columns(self, seen: Inspector, table: str) -> dict[str, Any]:
        """The columns of a table and their types; not the key of the logs, which Kea has in MySQL alone."""
        found = seen.get_columns(table)
        kinds = {each["name"]: (str(each["type"]).partition(" COLLATE")[0], each["nullable"]) for each in found}
        if table == "logs":
            kinds.pop("id", None)
        return kinds

    def test_counts(self) -> None:
        """E050: triggers count leases by subnet and state, whatever becomes of them."""
        self.wait(self.admin().init())
        self.execute("INSERT INTO lease4 (address, subnet_id, state) VALUES (1, 1, 0), (2, 1, 0), (3, 1, 1), (4, 2, 2)")
        self.execute(
            "UPDATE lease4 SET state = 1 WHERE address = 1", "UPDATE lease4 SET subnet_id = 7 WHERE address = 2"
        )
        self.execute("UPDATE lease4 SET hostname = 'x'", "DELETE FROM lease4 WHERE address = 3")
        self.execute("INSERT INTO lease6 (address, subnet_id, lease_type, state) VALUES ('2001:db8::', 1, 2, 0)")
        counts = "SELECT subnet_id, state, leases FROM lease4_stat WHERE leases > 0 ORDER BY 1, 2"
        self.assertEqual([tuple(row) for row in self.execute(counts)], [(1, 1, 1), (7, 0, 1)])
        counts = "SELECT subnet_id, lease_type, state, leases FROM lease6_stat"
        self.assertEqual([tuple(row) for row in self.execute(counts)], [(1, 2, 0, 1)])

    def test_recognised(self) -> None:
        """What kea-admin has made is Kea's, and can be used as it is."""
        found: Schema = self.wait(self.admin(name="kea").version())
        self.assertEqual((found.version, found.recognised), (".".join(map(str, VERSIONS[self.kind])), "Kea 2.2"))
        self.assertEqual(found.problem, "")
        lacking = "" if self.kind == "mysql" else "it lacks index lease6_by_number; mend: txkea db upgrade"
        self.assertEqual(found.advice, lacking)

    def test_somebody_elses(self) -> None:
        """A database with tables of something else is told from an empty one, and never changed."""
        self.execute("CREATE TABLE invoices (number int)")
        found: Schema = self.wait(self.admin().version())
        self.assertEqual((found.version, found.recognised), ("", ""))
        self.assertIn("something else", found.problem)
        for change in (self.admin().init, self.admin().upgrade):
            with self.assertRaises(TxkeaError):
                self.wait(change())
        self.assertEqual(inspect(self.engine).get_table_names(), ["invoices"])

    def test_unreachable(self) -> None:
        """A database that is not there, and a password that is wrong, are told."""
        for changes in ({"name": "nowhere"}, {"password": "wrong"}, {"port": 9}):
            with self.assertRaises(Unavailable):
                self.wait(self.admin(**changes).version())

    def test_upgrade(self) -> None:
        """E041: a database of Kea 1.4 gets what it lacks, keeps what it has, and can be upgraded again."""
        self.execute(*OLD[self.kind])
        self.execute(
            "INSERT INTO lease4 (address, subnet_id, hostname, state) VALUES (1, 1, 'kept', 0), (2, 1, NULL, 1)",
            "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, dhcp6_subnet_id)"
            " VALUES ('abc', 0, 1, 0), ('def', 0, 0, 7)",
        )
        admin = self.admin()
        before: Schema = self.wait(admin.version())
        self.assertEqual((before.version, before.recognised), (VERSION14[self.kind], "Kea 1.4"))
        self.assertIn("txkea db upgrade", before.problem)
        done = self.wait(admin.upgrade())
        self.assertIn("column hosts.auth_key", done)
        after: Schema = self.wait(admin.version())
        self.assertEqual((after.version, after.problem), (before.version, ""))
        self.assertEqual([], list(self.wait(admin.upgrade())))
        rows = self.execute("SELECT dhcp4_subnet_id, dhcp6_subnet_id FROM hosts ORDER BY host_id")
        self.assertEqual([tuple(row) for row in rows], [(1, None), (None, 7)])
        self.execute("INSERT INTO lease4 (address, subnet_id, state) VALUES (3, 1, 0)")
        counts = self.execute("SELECT subnet_id, state, leases FROM lease4_stat ORDER BY 1, 2")
        self.assertEqual([tuple(row) for row in counts], [(1, 0, 2), (1, 1, 1)])
        self.assertEqual(self.execute("SELECT hostname FROM lease4 WHERE address = 1")[0][0], "kept")

    def test_hosts_of_kea_14(self) -> None:
        """E041: in a database of Kea 1.4 subnet 0 is no reservation at all; what it has no place for is refused."""
        self.execute(*OLD[self.kind])
        self.execute(
            "INSERT INTO hosts (dhcp_identifier, dhcp_identifier_type, dhcp4_subnet_id, dhcp6_subnet_id)"
            " VALUES ('abc', 1, 7, 0), ('def', 1, 0, 7)"
        )
        surroundings = Surroundings(
            configuration=Configuration(family=4), reactor=reactor, log=RecordingLog(), paths=Paths()
        )
        store: Any = FACTORIES[self.kind].make(self.parameters(), surroundings)
        self.wait(store.open())
        self.addCleanup(lambda: self.wait(store.close()))
        abc, unused = Identifier(IdentifierKind.DUID, b"abc"), Identifier(IdentifierKind.DUID, b"def")
        one = Host(identifier=abc, subnet_id=7)
        self.assertEqual(self.wait(store.find([unused, abc], 7)), one)
        self.assertIsNone(self.wait(store.find([unused], 0)))
        self.assertEqual(list(self.wait(store.page(0, 9)).hosts), [one])
        with self.assertRaises(TxkeaError) as raised:
            self.wait(store.add(evolve(one, subnet_id=0)))
        self.assertIn("txkea db upgrade", str(raised.exception))
        self.assertIs(True, self.wait(store.add(evolve(one, subnet_id=8))))
        self.assertIs(True, self.wait(store.remove(one)))
        self.assertEqual([host.subnet_id for host in self.wait(store.page(0, 9)).hosts], [8])


class MariaDBAdminTests(PostgresAdminTests):
    """The same in MariaDB."""

    kind = "mysql"
