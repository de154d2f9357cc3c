"""The queries of the differential test of DHCPv6: a table of cases by topic, without a word about the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tests.real.cases6_damage import damaged, identities, unicasts
from tests.real.cases6_options import lifetimes, names, requested, vendors
from tests.real.cases6_places import globals6, networks, relaying, reservations, rsoo, sources
from tests.real.configuration6 import host
from tests.real.dialect6 import (
    DIRECT,
    ELAPSED,
    RAPID,
    RELAY,
    SID,
    SIDE,
    Case,
    Client,
    Clients,
    Option,
    Path,
    Step,
    asking,
    cid,
    na,
    pd,
)
from tests.real.packets6 import (
    ADDR_REG_INFORM,
    CONFIRM,
    DECLINE,
    INFORMATION_REQUEST,
    REBIND,
    RELEASE,
    RENEW,
    REQUEST,
    SOLICIT,
    packed6,
)

__all__ = ["TOPICS", "cases"]

Topic = Callable[[Clients], Iterator[Case]]


def cases(topics: Sequence[str]) -> list[Case]:
    """All cases of some topics."""
    clients = Clients()
    return [case._replace(name=f"{topic}: {case.name}") for topic in topics for case in TOPICS[topic](clients)]


def _space(*subnets: int) -> tuple[str, ...]:
    """All that these subnets may give away."""
    return tuple(network for subnet in subnets for network in (f"2001:db8:{subnet}::/48", f"3001:{subnet}::/32"))


def states(new: Clients) -> Iterator[Case]:
    """SOLICIT, REQUEST, RENEW, REBIND, RELEASE, DECLINE, on the link and through a relay."""
    for path in (DIRECT, RELAY):
        for case in (
            *_soliciting(path, new),
            *_requesting(path, new),
            *_extending(path, new),
            *_releasing(path, new),
            *_declining(path, new),
        ):
            yield case._replace(name=f"{path.name}, {case.name}")


def _soliciting(path: Path, new: Clients) -> Iterator[Case]:
    send, subnet, free = path.send, path.subnet, _space(path.subnet)
    c = new()
    address, prefix = c.address(subnet), c.prefix(subnet)
    yield Case("solicit with hints", (send(c, SOLICIT, na(1, address), pd(1, prefix), asking(23)),))
    yield Case("solicit again", (send(c, SOLICIT, na(1, address), pd(1, prefix), ELAPSED),))
    yield Case("solicit without hints", (send(new(), SOLICIT, na(), pd(), free=free),))
    yield Case("solicit without any association", (send(new(), SOLICIT, asking(23, 24)),))
    for name, hint in (
        ("another net", "2001:db8:3:1::5"),
        ("no pool", f"2001:db8:{subnet}:99::1"),
        ("nowhere", "2001:db9::1"),
        ("::", "::"),
        ("a link-local", "fe80::1"),
        ("a group", "ff02::1"),
    ):
        yield Case(f"solicit, hint in {name}", (send(new(), SOLICIT, na(1, hint), free=free),))
    for name, hint in (
        ("another net", "3001:3:1:100::/56"),
        ("nowhere", "2001:db9::/56"),
        ("::/56", "::/56"),
        ("::/48", "::/48"),
        ("::/64", "::/64"),
        ("::/0", "::/0"),
        ("::/128", "::/128"),
        ("a length of 129", f"{new().prefix(subnet)}/129"),
        ("a length of 255", "::/255"),
        ("the pool, too long", f"{new().prefix(subnet)}/64"),
        ("the pool, too short", f"{new().prefix(subnet)}/48"),
    ):
        yield Case(f"solicit, hint of a prefix in {name}", (send(new(), SOLICIT, pd(1, hint), free=free),))
    c, other = new(), new()
    mine, mine_too = c.address(subnet), c.prefix(subnet)
    yield Case(
        "solicit, hint is leased",
        (
            *path.lease(c, na(1, mine), pd(1, mine_too)),
            send(other, SOLICIT, na(1, mine), pd(1, mine_too), free=free),
            send(c, SOLICIT, na(1), pd(1)),
            send(c, SOLICIT, na(1, other.address(subnet)), pd(1, other.prefix(subnet))),
        ),
    )
    c = new()
    yield Case("rapid commit", (send(c, SOLICIT, RAPID, na(1, c.address(subnet)), pd(1, c.prefix(subnet))),))
    yield Case("rapid commit, then renew", (send(c, RENEW, SID, na(1, "offered"), pd(1, "offered")),))
    c = new()
    yield Case("rapid commit where it is not on", (SIDE.send(c, SOLICIT, RAPID, na(1, c.address(9))),))
    yield Case(
        "a request with rapid commit",
        (send(c, REQUEST, SID, RAPID, na(1, c.address(subnet)), pd(1, c.prefix(subnet))),),
    )
    c = new()
    several = [na(number, c.address(subnet, number)) for number in range(1, 4)]
    several += [pd(number, c.prefix(subnet, number)) for number in range(1, 4)]
    yield Case("several associations", path.lease(c, *several))
    c = new()
    yield Case("two addresses in one", path.lease(c, na(1, c.address(subnet), c.address(subnet, 1))))
    c = new()
    yield Case("two prefixes in one", path.lease(c, pd(1, c.prefix(subnet), c.prefix(subnet, 1))))
    c = new()
    yield Case("the same IAID twice", path.lease(c, na(1, c.address(subnet)), na(1, c.address(subnet, 1))))
    c = new()
    yield Case("the same IAID twice, of prefixes", path.lease(c, pd(1, c.prefix(subnet)), pd(1, c.prefix(subnet, 1))))
    c = new()
    yield Case("the same IAID in both kinds", path.lease(c, na(7, c.address(subnet)), pd(7, c.prefix(subnet))))
    c = new()
    yield Case("the order of associations", path.lease(c, pd(2, c.prefix(subnet)), na(1, c.address(subnet))))
    for iaid in (0, 0xFFFFFFFF):
        c = new()
        yield Case(f"IAID {iaid}", path.lease(c, na(iaid, c.address(subnet)), pd(iaid, c.prefix(subnet))))


def _requesting(path: Path, new: Clients) -> Iterator[Case]:
    send, subnet, free = path.send, path.subnet, _space(path.subnet)
    yield Case("lease whatever is offered", path.lease(new(), na(), pd(), free=free))
    c = new()
    both: tuple[Option, ...] = (na(1, c.address(subnet)), pd(1, c.prefix(subnet)))
    yield Case("request twice", (*path.lease(c, *both), send(c, REQUEST, SID, *both)))
    yield Case("request without an association", (send(new(), REQUEST, SID, asking(23)),))
    yield Case("request of another server", (send(new(), REQUEST, (2, b"\0\3\0\1another"), na()),))
    c, other = new(), new()
    yield Case(
        "request another's",
        (
            *path.lease(c, na(1, c.address(subnet)), pd(1, c.prefix(subnet))),
            send(other, REQUEST, SID, na(1, c.address(subnet)), pd(1, c.prefix(subnet)), free=free),
            send(c, RENEW, SID, na(1, c.address(subnet)), pd(1, c.prefix(subnet))),
        ),
    )
    for name, address, prefix in (
        ("elsewhere", "2001:db8:3:1::5", "3001:3:1:100::"),
        ("outside the pools", f"2001:db8:{subnet}:99::1", f"3001:{subnet + 100}:1:100::"),
        ("nowhere", "2001:db9::1", "2001:db9::"),
    ):
        yield Case(f"request addresses {name}", (send(new(), REQUEST, SID, na(1, address), free=free),))
        yield Case(f"request prefixes {name}", (send(new(), REQUEST, SID, pd(1, prefix), free=free),))
    c = new()
    yield Case(
        "request to change the address",
        (*path.lease(c, na(1, c.address(subnet))), send(c, REQUEST, SID, na(1, c.address(subnet, 1)))),
    )
    c = new()
    yield Case(
        "request more",
        (
            *path.lease(c, na(1, c.address(subnet))),
            send(c, REQUEST, SID, na(1, c.address(subnet)), na(2, c.address(subnet, 2)), pd(1, c.prefix(subnet))),
        ),
    )


def _extending(path: Path, new: Clients) -> Iterator[Case]:
    send, subnet, free = path.send, path.subnet, _space(path.subnet)
    for name, kind, sid in (("renew", RENEW, (SID,)), ("rebind", REBIND, ())):
        c = new()
        both: tuple[Option, ...] = (na(1, c.address(subnet)), pd(1, c.prefix(subnet)))
        yield Case(f"{name}", (*path.lease(c, *both), send(c, kind, *sid, *both, asking(23))))
        yield Case(f"{name} without addresses", (send(c, kind, *sid, na(), pd()),))
        wrong = (na(1, c.address(subnet, 1)), pd(1, c.prefix(subnet, 1)))
        yield Case(f"{name} another address", (send(c, kind, *sid, *wrong),))
        two = (na(1, c.address(subnet), c.address(subnet, 1)), pd(1, c.prefix(subnet), c.prefix(subnet, 1)))
        yield Case(f"{name} one too many", (send(c, kind, *sid, *two),))
        yield Case(f"{name} with a hint of ::", (send(c, kind, *sid, na(1, "::"), pd(1, "::")),))
        yield Case(
            f"{name} from elsewhere",
            (send(c, kind, *sid, na(1, "2001:db8:3:1::7"), pd(1, "3001:3:1:100::"), na(2, "2001:db9::7"), free=free),),
        )
        length = (pd(1, f"{c.prefix(subnet)}/60"),)
        yield Case(f"{name} with another length", (send(c, kind, *sid, *length),))
        c = new()
        both = (na(1, c.address(subnet)), pd(1, c.prefix(subnet)))
        wrong = (na(2, c.address(subnet)), pd(2, c.prefix(subnet)))
        yield Case(f"{name} with the wrong IAID", (*path.lease(c, *both), send(c, kind, *sid, *wrong, free=free)))
        c = new()
        lost = (na(1, c.address(subnet)), pd(1, c.prefix(subnet)))
        yield Case(f"{name} what was lost", (send(c, kind, *sid, *lost),))
        yield Case(f"{name} of nothing known", (send(new(), kind, *sid, na(), pd(), free=free),))
        yield Case(f"{name} without an association", (send(new(), kind, *sid, asking(23)),))
        c, other = new(), new()
        both = (na(1, c.address(subnet)), pd(1, c.prefix(subnet)))
        yield Case(f"{name} another's", (*path.lease(c, *both), send(other, kind, *sid, *both, free=free)))
        c = new()
        elsewhere = (na(1, "2001:db9::1"), pd(1, "2001:db9:1::"))
        yield Case(f"{name} in no pool", (send(c, kind, *sid, *elsewhere, free=free),))
    yield Case("renew at another server", (send(new(), RENEW, (2, b"\0\3\0\1another"), na()),))


def _releasing(path: Path, new: Clients) -> Iterator[Case]:
    send, subnet, free = path.send, path.subnet, _space(path.subnet)
    c, heir = new(), new()
    both: tuple[Option, ...] = (na(1, c.address(subnet)), pd(1, c.prefix(subnet)))
    release = send(c, RELEASE, SID, *both)
    yield Case("release twice, heir", (*path.lease(c, *both), release, release, *path.lease(heir, *both)))
    c = new()
    both = (na(1, c.address(subnet)), pd(1, c.prefix(subnet)))
    yield Case(
        "release and come back", (*path.lease(c, *both), send(c, RELEASE, SID, *both), send(c, RENEW, SID, *both))
    )
    c, thief = new(), new()
    both = (na(1, c.address(subnet)), pd(1, c.prefix(subnet)))
    leased = path.lease(c, *both)
    yield Case("release by a stranger", (*leased, send(thief, RELEASE, SID, *both), send(c, RENEW, SID, *both)))
    for name, options in (
        ("with the wrong IAID", (na(9, c.address(subnet)), pd(9, c.prefix(subnet)))),
        ("without an address", (na(), pd())),
        ("without an association", ()),
        ("of another address", (na(1, c.address(subnet, 5)), pd(1, c.prefix(subnet, 5)))),
        ("of another length", (pd(1, f"{c.prefix(subnet)}/60"),)),
        ("one of two", (na(1, c.address(subnet)), na(2, c.address(subnet, 2)))),
        ("a good one last", (pd(2, c.prefix(subnet, 2)), pd(1, c.prefix(subnet)))),
    ):
        yield Case(f"release {name}", (*leased, send(c, RELEASE, SID, *options), send(c, RENEW, SID, *both, free=free)))
    yield Case("release at another server", (*leased, send(c, RELEASE, (2, b"\0\3\0\1another"), *both)))
    c = new()
    two = na(1, c.address(subnet), c.address(subnet, 1))
    yield Case("release two in one", (*path.lease(c, na(1, c.address(subnet))), send(c, RELEASE, SID, two)))


def _declining(path: Path, new: Clients) -> Iterator[Case]:
    send, subnet, free = path.send, path.subnet, _space(path.subnet)
    c, heir = new(), new()
    mine = na(1, c.address(subnet))
    yield Case(
        "decline, heir, come back",
        (
            *path.lease(c, mine),
            send(c, DECLINE, SID, mine),
            send(c, DECLINE, SID, mine),
            send(heir, SOLICIT, mine, free=free),
            send(c, SOLICIT, mine, free=free),
        ),
    )
    c, thief = new(), new()
    mine, ours = na(1, c.address(subnet)), pd(1, c.prefix(subnet))
    leased = path.lease(c, mine, ours)
    yield Case("decline by a stranger", (*leased, send(thief, DECLINE, SID, mine), send(c, RENEW, SID, mine)))
    for name, options in (
        ("with the wrong IAID", (na(9, c.address(subnet)),)),
        ("without an address", (na(),)),
        ("without an association", ()),
        ("of a prefix", (ours,)),
        ("of another address", (na(1, c.address(subnet, 5)),)),
        ("one of two", (mine, na(2, c.address(subnet, 2)))),
    ):
        yield Case(
            f"decline {name}", (send(c, DECLINE, SID, *options), send(c, RENEW, SID, na(1, "offered"), ours, free=free))
        )
    yield Case("decline at another server", (send(c, DECLINE, (2, b"\0\3\0\1another"), mine),))
    yield Case("decline what was never leased", (send(c, DECLINE, SID, na(3, c.address(subnet, 7))),))


def confirming(new: Clients) -> Iterator[Case]:
    """CONFIRM: is the client still on the link?"""
    for path in (DIRECT, RELAY, SIDE):
        c = new()
        mine, subnet = c.address(path.subnet), path.subnet
        yield Case(
            f"{path.name}, leased", (*path.lease(c, na(1, mine)), path.send(c, CONFIRM, na(1, mine), asking(23)))
        )
        for name, options in (
            ("never leased", (na(1, c.address(subnet, 9)),)),
            ("outside the pools", (na(1, f"2001:db8:{subnet}:99::1"),)),
            ("off the link", (na(1, "2001:db8:77::1"),)),
            ("in another subnet", (na(1, "2001:db8:3:1::1"),)),
            ("one off", (na(1, mine), na(2, "2001:db8:77::1"))),
            ("one off in one", (na(1, mine, "2001:db8:77::1"),)),
            ("two on", (na(1, mine), na(2, c.address(subnet, 1)))),
            ("no address", (na(),)),
            ("one without address", (na(), na(2, mine))),
            ("no association", ()),
            ("a prefix only", (pd(1, c.prefix(subnet)),)),
            ("a foreign prefix", (na(1, mine), pd(1, "2001:db9::"))),
            ("a temporary address only", ((4, b"\0\0\0\1"),)),
        ):
            yield Case(f"{path.name}, {name}", (path.send(c, CONFIRM, *options),))
    c = new()
    yield Case("no subnet", (RELAY.send(c, CONFIRM, na(1, "2001:db8:2:1::1"), subnet=77),))
    yield Case("a link without pools", (RELAY.send(c, CONFIRM, na(1, "2001:db8:8::1"), subnet=8),))
    campus = RELAY.send(c, CONFIRM, na(1, "2001:db8:6:1::1"), subnet=5)
    yield Case("the other subnet of a network", (campus,))
    yield Case(
        "both subnets of a network", (RELAY.send(c, CONFIRM, na(1, "2001:db8:5:1::1", "2001:db8:6::"), subnet=6),)
    )


def informing(new: Clients) -> Iterator[Case]:
    """INFORMATION-REQUEST: options only."""
    for path in (DIRECT, RELAY, SIDE):
        c = new()
        for name, client, options in (
            ("anonymous", None, (asking(23, 24, 32),)),
            ("nothing asked", None, ()),
            ("with its DUID", c, (asking(23, 32, 83, 82),)),
            ("to us", c, (SID, asking(23))),
            ("to another", c, ((2, b"\0\3\0\1another"), asking(23))),
            ("with IA_NA", c, (na(), asking(23))),
            ("with IA_PD", c, (pd(), asking(23))),
            ("with IA_TA", c, ((4, b"\0\0\0\1"), asking(23))),
            ("with rapid commit", c, (RAPID, asking(23))),
        ):
            yield Case(f"{path.name}, {name}", (path.send(client, INFORMATION_REQUEST, *options),))
    for number in (10, 8, 5, 77):
        yield Case(f"subnet {number}", (RELAY.inform(asking(23, 24, 31, 7, 1222), subnet=number),))
    for name, address, source in (
        ("registers its address", "2001:db8:1::77", "2001:db8:1::77"),
        ("registers another address", "2001:db8:1::78", "2001:db8:1::77"),
        ("registers from a link-local", "2001:db8:1::77", DIRECT.source),
    ):
        named: Option = (5, packed6(address) + (3000).to_bytes(4, "big") + (4000).to_bytes(4, "big"))
        yield Case(name, (DIRECT.send(new(), ADDR_REG_INFORM, named, source=source),))
    yield Case("the host's options", (RELAY.send(None, INFORMATION_REQUEST, cid(host(5)), asking(23, 31), subnet=7),))


def partial(new: Clients) -> Iterator[Case]:
    """Several associations where there is not enough for all."""
    c, other = new(), new()
    asked = [
        *(na(number, f"2001:db8:4:1::{number}") for number in (1, 2)),
        na(3),
        pd(1, "3001:4::"),
        pd(2, "3001:4:0:100::"),
        pd(3),
    ]
    step = _small(c, SOLICIT)
    yield Case("solicit too many", (step(*asked),))
    yield Case("request too many", (_small(c, REQUEST)(SID, *asked),))
    yield Case("a stranger finds nothing", tuple(_small(other, kind)(*sid, na(), pd()) for kind, sid in _ALL_KINDS))
    yield Case("a stranger names it", (_small(other, REQUEST)(SID, na(1, "2001:db8:4:1::1"), pd(1, "3001:4::")),))
    yield Case("renew all", (_small(c, RENEW)(SID, *asked),))
    yield Case("rebind all", (_small(c, REBIND)(*asked),))
    yield Case("release one", (_small(c, RELEASE)(SID, asked[0], asked[3]),))
    yield Case("a stranger gets it", (_small(other, REQUEST)(SID, na(), pd()),))
    yield Case("the first comes back", (_small(c, RENEW)(SID, *asked),))
    yield Case("prefixes only", tuple(RELAY.lease(new(), na(), pd(1, new().prefix(16)), subnet=16)))
    yield Case("addresses only", tuple(RELAY.lease(new(), na(1, new().address(17)), pd(), subnet=17)))
    for name, subnet in (("no pools", 8), ("no subnet", 77)):
        for kind, sid in _ALL_KINDS:
            c = new()
            both = (na(1, "2001:db8:8:1::1"), pd(1, "3001:8:1:100::"))
            yield Case(f"{name}, type {kind}", (RELAY.send(c, kind, *sid, *both, subnet=subnet),))
            yield Case(f"{name}, no hints, type {kind}", (RELAY.send(c, kind, *sid, na(), pd(), subnet=subnet),))
    c = new()
    for kind in (RELEASE, DECLINE):
        yield Case(f"no subnet, type {kind}", (RELAY.send(c, kind, SID, na(1, "2001:db8:8:1::1"), subnet=77),))


_ALL_KINDS: Final[tuple[tuple[int, tuple[Option, ...]], ...]] = (
    (SOLICIT, ()),
    (REQUEST, (SID,)),
    (RENEW, (SID,)),
    (REBIND, ()),
)


def _small(client: Client, kind: int) -> Callable[..., Step]:
    return lambda *options: RELAY.send(client, kind, *options, subnet=4)


TOPICS: Final[dict[str, Topic]] = {
    topic.__name__: topic
    for topic in (
        states,
        confirming,
        informing,
        partial,
        lifetimes,
        requested,
        vendors,
        names,
        relaying,
        reservations,
        networks,
        globals6,
        sources,
        rsoo,
        identities,
        damaged,
        unicasts,
    )
}
