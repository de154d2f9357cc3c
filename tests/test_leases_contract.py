"""All lease stores keep the one contract in both families: in memory, in a file, with a thread, on a failing disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable
from typing import TypeVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from twisted.trial.unittest import SynchronousTestCase

from tests.leasing import QuickDisk, Workshop, begin, outcome_of
from txkea.errors import Unavailable
from txkea.interfaces import ILeaseStore
from txkea.leases.memfile import MemfileLeases
from txkea.leases.memory import MemoryLeases
from txkea.leases.writer import InlineWriter, WriterThread
from txkea.model.lease import Lease
from txkea.testing.contracts.leases import (
    LeaseStoreContract,
    LeaseStoreContract6,
    LeaseStoreMachine,
    LeaseStoreMachine6,
)
from txkea.testing.disks import FaultyDisk, RecordingLog

__all__ = ["Memfile6Tests", "MemfileTests", "Memory6Tests", "MemoryTests", "Thread6Tests", "ThreadTests"]

T = TypeVar("T")


class MemoryTests(LeaseStoreContract, SynchronousTestCase):
    """`MemoryLeases`."""

    def make_store(self) -> MemoryLeases:
        return MemoryLeases()


class Memory6Tests(LeaseStoreContract6, MemoryTests):
    """The same for DHCPv6."""


class MemfileMachine(LeaseStoreMachine):
    """A memfile, whose disk fails at times, and which is cleaned up at times."""

    case: MemfileTests
    store: MemfileLeases

    @rule(
        call=st.sampled_from(("write", "fdatasync")), error=st.sampled_from((errno.ENOSPC, errno.EIO)), data=st.data()
    )
    def fail(self, call: str, error: int, data: st.DataObject) -> None:
        """A change that the disk refuses is refused, and never was; the next one succeeds."""
        lease = self.possible(data)
        self.case.disk.fail(call, error, None)
        self.refused(lease)
        self.case.assertNotEqual("", self.store.problem)
        self.case.disk.faults.clear()

    @rule(size=st.integers(1, 20), data=st.data(), repairs=st.integers(0, 2))
    def fill(self, size: int, data: st.DataObject, repairs: int) -> None:
        """A disk that takes a part of a row, and then cannot even cut it off for a while: the same."""
        lease = self.possible(data)
        self.case.disk.fail("write", ("short", size), errno.ENOSPC)
        self.case.disk.fail("ftruncate", *([errno.EIO] * repairs), None)
        for _ in range(repairs + 1):
            self.refused(lease)
        self.case.disk.faults.clear()

    def possible(self, data: st.DataObject) -> Lease:
        """A lease that only a disk can refuse."""
        lease: Lease = self.few(data)
        assume(not self.in_the_way(lease))
        return lease

    def refused(self, lease: Lease) -> None:
        """The address cannot have this lease now."""
        was = self.model.get(lease.address)
        changed = self.store.add(lease) if was is None else self.store.update(lease, was)
        self.case.assertRaises(Unavailable, self.case.wait, changed)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def fail_to_remove(self, data: st.DataObject) -> None:
        """A lease whose end cannot be written goes on."""
        lease = self.one(data)
        self.case.disk.fail("write", errno.EROFS)
        self.case.assertRaises(Unavailable, self.case.wait, self.store.remove(lease))
        self.case.disk.faults.clear()

    @rule()
    def clean_up(self) -> None:
        """Superseded rows go, leases stay."""
        self.case.assertTrue(self.case.wait(self.store.clean_up()))

    @rule(call=st.sampled_from(("rename", "open", "write", "fdatasync", "sync_directory")))
    def fail_to_clean_up(self, call: str) -> None:
        """A clean-up that cannot begin leaves the file in use."""
        self.case.disk.fail(call, errno.EIO, None)
        self.case.assertFalse(self.case.wait(self.store.clean_up()))
        self.case.disk.faults.clear()


class MemfileTests(LeaseStoreContract, SynchronousTestCase):
    """`MemfileLeases` on a disk that fails when told; each fresh store has one of its own."""

    disk: FaultyDisk

    def make(self, path: str) -> MemfileLeases:
        """A store with a file, not yet open."""
        family = self.samples.family
        return MemfileLeases(
            path, reactor=Workshop(), log=RecordingLog(), family=family, disk=self.disk, writer=InlineWriter
        )

    def make_store(self) -> MemfileLeases:
        directory = self.mktemp()
        os.mkdir(directory)
        self.disk = FaultyDisk()
        return self.make(os.path.join(directory, "leases.csv"))

    def reopen(self, store: ILeaseStore) -> MemfileLeases:
        assert isinstance(store, MemfileLeases)
        self.wait(store.close())
        again = self.make(store.files.active)
        self.wait(again.open())
        return again

    def machine(self) -> LeaseStoreMachine:
        return MemfileMachine(self)


class MemfileMachine6(LeaseStoreMachine6, MemfileMachine):
    """Both."""


class Memfile6Tests(LeaseStoreContract6, MemfileTests):
    """The same for DHCPv6."""

    def machine(self) -> LeaseStoreMachine:
        return MemfileMachine6(self)


class ThreadTests(LeaseStoreContract, SynchronousTestCase):
    """`MemfileLeases` with its thread and its group commit."""

    def setUp(self) -> None:
        self.reactor = Workshop()

    def make(self, path: str) -> MemfileLeases:
        """A store with a file, not yet open."""
        return MemfileLeases(
            path,
            reactor=self.reactor,
            log=RecordingLog(),
            family=self.samples.family,
            disk=QuickDisk(),
            writer=lambda: WriterThread(self.reactor.callFromThread),
        )

    def make_store(self) -> MemfileLeases:
        return self.make(self.mktemp())

    def reopen(self, store: ILeaseStore) -> MemfileLeases:
        assert isinstance(store, MemfileLeases)
        self.wait(store.close())
        again = self.make(store.files.active)
        self.wait(again.open())
        return again

    def wait(self, awaitable: Awaitable[T]) -> T:
        outcome = begin(awaitable)
        self.reactor.run_until(lambda: outcome)
        return outcome_of(outcome)  # type: ignore[no-any-return]


class Thread6Tests(LeaseStoreContract6, ThreadTests):
    """The same for DHCPv6."""
