"""Control channels under attack (hostile.md C20-C22): the server lives, stays small, serves DHCP and its operator."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import socket
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from bench.perfdhcp import percentile
from tests.real import attacks
from tests.real.attacks import DOCUMENTS, PASSWORD, REQUESTS, USER, Attacked, command, post, sized
from tests.real.probing import Prober
from tests.real.servers import TXKEA4, Server
from txkea.testing.namespaces import Lab, Port, requires_root, wait_for

SERVER, RELAY = "10.0.0.1", "10.0.0.2"
LIFETIME: Final = 4000
AUTHENTICATION: Final = {"clients": [{"user": USER, "password": PASSWORD}]}
HTTP: Final = (SERVER, 8000)
"""Asks who comes."""
OPEN: Final = ("127.0.0.1", 8001)
"""Asks nobody, and can be reached by nobody else."""
DESCRIPTORS: Final = 1024
CLIENTS: Final = 2000
MEGABYTE: Final = 1 << 20
GROWTH: Final = 32 * MEGABYTE
"""What an attack may cost in memory."""
WINDOWS: Final = 3
WINDOW: Final = 2.0
"""Seconds for which answers are timed, with and without an attack in turn."""
TRIES: Final = 3
"""A neighbour may spoil one of these, an attack that clients notice spoils all."""
SLOWER: Final = 1.5
NOISE: Final = 0.002
"""Seconds by which this machine's 99th percentile differs from one window to the next, nobody attacking."""

CONFIGURATION: Final = {
    "interfaces-config": {"interfaces": ["eth0"]},
    "control-sockets": [
        {"socket-type": "unix", "socket-name": "@SOCKET@"},
        {"socket-type": "http", "socket-address": HTTP[0], "authentication": AUTHENTICATION},
        {"socket-type": "http", "socket-address": OPEN[0], "socket-port": OPEN[1]},
    ],
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "valid-lifetime": LIFETIME,
    "subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.16.0.0/12"}]}],
    "loggers": [{"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]}],
}
VALUES: Final[tuple[Any, ...]] = (None, True, -1, 2**63 - 1, 1e308, "", "\0%s{0}'", [], [[None]], {}, {"": [{}]})
"""One of each type, and of some what nobody expects."""
ARGUMENTS: Final = ("subnet-id", "ip-address", "leases", "filename")
"""Names of arguments that many commands have."""
BIG: Final = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 314572800\r\n"
CHUNKED: Final = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"


class Channels(SynchronousTestCase):
    """A server with few descriptors, clients with a cable to it, and attackers on both sides of it."""

    skip = requires_root()
    timeout = 300

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        self.there, self.here = lab.namespace("server"), lab.namespace("client")
        lab.veth(Port(self.there, "eth0", [f"{SERVER}/8"]), Port(self.here, "eth0", [f"{RELAY}/8"]))
        directory = tempfile.mkdtemp(prefix="txkea-", dir="/tmp")  # short, for the UNIX socket's sake
        self.addCleanup(shutil.rmtree, directory)
        configuration = json.dumps({"Dhcp4": CONFIGURATION}).replace("@SOCKET@", f"{directory}/control")
        self.server = Server(TXKEA4, configuration, Path(self.mktemp()), self.there)
        self.addCleanup(self.server.close)
        self.server.start()
        resource.prlimit(self.server.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        self.prober = Prober(self.here, RELAY, SERVER, [LIFETIME])
        self.addCleanup(self.prober.close)
        self.unix, self.http, self.open = Attacked(f"{directory}/control"), Attacked(HTTP), Attacked(OPEN)
        for each in (self.unix, self.http, self.open):
            self.inside(each.ask, "list-commands")  # what a first command loads is no growth
        self.small = self.memory()

    def memory(self, kind: str = "VmRSS") -> int:
        """Bytes of the server's memory."""
        status = Path(f"/proc/{self.server.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith(f"{kind}:"))) << 10

    def inside(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """A call from the server's own machine."""
        with self.there.enter():
            return call(*arguments)

    @contextmanager
    def process(self, call: Callable[..., object], *arguments: Any) -> Iterator[None]:
        """Something that happens in a process of its own meanwhile."""
        running = multiprocessing.get_context("fork").Process(target=_run, args=(self.inside, call, arguments))
        running.start()
        try:
            yield
        finally:
            running.kill()
            running.join()

    def assert_well(self, what: str) -> None:
        """The server is small, serves DHCP, and its operator on each channel."""
        self.server.check()
        for each in (self.unix, self.http, self.open):
            began = time.monotonic()
            answer: Any = self.inside(each.ask, "status-get")
            self.assertEqual(answer["result"], 0, what)
            self.assertLess(time.monotonic() - began, 2, what)
        self.assertTrue(self.prober.serves(), what)
        self.assertLess(self.memory() - self.small, GROWTH, what)

    def errors(self) -> list[str]:
        """The faults that the server has logged."""
        return [line for line in self.server.log.read_text().splitlines() if " ERROR " in line or " FATAL " in line]


def _run(inside: Callable[..., object], call: Callable[..., object], arguments: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    with contextlib.suppress(KeyboardInterrupt):
        inside(call, *arguments)
    os._exit(0)


class Hostile(Channels):
    """One attack after the other."""

    def test_requests(self) -> None:
        """Every hostile request gets its status, and nothing happens."""
        for request in REQUESTS:
            with self.here.enter():
                status = self.http.status(request)
            self.assertIn(status, request.statuses, request.name)
        self.assert_well("requests")
        self.assertEqual(self.errors(), [])

    def test_documents(self) -> None:
        """Every hostile document is refused on each channel, with a reason."""
        for name, document in DOCUMENTS.items():
            answer = json.loads(self.inside(self.unix.tell, document, True))
            self.assertIn(answer["result"], (1, 2), name)
            self.assertTrue(answer["text"], name)
            request = post(f"Connection: close\r\n{sized(document)}", document)
            start, _, body = self.inside(self.http.tell, request).partition(b"\r\n\r\n")
            self.assertIn(start.split(b" ", 2)[1], (b"200", b"400"), name)
            value = json.loads(body)
            self.assertNotEqual((value[0] if isinstance(value, list) else value)["result"], 0, name)
        self.assert_well("documents")
        self.assertEqual(self.errors(), [])

    def test_arguments(self) -> None:
        """Arguments of every type, for every command, have a result and a sentence; none fails inside the server."""
        with self.there.enter():
            client = HTTPConnection(*OPEN, timeout=30)
            client.connect()
        self.addCleanup(client.close)
        names: Any = self.inside(self.unix.ask, "list-commands")
        commands = sorted({*names["arguments"]} - {"shutdown"})
        for name in commands:
            for arguments in (*VALUES, *({key: value} for key in ARGUMENTS for value in VALUES)):
                client.request("POST", "/", command(name, arguments), {"Content-Type": "application/json"})
                answer = client.getresponse()
                (found,) = json.loads(answer.read())
                self.assertEqual((answer.status, found["result"] in range(5)), (200, True), (name, arguments))
                self.assertNotIn("inside the server", found.get("text", ""), (name, arguments))
        print(f"\n{len(commands)} commands with {len(VALUES) * (1 + len(ARGUMENTS))} arguments")  # noqa: T201
        self.assert_well("arguments")
        self.assertEqual(self.errors(), [])

    def test_pipelining(self) -> None:
        """A thousand requests in a row are answered in their order."""
        bodies = [command(f"no-such{number:04}") for number in range(1000)]
        data = b"".join(post(sized(body), body) for body in bodies)
        answers = self.inside(self.http.tell, data, True)
        at = [answers.index(b"no-such%04d" % number) for number in range(1000)]
        self.assertEqual(at, sorted(at))
        self.assert_well("pipelining")

    def test_floods_of_bytes(self) -> None:
        """300 MB of bodies, of chunks or of headers from strangers are not taken, nor 100 MB on the UNIX socket."""
        begun, cpu = time.monotonic(), self.cpu()
        taken = {
            "body": self.inside(attacks.flood, self.http, BIG + b"\r\n", 300 * MEGABYTE),
            "expected body": self.inside(
                attacks.flood, self.http, BIG + b"Expect: 100-continue\r\n\r\n", 300 * MEGABYTE
            ),
            "chunks": self.inside(attacks.flood, self.http, CHUNKED + b"\r\n12c00000\r\n", 300 * MEGABYTE),
            "headers": self.inside(attacks.flood, self.http, CHUNKED, 300 * MEGABYTE),
            "line": self.inside(attacks.flood, self.http, b"POST /", 300 * MEGABYTE),
            "string": self.inside(attacks.flood, self.unix, b'{"command": "', 100 * MEGABYTE),
        }
        cost = self.cpu() - cpu
        maps = b'{"command": ['  # of somebody who may give commands: it is read up to the limit
        taken["maps"] = self.inside(attacks.flood, self.unix, maps, 100 * MEGABYTE, attacks.MAPS)
        print(  # noqa: T201 - the numbers of this machine
            f"\ntaken of floods: { {name: f'{size / MEGABYTE:.1f} MB' for name, size in taken.items()} }, "
            f"{time.monotonic() - begun:.1f} s, {1000 * cost:.0f} ms of the server's time without the maps, "
            f"peak of memory +{(self.memory('VmHWM') - self.small) / MEGABYTE:.1f} MB"
        )
        self.assertLess(taken.pop("maps"), 32 * MEGABYTE)
        self.assertLess(max(taken.values()), 16 * MEGABYTE)
        self.assertLess(cost, 2)
        self.assertLess(self.memory("VmHWM") - self.small, GROWTH)
        self.assert_well("floods of bytes")

    def cpu(self) -> float:
        """Seconds of processor time that the server has used."""
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def test_resets(self) -> None:
        """Connections that are reset in the middle, or closed before their answer, leave nothing behind."""
        long = b" " * 50 + command("config-get")
        before = self.descriptors()
        for attacked, data in (
            (self.http, b"POST"),
            (self.http, post(sized(long), long[:60])),
            (self.unix, b'{"command":'),
            (self.unix, command("config-get")),
            (self.open, post(sized(long), long)),
        ):
            self.inside(attacks.reset, attacked, data, 200)
        wait_for(lambda: self.descriptors() <= before or None, "connections to be closed", 5)
        self.assert_well("resets")
        self.assertEqual(self.errors(), [])

    def descriptors(self) -> int:
        """How many files and sockets the server has open."""
        return len(os.listdir(f"/proc/{self.server.pid}/fd"))

    def test_slow(self) -> None:
        """Whoever sends a byte now and then is told 408 after ten seconds, or result 1 on the UNIX socket."""
        begun = time.monotonic()
        with ExitStack() as stack, self.there.enter():
            slow = [stack.enter_context(each.connect(20)) for each in (self.http, self.open, self.unix)]
            for client, data in zip(slow, (b"POST / HTTP/1.1\r\nX: ", b"GET /", b'{"command": "'), strict=True):
                client.sendall(data)
            while time.monotonic() < begun + 9:
                for client in slow:
                    client.sendall(b"x")
                time.sleep(0.5)
            answers = [client.recv(1 << 16) for client in slow]
        self.assertLess(time.monotonic() - begun, 14)
        self.assertEqual([answer[:12] for answer in answers[:2]], [b"HTTP/1.1 408"] * 2)
        self.assertIn("within 10 seconds", json.loads(answers[2])["text"])


class Floods(Channels):
    """Many connections at once."""

    def test_idle(self) -> None:
        """2000 idle connections on each channel, with 1024 descriptors allowed, shut nobody out."""
        with ExitStack() as stack:
            for each in (self.http, self.open, self.unix):
                stack.enter_context(self.process(_idle, each))
            wait_for(lambda: self.server.log.read_text().count("COMMAND_SOCKET_ACCEPT_FAIL") > 2 or None, "a flood", 20)
            time.sleep(2)
            for _ in range(5):
                self.assert_well("idle connections")
        self.assertEqual(self.errors(), [])

    def test_storm(self) -> None:
        """While connections come and go as fast as they can, the operator is served."""
        with ExitStack() as stack:
            for each in (self.http, self.unix):
                stack.enter_context(self.process(_storm, each))
            time.sleep(1)
            for _ in range(10):
                self.assert_well("a storm of connections")
        self.assertEqual(self.errors(), [])

    def test_clients_do_not_notice(self) -> None:
        """Attacks leave DHCP's 99th percentile within half as much again."""
        for name, attack in ATTACKS.items():
            if not any(self.unnoticed(name, attack) for _ in range(TRIES)):
                self.fail(f"{name}: clients of DHCP notice the attack, each time that it was measured")
            self.assert_well(name)

    def unnoticed(self, name: str, attack: Any) -> bool:
        """Whether an attack leaves answers as fast; quiet and attacked windows in turn, for there are neighbours."""
        quiet, attacked = [], []
        for _ in range(WINDOWS):
            quiet.append(self.window())
            with self.process(attack, self.http, self.open, self.unix):
                time.sleep(0.5)
                attacked.append(self.window())
        before, after = statistics.median(quiet), statistics.median(attacked)
        print(  # noqa: T201 - the numbers of this machine
            f"\n{name}: p99 of answers {1000 * before:.2f} ms, under attack {1000 * after:.2f} ms "
            f"({after / before:.2f} times)"
        )
        return after <= max(SLOWER * before, before + NOISE)

    def window(self) -> float:
        """The 99th percentile of the time that an offer takes."""
        self.prober.probes.clear()
        self.prober.run(WINDOW)
        return percentile(sorted(probe.took for probe in self.prober.probes), 0.99)


def _idle(attacked: Attacked) -> None:
    close = attacks.idle(attacked, CLIENTS)
    time.sleep(60)
    close()


def _storm(attacked: Attacked) -> None:
    while True:
        with contextlib.suppress(OSError):
            attacked.connect(1).close()


def _holding(http: Attacked, unlocked: Attacked, unix: Attacked) -> None:
    """Connections that say nothing, and others that say a little every half second."""
    closes = [attacks.idle(each, 500) for each in (http, unlocked, unix)]
    attacks.trickle(http, b"POST / HTTP/1.1\r\nX: ", 100, 60)
    for close in closes:
        close()


def _bytes(http: Attacked, unlocked: Attacked, unix: Attacked) -> None:
    """Bodies and headers of strangers, one after the other."""
    while True:
        for head in (BIG + b"\r\n", CHUNKED):
            with contextlib.suppress(OSError):
                attacks.flood(http, head, 300 * MEGABYTE)
            time.sleep(0.1)


def _malformed(http: Attacked, unlocked: Attacked, unix: Attacked) -> None:
    """Hostile requests, about fifty a second."""
    while True:
        for request in REQUESTS:
            with contextlib.suppress(OSError, ValueError), http.connect(1) as client:
                client.sendall(request.data)
                client.shutdown(socket.SHUT_WR)
            time.sleep(0.02)


ATTACKS: Final = {"slow connections": _holding, "floods of bytes": _bytes, "malformed requests": _malformed}
