"""A server over a database that stops, hangs, dies and is cut off under load: what is done, and what must hold."""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real import holding
from tests.real.databases import MariaDB, Postgres
from tests.real.load4 import Load4
from tests.real.packets import chaddr
from tests.real.proxies import Proxy
from tests.real.redis import Redis
from tests.real.servers import TXKEA4, Server
from txkea.testing.namespaces import Lab, Port, requires_root

__all__ = ["DATABASES", "FROZEN", "TIMES", "Faulty", "Scene"]

TIMES: Final = int(os.environ.get("TXKEA_TEST_FAULTS", "1"))
"""How often each fault happens; the goal is told for 20."""
FROZEN: Final = float(os.environ.get("TXKEA_TEST_FROZEN", "6"))
"""Seconds for which a database hangs; the goal is told for 20."""
DATABASES: Final[Mapping[str, Any]] = {"postgresql": Postgres, "mysql": MariaDB, "redis": Redis}
SERVER, RELAY = "10.0.0.1", "10.0.0.2"
CLIENTS: Final = 1500
BACK: Final = 2.0
"""Seconds after the database's return in which clients are served again."""
HELD: Final = 0.05
"""Seconds for which the reactor may be held."""
PATIENCE: Final = 20.0
SLACK: Final = 2.0
"""Seconds between the time of a lease in the database, in whole seconds, and that of its acknowledgement."""


class Scene(SynchronousTestCase):
    """A network for a server, in which proxies to databases listen, and one for clients behind a relay."""

    skip = requires_root()
    timeout = 1800

    def setUp(self) -> None:
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.there, self.here = self.lab.namespace("server"), self.lab.namespace("clients")
        self.lab.veth(Port(self.there, "eth0", [f"{SERVER}/8"]), Port(self.here, "eth0", [f"{RELAY}/8"]))

    def proxy(self, kind: str, port: int) -> Proxy:
        """The only way from the server's network to a database."""
        proxy = Proxy(kind, port, self.there)
        self.addCleanup(proxy.close)
        return proxy

    def server(self, **keywords: Any) -> Server:
        """A server, not yet started; ``keywords`` are those of ``Dhcp4``, an underscore being a hyphen."""
        tree = {
            "interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "udp"},
            "control-socket": {"socket-type": "unix", "socket-name": "@DIRECTORY@/control"},
            "hooks-libraries": [{"library": holding.LIBRARY}],
            "valid-lifetime": 4000,
            "cache-threshold": 0.0,
            "subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.16.0.0/16"}]}],
            "loggers": [
                {"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
                {"name": "kea-dhcp4.leases", "severity": "WARN"},
            ],
            **{name.replace("_", "-"): value for name, value in keywords.items()},
        }
        directory = tempfile.mkdtemp(prefix="txkea-", dir="/tmp")  # short, for the UNIX socket's sake
        self.addCleanup(shutil.rmtree, directory)
        server = Server(TXKEA4, json.dumps({"Dhcp4": tree}), Path(directory), self.there)
        self.addCleanup(server.close)
        return server


class Faulty(Scene):
    """A server over one database, and what may befall that."""

    kind = ""
    """Of `DATABASES`."""

    def setUp(self) -> None:
        super().setUp()
        self.database = DATABASES[self.kind].launch()
        self.database.fresh()
        self.between = self.proxy(self.kind, self.database.port)
        self.served = self.server(lease_database=self.parameters())
        self.load = Load4(self.here, RELAY, SERVER, CLIENTS, seed=7)
        self.addCleanup(self.load.close)
        self.chance = random.Random(11)
        self.threads = ThreadPoolExecutor(1)
        self.addCleanup(self.threads.shutdown)
        self.held: list[float] = []
        self.away: list[float] = []
        """How long clients still had to wait, each time that the database was back."""

    def parameters(self) -> dict[str, Any]:
        """Those of the lease database."""
        return {**self.database.parameters(), "host": self.between.host, "port": self.between.port}

    def begin(self) -> None:
        """Start, and have leases."""
        self.start()
        self.load.run(1.0)
        self.assertGreater(self.load.history.grants, 50, self.served.tail())

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
            if row is None or row["hw-address"] != chaddr(grant.holder).hex(":") or row["state"]:
                wrong.append(f"{grant} has no lease in the database: {row}")
            elif row["cltt"] < grant.at + elapsed - SLACK:
                wrong.append(f"{grant} is {grant.at + elapsed - row['cltt']:.1f} s newer than {row}")
        self.assertEqual([], wrong[:20], f"{len(wrong)} of {len(self.load.history.leases)}\n{self.served.tail()}")

    def finish(self, what: str) -> None:
        """Judge once more when nothing is left in the server's memory, and measure."""
        load, history = self.load, self.load.history
        self.served.kill()
        load.forget_queries()
        self.start()
        self.judge()
        owners = load.owners()
        renewed = load.renew(self.chance.sample(owners, min(300, len(owners))))
        self.assertEqual([], history.violations[:20])
        held, away = max(self.held, default=0.0), max(self.away, default=0.0)
        sys.stderr.write(
            f"\n{self.kind} {what}: {len(self.away)} times, {load.queries} queries, {history.grants} grants, "
            f"{len(history.leases)} leases in the end, {renewed} renewed; back after at most {away:.2f} s, "
            f"reactor held for at most {held * 1000:.0f} ms\n"
        )
        self.assertLess(away, BACK)
        self.assertLess(held, HELD, sorted(self.held)[-10:])
