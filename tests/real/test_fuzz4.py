"""Hostile packets do no harm: nothing raises, what was dropped changes nothing, the next good query is answered."""

from __future__ import annotations

import json
import os
import re
import socket
import time
from itertools import islice
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real.packets import ACK, REQUEST, Query, encode, packed, text
from tests.real.servers import PRODUCTS, Server
from tests.real.tap import Tap, frame, sniff
from txkea.config.load import configuration4
from txkea.config.text import from_json
from txkea.exchange.statistics import RECEIVED4, SENT4
from txkea.leases.memory import MemoryLeases
from txkea.model.lease import Lease
from txkea.testing import malformed
from txkea.testing.clients4 import LocalServer
from txkea.testing.mutations import LARGEST, mutations4, seeds4
from txkea.testing.namespaces import Lab, Port, requires_root

OURS: Final = PRODUCTS[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
PACKETS: Final = int(os.environ.get("TXKEA_TEST_PACKETS", "100000"))
ON_WIRE: Final = 4000
BATCH: Final = 200
SEED: Final = 2131
LONGEST: Final = 0.1
"""Seconds of CPU time that no packet may take: five times what the reactor may be held, for this machine is shared."""
SERVER, RELAY, GIADDR = "10.0.0.1", "10.0.0.2", "10.2.0.9"
ADDRESSES: Final = [bytes((10, 2, 16, number)) for number in range(1, 9)]
CONTROL_BYTES: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
MEMORY_SERVER: Final = "192.0.2.1"

CONFIGURATION: Final[dict[str, Any]] = {
    "interfaces-config": {"interfaces": ["eth0"]},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "valid-lifetime": 4000,
    "decline-probation-period": 1,
    "option-data": [
        {"name": "domain-name-servers", "data": "192.0.2.53"},
        {"name": "domain-search", "data": "one.example.org, two.example.org"},
        {"name": "tftp-servers", "space": "vendor-4491", "code": 2, "data": "192.0.2.44"},
        {"name": "vivso-suboptions", "data": "4491"},
    ],
    "subnet4": [
        {"id": 1, "subnet": "10.0.0.0/16", "pools": [{"pool": "10.0.16.0/20"}]},
        {
            "id": 2,
            "subnet": "10.2.0.0/16",
            "pools": [{"pool": "10.2.16.0/20"}],
            "reservations": [
                {"hw-address": "02:99:00:00:00:01", "ip-address": "10.2.16.1", "hostname": "reserved"},
                {"circuit-id": "'circuit'", "ip-address": "10.2.200.1"},
            ],
        },
    ],
    "loggers": [
        {
            "name": "kea-dhcp4",
            "severity": "DEBUG",
            "debuglevel": 99,
            "output_options": [{"output": "@DIRECTORY@/server.log"}],
        }
    ],
}


def good(server: str, xid: int) -> bytes:
    """A request that is always acknowledged."""
    options = ((50, packed("10.2.17.1")), (54, packed(server)))
    return encode(Query(REQUEST, bytes.fromhex("027700000001"), options, xid, giaddr=GIADDR))


class WatchedLeases(MemoryLeases):
    """Leases in memory that count their changes."""

    changes = 0

    async def add(self, lease: Lease) -> bool:
        """See `ILeaseStore`."""
        self.changes += 1
        return await super().add(lease)

    async def update(self, lease: Lease, was: Lease) -> bool:
        """See `ILeaseStore`."""
        self.changes += 1
        return await super().update(lease, was)

    async def remove(self, lease: Lease) -> bool:
        """See `ILeaseStore`."""
        self.changes += 1
        return await super().remove(lease)


class InMemory(SynchronousTestCase):
    """All hostile packets, in this process."""

    timeout = 600

    def setUp(self) -> None:
        tree = {**CONFIGURATION, "interfaces-config": {"interfaces": ["*"]}}
        self.good = 0
        self.leases = WatchedLeases()
        self.server = LocalServer(configuration4(from_json({"Dhcp4": tree})), leases=self.leases)

    def test_mutated_packets(self) -> None:
        """A hundred thousand packets: no exception, no lease by a dropped one, every one counted once, none slow."""
        slowest = (0.0, "", b"")
        delivered = 0
        for kind, data in mutations4(SEED, PACKETS, packed(MEMORY_SERVER), packed(GIADDR), ADDRESSES):
            began = time.process_time()
            self.deliver(kind, data)
            slowest = max(slowest, (time.process_time() - began, kind, data[:600]))
            delivered += 1
            if delivered % BATCH == 0:
                self.assert_well(delivered)
        self.assert_well(delivered)
        self.assertLess(slowest[0], LONGEST, f"{slowest[1]}: {slowest[2].hex()}")

    def deliver(self, kind: str, data: bytes) -> None:
        """One packet: at most one answer, or one drop, and a drop changes nothing."""
        changes, drops = self.leases.changes, self.server.statistic("pkt4-receive-drop")
        failed = self.server.statistic("pkt4-processing-failed")
        self.server.deliver(data, "10.2.0.9", broadcast=False)
        self.server.now += 0.01
        answers, dropped = len(self.server.network.sent), self.server.statistic("pkt4-receive-drop") - drops
        if answers + dropped > 1 or (dropped and self.leases.changes != changes):
            self.fail(
                f"{kind}: {answers} answers, {dropped} drops, changes {self.leases.changes - changes}: {data.hex()}"
            )
        if self.server.statistic("pkt4-processing-failed") != failed:
            self.fail(f"{kind} raised: {self.server.log.lines[-1][2]}\n{data[:2000].hex()}")
        self.server.network.sent.clear()

    def assert_well(self, delivered: int) -> None:
        """The counters sum up, the log is clean, a good query is answered."""
        count = self.server.statistic
        self.assertEqual(delivered + self.good, count("pkt4-received"))
        kinds = sum(count(name) for name in (*RECEIVED4.values(), "pkt4-unknown-received"))
        self.assertLessEqual(kinds, count("pkt4-received"))
        self.assertLessEqual(count("pkt4-received"), kinds + count("pkt4-parse-failed"))
        self.assertEqual(count("pkt4-sent"), sum(count(name) for name in SENT4.values()))
        for severity, message, line in self.server.log.lines:
            self.assertNotEqual("ERROR", severity, f"{message} {line}")
            self.assertIsNone(CONTROL_BYTES.search(line), repr(line))
        self.server.log.lines.clear()
        answer = self.server.ask(good(MEMORY_SERVER, 77), GIADDR, broadcast=False)
        self.good += 1
        assert answer is not None, "a good request was not answered"
        self.assertEqual((ACK, "10.2.17.1"), (answer.type, answer.yiaddr))
        self.server.network.sent.clear()


class OnTheWire(SynchronousTestCase):
    """Some of them, and damaged frames, against the real program."""

    skip = requires_root("kea-dhcp4")

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        there, here = lab.namespace("server"), lab.namespace("client")
        lab.veth(Port(there, "eth0", [f"{SERVER}/16"]), Port(here, "eth0", [f"{RELAY}/16"]))
        there.run(["ip", "route", "add", "default", "via", RELAY])
        self.tap = Tap(here, "eth0")
        self.addCleanup(self.tap.close)
        self.to = there.hwaddr("eth0")
        with here.enter():
            self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.udp.close)
        self.udp.bind((RELAY, 67))
        self.server = Server(OURS, json.dumps({"Dhcp4": CONFIGURATION}), Path(self.mktemp()), there)
        self.addCleanup(self.server.close)
        self.server.start()
        self.xid = 1000

    def assert_well(self) -> None:
        """The server lives and answers a good request."""
        for _ in range(3):
            self.xid += 1
            self.tap.send(frame(good(SERVER, self.xid), self.tap.hwaddr, self.to, GIADDR, SERVER, 67))
            end = time.monotonic() + 2
            while time.monotonic() < end:
                for _, seen in sniff([self.tap], 0.1):
                    if int.from_bytes(seen.payload[4:8], "big") == self.xid:
                        self.assertEqual("10.2.17.1", text(seen.payload[16:20]))
                        return
        self.server.check()
        self.fail(f"a good request is not answered any more\n{self.server.tail()}")

    def test_mutated_packets(self) -> None:
        """Thousands of hostile packets over UDP, giants too: after each batch a good query is answered."""
        cases = mutations4(SEED + 1, ON_WIRE, packed(SERVER), packed(GIADDR), ADDRESSES)
        while batch := list(islice(cases, 50)):
            for _, data in batch:
                self.udp.sendto(data[:LARGEST], (SERVER, 67))
            self.assert_well()
        self.assert_no_fault()

    def test_damaged_frames(self) -> None:
        """Frames whose headers lie (C17): after them a good query is answered."""
        good = frame(seeds4(packed(SERVER), packed(GIADDR), ADDRESSES)[0], self.tap.hwaddr, self.to, GIADDR, SERVER, 67)
        for number, (_, data) in enumerate(malformed.frames(good)):
            if len(data) >= 14:  # the kernel refuses to send less
                self.tap.send(data)
            if number % 50 == 0:
                self.assert_well()
        self.assert_well()
        self.assert_no_fault()

    def assert_no_fault(self) -> None:
        """Nothing raised, and no byte that controls a terminal stands in the log."""
        log = self.server.log.read_text(errors="replace") + self.server.output.read_text(errors="replace")
        self.assertNotIn("Traceback", log)
        self.assertNotIn("DHCP4_PACKET_PROCESS_EXCEPTION", log)
        self.assertIsNone(CONTROL_BYTES.search(log), "a control byte in the log")
