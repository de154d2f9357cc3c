"""The network laboratory that tests and benchmarks run in."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from txkea.testing.namespaces import NAMED, Lab, Port, remove_leftovers, requires_root, stop, wait_for


class Cables(SynchronousTestCase):
    """`Lab` connects namespaces and leaves nothing behind."""

    skip = requires_root()

    def setUp(self) -> None:
        self.lab = Lab()
        self.addCleanup(self.lab.close)

    def test_veth_carries_datagrams(self) -> None:
        """A datagram sent in one namespace arrives in the other, through sockets opened in this process."""
        one, other = self.lab.namespace("one"), self.lab.namespace("other")
        self.lab.veth(Port(one, "eth0", ["192.0.2.1/24"]), Port(other, "eth0", ["192.0.2.2/24"], "02:00:00:00:00:02"))
        with one.enter():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with other.enter():
            receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(sender.close)
        self.addCleanup(receiver.close)
        receiver.bind(("192.0.2.2", 4067))
        receiver.settimeout(5)
        sender.sendto(b"hello", ("192.0.2.2", 4067))
        self.assertEqual(b"hello", receiver.recv(100))
        self.assertEqual(bytes.fromhex("020000000002"), other.hwaddr("eth0"))

    def test_ipv6_addresses(self) -> None:
        """Without duplicate address detection IPv6 addresses are there at once, with it after a wait."""
        quick, slow = self.lab.namespace("quick", dad=False), self.lab.namespace("slow")
        self.lab.veth(
            Port(quick, "eth0", ["2001:db8::1/64"], "02:00:00:00:00:01"),
            Port(slow, "eth0", ["2001:db8::2/64"], "02:00:00:00:00:02"),
        )
        self.assertIn("tentative", slow.run(["ip", "-6", "addr", "show", "dev", "eth0"]).stdout)
        self.assertEqual("fe80::ff:fe00:1", quick.link_local("eth0"))
        slow.wait_for_addresses()
        self.assertNotIn("tentative", slow.run(["ip", "-6", "addr", "show", "dev", "eth0"]).stdout)
        self.assertEqual("fe80::ff:fe00:2", slow.link_local("eth0"))

    def test_bridge_connects_all(self) -> None:
        """Every port of a bridge reaches every other."""
        switch, names = self.lab.namespace("switch"), ["a", "b", "c"]
        hosts = [self.lab.namespace(name) for name in names]
        ports = [Port(host, "eth0", [f"192.0.2.{n}/24"]) for n, host in enumerate(hosts, 1)]
        self.lab.bridge(switch, ports)
        for n in (2, 3):
            sent = hosts[0].run(["bash", "-c", f"echo > /dev/tcp/192.0.2.{n}/9"], check=False)
            self.assertIn("refused", sent.stderr)

    def test_close_removes_namespaces_and_processes(self) -> None:
        """After `close` neither the namespace nor what ran in it exists."""
        namespace = self.lab.namespace("short")
        process = namespace.spawn(["sleep", "60"], Path(self.mktemp()))
        self.lab.close()
        self.assertIsNotNone(process.poll())
        self.assertFalse((NAMED / namespace.name).exists())

    def test_leftovers_of_a_dead_run_go(self) -> None:
        """A namespace whose maker is dead is removed, one whose maker lives stays."""
        mine = self.lab.namespace("mine")
        dead = subprocess.Popen(["true"])
        dead.wait()
        name = f"txkea-{dead.pid}-gone1"
        subprocess.run(["ip", "netns", "add", name], check=True)
        self.assertIn(name, remove_leftovers())
        self.assertFalse((NAMED / name).exists())
        self.assertTrue((NAMED / mine.name).exists())

    def test_failure_speaks(self) -> None:
        """A program that fails in a namespace raises with its own words."""
        error = self.assertRaises(RuntimeError, self.lab.namespace("bad").run, ["ip", "link", "show", "nowhere"])
        self.assertIn("nowhere", str(error))


class Waiting(SynchronousTestCase):
    """`wait_for` and `stop`."""

    def test_timeout_names_what(self) -> None:
        """What never came is named in the error."""
        error = self.assertRaises(TimeoutError, wait_for, lambda: None, "a miracle", 0.05)
        self.assertIn("a miracle", str(error))

    def test_stop_kills_the_stubborn(self) -> None:
        """A process that ignores SIGTERM is killed."""
        process = subprocess.Popen(["bash", "-c", "trap '' TERM; echo; while true; do sleep 0.1; done"], stdout=-1)
        assert process.stdout is not None
        process.stdout.readline()
        self.assertEqual(-9, stop(process, 0.3))
        process.stdout.close()
