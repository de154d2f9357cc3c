"""Launching: pid file, signals, exit status, twistd and its privileges. Each server is a process of its own."""

from __future__ import annotations

import json
import os
import pwd
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from txkea.errors import ConfigError
from txkea.paths import Paths, PidFile
from txkea.tap import Options, configured_servers
from txkea.wire.client6 import query6
from txkea.wire.dhcp4 import Message4, encode_message4
from txkea.wire.dhcp6 import MessageType6, Option6, decode6, encode_message6

ROOT = Path(__file__).resolve().parent.parent
TWISTD = "from twisted.scripts.twistd import run; run()"
PATIENCE = 20.0
"""Seconds that a slow machine gets for anything."""


def free_port(family: int = 4) -> int:
    """A UDP port that nobody uses now."""
    kind, address = (socket.AF_INET, "127.0.0.1") if family == 4 else (socket.AF_INET6, "::1")
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


class Launched:
    """A server as a process, its output in a file."""

    def __init__(self, directory: Path, command: Sequence[str], environment: dict[str, str]) -> None:
        self.output = directory / "output"
        with open(self.output, "ab") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file, cwd=directory, env=environment)

    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, words: str, count: int = 1) -> None:
        """Wait until the output has these words so many times."""
        end = time.monotonic() + PATIENCE
        while self.text().count(words) < count:
            if time.monotonic() > end or self.process.poll() is not None:
                raise AssertionError(f"no {words!r} in:\n{self.text()}")
            time.sleep(0.02)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait; gives its exit status."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


class LaunchCase(SynchronousTestCase):
    """A directory with a configuration, and an environment in which everything stays in that directory."""

    family = 4

    def setUp(self) -> None:
        # Short, for the control socket's path, and open for the user that privileges are dropped to.
        self.directory = Path("/tmp") / f"txkea-test-{os.getpid()}-{free_port()}"
        self.directory.mkdir(0o755)
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", str(self.directory)], check=True))
        self.port, self.port6 = free_port(), free_port(6)
        self.configuration = self.directory / "lan.conf"
        self.write(valid_lifetime=1000)
        names = ("DHCP_DATA", "PIDFILE", "CONTROL_SOCKET", "LOG_FILE")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KEA_")},
            **{f"KEA_{name}_DIR": str(self.directory) for name in names},
            "PYTHONPATH": str(ROOT),
        }

    def write(self, interface: str = "lo", **more: Any) -> None:
        """Configure the family."""
        self.configuration.write_text(json.dumps(self.document(self.family, interface, **more)), encoding="utf-8")

    def document(self, family: int, interface: str = "lo", **more: Any) -> Any:
        """A family's configuration."""
        relay = {"ip-addresses": ["::1"]}
        own: dict[int, dict[str, Any]] = {
            4: {
                "interfaces-config": {"interfaces": [f"{interface}/127.0.0.1"], "dhcp-socket-type": "udp"},
                "subnet4": [{"id": 1, "subnet": "127.0.0.0/8", "pools": [{"pool": "127.1.0.0/24"}]}],
            },
            6: {
                "interfaces-config": {"interfaces": [f"{interface}/::1"]},
                "subnet6": [
                    {"id": 1, "subnet": "2001:db8:1::/64", "relay": relay, "pools": [{"pool": "2001:db8:1::/80"}]}
                ],
            },
        }
        dhcp = {
            "control-socket": {"socket-type": "unix", "socket-name": f"control{family}"},
            "lease-database": {"type": "memfile", "lfc-interval": 0},
            **own[family],
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        return {f"Dhcp{family}": dhcp}

    def message(self, name: str) -> str:
        """A log message of the family."""
        return f"DHCP{self.family}_{name}"

    @property
    def pid_file(self) -> Path:
        """The family's pid file."""
        return self.directory / f"lan.kea-dhcp{self.family}.pid"

    def launch(self, *command: str, **environment: str) -> Launched:
        launched = Launched(self.directory, [sys.executable, *command], {**self.environment, **environment})
        self.addCleanup(self.reap, launched.process)
        return launched

    def reap(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
            process.wait()

    def serve(self, *switches: str, **environment: str) -> Launched:
        """The family's ``txkea`` command with this configuration."""
        port = self.port if self.family == 4 else self.port6
        ports = ("-p", str(port), "-P", str(port + 1 if port < 65535 else 1024))
        program = f"dhcp{self.family}"
        return self.launch("-m", "txkea", program, "-c", str(self.configuration), *ports, *switches, **environment)

    def served(self) -> Launched:
        server = self.serve()
        server.wait_for(self.message("STARTED"))
        return server

    def client(self, *switches: str, family: int = 0) -> subprocess.CompletedProcess[str]:
        """What a client of the family gets."""
        mine = ("--port", str(self.port)) if (family or self.family) == 4 else ("-6", "--port", str(self.port6))
        command = [sys.executable, "-m", "txkea", "client", *mine, *switches]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def command(self, name: str, arguments: Any = None, family: int = 0) -> Any:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(PATIENCE)
            channel.connect(str(self.directory / f"control{family or self.family}"))
            channel.sendall(json.dumps({"command": name, "arguments": arguments}).encode())
            data = b""
            while piece := channel.recv(1 << 16):
                data += piece
        return json.loads(data)


class ForegroundTests(LaunchCase):
    """``txkea dhcp4``: what both families promise."""

    GRANTED = "ACK 127.1.0."
    """How the line begins that tells what a client got."""
    HWADDR = ("hw-address", "02:00:5e:10:00:00")
    """By what its lease is known, name and value."""
    ANSWERED, ANSWERS = "pkt4-ack-sent", 2
    """How many answers of which statistic a client gets that obtains, extends and releases a lease."""

    def test_lease(self) -> None:
        """A client gets, extends and gives back a lease, which the control channel shows."""
        server = self.served()
        self.assertIn("server version", server.text())
        client = self.client()
        self.assertEqual(client.returncode, 0, client.stdout + client.stderr)
        self.assertIn(self.GRANTED, client.stdout)
        (lease,) = self.command(f"lease{self.family}-get-all")["arguments"]["leases"]
        name, value = self.HWADDR
        self.assertEqual((lease[name], lease["valid-lft"]), (value, 1000))
        self.assertEqual(self.client("--renew", lease["ip-address"]).returncode, 0)
        self.assertEqual(self.client("--release", lease["ip-address"]).returncode, 0)
        self.assertEqual(self.command("statistic-get-all")["arguments"][self.ANSWERED][0][0], self.ANSWERS)

    def test_other_family(self) -> None:
        """A map of the other family in the file is another server's: it is not served, and may be wrong."""
        document = self.document(self.family)
        other = 10 - self.family
        text = json.dumps({**document, **self.document(other, bogus=1)})
        self.configuration.write_text(text, encoding="utf-8")
        server = self.served()
        self.assertNotIn(f"kea-dhcp{other}", server.text())
        self.assertEqual(self.client().returncode, 0)

    def test_only_other_family(self) -> None:
        """A file without the family's map is refused, and the map named that is missing."""
        self.configuration.write_text(json.dumps(self.document(10 - self.family)), encoding="utf-8")
        server = self.serve()
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertIn(f"Dhcp{self.family}", server.text())


class Foreground6Tests(ForegroundTests):
    """``txkea dhcp6``."""

    family = 6
    GRANTED = "REPLY 2001:db8:1::"
    HWADDR = ("duid", "00:03:00:01:02:00:5e:10:00:00")
    ANSWERED, ANSWERS = "pkt6-reply-sent", 5
    """One for each command, and before renewal and release one that tells who the server is."""


class ProcessTests(LaunchCase):
    """What a process does that serves either family."""

    def test_terminated(self) -> None:
        """SIGTERM and SIGINT end it in order within five seconds, with status 0, without pid file or socket."""
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve()
            server.wait_for(self.message("STARTED"), 1 if number == signal.SIGTERM else 2)
            pid_file = self.pid_file
            self.assertEqual(int(pid_file.read_text()), server.process.pid)
            begin = time.monotonic()
            self.assertEqual(server.end(number), 0)
            self.assertLess(time.monotonic() - begin, 5)
            self.assertFalse(pid_file.exists())
            self.assertFalse((self.directory / f"control{self.family}").exists())
            self.assertIn(self.message("SHUTDOWN"), server.text())

    def test_reload(self) -> None:
        """SIGHUP takes a changed file, and keeps the old configuration where the new one is wrong."""
        server = self.served()
        self.write(valid_lifetime=2000)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(self.message("DYNAMIC_RECONFIGURATION_SUCCESS"))
        self.assertIn("dynamic server reconfiguration succeeded with file", server.text())
        self.assertEqual(self.command("config-get")["arguments"][f"Dhcp{self.family}"]["valid-lifetime"], 2000)
        self.write(bogus=1)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for(self.message("DYNAMIC_RECONFIGURATION_FAIL"))
        self.assertEqual(self.command("config-get")["arguments"][f"Dhcp{self.family}"]["valid-lifetime"], 2000)
        self.assertEqual(self.client().returncode, 0)

    def test_bad_starts(self) -> None:
        """A server that cannot start says why on its output and in Kea's words, and ends with status 1."""
        self.write(interface="nope0")
        for environment, words in (
            ({}, "nope0 does not exist"),
            ({"KEA_PIDFILE_DIR": "/nonexistent"}, "KEA_PIDFILE_DIR"),
        ):
            server = self.serve(**environment)
            self.assertEqual(server.process.wait(PATIENCE), 1)
            self.assertIn("failed to initialize Kea", server.text())
            self.assertIn(words, server.text())
        self.write(first=1, second=2)
        server = self.serve()
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertIn(self.message("CONFIG_LOAD_FAIL"), server.text())
        for word in ("first", "second"):
            self.assertIn(f"Dhcp{self.family}.{word}", server.text())
        self.assertFalse(self.pid_file.exists())

    def test_storm_of_signals(self) -> None:
        """Many SIGHUPs at once are one reload or two, and a SIGTERM in the middle still ends it in order."""
        server = self.served()
        for _ in range(20):
            server.process.send_signal(signal.SIGHUP)
        server.wait_for(self.message("DYNAMIC_RECONFIGURATION_SUCCESS"))
        server.process.send_signal(signal.SIGHUP)
        self.assertEqual(server.end(), 0)
        self.assertNotIn("Traceback", server.text())

    def test_shutdown_command(self) -> None:
        """The command shutdown is answered, and its exit value becomes the process's status."""
        server = self.served()
        self.assertEqual(self.command("shutdown", {"exit-value": 7})["result"], 0)
        self.assertEqual(server.process.wait(PATIENCE), 7)

    def test_second_server(self) -> None:
        """A second server from the same file does not start and does not disturb the first."""
        first = self.served()
        second = self.serve()
        self.assertEqual(second.process.wait(PATIENCE), 1)
        self.assertIn("failed to initialize Kea", second.text())
        self.assertIn(f"process {first.process.pid}", second.text())
        self.assertEqual(self.client().returncode, 0)

    def test_no_lease_directory(self) -> None:
        """A lease file that cannot be written is a failed start too."""
        server = self.serve(KEA_DHCP_DATA_DIR="/nonexistent")
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertIn("failed to initialize Kea", server.text())
        self.assertIn("/nonexistent", server.text())

    def test_modes(self) -> None:
        """No file that a server makes is for everybody, whatever the umask it was started with."""
        before = os.umask(0)
        try:
            self.served()
        finally:
            os.umask(before)
        self.client()
        for path in self.directory.iterdir():
            if path not in (self.configuration, self.directory / "output"):
                self.assertEqual(path.stat().st_mode & 0o007, 0, path)

    def test_debug(self) -> None:
        """-d logs everything to standard output, whatever the configuration says."""
        name = f"kea-dhcp{self.family}"
        self.write(loggers=[{"name": name, "severity": "NONE", "output_options": [{"output": "kea.log"}]}])
        server = self.serve("-d")
        server.wait_for(self.message("STARTED"))


class BothTests(LaunchCase):
    """``twistd kea`` with both families in one file: two servers in one process."""

    def setUp(self) -> None:
        super().setUp()
        self.both()

    def both(self, more4: Any = None, more6: Any = None) -> None:
        """Configure both families."""
        document = {**self.document(4, **(more4 or {})), **self.document(6, **(more6 or {}))}
        self.configuration.write_text(json.dumps(document), encoding="utf-8")

    def twistd(self) -> Launched:
        ports = ("--port", str(self.port), "--client-port", str(free_port()), "--port6", str(self.port6))
        self.client_port6 = free_port(6)
        more = ("--client-port6", str(self.client_port6))
        return self.launch("-c", TWISTD, "-n", "kea", "--config", str(self.configuration), *ports, *more)

    def started(self) -> Launched:
        server = self.twistd()
        for family in (4, 6):
            server.wait_for(f"DHCP{family}_STARTED")
        return server

    def test_life(self) -> None:
        """Each family serves its clients and has its own pid file, control socket, statistics and loggers; one signal
        ends both in order.
        """
        server = self.started()
        for family in (4, 6):
            client = self.client(family=family)
            self.assertEqual(client.returncode, 0, client.stdout + client.stderr)
            pid_file = self.directory / f"lan.kea-dhcp{family}.pid"
            self.assertEqual(int(pid_file.read_text()), server.process.pid)
            names = self.command("statistic-get-all", family=family)["arguments"]
            self.assertEqual({name[:4] for name in names if name.startswith("pkt")}, {f"pkt{family}"})
            self.assertEqual(self.command(f"lease{family}-get-all", family=family)["text"][:1], "1")
            self.assertEqual(self.command(f"lease{10 - family}-get-all", family=family)["result"], 2)
            self.assertIn(f"[kea-dhcp{family}.leases/", server.text())
        self.assertIn(server.end(), (0, -signal.SIGTERM))
        for family in (4, 6):
            self.assertIn(f"DHCP{family}_SHUTDOWN", server.text())
        left = sorted(path.name for path in self.directory.iterdir())
        self.assertEqual(left, ["kea-dhcp6-serverid", "kea-leases4.csv", "kea-leases6.csv", "lan.conf", "output"])

    def test_reload(self) -> None:
        """SIGHUP reloads both, one although the other's new configuration is wrong; config-reload only its own."""
        server = self.started()
        self.both({"valid_lifetime": 1000, "bogus": 1}, {"valid_lifetime": 1001})
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("DHCP6_DYNAMIC_RECONFIGURATION_SUCCESS")
        self.assertIn("DHCP4_DYNAMIC_RECONFIGURATION_FAIL", server.text())
        self.both({"valid_lifetime": 2000}, {"valid_lifetime": 2001})
        self.assertEqual(self.command("config-reload", family=4)["result"], 0)
        lifetimes = [
            self.command("config-get", family=family)["arguments"][f"Dhcp{family}"]["valid-lifetime"]
            for family in (4, 6)
        ]
        self.assertEqual(lifetimes, [2000, 1001])

    def test_wrong(self) -> None:
        """What is wrong with either family keeps both from starting; all of it is told."""
        self.both({"first": 1}, {"second": 2})
        server = self.twistd()
        self.assertEqual(server.process.wait(PATIENCE), 1)
        for words in ("DHCP4_CONFIG_LOAD_FAIL", "DHCP6_CONFIG_LOAD_FAIL", "Dhcp4.first", "Dhcp6.second"):
            self.assertIn(words, server.text())
        self.both({}, {"interface": "nope0"})
        server = self.twistd()
        self.assertEqual(server.process.wait(PATIENCE), 1)
        self.assertIn("nope0", server.text())
        self.assertNotIn("DHCP4_STARTED", server.text())
        self.assertEqual([path.name for path in self.directory.glob("*.pid")], [])

    def test_shutdown(self) -> None:
        """The command shutdown at either socket ends both, with its status."""
        server = self.started()
        self.assertEqual(self.command("shutdown", {"exit-value": 7}, family=6)["result"], 0)
        self.assertEqual(server.process.wait(PATIENCE), 7)
        for family in (4, 6):
            self.assertIn(f"DHCP{family}_SHUTDOWN", server.text())

    def test_inside(self) -> None:
        """DHCPv4 inside DHCPv6 is answered while both families have the same dhcp4o6-port, and only then."""
        message = encode_message4(Message4(xid=7, chaddr=b"\2\0\0\0\0\1", options={53: b"\1"}))
        query = query6(MessageType6.DHCPV4_QUERY, 1, options=[(Option6.DHCPV4_MESSAGE, message)])
        pools = [{"pool": "127.1.0.0/24"}]
        subnet = {"id": 1, "subnet": "127.0.0.0/8", "pools": pools, "4o6-interface": "lo"}
        server = None
        for port, answered in ((6767, True), (6868, False)):
            self.both({"subnet4": [subnet], "dhcp4o6_port": 6767}, {"dhcp4o6_port": port})
            if server is None:
                server = self.started()
            else:
                self.assertEqual(self.command("config-reload", family=6)["result"], 0)
            with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
                client.settimeout(PATIENCE if answered else 0.3)
                client.bind(("::1", self.client_port6))
                client.sendto(encode_message6(query), ("::1", self.port6))
                try:
                    answer = decode6(client.recv(2000))
                except TimeoutError:
                    self.assertFalse(answered, server.text())
                else:
                    self.assertTrue(answered)
                    self.assertEqual(answer.type, MessageType6.DHCPV4_RESPONSE)


class TwistdTests(LaunchCase):
    """``twistd kea``."""

    def twistd(self, *switches: str, after: Sequence[str] = (), **environment: str) -> Launched:
        ports = ("--port", str(self.port), "--client-port", str(free_port()), "--port6", str(self.port6))
        command = ("-c", TWISTD, *switches, "kea", "--config", str(self.configuration), *ports, *after)
        return self.launch(*command, **environment)

    def test_foreground(self) -> None:
        """twistd -n serves with our log alone, and ends in order."""
        server = self.twistd("-n")
        server.wait_for("DHCP4_STARTED")
        self.assertEqual(self.client().returncode, 0)
        self.assertIn(server.end(), (0, -signal.SIGTERM))
        self.assertNotIn("[-]", server.text())
        self.assertIn("DHCP4_SHUTDOWN", server.text())
        self.assertFalse((self.directory / "lan.kea-dhcp4.pid").exists())

    def test_daemon(self) -> None:
        """twistd without -n becomes a daemon that serves, logs where twistd would, and ends in order."""
        server = self.twistd()
        self.assertEqual(server.process.wait(PATIENCE), 0, server.text())
        pid = int((self.directory / "twistd.pid").read_text())
        try:
            self.assertEqual(self.client("--tries", "20").returncode, 0)
            log = (self.directory / "twistd.log").read_text()
            self.assertIn(f"/{pid}.", log)
            self.assertIn("DHCP4_STARTED", log)
        finally:
            os.kill(pid, signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while (self.directory / "twistd.pid").exists() and time.monotonic() < end:
            time.sleep(0.02)
        self.assertIn("DHCP4_SHUTDOWN", (self.directory / "twistd.log").read_text())

    def test_exit_status(self) -> None:
        """A server that cannot start, or is told to end with a status, gives it to twistd's caller."""
        server = self.twistd("-n")
        server.wait_for("DHCP4_STARTED")
        self.command("shutdown", {"exit-value": 9})
        self.assertEqual(server.process.wait(PATIENCE), 9)
        for wrong in ({"interface": "nope0"}, {"bogus": 1}):
            self.write(**wrong)
            server = self.twistd("-n")
            self.assertEqual(server.process.wait(PATIENCE), 1)
            self.assertIn("failed to initialize Kea", server.text())

    def test_agent(self) -> None:
        """The Control Agent of a file reaches the servers beside it without any socket; one cannot take its port."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        servers = {**self.document(4), **self.document(6)}
        for server in servers.values():
            del server["control-socket"]
        absent = {"dhcp4": {"socket-name": "absent"}, "d2": {"socket-name": "absent"}}
        agent = {"Control-agent": {"http-port": port, "control-sockets": absent}}
        self.configuration.write_text(json.dumps({**servers, **agent}), encoding="utf-8")
        running = self.twistd("-n")
        for message in ("DHCP4_STARTED", "DHCP6_STARTED", "CTRL_AGENT_STARTED"):
            running.wait_for(message)
        answers = self.ask(port, "config-get", "dhcp6", "dhcp4", "d2")
        self.assertEqual([answer["result"] for answer in answers], [0, 0, 1])
        self.assertEqual([next(iter(answer["arguments"])) for answer in answers[:2]], ["Dhcp6", "Dhcp4"])
        self.assertIn("config-get", self.ask(port, "list-commands")[0]["arguments"])
        self.assertTrue((self.directory / "lan.kea-ctrl-agent.pid").exists())
        self.configuration = self.directory / "other.conf"
        self.configuration.write_text(json.dumps(agent), encoding="utf-8")
        other = self.twistd("-n", "--pidfile", "other.pid")
        self.assertEqual(other.process.wait(PATIENCE), 1)
        self.assertIn(f"port {port} cannot be opened", other.text())
        self.assertIn(running.end(), (0, -signal.SIGTERM))
        self.assertIn("DCTL_SHUTDOWN", running.text())
        self.assertFalse((self.directory / "lan.kea-ctrl-agent.pid").exists())

    def ask(self, port: int, command: str, *services: str) -> Any:
        """What comes back over HTTP."""
        connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        body = json.dumps({"command": command, "service": services})
        connection.request("POST", "/", body, {"Content-Type": "application/json"})
        return json.loads(connection.getresponse().read())

    def test_privileges(self) -> None:
        """Ports below 1024 are bound before twistd --uid drops privileges, and the server works without them."""
        if os.geteuid():
            raise SkipTest("needs root: to drop privileges")
        self.port = next(port for port in (67, *range(600, 1024)) if _free(port, 4))
        self.port6 = next(port for port in (547, *range(600, 1024)) if _free(port, 6))
        self.configuration.write_text(json.dumps({**self.document(4), **self.document(6)}), encoding="utf-8")
        nobody = pwd.getpwnam("nobody")
        os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
        os.chown(self.configuration, nobody.pw_uid, nobody.pw_gid)
        server = self.twistd("-n", "--uid", str(nobody.pw_uid), "--gid", str(nobody.pw_gid))
        server.wait_for("DHCP4_STARTED")
        server.wait_for("DHCP6_STARTED")
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        self.assertIn(f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}", status)
        server.process.send_signal(signal.SIGHUP)
        for family in (4, 6):
            server.wait_for(f"DHCP{family}_DYNAMIC_RECONFIGURATION_SUCCESS")
            self.assertEqual(self.client(family=family).returncode, 0)
        server.end()
        self.assertFalse((self.directory / "lan.kea-dhcp4.pid").exists())

    def test_data_directory(self) -> None:
        """--data-directory keeps all files of a server together."""
        self.environment = {name: value for name, value in self.environment.items() if not name.startswith("KEA_")}
        data = self.directory / "data"
        data.mkdir()
        self.twistd("-n", after=("--data-directory", str(data))).wait_for("DHCP4_STARTED")
        names = sorted(path.name for path in data.iterdir())
        self.assertEqual(names, ["control4", "kea-leases4.csv", "lan.kea-dhcp4.pid"])


def _free(port: int, family: int) -> bool:
    kind, address = (socket.AF_INET, "127.0.0.1") if family == 4 else (socket.AF_INET6, "::1")
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


class OptionsTests(SynchronousTestCase):
    """The command line of ``twistd kea``."""

    def test_no_file(self) -> None:
        """Without a configuration file there is nothing to do."""
        with self.assertRaisesRegex(UsageError, "--config"):
            Options().parseOptions([])

    def test_ports(self) -> None:
        """A port is a number from 1 to 65535."""
        for wrong in ("0", "65536", "x", "-1", "\uff16\uff17"):
            with self.assertRaises(UsageError, msg=wrong):
                Options().parseOptions(["--config", "x", "--port", wrong])

    def test_servers(self) -> None:
        """A file is served by those that it configures; one that cannot be read by those it seems to mean."""
        path = self.mktemp()
        for text, *found in (
            ('{"Dhcp4": {}}', (4,), False),
            ('{"Dhcp6": {}}', (6,), False),
            ('{"Dhcp6": {}, "Dhcp4": {}}', (4, 6), False),
            ('{"Dhcp6": {} /* no "Dhcp4" */}', (6,), False),
            ('{"Dhcp4": {"server-tag": "\\"Dhcp6\\""}}', (4,), False),
            ('{"Dhcp6": {', (6,), False),
            ('{"Dhcp4": {}, "Dhcp6": {', (4, 6), False),
            ('{"Control-agent": {}}', (), True),
            ('{"Control-agent": {}, "Dhcp6": {}}', (6,), True),
            ('{"Dhcp4": {} /* no "Control-agent" */}', (4,), False),
            ('{"Control-agent": {', (), True),
            ("nonsense", (4,), False),
        ):
            Path(path).write_text(text)
            self.assertEqual(list(configured_servers(path)), found, text)
        Path(f"{path}.part").write_text('{"Dhcp6": {}}')
        Path(path).write_text(f'<?include "{os.path.abspath(path)}.part"?>')
        self.assertEqual(configured_servers(path).families, (6,))
        self.assertEqual(configured_servers("/nonexistent"), ((4,), False))

    def test_files(self) -> None:
        """Several files are several servers."""
        options = Options()
        options.parseOptions(["-c", "a", "--config", "b"])
        self.assertEqual([os.path.basename(path) for path in options["config"]], ["a", "b"])


class PathsTests(SynchronousTestCase):
    """Kea's places."""

    def test_defaults(self) -> None:
        """Without variables, or with empty ones, files are where Debian's Kea has them."""
        for environment in ({}, {"KEA_PIDFILE_DIR": "", "KEA_DHCP_DATA_DIR": ""}):
            paths = Paths.from_environment(environment)
            self.assertEqual(paths.lease_file(), "/var/lib/kea/kea-leases4.csv")
            self.assertEqual(paths.pid_file("/etc/kea/kea-dhcp4.conf", "kea-dhcp4"), "/run/kea/kea-dhcp4.kea-dhcp4.pid")
            self.assertEqual(paths.socket("kea4-ctrl-socket"), "/run/kea/kea4-ctrl-socket")
            self.assertEqual((paths.logs, paths.log_destination), ("/var/log/kea", "stdout"))

    def test_variables(self) -> None:
        """Each variable moves its kind of file; absolute names stand."""
        paths = Paths.from_environment(
            {
                "KEA_DHCP_DATA_DIR": "/d", "KEA_PIDFILE_DIR": "/p", "KEA_CONTROL_SOCKET_DIR": "/s",
                "KEA_LOG_FILE_DIR": "/l", "KEA_LOGGER_DESTINATION": "syslog:local1",
            }
        )  # fmt: skip
        self.assertEqual(
            [
                paths.lease_file(),
                paths.server_id_file(),
                paths.pid_file("x.conf", "kea-dhcp4"),
                paths.socket("a"),
                paths.logs,
            ],
            ["/d/kea-leases4.csv", "/d/kea-dhcp6-serverid", "/p/x.kea-dhcp4.pid", "/s/a", "/l"],
        )
        self.assertEqual((paths.log_destination, paths.lease_file("/x/y.csv")), ("syslog:local1", "/x/y.csv"))


class PidFileTests(SynchronousTestCase):
    """The pid file."""

    def setUp(self) -> None:
        self.path = self.mktemp()

    def test_life(self) -> None:
        """It has our number while we run, and is gone afterwards."""
        file = PidFile(self.path)
        file.write()
        self.assertEqual(Path(self.path).read_text(), f"{os.getpid()}\n")
        file.remove()
        self.assertFalse(os.path.exists(self.path))

    def test_live(self) -> None:
        """A live process's file is refused and stays."""
        Path(self.path).write_text(f"{os.getppid()}\n")
        file = PidFile(self.path)
        with self.assertRaisesRegex(ConfigError, f"process {os.getppid()}"):
            file.write()
        file.remove()
        self.assertTrue(os.path.exists(self.path))

    def test_stale(self) -> None:
        """A dead process's file, an empty one and nonsense are replaced."""
        with subprocess.Popen(["true"]) as dead:
            dead.wait()
        for text in (f"{dead.pid}\n", "", "nonsense", "-1", "0", "99999999999999999999", "\xff\0"):
            Path(self.path).write_text(text)
            PidFile(self.path).write()
            self.assertEqual(Path(self.path).read_text(), f"{os.getpid()}\n")
