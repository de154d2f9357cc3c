"""``txkea leases``: files of leases in every format, lease files without a server, and running servers."""

from __future__ import annotations

import json
import os
from io import BytesIO
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from tests.leasing import lease, lease6
from tests.servicing import Family6, ServiceCase, told
from txkea.cli.leases_entries import Entry, entries, sniffed
from txkea.cli.leases_formats import FORMATS, Record
from txkea.cli.leases_import import batches
from txkea.cli.leases_sources import Selection
from txkea.cli.root import main
from txkea.control.copied import COPIED
from txkea.control.views import VIEWS
from txkea.errors import TxkeaError
from txkea.leases.leasefile import ROWS
from txkea.model.lease import INFINITE, Lease4, Lease6, LeaseState, LeaseType

__all__ = ["EntryTests", "FileTests", "FormatTests", "Running4Tests", "Running6Tests", "SelectionTests"]

NOW: Final = 1_800_000_000
uint32 = st.integers(0, 0xFFFFFFFF)
texts = st.binary(max_size=20).map(lambda data: data.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
remarks = st.sampled_from(["", '{"a": [1, "x,y\\n"], "b": {"c": null}}'])
common = (st.integers(1, 0xFFFFFFFF), st.integers(0, 2**63 - 1), uint32, st.booleans(), st.booleans(), texts)
leases4 = st.builds(
    Lease4,
    st.binary(min_size=4, max_size=4),
    st.binary(max_size=20),
    st.binary(max_size=255),
    *common,
    st.integers(0, 3),
    remarks,
    uint32,
)
leases6 = st.builds(
    Lease6,
    st.binary(min_size=16, max_size=16),
    st.binary(max_size=20),
    st.binary(min_size=1, max_size=130),
    *common,
    st.integers(0, 4),
    remarks,
    uint32,
    type=st.sampled_from([LeaseType.NA, LeaseType.TA]),
    iaid=uint32,
    preferred_lifetime=uint32,
)
prefixes = st.builds(
    lambda found, length: found._replace(
        type=LeaseType.PD,
        prefix_length=length,
        address=(int.from_bytes(found.address, "big") >> 128 - length << 128 - length).to_bytes(16, "big"),
    ),
    leases6,
    st.integers(1, 128),
)
STORED: Final[dict[int, st.SearchStrategy[list[Any]]]] = {
    4: st.lists(leases4, max_size=4),
    6: st.lists(st.one_of(leases6, prefixes), max_size=4),
}


def run(*words: str, text: str | bytes | None = None) -> Result:
    """The command; what it says on standard error is in the output too."""
    return CliRunner().invoke(main, ["leases", *words], input=text)


def shown(found: Any) -> dict[str, Any]:
    """A lease as commands show it."""
    return VIEWS[4 if isinstance(found, Lease4) else 6].show(found)


def as_bytes(form: str, family: int, leases: list[Any], page: int = 2) -> bytes:
    """A file, written in pages."""
    records = [Record(shown(each)) for each in leases]
    return b"".join(FORMATS[form](family, (records[at : at + page] for at in range(0, len(records), page))))


def without_end(entry: Entry) -> dict[str, Any]:
    """What was read, of which the end of the lease is checked and left out."""
    found = dict(entry.shown)
    if "expire" in found and found.pop("expire") != found["cltt"] + found["valid-lft"]:
        raise AssertionError(entry)
    return found


class FormatTests(SynchronousTestCase):
    """What is written can be read."""

    @given(st.sampled_from([4, 6]), st.sampled_from(["csv", "json", "jsonl"]), st.data())
    def test_round_trip(self, family: int, form: str, data: st.DataObject) -> None:
        """CSV and JSON give every lease back, whatever its client calls itself."""
        leases = data.draw(STORED[family])
        text = as_bytes(form, family, leases)
        found = list(entries(form, family, "", BytesIO(text)))
        self.assertEqual([each.wrong for each in found], [""] * len(leases))
        expected = [{name: each for name, each in shown(each).items() if each != ""} for each in leases]
        read = [{name: each for name, each in without_end(entry).items() if each != ""} for entry in found]
        self.assertEqual(read, expected)

    @given(st.sampled_from([4, 6]), st.data())
    def test_copied(self, family: int, data: st.DataObject) -> None:
        """A lease that a command shows becomes the same lease again, and the same row of a lease file."""
        rows = ROWS[family]
        write = rows.format(rows.schema.newest.width)
        for each in data.draw(STORED[family]):
            copy = COPIED[family](json.loads(json.dumps(shown(each))))
            self.assertEqual(shown(copy), shown(each))
            if family == 4 and not each.user_context:
                self.assertEqual(write(copy), write(each))

    @given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=4), st.data())
    def test_nothing_else_is_copied(self, wrong: Any, data: st.DataObject) -> None:
        """What is no lease raises `TxkeaError`, and never anything else."""
        for family, one in ((4, lease(1)), (6, lease6(1))):
            arguments = shown(one)
            arguments[data.draw(st.sampled_from(sorted(arguments)))] = wrong
            for value in (arguments, wrong):
                try:
                    copy = COPIED[family](value)
                except TxkeaError:
                    continue
                self.assertIsInstance(copy, (Lease4, Lease6))

    def test_kea(self) -> None:
        """A lease file has the columns of Kea 2.2, unless pools are wished for, and no lease is lost in it."""
        leases = [lease(1), lease(2, pool_id=7, hostname="a,b", user_context='{"x": 1}')]
        path = Path(self.mktemp())
        for form, columns in (("kea", 11), ("kea-pools", 12)):
            text = as_bytes(form, 4, leases, page=1)
            self.assertEqual(text.partition(b"\n")[0].count(b",") + 1, columns)
            path.write_bytes(text)
            found = [COPIED[4](each.shown) for each in entries("kea", 4, str(path), BytesIO(text))]
            pool = 7 if columns == 12 else 0
            self.assertEqual(found, [leases[0], leases[1]._replace(pool_id=pool)])
        self.assertEqual(as_bytes("kea", 6, []), ROWS[6].schema.wanted(False).header)

    def test_formulas(self) -> None:
        """A name that a spreadsheet would take for a formula is no formula in CSV, and is the same name when read."""
        for name in ('=cmd|"x"', "@x", "+1", "-1", "'x", "plain"):
            text = as_bytes("csv", 4, [lease(1, hostname=name)])
            self.assertEqual(b"'" in text, name != "plain", text)
            (entry,) = entries("csv", 4, "", BytesIO(text))
            self.assertEqual(entry.shown["hostname"], name)

    def test_sniffed(self) -> None:
        """The beginning of each format tells which it is, and that of anything else is refused."""
        for family, one in ((4, lease(1)), (6, lease6(1))):
            for form in FORMATS:
                start = as_bytes(form, family, [one])[:4096]
                self.assertEqual(sniffed(start), form.removesuffix("-pools"))
                self.assertEqual(sniffed(b"\xef\xbb\xbf" + start), form.removesuffix("-pools"))
        for text in (b"", b"name,value\n", b"\x7fELF", b"\0" * 5000):
            self.assertRaises(TxkeaError, sniffed, text)


class EntryTests(SynchronousTestCase):
    """What is wrong in files is told with its line, and keeps nothing else back."""

    def read(self, form: str, text: str, family: int = 4) -> list[Any]:
        """The places, and what is wrong or the address."""
        path = Path(self.mktemp())
        path.write_text(text, encoding="utf-8")
        with open(path, "rb") as file:
            found = entries(form, family, str(path), file)
            return [(each.place, each.wrong or each.shown.get("ip-address")) for each in found]

    def test_csv(self) -> None:
        """Cells that are no numbers, flags or JSON, and rows of another width, are wrong by line."""
        text = (
            "ip-address,state,fqdn-fwd,user-context\r\n192.0.2.1,0,TRUE,\r\n192.0.2.2,one,,\n192.0.2.3,,maybe,\n"
            '\n"192.0.2.4",,,"{""a"": 1}"\n192.0.2.5,,,{a}\n192.0.2.6,1\n192.0.2.7,\uff11,,\n'
        )
        self.assertEqual(
            self.read("csv", text),
            [
                (2, "192.0.2.1"),
                (3, "'state' is not a whole number"),
                (4, "'fqdn-fwd' is neither true nor false"),
                (6, "192.0.2.4"),
                (7, "'user-context' is no JSON: Expecting property name enclosed in double quotes at line 1, column 2"),
                (8, "2 columns where the header has 4"),
                (9, "'state' is not a whole number"),
            ],
        )

    def test_unknown_column(self) -> None:
        """A column that means nothing is refused by name, before anything is done."""
        error = self.assertRaises(TxkeaError, self.read, "csv", "ip-address,hwaddr\n192.0.2.1,02\n")
        self.assertIn("line 1: there is no column 'hwaddr'; columns are ip-address,", str(error))
        self.assertRaises(TxkeaError, self.read, "csv", 'ip-address\n"192.0.2.1\n')

    def test_json_lines(self) -> None:
        """Lines that are no JSON, or no maps, are wrong by line."""
        found = self.read("jsonl", '{"ip-address": "192.0.2.1"}\n{"ip\n\n[1]\n{"ip-address": "192.0.2.2"}')
        self.assertEqual([place for place, _ in found], [1, 2, 4, 5])
        self.assertIn("no JSON", found[1][1])
        self.assertEqual(found[2][1], "it is no map")
        self.assertEqual(found[3][1], "192.0.2.2")

    def test_json_list(self) -> None:
        """Members are counted; a list that lacks its end is told after what it has."""
        self.assertEqual(
            self.read("json", '[ {"ip-address": "192.0.2.1"}, 7 ]'), [(1, "192.0.2.1"), (2, "it is no map")]
        )
        self.assertEqual(self.read("json", "[]"), [])
        for text in ('[ {"ip-address": "192.0.2.1"}, ', "[1] 2", "[" * 2000, '{"a": 1}'):
            self.assertRaises(TxkeaError, self.read, "json", text)

    def test_lease_file(self) -> None:
        """Of a lease file count the last rows, by their lines; a bad row is one that a server leaves out too."""
        header = ",".join(ROWS[4].schema.names[:11])
        row = "192.0.2.{},02:00:00:00:00:01,,{},1800000000,1,0,0,,0,"
        text = "\n".join(
            [header, row.format(1, 60), row.format(2, 60), "x", row.format(1, 70), row.format(2, 0), "192"]
        )
        found = self.read("kea", text)
        self.assertEqual([place for place, _ in found], [4, 7, 5])
        self.assertEqual(found[2], (5, "192.0.2.1"))

    @given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=30), st.integers(1, 5))
    def test_batches(self, rows: list[tuple[str, bool]], size: int) -> None:
        """No batch has an address twice, is empty or too long, and together they are the entries in their order."""
        found = [Entry(place, {"ip-address": name}, "x" * wrong) for place, (name, wrong) in enumerate(rows)]
        made = list(batches(found, size))
        self.assertEqual([each for batch in made for each in batch], found)
        for batch in made:
            self.assertTrue(0 < len(batch) <= size)
            good = [each.shown["ip-address"] for each in batch if not each.wrong]
            self.assertEqual(len(good), len(set(good)))


class SelectionTests(SynchronousTestCase):
    """Which leases are wanted."""

    LEASES: Final = {
        "ours": lease(1, hostname="Printer1.example", expires=NOW + 10),
        "over": lease(2, hostname="printer2.example", expires=NOW - 10),
        "forever": lease(3, valid_lifetime=INFINITE, expires=NOW - 10, subnet_id=7),
        "declined": lease(4, state=LeaseState.DECLINED, expires=NOW + 10, hwaddr=b""),
        "reclaimed": lease(5, state=LeaseState.RECLAIMED, expires=NOW + 10, client_id=b"\1\xab"),
        "released": lease(6, state=LeaseState.RELEASED, expires=NOW + 10),
    }

    def chosen(self, **selection: Any) -> set[str]:
        """The names of the leases."""
        wanted = Selection(**selection).test(NOW)
        return {name for name, each in self.LEASES.items() if wanted(shown(each))}

    def test_each(self) -> None:
        """Each filter alone, and two together."""
        everything = set(self.LEASES)
        self.assertEqual(self.chosen(), everything)
        self.assertEqual(self.chosen(active=True), {"ours", "forever"})
        self.assertEqual(self.chosen(expired=True), {"over", "reclaimed"})
        self.assertEqual(self.chosen(state=frozenset((1, 3))), {"declined", "released"})
        self.assertEqual(self.chosen(subnet_id=frozenset((7,))), {"forever"})
        self.assertEqual(self.chosen(hostname="PRINTER?.*"), {"ours", "over"})
        self.assertEqual(self.chosen(hostname="printer"), set())
        self.assertEqual(self.chosen(hostname="p*", active=True), {"ours"})
        self.assertEqual(self.chosen(identifiers={"client-id": "01ab"}), {"reclaimed"})
        self.assertEqual(self.chosen(identifiers={"duid": "01ab"}), set())


class FileTests(SynchronousTestCase):
    """Lease files without a server."""

    def setUp(self) -> None:
        self.path = os.path.abspath(self.mktemp())

    def write(self, *leases: Any, path: str = "") -> None:
        """A lease file."""
        rows = ROWS[4 if isinstance(leases[0], Lease4) else 6]
        layout = rows.schema.newest
        row = rows.format(layout.width)
        Path(path or self.path).write_bytes(layout.header + b"".join(map(row, leases)))

    def test_list(self) -> None:
        """Leases are shown in the order of their addresses, however long they are, and none that is superseded."""
        name = "x" * 200
        self.write(
            lease(9, hostname="old"), lease(2, expires=NOW // 2), lease(9, hostname=name, valid_lifetime=INFINITE)
        )
        found = run("list", "--file", self.path)
        self.assertEqual(found.exit_code, 0, found.output)
        header, *rows = found.output.splitlines()
        self.assertEqual(header.split()[:3], ["ip-address", "hw-address", "client-id"])
        self.assertEqual(len(rows), 2)
        self.assertIn("expired", rows[0])
        self.assertIn("never", rows[1])
        self.assertTrue(rows[1].endswith(name))

    def test_terminal(self) -> None:
        """Nothing that a client has sent can act on the terminal."""
        self.write(lease(1, hostname="\x1b[2J\x9b\u202e"))
        self.assertTrue(run("list", "--file", self.path).output.rstrip("\n").replace("\n", "").isprintable())

    def test_beside(self) -> None:
        """What a clean-up has left beside the file counts as for a server."""
        self.write(lease(1))
        self.write(lease(2), path=f"{self.path}.2")
        self.write(lease(3), path=f"{self.path}.1")
        found = run("list", "--file", self.path, "--json")
        self.assertEqual([json.loads(text) for text in found.output.splitlines()], [shown(lease(n)) for n in (1, 2, 3)])

    def test_export(self) -> None:
        """All formats of DHCPv6, by the ending of the file or by name; the file is made anew."""
        one = lease6(1, hwaddr=b"\2\0\0\0\0\x99", hwtype=6, hwaddr_source=2)
        self.write(one, lease6(2, state=LeaseState.REGISTERED))
        for output, form in (("a.json", ""), ("a.jsonl", ""), ("a.csv", ""), ("b", "csv"), ("c.csv", "kea")):
            output = f"{self.path}-{output}"
            Path(output).write_text("old", encoding="ascii")
            found = run("export", "--file", self.path, "-o", output, *(("--format", form) if form else ()))
            self.assertEqual((found.exit_code, found.output), (0, f"2 leases in {output}\n"))
            with open(output, "rb") as file:
                kind = sniffed(file.read())
            self.assertEqual(kind, form or output.rpartition(".")[2])
            if kind == "kea":
                row = next(row for row in Path(output).read_text("ascii").splitlines() if ",02:00:00:00:00:99," in row)
                self.assertTrue(row.endswith(",6,2"), row)
        found = run("export", "--file", self.path, "--state", "registered", "--format", "jsonl")
        self.assertEqual(json.loads(found.output), shown(lease6(2, state=LeaseState.REGISTERED)))

    def test_half(self) -> None:
        """An export that fails leaves the file that was there as it was, and nothing else."""
        self.write(lease(1))
        os.mkdir(f"{self.path}.d")
        output = f"{self.path}.d/out.csv"
        Path(output).write_text("old", encoding="ascii")
        Path(self.path).write_bytes(Path(self.path).read_bytes().replace(b"address", b"adress"))
        found = run("export", "-4", "--file", self.path, "-o", output)
        self.assertEqual(found.exit_code, 1)
        self.assertIn(f"{self.path}:1: the first row must name the columns", found.output)
        self.assertEqual(Path(output).read_text("ascii"), "old")
        self.assertEqual(os.listdir(f"{self.path}.d"), ["out.csv"])

    def test_wrong_use(self) -> None:
        """Switches that make no sense end with status 2 and say what would."""
        for words, text in (
            (("list",), "one of --config, --socket, --url, --file and --store"),
            (("list", "--file", self.path, "--socket", "x"), "one of --config"),
            (("list", "--socket", "x", "--url", "http://x"), "one of --config"),
            (("list", "-4", "-6", "--file", self.path), "-4 and -6 are two commands"),
            (("list", "--file", self.path, "--state", "gone"), "'gone' is none of default, declined"),
            (("list", "--file", self.path, "--hw-address", "zz"), "hex"),
            (("import", "x.csv"), "one of --config"),
        ):
            found = run(*words)
            self.assertEqual(found.exit_code, 2, (words, found.output))
            self.assertIn(text, found.output)
        found = run("list", "--file", f"{self.path}.missing")
        self.assertEqual(found.exit_code, 1)
        self.assertIn("No such file", found.output)


class Running4Tests(ServiceCase):
    """A server of DHCPv4."""

    HEADER = "ip-address,hw-address,hostname,subnet-id\n"
    ROWS = "192.0.2.200,02:00:00:00:00:01,a.example,1\n192.0.2.201,02:00:00:00:00:02,,1\n"
    BAD = "192.0.2.202,zz,,1\n198.51.100.1,02:00:00:00:00:03,,1\n2001:db8::1,02:00:00:00:00:03,,1\n"
    WRONG = ("zz", "192.0.2.0/24", "not an IPv4 address")

    async def begin(self) -> None:
        """A server with a control socket."""
        self.socket = os.path.join(os.path.relpath(self.directory), "s")
        self.configure(control_socket={"socket-type": "unix", "socket-name": os.path.abspath(self.socket)})
        await self.start()
        self.assertEqual(self.failures, [])

    async def leases(self, *words: str, text: str | bytes | None = None, status: int = 0) -> str:
        """What the command prints."""
        verb, *more = words
        found: Result = await deferToThread(run, verb, "--socket", self.socket, *more, text=text)
        self.assertEqual(found.exit_code, status, (words, found.output, found.exception))
        return found.output

    async def stored(self) -> list[dict[str, Any]]:
        """All leases of the server, but for their times."""
        answer = await deferToThread(told, self.socket, {"command": f"lease{self.family.number}-get-all"})
        return list(answer["arguments"]["leases"])

    async def test_import(self) -> None:
        """Rows are added; those that the server refuses are told by line, and nothing is added twice."""
        await self.begin()
        said = await self.leases("import", "-", text=self.HEADER + self.ROWS + self.BAD, status=1)
        *refused, total = said.splitlines()
        self.assertEqual(total, "2 leases added, 3 refused")
        self.assertEqual([each.split(":")[1] for each in sorted(refused)], ["4", "5", "6"])
        for each, text in zip(sorted(refused), self.WRONG, strict=True):
            self.assertIn(text, each.replace("'hw-address' is", "zz").replace("'duid' is", "zz"))
        self.assertEqual(len(await self.stored()), 2)
        said = await self.leases("import", "-", text=self.HEADER + self.ROWS, status=1)
        self.assertIn("already exists", said)
        self.assertIn("0 leases added, 2 refused", said)

    async def test_update(self) -> None:
        """With --update leases take the place of those that are there, and those beside a malformed one do too."""
        await self.begin()
        await self.leases("import", "-", text=self.HEADER + self.ROWS)
        text = self.HEADER + self.ROWS.replace("a.example", "b.example") + self.BAD
        said = await self.leases("import", "--update", "-", text=text, status=1)
        self.assertIn("2 leases added or updated, 3 refused", said)
        self.assertEqual([each["hostname"] for each in await self.stored()], ["b.example", ""])
        said = await self.leases("import", "--update", "-", text=self.HEADER + self.ROWS)
        self.assertEqual(said, "2 leases added or updated, 0 refused\n")

    async def test_dry_run(self) -> None:
        """A dry run tells which leases are there already, and changes none."""
        await self.begin()
        first = self.ROWS.splitlines(keepends=True)[0]
        await self.leases("import", "-", text=self.HEADER + first)
        before = await self.stored()
        said = await self.leases("import", "--dry-run", "-", text=self.HEADER + self.ROWS, status=1)
        self.assertIn("there is a lease already", said)
        self.assertIn("1 leases would be tried, 1 refused", said)
        said = await self.leases("import", "--dry-run", "--update", "-", text=self.HEADER + self.ROWS)
        self.assertEqual(await self.stored(), before)

    async def test_broken_off(self) -> None:
        """An import that cannot be read any further tells how far it came, and what was added stays."""
        await self.begin()
        name = "hw-address" if self.family.number == 4 else "duid"
        leases: list[dict[str, Any]] = [
            {"ip-address": row.split(",")[0], name: "02:00:00:00:00:01", "iaid": 1} for row in self.ROWS.split()
        ]
        said = await self.leases("import", "-", text=f"[{json.dumps(leases[0])}, {json.dumps(leases[1])}, ", status=1)
        self.assertRegex(said, r"0 leases added, 0 refused\nError: it is no JSON: ")
        many = [{**leases[0], "ip-address": str(ip_address(leases[0]["ip-address"]) + n)} for n in range(30)]
        said = await self.leases("import", "-", text=json.dumps(many)[:-1] + ", x]", status=1)
        self.assertRegex(said, r"24 leases added, 0 refused\nError: it is no JSON: ")
        self.assertEqual(len(await self.stored()), 24)

    async def test_there_and_back(self) -> None:
        """Each format that is exported makes the same leases again when it is imported."""
        await self.begin()
        await self.leases("import", "-", text=self.HEADER + self.ROWS)
        await self.lease(9)
        before = await self.stored()
        self.assertEqual(len(before), 3)
        for form in ("csv", "json", "jsonl", "kea", "kea-pools"):
            path = os.path.join(self.directory, f"out.{form}")
            self.assertIn("3 leases in", await self.leases("export", "--format", form, "-o", path))
            await deferToThread(told, self.socket, {"command": f"lease{self.family.number}-wipe"})
            self.assertEqual(await self.leases("import", path), "3 leases added, 0 refused\n")
            self.assertEqual(await self.stored(), before, form)

    async def test_list(self) -> None:
        """Leases come by pages, or by a client's identifier, filtered or as JSON."""
        await self.begin()
        await self.leases("import", "-", text=self.HEADER + self.ROWS)
        rows = (await self.leases("list")).splitlines()[1:]
        self.assertEqual(len(rows), 2)
        self.assertIn("a.example", rows[0])
        self.assertEqual((await self.leases("list", "--hostname", "a.*", "--active")).splitlines()[1:], rows[:1])
        self.assertEqual(await self.leases("list", "--state", "declined"), "")
        found = await self.leases("list", "--json")
        self.assertEqual([json.loads(text) for text in found.splitlines()], await self.stored())
        name = "hw-address" if self.family.number == 4 else "duid"
        found = await self.leases("list", "--json", f"--{name}", "02-00-00-00-00-02")
        self.assertEqual([json.loads(text) for text in found.splitlines()], (await self.stored())[1:])

    async def test_configuration(self) -> None:
        """The configuration file tells where the server is; without a server that is told, with the place."""
        await self.begin()
        found = await deferToThread(run, "list", "-c", self.path)
        self.assertEqual((found.exit_code, found.output), (0, ""))
        await self.services[0].stopService()
        found = await deferToThread(run, "list", "-c", self.path)
        self.assertEqual(found.exit_code, 1)
        self.assertIn("/s: No such file or directory; the server is likely to be offline", found.output)


class Running6Tests(Running4Tests):
    """A server of DHCPv6, where batches are applied in one command."""

    family = Family6()
    HEADER = "ip-address,duid,hostname,subnet-id,iaid\n"
    ROWS = "2001:db8:1::200,02:00:00:00:00:01,a.example,1,1\n2001:db8:1::201,02:00:00:00:00:02,,1,1\n"
    BAD = "2001:db8:1::202,zz,,1,1\n2001:db8:2::1,02:00:00:00:00:03,,1,1\n192.0.2.1,02:00:00:00:00:03,,1,1\n"
    WRONG = ("zz", "2001:db8:1::/64", "not an IPv6 address")
