"""What may befall a database under load, and what must hold: the tests, for each database to be run with."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final

from tests.real.load4 import Load4
from tests.real.packets import chaddr
from tests.real.proxies import AFTER, BEFORE
from tests.real.scene_faults import BACK, HELD, RELAY, SERVER, TIMES, OneDatabase
from txkea.testing.namespaces import wait_for

__all__ = ["Faulty", "Victim"]

FROZEN: Final = float(os.environ.get("TXKEA_TEST_FROZEN", "6"))
"""Seconds for which a database hangs; the goal is told for 20."""
CLIENTS: Final = 1500
ENOUGH: Final = 100
"""Leases, before anything goes wrong."""
PATIENCE: Final = 60.0
"""Seconds after which it is not worth while to wait any longer."""
SLACK: Final = 2.0
"""Seconds between the time of a lease in the database, in whole seconds, and that of its acknowledgement."""


class Victim(OneDatabase):
    """A server over one database, and what may befall that."""

    def setUp(self) -> None:
        super().setUp()
        self.served = self.server(lease_database=self.parameters())
        self.load = Load4(self.here, RELAY, SERVER, CLIENTS, seed=7)
        self.addCleanup(self.load.close)
        self.chance = random.Random(11)
        self.threads = ThreadPoolExecutor(1)
        self.addCleanup(self.threads.shutdown)
        self.held: list[float] = []
        self.away: list[float] = []
        """How long clients still had to wait, each time that the database was back."""
        self.late: list[str] = []
        """What took too long."""

    def parameters(self) -> dict[str, Any]:
        """Those of the lease database."""
        return self.through(self.between, self.database.parameters())

    def begin(self) -> None:
        """Start, and have leases."""
        self.start()
        began = time.monotonic()
        while self.load.history.grants < ENOUGH:
            self.assertLess(time.monotonic() - began, PATIENCE, self.served.tail())
            self.load.run(0.5)

    def start(self) -> None:
        """Start the server; for how long it holds its reactor meanwhile is nobody's business."""
        self.served.start()
        self.served.tell("holding-get")

    def suffer(self, hurt: Callable[[], object], heal: Callable[[], object], seconds: float) -> None:
        """Have something go wrong under load, right again after ``seconds``, and look what became of the leases."""
        self.load.run(self.chance.uniform(0.2, 0.6))
        self.meanwhile(hurt)
        self.load.run(seconds)
        self.meanwhile(heal)
        self.await_service()
        self.judge()

    def meanwhile(self, call: Callable[[], object]) -> None:
        """Do something while clients go on."""
        doing = self.threads.submit(call)
        while not doing.done():
            self.load.run(0.02)
        doing.result()

    def await_service(self) -> None:
        """Let clients go on until one has an acknowledgement."""
        began, grants = time.monotonic(), self.load.history.grants
        while self.load.history.grants == grants:
            self.assertLess(time.monotonic() - began, PATIENCE, f"nobody is served\n{self.served.tail()}")
            self.served.check()
            self.load.run(0.02)
        self.away.append(time.monotonic() - began)
        if self.away[-1] >= BACK:
            told = [line for line in self.served.log.read_text().splitlines() if "DATABASE_" in line][-8:]
            self.late.append("\n".join([f"{time.strftime('%X')}: nobody was served for {self.away[-1]:.2f} s", *told]))

    def judge(self) -> None:
        """Every client's lease is in the database, as it was acknowledged; nobody shares an address."""
        time.sleep(0.5)
        self.load.forget_queries()
        self.held += self.served.tell("holding-get")["arguments"]["longest"]
        answer = self.served.tell("lease4-get-all")
        rows = {row["ip-address"]: row for row in answer.get("arguments", {}).get("leases", ())}
        elapsed = time.time() - time.monotonic()
        wrong = [*self.load.history.violations]
        for grant in self.load.history.leases.values():
            row = rows.get(grant.resource)
            if row is None or row["hw-address"] != chaddr(self.load.client_of(grant.holder)).hex(":") or row["state"]:
                wrong.append(f"{grant} has no lease in the database: {row}")
            elif row["cltt"] < grant.at + elapsed - SLACK:
                wrong.append(f"{grant} is {grant.at + elapsed - row['cltt']:.1f} s newer than {row}")
        self.assertEqual([], wrong[:20], f"{len(wrong)} of {len(self.load.history.leases)}\n{self.served.tail()}")

    def finish(self) -> None:
        """Judge once more when nothing is left in the server's memory; everybody keeps what he has."""
        self.served.kill()
        self.load.forget_queries()
        self.start()
        self.judge()
        owners = self.load.owners()
        sample = self.chance.sample(owners, min(300, len(owners)))
        self.assertEqual(len(sample), self.load.renew(sample))
        self.assertEqual([], self.load.history.violations[:20])
        self.assertEqual([], self.late, "\n".join(self.late))

    def measure(self, what: str) -> None:
        """Tell how long clients waited and the reactor was held."""
        held, away, history = max(self.held, default=0.0), max(self.away), self.load.history
        sys.stderr.write(
            f"\n{self.kind} {what}: {len(self.away)} times, {self.load.queries} queries and {history.grants} grants so "
            f"far; served again after at most {away:.2f} s, reactor held for at most {held * 1000:.0f} ms\n"
        )
        if held >= HELD:
            self.late.append(f"{what}: the reactor was held for {held:.3f} s")
        self.held.clear()
        self.away.clear()


class Faulty(Victim):
    """The tests."""

    def test_faults(self) -> None:
        """Stopped, killed, cut off at commits, hung: nothing acknowledged is lost, and clients are soon served again.

        A database that hangs is away within 5 s, as the status tells.
        """
        self.addCleanup(self.database.thaw)
        self.begin()
        for what, suffered in (
            ("stopped in order", lambda: self.suffer(self.database.stop, self.database.start, 0.5)),
            ("killed in the middle", lambda: self.suffer(self.database.kill, self.database.start, 0.0)),
            ("cut before a commit", lambda: self.suffer(partial(self.cut, BEFORE), lambda: None, 0.3)),
            ("cut before its answer", lambda: self.suffer(partial(self.cut, AFTER), lambda: None, 0.3)),
            ("hung", lambda: self.suffer(self.database.freeze, self.thaw, FROZEN)),
        ):
            for _ in range(TIMES):
                suffered()
            self.measure(what)
        self.finish()

    def cut(self, where: str) -> None:
        cuts = self.between.tell().cuts
        self.between.tell(cut=where)
        wait_for(lambda: self.between.tell().cuts > cuts, "a commit")

    def thaw(self) -> None:
        shown = self.served.tell("status-get")["arguments"]["databases-away"]
        self.assertIn(self.kind, shown[0]["name"])
        self.database.thaw()
