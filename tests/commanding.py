"""What the tests of commands about leases share: a site of either family in memory, and its commands."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any, Final

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import configured, configured6
from tests.leasing import begin, outcome_of
from txkea.control.answer import encode
from txkea.control.files import Directory
from txkea.control.leases import LeaseCommands
from txkea.control.leases_changes import LeaseChanges, LeaseFile
from txkea.control.registry import Registry
from txkea.control.replacements import Replacements
from txkea.control.request import Request
from txkea.control.views import VIEWS
from txkea.leases.leasefile import ROWS
from txkea.model.configuration import Configuration
from txkea.model.lease import Lease4, Lease6, LeaseState, LeaseType
from txkea.testing.sites import MemoryLogger, memory_site

__all__ = [
    "NOW", "ONE4", "ONE6", "PREFIX", "PREFIX6", "TWO4", "V6", "WHOLE4", "WHOLE6", "WRONG", "LeaseCase",
]  # fmt: skip

NOW: Final = 1_000_000_000
V6: Final = b"\x20\x01\x0d\xb8"
ONE4: Final = Lease4(bytes((192, 0, 2, 1)), bytes.fromhex("02000000aa01"), b"", 4000, NOW + 4000, 1)
TWO4: Final = Lease4(
    bytes((192, 0, 2, 2)), b"\2\2", b"\1\2\3", 60, NOW + 60, 2, True, True, "a.example", 0, '{"x": 1}', 5
)
ONE6: Final = Lease6(
    V6 + bytes(11) + b"\1",
    bytes.fromhex("02000000aa01"),
    b"\0\1\2\3\4",
    4000,
    NOW + 4000,
    1,
    iaid=7,
    preferred_lifetime=3000,
)
PREFIX6: Final = ONE6._replace(
    address=V6 + b"\0\1" + bytes(10), hwaddr=b"", type=LeaseType.PD, prefix_length=56, state=LeaseState.RECLAIMED
)
WRONG: Final[tuple[Any, ...]] = (None, True, "x", "", 0.5, -1, 1 << 64, [], {}, ["1"], {"a": 1})
"""Some of each type."""
WHOLE4: Final = {"ip_address": "192.0.2.10", "hw_address": "02:00:00:00:aa:01"}
WHOLE6: Final = {"ip_address": "2001:db8::10", "duid": "00:01:02:03:04", "iaid": 7}
PREFIX: Final = {**WHOLE6, "ip_address": "3001:db8:0:100::", "type": "IA_PD", "prefix_len": 56, "subnet_id": 1}
"""Arguments that enter a lease, with ``_`` for ``-``."""
KEPT: Final = [{"name": "kept"}]


def configuration(family: int) -> Configuration:
    """Two subnets with pools; the second one is only for some clients, and has shorter lifetimes."""
    if family == 4:
        return configured(
            valid_lifetime=7000,
            client_classes=KEPT,
            subnet4=[
                {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10-192.0.2.20"}]},
                {
                    "id": 2,
                    "subnet": "198.51.100.0/24",
                    "pools": [{"pool": "198.51.100.0/28", "pool-id": 3}, {"pool": "198.51.100.16/28", "pool-id": 4}],
                    "valid-lifetime": 1234,
                    "client-classes": ["kept"],
                },
            ],
        )
    return configured6(
        valid_lifetime=7000,
        preferred_lifetime=5000,
        client_classes=KEPT,
        subnet6=[
            {
                "id": 1,
                "subnet": "2001:db8::/48",
                "pools": [{"pool": "2001:db8::10-2001:db8::20"}],
                "pd-pools": [{"prefix": "3001:db8::", "prefix-len": 48, "delegated-len": 56}],
            },
            {
                "id": 2,
                "subnet": "2001:db8:2::/48",
                "pools": [{"pool": "2001:db8:2::/120"}],
                "valid-lifetime": 1234,
                "preferred-lifetime": 600,
                "client-classes": ["kept"],
            },
        ],
    )


CONFIGURATIONS: Final = {family: configuration(family) for family in VIEWS}


async def here(call: Any, *arguments: Any) -> Any:
    """No thread."""
    return call(*arguments)


class LeaseCase(SynchronousTestCase):
    """Commands about leases of one family; what both families promise is tested with both."""

    family = 4

    def setUp(self) -> None:
        self.build()

    def build(self) -> None:
        """A site without leases, and its commands."""
        self.clock = Clock()
        self.clock.advance(NOW + 0.5)
        self.site = memory_site(CONFIGURATIONS[self.family])
        self.leases: Any = self.site.leases
        self.changes: list[tuple[Any, Any]] = []
        self.replaced = Replacements(lambda: self.site)
        self.log = MemoryLogger()
        self.directory = self.mktemp()
        rows = ROWS[self.family]
        layout = rows.schema.newest
        files = Directory(self.directory, here, ["kea-leases4.csv"])
        form = LeaseFile(layout.header, rows.format(layout.width))
        view = VIEWS[self.family]
        self.providers = (
            LeaseCommands(lambda: self.site, view),
            LeaseChanges(lambda: self.site, view, self.changed, files=files, form=form, reactor=self.clock),
        )
        self.registry = Registry(self.log, self.providers)

    def changed(self, lease: Any, was: Any, partner: bool) -> None:
        """As the server has it."""
        self.changes.append((lease, was))
        self.replaced(lease, was, partner)

    # -- asking

    def ask(self, command: str, arguments: Any = None) -> Any:
        """The answer as a client sees it; turns of the reactor pass as they are wanted."""

        async def answer() -> str:
            return "".join([piece async for piece in encode(await self.registry.run(Request(command, arguments)))])

        outcome = begin(answer())
        while not outcome:
            self.assertTrue(self.clock.getDelayedCalls(), "it waits for nothing that will come")
            self.clock.advance(0)
        return json.loads(outcome_of(outcome))

    def lease(self, what: str, **arguments: Any) -> Any:
        """What a command about leases answers; ``_`` stands for ``-``."""
        named = {name.rstrip("_").replace("_", "-"): value for name, value in arguments.items()}
        return self.ask(f"lease{self.family}-{what}", named or None)

    def done(self, what: str, **arguments: Any) -> Any:
        """The same for what succeeds."""
        answer = self.lease(what, **arguments)
        self.assertEqual(answer["result"], 0, (what, arguments, answer))
        return answer

    def refused(self, what: str, **arguments: Any) -> str:
        """The text of a command that is refused on purpose; the leases are as they were."""
        return self._refused(1, what, arguments)

    def conflicts(self, what: str, **arguments: Any) -> str:
        """The text of a command that does not go with what there is; the leases are as they were."""
        return self._refused(4, what, arguments)

    def _refused(self, result: int, what: str, arguments: dict[str, Any]) -> str:
        before = list(self.leases.table)
        answer = self.lease(what, **arguments)
        self.assertEqual(answer["result"], result, (what, arguments, answer))
        self.assertNotIn("failed inside the server", answer["text"])
        self.assertEqual(list(self.leases.table), before)
        text: str = answer["text"]
        return text

    def addresses(self, answer: Any) -> list[str]:
        """The addresses of the leases in an answer."""
        return [lease["ip-address"] for lease in answer["arguments"]["leases"]]

    # -- leases

    def fill(self, *leases: Lease4 | Lease6) -> None:
        """Leases in the store that nobody counts."""
        for lease in leases:
            self.assertTrue(self.leases.table.add(lease), lease)

    def one(self) -> Any:
        """A lease of subnet 1."""
        return ONE4 if self.family == 4 else ONE6

    def at(self, number: int, subnet_id: int) -> Any:
        """A lease of another address, which grows with the number."""
        if self.family == 4:
            return ONE4._replace(address=bytes((10, 0)) + number.to_bytes(2, "big"), subnet_id=subnet_id)
        return ONE6._replace(address=V6 + (number << 64).to_bytes(12, "big"), subnet_id=subnet_id)

    def text(self, lease: Any) -> str:
        """The address of a lease."""
        return str(ip_address(lease.address))
