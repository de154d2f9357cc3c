"""Hostile packets: what the tests of both families share, in this process and on the wire."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real.servers import Server
from tests.real.tap import Tap
from txkea.leases.memory import MemoryLeases
from txkea.testing.local import Local
from txkea.testing.malformed import Case
from txkea.testing.namespaces import wait_for

__all__ = ["CONTROL_BYTES", "PACKETS", "SEED", "InMemory", "OnWire", "WatchedLeases", "all_logged"]

PACKETS: Final = int(os.environ.get("TXKEA_TEST_PACKETS", "100000"))
BATCH: Final = 200
SEED: Final = 2131
LONGEST: Final = 0.1
"""Seconds of CPU time that no packet may take: five times what the reactor may be held, for this machine is shared."""
CONTROL_BYTES: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def all_logged(name: str) -> list[dict[str, Any]]:
    """A configuration's loggers: everything, into a file of the server's directory."""
    output = [{"output": "@DIRECTORY@/server.log"}]
    return [{"name": name, "severity": "DEBUG", "debuglevel": 99, "output_options": output}]


class WatchedLeases(MemoryLeases):
    """Leases in memory that count their changes."""

    changes = 0

    async def add(self, lease: Any) -> bool:
        """See `ILeaseStore`."""
        self.changes += 1
        return await super().add(lease)

    async def update(self, lease: Any, was: Any) -> bool:
        """See `ILeaseStore`."""
        self.changes += 1
        return await super().update(lease, was)

    async def remove(self, lease: Any) -> bool:
        """See `ILeaseStore`."""
        self.changes += 1
        return await super().remove(lease)


class InMemory:
    """Hostile packets in this process, to a server whose leases are `WatchedLeases`: for test cases."""

    family: int
    received: Iterable[str]
    """The counters of queries by their type."""
    sent: Iterable[str]
    """The counters of answers by their type."""
    server: Local[Any, Any]
    leases: WatchedLeases
    good = 0
    """How many good queries were sent."""
    delivered = 0

    def deliver(self, data: bytes) -> None:
        """Let one packet arrive."""
        raise NotImplementedError

    def ask_well(self) -> None:
        """A good query, which must be answered."""
        raise NotImplementedError

    def count(self, name: str) -> int:
        """A statistic of the family."""
        return self.server.statistic(f"pkt{self.family}-{name}")

    def deliver_all(self, cases: Iterable[Case]) -> None:
        """No exception, no lease by a dropped packet, every packet counted once, none slow."""
        slowest = (0.0, "", b"")
        for kind, data in cases:
            took = self.deliver_one(kind, data)
            if took >= LONGEST:  # a slow packet is so each time; what else the machine or the interpreter does is not
                took = min(took, *(self.deliver_one(kind, data) for _ in range(3)))
            slowest = max(slowest, (took, kind, data[:600]))
            if self.delivered % BATCH == 0:
                self.assert_well()
        self.assert_well()
        assert slowest[0] < LONGEST, f"{slowest[0]:.3f} s, {slowest[1]}: {slowest[2].hex()}"

    def deliver_one(self, kind: str, data: bytes) -> float:
        """One packet: at most one answer, or one drop, and a drop changes nothing; gives the CPU time that it took."""
        changes, drops, failed = self.leases.changes, self.count("receive-drop"), self.count("processing-failed")
        began = time.process_time()
        self.deliver(data)
        took = time.process_time() - began
        self.delivered += 1
        self.server.now += 0.01
        answers, dropped = len(self.server.network.sent), self.count("receive-drop") - drops
        assert self.count("processing-failed") == failed, f"{kind}: {self.server.log.lines[-1]}\n{data[:2000].hex()}"
        done = f"{answers} answers, {dropped} drops, {self.leases.changes - changes} changes"
        assert answers + dropped <= 1, f"{kind}: {done}: {data.hex()}"
        assert not dropped or self.leases.changes == changes, f"{kind}: {done}: {data.hex()}"
        self.server.network.sent.clear()
        return took

    def assert_well(self) -> None:
        """The counters sum up, the log is clean, a good query is answered."""
        received = self.count("received")
        assert received == self.delivered + self.good, (received, self.delivered, self.good)
        kinds = sum(map(self.server.statistic, self.received)) + self.count("unknown-received")
        assert kinds <= received <= kinds + self.count("parse-failed")
        assert self.count("sent") == sum(map(self.server.statistic, self.sent))
        for severity, message, line in self.server.log.lines:
            assert severity != "ERROR", f"{message} {line}"
            assert CONTROL_BYTES.search(line) is None, repr(line)
        self.server.log.lines.clear()
        self.ask_well()
        self.good += 1
        self.server.network.sent.clear()


class OnWire:
    """Hostile packets to a program: for test cases."""

    family: int
    server: Server
    tap: Tap
    """Where frames are sent."""
    control: str
    """The server's control socket."""

    def controlled(self, case: SynchronousTestCase, configuration: Mapping[str, Any]) -> str:
        """The whole configuration of a server that has a control socket."""
        directory = tempfile.mkdtemp(prefix="txkea-", dir="/tmp")  # short, for the socket's sake
        case.addCleanup(shutil.rmtree, directory)
        self.control = f"{directory}/control"
        socket_keyword = {"control-socket": {"socket-type": "unix", "socket-name": self.control}}
        return json.dumps({f"Dhcp{self.family}": {**configuration, **socket_keyword}})

    def statistics(self) -> dict[str, int]:
        """The server's counters of packets, without the beginning of their names."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(self.control)
            connection.sendall(b'{"command": "statistic-get-all"}')
            data = b"".join(iter(lambda: connection.recv(65536), b""))
        front = f"pkt{self.family}-"
        found = json.loads(data)["arguments"]
        return {name[len(front) :]: each[0][0] for name, each in found.items() if name.startswith(front)}

    def send_all(self, cases: Iterable[Case], batch: int = 50) -> None:
        """Send them; after each batch a good query is answered."""
        cases = iter(cases)
        while together := list(islice(cases, batch)):
            for _, data in together:
                self.send(data)
            self.assert_well()
        self.assert_no_fault()
        assert self.statistics()["parse-failed"]

    def send_frames(self, frames: Iterable[Case]) -> None:
        """Put damaged frames on the wire; now and then, and at the end, a good query is answered."""
        for number, (_, data) in enumerate(frames):
            if len(data) >= 14:  # the kernel refuses to send less
                self.tap.send(data)
            if number % 50 == 0:
                self.assert_well()
        self.assert_well()
        self.assert_no_fault()

    def send(self, data: bytes) -> None:
        """Send one packet."""
        raise NotImplementedError

    def is_well(self) -> bool:
        """Ask something good, once; tells whether it was answered in time."""
        raise NotImplementedError

    def assert_well(self) -> None:
        """The server lives and answers a good query."""
        if not any(self.is_well() for _ in range(3)):
            self.server.check()
            raise AssertionError(f"a good query is not answered any more\n{self.server.tail()}")

    def silent(self) -> int:
        """How many packets were neither answered nor dropped, so far."""
        counted = self.statistics()
        return counted["received"] - counted["sent"] - counted["receive-drop"]

    def assert_no_fault(self) -> None:
        """Nothing raised, no packet was counted twice, and no byte that controls a terminal stands in the log."""
        if self.family == 6:  # DHCPv4 has queries without an answer
            wait_for(lambda: not self.silent(), "every packet to be answered or dropped")
        assert self.silent() >= 0
        counted = self.statistics()
        assert counted["sent"] and not counted["processing-failed"], counted
        log = self.server.log.read_text(errors="replace") + self.server.output.read_text(errors="replace")
        assert "Traceback" not in log
        assert f"DHCP{self.family}_PACKET_PROCESS_EXCEPTION" not in log
        assert CONTROL_BYTES.search(log) is None, "a control byte in the log"
