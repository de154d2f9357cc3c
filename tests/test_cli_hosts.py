"""``txkea hosts``: files of reservations, and what is copied, without a database."""

from __future__ import annotations

import json
import os
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any

from attrs import evolve
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase, TestCase

from txkea.cli.copying import Batch, Copying, Verdict
from txkea.cli.hosts_files import FORMATS, HostReader, host_entries
from txkea.cli.hosts_stores import FileHosts, HostTarget, StoreHosts, host_name
from txkea.cli.leases_formats import Record
from txkea.cli.root import main
from txkea.config.families import BY_NUMBER
from txkea.control.reservations import shown
from txkea.errors import Busy
from txkea.model.configuration import Host
from txkea.testing.contracts.samples_hosts import HOSTS4, HOSTS6
from txkea.testing.hosts import MemoryHosts

differences = HostTarget(MemoryHosts()).differences

__all__ = ["BusyTests", "CopyTests", "ExportTests", "FileTests"]

SAMPLES = {4: HOSTS4, 6: HOSTS6}


def written(form: str, family: int, hosts: list[Host]) -> bytes:
    """A file in pages of two."""
    records = [Record(shown(host, BY_NUMBER[family])) for host in hosts]
    return b"".join(FORMATS[form](family, (records[at : at + 2] for at in range(0, len(records), 2))))


def read(family: int, text: bytes, form: str | None = None) -> tuple[list[Host], list[str]]:
    """The hosts of a file, and what is wrong with others."""
    reader = HostReader(family, BY_NUMBER[family].standard)
    source = FileHosts(host_entries(form, family, BufferedReader(BytesIO(text))), reader, None)
    hosts: list[Host] = []
    wrong: list[str] = []
    while (batch := done(source.next())) is not None:
        hosts += batch.things
        wrong += batch.wrong
    return hosts, wrong


def done(coro: Any) -> Any:
    """What a coroutine gives that waits for nobody."""
    found: list[Any] = []
    Deferred.fromCoroutine(coro).addCallback(found.append)
    return found[0]


class FileTests(SynchronousTestCase):
    """What is written can be read, and what is wrong is told."""

    @given(st.sampled_from([4, 6]), st.sampled_from(["csv", "json", "jsonl"]), st.data())
    def test_round_trip(self, family: int, form: str, data: st.DataObject) -> None:
        """Every format gives every reservation back with all that is in it."""
        usable = [option for option in SAMPLES[family].options if option.space != "mine"]
        hosts = data.draw(st.lists(SAMPLES[family].every, max_size=5))
        hosts = [evolve(host, options=tuple(each for each in host.options if each in usable)) for host in hosts]
        found, wrong = read(family, written(form, family, hosts), None if hosts else form)
        self.assertEqual(wrong, [])
        self.assertEqual(len(found), len(hosts))
        for one, other in zip(found, hosts, strict=True):
            self.assertEqual("", differences(one, other))

    def test_by_hand(self) -> None:
        """What a spreadsheet has is read as a configuration's words are, and told by line if it cannot be."""
        text = (
            "subnet-id,hw-address,ip-address,client-classes,option-data\n"
            '7,1a:1b:1c:1d:1e:1f,192.0.2.7,one two,"[{""name"": ""domain-name"", ""data"": ""a.example""}]"\n'
            "0,1a:1b:1c:1d:1e:1f,,,\n,02:03,,,\n7,,192.0.2.9,,\n7,zz,,,\n7,02,192.0.2,,\n7,02,,,[{]\n"
            '7,02,,,"[{""name"": ""nonsense"", ""data"": ""1""}]"\n'
        )
        (one, two), wrong = read(4, text.encode())
        self.assertEqual((one.subnet_id, one.client_classes, one.addresses), (7, ("one", "two"), (b"\xc0\0\2\7",)))
        self.assertEqual([option.payload for option in one.options], [b"a.example"])
        self.assertEqual((two.subnet_id, two.addresses), (0, ()))
        for line, part in (
            (4, "'subnet-id' is missing"),
            (5, "a reservation has exactly one of"),
            (6, "hw-address: "),
            (7, "ip-address: "),
            (8, "'option-data' is no JSON"),
            (9, "nonsense"),
        ):
            (text_of,) = [each for each in wrong if each.startswith(f"line {line}: ")]
            self.assertIn(part, text_of)

    def test_configured(self) -> None:
        """What is for a configuration is what stands there."""
        host = HOSTS4.host(1, hostname="one", options=HOSTS4.options[:1])
        (found,) = json.loads(written("config", 4, [host]))
        self.assertNotIn("subnet-id", found)
        self.assertEqual(found["ip-address"], "192.0.3.1")

    def test_same(self) -> None:
        """The order of options and prefixes makes no difference, nor do names that definitions give; all else does."""
        one = HOSTS6.host(1, prefixes=((bytes(16), 48), (b"\1" * 16, 56)), options=HOSTS6.options)
        other = evolve(
            one,
            prefixes=one.prefixes[::-1],
            excluded_prefixes=(None, None),
            options=tuple(evolve(option, name="") for option in reversed(one.options)),
            user_context={},
        )
        self.assertEqual("", differences(one, other))
        self.assertIn("hostname", differences(one, evolve(one, hostname="x")))
        self.assertIn("options", differences(one, evolve(one, options=one.options[1:])))


class CopyTests(SynchronousTestCase):
    """From store to store."""

    def copy(self, origin: MemoryHosts, target: MemoryHosts, update: bool = False, dry_run: bool = False) -> Any:
        """The summary, and what was told."""
        copying = Copying(StoreHosts(origin), HostTarget(target), host_name, update=update, dry_run=dry_run)
        lines: list[str] = []
        while (step := done(copying.step())) is not None:
            lines += step.lines
        return str(copying.tally), lines

    def test_copy(self) -> None:
        """All are copied, and once more changes nothing; a trial changes nothing at all."""
        hosts = [HOSTS4.host(number) for number in range(1, 200)]
        origin, target = MemoryHosts(hosts), MemoryHosts()
        self.assertEqual(self.copy(origin, target, dry_run=True)[0], "199 copied, 0 there already, 0 not copied")
        self.assertEqual(target.hosts, [])
        self.assertEqual(self.copy(origin, target)[0], "199 copied, 0 there already, 0 not copied")
        self.assertEqual(target.hosts, hosts)
        self.assertEqual(self.copy(origin, target)[0], "0 copied, 199 there already, 0 not copied")

    def test_conflicts(self) -> None:
        """What is there for others is told, and left alone even by an update; what differs is replaced by that."""
        one, two = HOSTS4.host(1, hostname="new"), HOSTS4.host(2)
        there = [evolve(one, hostname="old"), HOSTS4.host(3, addresses=two.addresses)]
        for dry_run in (True, False):
            target = MemoryHosts(there)
            found, lines = self.copy(MemoryHosts([one, two]), target, dry_run=dry_run)
            self.assertEqual(found, "0 copied, 0 there already, 2 not copied")
            self.assertIn("hw-address=02:00:00:00:00:01 in subnet 1: another reservation is there: ", lines[0])
            self.assertIn("hostname 'old' and not 'new'", lines[0])
            self.assertIn("192.0.3.2 is reserved for hw-address=02:00:00:00:00:03", lines[1])
            self.assertEqual(target.hosts, there)
            found, _ = self.copy(MemoryHosts([one, two]), target, update=True, dry_run=dry_run)
            self.assertEqual(found, "0 copied, 1 replaced, 0 there already, 1 not copied")
            self.assertEqual(target.hosts == there, dry_run)

    def test_readonly(self) -> None:
        """A store that is read-only refuses each, and says why."""
        found, lines = self.copy(MemoryHosts([HOSTS4.host(1)]), MemoryHosts(readonly=True))
        self.assertEqual(found, "0 copied, 0 there already, 1 not copied")
        self.assertIn("read-only", lines[0])

    def test_broken_off(self) -> None:
        """A source that ends too early leaves what was copied, and tells where to go on."""

        class Broken(StoreHosts):
            async def next(self) -> Batch[Host] | None:
                if self._after:
                    raise RuntimeError("gone")
                return await super().next()

        target = MemoryHosts()
        copying = Copying(
            Broken(MemoryHosts([HOSTS4.host(1), HOSTS4.host(2)])),
            HostTarget(target),
            host_name,
        )
        done(copying.step())
        self.failureResultOf(Deferred.fromCoroutine(copying.step()), RuntimeError)
        self.assertEqual((len(target.hosts), copying.behind, copying.tally.counts[Verdict.COPIED]), (2, "2", 2))


class BusyTests(TestCase):
    """A store that cannot keep up."""

    async def test_busy(self) -> None:
        """Who is told that the store has too much to do asks again, until it has not."""

        class Slow(MemoryHosts):
            refused = 0

            async def add(self, host: Host) -> bool:
                if self.refused < 3:
                    self.refused += 1
                    raise Busy("later")
                return await super().add(host)

        target = Slow()
        hosts = [HOSTS4.host(1), HOSTS4.host(2)]
        copying = Copying(StoreHosts(MemoryHosts(hosts)), HostTarget(target), host_name)
        while await copying.step() is not None:
            pass
        self.assertEqual((target.refused, str(copying.tally)), (3, "2 copied, 0 there already, 0 not copied"))
        self.assertCountEqual(target.hosts, hosts)


class ExportTests(TestCase):
    """The command over configurations."""

    async def said(self, *words: str, status: int = 0) -> str:
        """What the command prints."""
        found: Result = await deferToThread(CliRunner().invoke, main, ["hosts", *words])
        self.assertEqual(found.exit_code, status, (words, found.output, found.exception))
        return str(found.output)

    def configuration(self) -> str:
        """One with three reservations."""
        reservation = {"hw-address": "02:00:00:00:00:01"}
        subnet = {"id": 7, "subnet": "192.0.2.0/24", "reservations": [{**reservation, "ip-address": "192.0.2.1"}]}
        document = {
            "Dhcp4": {
                "subnet4": [subnet, {**subnet, "id": 8, "subnet": "198.51.100.0/24", "reservations": []}],
                "reservations": [reservation, {"flex-id": "'x'", "hostname": "x.example"}],
            }
        }
        path: str = os.path.abspath(self.mktemp())
        Path(path).write_text(json.dumps(document), encoding="ascii")
        return path

    async def test_export(self) -> None:
        """The reservations of a configuration, all or those of one subnet, in the words of one."""
        path = self.configuration()
        found = json.loads(await self.said("export", f"reservations:{path}", "--format", "json"))
        self.assertEqual([each["subnet-id"] for each in found], [0, 0, 7])
        (found,) = json.loads(
            await self.said("export", f"reservations:{path}", "--subnet-id", "7", "--format", "config")
        )
        self.assertEqual((found["ip-address"], "subnet-id" in found), ("192.0.2.1", False))
        output = os.path.abspath(self.mktemp()) + ".csv"
        self.assertEqual(
            await self.said("export", f"reservations:{path}", "-o", output), f"3 reservations in {output}\n"
        )
        hosts, wrong = read(4, Path(output).read_bytes())
        self.assertEqual((len(hosts), wrong), (3, []))

    async def test_wrong_use(self) -> None:
        """What cannot be meant ends with status 2, what cannot be done with 1."""
        path = self.configuration()
        for words, status, text in (
            (("copy", "-4", f"reservations:{path}", "redis://h/0"), 1, "is no database of hosts"),
            (("copy", f"reservations:{path}", f"config:{path}"), 1, "has no hosts-databases"),
            (("copy", "-6", f"reservations:{path}", "cql://h/k"), 1, "has no Dhcp6"),
            (("copy", "cql://h/k", "mysql://h/k"), 2, "say which reservations: -4 or -6"),
            (("export", "-4", "cql://h/k", "--format", "config"), 2, "say --subnet-id"),
            (("export", "-4", "file.csv"), 2, "is no database"),
        ):
            self.assertIn(text, await self.said(*words, status=status), words)
