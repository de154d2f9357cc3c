"""Two servers over one store and one pool, under load, of which one is killed again and again."""

from __future__ import annotations

import os
import random
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from tests.real.load import Waiting
from tests.real.load4 import Load4
from tests.real.packets import NAK, Answer, chaddr, text
from tests.real.scene_faults import DATABASES, RELAY, Scene
from tests.real.servers import Server
from txkea.testing.namespaces import Namespace, Port, wait_for

__all__ = ["Sharing"]

SECONDS: Final = float(os.environ.get("TXKEA_TEST_SHARING", "12"))
"""Of load; the goal is told for 60 and more."""
LIFE: Final = 10.0 if SECONDS >= 60 else 4.0
"""Seconds from one kill to the next."""
SERVERS: Final = ("10.0.0.1", "10.0.0.3")
POOL: Final = "10.16.0.0/21"
ADDRESSES: Final = 2048
CLIENTS: Final = 2200
"""Of whom five sixths have a lease at a time, so that the pool stays below nine tenths."""
MOST: Final = 0.02
"""Conflicts of each write."""
OPTION_SERVER: Final = 54
DRAINING: Final = 5
"""More steps than an exchange takes."""


class LoadOnAll(Load4):
    """Clients who ask any of several servers, and take an offer from the one that made it."""

    def __init__(self, namespace: Namespace, servers: Sequence[str], clients: int, seed: int) -> None:
        super().__init__(namespace, RELAY, servers[0], clients, seed)
        self._servers = servers
        self._bound: dict[int, str] = {}
        """The server that a client asked last, until it has answered.

        Another server might be faster, and what the client gets there be ended by its own old message.
        """
        self.forestalled = 0
        """Clients who were refused what they had been offered."""

    def begin(self, client: int) -> None:
        self._choose(client)
        super().begin(client)

    def renewal(self, client: int, claims: Any) -> int:
        self._choose(client)
        return super().renewal(client, claims)

    def drain(self) -> None:
        """Wait until each server has done all that it was asked: what is renewed several times in a row comes last."""
        self.forget_queries()
        client = self.owners()[0]
        for server in self._servers:
            for _ in range(DRAINING):
                self._bound[client] = server
                wait_for(lambda: self.await_answer(self.renewal(client, self.claims(client))), "an answer", 20.0)

    def _choose(self, client: int) -> None:
        self.server = self._bound.setdefault(client, self.random.choice(self._servers))

    def answered(self, waiting: Waiting, answer: Answer, now: float) -> None:
        self.server = text(answer.options[OPTION_SERVER])
        if self._bound.get(waiting.client) == self.server:
            del self._bound[waiting.client]
        self.forestalled += answer.type == NAK and waiting.kind == "request"
        super().answered(waiting, answer, now)


class Sharing(Scene):
    """The tests, for each store to be run with."""

    kind = ""
    """Of `DATABASES`."""

    def setUp(self) -> None:
        super().setUp()
        self.places = [self.there, self.lab.namespace("server2")]
        switch = self.lab.namespace("switch")
        ends = [Port(place, "eth1", [f"{address}/8"]) for place, address in zip(self.places, SERVERS, strict=True)]
        self.here = self.lab.namespace("relay")
        self.lab.bridge(switch, [*ends, Port(self.here, "eth0", [f"{RELAY}/8"])])
        for namespace in (*self.places, self.here):
            namespace.wait_for_addresses()
        self.database = DATABASES[self.kind].launch()
        self.database.fresh()

    def servers(self, **keywords: Any) -> list[Server]:
        """Both, started."""
        found = []
        for place in self.places:
            between = self.proxy(self.kind, self.database.port, place)
            pools = [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": POOL}]}]
            server = self.server(
                place,
                lease_database=self.through(between, self.database.parameters()),
                interfaces_config={"interfaces": ["eth1"], "dhcp-socket-type": "udp"},
                subnet4=pools,
                decline_probation_period=5,  # or declined addresses would fill the pool in a long run
                **keywords,
            )
            server.start()
            found.append(server)
        return found

    def load(self, clients: int = CLIENTS) -> LoadOnAll:
        load = LoadOnAll(self.here, SERVERS, clients, seed=3)
        self.addCleanup(load.close)
        return load

    # -- what is promised

    def test_killed_in_turns(self) -> None:
        """No address twice, no acknowledgement lost, hardly a conflict, and both count what there is."""
        servers, load = self.servers(), self.load()
        began, kills, conflicts, writes = time.monotonic(), 0, 0, 0
        while time.monotonic() - began < SECONDS:
            load.run(LIFE)
            victim = servers[kills % 2]
            victim.check()
            there = self.counted(victim)
            victim.kill()
            conflicts, writes = conflicts + there[0], writes + there[1]
            load.run(0.5)
            victim.start()
            kills += 1
            self.assertEqual([], load.history.violations[:10], f"after kill {kills}")
        load.run(1.0)
        for server in servers:
            there = self.counted(server)
            conflicts, writes = conflicts + there[0], writes + there[1]
        self.finish(servers, load)
        took, held = time.monotonic() - began, len(load.history.leases)
        sys.stderr.write(
            f"\n{self.kind}: {kills} kills in {took:.0f} s, {load.queries} queries, {load.history.grants} grants, "
            f"{held} leases at the end of {ADDRESSES} addresses; {conflicts} conflicts in {writes} writes, "
            f"{load.forestalled} clients refused what they were offered\n"
        )
        self.assertGreater(load.history.grants, 500)
        self.assertLessEqual(max(conflicts, load.forestalled), MOST * writes)

    def counted(self, server: Server) -> tuple[int, int]:
        """Conflicts and acknowledgements of a server since its start."""
        names = ("lease-conflicts", "pkt4-ack-sent")
        found = [server.tell("statistic-get", name=name)["arguments"][name][0][0] for name in names]
        return found[0], sum(found)

    def finish(self, servers: Sequence[Server], load: LoadOnAll) -> None:
        """Nobody asks any more: everybody's lease is there, in both servers' eyes; who renews keeps it."""
        load.drain()
        rows = wait_for(lambda: self.agreed(servers), "both servers to see and count the same leases", 15.0, 0.3)
        missing = [
            grant
            for grant in load.history.leases.values()
            if rows.get(grant.resource) != chaddr(load.client_of(grant.holder)).hex(":")
        ]
        self.assertEqual([], missing[:10])
        owners = load.owners()
        sample = random.Random(2).sample(owners, min(200, len(owners)))
        self.assertEqual(len(sample), load.renew(sample))
        self.assertEqual([], load.history.violations[:10])

    def agreed(self, servers: Sequence[Server]) -> dict[str, str] | None:
        """Who has which address, if both say so, and count so many."""
        seen = [server.tell("lease4-get-all")["arguments"]["leases"] for server in servers]
        number = sum(row["state"] in (0, 1) for row in seen[0])
        if seen[0] != seen[1] or {number} != {*map(self.assigned, servers)}:
            return None
        return {row["ip-address"]: row["hw-address"] for row in seen[0] if row["state"] == 0}

    def assigned(self, server: Server) -> int:
        """What stat-lease4-get says."""
        table = server.tell("stat-lease4-get", **{"subnet-id": 1})["arguments"]["result-set"]
        number: int = dict(zip(table["columns"], table["rows"][0], strict=True))["assigned-addresses"]
        return number

    def test_reclaimed_once(self) -> None:
        """A lease whose time is over is reclaimed by one of two servers, and counted there alone."""
        processing = {"reclaim-timer-wait-time": 1, "flush-reclaimed-timer-wait-time": 0}
        servers, load = self.servers(valid_lifetime=2, expired_leases_processing=processing), self.load(200)
        for client in range(200):
            load.server = SERVERS[client % 2]
            load.lease(client, f"10.16.1.{client}", tries=3)  # a busy server may drop one
        time.sleep(3.0)
        wait_for(lambda: not any(map(self.assigned, servers)), "all to be reclaimed", 15.0, 0.2)
        time.sleep(1.0)
        counts = [
            server.tell("statistic-get", name="reclaimed-leases")["arguments"]["reclaimed-leases"][0][0]
            for server in servers
        ]
        rows = [row for row in servers[0].tell("lease4-get-all")["arguments"]["leases"] if row["state"] == 2]
        self.assertEqual(len(rows), sum(counts), counts)
        self.assertGreater(len(rows), 150)
