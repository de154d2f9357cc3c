"""Statistics of Kea and of txkea, asked for by the same commands."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real.servers import KEA4, KEA6, TXKEA4, TXKEA6, Product, Server
from tests.servicing import told

HOOKS: Final = "/usr/lib/x86_64-linux-gnu/kea/hooks"
CONFIGURATION4: Final = """{ "Dhcp4": {
    "interfaces-config": { "interfaces": [] },
    "control-socket": { "socket-type": "unix", "socket-name": "@SOCKET@" },
    "lease-database": { "type": "memfile", "name": "@DIRECTORY@/leases.csv" },
    "statistic-default-sample-count": 5,
    "hooks-libraries": [ { "library": "@HOOKS@/libdhcp_stat_cmds.so" } ],
    "subnet4": [
        { "id": 1, "subnet": "192.0.2.0/24",
          "pools": [ { "pool": "192.0.2.10 - 192.0.2.20" }, { "pool": "192.0.2.30/31" } ] },
        { "id": 7, "subnet": "198.51.100.0/24" }
    ],
    "shared-networks": [ { "name": "floor", "subnet4": [
        { "id": 11, "subnet": "203.0.113.0/25", "pools": [ { "pool": "203.0.113.10/32" } ] } ] } ],
    "loggers": [
        { "name": "kea-dhcp4", "severity": "INFO", "output_options": [ { "output": "@DIRECTORY@/server.log" } ] } ]
} }"""
CONFIGURATION6: Final = """{ "Dhcp6": {
    "interfaces-config": { "interfaces": [] },
    "control-socket": { "socket-type": "unix", "socket-name": "@SOCKET@" },
    "lease-database": { "type": "memfile", "name": "@DIRECTORY@/leases.csv" },
    "data-directory": "@DIRECTORY@",
    "hooks-libraries": [ { "library": "@HOOKS@/libdhcp_stat_cmds.so" } ],
    "subnet6": [
        { "id": 1, "subnet": "2001:db8:1::/48", "pools": [ { "pool": "2001:db8:1::/120" } ],
          "pd-pools": [ { "prefix": "2001:db8:8::", "prefix-len": 56, "delegated-len": 64 } ] },
        { "id": 7, "subnet": "2001:db8:7::/64" }
    ],
    "loggers": [
        { "name": "kea-dhcp6", "severity": "INFO", "output_options": [ { "output": "@DIRECTORY@/server.log" } ] } ]
} }"""
LEASES: Final = {
    4: "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"
    "192.0.2.10,02:00:00:00:00:01,,4000,4000000000,1,0,0,,0,\n"
    "192.0.2.11,02:00:00:00:00:02,,4000,4000000000,1,0,0,,0,\n"
    "203.0.113.10,02:00:00:00:00:03,,4000,4000000000,11,0,0,,0,\n",
    6: "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,"
    "hostname,hwaddr,state,user_context,hwtype,hwaddr_source\n"
    "2001:db8:1::10,00:03:00:01:02:00:00:00:00:01,4000,4000000000,1,3000,0,1,128,0,0,,,0,,,\n"
    "2001:db8:8:1::,00:03:00:01:02:00:00:00:00:01,4000,4000000000,1,3000,2,1,64,0,0,,,0,,,\n",
}
"""What both servers find at their start."""

LIMITS: Final = {"first-subnet-id": 1, "last-subnet-id": 7}
ALIKE: Final[tuple[tuple[str, Any], ...]] = (
    ("statistic-get", {"name": "pkt{}-received"}),
    ("statistic-get", {"name": "x"}),
    ("statistic-get", {"name": ""}),
    ("statistic-get", {}),
    ("statistic-get", None),
    ("statistic-get", {"name": 3}),
    ("statistic-reset", {"name": "x"}),
    ("statistic-reset", {"name": "pkt{}-received"}),
    ("statistic-sample-count-set", {"name": "x", "max-samples": 3}),
    ("statistic-sample-count-set", {"name": "pkt{}-received", "max-samples": 3}),
    ("statistic-sample-count-set", {"name": "pkt{}-received"}),
    ("statistic-sample-count-set", {"max-samples": 3}),
    ("statistic-sample-count-set-all", {"max-samples": 3}),
    ("statistic-sample-count-set-all", {}),
    ("statistic-sample-age-set", {"name": "pkt{}-received", "duration": 3}),
    ("statistic-sample-age-set", {"name": "pkt{}-received"}),
    ("statistic-sample-age-set-all", {"duration": 0}),
    ("statistic-sample-age-set-all", {}),
    ("stat-lease{}-get", None),
    ("stat-lease{}-get", {"x": []}),
    ("stat-lease{}-get", {"subnet-id": 7}),
    ("stat-lease{}-get", {"subnet-id": 8}),
    ("stat-lease{}-get", {"subnet-range": LIMITS}),
    ("stat-lease{}-get", {"subnet-range": {"first-subnet-id": 3, "last-subnet-id": 4}}),
    ("stat-lease{}-get", {"subnet-range": {"first-subnet-id": 7, "last-subnet-id": 1}}),
    ("stat-lease{}-get", {"subnet-range": LIMITS, "subnet-id": 1}),
    ("statistic-reset-all", {"x": 1}),
    ("statistic-remove", {"name": "x"}),
    ("statistic-remove", {"name": "pkt{}-received"}),
    ("statistic-get", {"name": "pkt{}-received"}),
    ("statistic-remove-all", None),
    ("statistic-get-all", None),
)
"""Commands whose answers are the same, their text too; ``{}`` stands for the family."""

REFUSED: Final[tuple[tuple[str, Any], ...]] = (
    ("statistic-get", []),
    ("statistic-sample-count-set", {"name": "pkt{}-sent", "max-samples": "3"}),
    ("statistic-sample-count-set-all", {"max-samples": 0}),
    ("statistic-sample-age-set", {"name": "pkt{}-sent", "duration": "3"}),
    ("stat-lease{}-get", {"subnet-id": 0}),
    ("stat-lease{}-get", {"subnet-id": "7"}),
    ("stat-lease{}-get", {"subnet-range": {**LIMITS, "first-subnet-id": 0}}),
    ("stat-lease{}-get", {"subnet-range": {"first-subnet-id": 1}}),
    ("stat-lease{}-get", {"subnet-range": []}),
    ("stat-lease{}-get", []),
)
"""Commands that both refuse, each in its own words."""

TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")


class StatisticsTests(SynchronousTestCase):
    """The same configuration and the same leases."""

    def answers(self, product: Product, family: int) -> list[Any]:
        """What a server answers to all commands."""
        directory = Path(self.mktemp()).absolute()
        path = f"{tempfile.mkdtemp()}/socket"  # a short one: sockets have names of 107 bytes at most
        self.addCleanup(rmtree, os.path.dirname(path))
        template = CONFIGURATION4 if family == 4 else CONFIGURATION6
        template = template.replace("@SOCKET@", path).replace("@HOOKS@", HOOKS)
        server = Server(product, template, directory, switches=("-p", f"{20000 + family}"))
        server.leases.write_text(LEASES[family])
        server.start()
        self.addCleanup(server.kill)
        commands = [("statistic-get-all", None), *ALIKE, *REFUSED]
        texts = [{"command": name.format(family), **given(arguments, family)} for name, arguments in commands]
        return [told(path, text) for text in texts]

    def compare(self, kea: Product, ours: Product, family: int) -> None:
        """Answer by answer."""
        (theirs_all, *theirs), (ours_all, *found) = self.answers(kea, family), self.answers(ours, family)
        statistics = ours_all["arguments"]
        for name, samples in theirs_all["arguments"].items():
            self.assertIn(name, statistics)
            self.assertEqual(statistics[name][0][0], samples[0][0], name)
            self.assertRegex(statistics[name][0][1], f"^{TIME.pattern}$")
        for (command, arguments), one, other in zip((*ALIKE, *REFUSED), theirs, found, strict=True):
            case = f"{command} {arguments}: {one} and {other}"
            if (command, arguments) in ALIKE:
                self.assertEqual(timeless(one), timeless(other), case)
            else:
                self.assertEqual((one["result"], other["result"]), (1, 1), case)

    def test_dhcp4(self) -> None:
        """Every statistic of Kea's is there with its value, and the commands answer alike."""
        self.compare(KEA4, TXKEA4, 4)

    def test_dhcp6(self) -> None:
        """The same in DHCPv6."""
        self.compare(KEA6, TXKEA6, 6)


def given(arguments: Any, family: int) -> dict[str, Any]:
    """Arguments for one family."""
    if arguments is None:
        return {}
    if isinstance(arguments, dict) and isinstance(arguments.get("name"), str):
        arguments = {**arguments, "name": arguments["name"].format(family)}
    return {"arguments": arguments}


def timeless(answer: Any) -> Any:
    """An answer without its times."""
    if isinstance(answer, dict):
        return {name: timeless(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [timeless(value) for value in answer]
    return TIME.sub("<time>", answer) if isinstance(answer, str) else answer
