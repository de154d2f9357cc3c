"""What a crash leaves of a lease file, whenever it comes: kill, power failure, full disk; Kea's clean-up and ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from socket import AF_INET6, inet_pton
from typing import Any, ClassVar, Final, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.leasing import QuickDisk, Workshop, begin, lease, lease6, outcome_of
from txkea.errors import Unavailable
from txkea.leases.cleanup import Paths, clean
from txkea.leases.disk import Disk
from txkea.leases.leasefile import ROWS, LeaseFiles, RowErrors, load
from txkea.leases.memfile import MemfileLeases
from txkea.leases.writer import InlineWriter, Writer, WriterThread
from txkea.model.lease import Lease, Lease6, LeaseState, LeaseType
from txkea.testing.contracts.samples import SAMPLES4, SAMPLES6, by_address
from txkea.testing.disks import FaultyDisk, Killed, RecordingLog
from txkea.testing.namespaces import requires_root

__all__ = [
    "Cut6Tests",
    "CutTests",
    "FullDisk6Tests",
    "FullDiskTests",
    "Kea6Tests",
    "KeaTests",
    "Power6Tests",
    "PowerTests",
]

T = TypeVar("T")
Table = dict[bytes, Any]


class _Crashes(SynchronousTestCase):
    """Stores in a directory of their own."""

    family = 4
    kea14 = 10
    """Columns of a file of Kea 1.4."""
    samples = SAMPLES4
    lease: Any = staticmethod(lease)

    def setUp(self) -> None:
        self.rows = ROWS[self.family]
        schema = self.rows.schema
        self.row = self.rows.format(schema.current)
        self.header = schema.layout(schema.current).header
        self.old_header = schema.layout(self.kea14).header
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.path = self.directory / "leases.csv"
        self.files = LeaseFiles(str(self.path), self.family)

    def removal(self, lease: Lease) -> bytes:
        """The row that ends a lease."""
        return self.rows.removal(lease, self.row)

    def wait(self, awaitable: Awaitable[T]) -> T:
        outcome = begin(awaitable)
        self.assertTrue(outcome, "the call has not ended")
        return outcome_of(outcome)  # type: ignore[no-any-return]

    def store(self, disk: Disk, reactor: Workshop, writer: Callable[[], Writer] = InlineWriter) -> MemfileLeases:
        """A store that is not open yet."""
        return MemfileLeases(
            str(self.path),
            reactor=reactor,
            log=RecordingLog(),
            family=self.family,
            disk=disk,
            writer=writer,
            lfc_interval=0,
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
            load(path, self.rows, leases, RowErrors(tell=self.fail))
        return leases


class CutTests(_Crashes):
    """The journal ends anywhere."""

    ROWS = 100
    short: ClassVar[dict[str, Any]] = {"client_id": b""}
    """What a lease can do without."""

    def history(self) -> list[tuple[bytes, Lease, bool]]:
        """Rows of leases that are made, renewed, and end; each with its lease, and whether it has it."""
        made: list[tuple[bytes, Lease, bool]] = []
        for number in range(self.ROWS + 20):
            one = self.lease(number % 40, **self.short, expires=number, hostname="a,b" if number % 5 == 0 else "")
            gone = number % 4 == 3
            made.append((self.removal(one) if gone else self.row(one), one, not gone))
        return made

    def test_cut_at_every_byte(self) -> None:
        """A file cut anywhere in its last hundred rows loses no whole row, and goes on with rows that can be read."""
        history = self.history()
        data, model = self.header, Table()
        late = self.lease(9999)
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

    def goes_on(self, model: Table, late: Lease) -> None:
        """The store has the leases of the model, takes one more, and the file says so."""
        store = self.opened()
        self.assertEqual(model, self.table(store))
        self.wait(store.add(late))
        self.wait(store.close())
        self.assertEqual({**model, late.address: late}, self.loaded())

    def test_tail_of_nulls_at_every_byte(self) -> None:
        """A file whose last bytes the file system lost, and filled with NULs, is one that was cut there."""
        text = self.row(self.lease(2))
        for length in range(len(text)):
            self.path.write_bytes(self.header + self.row(self.lease(1)) + text[:length] + b"\0" * (len(text) - length))
            self.goes_on({self.lease(1).address: self.lease(1)}, self.lease(9999))

    def test_header_cut_at_every_byte(self) -> None:
        """A file that was only begun is begun again, whichever Kea began it."""
        for header in (self.header, self.old_header, self.rows.schema.newest.header):
            for length in range(len(header)):
                self.path.write_bytes(header[:length])
                self.goes_on({}, self.lease(9999))


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
        self.wanted: dict[bytes, Lease | None] = {}
        self.found: dict[tuple[Any, ...], tuple[Mapping[str, bytes], Table, dict[bytes, Lease | None]]] = {}
        self.number = 0
        self.within = False

    def look(self) -> None:
        """Keep every directory that may be found now, and what was promised by then."""
        for names in self.disk.after_power_failure():
            key = (*sorted(names.items()), *sorted(self.acknowledged.values()))
            self.found[key] = (names, dict(self.acknowledged), dict(self.wanted))

    def change(self, store: MemfileLeases) -> None:
        """A client takes, renews or gives back its address; what overlaps it is given back before."""
        self.number += 1
        one = self.lease(self.number % 7, expires=self.number)
        for other in [*self.acknowledged.values()]:
            if other.address != one.address and self.samples.overlap(one, other):
                self.done(other.address, None, store.remove(other))
        was = self.acknowledged.get(one.address)
        if was is None:
            self.done(one.address, one, store.add(one))
        elif self.number % 3:
            self.done(one.address, one, store.update(one, was))
        else:
            self.done(one.address, None, store.remove(was))

    def done(self, address: bytes, after: Lease | None, change: Awaitable[bool]) -> None:
        """Make a change; from then on it is promised."""
        self.wanted = {address: after}
        self.assertTrue(self.wait(change))
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
            self.files = LeaseFiles(str(self.path), self.family)
            for path, data in names.items():
                (self.directory / Path(path).name).write_bytes(data)
            store = self.opened()
            table = self.table(store)
            for address in {*table, *acknowledged, *wanted}:
                allowed = [acknowledged.get(address), *([wanted[address]] if address in wanted else [])]
                self.assertIn(table.get(address), allowed, f"{address!r} in {sorted(names)}")
            self.assertEqual([*table.values()], self.samples.disjoint(table.values()))
            self.wait(store.add(self.lease(9999)))
            self.assertTrue(self.wait(store.clean_up()))
            self.wait(store.close())
            self.assertEqual({**table, self.lease(9999).address: self.lease(9999)}, self.loaded())

    def test_any_moment(self) -> None:
        """From the first start through clean-ups that run beside changes to the next start and its clean-up."""
        self.serve()
        self.judge()

    def test_any_moment_of_a_conversion(self) -> None:
        """The same with a file of Kea 1.4, which is set aside to get our columns."""
        whole = self.samples.disjoint(self.lease(number) for number in range(4))
        texts = [b",".join(self.row(one).split(b",")[: self.kea14]) for one in whole]
        read = self.rows.reader(self.rows.schema.layout(self.kea14))
        old = [read(text.decode()) for text in texts]
        self.disk.begin_with(self.path, self.old_header + b"".join(text + b"\n" for text in texts))
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
        store = self.store(Disk(), reactor, lambda: WriterThread(reactor.callFromThread))
        self.run_until(reactor, [begin(store.open())])
        wishes = [self.lease(number) for number in range(400)]
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
        late = [self.lease(number) for number in range(1000, 1020)]
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

    def granted(self, wishes: list[Lease], outcomes: list[list[Any]]) -> Table:
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
        old = [self.lease(number) for number in range(10)]
        Path(self.files.previous).write_bytes(self.header + b"".join(map(self.row, old)))
        renewed = [self.row(self.lease(3, expires=1_700_000_000 + second)) for second in range(2)]
        input_rows = [renewed[0], self.removal(self.lease(4)), self.row(self.lease(20)), renewed[1]]
        Path(self.files.input).write_bytes(self.header + b"".join(input_rows))
        self.path.write_bytes(self.header + self.row(self.lease(5, hostname="late")) + self.removal(self.lease(6)))
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
            self.wait(store.add(self.lease(number)))
        self.wait(store.remove(self.lease(4)))
        expected = self.table(store)
        self.assertTrue(self.wait(store.clean_up()))
        self.wait(store.add(self.lease(10)))
        self.wait(store.close())
        self.assert_cleaned({**expected, self.lease(10).address: self.lease(10)})
        rows = map(self.row, sorted(expected.values(), key=by_address))
        self.assertEqual(self.header + b"".join(rows), Path(self.files.previous).read_bytes())

    def test_kea_reads_what_we_write(self) -> None:
        """Kea 2.2.0 reads every lease that Kea can have; it changes the style of contexts, and the case of v4 names."""

        @settings(deadline=None, max_examples=10, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(
            st.lists(
                self.samples.every.filter(possible_in_kea).map(in_time), min_size=20, max_size=40, unique_by=by_address
            )
        )
        def check(leases: list[Lease]) -> None:
            for name in os.listdir(self.directory):
                (self.directory / name).unlink()
            Path(self.files.input).write_bytes(self.header + b"".join(map(self.row, leases)))
            self.kea_lfc()
            found = self.loaded()
            for one in leases:
                kept = found[one.address]
                self.assertEqual(one.user_context.replace(" ", ""), kept.user_context.replace(" ", ""))
                name = lower(one.hostname) if self.family == 4 else one.hostname
                self.assertEqual(one._replace(hostname=name), kept._replace(user_context=one.user_context))

        check()


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


class _Crashes6(_Crashes):
    """The same with addresses and prefixes."""

    family = 6
    kea14 = 14
    samples = SAMPLES6
    lease = staticmethod(lease6)


class Cut6Tests(_Crashes6, CutTests):
    """The journal of a DHCPv6 server ends anywhere."""

    ROWS = 50
    short: ClassVar[dict[str, Any]] = {"hwaddr": b"", "hwtype": 0, "hwaddr_source": 0}


RESOURCES: Final = (
    ("2001:db8::", 32),
    ("2001:db8::", 48),
    ("2001:db8::1", 128),
    ("2001:db8:0:1::", 64),
    ("2001:db8:0:1::7", 128),
    ("2001:db8:1::", 48),
    ("2001:db8:1::8", 125),
)
"""Addresses and prefixes that lie in one another, one of them twice, with two lengths."""


def nested(number: int, **changes: Any) -> Lease6:
    """A lease of one of few resources, or of another that overlaps none of them."""
    if number >= len(RESOURCES):
        return lease6(number | 1, **changes)
    text, length = RESOURCES[number]
    kind = int(LeaseType.NA if length == 128 else LeaseType.PD)
    return lease6(number, address=inet_pton(AF_INET6, text), prefix_length=length, type=kind, **changes)


class Power6Tests(_Crashes6, PowerTests):
    """The power fails while prefixes are given to one client after parts of them were taken from others."""

    lease = staticmethod(nested)


class FullDisk6Tests(_Crashes6, FullDiskTests):
    """A file system that is full of DHCPv6 leases."""


class Kea6Tests(_Crashes6, KeaTests):
    """Kea's own clean-up of DHCPv6 leases and ours take over from each other."""


# -- what Kea does to leases -------------------------------------------------------------------------------------------


def possible_in_kea(one: Any) -> bool:
    """Kea has no client identifier of one byte, no lease without an owner, and breaks at control bytes in names."""
    if set(one.hostname) & {"\0", "\r", "\n"}:
        return False
    if isinstance(one, Lease6):
        return True
    return len(one.client_id) != 1 and bool(one.hwaddr or one.client_id or one.state == LeaseState.DECLINED)


def in_time(one: Any) -> Any:
    """In DHCPv6 Kea keeps the seconds of a transaction in 32 bits."""
    return one._replace(expires=one.valid_lifetime + one.expires % (1 << 32)) if isinstance(one, Lease6) else one


def lower(name: str) -> str:
    """As Kea does it: ASCII alone."""
    return "".join(each.lower() if each.isascii() else each for each in name)
