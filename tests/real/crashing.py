"""A server that is killed under load, whatever its family: what is done to it, and what is asked of it."""

from __future__ import annotations

import json
import os
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real.load import Load
from tests.real.servers import Product, Server
from txkea.testing.namespaces import Lab, Port, wait_for

__all__ = ["KILLS", "Crashing"]

KILLS: Final = int(os.environ.get("TXKEA_TEST_KILLS", "100"))
CLIENTS: Final = 4000
SAMPLE: Final = 25
BUDGET: Final = 330.0
"""Seconds for all kills together."""


class Crashing(SynchronousTestCase):
    """A server and a relay with clients behind it; `crash`, `cleanup` and `torn_row` are what tests promise."""

    server_address = ""
    relay_address = ""
    """Both with the length of the link's prefix."""
    load_kind: type[Load[Any]]
    listens = "eth0"
    """The interface, and its address where that must be told."""
    daemon = ""
    """Such as ``kea-dhcp4``."""
    keyword = ""
    """Of the configuration, such as ``Dhcp4``."""
    served: dict[str, Any]
    """The subnets."""
    torn = ""
    """A lease file whose last row is torn."""

    def setUp(self) -> None:
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.there, self.here = self.lab.namespace("server"), self.lab.namespace("clients")
        self.lab.veth(Port(self.there, "eth0", [self.server_address]), Port(self.here, "eth0", [self.relay_address]))

    def configuration(self, **more: Any) -> str:
        """A configuration for many short runs; ``more`` is said about the lease file."""
        tree: dict[str, Any] = {
            "interfaces-config": {"interfaces": [self.listens]},
            "multi-threading": {"enable-multi-threading": False},
            "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0, **more},
            "valid-lifetime": 4000,
            "loggers": [
                {"name": self.daemon, "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
                {"name": f"{self.daemon}.leases", "severity": "WARN"},
            ],
            **self.served,
        }
        return json.dumps({self.keyword: tree})

    def server(self, product: Product, template: str) -> Server:
        server = Server(product, template, Path(self.mktemp()), self.there)
        self.addCleanup(server.close)
        return server

    def load(self, clients: int = CLIENTS) -> Any:
        local, server = (each.partition("/")[0] for each in (self.relay_address, self.server_address))
        load = self.load_kind(self.here, local, server, clients, seed=20)
        self.addCleanup(load.close)
        return load

    def crash(
        self,
        server: Server,
        load: Load[Any],
        kills: int = KILLS,
        restart: Callable[[Server], object] = Server.start,
        life: tuple[float, float] = (0.01, 0.25),
    ) -> None:
        """Kill and restart under load; a sample renews after each restart, everybody at the end.

        ``life`` is between how many seconds the server lives each time.
        """
        chance, began, starting, done, renewed = random.Random(5), time.monotonic(), 0.0, 0, 0
        server.start()
        load.run(1.0)
        while done < kills and time.monotonic() - began < BUDGET:
            load.run(chance.uniform(*life))
            server.check()
            server.kill()
            load.forget_queries()
            at = time.monotonic()
            restart(server)
            starting += time.monotonic() - at
            owners = load.owners()
            renewed += load.renew(chance.sample(owners, min(SAMPLE, len(owners))))
            done += 1
            self.assertFalse(load.history.violations, f"after kill {done}:\n" + "\n".join(load.history.violations[:20]))
        renewed += load.renew(load.owners())
        self.assertFalse(load.history.violations, "\n".join(load.history.violations[:20]))
        history = load.history
        sys.stderr.write(
            f"\n{server.product.name}: {done} kills in {time.monotonic() - began:.0f} s, {load.queries} queries, "
            f"{history.grants} grants, {history.given_back} given back, {renewed} renewals probed, "
            f"{len(history.leases)} leases at the end, {starting / max(done, 1):.2f} s per start\n"
        )
        self.assertEqual(kills, done, f"only {done} kills within {BUDGET} s")
        self.assertGreater(history.grants, kills * 20)

    def cleanup(self, product: Product) -> None:
        """Kill and restart while lease files are cleaned up every second."""

        def restart(server: Server) -> None:
            # a clean-up that outlives its server ends soon, and until then no other may begin (Kea E023)
            wait_for(lambda: not server.cleaning(), "the clean-up to end", 20)
            server.start()

        server = self.server(product, self.configuration(**{"lfc-interval": 1}))
        self.crash(server, self.load(500), max(KILLS // 10, 5), restart, (0.9, 1.2))
        self.assertTrue(list(server.directory.glob("leases.csv.*")), "no clean-up ever ran")

    def lose(self, product: Product) -> list[str]:
        """What is violated when the lease file is emptied between kill and restart."""
        server, load = self.server(product, self.configuration()), self.load(50)
        server.start()
        load.run(0.5)
        server.kill()
        load.forget_queries()
        server.leases.unlink()
        server.start()
        load.run(1.0)
        load.renew(load.owners())
        return list(load.history.violations)

    def torn_row(self, product: Product) -> list[str]:
        """What is violated when a start finds a torn last row, a client leases, the server is killed, another asks."""
        server, load = self.server(product, self.configuration()), self.load()
        server.leases.write_text(self.torn)
        server.start()
        had = self.take(load, 1, None)
        server.kill()
        server.start()
        self.take(load, 2, had)
        return list(load.history.violations)

    def take(self, load: Any, client: int, wanted: Any) -> Any:
        """Have a client lease what is wanted, or None for something of the test's choice; gives what it got."""
        raise NotImplementedError
