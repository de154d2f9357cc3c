"""``txkea leases copy`` and ``txkea hosts copy`` between real databases, and from Kea's own keyspace."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.leasing import lease, lease6
from tests.real.cassandra import Cassandra
from tests.real.databases import DATABASES
from tests.real.redis import Redis
from txkea.cli.root import main
from txkea.config.families import BY_NUMBER
from txkea.control.reservations import shown
from txkea.control.views import VIEWS
from txkea.leases.leasefile import ROWS
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier
from txkea.model.lease import INFINITE, Lease4, LeaseState, LeaseType
from txkea.testing.contracts.samples_hosts import HOSTS4, HOSTS6, INJECTIONS
from txkea.testing.namespaces import wait_for
from txkea.wire.text import address_text

__all__ = ["HostsTests", "InterruptedTests", "KeaTests", "LeasesTests"]

Row = Mapping[str, Any]
MANY: Final = int(os.environ.get("TXKEA_COPIED_LEASES", "8000"))
"""Leases of the copy that is interrupted."""


class CopyingCase(TestCase):
    """The commands, in this process."""

    timeout = 240

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)

    def path(self, name: str) -> str:
        """A file of this test."""
        return os.path.join(self.directory, name)

    def configured(self, name: str, parameters: dict[str, Any], hosts: bool = False) -> str:
        """A database, as the place that a configuration of both families names."""
        database = {"hosts-databases": [parameters]} if hosts else {"lease-database": parameters}
        Path(self.path(name)).write_text(json.dumps({"Dhcp4": database, "Dhcp6": database}), encoding="ascii")
        return f"config:{self.path(name)}"

    async def said(self, *words: str, status: int = 0) -> str:
        """What a command prints."""
        found: Result = await deferToThread(CliRunner().invoke, main, words)
        self.assertEqual(found.exit_code, status, (words, found.output, found.exception))
        return str(found.output)

    async def listed(self, what: str, family: int, *place: str) -> list[Any]:
        """What is in a place, in an order that stays."""
        text = await self.said(what, "export", f"-{family}", "--format", "jsonl", *place)
        return sorted(map(json.loads, text.splitlines()), key=str)


def lease_file(path: str, leases: Sequence[Any]) -> str:
    """A lease file, as a place."""
    rows = ROWS[4 if isinstance(leases[0], Lease4) else 6]
    layout = rows.schema.wanted(False)
    Path(path).write_bytes(layout.header + b"".join(map(rows.format(layout.width), leases)))
    return f"memfile:{path}"


LEASES: Final[dict[int, list[Any]]] = {
    4: [
        *(lease(number, hostname=f"host-{number}.example") for number in range(1, 200)),
        *(lease(200 + number, hostname=text.replace(",", ";")) for number, text in enumerate(INJECTIONS)),
        lease(250, client_id=b"", user_context='{"a": [1, "ä"]}'),
        lease(251, state=LeaseState.DECLINED, hwaddr=b"", client_id=b""),
        lease(252, valid_lifetime=INFINITE, expires=1_700_000_000 + INFINITE),
    ],
    6: [
        *(lease6(number, hostname=f"host-{number}.example") for number in range(1, 200)),
        lease6(201, iaid=0xFFFFFFFF, subnet_id=0xFFFFFFFE),
        lease6(202)._replace(address=bytes((0x20, 1)) + bytes(14), type=LeaseType.PD, prefix_length=56),
    ],
}


class LeasesTests(CopyingCase):
    """Leases go round all databases."""

    async def test_round(self) -> None:
        """From a lease file through every database into another lease file, every lease arrives as it was."""
        places = [
            *(self.configured(name, kind.launch().fresh().parameters()) for name, kind in DATABASES.items()),
            self.configured("cql", self.emptied(Cassandra.launch()).parameters()),
            self.configured("redis", self.emptied(Redis.launch()).parameters()),
            "",
        ]
        for family, leases in LEASES.items():
            origin = lease_file(self.path(f"first{family}.csv"), leases)
            expected = await self.listed("leases", family, "--store", origin)
            for target in places:
                target = target or f"memfile:{self.path(f'last{family}.csv')}"
                tried = await self.said("leases", "copy", f"-{family}", "--dry-run", origin, target)
                self.assertIn(f"{len(leases)} copied, 0 there already, 0 not copied (nothing", tried)
                said = await self.said("leases", "copy", f"-{family}", origin, target)
                self.assertIn(f"{len(leases)} copied, 0 there already, 0 not copied", said, target)
                said = await self.said("leases", "copy", f"-{family}", origin, target)
                self.assertIn(f"0 copied, {len(leases)} there already, 0 not copied", said, target)
                self.assertEqual(await self.listed("leases", family, "--store", target), expected, target)
                origin = target

    def emptied(self, server: Any) -> Any:
        """A server without a lease."""
        server.fresh()
        return server


def hosts_of(family: int) -> list[Host]:
    """Reservations with everything in them."""
    samples = HOSTS4 if family == 4 else HOSTS6
    options = tuple(option for option in samples.options if option.space != "mine")
    return [
        samples.host(1, hostname="One.example.org", options=options, client_classes=("a", "b c")),
        samples.host(2, user_context={"text": INJECTIONS[0], "list": [1, None, {"a": "ä"}]}),
        samples.host(3, subnet_id=0, addresses=()),
        samples.host(4, subnet_id=4_000_000_000),
        *(samples.host(10 + number, hostname=text) for number, text in enumerate(INJECTIONS)),
        *(Host(identifier=Identifier(kind, bytes(range(1, 20))), subnet_id=5) for kind in samples.kinds),
    ]


class HostsTests(CopyingCase):
    """Reservations go round all databases."""

    async def test_round(self) -> None:
        """From a file through every database into a file again, every reservation arrives as it was."""
        node = Cassandra.launch()
        node.fresh()
        places = [
            *(self.configured(name, kind.launch().fresh().parameters(), True) for name, kind in DATABASES.items()),
            self.configured("cql", node.parameters(), True),
        ]
        for family in (4, 6):
            hosts = hosts_of(family)
            origin = self.path(f"hosts{family}.jsonl")
            texts = [json.dumps(shown(host, BY_NUMBER[family])) for host in hosts]
            Path(origin).write_text("\n".join(texts), encoding="ascii")
            for target in places:
                said = await self.said("hosts", "copy", f"-{family}", origin, target)
                self.assertIn(f"{len(hosts)} copied, 0 there already, 0 not copied", said, target)
                said = await self.said("hosts", "copy", f"-{family}", origin, target)
                self.assertIn(f"0 copied, {len(hosts)} there already, 0 not copied", said, target)
                origin = target
            output = self.path(f"last{family}.csv")
            await self.said("hosts", "export", f"-{family}", origin, "-o", output)
            said = await self.said("hosts", "import", f"-{family}", output, places[0])
            self.assertIn(f"0 copied, {len(hosts)} there already, 0 not copied", said)


class InterruptedTests(CopyingCase):
    """A copy that is broken off."""

    async def test_interrupted(self) -> None:
        """Ctrl-C ends it with status 1; what it says goes on where it ended, and then everything is there."""
        leases = [
            lease(1)._replace(address=(0x0A000000 + number).to_bytes(4, "big"), client_id=number.to_bytes(4, "big"))
            for number in range(MANY)
        ]
        origin = lease_file(self.path("many.csv"), leases)
        server = DATABASES["postgresql"].launch().fresh()
        target = self.configured("sql", server.parameters())
        words = [sys.executable, "-m", "txkea", "leases", "copy", origin, target]
        with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=self.directory) as process:
            number = "SELECT count(*) FROM lease4"
            wait_for(lambda: server.execute(number)[0][0] > 0, "the first lease", 30.0)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=30)
        self.assertEqual(process.returncode, 1, said)
        if "goes on with --after" in said:
            after = said.rpartition("--after ")[2].split()[0]
            await self.said("leases", "copy", "--after", after, origin, target)
        else:
            await self.said("leases", "copy", origin, target)
        self.assertEqual(server.execute(number), [(MANY,)])


# -- Kea's own keyspace ------------------------------------------------------------------------------------------------

LEASE4: Final = (
    "address {address}, hwaddr blob, client_id blob, valid_lifetime bigint, expire bigint, subnet_id int, "
    "fqdn_fwd boolean, fqdn_rev boolean, hostname varchar, state int, {more}PRIMARY KEY (address)"
)
LEASE6: Final = (
    "address varchar, valid_lifetime bigint, expire bigint, subnet_id int, pref_lifetime bigint, duid blob, iaid int, "
    "lease_type int, prefix_len int, fqdn_fwd boolean, fqdn_rev boolean, hostname varchar, hwaddr blob, hwtype int, "
    "hwaddr_source int, state int, {more}PRIMARY KEY (address)"
)
HOSTS: Final = (
    "id bigint, host_identifier blob, host_identifier_type int, host_ipv4_subnet_id int, host_ipv6_subnet_id int, "
    "host_ipv4_address int, host_ipv4_next_server int, host_ipv4_server_hostname varchar, "
    "host_ipv4_boot_file_name varchar, hostname varchar, user_context varchar, host_ipv4_client_classes varchar, "
    "host_ipv6_client_classes varchar, reserved_ipv6_prefix_address varchar, reserved_ipv6_prefix_length int, "
    "reserved_ipv6_prefix_address_type int, iaid int, option_universe int, option_code int, option_value blob, "
    "option_formatted_value varchar, option_space varchar, option_is_persistent boolean, option_client_class varchar, "
    "option_subnet_id int, option_user_context varchar, option_scope_id int, "
)
NO_RESERVATION: Final = {
    "reserved_ipv6_prefix_address": "", "reserved_ipv6_prefix_length": 0, "reserved_ipv6_prefix_address_type": -1,
    "iaid": -1,
}  # fmt: skip
NO_OPTION: Final = {
    "option_universe": -1, "option_code": -1, "option_value": b"", "option_formatted_value": "", "option_space": "",
    "option_is_persistent": False, "option_client_class": "", "option_subnet_id": -1, "option_scope_id": -1,
}  # fmt: skip
HOST: Final = {
    "host_identifier": bytes.fromhex("0102030405"), "host_identifier_type": 1, "host_ipv4_subnet_id": 0,
    "host_ipv6_subnet_id": 0, "host_ipv4_address": 0, "host_ipv4_next_server": 0, "host_ipv4_server_hostname": "",
    "host_ipv4_boot_file_name": "", "hostname": "", "user_context": "", "host_ipv4_client_classes": "",
    "host_ipv6_client_classes": "",
}  # fmt: skip


FOUR: Final = {
    "hw-address": "01:02:03:04:05", "subnet-id": 0xFFFFFFF0, "ip-address": "192.0.2.1", "next-server": "192.0.2.254",
    "boot-file-name": "boot", "server-hostname": "server", "user-context": {"a": 1},
}  # fmt: skip
OPTIONS4: Final = [(3, "C0000201C0000202"), (15, b"a.example".hex().upper())]
SIX: Final = {
    "duid": "01:02:03:04:05", "subnet-id": 6, "ip-addresses": ["2001:db8::1"], "prefixes": ["2001:db8:1::/48"],
    "client-classes": ["a", "b"],
}  # fmt: skip
OPTIONS6: Final = [(23, "20010DB8000000000000000000000053", True), (60000, "00FF", False)]


def signed(number: int) -> int:
    """A number of 32 bits as Kea's keyspace has it (E059)."""
    return number - (1 << 32) if number >> 31 else number


class KeaTests(CopyingCase):
    """Those whom Kea left behind come over."""

    def setUp(self) -> None:
        super().setUp()
        self.node = Cassandra.launch()
        self.node.fresh()
        self.session = self.node.nodes[0].connect()
        self.ids = count(1)
        self.addCleanup(self.session.cluster.shutdown)

    def keyspace(self, name: str, version: int) -> str:
        """An empty keyspace as Kea's scripts make it at a version, as a place."""
        newer = "user_context varchar, " if version > 2 else ""
        wide = "bigint" if version > 5 else "int"
        execute = self.session.execute
        execute(f"DROP KEYSPACE IF EXISTS {name}", timeout=60)
        execute(f"CREATE KEYSPACE {name} WITH replication = {{'class': 'SimpleStrategy', 'replication_factor': 1}}")
        self.session.set_keyspace(name)
        execute("CREATE TABLE schema_version (version int, minor int, PRIMARY KEY (version))")
        execute("INSERT INTO schema_version (version, minor) VALUES (%s, 0)", (version,))
        execute(f"CREATE TABLE lease4 ({LEASE4.format(address=wide, more=newer)})")
        execute(f"CREATE TABLE lease6 ({LEASE6.format(more=newer)})")
        if version > 3:
            execute(f"CREATE TABLE hosts (key bigint, {HOSTS} auth_key varchar, PRIMARY KEY (key, id))")
        else:
            execute(f"CREATE TABLE host_reservations ({HOSTS} PRIMARY KEY (id))")
        return f"cql://127.0.0.1:{self.node.port}/{name}"

    def insert(self, table: str, **values: Any) -> Any:
        """One row; what comes tells when it is there."""
        places = ", ".join(["%s"] * len(values))
        text = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({places})"
        return self.session.execute_async(text, [*values.values()])

    def insert_leases(self, kept: Sequence[Any], wide: bool = False) -> None:
        """Leases as Kea writes them."""
        for waiting in [
            self.insert("lease4" if isinstance(one, Lease4) else "lease6", **lease_row(one, wide)) for one in kept
        ]:
            waiting.result()

    def insert_host(self, table: str, reservations: Sequence[Row], options: Sequence[Row], **host: Any) -> None:
        """A host as Kea writes it: a row for each of its reservations with each of its options (E056)."""
        for one in reservations or [{}]:
            for option in options or [{}]:
                key = {"key": 1} if table == "hosts" else {}
                row = {**HOST, **host, **NO_RESERVATION, **one, **NO_OPTION, **option, **key}
                self.insert(table, id=next(self.ids), **row).result()

    async def test_leases(self) -> None:
        """All leases of both families are copied out of every schema, into a database and into our own keyspace."""
        targets = [
            self.configured("sql", DATABASES["postgresql"].launch().fresh().parameters()),
            self.configured("cql", self.node.parameters()),
        ]
        kept = {
            4: [
                lease(1)._replace(address=(0xC6336400 + number).to_bytes(4, "big"), hostname=f"h{number}")
                for number in range(1500)
            ],
            6: LEASES[6],
        }
        kept[4] += [*LEASES[4][:-3], *LEASES[4][-2:]]  # without a user context
        for version in (2, 3, 6):
            origin = self.keyspace("keatest", version)
            for family, leases in kept.items():
                self.insert_leases(leases, wide=version > 5)
                said = await self.said("leases", "copy", f"-{family}", origin, targets[0])
                self.assertIn(f"{0 if version > 2 else len(leases)} copied, ", said)
                self.assertIn(f"{len(leases) if version > 2 else 0} there already, 0 not copied", said)
                found = await self.listed("leases", family, "--store", origin)
                self.assertEqual(found, await self.listed("leases", family, "--store", targets[0]))
                self.assertEqual(found, sorted(map(VIEWS[family].show, leases), key=str))
        for family, leases in kept.items():
            said = await self.said("leases", "copy", f"-{family}", origin, targets[1])
            self.assertIn(f"{len(leases)} copied, 0 there already, 0 not copied", said)
            ours = await self.listed("leases", family, "--store", targets[1])
            self.assertEqual(ours, await self.listed("leases", family, "--store", targets[0]))

    async def test_torn_rows(self) -> None:
        """A row that is no lease is told and left out; the others are copied."""
        origin = self.keyspace("keatest", 2)
        self.insert_leases(LEASES[6])
        self.insert("lease6", address="no address", lease_type=0).result()
        self.insert("lease6", **{**lease_row(lease6(250), False), "state": 77}).result()
        said = await self.said("leases", "copy", "-6", origin, f"memfile:{self.path('out')}")
        self.assertIn(f"{len(LEASES[6])} copied, 0 there already, 0 not copied", said)

    async def test_hosts(self) -> None:
        """Hosts with all their reservations and options are put together again, for the families that they are for."""
        addresses = [
            {
                "reserved_ipv6_prefix_address": "2001:db8::1",
                "reserved_ipv6_prefix_length": 128,
                "reserved_ipv6_prefix_address_type": 0,
            },
            {
                "reserved_ipv6_prefix_address": "2001:db8:1::",
                "reserved_ipv6_prefix_length": 48,
                "reserved_ipv6_prefix_address_type": 2,
            },
        ]
        options6 = [
            {
                "option_universe": 1,
                "option_code": 23,
                "option_space": "dhcp6",
                "option_scope_id": 3,
                "option_formatted_value": "2001:db8::53",
                "option_is_persistent": True,
            },
            {"option_universe": 1, "option_code": 60000, "option_space": "dhcp6", "option_value": b"\0\xff"},
        ]
        options4 = [
            {
                "option_universe": 0,
                "option_code": 3,
                "option_space": "dhcp4",
                "option_formatted_value": "192.0.2.1, 192.0.2.2",
            },
            {"option_universe": 0, "option_code": 15, "option_space": "dhcp4", "option_value": b"a.example"},
        ]
        targets = [
            self.configured("sql", DATABASES["mysql"].launch().fresh().parameters(), True),
            self.configured("cql", self.node.parameters(), True),
        ]
        for version in (2, 3, 5):
            unused = 0 if version == 2 else -1
            origin, table = self.keyspace("keatest", version), "hosts" if version > 3 else "host_reservations"
            four = {"host_ipv6_subnet_id": unused, "host_ipv4_subnet_id": signed(0xFFFFFFF0)}
            six = {"host_ipv4_subnet_id": unused, "host_ipv6_subnet_id": 6}
            self.insert_host(table, addresses, options6, hostname="six", host_ipv6_client_classes="a,b", **six)
            self.insert_host(
                table,
                [],
                options4,
                hostname="four",
                host_ipv4_address=signed(0xC0000201),
                host_identifier_type=0,
                host_ipv4_next_server=signed(0xC00002FE),
                host_ipv4_boot_file_name="boot",
                host_ipv4_server_hostname="server",
                user_context='{"a": 1}',
                **four,
            )
            self.insert_host(table, [], [], host_ipv4_subnet_id=4, host_ipv6_subnet_id=6, host_identifier_type=4)
            for target in targets:
                for family in (4, 6):
                    said = await self.said("hosts", "copy", f"-{family}", origin, target)
                    self.assertIn("2 copied" if version == 2 else "2 there already", said)
                    self.assertIn("0 not copied", said)
        for place in (origin, *targets):
            found = await self.listed("hosts", 4, place)
            (one,) = [each for each in found if each["hostname"] == "four"]
            self.assertLessEqual(FOUR.items(), one.items(), place)
            self.assertEqual([(each["code"], each["data"]) for each in one["option-data"]], OPTIONS4)
            self.assertEqual(sorted(each["subnet-id"] for each in found), [4, 0xFFFFFFF0])
            (one,) = [each for each in await self.listed("hosts", 6, place) if each["hostname"] == "six"]
            self.assertLessEqual(SIX.items(), one.items(), place)
            options = [(each["code"], each["data"], each["always-send"]) for each in one["option-data"]]
            self.assertEqual(sorted(options), OPTIONS6)

    async def test_not_written(self) -> None:
        """Kea's keyspace is read, and never written."""
        target = self.keyspace("keatest", 3)
        leases, hosts = lease_file(self.path("a"), LEASES[4][:1]), self.path("hosts")
        Path(hosts).write_text(json.dumps([shown(HOSTS4.host(1), BY_NUMBER[4])]), encoding="ascii")
        for words in (("leases", "copy", leases, target), ("hosts", "copy", "-4", hosts, target)):
            self.assertIn("it is Kea's own keyspace", await self.said(*words, status=1))


def lease_row(one: Any, wide: bool) -> dict[str, Any]:
    """A lease as Kea writes it; ``wide``: numbers of addresses need no sign."""
    row: dict[str, Any] = {
        "hwaddr": one.hwaddr,
        "valid_lifetime": one.valid_lifetime,
        "expire": one.cltt if one.valid_lifetime == INFINITE else one.expires,
        "subnet_id": signed(one.subnet_id),
        "fqdn_fwd": one.fqdn_fwd,
        "fqdn_rev": one.fqdn_rev,
        "hostname": one.hostname,
        "state": int(one.state),
    }
    number = int.from_bytes(one.address, "big")
    if isinstance(one, Lease4):
        return {**row, "address": number if wide else signed(number), "client_id": one.client_id}
    return {
        **row,
        "address": address_text(one.address),
        "duid": one.duid,
        "pref_lifetime": one.preferred_lifetime,
        "iaid": signed(one.iaid),
        "lease_type": int(one.type),
        "prefix_len": one.prefix_length,
        "hwtype": one.hwtype,
        "hwaddr_source": one.hwaddr_source,
    }
