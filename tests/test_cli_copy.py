"""``txkea leases copy``, and lists, exports and imports of databases, over lease files and files of leases."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.leasing import lease, lease6
from txkea.cli.leases_stores import LeaseTarget
from txkea.cli.places import family_of, is_place
from txkea.cli.root import main
from txkea.cli.stores import place
from txkea.control.views import VIEWS
from txkea.errors import TxkeaError
from txkea.leases.leasefile import ROWS
from txkea.leases.memory import MemoryLeases
from txkea.model.lease import Lease4, LeaseType

__all__ = ["CopyTests", "PlaceTests", "SameTests"]

CONTEXT: Final = '{"a": 1, "b": [2]}'


class PlaceTests(SynchronousTestCase):
    """How databases are written."""

    def parameters(self, word: str) -> tuple[str, dict[str, Any]]:
        """The database that a word means."""
        database = place(word, 4).configuration.lease_database
        return database.type, dict(database.parameters)

    def test_words(self) -> None:
        """Each kind of database has its own words for where it is."""
        for word, expected in (
            ("memfile:/a/b.csv", ("memfile", {"name": "/a/b.csv", "lfc-interval": 0})),
            ("postgresql://h/n", ("postgresql", {"host": "h", "name": "n"})),
            (
                "mysql://me@h:33/n?connect-timeout=9",
                (
                    "mysql",
                    {"host": "h", "name": "n", "port": 33, "user": "me", "connect-timeout": 9},
                ),
            ),
            (
                "postgresql://m%40e@[::1]/n?password-file=/x",
                ("postgresql", {"host": "::1", "name": "n", "user": "m@e", "password-file": "/x"}),
            ),
            ("cql://a,b:9/k", ("cql", {"contact-points": "a,b", "keyspace": "k", "port": 9})),
            ("redis://h:7/2", ("redis", {"host": "h", "name": "2", "port": 7})),
        ):
            self.assertEqual(self.parameters(word), expected)

    def test_password(self) -> None:
        """The environment's password is used where none is named otherwise; each place has a variable of its own."""
        self.patch(os, "environ", {"TXKEA_PASSWORD": "one", "TXKEA_TO_PASSWORD": "two"})
        for word, role, expected in (
            ("redis://h/0", "", "one"),
            ("mysql://me@h/n", "to", "two"),
            ("mysql://me@h/n", "from", None),
            ("mysql://me@h/n?password-file=/x", "to", None),
        ):
            database = place(word, 4, role).configuration.lease_database
            self.assertEqual(database.parameters.get("password"), expected, word)

    def test_no_password(self) -> None:
        """A password is not taken from the command line, and the error says where else it may be."""
        for word in ("mysql://me:pass@h/n", "mysql://me@h/n?password=pass"):
            error = self.assertRaises(TxkeaError, place, word, 4)
            self.assertIn("?password-file=FILE or TXKEA_PASSWORD", str(error))
            self.assertNotIn("pass@", str(error))

    def test_wrong(self) -> None:
        """What is no place is told with what would be one."""
        for word in ("x", "http://h/", "postgresql", "mysql://h:port/n", "/tmp/x.csv"):
            self.assertRaises(TxkeaError, place, word, 4)
        self.assertIn(
            "memfile:, postgresql:, mysql:, cql:, redis:, config:", str(self.assertRaises(TxkeaError, place, "x", 4))
        )
        self.assertEqual(
            [is_place(word) for word in ("a.conf", "a.csv", "config:a", "c:/x", "cql://h/k")], [1, 0, 1, 0, 1]
        )

    def test_configuration(self) -> None:
        """A configuration's databases are taken as they are, but nobody waits for one that is away."""
        path = self.mktemp()
        database = {"type": "mysql", "name": "n", "retry-on-startup": True, "on-fail": "serve-retry-continue"}
        Path(path).write_text(json.dumps({"Dhcp6": {"lease-database": database}}), encoding="ascii")
        self.assertEqual(family_of([path, f"config:{path}"]), 6)
        found = place(f"config:{path}", 6).configuration.lease_database
        self.assertEqual((found.type, found.parameters["name"]), ("mysql", "n"))
        self.assertEqual(
            (found.parameters["retry-on-startup"], found.parameters["on-fail"]), (False, "stop-retry-exit")
        )
        self.assertIn("Dhcp6, not Dhcp4", str(self.assertRaises(TxkeaError, place, f"config:{path}", 4)))


class SameTests(SynchronousTestCase):
    """When two leases are one."""

    def test_same(self) -> None:
        """What some stores cannot keep makes no difference, nor how a context is written; all else does."""
        one = lease6(1, user_context=CONTEXT)
        differences = LeaseTarget(MemoryLeases()).differences
        self.assertEqual("", differences(one, one._replace(pool_id=7, hwtype=6, hwaddr_source=1)))
        self.assertEqual("", differences(one, one._replace(user_context='{"b":[2],"a":1}')))
        for change in ({"hostname": "x"}, {"user_context": ""}, {"iaid": 9}, {"expires": one.expires + 1}):
            self.assertIn(next(iter(change)), differences(one, one._replace(**change)))


class CopyTests(TestCase):
    """Between lease files, which are databases too."""

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)

    def path(self, name: str) -> str:
        """A file of this test."""
        return os.path.join(self.directory, name)

    def write(self, name: str, *leases: Any) -> str:
        """A lease file, as a place."""
        rows = ROWS[4 if isinstance(leases[0], Lease4) else 6]
        layout = rows.schema.wanted(False)
        row = rows.format(layout.width)
        Path(self.path(name)).write_bytes(layout.header + b"".join(map(row, leases)))
        return f"memfile:{self.path(name)}"

    async def said(self, *words: str, status: int = 0, text: str | None = None) -> str:
        """What the command prints."""
        found: Result = await deferToThread(CliRunner().invoke, main, ["leases", *words], input=text)
        self.assertEqual(found.exit_code, status, (words, found.output, found.exception))
        return found.output

    async def stored(self, place: str) -> list[dict[str, Any]]:
        """The leases of a place."""
        return [json.loads(text) for text in (await self.said("list", "--json", "--store", place)).splitlines()]

    async def test_copy(self) -> None:
        """All leases are copied, into a file that need not be there, and once more changes nothing."""
        leases = [lease(number, hostname=f"h{number}") for number in range(1, 250)]
        origin, target = self.write("a", *leases), f"memfile:{self.path('b')}"
        self.assertEqual(
            await self.said("copy", "--dry-run", origin, target),
            "leases: 249 copied, 0 there already, 0 not copied (nothing was changed: a trial)\n",
        )
        self.assertFalse(os.path.exists(self.path("b")))
        self.assertEqual(await self.said("copy", origin, target), "leases: 249 copied, 0 there already, 0 not copied\n")
        self.assertEqual(await self.stored(target), [VIEWS[4].show(each) for each in leases])
        before = Path(self.path("b")).read_bytes()
        self.assertEqual(await self.said("copy", origin, target), "leases: 0 copied, 249 there already, 0 not copied\n")
        self.assertEqual(Path(self.path("b")).read_bytes(), before)

    async def test_conflicts(self) -> None:
        """Another lease of an address is told with what differs, stays, and is replaced by --update."""
        origin = self.write("a", lease(1, hostname="new"), lease(2))
        target = self.write("b", lease(1, hostname="old"), lease(3))
        said = await self.said("copy", origin, target, status=1)
        self.assertIn("192.0.2.1: another lease is there: hostname 'old' and not 'new'", said)
        self.assertIn("1 copied, 0 there already, 1 not copied", said)
        self.assertEqual(next(each["hostname"] for each in await self.stored(target)), "old")
        said = await self.said("copy", "--update", origin, target)
        self.assertIn("0 copied, 1 replaced, 1 there already, 0 not copied", said)
        self.assertEqual(next(each["hostname"] for each in await self.stored(target)), "new")
        self.assertEqual(len(await self.stored(target)), 3)

    async def test_overlapping(self) -> None:
        """A prefix that overlaps another lease is told with that, in a trial too."""
        prefix = lease6(1)._replace(address=bytes((0x20, 1)) + bytes(14), type=LeaseType.PD, prefix_length=32)
        inside = prefix._replace(address=bytes((0x20, 1, 0, 0, 1)) + bytes(11), prefix_length=48)
        origin, target = self.write("a", inside), self.write("b", prefix)
        for words in (("--dry-run",), ()):
            said = await self.said("copy", *words, origin, target, status=1)
            self.assertIn("2001:0:100::/48: it overlaps 2001::/32", said)

    async def test_after(self) -> None:
        """What is behind an address is copied, whether that has a lease or not; of a file, it must have one."""
        origin = self.write("a", *(lease(number) for number in (1, 3, 5, 7)))
        for after, count in (("192.0.2.3", 2), ("192.0.2.4", 2), ("192.0.2.9", 0)):
            said = await self.said("copy", "--after", after, origin, f"memfile:{self.path(after)}")
            self.assertIn(f"{count} copied", said)
        output = self.path("out.csv")
        await self.said("export", "--store", origin, "-o", output)
        target = f"memfile:{self.path('c')}"
        self.assertIn("1 copied", await self.said("copy", "-4", "--after", "192.0.2.5", output, target))
        said = await self.said("copy", "-4", "--after", "192.0.2.6", output, target, status=1)
        self.assertIn("no lease of 192.0.2.6 to go on behind", said)
        self.assertIn("--after: ", await self.said("copy", "--after", "x", origin, target, status=2))

    async def test_files(self) -> None:
        """What was exported in any format, of either family, becomes the same leases again."""
        for family, leases in ((4, [lease(1, user_context=CONTEXT), lease(2)]), (6, [lease6(1), lease6(2)])):
            origin = self.write(f"a{family}", *leases)
            for form in ("csv", "json", "jsonl", "kea"):
                output, target = self.path(f"{family}.{form}"), f"memfile:{self.path(f'{family}-{form}')}"
                await self.said("export", "--store", origin, "-o", output, "--format", form)
                said = await self.said("import", f"-{family}", "--store", target, output)
                self.assertIn("2 copied, 0 there already, 0 not copied", said)
                self.assertEqual(await self.stored(target), await self.stored(origin))

    async def test_wrong_lines(self) -> None:
        """What is no lease is told by line, and keeps nothing else back."""
        text = (
            "ip-address,hw-address,subnet-id,valid-lft,expire\n192.0.2.1,02:00:00:00:00:01,1,60,1800000000\n"
            "192.0.2.2,zz,1,60,1800000000\n192.0.2.3,02:00:00:00:00:03,1,,\n"
        )
        said = await self.said("import", "-4", "--store", f"memfile:{self.path('b')}", "-", text=text, status=1)
        self.assertIn("line 3: 'hw-address' is not hexadecimal", said)
        self.assertIn("line 4: 'valid-lft' is missing", said)
        self.assertIn("1 copied, 0 there already, 2 not copied", said)

    async def test_in_use(self) -> None:
        """A lease file that a server has open can be read and not be written; the error says who has it."""
        origin = self.write("a", lease(1))
        await self.said("copy", origin, f"memfile:{self.path('b')}")
        found = place(f"memfile:{self.path('b')}", 4)
        store = await found.leases()
        try:
            self.assertEqual(len(await self.stored(f"memfile:{self.path('b')}")), 1)
            said = await self.said("copy", origin, f"memfile:{self.path('b')}", status=1)
            self.assertIn(self.path("b"), said)
        finally:
            await store.close()

    async def test_wrong_use(self) -> None:
        """What cannot be meant ends with status 2, what cannot be done with 1."""
        origin = self.write("a", lease(1))
        for words, status, text in (
            (("copy", "nothing.csv", "cql://h/k"), 1, "No such file"),
            (("copy", "-4", origin, "nothing.csv"), 1, "is no database"),
            (("copy", "cql://h/k", "redis://h"), 2, "say which leases: -4 or -6"),
            (("list", "--store", "redis://h"), 2, "say which leases of the database: -4 or -6"),
            (("list", "--store", origin, "--file", "x"), 2, "one of --config, --socket, --url, --file and --store"),
            (("list", "--store", f"memfile:{self.path('none')}", "-4"), 1, "No such file"),
            (("copy", "-6", origin, f"memfile:{self.path('b')}"), 1, "it is no DHCPv6 lease file"),
        ):
            self.assertIn(text, await self.said(*words, status=status), words)
