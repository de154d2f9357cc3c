"""Statistics, lease store and a model are compared while everything happens at once.

Clients, operators, reclamation and ever other configurations change the leases in random order, and their changes
become durable later. ``TXKEA_STATISTICS_STEPS`` is how many there are, more than these few thousand for a longer run;
``TXKEA_STATISTICS_SEED`` the number that the order follows from.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from random import Random
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import Instantly
from txkea.exchange import accounting
from txkea.exchange.around import LeasesAround
from txkea.exchange.assemble import believe, forget, recount, unknown_pools
from txkea.exchange.figures import Figures, is_gauge
from txkea.exchange.site import Site
from txkea.launch import launch
from txkea.leases.expiry import Reclamation
from txkea.leases.memory import MemoryLeases
from txkea.model.configuration import Configuration, Subnet
from txkea.model.lease import Lease4, Lease6, LeaseState, LeaseType
from txkea.testing.clients4 import Client, LocalServer
from txkea.testing.clients6 import Client6, LocalServer6, ia_na, ia_pd, relayed, through
from txkea.testing.configuring import configured, configured6
from txkea.wire.text import address_text

STEPS: Final = int(os.environ.get("TXKEA_STATISTICS_STEPS", "1500"))
SEED: Final = int(os.environ.get("TXKEA_STATISTICS_SEED", "6"))
CLIENTS: Final = 14
TAKEN: Final = (LeaseState.DEFAULT, LeaseState.DECLINED)
T = TypeVar("T")


class Lasting(LeasesAround):
    """A store whose changes are seen at once and known to be durable later, in their order, as those of memfile are.

    ``changed(lease, was)`` is told of each then.
    """

    inner: MemoryLeases

    def __init__(self, changed: Callable[[Any, Any], None]) -> None:
        super().__init__(MemoryLeases())
        self._changed = changed
        self.waiting: deque[Deferred[None]] = deque()

    async def _durable(self, made: Awaitable[bool], lease: Any, was: Any) -> bool:
        if not await made:
            return False
        gate: Deferred[None] = Deferred()
        self.waiting.append(gate)
        await gate
        self._changed(lease, was)
        return True

    async def add(self, lease: Any) -> bool:
        return await self._durable(super().add(lease), lease, None)

    async def update(self, lease: Any, was: Any) -> bool:
        return await self._durable(super().update(lease, was), lease, was)

    async def remove(self, lease: Any) -> bool:
        return await self._durable(super().remove(lease), None, lease)

    def go_on(self, number: int) -> None:
        """So many changes are durable."""
        for _ in range(min(number, len(self.waiting))):
            self.waiting.popleft().callback(None)


class World:
    """A server with its clients and its operator, and what its statistics must be."""

    family = 0
    kinds: Sequence[tuple[int, str]] = ()
    """Types of leases, and how statistics call them."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.store = Lasting(self.changed)
        self.counted: Counter[str] = Counter()
        self.counted_of: dict[Place, Counter[str]] = {}
        """The same by pool; what it is called may change."""
        self.operators: list[tuple[Any, Any]] = []
        """What an operator puts in the place of what just now; these very objects are no client's."""
        self.server: Any = self.serving(self.configuration(3))
        self.layout = 3
        self.start()

    def configuration(self, layout: int) -> Configuration:
        raise NotImplementedError

    def serving(self, found: Configuration, **site: Any) -> Any:
        raise NotImplementedError

    def act(self, number: int, name: str) -> None:
        """A client does something."""
        raise NotImplementedError

    def start(self) -> None:
        """Let addresses be reclaimed when they run out."""
        self.site.reclaim = self.reclamation().on_demand

    @property
    def site(self) -> Site:
        site: Site = self.server.site
        return site

    def rows(self) -> list[Any]:
        return list(self.store.inner.table)

    def one(self, found: Sequence[T]) -> T | None:
        return self.random.choice(found) if found else None

    # -- the model: events

    def changed(self, lease: Any, was: Any) -> None:
        """What must have been counted for a change that is durable now."""
        if any(new is lease and old is was for new, old in self.operators):
            return
        now = self.server.now
        over = was is not None and was.expired(now)
        if lease is not None and lease.state == LeaseState.REGISTERED:
            if was is None or was.state != LeaseState.REGISTERED:
                self.count("cumulative-registered-nas", lease, in_pool=False)
            over = over and was.state != LeaseState.REGISTERED
        if over and was.state in (*TAKEN, LeaseState.REGISTERED):
            self.count("reclaimed-leases", was)
            if was.state == LeaseState.DECLINED:
                self.count("reclaimed-declined-addresses", was)
        running = was is not None and was.state in TAKEN and not over
        if lease is not None and lease.state == LeaseState.DEFAULT and not running:
            self.count(f"cumulative-assigned-{dict(self.kinds)[lease.type]}", lease)

    def count(self, name: str, lease: Any, in_pool: bool = True) -> None:
        self.counted[name] += 1
        subnet = next((each for each in self.site.configuration.subnets if each.id == lease.subnet_id), None)
        if subnet is None:
            return
        self.counted[f"subnet[{subnet.id}].{name}"] += 1
        for place, _ in pools_of(subnet, lease) if in_pool else ():
            self.counted_of.setdefault(place, Counter())[name] += 1

    # -- the model: how things are

    def expected(self) -> Counter[str]:
        """What the store and the configuration say of how things are."""
        found: Counter[str] = Counter()
        for subnet in self.site.configuration.subnets:
            here = f"subnet[{subnet.id}]."
            names = dict(self.kinds)
            for pools, kind, scope in ((subnet.pools, 0, "pool"), (subnet.prefix_pools, LeaseType.PD, "pd-pool")):
                for pool in pools:
                    found[f"{here}total-{names[kind]}"] += pool.size
                    found[f"{here}{scope}[{pool.id}].total-{names[kind]}"] += pool.size
            for lease in self.rows():
                if lease.subnet_id == subnet.id:
                    for name in self.states(lease):
                        places = ("", here) if name != "registered-nas" else (here,)
                        for place in (*places, *(here for _, here in pools_of(subnet, lease) if len(places) == 2)):
                            found[place + name] += 1
        return found

    def states(self, lease: Any) -> Iterator[str]:
        if lease.state in TAKEN:
            yield f"assigned-{dict(self.kinds)[lease.type]}"
        if lease.state == LeaseState.DECLINED:
            yield "declined-addresses"
        if lease.state == LeaseState.REGISTERED:
            yield "registered-nas"

    def check(self) -> None:
        """Once everything is durable."""
        gauges, now = self.expected(), int(self.server.now)
        counted = self.counted + self.by_pool()
        seen = set()
        for scope, subnet, number, name, value in Figures(lambda: self.site):
            place = {"": "", "subnet": f"subnet[{subnet}]."}.get(scope, f"subnet[{subnet}].{scope}[{number}].")
            whole = place + name
            seen.add(whole)
            if is_gauge(name):
                assert value == gauges[whole], f"{whole} is {value}, not {gauges[whole]}, at {now}"
            elif name.startswith(("cumulative", "reclaimed")):
                assert value == counted[whole], f"{whole} is {value}, not {counted[whole]}, at {now}"
            assert value >= 0, whole
        assert set(gauges) <= seen, set(gauges) - seen
        assert self.server.statistic(f"pkt{self.family}-processing-failed") == 0, self.server.log.lines[-1]

    def by_pool(self) -> Counter[str]:
        """What was counted in pools, as they are called now."""
        found: Counter[str] = Counter()
        for subnet in self.site.configuration.subnets:
            for place, here in pools(subnet):
                for name, count in self.counted_of.get(place, {}).items():
                    found[here + name] += count
        return found

    # -- what happens

    def step(self) -> None:
        """One thing of many."""
        weights = {"client": 60, "durable": 25, "quiet": 5, "reclaim": 3, "operator": 6, "reconfigure": 2}
        getattr(self, *self.random.choices(list(weights), list(weights.values())))()

    def client(self) -> None:
        names = ("lease", "lease", "lease", "renew", "release", "decline")
        self.act(self.random.randrange(1, CLIENTS + 1), self.random.choice(names))

    def durable(self) -> None:
        self.store.go_on(self.random.randrange(1, 4))

    def quiet(self) -> None:
        """Nothing waits any more, and time passes."""
        while self.store.waiting:
            self.store.go_on(1)
        self.operators.clear()
        self.check()
        self.server.now += self.random.choice((0, 1, 11, 30, 120, 400))

    def reclamation(self) -> Reclamation:
        site = self.site
        return Reclamation(
            self.store,
            site.configuration.expiry,
            reactor=Instantly(),
            log=site.log.leases,
            family=self.family,
            reclaimed=lambda lease: accounting.reclaimed(site.statistics, self.site.subnets, lease),
        )

    def reclaim(self) -> None:
        launch(self.reclamation().reclaim(self.server.now, 4, self.random.random() < 0.3))

    def operator(self) -> None:
        """A row is deleted, or entered, or given another state, by command."""
        row = self.one(self.rows())
        state = self.random.choice(tuple(LeaseState)[:3])
        if row is not None and row.type != LeaseType.PD and self.random.random() < 0.6:
            was, lease = row._replace(), row._replace(state=state)
            launch(self.replace(self.store.update(lease, was), lease, was))
        elif row is not None and self.random.random() < 0.5:
            was = row._replace()
            launch(self.replace(self.store.remove(was), None, was))
        else:
            lease = self.entered()
            launch(self.replace(self.store.add(lease), lease, None))

    def entered(self) -> Any:
        """A lease that an operator makes up."""
        raise NotImplementedError

    async def replace(self, made: Awaitable[bool], lease: Any, was: Any) -> None:
        self.operators.append((lease, was))
        if await made:
            accounting.replaced(self.site.statistics, self.site.subnets, lease, was)

    def reconfigure(self) -> None:
        """Subnets and pools come and go, while changes are on their way."""
        before, now = self.site, self.server.now
        self.layout = layout = self.random.choice([each for each in range(4) if each != self.layout])
        found = self.configuration(layout)
        known = {subnet.id for subnet in before.configuration.subnets}
        if {subnet.id for subnet in found.subnets} - known:
            self.quiet()  # a subnet that comes back is counted anew, what is under way for it before it went too
            now = self.server.now
        self.server = self.serving(
            found,
            statistics=before.statistics,
            known=before.subnets.subnets,
            offers=before.offers,
        )
        self.server.now = now
        site = self.site
        forget(site.statistics, before.subnets, site.subnets)
        recount(site, self.store.inner.table.counts(), before.subnets)
        if unknown_pools(site.subnets, before.subnets):
            believe(site, self.rows())
        self.forget(found)
        self.start()

    def forget(self, after: Configuration) -> None:
        """What is gone was counted for nothing; pools that have other limits begin anew."""
        here = {f"subnet[{subnet.id}]" for subnet in after.subnets}
        for name in [name for name in self.counted if name.startswith("subnet[")]:
            if name.partition(".")[0] not in here:
                del self.counted[name]
        left = {place for subnet in after.subnets for place, _ in pools(subnet)}
        self.counted_of = {place: counts for place, counts in self.counted_of.items() if place in left}


Place = tuple[int, int, int, int]
"""A pool: its subnet, first and last address, and the bits of what it gives."""


def pools(subnet: Subnet) -> Iterator[tuple[Place, str]]:
    """The pools of a subnet, and how they are called."""
    for pool in subnet.pools:
        yield (subnet.id, pool.first, pool.last, 0), f"subnet[{subnet.id}].pool[{pool.id}]."
    for prefixes in subnet.prefix_pools:
        place = (subnet.id, prefixes.first, prefixes.last, prefixes.delegated_length)
        yield place, f"subnet[{subnet.id}].pd-pool[{prefixes.id}]."


def pools_of(subnet: Subnet, lease: Any) -> Iterator[tuple[Place, str]]:
    """The pool that a lease is from, if any."""
    number = int.from_bytes(lease.address, "big")
    for place, here in pools(subnet):
        if place[1] <= number <= place[2] and bool(place[3]) == (lease.type == LeaseType.PD):
            yield place, here


# -- DHCPv4 ------------------------------------------------------------------------------------------------------------


class World4(World):
    """DHCPv4: a shared network on the link, and subnets behind relays."""

    family = 4
    kinds = ((0, "addresses"),)
    POOLS = (
        [{"pool": "192.0.2.10 - 192.0.2.13"}, {"pool": "192.0.2.20 - 192.0.2.21"}],
        [{"pool": "192.0.2.10 - 192.0.2.13", "pool-id": 0}, {"pool": "192.0.2.20 - 192.0.2.21"}],
        [{"pool": "192.0.2.11 - 192.0.2.21", "pool-id": 3}],
        [{"pool": "192.0.2.10 - 192.0.2.13", "pool-id": 5}, {"pool": "192.0.2.14 - 192.0.2.16", "pool-id": 6}],
    )

    def configuration(self, layout: int) -> Configuration:
        link = [
            {
                "id": 11,
                "subnet": "192.0.2.0/24",
                "pools": self.POOLS[layout],
                "reservations": [{"hw-address": "02:00:00:00:00:01", "ip-address": "192.0.2.99"}],
            },
            {"id": 12, "subnet": "198.51.100.0/24", "pools": [{"pool": "198.51.100.10 - 198.51.100.12"}]},
        ]
        behind = [
            {
                "id": number,
                "subnet": f"203.0.113.{32 * number}/27",
                "pools": [{"pool": f"203.0.113.{32 * number + 8}/30"}],
            }
            for number in range(1, layout + 1)
        ]
        return configured(
            valid_lifetime=100,
            decline_probation_period=300,
            cache_threshold=0.2,
            offer_lifetime=(0, 20)[layout % 2],
            expired_leases_processing={"hold-reclaimed-time": (0, 3600)[layout // 2]},
            shared_networks=[{"name": "link", "interface": "eth0", "subnet4": link}],
            subnet4=behind,
        )

    def serving(self, found: Configuration, **site: Any) -> LocalServer:
        return LocalServer(found, leases=self.store, **site)

    def act(self, number: int, name: str) -> None:
        relay = f"203.0.113.{32 * (number % 4) + 1}" if number % 4 else ""
        client = Client(self.server, number, relay=relay)
        mine = [each for each in self.rows() if each.hwaddr == client.hwaddr and each.state == LeaseState.DEFAULT]
        lease = self.one(mine)
        if name == "lease":
            offer = client.discover()
            if offer is not None and offer.yiaddr != "0.0.0.0":
                client.select(offer.yiaddr)
        elif lease is not None:
            getattr(client, name)(address_text(lease.address))

    def entered(self) -> Lease4:
        subnet = self.one(self.site.configuration.subnets)
        assert subnet is not None
        last = self.random.randrange(5, 25)
        address = (int.from_bytes(subnet.network, "big") + last).to_bytes(4, "big")
        now, number = int(self.server.now), self.random.randrange(200, 240)
        return Lease4(address, bytes((2, 0, 0, 0, 0, number)), b"", 60, now + 60, subnet.id)


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


class World6(World):
    """DHCPv6: addresses, prefixes and addresses that clients chose themselves."""

    family = 6
    kinds = ((0, "nas"), (int(LeaseType.PD), "pds"))
    POOLS = (
        [{"pool": "2001:db8:1::10/126"}, {"pool": "2001:db8:1::20/127"}],
        [{"pool": "2001:db8:1::10/126"}, {"pool": "2001:db8:1::20/127", "pool-id": 0}],
        [{"pool": "2001:db8:1::10/124", "pool-id": 3}],
        [{"pool": "2001:db8:1::10/126", "pool-id": 5}, {"pool": "2001:db8:1::14/127", "pool-id": 6}],
    )
    PREFIXES = (
        [{"prefix": "2001:db8:a::", "prefix-len": 61, "delegated-len": 64}],
        [{"prefix": "2001:db8:a::", "prefix-len": 61, "delegated-len": 64, "pool-id": 9}],
        [{"prefix": "2001:db8:a::", "prefix-len": 62, "delegated-len": 64}],
        [{"prefix": "2001:db8:a::", "prefix-len": 61, "delegated-len": 64}],
    )

    def configuration(self, layout: int) -> Configuration:
        link = [
            {
                "id": 11,
                "subnet": "2001:db8:1::/64",
                "pools": self.POOLS[layout],
                "pd-pools": self.PREFIXES[layout],
                "reservations": [
                    {"duid": "00:03:00:01:02:00:00:01:00:01", "ip-addresses": ["2001:db8:1::50"]},
                    {"duid": "00:03:00:01:02:00:00:01:00:02", "prefixes": ["2001:db8:b::/64"]},
                ],
            },
            {"id": 12, "subnet": "2001:db8:3::/64", "pools": [{"pool": "2001:db8:3::10/127"}]},
        ]
        behind = [
            {
                "id": number,
                "subnet": f"2001:db8:2{number}::/64",
                "pools": [{"pool": f"2001:db8:2{number}::8/126"}],
                "pd-pools": [{"prefix": f"2001:db8:c{number}::", "prefix-len": 62, "delegated-len": 64}],
            }
            for number in range(1, layout + 1)
        ]
        return configured6(
            valid_lifetime=100,
            preferred_lifetime=60,
            decline_probation_period=300,
            cache_threshold=0.2,
            expired_leases_processing={"hold-reclaimed-time": (0, 3600)[layout // 2]},
            shared_networks=[{"name": "link", "interface": "eth0", "subnet6": link}],
            subnet6=behind,
        )

    def serving(self, found: Configuration, **site: Any) -> LocalServer6:
        return LocalServer6(found, leases=self.store, **site)

    def act(self, number: int, name: str) -> None:
        behind = number % 4
        relays = through(relayed(f"2001:db8:2{behind}::1")) if behind else ()
        client = Client6(self.server, number, relays=relays)
        mine = [each for each in self.rows() if each.duid == client.duid and each.state == LeaseState.DEFAULT]
        lease = self.one(mine)
        if name == "lease":
            self.lease(client)
        elif name == "decline" and self.random.random() < 0.5:
            self.register(client, f"2001:db8:2{behind}" if behind else "2001:db8:1")
        elif lease is not None and (name != "decline" or lease.type == LeaseType.NA):
            getattr(client, name)([self.ia(lease)])

    def register(self, client: Client6, place: str) -> None:
        """Tell of an address, or that it is used no more; not once its time is over, for that is nobody's to end."""
        address = f"{place}::{8 + self.random.randrange(12):x}"
        over = any(address_text(row.address) == address and row.expired(self.server.now) for row in self.rows())
        client.register(address, 20, self.random.choice((40, 200) if over else (0, 40, 200)))

    def lease(self, client: Client6) -> None:
        wishes = [ia_na(1), ia_pd(1)] if self.random.random() < 0.5 else [ia_na(self.random.randrange(1, 3))]
        advertised = client.solicit(wishes)
        if advertised is not None:
            client.request([ia for ia in advertised.ias if ia.resources] or wishes)

    def ia(self, lease: Lease6) -> Any:
        text = address_text(lease.address)
        if lease.type == LeaseType.PD:
            return ia_pd(lease.iaid, f"{text}/{lease.prefix_length}")
        return ia_na(lease.iaid, text)

    def entered(self) -> Lease6:
        subnet = self.one(self.site.configuration.subnets)
        assert subnet is not None
        last = self.random.randrange(5, 25)
        address = (int.from_bytes(subnet.network, "big") + last).to_bytes(16, "big")
        now, number = int(self.server.now), self.random.randrange(200, 240)
        duid = bytes((0, 3, 0, 1, 2, 0, 0, 0, 0, number))
        return Lease6(address, b"", duid, 60, now + 60, subnet.id, preferred_lifetime=30)


class InvariantTests(SynchronousTestCase):
    """Long random runs."""

    def run_world(self, world: World) -> None:
        """So many steps, and what they came to."""
        for number in range(STEPS):
            try:
                world.step()
            except AssertionError as error:
                raise AssertionError(f"seed {SEED}, step {number}: {error}") from error
        world.quiet()
        for name in ("reclaimed-leases", "reclaimed-declined-addresses", f"cumulative-assigned-{world.kinds[0][1]}"):
            self.assertGreater(world.counted[name], STEPS // 300, f"{name}: hardly anything happened")

    def test_dhcp4(self) -> None:
        """G.10 - G.12: whatever happens, every statistic of leases is what the store, or the model, says."""
        self.run_world(World4(SEED))

    def test_dhcp6(self) -> None:
        """The same of addresses, prefixes and registered addresses."""
        world = World6(SEED)
        self.run_world(world)
        self.assertGreater(world.counted["cumulative-registered-nas"], STEPS // 300)
