"""Hostile packets do no harm: nothing raises, what was dropped changes nothing, the next good query is answered."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real import hostile
from tests.real.hostile import PACKETS, SEED, WatchedLeases
from tests.real.packets import ACK, REQUEST, Query, encode, packed, text
from tests.real.servers import PRODUCTS, Server
from tests.real.tap import Tap, frame, sniff
from txkea.config.load import configuration4
from txkea.config.text import from_json
from txkea.exchange.statistics import RECEIVED4, SENT4
from txkea.testing import malformed
from txkea.testing.clients4 import LocalServer
from txkea.testing.mutations4 import LARGEST, mutations4, seeds4
from txkea.testing.namespaces import Lab, Port, requires_root

OURS: Final = PRODUCTS[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
ON_WIRE: Final = 4000
SERVER, RELAY, GIADDR = "10.0.0.1", "10.0.0.2", "10.2.0.9"
ADDRESSES: Final = [bytes((10, 2, 16, number)) for number in range(1, 9)]
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
    "loggers": hostile.all_logged("kea-dhcp4"),
}


def good(server: str, xid: int) -> bytes:
    """A request that is always acknowledged."""
    options = ((50, packed("10.2.17.1")), (54, packed(server)))
    return encode(Query(REQUEST, bytes.fromhex("027700000001"), options, xid, giaddr=GIADDR))


class InMemory(hostile.InMemory, SynchronousTestCase):
    """All hostile packets, in this process."""

    timeout = 600
    family, received, sent = 4, RECEIVED4.values(), SENT4.values()

    def setUp(self) -> None:
        tree = {**CONFIGURATION, "interfaces-config": {"interfaces": ["*"]}}
        self.leases = WatchedLeases()
        self.server = LocalServer(configuration4(from_json({"Dhcp4": tree})), leases=self.leases)

    def test_mutated_packets(self) -> None:
        """A hundred thousand packets: no exception, no lease by a dropped one, every one counted once, none slow."""
        self.deliver_all(mutations4(SEED, PACKETS, packed(MEMORY_SERVER), packed(GIADDR), ADDRESSES))

    def deliver(self, data: bytes) -> None:
        self.server.deliver(data, GIADDR, broadcast=False)

    def ask_well(self) -> None:
        answer = self.server.ask(good(MEMORY_SERVER, 77), GIADDR, broadcast=False)
        assert answer is not None, "a good request was not answered"
        self.assertEqual((ACK, "10.2.17.1"), (answer.type, answer.yiaddr))


class OnTheWire(hostile.OnWire, SynchronousTestCase):
    """Some of them, and damaged frames, against the real program."""

    skip = requires_root("kea-dhcp4")
    family = 4

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
        self.server = Server(OURS, self.controlled(self, CONFIGURATION), Path(self.mktemp()), there)
        self.addCleanup(self.server.close)
        self.server.start()
        self.xid = 1000

    def send(self, data: bytes) -> None:
        self.udp.sendto(data[:LARGEST], (SERVER, 67))

    def is_well(self) -> bool:
        self.xid += 1
        self.tap.send(frame(good(SERVER, self.xid), self.tap.hwaddr, self.to, GIADDR, SERVER, 67))
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for _, seen in sniff([self.tap], 0.1):
                if int.from_bytes(seen.payload[4:8], "big") == self.xid:
                    self.assertEqual("10.2.17.1", text(seen.payload[16:20]))
                    return True
        return False

    def test_mutated_packets(self) -> None:
        """Thousands of hostile packets over UDP, giants too: after each batch a good query is answered."""
        self.send_all(mutations4(SEED + 1, ON_WIRE, packed(SERVER), packed(GIADDR), ADDRESSES))

    def test_damaged_frames(self) -> None:
        """Frames whose headers lie (C17): after them a good query is answered."""
        seed = seeds4(packed(SERVER), packed(GIADDR), ADDRESSES)[0]
        self.send_frames(malformed.frames(frame(seed, self.tap.hwaddr, self.to, GIADDR, SERVER, 67)))
