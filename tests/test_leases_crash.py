"""What a crash leaves of a lease file, whenever it comes: kill, power failure, full disk; Kea's clean-up and ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.leasing import QuickDisk, Workshop, begin, lease, outcome_of
from txkea.errors import Unavailable
from txkea.leases.cleanup import Paths, clean
from txkea.leases.disk import Disk
from txkea.leases.leasefile import LeaseFiles, RowErrors, load
from txkea.leases.memfile import MemfileLeases
from txkea.leases.rows4 import ROWS4, SCHEMA4, format4
from txkea.leases.writer import InlineWriter
from txkea.model.lease import Lease4, LeaseState
from txkea.testing.contracts.leases import any_leases, by_address
from txkea.testing.disks import FaultyDisk, Killed, RecordingLog
from txkea.testing.namespaces import requires_root

__all__ = ["CutTests", "FullDiskTests", "KeaTests", "PowerTests"]

T = TypeVar("T")
Table = dict[bytes, Lease4]

HEADER: Final = SCHEMA4.layout(11).header
KEA14: Final = SCHEMA4.layout(10).header
row: Final = format4(11)


class _Crashes(SynchronousTestCase):
    """Stores in a directory of their own."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.path = self.directory / "leases.csv"
        self.files = LeaseFiles(str(self.path))

    def wait(self, awaitable: Awaitable[T]) -> T:
        outcome = begin(awaitable)
        self.assertTrue(outcome, "the call has not ended")
        return outcome_of(outcome)  # type: ignore[no-any-return]

    def store(self, disk: Disk, reactor: Workshop) -> MemfileLeases:
        """A store that is not open yet."""
        return MemfileLeases(
            str(self.path), reactor=reactor, log=RecordingLog(), disk=disk, writer=InlineWriter, lfc_interval=0
        )

    def opened(self) -> MemfileLeases:
        """A store on the files as they are."""
        store = self.store(QuickDisk(), Workshop())
        self.wait(store.open())
        return store

    def table(self, store: MemfileLeases) -> Table:
        """All that a store has."""
        return {lease.address: lease for lease in store.table}

    def loaded(self) -> Table:
        """What the files say to whoever reads them after us, without a word about bad rows."""
        leases: Table = {}
        for path in self.files.to_load(Disk()):
            load(path, ROWS4, leases, RowErrors(tell=self.fail))
        return leases


class CutTests(_Crashes):
    """The journal ends anywhere."""

    ROWS = 100

    def history(self) -> list[tuple[bytes, Lease4, bool]]:
        """Rows of leases that are made, renewed, and end; each with its lease, and whether it has it."""
        made: list[tuple[bytes, Lease4, bool]] = []
        for number in range(self.ROWS + 20):
            one = lease(number % 40, client_id=b"", expires=number, hostname="a,b" if number % 5 == 0 else "")
            gone = number % 4 == 3
            made.append((ROWS4.removal(one, row) if gone else row(one), one, not gone))
        return made

    def test_cut_at_every_byte(self) -> None:
        """A file cut anywhere in its last hundred rows loses no whole row, and goes on with rows that can be read."""
        history = self.history()
        data, model = HEADER, Table()
        late = lease(9999)
        for number, (text, one, there) in enumerate(history):
            if number >= len(history) - self.ROWS:
                for length in range(len(text)):
                    self.path.write_bytes(data + text[:length])
                    self.goes_on(model, late)
            data += text
            model.pop(one.address, None)
            if there:
                model[one.address] = one
        self.path.write_bytes(data)
        self.goes_on(model, late)

    def goes_on(self, model: Table, late: Lease4) -> None:
        """The store has the leases of the model, takes one more, and the file says so."""
        store = self.opened()
        self.assertEqual(model, self.table(store))
        self.wait(store.add(late))
        self.wait(store.close())
        self.assertEqual({**model, late.address: late}, self.loaded())

    def test_tail_of_nulls_at_every_byte(self) -> None:
        """A file whose last bytes the file system lost, and filled with NULs, is one that was cut there."""
        text = row(lease(2))
        for length in range(len(text)):
            self.path.write_bytes(HEADER + row(lease(1)) + text[:length] + b"\0" * (len(text) - length))
            self.goes_on({lease(1).address: lease(1)}, lease(9999))

    def test_header_cut_at_every_byte(self) -> None:
        """A file that was only begun is begun again, whichever Kea began it."""
        for header in (HEADER, KEA14, SCHEMA4.layout(12).header):
            for length in range(len(header)):
                self.path.write_bytes(header[:length])
                self.goes_on({}, lease(9999))


class Content:
    """A file: what programs see, and what the medium holds for sure."""

    def __init__(self) -> None:
        self.seen = b""
        self.safe = b""

    def after_power_failure(self) -> Iterator[bytes]:
        """What may be found: all, nothing new, a part, a part and NULs where the rest should be."""
        yield self.seen
        yield self.safe
        new = self.seen.removeprefix(self.safe)
        if len(self.seen) > len(self.safe) and len(new) < len(self.seen) + 1:
            yield self.safe + new[: len(new) // 2]
            yield self.safe + b"\0" * len(new)


Names = dict[str, Content]


class PowerDisk(Disk):
    """A disk beside a model of its medium; ``moment`` is called after each change."""

    def __init__(self) -> None:
        self._safe: Names = {}
        self._now: Names = {}
        self._renamings: list[Callable[[Names], object]] = []
        self._open: dict[int, Content] = {}
        self.moment: Callable[[], object] = lambda: None

    def begin_with(self, path: Path, data: bytes) -> None:
        """A file that is there from the start."""
        path.write_bytes(data)
        content = Content()
        content.seen = content.safe = data
        self._safe[str(path)] = self._now[str(path)] = content

    def after_power_failure(self) -> Iterator[Mapping[str, bytes]]:
        """Each directory that may be found: changes of names are lost from one on, or one of them; contents anyhow."""
        count = len(self._renamings)
        survivors: list[Sequence[int]] = [range(length) for length in range(count + 1)]
        survivors += [[each for each in range(count) if each != lost] for lost in range(count - 1)]
        for survivor in survivors:
            names = dict(self._safe)
            for each in survivor:
                self._renamings[each](names)
            ways = [list(content.after_power_failure()) for content in names.values()]
            for way in range(4):
                yield {path: found[way % len(found)] for path, found in zip(names, ways, strict=True)}

    def _rename(self, change: Callable[[Names], object]) -> None:
        change(self._now)
        self._renamings.append(change)
        self.moment()

    def open(self, path: str, flags: int) -> int:
        fd = super().open(path, flags)
        if path not in self._now:
            content = Content()
            self._rename(lambda names: names.update({path: content}))
        self._open[fd] = self._now[path]
        if flags & os.O_TRUNC:
            self._open[fd].seen = b""
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Appends: no lease file is written otherwise."""
        size = super().write(fd, data)
        self._open[fd].seen += bytes(data[:size])
        self.moment()
        return size

    def ftruncate(self, fd: int, size: int) -> None:
        super().ftruncate(fd, size)
        self._open[fd].seen = self._open[fd].seen[:size]
        self.moment()

    def fdatasync(self, fd: int) -> None:
        self._open[fd].safe = self._open[fd].seen
        self.moment()

    def rename(self, old: str, new: str) -> None:
        super().rename(old, new)
        self._rename(lambda names: names.update({new: names.pop(old)} if old in names else {}))

    def unlink(self, path: str) -> None:
        super().unlink(path)
        self._rename(lambda names: names.pop(path, None))

    def sync_directory(self, path: str) -> None:
        self._safe, self._renamings = dict(self._now), []
        self.moment()


class PowerTests(_Crashes):
    """The power fails at any moment; names and contents that were not synced are lost, wholly or in part."""

    def setUp(self) -> None:
        super().setUp()
        self.disk = PowerDisk()
        self.disk.moment = self.look
        self.acknowledged: Table = {}
        self.wanted: dict[bytes, Lease4 | None] = {}
        self.found: dict[tuple[Any, ...], tuple[Mapping[str, bytes], Table, dict[bytes, Lease4 | None]]] = {}
        self.number = 0
        self.within = False

    def look(self) -> None:
        """Keep every directory that may be found now, and what was promised by then."""
        for names in self.disk.after_power_failure():
            key = (*sorted(names.items()), *sorted(self.acknowledged.values()))
            self.found[key] = (names, dict(self.acknowledged), dict(self.wanted))

    def change(self, store: MemfileLeases) -> None:
        """A client takes, renews or gives back its address."""
        self.number += 1
        address = lease(self.number % 7).address
        was = self.acknowledged.get(address)
        one = lease(self.number % 7, expires=self.number)
        if was is None:
            self.wanted, change = {address: one}, store.add(one)
        elif self.number % 3:
            self.wanted, change = {address: one}, store.update(one, was)
        else:
            self.wanted, change = {address: None}, store.remove(was)
        self.assertTrue(self.wait(change))
        for address, after in self.wanted.items():
            self.acknowledged.pop(address, None)
            if after is not None:
                self.acknowledged[address] = after
        self.wanted = {}
        self.look()

    def clean_beside(self, store: MemfileLeases) -> Callable[[Paths], int]:
        """A clean-up that lets a client change something after each of its steps."""

        def between() -> None:
            self.look()
            if not self.within:
                self.within = True
                self.change(store)
                self.within = False

        def clean_up(paths: Paths) -> int:
            self.disk.moment = between
            clean(paths, self.disk, RowErrors())
            self.disk.moment = self.look
            return 0

        return clean_up

    def serve(self) -> None:
        """Two openings, with changes and a clean-up in each."""
        for _ in range(2):
            reactor = Workshop()
            store = self.store(self.disk, reactor)
            reactor.clean = self.clean_beside(store)
            self.wait(store.open())
            for _ in range(8):
                self.change(store)
            self.assertTrue(self.wait(store.clean_up()))
            self.change(store)
            self.wait(store.close())

    def judge(self) -> None:
        """Whatever was found: each acknowledged lease is there, nothing that nobody wanted, and the server goes on."""
        self.assertGreater(len(self.found), 200)
        place = Path(self.mktemp()).absolute()
        for number, (names, acknowledged, wanted) in enumerate(self.found.values()):
            self.directory = place / str(number)
            self.directory.mkdir(parents=True)
            self.path = self.directory / "leases.csv"
            self.files = LeaseFiles(str(self.path))
            for path, data in names.items():
                (self.directory / Path(path).name).write_bytes(data)
            store = self.opened()
            table = self.table(store)
            for address in {*table, *acknowledged, *wanted}:
                allowed = [acknowledged.get(address), *([wanted[address]] if address in wanted else [])]
                self.assertIn(table.get(address), allowed, f"{address!r} in {sorted(names)}")
            self.wait(store.add(lease(9999)))
            self.assertTrue(self.wait(store.clean_up()))
            self.wait(store.close())
            self.assertEqual({**table, lease(9999).address: lease(9999)}, self.loaded())

    def test_any_moment(self) -> None:
        """From the first start through clean-ups that run beside changes to the next start and its clean-up."""
        self.serve()
        self.judge()

    def test_any_moment_of_a_conversion(self) -> None:
        """The same with a file of Kea 1.4, which is set aside to get our columns."""
        old = [lease(number) for number in range(3)]
        rows = b"".join(row(one).rsplit(b",", 1)[0] + b"\n" for one in old)
        self.disk.begin_with(self.path, KEA14 + rows)
        self.acknowledged = {one.address: one for one in old}
        self.serve()
        self.judge()


class FullDiskTests(_Crashes):
    """A file system that is really full."""

    skip = requires_root("mount")

    def setUp(self) -> None:
        super().setUp()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", self.directory], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", "-l", self.directory], check=True))

    def test_full_and_free_again(self) -> None:
        """Of 400 clients those are told yes whose rows fit; no row of another is ever written; then all goes on."""
        filler = self.directory / "filler"
        filler.write_bytes(b"\0" * 4096)
        reactor = Workshop()
        store = MemfileLeases(str(self.path), reactor=reactor, log=RecordingLog(), lfc_interval=0)
        self.run_until(reactor, [begin(store.open())])
        wishes = [lease(number) for number in range(400)]
        outcomes: list[list[Any]] = []
        for start in range(0, len(wishes), 20):
            outcomes += [begin(store.add(one)) for one in wishes[start : start + 20]]
            self.run_until(reactor, outcomes)
        granted = self.granted(wishes, outcomes)
        self.assertTrue(0 < len(granted) < 400, f"{len(granted)} of 400")
        self.assertEqual(granted, self.table(store))
        self.assertEqual(granted, self.loaded())
        self.assertIn("room", store.problem)
        filler.unlink()
        late = [lease(number) for number in range(1000, 1020)]
        more = [begin(store.add(one)) for one in late]
        self.run_until(reactor, more)
        self.assertEqual({one.address: one for one in late}, self.granted(late, more))
        self.assertEqual("", store.problem)
        self.run_until(reactor, [begin(store.close())])
        again = self.opened()
        self.assertEqual({**granted, **self.granted(late, more)}, self.table(again))
        self.wait(again.close())

    def run_until(self, reactor: Workshop, outcomes: list[list[Any]]) -> None:
        reactor.run_until(lambda: all(outcomes))

    def granted(self, wishes: list[Lease4], outcomes: list[list[Any]]) -> Table:
        """The leases whose clients were told yes; the others were told that it cannot be now."""
        granted: Table = {}
        for one, (outcome,) in zip(wishes, outcomes, strict=True):
            if outcome is True:
                granted[one.address] = one
            else:
                outcome.trap(Unavailable)
        return granted


class KeaTests(_Crashes):
    """Kea's own clean-up and ours take over from each other."""

    skip = requires_root("kea-lfc")

    def kea_lfc(self) -> None:
        """Run Kea's program as Kea's server would."""
        environment = {**os.environ, "KEA_LOCKFILE_DIR": "none"}
        command = ["kea-lfc", *Paths.of(self.files).arguments()]
        run = subprocess.run(command, env=environment, capture_output=True, check=False, cwd=self.directory)
        self.assertEqual(0, run.returncode, run.stdout + run.stderr)

    def typical(self) -> Table:
        """A previous file, an input that renews, ends and adds, and an active file; gives what they say."""
        old = [lease(number) for number in range(10)]
        Path(self.files.previous).write_bytes(HEADER + b"".join(map(row, old)))
        input_rows = [row(lease(3, expires=7)), ROWS4.removal(lease(4), row), row(lease(20)), row(lease(3, expires=8))]
        Path(self.files.input).write_bytes(HEADER + b"".join(input_rows))
        self.path.write_bytes(HEADER + row(lease(5, hostname="late")) + ROWS4.removal(lease(6), row))
        return self.loaded()

    def assert_cleaned(self, expected: Table) -> None:
        """One clean file is left, and says the same."""
        self.assertEqual(expected, self.loaded())
        self.assertEqual(["leases.csv", "leases.csv.2"], sorted(os.listdir(self.directory)))

    def test_kea_ends_what_we_began(self) -> None:
        """Wherever our clean-up was killed, Kea's ends its work, and every lease is there."""
        whole = FaultyDisk()
        self.typical()
        clean(Paths.of(self.files), whole, RowErrors())
        for step in range(len(whole.trace)):
            self.setUp()
            expected = self.typical()
            self.assertRaises(Killed, clean, Paths.of(self.files), FaultyDisk(step), RowErrors())
            self.kea_lfc()
            self.assert_cleaned(expected)

    def test_we_end_what_kea_began(self) -> None:
        """Wherever Kea's clean-up was killed, ours ends its work, and every lease is there."""
        self.typical()
        self.kea_lfc()
        written = Path(self.files.previous).read_bytes()
        for left in ("", "output", "torn output", "completed", "no previous", "no input"):
            self.setUp()
            expected = self.typical()
            if "output" in left:
                Path(self.files.output).write_bytes(written[: 150 if "torn" in left else None])
            elif left:
                Path(self.files.completed).write_bytes(written)
            if left.startswith("no "):
                os.unlink(self.files.previous)
            if left == "no input":
                os.unlink(self.files.input)
            self.assertEqual(expected, self.loaded(), left)
            clean(Paths.of(self.files), Disk(), RowErrors())
            self.assert_cleaned(expected)

    def test_in_place_of_ours(self) -> None:
        """A server told to use Kea's program (KEA_LFC_EXECUTABLE) keeps every lease, and Kea's rows are ours."""
        self.patch(os, "environ", {**os.environ, "KEA_LFC_EXECUTABLE": "/usr/sbin/kea-lfc", "KEA_LOCKFILE_DIR": "none"})
        store = self.opened()
        for number in range(9):
            self.wait(store.add(lease(number)))
        self.wait(store.remove(lease(4)))
        expected = self.table(store)
        self.assertTrue(self.wait(store.clean_up()))
        self.wait(store.add(lease(10)))
        self.wait(store.close())
        self.assert_cleaned({**expected, lease(10).address: lease(10)})
        self.assertEqual(HEADER + b"".join(map(row, expected.values())), Path(self.files.previous).read_bytes())

    def test_kea_reads_what_we_write(self) -> None:
        """Kea 2.2.0 reads every lease that Kea can have; it writes names in lower case and contexts in its style."""

        @settings(deadline=None, max_examples=10, suppress_health_check=list(HealthCheck))
        @given(st.lists(any_leases.filter(possible_in_kea), min_size=30, max_size=60, unique_by=by_address))
        def check(leases: list[Lease4]) -> None:
            for name in os.listdir(self.directory):
                (self.directory / name).unlink()
            Path(self.files.input).write_bytes(HEADER + b"".join(map(row, leases)))
            self.kea_lfc()
            found = self.loaded()
            for one in leases:
                kept = found[one.address]
                self.assertEqual(one.user_context.replace(" ", ""), kept.user_context.replace(" ", ""))
                self.assertEqual(
                    one._replace(hostname=lower(one.hostname)), kept._replace(user_context=one.user_context)
                )

        check()


def possible_in_kea(one: Lease4) -> bool:
    """Kea has no client identifier of one byte, no lease without an owner, and breaks at control bytes in names."""
    owned = bool(one.hwaddr or one.client_id) or one.state == LeaseState.DECLINED
    return owned and len(one.client_id) != 1 and not set(one.hostname) & {"\0", "\r", "\n"}


def lower(name: str) -> str:
    """As Kea does it: ASCII alone."""
    return "".join(each.lower() if each.isascii() else each for each in name)
