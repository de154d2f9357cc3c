"""Kea and txkea on one link, with their leases in one database: what is done to them, and what is asked of them."""

from __future__ import annotations

import atexit
import json
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any, Final

from tests.real.choosing import Choosing
from tests.real.plain import plain
from tests.real.servers import Product, Server
from tests.servicing import told
from txkea.testing.namespaces import Lab, Namespace, Port, wait_for

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

__all__ = ["Beside"]

HOOKS: Final = "/usr/lib/x86_64-linux-gnu/kea/hooks"
SECONDS: Final = float(os.environ.get("TXKEA_TEST_BESIDE_SECONDS", "4"))
"""Of load while both run."""
CLIENTS: Final = 300
FEW: Final = 40
"""Clients of whom every one is looked at."""
LIFETIME: Final = 4000
OLD: Final = {"00": {"duid": "00:00:00"}}
"""The DUID of a declined lease as Kea 2.2.0 shows it, and as later ones and we do."""
RECLAIMED: Final = 2
"""The state of a lease that was reclaimed (Kea E016)."""


class Link:
    """A namespace with a database and an interface for each of two servers, and one with a relay, until the run ends.

    The relay has an address of its own, which both interfaces lead to.
    """

    servers: Final = {4: ("10.1.0.1", "10.2.0.1"), 6: ("2001:db8:1::1", "2001:db8:2::1")}
    relays: Final = {4: ("10.1.0.2", "10.2.0.2"), 6: ("2001:db8:1::2", "2001:db8:2::2")}
    relay: Final = {4: "10.3.0.1", 6: "2001:db8:3::1"}
    lengths: Final = {4: (24, 32), 6: (64, 128)}
    """Of a cable's network, and of one of a single address."""

    def __init__(self, kind: Any) -> None:
        lab = Lab()
        atexit.register(lab.close)
        self.there = lab.namespace("servers", dad=False)
        self.here = lab.namespace("clients", dad=False)
        for number in (0, 1):
            ends = [Port(space, f"eth{number}", self._ends(sides, number)) for space, sides in self._sides()]
            lab.veth(*ends)
        for family, relay in self.relay.items():
            self.here.run(["ip", "addr", "add", f"{relay}/{self.lengths[family][1]}", "dev", "lo"])
            for number, near in enumerate(self.relays[family]):
                way = ["via", near, "dev", f"eth{number}", "metric", str(number + 1)]
                self.there.run(["ip", "route", "add", relay, *way])
        for namespace in (self.there, self.here):
            namespace.wait_for_addresses()
        own: Any = type("Own", (kind,), {})  # of a class there is one server, and that is elsewhere
        with self.there.enter():
            self.database = own.launch()

    def _sides(self) -> tuple[tuple[Namespace, dict[int, tuple[str, str]]], ...]:
        return (self.there, self.servers), (self.here, self.relays)

    def _ends(self, sides: dict[int, tuple[str, str]], number: int) -> list[str]:
        return [f"{addresses[number]}/{self.lengths[family][0]}" for family, addresses in sides.items()]


@cache
def link(kind: Any) -> Link:
    """The one with a database of this kind."""
    return Link(kind)


class Beside(SynchronousTestCase):
    """Two servers, each on an interface of a `Link`, and the clients behind its relay; mix it into a test case."""

    database_kind: Any
    family: int
    products: tuple[Product, Product]
    """Kea first."""
    load_kind: type[Choosing]
    served: dict[str, Any]
    short: dict[str, Any]
    """Lifetimes that a test can wait for."""

    def setUp(self) -> None:
        self.link = link(self.database_kind)
        self.database = self.link.database
        self.database.fresh()
        self.addresses = self.link.servers[self.family]
        self.sockets = tempfile.mkdtemp()
        self.addCleanup(rmtree, self.sockets)

    # -- what there is

    def server(self, number: int, **more: Any) -> Server:
        """One of the two, not yet started; ``more`` is said in its configuration."""
        server = Server(self.products[number], self.configuration(number, more), Path(self.mktemp()), self.link.there)
        self.addCleanup(server.close)
        return server

    def pair(self, *more: dict[str, Any]) -> list[Server]:
        """Both, started; ``more`` is said in the configuration of each."""
        servers = [self.server(number, **said) for number, said in enumerate(more or ({}, {}))]
        for server in servers:
            server.start()
        return servers

    def configuration(self, number: int, more: dict[str, Any]) -> str:
        """The same for both, but for the interface."""
        daemon = f"kea-dhcp{self.family}"
        listens, own = f"eth{number}", {}
        if self.family == 6:
            listens += f"/{self.addresses[number]}"
            # They have the same interfaces, and might make the same DUID of them in one second.
            own = {"server-id": {"type": "EN", "enterprise-id": 2495, "identifier": f"{number:08X}"}}
        tree: dict[str, Any] = {
            "interfaces-config": {"interfaces": [listens]},
            "multi-threading": {"enable-multi-threading": False},
            "lease-database": plain(self.database),
            "control-socket": {"socket-type": "unix", "socket-name": self.socket(number)},
            "hooks-libraries": [{"library": f"{HOOKS}/libdhcp_{name}_cmds.so"} for name in ("stat", "lease")],
            "valid-lifetime": LIFETIME,
            "loggers": [
                {"name": daemon, "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
                {"name": f"{daemon}.leases", "severity": "WARN"},
            ],
            **own,
            **self.served,
            **more,
        }
        return json.dumps({f"Dhcp{self.family}": tree})

    def socket(self, number: int) -> str:
        return f"{self.sockets}/{number}"

    def load(self, clients: int = CLIENTS) -> Any:
        """Clients that know nothing yet; those of DHCPv6 have yet to meet the servers."""
        load = self.load_kind(self.link.here, self.link.relay[self.family], self.addresses, clients, seed=7)
        self.addCleanup(load.close)
        return load

    def meet(self, load: Any, number: int) -> None:
        """Have the clients learn what they must know of a server to talk to it."""

    def ask(self, number: int, command: str, **arguments: Any) -> Any:
        """What a server answers to a command, the result being good or empty."""
        asked = {"command": command, **({"arguments": arguments} if arguments else {})}
        answer = told(self.socket(number), asked)
        self.assertIn(answer["result"], (0, 3), answer)
        return answer.get("arguments", {})

    def leases(self, number: int) -> dict[str, Any]:
        """All leases as a server shows them, by their addresses."""
        found = self.ask(number, f"lease{self.family}-get-all").get("leases", [])
        return {lease["ip-address"]: {**lease, **OLD.get(lease.get("duid", ""), {})} for lease in found}

    def figures(self, number: int) -> dict[str, int]:
        """The columns of ``stat-lease-get`` that tell of the subnet, a declined address being none that is assigned.

        To Kea 2.2.0 it is none, to later ones and to us it is one (Kea G070).
        """
        found = self.ask(number, f"stat-lease{self.family}-get")["result-set"]
        figures = dict(zip(found["columns"], found["rows"][0], strict=True))
        told = {name: value for name, value in figures.items() if not name.startswith("cumulative")}
        if number:
            first, declined = (next(name for name in told if name.startswith(each)) for each in ("assig", "decl"))
            told[first] -= told[declined]
        return told

    # -- what is promised

    def side_by_side(self) -> None:
        """Both serve the same clients."""
        servers, load = self.pair(), self.load()
        for number in (0, 1):
            self.meet(load, number)
        load.run(SECONDS)
        load.forget_queries()
        for server in servers:
            server.check()
        owners = load.owners()
        for address in self.addresses:
            load.renew_at(address, owners)
        self.none_violated(load)
        self.assertGreater(len(owners), CLIENTS / 4)
        history = load.history
        sys.stderr.write(
            f"\n{self.database.kind}: {load.queries} queries, {history.grants} grants, {history.given_back} given back,"
            f" {len(owners)} clients renewed with both\n"
        )
        self.agree()

    def turns(self) -> None:
        """One serves, then the other, then the first again."""
        load, served = self.load(2 * FEW), 0
        for number in (0, 1, 0):
            server = self.server(number)
            server.start()
            self.meet(load, number)
            self.assertEqual(served, load.renew_at(self.addresses[number], range(served)))
            if served < 2 * FEW:
                load.take(self.addresses[number], range(served, served + FEW))
                served += FEW
            server.stop()
        self.none_violated(load)
        self.pair()
        self.assertEqual(set(range(served)), set(load.owners()))
        self.agree()

    def expiry(self, giver: int) -> None:
        """What one server gives ends; only the other reclaims, and gives it again."""
        off = {"reclaim-timer-wait-time": 0, "flush-reclaimed-timer-wait-time": 3600}
        more = [{**self.short, "expired-leases-processing": off} for _ in self.products]
        more[1 - giver]["expired-leases-processing"] = {**off, "reclaim-timer-wait-time": 1}
        self.pair(*more)
        load = self.load(FEW)
        for number in (0, 1):
            self.meet(load, number)
        load.take(self.addresses[giver], range(FEW))
        given = self.leases(giver)
        wait_for(lambda: {each["state"] for each in self.leases(giver).values()} == {RECLAIMED}, "reclamation", 20)
        self.assertEqual(set(given), set(self.leases(giver)))
        self.assertEqual(0, sum(count for name, count in self.figures(giver).items() if name.startswith("assigned")))
        self.agree()
        load.history.leases.clear()
        load.take(self.addresses[1 - giver], range(FEW))
        self.none_violated(load)
        self.assertEqual(set(given), set(self.leases(giver)))

    def agree(self) -> None:
        """Both servers show the same leases and the same figures."""
        theirs, ours = self.leases(0), self.leases(1)
        self.assertEqual(sorted(theirs), sorted(ours))
        differing = [(lease, ours[address]) for address, lease in theirs.items() if lease != ours[address]]
        self.assertEqual([], differing[:2], f"{len(differing)} of {len(ours)} leases are shown otherwise")
        self.assertEqual(self.figures(0), self.figures(1))

    def none_violated(self, load: Any) -> None:
        self.assertFalse(load.history.violations, "\n".join(load.history.violations[:20]))
