"""A database that is away when the server starts: the tests of ``on-fail``, for each database to be run with."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from tests.real.load4 import Load4
from tests.real.scene_faults import BACK, RELAY, SERVER, OneDatabase
from tests.real.servers import Server
from txkea.backend.parameters import ON_FAIL, STOP
from txkea.testing.namespaces import wait_for

__all__ = ["AwayAtStart"]

NOBODY: Final[Mapping[str, Any]] = {"interfaces_config": {"interfaces": []}}
"""For servers of which several run beside each other."""
FEW: Final[Mapping[str, Any]] = {"max-reconnect-tries": 3, "reconnect-wait-time": 200, "retry-on-startup": True}
MANY: Final[Mapping[str, Any]] = {**FEW, "max-reconnect-tries": 1000}
ENDS: Final = 30.0
"""Seconds that a server may take to end, beside others."""


class AwayAtStart(OneDatabase):
    """A database behind a proxy that refuses all connections, until it does not."""

    def setUp(self) -> None:
        super().setUp()
        self.between.tell(refuse=True)
        self.load = Load4(self.here, RELAY, SERVER, 10, seed=1)
        self.addCleanup(self.load.close)

    def launch(self, policy: Mapping[str, Any], keywords: Mapping[str, Any]) -> Server:
        """A server with such a database, started and not waited for."""
        database = {**self.through(self.between, self.database.parameters()), **policy}
        server = self.server(lease_database=database, **keywords)
        server.launch()
        return server

    def assert_ended(self, server: Server) -> None:
        assert server.process is not None, "it was launched"
        self.assertEqual(1, server.process.wait(ENDS), server.tail())

    def statistic(self, server: Server, name: str) -> int:
        found: int = server.tell("statistic-get", name=name)["arguments"][name][0][0]
        return found

    def leases(self) -> bool:
        """Whether a client gets a lease now."""
        try:
            self.load.lease(1, "10.16.0.5")
        except TimeoutError:
            return False
        return True

    # -- what is promised of each database

    def test_not_waited_for(self) -> None:
        """A server that is not told to wait for its database does not start without, and says what is wrong."""
        servers = [self.launch({"on-fail": on_fail}, NOBODY) for on_fail in ON_FAIL]
        for server in servers:
            self.assert_ended(server)
            self.assertIn("DHCP4_INIT_FAIL", server.tail())
            self.assertIn(str(self.between.port), server.tail())

    def test_waited_for_in_vain(self) -> None:
        """A server whose tries are spent ends, unless it is to go on without; then it is served from the return on."""
        stopping, exiting, going_on = (self.launch({**FEW, "on-fail": on_fail}, NOBODY) for on_fail in ON_FAIL)
        for server in (stopping, exiting):
            self.assert_ended(server)
            self.assertIn("DATABASE_RECONNECT_FAILED", server.tail())
        going_on.await_ready()
        time.sleep(1.0)
        self.assertIn(self.kind, going_on.tell("status-get")["arguments"]["databases-away"][0]["name"])
        self.between.tell(refuse=False)
        wait_for(lambda: "databases-away" not in going_on.tell("status-get")["arguments"], "the database", BACK)

    def test_waited_for(self) -> None:
        """A server that waits tells so, answers nobody, or only commands, and serves when the database is there."""
        for on_fail in ON_FAIL:
            self.between.tell(refuse=True)
            server = self.launch({**MANY, "on-fail": on_fail}, {})
            server.await_ready()
            status = server.tell("status-get")["arguments"]
            self.assertIn(self.kind, status["databases-away"][0]["name"])
            self.assertEqual(on_fail == STOP, status["dhcp-state"]["globally-disabled"], status)
            self.assertRaises(TimeoutError, self.load.lease, 1, "10.16.0.5")
            dropped = self.statistic(server, "pkt4-service-disabled"), self.statistic(server, "pkt4-processing-failed")
            self.assertEqual((1, 0) if on_fail == STOP else (0, 1), dropped)
            self.between.tell(refuse=False)
            wait_for(self.leases, "a lease", BACK, 0.01)
            self.assertFalse(server.tell("status-get")["arguments"]["dhcp-state"]["globally-disabled"])
            self.assertEqual(0, server.stop())
