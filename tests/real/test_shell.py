"""``txkea shell`` and ``txkea leases`` with Debian's Kea: its servers, its agent, and its lease files."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from click.testing import CliRunner
from twisted.internet import reactor as running
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.leasing import lease, lease6
from tests.real.agents import DHCP, HOST, Scene
from tests.real.servers import KEA4, KEA6, ROOT
from tests.real.test_lease_commands import PERMITTED, Turns
from txkea.cli.root import main
from txkea.exchange.families import FAMILIES
from txkea.leases.leasefile import ROWS
from txkea.logs.logs import Logs
from txkea.model.lease import Lease4
from txkea.paths import Paths
from txkea.service import QUIET_COLLECTOR, KeaService
from txkea.testing.network import MemoryNetwork

__all__ = ["KeaTests", "ManyTests"]

reactor: Any = running
HOOKS: Final = "/usr/lib/x86_64-linux-gnu/kea/hooks"
PRODUCTS: Final = {4: KEA4, 6: KEA6}
SUBNETS: Final = {4: "192.0.2.0/24", 6: "2001:db8::/32"}
MANY: Final = 100_000
MINUTE: Final = 60.0


def txkea(*words: str, text: str = "") -> tuple[int, str]:
    """Exit status and all output of the program."""
    ended = subprocess.run(
        [sys.executable, "-m", "txkea", *words],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=MINUTE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "no_proxy": "*"},
        check=False,
    )
    return ended.returncode, ended.stdout


def run(*words: str, text: str = "") -> tuple[int, str]:
    """The same in this process; to be called in a thread while the reactor runs."""
    found = CliRunner().invoke(main, words, input=text)
    return found.exit_code, found.output


def leases(family: int) -> list[Any]:
    """Some of all kinds that Kea shows as we do."""
    if family == 4:
        return [lease(1), lease(2, hostname="b.example", fqdn_fwd=True, user_context='{"a": [1]}'), lease(3, state=1)]
    found = [lease6(2), lease6(3), lease6(4, hostname="d.example", fqdn_rev=True)]
    return [each._replace(hwaddr_source=0) for each in found]  # which no command shows


def lease_file(path: Path, family: int, found: list[Any]) -> None:
    """A lease file as Kea 2.2 has it."""
    layout = ROWS[family].schema.wanted(False)
    path.write_bytes(layout.header + b"".join(map(ROWS[family].format(layout.width), found)))


class KeaTests(TestCase):
    """Kea 2.2.0."""

    def setUp(self) -> None:
        self.scene = Scene()
        self.addCleanup(self.scene.close)
        self.directory = self.scene.directory

    def kea(self, name: str, family: int, found: list[Any]) -> str:
        """Start a server with these leases; gives its control socket."""
        socket = str(self.directory / f"{name}.socket")
        libraries = [f"{HOOKS}/libdhcp_{each}.so" for each in ("lease_cmds", "stat_cmds")]
        configuration = {
            "interfaces-config": {"interfaces": []},
            "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
            "control-socket": {"socket-type": "unix", "socket-name": socket},
            "hooks-libraries": [{"library": each} for each in libraries],
            **DHCP[family],
            f"subnet{family}": [{"id": 1, "subnet": SUBNETS[family]}],
            "loggers": [
                {
                    "name": f"kea-dhcp{family}",
                    "severity": "INFO",
                    "output_options": [{"output": "@DIRECTORY@/server.log"}],
                }
            ],
        }
        (self.directory / name).mkdir()
        lease_file(self.directory / name / "leases.csv", family, found)
        self.scene.run(name, PRODUCTS[family], {f"Dhcp{family}": configuration})
        return socket

    def done(self, *words: str, text: str = "") -> str:
        """What the program prints that must succeed."""
        status, said = run(*words, text=text)
        self.assertEqual(status, 0, (words, said))
        return said

    def shown(self, socket: str) -> list[Any]:
        """All leases of a server."""
        return [json.loads(text) for text in self.done("leases", "list", "--socket", socket, "--json").splitlines()]

    def test_shell(self) -> Any:
        """Kea's servers answer over their sockets, and over its agent both together."""
        return deferToThread(self.ask_servers)

    def ask_servers(self) -> None:
        """In a thread."""
        self.scene.serve("kea")
        self.scene.agent("agent", "kea", "kea")
        socket = self.scene.socket("kea", 4)
        self.assertIn("2.2.0", self.done("shell", "--socket", socket, "version-get"))
        self.assertIn("pkt4-received", self.done("shell", "--socket", socket, "statistic-get", "name=pkt4-received"))
        status, said = run("shell", "--socket", socket, "lease4-get", "ip-address=192.0.2.1")
        self.assertEqual(status, 1, said)
        self.assertIn("error 2", said)
        where = ("--url", f"http://{HOST}:{self.scene.ports['agent']}")
        said = self.done("shell", *where, "--service", "dhcp4", "--service", "dhcp6", "version-get")
        self.assertRegex(said, r"(?s)^dhcp4:\n2.2.0.*\ndhcp6:\n2.2.0")
        said = self.done("shell", *where, text="list-commands\nhelp status-get\n")
        self.assertIn("build-report\n", said)
        self.assertEqual(json.loads(self.done("shell", *where, "--json", "version-get"))[0]["result"], 0)
        status, said = run("leases", "list", *where)
        self.assertEqual(status, 1)
        self.assertIn("of a Control Agent, ask for a --service", said)

    def test_leases(self) -> Any:
        """Leases go from one Kea to another in any format, one by one and together, and stay the same."""
        return deferToThread(self.copy_leases)

    def copy_leases(self) -> None:
        """In a thread."""
        for family, forms in ((4, ("csv", "kea")), (6, ("csv", "kea"))):
            found = leases(family)
            first = self.kea(f"first{family}", family, found)
            second = self.kea(f"second{family}", family, [])
            before = self.shown(first)
            self.assertEqual(len(before), len(found))
            for form in forms:
                path = str(self.directory / f"{family}.{form}")
                self.done("leases", "export", "--socket", first, "--format", form, "-o", path)
                self.done("leases", "import", "--socket", second, *(("--update",) if form == "csv" else ()), path)
                self.assertEqual(self.shown(second), before, form)
                status, said = run("leases", "import", "--socket", second, path)
                self.assertEqual((status, said.splitlines()[-1]), (1, f"0 leases added, {len(found)} refused"))
                self.done("shell", "--socket", second, f"lease{family}-wipe", "subnet-id=1")
            written, own = self.directory / f"{family}.kea", self.directory / f"first{family}" / "leases.csv"
            self.assertEqual(sorted(rows_of(written)), sorted(rows_of(own)))


def rows_of(path: Path) -> list[bytes]:
    """The rows of a lease file."""
    return path.read_bytes().splitlines()


class ManyTests(TestCase):
    """A hundred thousand leases."""

    def setUp(self) -> Any:
        return Deferred.fromCoroutine(self.begin())

    async def begin(self) -> None:
        """A server with a network in memory, and its leases."""
        holder = TemporaryDirectory()  # a socket's path is short
        self.addCleanup(holder.cleanup)
        self.directory = Path(holder.name)
        rows = [
            Lease4((0x0A000001 + n).to_bytes(4, "big"), b"\2" + n.to_bytes(5, "big"), b"", 4000, 1_900_000_000, 1)
            for n in range(MANY)
        ]
        lease_file(self.directory / "leases.csv", 4, rows)
        self.socket = str(self.directory / "s")
        configuration = {
            "interfaces-config": {"interfaces": ["eth0"]},
            "lease-database": {"type": "memfile", "name": "leases.csv", "lfc-interval": 0},
            "control-socket": {"socket-type": "unix", "socket-name": self.socket},
            "subnet4": [{"id": 1, "subnet": "10.0.0.0/8"}],
            "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": str(self.directory / "log")}]}],
        }
        path = self.directory / "kea.conf"
        path.write_text(json.dumps({"Dhcp4": configuration}), encoding="utf-8")
        failures: list[str] = []
        service = KeaService(
            str(path),
            FAMILIES[4],
            reactor=reactor,
            network=MemoryNetwork(),
            logs=Logs(default=str(self.directory / "log")),
            paths=Paths().under(str(self.directory)),
            failed=failures.append,
        )
        service.privilegedStartService()
        service.startService()
        self.addCleanup(service.stopService)
        while not service.server.enabled:
            self.assertEqual(failures, [])
            await deferLater(reactor, 0.01)
        thresholds = gc.get_threshold()
        gc.freeze()
        gc.set_threshold(*QUIET_COLLECTOR)
        self.addCleanup(gc.set_threshold, *thresholds)
        self.addCleanup(gc.unfreeze)

    async def test_export(self) -> None:
        """An export holds the server's reactor for less than 20 ms at a time, and ends well within a minute."""
        turns = Turns()
        for form in ("kea", "csv"):
            path = str(self.directory / f"out.{form}")
            turns.start()
            words = ("leases", "export", "--socket", self.socket, "--format", form, "-o", path)
            status, said = await deferToThread(txkea, *words)
            longest = turns.stop()
            self.assertEqual((status, said), (0, f"{MANY} leases in {path}\n"))
            self.assertLess(longest, PERMITTED)
        self.assertEqual(rows_of(self.directory / "out.kea"), rows_of(self.directory / "leases.csv"))
