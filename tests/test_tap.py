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
from pathlib import Path
from typing import Any

from twisted.python.usage import UsageError
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from txkea.errors import ConfigError
from txkea.paths import Paths, PidFile
from txkea.tap import Options

ROOT = Path(__file__).resolve().parent.parent
TWISTD = "from twisted.scripts.twistd import run; run()"
PATIENCE = 20.0
"""Seconds that a slow machine gets for anything."""


def free_port() -> int:
    """A UDP port that nobody uses now."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
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

    def setUp(self) -> None:
        # Short, for the control socket's path, and open for the user that privileges are dropped to.
        self.directory = Path("/tmp") / f"txkea-test-{os.getpid()}-{free_port()}"
        self.directory.mkdir(0o755)
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", str(self.directory)], check=True))
        self.port = free_port()
        self.configuration = self.directory / "lan.conf"
        self.write(valid_lifetime=1000)
        names = ("DHCP_DATA", "PIDFILE", "CONTROL_SOCKET", "LOG_FILE")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("KEA_")},
            **{f"KEA_{name}_DIR": str(self.directory) for name in names},
            "PYTHONPATH": str(ROOT),
        }

    def write(self, interface: str = "lo", **more: Any) -> None:
        dhcp = {
            "interfaces-config": {"interfaces": [f"{interface}/127.0.0.1"], "dhcp-socket-type": "udp"},
            "control-socket": {"socket-type": "unix", "socket-name": "control"},
            "lease-database": {"type": "memfile", "lfc-interval": 0},
            "subnet4": [{"id": 1, "subnet": "127.0.0.0/8", "pools": [{"pool": "127.1.0.0/24"}]}],
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        self.configuration.write_text(json.dumps({"Dhcp4": dhcp}), encoding="utf-8")

    def launch(self, *command: str, **environment: str) -> Launched:
        launched = Launched(self.directory, [sys.executable, *command], {**self.environment, **environment})
        self.addCleanup(self.reap, launched.process)
        return launched

    def reap(self, process: subprocess.Popen[bytes]) -> None:
        if process.poll() is None:
            process.kill()
            process.wait()

    def serve(self, *switches: str, **environment: str) -> Launched:
        """``txkea dhcp4`` with this configuration."""
        port = ("-p", str(self.port), "-P", str(self.port + 1 if self.port < 65535 else 1024))
        return self.launch("-m", "txkea", "dhcp4", "-c", str(self.configuration), *port, *switches, **environment)

    def served(self) -> Launched:
        server = self.serve()
        server.wait_for("DHCP4_STARTED")
        return server

    def client(self, *switches: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "txkea", "client", "--port", str(self.port), *switches]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def command(self, name: str, arguments: Any = None) -> Any:
        with socket.socket(socket.AF_UNIX) as channel:
            channel.settimeout(PATIENCE)
            channel.connect(str(self.directory / "control"))
            channel.sendall(json.dumps({"command": name, "arguments": arguments}).encode())
            data = b""
            while piece := channel.recv(1 << 16):
                data += piece
        return json.loads(data)


class ForegroundTests(LaunchCase):
    """``txkea dhcp4``."""

    def test_lease(self) -> None:
        """A client gets, extends and gives back a lease, which the control channel shows."""
        server = self.served()
        self.assertIn("server version", server.text())
        client = self.client()
        self.assertEqual(client.returncode, 0, client.stdout + client.stderr)
        self.assertIn("ACK 127.1.0.", client.stdout)
        (lease,) = self.command("lease4-get-all")["arguments"]["leases"]
        self.assertEqual((lease["hw-address"], lease["valid-lft"]), ("02:00:5e:10:00:00", 1000))
        self.assertEqual(self.client("--renew", lease["ip-address"]).returncode, 0)
        self.assertEqual(self.client("--release", lease["ip-address"]).returncode, 0)
        self.assertEqual(self.command("statistic-get-all")["arguments"]["pkt4-ack-sent"][0][0], 2)

    def test_terminated(self) -> None:
        """SIGTERM and SIGINT end it in order within five seconds, with status 0, without pid file or socket."""
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.serve()
            server.wait_for("DHCP4_STARTED", 1 if number == signal.SIGTERM else 2)
            pid_file = self.directory / "lan.kea-dhcp4.pid"
            self.assertEqual(int(pid_file.read_text()), server.process.pid)
            begin = time.monotonic()
            self.assertEqual(server.end(number), 0)
            self.assertLess(time.monotonic() - begin, 5)
            self.assertFalse(pid_file.exists())
            self.assertFalse((self.directory / "control").exists())
            self.assertIn("DHCP4_SHUTDOWN", server.text())

    def test_reload(self) -> None:
        """SIGHUP takes a changed file, and keeps the old configuration where the new one is wrong."""
        server = self.served()
        self.write(valid_lifetime=2000)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
        self.assertIn("dynamic server reconfiguration succeeded with file", server.text())
        self.assertEqual(self.command("config-get")["arguments"]["Dhcp4"]["valid-lifetime"], 2000)
        self.write(bogus=1)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("DHCP4_DYNAMIC_RECONFIGURATION_FAIL")
        self.assertEqual(self.command("config-get")["arguments"]["Dhcp4"]["valid-lifetime"], 2000)
        self.assertEqual(self.client().returncode, 0)

    def test_storm_of_signals(self) -> None:
        """Many SIGHUPs at once are one reload or two, and a SIGTERM in the middle still ends it in order."""
        server = self.served()
        for _ in range(20):
            server.process.send_signal(signal.SIGHUP)
        server.wait_for("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
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
        self.assertIn("DHCP4_CONFIG_LOAD_FAIL", server.text())
        for word in ("Dhcp4.first", "Dhcp4.second"):
            self.assertIn(word, server.text())
        self.assertFalse((self.directory / "lan.kea-dhcp4.pid").exists())

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
        self.write(loggers=[{"name": "kea-dhcp4", "severity": "NONE", "output_options": [{"output": "kea.log"}]}])
        server = self.serve("-d")
        server.wait_for("DHCP4_STARTED")

    def test_both_families(self) -> None:
        """A file that configures DHCPv6 too serves DHCPv4 and says what it does not serve."""
        document = json.loads(self.configuration.read_text())
        self.configuration.write_text(json.dumps({**document, "Dhcp6": {}}), encoding="utf-8")
        self.assertIn("DHCPv6 is not built yet", self.served().text())


class TwistdTests(LaunchCase):
    """``twistd kea``."""

    def twistd(self, *switches: str, after: Sequence[str] = (), **environment: str) -> Launched:
        port = ("--port", str(self.port), "--client-port", str(free_port()))
        command = ("-c", TWISTD, *switches, "kea", "--config", str(self.configuration), *port, *after)
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

    def test_privileges(self) -> None:
        """Ports below 1024 are bound before twistd --uid drops privileges, and the server works without them."""
        if os.geteuid():
            raise SkipTest("needs root: to drop privileges")
        self.port = 67
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(("127.0.0.1", 67))
            except OSError:
                self.port = next(port for port in range(600, 1024) if _free(port))
        nobody = pwd.getpwnam("nobody")
        os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
        os.chown(self.configuration, nobody.pw_uid, nobody.pw_gid)
        server = self.twistd("-n", "--uid", str(nobody.pw_uid), "--gid", str(nobody.pw_gid))
        server.wait_for("DHCP4_STARTED")
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        self.assertIn(f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}", status)
        self.assertEqual(self.client().returncode, 0)
        server.process.send_signal(signal.SIGHUP)
        server.wait_for("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS")
        self.assertEqual(self.client().returncode, 0)
        server.end()
        self.assertFalse((self.directory / "lan.kea-dhcp4.pid").exists())

    def test_data_directory(self) -> None:
        """--data-directory keeps all files of a server together."""
        self.environment = {name: value for name, value in self.environment.items() if not name.startswith("KEA_")}
        data = self.directory / "data"
        data.mkdir()
        self.twistd("-n", after=("--data-directory", str(data))).wait_for("DHCP4_STARTED")
        names = sorted(path.name for path in data.iterdir())
        self.assertEqual(names, ["control", "kea-leases4.csv", "lan.kea-dhcp4.pid"])


def _free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
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
            [paths.lease_file(), paths.server_id_file(), paths.pid_file("x.conf", "kea-dhcp4"), paths.socket("a"), paths.logs],
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
