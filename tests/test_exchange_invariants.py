"""What holds whatever clients do: no address with two owners, nothing miscounted, nothing raised."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import configured
from tests.exchanging import ACK, NAK, OFFER, RELAY, Instantly, reclaiming, serving
from txkea.exchange.accounting import reclaimed
from txkea.leases.expiry import Reclamation
from txkea.model.lease import Lease4, LeaseState
from txkea.testing.clients4 import Answer, Client, LocalServer, packed
from txkea.testing.stores import WaitingLeases

LIFETIME, PROBATION = 100, 50
ON_LINK = ("192.0.2.10", "192.0.2.11", "203.0.113.10", "203.0.113.11", "192.0.2.50")
BEHIND = ("198.51.100.10", "198.51.100.11")
NOWHERE = ("192.0.2.200", "10.1.1.1", "0.0.0.0", "255.255.255.255")
RESERVED = {"192.0.2.50": 1, "203.0.113.10": 2}
"""Reserved addresses, and the numbers of the clients for whom they are."""
CLIENTS = 5

addresses = st.sampled_from((*ON_LINK, *BEHIND, *NOWHERE))
clients = st.integers(1, CLIENTS)
moves = st.integers(0, 3)


def configuration(allocator: str, offer_lifetime: int, hold: int, threshold: float) -> Any:
    hosts = [
        {"hw-address": f"02:00:00:01:00:{number:02x}", "ip-address": address} for address, number in RESERVED.items()
    ]
    subnets = [
        {
            "id": 11,
            "subnet": "192.0.2.0/24",
            "pools": [{"pool": "192.0.2.10/31"}],
            "reservations": hosts[:1],
        },
        {
            "id": 12,
            "subnet": "203.0.113.0/24",
            "pools": [{"pool": "203.0.113.10/31"}],
            "reservations": hosts[1:],
        },
    ]
    return configured(
        valid_lifetime=LIFETIME,
        decline_probation_period=PROBATION,
        cache_threshold=threshold,
        offer_lifetime=offer_lifetime,
        allocator=allocator,
        expired_leases_processing={"hold-reclaimed-time": hold},
        shared_networks=[{"name": "link", "subnet4": subnets}],
        subnet4=[{"id": 2, "subnet": "198.51.100.0/24", "pools": [{"pool": "198.51.100.10/31"}]}],
    )


class Neighbourhood(RuleBasedStateMachine):
    """Clients on a link with two subnets and behind a relay, and who owns what as the clients saw it."""

    @initialize(
        allocator=st.sampled_from(("iterative", "random")),
        offer_lifetime=st.sampled_from((0, 30)),
        hold=st.sampled_from((0, 3600)),
        threshold=st.sampled_from((0.0, 0.25)),
    )
    def start(self, allocator: str, offer_lifetime: int, hold: int, threshold: float) -> None:
        self.offers_are_leases = bool(offer_lifetime)
        self.server = reclaiming(LocalServer(configuration(allocator, offer_lifetime, hold, threshold)))
        self.clients = {
            number: Client(self.server, number, client_id=b"\1%d" % number if number % 2 else b"")
            for number in range(1, CLIENTS + 1)
        }
        self.owners: dict[str, tuple[int, int]] = {}
        """By address: the client that was told so last, and the last second of its lease."""
        self.declined: dict[str, int] = {}
        """By address: the last second of its probation."""

    # -- what the clients saw

    def owner(self, address: str) -> int | None:
        """Who may use an address now."""
        client, end = self.owners.get(address, (0, 0))
        return client if end >= int(self.server.now) else None

    def on_same_link(self, one: str, other: str) -> bool:
        return (one in ON_LINK) == (other in ON_LINK)

    def seen(self, number: int, answer: Answer | None) -> None:
        """What client ``number`` makes of an answer, and what must not be."""
        if answer is None or answer.type == NAK:
            return
        address = answer.yiaddr
        assert self.owner(address) in (None, number), f"{address} belongs to another"
        assert self.declined.get(address, 0) < int(self.server.now), f"{address} is on probation"
        assert RESERVED.get(address, number) == number, f"{address} is reserved for another"
        if answer.type == ACK:
            for other, (client, _) in list(self.owners.items()):
                if client == number and self.on_same_link(address, other):
                    del self.owners[other]
            self.owners[address] = (number, int(self.server.now) + answer.number(51))

    def ask(self, number: int, name: str, *arguments: Any) -> Answer | None:
        """Let a client do something; a query that was dropped must have changed nothing."""
        before, dropped = self.running(), self.server.statistic("pkt4-receive-drop")
        answer: Answer | None = getattr(self.clients[number], name)(*arguments)
        was_dropped = self.server.statistic("pkt4-receive-drop") > dropped
        silent = answer is None and name not in ("release", "decline")
        assert was_dropped == silent or name in ("release", "decline")
        if was_dropped or (answer is not None and answer.type == NAK):
            assert self.running() == before, "neither a drop nor a refusal changes a running lease"
        if answer is not None and answer.type == OFFER and not self.offers_are_leases:
            assert self.running() == before, "an offer stores nothing"
        self.seen(number, answer)
        return answer

    def running(self) -> dict[str, Lease4]:
        """The leases in the store by which somebody uses an address."""
        return {
            address: lease
            for address, lease in self.server.leases.items()
            if lease.state == LeaseState.DEFAULT and not lease.expired(self.server.now)
        }

    # -- what clients do

    @rule(number=clients, seconds=st.sampled_from((0, 1, 9, 12, 26, 49, 51, 99, 101)), relayed=st.booleans())
    def move(self, number: int, seconds: int, relayed: bool) -> None:
        self.server.now += seconds
        self.clients[number].relay = RELAY if relayed else ""

    @rule(number=clients, address=st.one_of(st.none(), addresses))
    def discover(self, number: int, address: str | None) -> None:
        answer = self.ask(number, "discover", {50: packed(address)} if address else {})
        assert answer is None or answer.type == OFFER

    @rule(number=clients)
    def lease(self, number: int) -> None:
        """A whole exchange: what was offered a moment ago is granted."""
        offer = self.ask(number, "discover")
        if offer is not None:
            answer = self.ask(number, "select", offer.yiaddr)
            assert answer is not None
            assert (answer.type, answer.yiaddr) == (ACK, offer.yiaddr)

    @rule(number=clients, address=addresses, state=st.sampled_from(("select", "reboot", "renew", "rebind")))
    def request(self, number: int, address: str, state: str) -> None:
        answer = self.ask(number, state, address)
        assert answer is None or answer.type in (ACK, NAK)
        assert answer is None or answer.type == NAK or answer.yiaddr == address or address == "0.0.0.0"

    @rule(number=clients, state=st.sampled_from(("renew", "rebind", "reboot", "select")))
    def keep(self, number: int, state: str) -> None:
        """The owner of an address keeps it, unless another is reserved for it."""
        client = self.clients[number]
        link = BEHIND if client.relay and state != "renew" else ON_LINK if state != "renew" else (*ON_LINK, *BEHIND)
        mine = [address for address in link if self.owner(address) == number]
        if mine:
            answer = self.ask(number, state, mine[0])
            assert answer is not None
            if answer.type == NAK:
                assert number in RESERVED.values(), "only for a reserved address"

    @rule(number=clients, address=addresses)
    def release(self, number: int, address: str) -> None:
        mine = self.owner(address) == number
        self.ask(number, "release", address)
        if mine:
            del self.owners[address]
            assert address not in self.running()

    @rule(number=clients, address=addresses)
    def decline(self, number: int, address: str) -> None:
        mine = self.owner(address) == number
        self.ask(number, "decline", address)
        if mine:
            del self.owners[address]
            self.declined[address] = int(self.server.now) + PROBATION

    @rule(number=clients, address=addresses)
    def inform(self, number: int, address: str) -> None:
        before = self.server.leases
        self.clients[number].inform(address)
        assert self.server.leases == before

    @rule()
    def reclaim(self) -> None:
        """The server's timer goes off."""
        site = self.server.site
        reclamation = Reclamation(
            site.leases,
            site.configuration.expiry,
            reactor=Instantly(),
            log=site.log.leases,
            reclaimed=lambda lease: reclaimed(site.statistics, site.subnets, lease),
        )
        _run(reclamation.reclaim(self.server.now, 0, not site.configuration.expiry.hold_reclaimed_time))

    # -- what always holds

    @invariant()
    def nothing_failed(self) -> None:
        if hasattr(self, "server"):
            assert self.server.statistic("pkt4-processing-failed") == 0, self.server.log.lines[-1]
            assert len(self.server.server) == 0

    @invariant()
    def owners_are_stored(self) -> None:
        """Whoever was told that an address is its own is what the store says, for at least as long."""
        if not hasattr(self, "server"):
            return
        running = self.running()
        for address in self.owners:
            number = self.owner(address)
            if number is not None:
                lease, client = running[address], self.clients[number]
                assert (lease.hwaddr, lease.client_id) == (client.hwaddr, client.client_id)
                assert lease.expires >= self.owners[address][1]
        if not self.offers_are_leases:
            assert running.keys() == {address for address in self.owners if self.owner(address)}

    @invariant()
    def counted(self) -> None:
        """The statistics count what the store holds, subnet by subnet and in all."""
        if not hasattr(self, "server"):
            return
        leases = self.server.leases.values()
        for subnet in (2, 11, 12, None):
            here = [lease.state for lease in leases if subnet in (None, lease.subnet_id)]
            prefix = f"subnet[{subnet}]." if subnet else ""
            assigned = here.count(LeaseState.DEFAULT) + here.count(LeaseState.DECLINED)
            assert self.server.statistic(f"{prefix}assigned-addresses") == assigned
            assert self.server.statistic(f"{prefix}declined-addresses") == here.count(LeaseState.DECLINED)


class Crowd:
    """Clients whose queries overlap, in front of a store that waits; who owns what is judged from the answers."""

    POOL = ("192.0.2.10", "192.0.2.11", "192.0.2.12")

    def __init__(self) -> None:
        self.store = WaitingLeases()
        self.server = serving({"pools": [{"pool": "192.0.2.10 - 192.0.2.12"}]}, site={"leases": self.store})
        self.clients = {
            number: Client(self.server, number, client_id=b"\1%d" % number if number % 2 else b"")
            for number in range(1, CLIENTS + 1)
        }
        self.owners: dict[str, int] = {}
        self.failures = 0

    def act(self, number: int, name: str, address: str) -> None:
        """A client sends something; RELEASE and DECLINE mean that it uses the address no more."""
        if name in ("release", "decline") and self.owners.get(address) == number:
            del self.owners[address]
        getattr(self.clients[number], name)(*([] if name == "discover" else [address]))
        self.hear()

    def go_on(self, turn: int, fails: bool) -> None:
        """One of the store's calls ends, well or not."""
        if self.store.waiting:
            turn %= len(self.store.waiting)
            if fails:
                self.store.fail(turn)
                self.failures += 1
            else:
                self.store.go_on(turn)
        self.hear()

    def hear(self) -> None:
        """The clients get what was sent to them."""
        for answer in self.server.answers():
            number = answer.message.chaddr[-1]
            address = answer.yiaddr
            if answer.type == ACK:
                assert self.owners.get(address, number) == number, f"{address} has two owners"
                for other in [held for held, client in self.owners.items() if client == number]:
                    del self.owners[other]
                self.owners[address] = number

    def check(self) -> None:
        """Once nothing waits any more."""
        while self.store.waiting:
            self.go_on(0, False)
        leases = self.server.leases
        for address, number in self.owners.items():
            assert leases[address].hwaddr == self.clients[number].hwaddr
            assert leases[address].state == LeaseState.DEFAULT
        counted = [lease for lease in leases.values() if lease.state != LeaseState.RECLAIMED]
        assert self.server.statistic("assigned-addresses") == len(counted)
        assert self.server.statistic("pkt4-processing-failed") == self.failures
        assert len(self.server.server) == 0


def _run(coroutine: Any) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("nothing in memory waits")


class InvariantTests(SynchronousTestCase):
    """Random lives of a neighbourhood, and of a crowd."""

    @settings(max_examples=300, deadline=None)
    @given(
        st.lists(
            st.one_of(
                st.tuples(
                    clients, st.sampled_from(("select", "renew", "release", "decline")), st.sampled_from(Crowd.POOL)
                ),
                st.tuples(clients, st.just("discover"), st.just("")),
                st.tuples(st.integers(0, 9), st.sampled_from((False, False, False, True))),
            ),
            max_size=60,
        )
    )
    def test_crowd(self, events: list[Any]) -> None:
        """V4-13, V4-68: however queries overlap, and whichever calls of the store fail, no address has two owners."""
        crowd = Crowd()
        for event in events:
            if len(event) == 2:
                crowd.go_on(*event)
            else:
                crowd.act(*event)
        crowd.check()

    def test_neighbourhood(self) -> None:
        """V4-18, V4-20, V4-68, A071: whatever clients do, no address has two owners, and the statistics are true."""
        run_state_machine_as_test(
            Neighbourhood,
            settings=settings(
                max_examples=60,
                stateful_step_count=50,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
