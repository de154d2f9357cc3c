"""Hostile DHCPv6 packets do no harm: nothing raises, drops change nothing, the next good query is answered."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real import hostile
from tests.real.hostile import PACKETS, SEED, WatchedLeases
from tests.real.packets6 import REPLY, REQUEST, Query, encode, option, packed6
from tests.real.servers import PRODUCTS6, Server
from tests.real.tap import Tap, frame6, sniff
from txkea.config.load import configuration4, configuration6
from txkea.config.text import from_json
from txkea.exchange.statistics import RECEIVED6, SENT6
from txkea.over6 import answers_from
from txkea.testing.clients4 import LocalServer
from txkea.testing.clients6 import SERVER_ID, LocalServer6
from txkea.testing.malformed6 import frames6
from txkea.testing.mutations4 import mutations4
from txkea.testing.mutations6 import LARGEST6, Served, inside6, mutations6, seeds6
from txkea.testing.namespaces import Lab, Port, requires_root

OURS: Final = PRODUCTS6[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
ON_WIRE: Final = 4000
INSIDE: Final = PACKETS // 5
SERVER, CLIENT = "2001:db8:1::1", "2001:db8:1::2"
LINK: Final = "2001:db8:2::1"
GROUP: Final = "ff02::1:2"
SERVED: Final = Served(
    SERVER_ID,
    packed6(LINK),
    [packed6(f"2001:db8:2::{number}") for number in range(1, 9)],
    [packed6(f"2001:db8:20{number}::") for number in range(4)],
    56,
)
GOOD: Final = "2001:db8:1::fd"
OWN: Final = bytes.fromhex("000300010277000000ff")
"""The DUID of the client whose query is good."""

CONFIGURATION: Final[dict[str, Any]] = {
    "interfaces-config": {"interfaces": ["eth0"]},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "data-directory": "@DIRECTORY@",
    "server-id": {"type": "LL", "htype": 1, "identifier": "020000000001", "persist": False},
    "min-valid-lifetime": 10,
    "valid-lifetime": 4000,
    "max-valid-lifetime": 4294967295,
    "decline-probation-period": 1,
    "dhcp4o6-port": 6767,
    "ddns-send-updates": True,
    "ddns-replace-client-name": "when-not-present",
    "option-data": [
        {"name": "dns-servers", "data": "2001:db8::53"},
        {"name": "domain-search", "data": "one.example.org, two.example.org"},
        {"name": "tftp-servers", "space": "vendor-4491", "code": 32, "data": "2001:db8::44"},
        {"name": "vendor-opts", "data": "4491"},
    ],
    "subnet6": [
        {
            "id": 1,
            "subnet": "2001:db8:1::/64",
            "interface": "eth0",
            "rapid-commit": True,
            "pools": [{"pool": "2001:db8:1::/64"}],
            "pd-pools": [{"prefix": "2001:db8:1000::", "prefix-len": 40, "delegated-len": 64}],
        },
        {
            "id": 2,
            "subnet": "2001:db8:2::/64",
            "pools": [{"pool": "2001:db8:2::/64"}],
            "pd-pools": [
                {
                    "prefix": "2001:db8:200::",
                    "prefix-len": 40,
                    "delegated-len": 56,
                    "excluded-prefix": "2001:db8:200::",
                    "excluded-prefix-len": 64,
                }
            ],
            "reservations": [
                {"duid": "00:03:00:01:02:98:00:00:00:01", "ip-addresses": ["2001:db8:2::1"], "hostname": "reserved"},
                {"hw-address": "02:98:00:00:00:02", "prefixes": ["2001:db8:200::/56"]},
            ],
        },
    ],
    "loggers": hostile.all_logged("kea-dhcp6"),
}
INSIDE4: Final[dict[str, Any]] = {
    "interfaces-config": {"interfaces": ["*"]},
    "dhcp4o6-port": 6767,
    "subnet4": [{"id": 1, "subnet": "10.2.0.0/16", "4o6-interface": "eth0", "pools": [{"pool": "10.2.16.0/20"}]}],
}
ADDRESSES4: Final = [bytes((10, 2, 16, number)) for number in range(1, 9)]


def good(xid: int) -> bytes:
    """A request that always gets the same address."""
    wanted = option(5, packed6(GOOD) + bytes(8))
    return encode(Query(REQUEST, ((1, OWN), (2, SERVER_ID), (3, bytes(12) + wanted)), xid=xid))


class InMemory(hostile.InMemory, SynchronousTestCase):
    """All hostile packets, in this process."""

    timeout = 600
    family, received, sent = 6, RECEIVED6.values(), SENT6.values()

    def setUp(self) -> None:
        self.leases = WatchedLeases()
        configuration = configuration6(from_json({"Dhcp6": CONFIGURATION}))
        self.server: LocalServer6 = LocalServer6(configuration, leases=self.leases)

    def test_mutated_packets(self) -> None:
        """A hundred thousand packets: no exception, no lease by a dropped one, every one counted once, none slow."""
        self.deliver_all(mutations6(SEED, PACKETS, SERVED))
        self.assertEqual(self.count("received"), self.count("sent") + self.count("receive-drop"))

    def test_inside(self) -> None:
        """Hostile DHCPv4 packets inside DHCPV4-QUERYs harm neither server."""
        inner = LocalServer(configuration4(from_json({"Dhcp4": INSIDE4})))
        self.server.site.dhcp4 = answers_from(inner.server)
        self.deliver_all(inside6(mutations4(SEED, INSIDE, bytes((192, 0, 2, 1)), bytes(4), ADDRESSES4)))
        self.assertGreater(inner.statistic("pkt4-sent"), INSIDE // 10)
        self.assertEqual(inner.statistic("pkt4-processing-failed"), 0)
        self.assertEqual(inner.network.sent, [])
        for severity, message, line in inner.log.lines:
            self.assertNotEqual("ERROR", severity, f"{message} {line}")
            self.assertIsNone(hostile.CONTROL_BYTES.search(line), repr(line))

    def deliver(self, data: bytes) -> None:
        self.server.deliver(data)

    def ask_well(self) -> None:
        answer = self.server.ask(good(77))
        assert answer is not None, "a good request was not answered"
        self.assertEqual((REPLY, [GOOD]), (answer.type, answer.addresses))


class OnTheWire(hostile.OnWire, SynchronousTestCase):
    """Some of them, and damaged frames, against the real program."""

    skip = requires_root("kea-dhcp6")
    family = 6

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        there, here = lab.namespace("server"), lab.namespace("client")
        lab.veth(Port(there, "eth0", [f"{SERVER}/64"]), Port(here, "eth0", [f"{CLIENT}/64"]))
        for namespace in (there, here):
            namespace.wait_for_addresses()
        self.tap = Tap(here, "eth0")
        self.addCleanup(self.tap.close)
        self.to = there.hwaddr("eth0")
        with here.enter():
            self.udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            index = socket.if_nametoindex("eth0")
        self.addCleanup(self.udp.close)
        self.udp.bind(("::", 546))
        self.udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        self.group = (GROUP, 547, 0, index)
        self.server = Server(OURS, self.controlled(self, CONFIGURATION), Path(self.mktemp()), there)
        self.addCleanup(self.server.close)
        self.server.start()
        self.xid = 1000

    def send(self, data: bytes) -> None:
        self.udp.sendto(data[:LARGEST6], self.group)

    def is_well(self) -> bool:
        self.xid += 1
        self.send(good(self.xid))
        end = time.monotonic() + 2
        while time.monotonic() < end:
            for _, seen in sniff([self.tap], 0.1):
                if seen.payload[:4] == bytes((REPLY,)) + self.xid.to_bytes(3, "big"):
                    self.assertIn(packed6(GOOD), seen.payload)
                    return True
        return False

    def test_mutated_packets(self) -> None:
        """Thousands of hostile packets over UDP, giants too: after each batch a good query is answered."""
        self.send_all(mutations6(SEED + 1, ON_WIRE, SERVED))

    def test_damaged_frames(self) -> None:
        """Frames whose headers lie (C17): after them a good query is answered."""
        hwaddr = b"\x33\x33\0\1\0\2"
        self.send_frames(frames6(frame6(seeds6(SERVED)[0], self.tap.hwaddr, hwaddr, CLIENT, GROUP)))
