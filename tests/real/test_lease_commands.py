"""Commands about a hundred thousand leases hold nobody up, and Kea loads what they write."""

from __future__ import annotations

import gc
from collections.abc import Awaitable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import thread_time
from typing import Any, Final

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from tests.configuring import configured, configured6
from tests.real.servers import KEA4, KEA6, Server
from tests.servicing import told
from txkea.control.answer import Answer
from txkea.control.channel import ControlChannel
from txkea.control.files import Directory
from txkea.control.leases import LeaseCommands
from txkea.control.leases_changes import LeaseChanges, LeaseFile
from txkea.control.registry import Registry
from txkea.control.replacements import Replacements
from txkea.control.request import Request
from txkea.control.views import VIEWS
from txkea.exchange.assemble import believe, recount
from txkea.leases.leasefile import ROWS
from txkea.leases.memfile import MemfileLeases
from txkea.model.lease import Lease4, Lease6, LeaseType
from txkea.service import QUIET_COLLECTOR
from txkea.testing.sites import MemoryLogger, memory_site

__all__ = ["ManyLeases4Tests", "ManyLeases6Tests"]

MANY: Final = 100_000
PERMITTED: Final = 0.020
"""Seconds of work in one turn of the reactor (its own, so that neighbours on the machine do not count)."""
PAGE: Final = 10_000
THEN: Final = 1_900_000_000
KEA: Final = """{ "Dhcp%(family)d": {
  "interfaces-config": { "interfaces": [] },
  "lease-database": { "type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0 },
  "control-socket": { "socket-type": "unix", "socket-name": "%(socket)s" },
  "hooks-libraries": [ { "library": "/usr/lib/x86_64-linux-gnu/kea/hooks/libdhcp_lease_cmds.so" } ],
  "subnet%(family)d": [ { "id": 1, "subnet": "%(subnet)s" } ],
  "loggers": [ { "name": "kea-dhcp%(family)d", "severity": "INFO",
                 "output_options": [ { "output": "@DIRECTORY@/server.log" } ] } ] %(more)s } }"""


class Turns:
    """Measures how much work the reactor does in one turn, from one to the next."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._call: Any = None
        self._last = 0.0

    def start(self) -> None:
        """Begin anew."""
        self.longest, self._last = 0.0, thread_time()
        self._call = reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        now = thread_time()
        self.longest, self._last = max(self.longest, now - self._last), now
        self._call = reactor.callLater(0, self._turn)

    def stop(self) -> float:
        """The longest one, in seconds."""
        self._call.cancel()
        return self.longest


class ManyLeases4Tests(TestCase):
    """DHCPv4, with a lease file and a control socket."""

    family = 4
    product = KEA4
    subnet = "10.0.0.0/8"
    more = ""
    first, last = "10.0.0.0", "10.1.134.159"

    def leases(self) -> list[Any]:
        """In the order of their addresses; every tenth has a name."""
        return [
            Lease4(
                (0x0A000000 + number).to_bytes(4, "big"),
                b"\2" + number.to_bytes(5, "big"),
                b"\1\2" + number.to_bytes(5, "big"),
                4000,
                THEN,
                1,
                hostname="" if number % 10 else "a.example",
                state=number % 3,
                user_context="" if number % 7 else '{"x": [1, "y"]}',
            )
            for number in range(MANY)
        ]

    def setUp(self) -> Any:
        return Deferred.fromCoroutine(self.begin())

    async def begin(self) -> None:
        """A store with all leases, and commands about it."""
        make = configured if self.family == 4 else configured6
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        path = self.directory / "mine.csv"
        rows = ROWS[self.family]
        layout = rows.schema.wanted(False)
        row = rows.format(layout.width)
        leases = self.leases()
        path.write_bytes(layout.header + b"".join(map(row, leases)))
        self.log = MemoryLogger()
        store = MemfileLeases(str(path), reactor=reactor, log=self.log, family=self.family, lfc_interval=0)
        await store.open()
        self.addCleanup(store.close)
        site = memory_site(make(**{f"subnet{self.family}": [{"id": 1, "subnet": self.subnet}]}), leases=store)
        recount(site, await store.counts())
        believe(site, leases)
        self.site = site
        view = VIEWS[self.family]
        changes = LeaseChanges(
            lambda: site,
            view,
            Replacements(lambda: site),
            files=Directory(str(self.directory), deferToThread),
            form=LeaseFile(layout.header, row),
            reactor=reactor,
        )
        sockets = TemporaryDirectory()  # a socket's path is short
        self.addCleanup(sockets.cleanup)
        self.sockets = Path(sockets.name)
        self.socket = str(self.sockets / "ours")
        self.registry = Registry(self.log, [LeaseCommands(lambda: site, view), changes])
        channel = ControlChannel(reactor, self.socket, self.registry, self.log)
        channel.open()
        self.addCleanup(channel.close)
        self.turns = Turns()
        thresholds = gc.get_threshold()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*QUIET_COLLECTOR)
        self.addCleanup(gc.set_threshold, *thresholds)
        self.addCleanup(gc.unfreeze)

    async def ask(self, what: str, **arguments: Any) -> Any:
        """What a command is answered; while it is, no turn of the reactor may be long."""
        request = {"command": f"lease{self.family}-{what}", **({"arguments": arguments} if arguments else {})}
        return await self.unhurried(deferToThread(told, self.socket, request))

    async def unhurried(self, waiting: Awaitable[Any]) -> Any:
        """What something gives; while it is waited for, no turn of the reactor may be long."""
        self.turns.start()
        gave = await waiting
        self.assertLess(self.turns.stop(), PERMITTED)
        return gave

    async def test_listing(self) -> None:
        """All leases, a page of all, those of a name and those in a state arrive, and nobody waits for it."""
        answer = await self.ask("get-all")
        leases = answer["arguments"]["leases"]
        self.assertEqual(
            (len(leases), leases[0]["ip-address"], leases[-1]["ip-address"]), (MANY, self.first, self.last)
        )
        answer = await self.ask("get-page", **{"from": "start", "limit": MANY})
        self.assertEqual(answer["arguments"]["count"], MANY)
        self.assertEqual(answer["arguments"]["leases"], leases)
        answer = await self.ask("get-by-hostname", hostname="A.example")
        self.assertEqual(len(answer["arguments"]["leases"]), MANY // 10)
        answer = await self.ask("get-by-state", state=1)
        self.assertEqual(len(answer["arguments"]["leases"]), MANY // 3)

    async def test_write(self) -> None:
        """Kea loads the file of all leases, complains about no row, and shows the same leases."""
        await self.ask("write", filename="theirs.csv")
        socket = str(self.sockets / "theirs")
        filled = KEA % {"family": self.family, "subnet": self.subnet, "more": self.more, "socket": socket}
        kea = Server(self.product, filled, self.directory / "kea", switches=("-p", "16767"))
        (self.directory / "theirs.csv").rename(kea.leases)
        self.addCleanup(kea.close)
        await deferToThread(kea.start)
        ours = (await self.ask("get-all"))["arguments"]["leases"]
        theirs: list[Any] = []
        while len(theirs) < MANY:  # Kea takes longer than its clients wait for all of them at once
            after = {"from": theirs[-1]["ip-address"] if theirs else "start", "limit": PAGE}
            page = {"command": f"lease{self.family}-get-page", "arguments": after}
            theirs += (await deferToThread(told, socket, page))["arguments"]["leases"]
        different = [pair for pair in zip(theirs, ours, strict=True) if pair[0] != pair[1]]
        self.assertEqual(different[:1], [])
        self.assertNotRegex(kea.log.read_text(errors="replace"), "ROW_ERROR|LEASE_LOAD_ERROR|FAIL")

    async def test_wipe(self) -> None:
        """All leases are deleted, and the deletions are in the lease file when that is said."""
        answer = await self.ask("wipe")
        self.assertEqual(answer["text"], f"Deleted {MANY} IPv{self.family} lease(s) from subnet(s) 1")
        self.assertEqual((await self.ask("get-all"))["result"], 3)
        self.assertEqual({name for name, value in self.site.statistics.items() if value and "assigned" in name}, set())
        found: dict[bytes, Any] = {}
        rows = (self.directory / "mine.csv").read_bytes().splitlines()[1:]
        self.assertEqual(len(rows), 2 * MANY)
        for line in rows:
            found[line.split(b",")[0]] = line.split(b",")[ROWS[self.family].lifetimes[0]]
        self.assertEqual(set(found.values()), {b"0"})


class ManyLeases6Tests(ManyLeases4Tests):
    """The same for DHCPv6, with prefixes among the leases, and many changes at once."""

    family = 6
    product = KEA6
    subnet = "2001:db8::/32"
    more = ', "server-id": { "type": "EN", "enterprise-id": 1, "identifier": "0102", "persist": false }'
    first, last = "2001:db8::", "3001:db8:1:869f::"

    def leases(self) -> list[Any]:
        """The same; every second one is a prefix."""
        found = []
        for number in range(MANY):
            kind, network, length = (LeaseType.PD, 0x30010DB8, 64) if number % 2 else (LeaseType.NA, 0x20010DB8, 128)
            place = number << 64 if number % 2 else number
            found.append(
                Lease6(
                    (network << 96 | place).to_bytes(16, "big"),
                    b"\2" + number.to_bytes(5, "big"),
                    b"\0\3\0\1\2" + number.to_bytes(5, "big"),
                    4000,
                    THEN,
                    1,
                    hostname="" if number % 10 else "a.example",
                    state=number % 3,
                    user_context="" if number % 7 else '{"x": [1, "y"]}',
                    type=int(kind),
                    iaid=number,
                    prefix_length=length,
                    preferred_lifetime=3000,
                    hwtype=1,
                )
            )
        return sorted(found)

    async def test_bulk_apply(self) -> None:
        """Many leases are deleted, and others added, by one command."""
        gone = [{"ip-address": f"2001:db8::{number:x}"} for number in range(0, 50_000, 2)]
        new = [
            {"ip-address": f"2001:db8:1::{number:x}", "duid": f"00:01:{number % 256:02x}", "iaid": number}
            for number in range(25_000)
        ]
        request = Request("lease6-bulk-apply", {"deleted-leases": gone, "leases": new})
        answer = await self.unhurried(self.registry.run(request))
        self.assertEqual(answer, Answer(0, "Bulk apply of 50000 IPv6 leases completed."))
        self.assertEqual(len((await self.ask("get-all"))["arguments"]["leases"]), MANY)
