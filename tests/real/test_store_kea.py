"""Kea 2.2 and txkea on a database that ``txkea db init`` has made, with hosts that either has written."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, ClassVar

from sqlalchemy import create_engine, text
from twisted.trial.unittest import SynchronousTestCase

from tests.real.beside import Beside
from tests.real.bindings6 import bindings
from tests.real.choosing import Choosing4, Choosing6
from tests.real.databases import MariaDB, Postgres
from tests.real.dialect6 import cid, na, pd
from tests.real.packets import DISCOVER
from tests.real.packets import Query as Query4
from tests.real.packets6 import SOLICIT
from tests.real.packets6 import Query as Query6
from tests.real.plain import NAME, plain
from tests.real.servers import KEA4, KEA6, ROOT, TXKEA4, TXKEA6
from txkea.testing.namespaces import requires_root

OURS = "ours"
ADMIN = {"postgresql": "pgsql", "mysql": "mysql"}


class OnOurs(Beside):
    """Servers with leases and hosts in our own database; mix it into a test case."""

    timeout = 120
    reservation: ClassVar[dict[str, Any]]
    """What is written by ``txkea hosts copy``."""

    def setUp(self) -> None:
        super().setUp()
        self.parameters = {**plain(self.database), "name": OURS}
        self.database.create_database(OURS)
        self.engine = create_engine(self.database.url(OURS))
        self.addCleanup(self.engine.dispose)
        if self.database.kind == "mysql":
            self.execute(f"GRANT ALL ON {OURS}.* TO '{NAME}'@'%'")
        self.place = f"{self.database.kind}://{NAME}@127.0.0.1:{self.database.port}/{OURS}"
        self.txkea("db", "init", self.place)

    def txkea(self, *words: str) -> str:
        """What a command of ours prints."""
        passwords = dict.fromkeys(("TXKEA_PASSWORD", "TXKEA_TO_PASSWORD"), NAME)
        done = self.link.there.run([sys.executable, "-m", "txkea", *words], env={"PYTHONPATH": str(ROOT), **passwords})
        return done.stdout

    def kea_admin(self, *words: str) -> str:
        """What Kea's own tool prints."""
        where = ["-u", NAME, "-p", NAME, "-n", OURS, "-h", "127.0.0.1", "-P", str(self.database.port)]
        command, *more = words
        # For a dump it forgets the port.
        port = {"PGPORT": str(self.database.port)}
        return self.link.there.run(["kea-admin", command, ADMIN[self.database.kind], *where, *more], env=port).stdout

    def execute(self, statement: str, **values: Any) -> list[Any]:
        """What an administrator's statement brings."""
        with self.engine.begin() as session:
            found = session.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    def both(self) -> None:
        """Start Kea and txkea."""
        more = {"lease-database": self.parameters, "hosts-database": self.parameters}
        self.pair(more, more)

    def copy_reservation(self) -> None:
        """Write a host as txkea does."""
        path = Path(self.mktemp()).absolute()
        tree = {**self.served, "reservations": [], **self.with_reservation(self.reservation)}
        path.write_text(json.dumps({f"Dhcp{self.family}": tree}).replace("@DIRECTORY@", str(path.parent)))
        self.txkea("hosts", "copy", f"-{self.family}", f"reservations:{path}", self.place)

    def with_reservation(self, reservation: dict[str, Any]) -> dict[str, Any]:
        """The subnets, one with a reservation."""
        key = f"subnet{self.family}"
        (subnet,) = self.served[key]
        return {key: [{**subnet, "reservations": [reservation]}]}

    def insert(self, table: str, **values: Any) -> None:
        """A row as Kea would write it."""
        names = ", ".join(values)
        self.execute(f"INSERT INTO {table} ({names}) VALUES ({', '.join(f':{name}' for name in values)})", **values)

    def test_leases(self) -> None:
        """Kea and txkea serve side by side with it, show the same leases, and kea-admin takes it for its own."""
        version = {"postgresql": "13.0", "mysql": "14.0"}[self.database.kind]
        self.assertIn(version, self.kea_admin("db-version"))
        self.assertIn("can be used", self.txkea("db", "version", self.place))
        self.both()
        load = self.load(20)
        for number in (0, 1):
            self.meet(load, number)
            load.take(self.addresses[number], range(10 * number, 10 * number + 10))
        self.none_violated(load)
        self.agree()
        dump = Path(self.mktemp()).absolute()
        self.kea_admin("lease-dump", f"-{self.family}", "-o", str(dump))
        header, *rows = dump.read_text().splitlines()
        self.assertTrue(header.startswith("address,"))
        self.assertEqual({row.partition(",")[0] for row in rows}, set(self.leases(1)))
        self.assertEqual({len(row.split(",")) for row in rows}, {len(header.split(","))})


class OnOurs4(OnOurs):
    """DHCPv4."""

    skip = requires_root("kea-dhcp4")
    family = 4
    products = (KEA4, TXKEA4)
    load_kind = Choosing4
    served = {"subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.16.0.0/24"}]}]}
    reservation: ClassVar[dict[str, Any]] = {
        "hw-address": "02:00:00:aa:00:01",
        "ip-address": "10.20.0.1",
        "hostname": "printer.example.org",
        "boot-file-name": "printer.img",
        "next-server": "10.9.9.9",
        "option-data": [
            {"name": "routers", "data": "10.0.0.1, 10.0.0.2"},
            {"code": 222, "csv-format": False, "data": "00FF27"},
        ],
    }

    def offered(self, load: Any, number: int, last: int) -> Any:
        """What a server offers to a client with a reservation."""
        load.turn_to(self.addresses[number])
        answer = load.ask(Query4(DISCOVER, bytes((2, 0, 0, 0xAA, 0, last)), ((55, bytes((3, 222))),)))
        self.assertIsNotNone(answer, "no offer")
        return answer

    def test_our_host(self) -> None:
        """F009: a host that txkea has written is honoured by Kea as by txkea, with all it has."""
        self.copy_reservation()
        self.both()
        load = self.load(1)
        for number in (0, 1):
            answer = self.offered(load, number, 1)
            self.assertEqual(
                (answer.yiaddr, answer.siaddr, answer.options[3], answer.options[222]),
                ("10.20.0.1", "10.9.9.9", bytes((10, 0, 0, 1, 10, 0, 0, 2)), b"\0\xff'"),
            )

    def test_their_host(self) -> None:
        """F012: a host in Kea's words, an option being text, is honoured by txkea as by Kea."""
        self.insert(
            "hosts", dhcp_identifier=bytes((2, 0, 0, 0xAA, 0, 2)), dhcp_identifier_type=0, dhcp4_subnet_id=1,
            ipv4_address=0x0A140002, hostname="theirs", dhcp4_next_server=0x0A090909,
        )  # fmt: skip
        ((host,),) = self.execute("SELECT host_id FROM hosts")
        self.insert(
            "dhcp4_options", code=3, formatted_value="10.0.0.3", space="dhcp4", scope_id=3, host_id=host,
            dhcp4_subnet_id=1,
        )  # fmt: skip
        self.both()
        load = self.load(1)
        for number in (0, 1):
            answer = self.offered(load, number, 2)
            self.assertEqual(
                (answer.yiaddr, answer.siaddr, answer.options[3]), ("10.20.0.2", "10.9.9.9", bytes((10, 0, 0, 3)))
            )


class OnOurs6(OnOurs):
    """DHCPv6."""

    skip = requires_root("kea-dhcp6")
    family = 6
    products = (KEA6, TXKEA6)
    load_kind = Choosing6
    served = {
        "data-directory": "@DIRECTORY@",
        "preferred-lifetime": 3000,
        "subnet6": [
            {
                "id": 1,
                "subnet": "2001:db8::/32",
                "pools": [{"pool": "2001:db8:8::/118"}],
                "pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 46, "delegated-len": 56}],
            }
        ],
    }
    reservation: ClassVar[dict[str, Any]] = {
        "duid": "00:03:00:01:02:00:00:aa:00:01",
        "ip-addresses": ["2001:db8:9::1"],
        "prefixes": ["2001:db8:9100::/56"],
        "option-data": [{"name": "dns-servers", "data": "2001:db8::53"}],
    }

    def meet(self, load: Any, number: int) -> None:
        load.meet(self.addresses[number])

    def offered(self, load: Any, number: int, last: int) -> Any:
        """What a server advertises to a client with a reservation."""
        load.meet(self.addresses[number])
        load.turn_to(self.addresses[number])
        client = bytes((0, 3, 0, 1, 2, 0, 0, 0xAA, 0, last))
        answer = load.ask(Query6(SOLICIT, (cid(client), na(1), pd(1), (6, b"\0\x17"))))
        self.assertIsNotNone(answer, "no advertisement")
        return answer

    def test_our_host(self) -> None:
        """F009: a host that txkea has written is honoured by Kea as by txkea, with all it has."""
        self.copy_reservation()
        self.both()
        load = self.load(1)
        for number in (0, 1):
            answer = self.offered(load, number, 1)
            found = bindings(answer)
            self.assertIn("2001:db8:9::1", str(found))
            self.assertIn("2001:db8:9100::", str(found))
            self.assertEqual(dict(answer.options)[23][-2:], b"\0\x53")


class Postgres4Tests(OnOurs4, SynchronousTestCase):
    """On PostgreSQL."""

    database_kind = Postgres


class MariaDB4Tests(OnOurs4, SynchronousTestCase):
    """On MariaDB."""

    database_kind = MariaDB


class Postgres6Tests(OnOurs6, SynchronousTestCase):
    """On PostgreSQL."""

    database_kind = Postgres


class MariaDB6Tests(OnOurs6, SynchronousTestCase):
    """On MariaDB."""

    database_kind = MariaDB
