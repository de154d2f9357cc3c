"""Whole servers with a cache of hosts: before databases, before FreeRADIUS, and two of them with one Redis."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from math import ceil
from typing import Any, Final

from tests.real.freeradius import FreeRadius
from tests.real.packets import DISCOVER, OFFER, chaddr
from tests.real.proxies import Proxy
from tests.real.radius_scene import LIBRARY, RadiusScene, user
from tests.real.redis import Redis
from tests.real.relays4 import Relay
from tests.real.scene_faults import BACK, RELAY, SERVER, OneDatabase
from tests.real.servers import Server
from txkea.testing.namespaces import Port, wait_for

CACHE: Final = "/usr/lib/kea/hooks/libdhcp_host_cache.so"
SECONDS: Final = float(os.environ.get("TXKEA_TEST_RETRYING", "12"))
"""For how long unknown clients retry; the goal is told for 60."""
UNKNOWN: Final = 1000
TTL: Final = 4
"""Seconds for which it is remembered that a client is unknown."""
PATIENT: Final = 20_000
"""Milliseconds that Redis may take where that is not what is tested."""
SUBNET: Final = {"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.16.0.0/16"}], "reservations-out-of-pool": True}
SECOND, RELAY2 = "172.31.0.1", "172.31.0.2"
"""The other server, and the relay that asks it, where FreeRADIUS is too."""


def cache(**parameters: Any) -> dict[str, Any]:
    """The library with parameters; ``_`` for ``-``."""
    return {"library": CACHE, "parameters": {name.replace("_", "-"): value for name, value in parameters.items()}}


def named(client: int) -> str:
    """How FreeRADIUS knows a client."""
    return chaddr(client).hex("-")


class DatabaseCase(OneDatabase):
    """Reservations in a database, behind a cache."""

    def setUp(self) -> None:
        super().setUp()
        hosts = self.through(self.between, self.database.parameters(), on_fail="serve-retry-continue")
        self.served = self.server(
            hosts_databases=[hosts], subnet4=[SUBNET], hooks_libraries=[cache(maximum=1000, negative_ttl=600)]
        )
        self.served.start()
        self.relay = Relay(self.here, RELAY, SERVER)
        self.addCleanup(self.relay.close)

    def offered(self, client: int) -> str:
        """What a client is offered."""
        return self.relay.ask(client, DISCOVER).yiaddr

    def known_clients_are_served(self) -> None:
        """What commands change is seen at once; what is known serves while the database is away, and others wait."""
        self.assertTrue(self.offered(1).startswith("10.16."))
        self.assertTrue(self.offered(2).startswith("10.16."))
        reserved = {"subnet-id": 1, "hw-address": chaddr(1).hex(":"), "ip-address": "10.0.7.7"}
        self.assertEqual(self.served.tell("reservation-add", reservation=reserved)["result"], 0)
        self.assertEqual(self.offered(1), "10.0.7.7")
        self.between.tell(refuse=True, sever=True)
        wait_for(lambda: "databases-away" in self.status(), "the loss")
        self.assertEqual(self.offered(1), "10.0.7.7")
        self.assertTrue(self.offered(2).startswith("10.16."))
        self.assertTrue(self.relay.silence(3, 0.5))
        self.between.tell(refuse=False)
        wait_for(lambda: "databases-away" not in self.status(), "the database", BACK)
        self.assertTrue(self.offered(3).startswith("10.16."))
        renamed = {**reserved, "ip-address": "10.0.8.8"}
        self.assertEqual(self.served.tell("reservation-update", reservation=renamed)["result"], 0)
        self.assertEqual(self.offered(1), "10.0.8.8")
        selector = {"identifier-type": "hw-address", "identifier": reserved["hw-address"]}
        self.assertEqual(self.served.tell("reservation-del", **{"subnet-id": 1, **selector})["result"], 0)
        self.assertTrue(self.offered(1).startswith("10.16."))

    def status(self) -> Any:
        return self.served.tell("status-get")["arguments"]


class PostgreSQLTests(DatabaseCase):
    """The database is PostgreSQL."""

    kind = "postgresql"

    def test_reservations(self) -> None:
        """What commands change is seen at once; what is known serves while the database is away, and others wait."""
        self.known_clients_are_served()

    def test_commands(self) -> None:
        """J008-J016: the commands on the control channel, about what the server has found and is told."""
        self.assertIn("cache-get-by-id", self.served.tell("list-commands")["arguments"])
        self.offered(1)
        shown = self.served.tell("cache-get")["arguments"]
        self.assertIn(chaddr(1).hex(":"), {each.get("hw-address") for each in shown})
        self.assertTrue(all(each["negative"] for each in shown))
        self.assertEqual(self.served.tell("cache-size")["arguments"]["size"], len(shown))
        entry = {"subnet-id": 1, "hw-address": chaddr(1).hex(":"), "ip-address": "10.0.9.9"}
        self.assertEqual(self.served.tell("cache-insert", **entry)["result"], 0)
        self.assertEqual(self.offered(1), "10.0.9.9")
        statistics = self.served.tell("statistic-get-all")["arguments"]
        self.assertGreater(statistics["host-cache-hits"][0][0], 0)
        self.assertEqual(self.status()["host-cache"]["size"], len(shown))

    def test_reconfigured(self) -> None:
        """What is known stays known when the configuration changes in something else."""
        self.offered(1)
        before = self.served.tell("cache-get")["arguments"]
        subnet = {"id": 5, "subnet": "172.16.0.0/16"}
        self.assertEqual(self.served.tell("subnet4-add", subnet4=[subnet])["result"], 0)
        self.assertEqual(self.served.tell("cache-get")["arguments"], before)


class MariaDBTests(DatabaseCase):
    """The same with MariaDB."""

    kind = "mysql"

    def test_reservations(self) -> None:
        """What commands change is seen at once; what is known serves while the database is away, and others wait."""
        self.known_clients_are_served()


class CassandraTests(DatabaseCase):
    """The same with Cassandra."""

    kind = "cql"

    def test_reservations(self) -> None:
        """What commands change is seen at once; what is known serves while the database is away, and others wait."""
        self.known_clients_are_served()


class UnknownTests(RadiusScene):
    """Clients that RADIUS does not know."""

    def test_retrying(self) -> None:
        """1000 unknown clients that retry all the time cost RADIUS at most one request each per negative TTL."""
        self.radius.users(user(named(1), Framed_IP_Address="10.0.7.7"))
        self.radius.start()
        server = self.server4(
            self.parameters(timeout=10), more_hooks=[cache(maximum=5000, negative_ttl=TTL)], subnet4=[SUBNET]
        )
        began = time.monotonic()
        while time.monotonic() - began < SECONDS:
            for client in range(1000, 1000 + UNKNOWN):
                self.relay.send(client)
                if not client % 50:
                    time.sleep(0.02)
        self.assertEqual(self.relay.ask(1, DISCOVER).yiaddr, "10.0.7.7")
        took = time.monotonic() - began
        asked = Counter(each["User-Name"] for each in self.radius.requests())
        unknown = {asked.pop(named(client), 0) for client in range(1000, 1000 + UNKNOWN)}
        self.assertEqual(asked, {named(1): 1})
        self.assertGreaterEqual(min(unknown), 1)
        self.assertLessEqual(max(unknown), ceil(took / TTL))
        statistics = server.tell("statistic-get", name="host-cache-negative-hits")["arguments"]
        self.assertGreater(statistics["host-cache-negative-hits"][0][0], UNKNOWN)


class TwoServersTests(RadiusScene):
    """Two servers that a relay asks both, one FreeRADIUS, and a Redis in which they share what it says."""

    def setUp(self) -> None:
        super().setUp()
        self.other = self.lab.namespace("other")
        self.lab.veth(Port(self.other, "eth0", [f"{SECOND}/24"]), Port(self.here, "eth1", [f"{RELAY2}/24"]))
        self.radius = FreeRadius(
            "".join(user(named(client)) for client in range(1000, 1300)), host=RELAY2, namespace=self.here
        )
        self.addCleanup(self.radius.remove)
        self.there.run(["ip", "route", "add", f"{RELAY2}/32", "via", RELAY])
        self.radius.start()
        self.redis = Redis.launch()
        self.redis.fresh()
        self.between = [Proxy("redis", self.redis.port, namespace) for namespace in (self.there, self.other)]
        for each in self.between:
            self.addCleanup(each.close)
        self.relays = [self.relay, Relay(self.here, RELAY2, SECOND)]
        self.addCleanup(self.relays[1].close)

    def begin(self, **redis: Any) -> None:
        """Start both, each with its own leases."""
        self.servers = []
        for between, namespace in zip(self.between, (self.there, self.other), strict=True):
            shared = cache(redis={"host": between.host, "port": between.port, **redis})
            radius = {"library": LIBRARY, "parameters": self.parameters(timeout=5)}
            subnet = {**SUBNET, "relay": {"ip-addresses": [RELAY, RELAY2]}}
            server = self.server(namespace, hooks_libraries=[shared, radius], subnet4=[subnet])
            server.start()
            self.servers.append(server)
            self.at_hand(server)

    def proxies(self, **orders: Any) -> None:
        """Tell both proxies."""
        for each in self.between:
            each.tell(**orders)

    def problem(self, server: Server) -> str:
        """Why a server does not use Redis now."""
        told: str = server.tell("status-get")["arguments"]["host-cache"]["shared"]["problem"]
        return told

    def at_hand(self, server: Server) -> None:
        wait_for(lambda: not self.problem(server), "Redis", BACK)

    def both(self, clients: Sequence[int]) -> None:
        """Let clients ask both servers at once, and check that each has an offer of both."""
        sent = [[relay.send(client) for client in clients] for relay in self.relays]
        for relay, queries in zip(self.relays, sent, strict=True):
            answers = relay.collect(queries, 20)
            self.assertEqual({answer.type for answer in answers}, {OFFER})

    def asked(self) -> Counter[str]:
        return Counter(each["User-Name"] for each in self.radius.requests())

    def test_one_request(self) -> None:
        """RADIUS is asked at most once for both, whoever comes first, and by nobody once it has said something."""
        self.begin(timeout=PATIENT)
        for first in range(1000, 1100, 20):
            self.both(range(first, first + 20))
        self.both(range(1000, 1100))
        self.assertEqual(self.asked(), {named(client): 1 for client in range(1000, 1100)})
        self.assertEqual(self.servers[0].tell("cache-clear")["result"], 0)
        wait_for(lambda: not self.servers[1].tell("cache-size")["arguments"]["size"], "the news")
        self.both([1000])
        self.assertEqual(self.asked()[named(1000)], 2)

    def test_trouble(self) -> None:
        """While Redis is flushed, frozen, slow, stopped or away, both serve on with what RADIUS says."""
        self.begin(timeout=100)
        first = 1000
        for trouble in (
            lambda: self.redis.ask("FLUSHALL"),
            self.redis.freeze,
            self.redis.thaw,
            lambda: self.proxies(delay=0.5),
            lambda: self.proxies(delay=0),
            self.redis.stop,
            self.redis.start,
            lambda: self.proxies(refuse=True, sever=True),
        ):
            trouble()
            self.both(range(first, first + 20))
            first += 20
        self.both(range(1000, first))
        self.assertLessEqual(max(self.asked().values()), 2)
        self.proxies(refuse=False)
        for server in self.servers:
            self.at_hand(server)
