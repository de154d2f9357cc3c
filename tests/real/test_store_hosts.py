"""`txkea.sql.hosts` over PostgreSQL and MariaDB with the tables that kea-admin makes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, ClassVar, TypeVar

from attrs import evolve
from hypothesis import settings
from sqlalchemy import Engine, event
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.real.databases import DATABASES
from txkea.errors import TxkeaError
from txkea.model.configuration import Configuration, Host, OptionData
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.paths import Paths
from txkea.providers import Surroundings
from txkea.sql.hosts import MYSQL_HOSTS, POSTGRESQL_HOSTS, SqlHosts
from txkea.testing.contracts.hosts import FEW, HostStoreContract, HostStoreContract6
from txkea.testing.disks import RecordingLog
from txkea.testing.waiting import wait

T = TypeVar("T")

DUID = Identifier(IdentifierKind.DUID, b"abc")
FACTORIES = {"postgresql": POSTGRESQL_HOSTS, "mysql": MYSQL_HOSTS}


class SqlHostsCase(SynchronousTestCase):
    """Stores over one database server."""

    kind: ClassVar[str] = "postgresql"
    family = 4

    def setUp(self) -> None:
        super().setUp()
        self.database = DATABASES[self.kind].launch()
        self.log = RecordingLog()

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives, or raises."""
        return wait(awaitable, reactor)

    def opened(self, unique: bool = True, **parameters: Any) -> SqlHosts:
        """Another store over the same hosts, not yet open."""
        surroundings = Surroundings(
            configuration=Configuration(family=self.family, ip_reservations_unique=unique),
            reactor=reactor,
            log=self.log,
            paths=Paths(),
        )
        store: SqlHosts = FACTORIES[self.kind].make(self.database.parameters(**parameters), surroundings)
        return store


class PostgresRowsTests(SqlHostsCase):
    """What others have written, and what many ask for at once."""

    def setUp(self) -> None:
        super().setUp()
        self.database.fresh()
        self.stores = [self.of_family(family) for family in (4, 6)]

    def of_family(self, family: int) -> SqlHosts:
        """A store of one family, open until the end of the test."""
        self.family = family
        store = self.opened()
        self.wait(store.open())
        self.addCleanup(lambda: self.wait(store.close()))
        return store

    def insert(self, table: str, **values: Any) -> int:
        """A row as somebody else would write it; gives the newest ``host_id``."""
        names = ", ".join(values)
        self.database.execute(
            f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})", **values
        )
        ((number,),) = self.database.execute("SELECT max(host_id) FROM hosts")
        return int(number)

    def shared(self) -> tuple[Host, Host]:
        """One row of both families, and its hosts."""
        number = self.insert(
            "hosts", dhcp_identifier=b"abc", dhcp_identifier_type=1, dhcp4_subnet_id=1, dhcp6_subnet_id=2,
            ipv4_address=0xC0000201, hostname="both", dhcp4_client_classes="a, b", dhcp6_client_classes="c",
        )  # fmt: skip
        self.insert("dhcp4_options", code=3, value=b"\xc0\0\2\1", space="dhcp4", scope_id=3, host_id=number)
        self.insert("dhcp6_options", code=23, formatted_value="2001:db8::1", space="dhcp6", scope_id=3, host_id=number)
        self.insert("ipv6_reservations", address="2001:db8::7", host_id=number)
        four, six = (self.wait(store.find([DUID], subnet)) for store, subnet in zip(self.stores, (1, 2), strict=True))
        assert four is not None and six is not None
        return four, six

    def test_one_row_of_both(self) -> None:
        """F010: one row serves both families, and each reads its own part."""
        four, six = self.shared()
        self.assertEqual((four.addresses, four.client_classes), ((b"\xc0\0\2\1",), ("a", "b")))
        self.assertEqual((six.addresses[0][-1], six.client_classes), (7, ("c",)))
        self.assertEqual([four.options[0].name, six.options[0].name], ["routers", "dns-servers"])
        self.assertEqual(six.options[0].payload[-1], 1)

    def test_changing_one_of_both(self) -> None:
        """F010: whatever is done to one family's part, the other's stays as it is."""
        (four, six), (store4, store6) = self.shared(), self.stores
        changed = evolve(four, hostname="four", options=())
        self.assertIs(True, self.wait(store4.update(changed, four)))
        self.assertEqual(self.wait(store4.find([DUID], 1)), changed)
        self.assertEqual(self.wait(store6.find([DUID], 2)), six)
        self.assertIs(True, self.wait(store4.remove(changed)))
        self.assertEqual(self.wait(store6.find([DUID], 2)), six)
        four, six = self.shared_again(six)
        self.assertIs(True, self.wait(store6.remove(six)))
        self.assertEqual(self.wait(store4.find([DUID], 1)), four)

    def shared_again(self, six: Host) -> tuple[Host, Host]:
        self.assertIs(True, self.wait(self.stores[1].remove(six)))
        self.assertEqual(self.database.execute("SELECT host_id FROM hosts"), [])
        return self.shared()

    def test_broken_option(self) -> None:
        """F012: an option that cannot be understood is left out, and told once with the number of its host."""
        number = self.insert("hosts", dhcp_identifier=b"abc", dhcp_identifier_type=1, dhcp4_subnet_id=1)
        for code, value in ((3, "no address"), (15, "example.org")):
            self.insert("dhcp4_options", code=code, formatted_value=value, scope_id=3, host_id=number)
        for _ in range(2):
            host = self.wait(self.stores[0].find([DUID], 1))
            assert host is not None
            self.assertEqual([option.name for option in host.options], ["domain-name"])
        told = [line for line in self.log.lines if "TXKEA_HOST_OPTION_UNUSABLE" in str(line)]
        self.assertEqual(len(told), 1)
        self.assertIn(f"host_id {number}: option 3 ", str(told[0]))

    def test_no_place(self) -> None:
        """What the tables have no place for is refused with its name, and nothing is added."""
        option = OptionData(code=3, space="dhcp4", payload=b"\xc0\0\2\1", name="routers")
        one = Host(identifier=DUID, subnet_id=1)
        prefix = (b"\x20\x01\x0d\xb8" + bytes(12), 48)
        for store, host, word in (
            (self.stores[0], evolve(one, options=(evolve(option, never_send=True),)), "never-send"),
            (self.stores[0], evolve(one, options=(evolve(option, client_classes=("a",)),)), "client-classes"),
            (self.stores[0], evolve(one, client_classes=("a,b",)), "comma"),
            (self.stores[0], evolve(one, hostname="x" * 256), "cannot keep"),
            (self.stores[0], evolve(one, hostname="\0"), "NUL"),
            (
                self.stores[1],
                evolve(one, prefixes=(prefix,), excluded_prefixes=((prefix[0], 64),)),
                "excluded-prefixes",
            ),
        ):
            with self.assertRaises(TxkeaError) as raised:
                self.wait(store.add(host))
            self.assertIn(word, str(raised.exception))
        self.assertEqual(self.database.execute("SELECT host_id FROM hosts"), [])

    def test_together(self) -> None:
        """What many clients wait for is asked in few statements, and each gets its own."""
        store = self.stores[0]
        hosts = [
            Host(identifier=Identifier(IdentifierKind.HW_ADDRESS, bytes((number,))), subnet_id=1)
            for number in range(100)
        ]
        added = gatherResults([Deferred.fromCoroutine(store.add(host)) for host in hosts])
        self.assertEqual(self.wait(added), [True] * len(hosts))
        statements: list[str] = []

        def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
            statements.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        self.addCleanup(event.remove, Engine, "before_cursor_execute", note)
        found = gatherResults([Deferred.fromCoroutine(store.find([host.identifier], 1)) for host in hosts])
        self.assertEqual(self.wait(found), hosts)
        self.assertLess(len([each for each in statements if "dhcp_identifier" in each]), 6)


class MariaDBRowsTests(PostgresRowsTests):
    """The same in MariaDB."""

    kind = "mysql"


class PostgresHostsTests(SqlHostsCase, HostStoreContract):
    """The contract."""

    def setUp(self) -> None:
        super().setUp()
        self.database.fresh()

    few = settings(FEW, max_examples=8)

    def make_store(self, *, unique: bool = True, readonly: bool = False) -> SqlHosts:
        self.database.execute("DELETE FROM hosts")
        return self.opened(unique, readonly=readonly)

    def reopen(self, store: Any) -> SqlHosts:
        self.wait(store.close())
        again = self.opened()
        self.wait(again.open())
        return again


class PostgresHosts6Tests(HostStoreContract6, PostgresHostsTests):
    """The same of DHCPv6."""

    family = 6


class MariaDBHostsTests(PostgresHostsTests):
    """The same in MariaDB."""

    kind = "mysql"


class MariaDBHosts6Tests(PostgresHosts6Tests):
    """The same in MariaDB of DHCPv6."""

    kind = "mysql"
