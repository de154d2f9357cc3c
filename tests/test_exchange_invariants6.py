"""What holds whatever DHCPv6 clients do: nothing with two owners, nothing miscounted, nothing raised."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import configured6
from tests.exchanging import Instantly, reclaiming
from tests.exchanging6 import LINK
from txkea.exchange.accounting import reclaimed
from txkea.leases.expiry import Reclamation
from txkea.model.lease import Lease6, LeaseState, LeaseType
from txkea.testing.clients6 import Answer6, Client6, LocalServer6, ia_na, ia_pd, relayed, through
from txkea.testing.stores import WaitingLeases
from txkea.wire.dhcp6 import MessageType6, Option6, StatusCode
from txkea.wire.ia import Ia

NA, PD = Option6.IA_NA, Option6.IA_PD
LIFETIME, PROBATION = 100, 50
ADDRESSES = ("2001:db8:1::10", "2001:db8:1::11", "2001:db8:1::50", "2001:db8:3::10", "2001:db8:2::10", "2001:db8:2::11")
PREFIXES = ("2001:db8:a::/62", "2001:db8:a:4::/62", "2001:db8:a::/63", "2001:db8:a:2::/63", "2001:db8:a:4::/64")
NOWHERE = ("2001:db8:1::99", "2001:db8:9::1", "::")
RESERVED = {"2001:db8:1::50": 1}
RESERVED_PREFIX = "2001:db8:a:4::/64"
"""Inside of what the pool delegates: reserved for client 2."""
CLIENTS = 4

clients = st.integers(1, CLIENTS)
iaids = st.integers(1, 2)
associations = st.one_of(
    st.builds(ia_na, iaids),
    st.builds(ia_na, iaids, st.sampled_from((*ADDRESSES, *NOWHERE))),
    st.builds(ia_pd, iaids),
    st.builds(ia_pd, iaids, st.sampled_from(PREFIXES)),
)
wishes = st.lists(associations, min_size=1, max_size=4, unique_by=lambda ia: (ia.code, ia.iaid))

Range = tuple[int, int]
"""First and last address."""


def ranged(address: bytes, length: int) -> Range:
    """What an address or prefix covers."""
    first = int.from_bytes(address, "big")
    return first, first | (1 << 128 - length) - 1


def overlap(one: Range, other: Range) -> bool:
    """Whether they share an address."""
    return one[0] <= other[1] and other[0] <= one[1]


def configuration(delegated: int, hold: int, threshold: float, rapid: bool) -> Any:
    """Two subnets on the server's link and one behind a relay, each with two addresses and a few prefixes."""
    pd_pools = [{"prefix": "2001:db8:a::", "prefix-len": 61, "delegated-len": delegated}]
    hosts = [
        {"duid": f"00:03:00:01:02:00:00:01:00:{number:02x}", **what}
        for number, what in ((1, {"ip-addresses": ["2001:db8:1::50"]}), (2, {"prefixes": [RESERVED_PREFIX]}))
    ]
    link = [
        {"id": 11, "subnet": "2001:db8:1::/64", "pools": [{"pool": "2001:db8:1::10/127"}], "pd-pools": pd_pools},
        {"id": 12, "subnet": "2001:db8:3::/64", "pools": [{"pool": "2001:db8:3::10/127"}]},
    ]
    link[0]["reservations"] = hosts
    behind = {"id": 2, "subnet": "2001:db8:2::/64", "pools": [{"pool": "2001:db8:2::10/127"}]}
    return configured6(
        valid_lifetime=LIFETIME,
        preferred_lifetime=60,
        decline_probation_period=PROBATION,
        cache_threshold=threshold,
        expired_leases_processing={"hold-reclaimed-time": hold},
        shared_networks=[{"name": "link", "interface": "eth0", "rapid-commit": rapid, "subnet6": link}],
        subnet6=[behind],
    )


Association = tuple[int, int, int]
"""Client, code and IAID."""


class Neighbourhood6(RuleBasedStateMachine):
    """Clients on a link with two subnets and behind a relay, and who owns what as the clients saw it."""

    @initialize(
        delegated=st.sampled_from((62, 63, 64)),
        hold=st.sampled_from((0, 3600)),
        threshold=st.sampled_from((0.0, 0.25)),
        rapid=st.booleans(),
    )
    def start(self, delegated: int, hold: int, threshold: float, rapid: bool) -> None:
        self.settings = (hold, threshold, rapid)
        self.server = reclaiming(LocalServer6(configuration(delegated, *self.settings)))
        self.owners: dict[Range, tuple[Association, int]] = {}
        """What was told to whom last, and the last second of the lease."""
        self.declined: dict[Range, int] = {}
        self.relayed: set[int] = set()
        self.clients = {number: Client6(self.server, number) for number in range(1, CLIENTS + 1)}

    # -- what the clients saw

    def holds(self, what: Range) -> list[Association]:
        """Who may use some of a range now."""
        now = int(self.server.now)
        return [who for taken, (who, end) in self.owners.items() if end >= now and overlap(taken, what)]

    def ask(self, number: int, name: str, *arguments: Any) -> Answer6 | None:
        """Let a client send something, from where it is."""
        relays = through(relayed(LINK)) if number in self.relayed else ()
        before = self.running()
        answer: Answer6 | None = getattr(self.clients[number], name)(*arguments, relays=relays)
        if answer is None or answer.type == MessageType6.ADVERTISE or name == "confirm":
            assert self.running() == before, f"{name} without a binding changes none"
        if answer is not None:
            self.seen(number, name, answer)
        return answer

    def seen(self, number: int, name: str, answer: Answer6) -> None:
        """What a client makes of an answer, and what must not be."""
        now = int(self.server.now)
        for ia in answer.ias:
            who = (number, ia.code, ia.iaid)
            for each in ia.resources:
                what = ranged(each.address, each.length)
                if not each.valid:
                    self.owners.pop(what, None) if self.owners.get(what, (who, 0))[0] == who else None
                    continue
                assert set(self.holds(what)) <= {who}, f"{answer.ias} gives {who} what {self.holds(what)} has"
                assert not any(overlap(what, kept) and end >= now for kept, end in self.declined.items())
                if answer.type == MessageType6.REPLY:
                    self.owners[what] = (who, now + each.valid)
        for address, owner in RESERVED.items():
            assert address not in answer.addresses or number == owner or name != "solicit"

    def running(self) -> dict[str, Lease6]:
        """The leases in the store by which somebody uses something."""
        return {
            text: lease
            for text, lease in self.server.leases.items()
            if lease.state == LeaseState.DEFAULT and not lease.expired(self.server.now)
        }

    # -- what clients do

    @rule(number=clients, seconds=st.sampled_from((0, 1, 9, 12, 26, 49, 51, 99, 101)), behind=st.booleans())
    def move(self, number: int, seconds: int, behind: bool) -> None:
        self.server.now += seconds
        (self.relayed.add if behind else self.relayed.discard)(number)

    @rule(number=clients, ias=wishes)
    def solicit(self, number: int, ias: list[Ia]) -> None:
        answer = self.ask(number, "solicit", ias)
        assert answer is not None
        assert [(ia.code, ia.iaid) for ia in answer.ias] == sorted(
            [(ia.code, ia.iaid) for ia in ias], key=lambda each: each[0]
        )

    @rule(number=clients, ias=wishes, rapid=st.booleans())
    def lease(self, number: int, ias: list[Ia], rapid: bool) -> None:
        """A whole exchange: what was offered a moment ago is granted."""
        self.clients[number].rapid = rapid
        advertised = self.ask(number, "solicit", ias)
        assert advertised is not None
        if advertised.type == MessageType6.ADVERTISE:
            wanted = [ia for ia in advertised.ias if ia.resources]
            reply = self.ask(number, "request", wanted)
            assert reply is not None
            given = {*reply.addresses, *reply.prefixes}
            assert {*advertised.addresses, *advertised.prefixes} <= given, f"{advertised} became {reply}"

    @rule(number=clients, ias=wishes, name=st.sampled_from(("request", "renew", "rebind")))
    def claim(self, number: int, ias: list[Ia], name: str) -> None:
        """Say that one has, or wants, whatever it may be."""
        assert self.ask(number, name, ias) is not None

    @rule(number=clients, ias=wishes)
    def confirm(self, number: int, ias: list[Ia]) -> None:
        self.ask(number, "confirm", ias)

    @rule(number=clients, ias=wishes, name=st.sampled_from(("release", "decline")))
    def give_back(self, number: int, ias: list[Ia], name: str) -> None:
        before = dict(self.owners)
        answer = self.ask(number, name, ias)
        assert answer is not None
        for ia in ias:
            for each in ia.resources:
                what, who = ranged(each.address, each.length), (number, ia.code, ia.iaid)
                mine = before.get(what, (None, 0))
                if mine[0] != who or mine[1] < int(self.server.now) or (name == "decline" and ia.code == PD):
                    continue
                assert answer.ia_status(ia.iaid, ia.code) == StatusCode.SUCCESS
                del self.owners[what]
                if name == "decline":
                    self.declined[what] = int(self.server.now) + PROBATION

    @rule(number=clients, address=st.sampled_from(ADDRESSES))
    def register(self, number: int, address: str) -> None:
        """A client says that it has an address of its own: taken if nobody was given it."""
        client = self.clients[number]
        (resource,) = ia_na(0, address).resources
        what = ranged(resource.address, 128)
        before = self.running()
        answer = client.register(address, 20, 40) if number not in self.relayed else None
        assert self.running() == before, "a registration changes no lease"
        if answer is not None:
            assert not [who for who in self.holds(what) if who[1]], "a leased address is not registered"
            self.owners.pop(what, None)

    @rule(delegated=st.sampled_from((62, 63, 64)))
    def reconfigure(self, delegated: int) -> None:
        """Prefixes become longer or shorter."""
        before, now = self.server.site, self.server.now
        self.server = reclaiming(
            LocalServer6(
                configuration(delegated, *self.settings),
                leases=before.leases,
                statistics=before.statistics,
                known=before.subnets.subnets,
                offers=before.offers,
            )
        )
        self.server.now = now
        for client in self.clients.values():
            client.server = self.server

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
            assert self.server.statistic("pkt6-processing-failed") == 0, self.server.log.lines[-1]
            assert len(self.server.server) == 0

    @invariant()
    def owners_are_stored(self) -> None:
        """Whoever was told that something is its own is what the store says, for at least as long."""
        if not hasattr(self, "server"):
            return
        running = {ranged(lease.address, lease.prefix_length): lease for lease in self.running().values()}
        for what, ((number, code, iaid), end) in self.owners.items():
            if end >= int(self.server.now):
                lease = running[what]
                kind = LeaseType.NA if code == NA else LeaseType.PD
                assert (lease.duid, lease.type, lease.iaid) == (self.clients[number].duid, kind, iaid)
                assert lease.expires >= end

    @invariant()
    def nothing_overlaps(self) -> None:
        """No two rows of the store share an address, whatever their state."""
        if hasattr(self, "server"):
            rows = sorted(ranged(lease.address, lease.prefix_length) for lease in self.server.leases.values())
            assert all(one[1] < other[0] for one, other in itertools.pairwise(rows)), rows

    @invariant()
    def counted(self) -> None:
        """The statistics count what the store holds, subnet by subnet and in all."""
        if not hasattr(self, "server"):
            return
        leases = self.server.leases.values()
        for subnet in (2, 11, 12, None):
            prefix = f"subnet[{subnet}]." if subnet else ""
            for name, kind in (("nas", LeaseType.NA), ("pds", LeaseType.PD)):
                states = [each.state for each in leases if subnet in (None, each.subnet_id) and each.type == kind]
                assigned = states.count(LeaseState.DEFAULT) + states.count(LeaseState.DECLINED)
                assert self.server.statistic(f"{prefix}assigned-{name}") == assigned, (prefix, name)
            declined = [
                each for each in leases if subnet in (None, each.subnet_id) and each.state == LeaseState.DECLINED
            ]
            assert self.server.statistic(f"{prefix}declined-addresses") == len(declined)


class Crowd6:
    """Clients whose queries overlap, in front of a store that waits; who owns what is judged from the answers."""

    POOL = ("2001:db8:1::10", "2001:db8:1::11", "2001:db8:1::12")

    def __init__(self) -> None:
        self.store = WaitingLeases()
        subnet = {
            "id": 1,
            "subnet": "2001:db8:1::/64",
            "interface": "eth0",
            "pools": [{"pool": "2001:db8:1::10 - 2001:db8:1::12"}],
            "pd-pools": [
                {"prefix": "2001:db8:a::", "prefix-len": 62, "delegated-len": 63},
                {"prefix": "2001:db8:b::", "prefix-len": 62, "delegated-len": 64},
            ],
        }
        self.server = LocalServer6(configured6(subnet6=[subnet], cache_threshold=0.0), leases=self.store)
        self.clients = {number: Client6(self.server, number) for number in range(1, CLIENTS + 1)}
        self.owners: dict[Range, Association] = {}
        self.failures = 0

    def act(self, number: int, name: str, ias: list[Ia]) -> None:
        """A client sends something; RELEASE and DECLINE mean that it uses the resource no more."""
        if name in ("release", "decline"):
            for ia in ias:
                for each in ia.resources:
                    what = ranged(each.address, each.length)
                    if self.owners.get(what) == (number, ia.code, ia.iaid):
                        del self.owners[what]
        getattr(self.clients[number], name)(ias)
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
            number = answer.options[Option6.CLIENT_ID][-1]
            if answer.type != MessageType6.REPLY:
                continue
            for ia in answer.ias:
                for each in ia.resources:
                    what = ranged(each.address, each.length)
                    if not each.valid:
                        self.owners.pop(what, None)
                        continue
                    others = [who for taken, who in self.owners.items() if overlap(taken, what)]
                    assert set(others) <= {(number, ia.code, ia.iaid)}, f"{answer} gives what {others} has"
                    self.owners[what] = (number, ia.code, ia.iaid)

    def check(self) -> None:
        """Once nothing waits any more."""
        while self.store.waiting:
            self.go_on(0, False)
        rows = {ranged(lease.address, lease.prefix_length): lease for lease in self.server.leases.values()}
        for what, (number, _, iaid) in self.owners.items():
            assert (rows[what].duid, rows[what].iaid) == (self.clients[number].duid, iaid)
            assert rows[what].state == LeaseState.DEFAULT
        counted = [lease for lease in rows.values() if lease.state != LeaseState.RECLAIMED]
        assert self.server.statistic("assigned-nas") + self.server.statistic("assigned-pds") == len(counted)
        assert len(self.server.server) == 0


def _run(coroutine: Any) -> None:
    try:
        coroutine.send(None)
    except StopIteration:
        return
    raise AssertionError("nothing in memory waits")


crowd_wishes = st.lists(
    st.one_of(
        st.builds(ia_na, iaids),
        st.builds(ia_na, iaids, st.sampled_from(Crowd6.POOL)),
        st.builds(ia_pd, iaids),
        st.builds(ia_pd, iaids, st.sampled_from(("2001:db8:a::/63", "2001:db8:b::/64", "2001:db8:b::/63"))),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda ia: (ia.code, ia.iaid),
)


class InvariantTests(SynchronousTestCase):
    """Random lives of a neighbourhood, and of a crowd."""

    @settings(max_examples=200, deadline=None)
    @given(
        st.lists(
            st.one_of(
                st.tuples(clients, st.sampled_from(("request", "renew", "release", "decline")), crowd_wishes),
                st.tuples(clients, st.just("solicit"), crowd_wishes),
                st.tuples(st.integers(0, 9), st.sampled_from((False, False, False, True))),
            ),
            max_size=50,
        )
    )
    def test_crowd(self, events: list[Any]) -> None:
        """However queries overlap, and whichever calls of the store fail, nothing has two owners."""
        crowd = Crowd6()
        for event in events:
            if len(event) == 2:
                crowd.go_on(*event)
            else:
                crowd.act(*event)
        crowd.check()

    def test_neighbourhood(self) -> None:
        """Whatever clients say and however prefixes are cut, nothing has two owners and the counters are right."""
        run_state_machine_as_test(
            Neighbourhood6,
            settings=settings(
                max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
