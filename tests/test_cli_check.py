"""``txkea check`` and the switches of ``txkea dhcp4`` that start nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from txkea import __version__
from txkea.cli.root import main

ROOT = Path(__file__).resolve().parent.parent
GOOD: dict[str, Any] = {"Dhcp4": {"subnet4": [{"id": 1, "subnet": "192.0.2.0/24"}]}}


class CliCase(SynchronousTestCase):
    """Files to check."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def file(self, content: Any, name: str = "a.conf") -> str:
        path = self.directory / name
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return str(path)

    def run_cli(self, *arguments: str, **environment: str) -> Result:
        result = CliRunner().invoke(main, list(arguments), env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result


class CheckTests(CliCase):
    """All errors of all files."""

    def test_good(self) -> None:
        """A file that can be used has exit status 0."""
        result = self.run_cli("check", self.file(GOOD))
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("can be used; 1 subnet", result.output)

    def test_every_error(self) -> None:
        """Every error of a file is a line with file, line, column and path; the exit status is 1."""
        path = self.file('{"Dhcp4": {\n "one": 1,\n "valid-lifetime": "x",\n "two": 2}}')
        result = self.run_cli("check", path)
        self.assertEqual(result.exit_code, 1)
        for place in (f"{path}:2:2: Dhcp4.one: ", f"{path}:3:20: Dhcp4.valid-lifetime: ", f"{path}:4:2: Dhcp4.two: "):
            self.assertIn(place, result.output)
        self.assertIn("3 errors", result.output)

    def test_several_files(self) -> None:
        """One bad file among good ones decides the exit status."""
        result = self.run_cli("check", self.file(GOOD), self.file({"Dhcp4": {"x": 1}}, "b.conf"))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("a.conf: can be used", result.output)
        self.assertIn("b.conf: 1 error", result.output)

    def test_quiet(self) -> None:
        """-q prints nothing."""
        for content, status in ((GOOD, 0), ({"Dhcp4": {"x": 1}}, 1)):
            result = self.run_cli("check", "-q", self.file(content))
            self.assertEqual((result.exit_code, result.output), (status, ""))

    def test_unreadable(self) -> None:
        """A file that is not there, or is a directory, is an error with its reason."""
        for path in ("no/such/file", str(self.directory)):
            result = self.run_cli("check", path)
            self.assertEqual(result.exit_code, 1)
            self.assertIn(path, result.output)

    def test_warnings(self) -> None:
        """What works but perhaps not as meant is told, and no error: commas, interfaces that are not here."""
        dhcp4 = '"Dhcp4": {"interfaces-config": {"interfaces": ["nope0"]},}'
        dhcp6 = '"Dhcp6": {"interfaces-config": {"interfaces": ["nope1"]}}'
        result = self.run_cli("check", self.file("{%s, %s}" % (dhcp4, dhcp6)))
        self.assertEqual(result.exit_code, 0, result.output)
        for word in ("nope0", "nope1", "3 warnings"):
            self.assertIn(word, result.output)
        self.assertEqual(result.output.count("comma"), 1)

    def test_dhcp6(self) -> None:
        """A file for DHCPv6 alone can be used, and its subnets are counted."""
        result = self.run_cli("check", self.file({"Dhcp6": {"subnet6": [{"id": 1, "subnet": "2001:db8::/64"}]}}))
        self.assertEqual(result.exit_code, 0, result.output)
        self.assertIn("can be used; 1 subnet of DHCPv6", result.output)

    def test_both_families(self) -> None:
        """Of a file with both families both are looked at, and all that is wrong is told."""
        document = {
            **GOOD,
            "Dhcp6": {"subnet6": [{"id": 1, "subnet": "2001:db8::/64"}, {"id": 2, "subnet": "2001:db8:1::/64"}]},
        }
        result = self.run_cli("check", self.file(document))
        self.assertIn("can be used; 1 subnet of DHCPv4, 2 subnets of DHCPv6, 0 warnings", result.output)
        result = self.run_cli("check", self.file({"Dhcp4": {"first": 1}, "Dhcp6": {"second": 2}}))
        self.assertEqual(result.exit_code, 1)
        for word in ("Dhcp4.first", "Dhcp6.second", "2 errors"):
            self.assertIn(word, result.output)

    def test_agent(self) -> None:
        """The Control Agent of a file is checked too, alone and beside servers."""
        agent: dict[str, Any] = {"Control-agent": {"http-port": 8001}}
        result = self.run_cli("check", self.file(agent))
        self.assertIn("can be used; a Control Agent on 127.0.0.1 port 8001, 0 warnings", result.output)
        result = self.run_cli("check", self.file({**agent, **GOOD}))
        self.assertIn("1 subnet of DHCPv4, a Control Agent on", result.output)
        result = self.run_cli("check", self.file({"Control-agent": {"http-port": "x"}, "Dhcp4": {"x": 1}}))
        self.assertEqual((result.exit_code, result.output.count("error: ")), (1, 2))

    def test_unknown_store(self) -> None:
        """A lease database that nobody provides is found too."""
        result = self.run_cli("check", self.file({"Dhcp4": {"lease-database": {"type": "clay-tablets"}}}))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("clay-tablets", result.output)

    def test_databases(self) -> None:
        """The parameters of databases are checked too, each where it is written."""
        database = '{"type": "postgresql",\n "connect-timeout": 0}'
        path = self.file(f'{{"Dhcp4": {{"lease-database": {database},\n "hosts-databases": [{database}]}}}}')
        self.assertIn(
            f"{path}:2:21: Dhcp4.lease-database.connect-timeout: must be a number, at least 1",
            self.run_cli("check", path).output,
        )
        path = self.file(f'{{"Dhcp4": {{"hosts-databases": [{database}]}}}}')
        place = "Dhcp4.hosts-databases[0].connect-timeout"
        self.assertIn(f"{path}:2:21: {place}: must be a number", self.run_cli("check", path).output)

    def test_hooks(self) -> None:
        """The parameters of hook libraries are checked too, in the order of the file."""
        options = '[{"code": 67, "add": "pkt4.gaddr"},\n {"coed": 3}, {"code": 3, "remove": "not \'a\'"}]'
        hook = f'{{"library": "libdhcp_flex_option.so", "parameters": {{"options": {options}}}}}'
        path = self.file(f'{{"Dhcp4": {{\n "hooks-libraries": [\n {hook}]}}}}')
        lines = self.run_cli("check", path).output.splitlines()
        place = "Dhcp4.hooks-libraries[0].parameters.options"
        for line, wanted in zip(lines[:3], ("[0].add: ", "[1].coed: ", "[2].remove: "), strict=True):
            self.assertIn(f"{place}{wanted}", line)
        self.assertIn(f"{path}:4:11: ", lines[1])

    def test_nothing_is_touched(self) -> None:
        """Checking makes no file and opens no lease file."""
        data = self.directory / "data"
        data.mkdir()
        path = self.file({"Dhcp4": {"lease-database": {"type": "memfile"}, "loggers": [
            {"name": "kea-dhcp4", "output_options": [{"output": str(data / "kea.log")}]}
        ]}})  # fmt: skip
        names = ("KEA_DHCP_DATA_DIR", "KEA_LOG_FILE_DIR", "KEA_PIDFILE_DIR", "KEA_CONTROL_SOCKET_DIR")
        self.assertEqual(self.run_cli("check", path, **dict.fromkeys(names, str(data))).exit_code, 0)
        self.assertEqual(list(data.iterdir()), [])


class SwitchTests(CliCase):
    """kea-dhcp4's own switches."""

    def test_t(self) -> None:
        """-t tells good from bad by its exit status, and unlike check counts a missing interface as an error."""
        for family in (4, 6):
            name, top = f"dhcp{family}", f"Dhcp{family}"
            self.assertEqual(self.run_cli(name, "-t", self.file({top: {}})).exit_code, 0)
            for wrong in ({"x": 1}, {"interfaces-config": {"interfaces": ["nope0"]}}):
                result = self.run_cli(name, "-t", self.file({top: wrong}))
                self.assertEqual(result.exit_code, 1)
                self.assertIn("Syntax check failed with:", result.output)

    def test_other_family(self) -> None:
        """-t looks at its own family alone, which must be there."""
        for family in (4, 6):
            mine, other = f"Dhcp{family}", f"Dhcp{10 - family}"
            result = self.run_cli(f"dhcp{family}", "-t", self.file({mine: {}, other: {"bogus": 1}}))
            self.assertEqual(result.exit_code, 0, result.output)
            result = self.run_cli(f"dhcp{family}", "-t", self.file({other: {}}))
            self.assertEqual(result.exit_code, 1)
            self.assertIn(mine, result.output)

    def test_more(self) -> None:
        """-T also looks whether the directories that are needed can be written in."""
        control = {"control-socket": {"socket-type": "unix", "socket-name": "s"}}
        good = {"KEA_DHCP_DATA_DIR": str(self.directory), "KEA_CONTROL_SOCKET_DIR": str(self.directory)}
        for family in (4, 6):
            command = (f"dhcp{family}", "-T", self.file({f"Dhcp{family}": control}))
            self.assertEqual(self.run_cli(*command, **good).exit_code, 0)
            for name in good:
                result = self.run_cli(*command, **{**good, name: "/nonexistent"})
                self.assertEqual(result.exit_code, 1)
                self.assertIn("/nonexistent", result.output)
        path = self.file({"Dhcp6": {"data-directory": "/nonexistent"}})
        self.assertEqual(self.run_cli("dhcp6", "-T", path, **good).exit_code, 1)

    def test_ctrl_agent(self) -> None:
        """``txkea ctrl-agent -t`` says what is wrong with its own map, and ends with 0 or 1."""
        good = self.file({"Control-agent": {}, "Dhcp4": {"nonsense": 1}}, "agent.conf")
        self.assertEqual(self.run_cli("ctrl-agent", "-t", good).exit_code, 0)
        result = self.run_cli("ctrl-agent", "-t", self.file({"Control-agent": {"http-prot": 1}}))
        self.assertEqual(result.exit_code, 1)
        self.assertIn("Syntax check failed with: ", result.output)
        self.assertIn("did you mean http-port?", result.output)
        self.assertEqual(self.run_cli("ctrl-agent", "-v").output.strip(), __version__)
        self.assertEqual(self.run_cli("ctrl-agent").exit_code, 1)

    def test_versions(self) -> None:
        """-v prints the version alone, -V and -W more, and none starts anything."""
        for command in ("dhcp4", "dhcp6"):
            self.assertEqual(self.run_cli(command, "-v").output, f"{__version__}\n")
            for switch in ("-V", "-W"):
                result = self.run_cli(command, switch)
                self.assertEqual(result.exit_code, 0)
                self.assertIn("Twisted", result.output)
        self.assertIn(__version__, self.run_cli("--version").output)

    def test_wrong_use(self) -> None:
        """Wrong switches have Kea's exit status 1, and a line that says what is wrong."""
        for switches in (
            (),
            ("-z",),
            ("-c",),
            ("-c", "x", "-p", "0"),
            ("-c", "x", "-p", "65536"),
            ("-c", "x", "-P", "y"),
            ("x",),
        ):
            for command in ("dhcp4", "dhcp6"):
                result = self.run_cli(command, *switches)
                self.assertEqual(result.exit_code, 1, switches)
                self.assertIn("Error", result.output)

    def test_module(self) -> None:
        """python -m txkea is the same as txkea."""
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "txkea", "--version"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        self.assertEqual(done.stdout, f"txkea {__version__}\n")
