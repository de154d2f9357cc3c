"""The queries of the differential test: a table of cases by topic, deterministic, without a word about the answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from tests.real.cases4_options import lifetimes, names, overloads, requested, vendors
from tests.real.cases4_places import globals4, networks, relaying, reservations
from tests.real.dialect import (
    BROADCAST_FLAG,
    DIRECT,
    NOWHERE,
    OFFERED,
    PRL,
    RELAY,
    SIDE,
    Case,
    Clients,
    Path,
    Step,
    asking,
    host,
    sid,
    want,
)
from tests.real.packets import ACK, DECLINE, DISCOVER, INFORM, NAK, OFFER, RELEASE, REQUEST, Query, suboptions

__all__ = ["TOPICS", "cases"]

Topic = Callable[[Clients], Iterator[Case]]


def cases(topics: Sequence[str]) -> list[Case]:
    """All cases of some topics."""
    clients = Clients()
    return [case._replace(name=f"{topic}: {case.name}") for topic in topics for case in TOPICS[topic](clients)]


def states(new: Clients) -> Iterator[Case]:
    """DISCOVER, the four REQUESTs, RELEASE, DECLINE, on the link and through a relay."""
    for path in (DIRECT, RELAY):
        for case in (*_discovering(path, new), *_requesting(path, new), *_leaving(path, new)):
            yield case._replace(name=f"{path.name}, {case.name}")


def _discovering(path: Path, new: Clients) -> Iterator[Case]:
    send, subnet = path.send, path.subnet
    c = new()
    yield Case("discover with a hint", (send(c, DISCOVER, want(c.address(subnet)), PRL),))
    c = new()
    yield Case("discover without a hint", (send(c, DISCOVER, PRL, pool=f"10.{subnet}."),))
    for name, address in (("another net", "10.3.20.1"), ("no pool", f"10.{subnet}.0.77"), ("nonsense", "0.0.0.0")):
        yield Case(f"discover, hint in {name}", (send(new(), DISCOVER, want(address), PRL, pool=f"10.{subnet}."),))
    c, other = new(), new()
    taken = c.address(subnet)
    yield Case(
        "discover, hint is leased", (*path.lease(c, taken), send(other, DISCOVER, want(taken), pool=f"10.{subnet}."))
    )
    c = new()
    address = c.address(subnet)
    yield Case("discover twice, then again after the lease", (*path.lease(c, address), send(c, DISCOVER, PRL)))
    c = new()
    yield Case("discover with the broadcast flag", (send(c, DISCOVER, want(c.address(subnet)), flags=BROADCAST_FLAG),))
    c = new()
    odd = {"flags": 0x7FFF, "secs": 77, "siaddr": "192.0.2.7", "yiaddr": "192.0.2.8"}
    yield Case("discover with odd fields", (send(c, DISCOVER, want(c.address(subnet)), **odd),))
    c = new()
    yield Case("discover with ciaddr", (send(c, DISCOVER, want(c.address(subnet)), ciaddr=c.address(subnet)),))
    c = new()
    yield Case("discover with server identifier", (send(c, DISCOVER, want(c.address(subnet)), sid(path.server)),))
    c = new()
    named = {"sname": b"server-name", "file": b"file-name"}
    yield Case("discover with sname and file", (send(c, DISCOVER, want(c.address(subnet)), **named),))


def _requesting(path: Path, new: Clients) -> Iterator[Case]:
    send, subnet = path.send, path.subnet
    c = new()
    a = c.address(subnet)
    yield Case("lease, renew, rebind", (*path.lease(c, a, PRL), path.renew(c, a, PRL), send(c, REQUEST, PRL, ciaddr=a)))
    c = new()
    yield Case("lease whatever is offered", path.lease(c, OFFERED, PRL))
    c = new()
    a = c.address(subnet)
    yield Case(
        "lease and renew with the broadcast flag",
        (*path.lease(c, a, flags=BROADCAST_FLAG), path.renew(c, a, flags=BROADCAST_FLAG)),
    )
    c = new()
    yield Case("request of another server", (send(c, REQUEST, want(c.address(subnet)), sid("192.0.2.99")),))
    c, other = new(), new()
    a = c.address(subnet)
    for name, options in (("selecting", (want(a), sid(path.server))), ("init-reboot", (want(a),))):
        other = new()
        yield Case(f"{name} another's address", (*path.lease(c, a), send(other, REQUEST, *options)))
    yield Case("renew another's address", (path.renew(new(), a),))
    for name, address in (
        ("outside the pools", f"10.{subnet}.0.99"),
        ("outside the net", "10.3.20.9"),
        ("nonsense", "0.0.0.0"),
    ):
        yield Case(f"selecting {name}", (send(new(), REQUEST, want(address), sid(path.server)),))
        yield Case(f"init-reboot {name}", (send(new(), REQUEST, want(address)),))
        if address != "0.0.0.0":
            yield Case(f"rebind {name}", (send(new(), REQUEST, ciaddr=address),))
    c = new()
    yield Case("selecting without an address", (send(c, REQUEST, sid(path.server), pool=f"10.{subnet}."),))
    yield Case("request with nothing", (send(new(), REQUEST, pool=f"10.{subnet}."),))
    c = new()
    yield Case("init-reboot of a stranger", (send(c, REQUEST, want(c.address(subnet)), PRL),))
    c = new()
    a = c.address(subnet)
    yield Case("init-reboot of a friend", (*path.lease(c, a), send(c, REQUEST, want(a), PRL)))
    c, elsewhere = new(), new()
    yield Case(
        "init-reboot to another address",
        (*path.lease(c, c.address(subnet)), send(c, REQUEST, want(elsewhere.address(subnet)))),
    )
    c, elsewhere = new(), new()
    moved = send(c, REQUEST, want(elsewhere.address(subnet)), sid(path.server), PRL)
    yield Case("selecting another address moves the lease", (*path.lease(c, c.address(subnet)), moved))
    c = new()
    yield Case("renew of a stranger", (path.renew(c, c.address(subnet)),))
    c = new()
    a = c.address(subnet)
    both = send(c, REQUEST, want(a), sid(path.server), ciaddr=a)
    yield Case("selecting with ciaddr", (*path.lease(c, a), both))


def _leaving(path: Path, new: Clients) -> Iterator[Case]:
    send, subnet = path.send, path.subnet
    c, heir = new(), new()
    a = c.address(subnet)
    yield Case("release twice, heir", (*path.lease(c, a), path.release(c, a), path.release(c, a), *path.lease(heir, a)))
    c = new()
    a = c.address(subnet)
    yield Case(
        "release and come back", (*path.lease(c, a), path.release(c, a), send(c, REQUEST, want(a)), *path.lease(c, a))
    )
    c, thief = new(), new()
    a = c.address(subnet)
    yield Case("release by a stranger", (*path.lease(c, a), path.release(thief, a), path.renew(c, a)))
    c = new()
    a = c.address(subnet)
    yield Case(
        "release without ciaddr", (*path.lease(c, a), send(c, RELEASE, want(a), sid(path.server)), path.renew(c, a))
    )
    yield Case(
        "release to another server",
        (
            path.release(c, a)._replace(query=path.release(c, a).query._replace(options=(sid("192.0.2.99"),))),
            path.renew(c, a),
        ),
    )
    c, heir = new(), new()
    a = c.address(subnet)
    declined = send(c, DECLINE, want(a), sid(path.server))
    yield Case(
        "decline, heir, come back",
        (
            *path.lease(c, a),
            declined,
            send(heir, DISCOVER, want(a), pool=f"10.{subnet}."),
            send(c, REQUEST, want(a)),
            send(c, DISCOVER, want(a), pool=f"10.{subnet}."),
        ),
    )
    c, thief = new(), new()
    a = c.address(subnet)
    yield Case(
        "decline by a stranger", (*path.lease(c, a), send(thief, DECLINE, want(a), sid(path.server)), path.renew(c, a))
    )
    c = new()
    a = c.address(subnet)
    yield Case(
        "decline without an address",
        (*path.lease(c, a), send(c, DECLINE, sid(path.server), ciaddr=a), path.renew(c, a)),
    )
    c = new()
    yield Case(
        "decline of what was never leased",
        (send(c, DECLINE, want(c.address(subnet))), *path.lease(c, c.address(subnet))),
    )


def informs(new: Clients) -> Iterator[Case]:
    """INFORM: options only."""
    for path in (DIRECT, RELAY):
        c = new()
        a = c.address(path.subnet)
        yield Case(
            f"{path.name}, broadcast", (path.send(c, INFORM, PRL, ciaddr=a, **({} if path.relayed else {"source": a})),)
        )
        ask = partial(path.send, ciaddr=a) if path.relayed else partial(path.unicast, address=a)
        for name, options, flags in (
            ("from its address", (PRL,), 0),
            ("with the broadcast flag", (PRL,), BROADCAST_FLAG),
            ("option 82", (PRL, (82, suboptions((1, b"circuit")))), 0),
            ("asks for times", (asking(51, 58, 59, 1, 3), (51, bytes(4))), 0),
            ("names itself", ((12, b"inform"), (61, b"\1inform"), asking(12)), 0),
            ("wants an address", (want(a), PRL), 0),
        ):
            yield Case(f"{path.name}, {name}", (ask(new(), INFORM, *options, flags=flags),))
        source = {} if path.relayed else {"source": a}
        yield Case(f"{path.name}, no ciaddr", (path.send(new(), INFORM, PRL, **source),))
    yield Case("nobody's", (DIRECT.send(new(), INFORM, PRL),))
    yield Case("in a net without pools", (RELAY.send(new(), INFORM, PRL, subnet=8, ciaddr="10.8.0.5"),))
    yield Case("in no net", (RELAY.send(new(), INFORM, PRL, giaddr=NOWHERE, ciaddr=NOWHERE),))
    yield Case(
        "with a reservation",
        (RELAY.send(new(), INFORM, asking(6, 66, 42), subnet=7, chaddr=host(7), ciaddr="10.7.200.7"),),
    )


def identities(new: Clients) -> Iterator[Case]:
    """Client identifiers and hardware addresses that agree, change, or are missing."""
    for subnet, label in ((2, "match-client-id"), (4, "match-client-id false")):
        a, b = new(), new()
        address, cid = a.address(subnet), (61, b"\1" + a.hwaddr)
        leased = RELAY.lease(a, address, cid, subnet=subnet)
        discover, request = RELAY.send, RELAY.send
        pool = f"10.{subnet}."
        yield Case(f"{label}, same both", (*leased, discover(a, DISCOVER, cid, subnet=subnet)))
        yield Case(
            f"{label}, new hardware",
            (
                discover(b, DISCOVER, cid, subnet=subnet, pool=pool),
                request(b, REQUEST, cid, want(address), subnet=subnet),
            ),
        )
        yield Case(
            f"{label}, new identifier",
            (
                discover(a, DISCOVER, (61, b"\1other"), subnet=subnet, pool=pool),
                request(a, REQUEST, (61, b"\1other"), want(address), subnet=subnet),
            ),
        )
        yield Case(
            f"{label}, identifier lost",
            (discover(a, DISCOVER, subnet=subnet, pool=pool), request(a, REQUEST, want(address), subnet=subnet)),
        )
        a, b = new(), new()
        address = a.address(subnet)
        leased = RELAY.lease(a, address, subnet=subnet)
        found = (61, b"\1found")
        yield Case(
            f"{label}, identifier found",
            (
                *leased,
                discover(a, DISCOVER, found, subnet=subnet, pool=pool),
                request(a, REQUEST, found, want(address), subnet=subnet),
            ),
        )
        yield Case(f"{label}, renew by another identifier", (RELAY.renew(a, address, (61, b"\1xyz"), subnet=subnet),))
        yield Case(
            f"{label}, released by another identifier",
            (RELAY.release(a, address, (61, b"\1abc"), subnet=subnet), RELAY.renew(a, address, found, subnet=subnet)),
        )
        yield Case(
            f"{label}, declined by another hardware",
            (
                RELAY.send(b, DECLINE, want(address), found, subnet=subnet),
                RELAY.renew(a, address, found, subnet=subnet),
            ),
        )
    for length in (0, 1, 2, 3, 64, 128, 255, 300):
        c = new()
        yield Case(
            f"client identifier of {length} bytes",
            RELAY.lease(c, c.address(2), (61, bytes(range(1, 250))[:length].ljust(length, b"x"))),
        )
    c = new()
    duid = b"\xff" + bytes(4) + bytes((0, 3, 0, 1)) + c.hwaddr
    yield Case("a DUID", RELAY.lease(c, c.address(2), (61, duid)))
    c = new()
    yield Case("no hardware address", RELAY.lease(c, c.address(2), (61, b"\1bare"), chaddr=b"", hlen=0))
    yield Case("no hardware address, no identifier", RELAY.lease(new(), new().address(2), chaddr=b"", hlen=0))
    for htype, hlen in ((6, 6), (32, 16), (1, 16), (1, 1), (0, 6), (1, 17), (255, 255)):
        c = new()
        hwaddr = (c.hwaddr * 3)[: min(hlen, 16)]
        yield Case(
            f"hardware type {htype} of {hlen} bytes",
            RELAY.lease(c, c.address(2), chaddr=hwaddr, htype=htype, hlen=hlen),
        )


def malformed(new: Clients) -> Iterator[Case]:
    """What no client ought to send."""

    def raw(name: str, options: bytes, **fields: object) -> Case:
        return Case(name, (RELAY.send(new(), DISCOVER, raw_options=options, **fields),))

    good = bytes((53, 1, 1)) + bytes((50, 4, 10, 2, 46))
    yield raw("no options", b"")
    yield raw("END only", b"\xff")
    yield raw("no message type", bytes((55, 1, 3, 255)))
    yield raw("no END", good + b"\x01")
    yield raw("after END", good + b"\x02\xff\x0c\x04host")
    yield raw("PADs", b"\0\0" + good + b"\x03\0\0\x37\0\0\xff\0\0")
    yield raw("a length without value", good + b"\x04\x0c")
    yield raw("a length past the end", good + b"\x05\x0c\x09abc")
    yield raw("a length past the end in 82", good + b"\x06\x52\x20\x01\x01a\xff")
    yield raw("message type twice", bytes((53, 1, 1, 53, 1, 3, 50, 4, 10, 2, 46, 7, 255)))
    yield raw("message type of two bytes", bytes((53, 2, 1, 1, 255)))
    yield raw("message type empty", bytes((53, 0, 255)))
    for kind in (0, OFFER, ACK, NAK, 9, 10, 13, 18, 19, 255):
        yield Case(
            f"message type {kind}",
            (RELAY.send(new(), kind or 254, want("10.2.46.9"), options=((53, b"\0"),) if not kind else ()),),
        )
    for op in (0, 2, 3, 255):
        yield Case(f"op {op}", (RELAY.send(new(), DISCOVER, want(new().address(2)), op=op),))
    for name, options in (
        ("requested address of three bytes", ((50, b"\x0a\2\x3c"),)),
        ("requested address empty", ((50, b""),)),
        ("server identifier of three bytes", ((54, b"\x0a\2\x3c"),)),
        ("an unknown option", ((250, b"unknown"),)),
        ("a configured code with nonsense", ((3, b"x"), (6, b"xyz"), (26, b""), (121, b"\x40"))),
        ("auto-configure", ((116, b"\1"),)),
        ("rapid commit", ((80, b""),)),
        ("v6-only preferred", (asking(108),)),
        ("authentication", ((90, b"\1\1\0" + bytes(8)),)),
        ("search list with a pointer to itself", ((119, b"\xc0\0"),)),
        ("search list cut short", ((119, b"\x09abc"),)),
    ):
        c = new()
        yield Case(name, RELAY.lease(c, c.address(2), *options))
    c = new()
    stray = Query(DISCOVER, c.hwaddr, (want(c.address(0)),), siaddr="10.0.0.1")
    yield Case("frame of another hardware address", (Step(stray, "eth0"),))
    yield Case(
        "unicast discover from no net", (Step(Query(DISCOVER, c.hwaddr, (asking(108),)), "eth0", NOWHERE, "10.0.0.1"),)
    )
    yield Case(
        "renew from another source",
        (*DIRECT.lease(c, c.address(0)), DIRECT.unicast(c, REQUEST, address=c.address(0), source="10.0.20.250")),
    )
    yield Case("renew of another net", (DIRECT.unicast(new(), REQUEST, address="10.3.20.9"),))


def addressing(new: Clients) -> Iterator[Case]:
    """Where answers go: every mix of ciaddr, giaddr, the broadcast flag and what kind of answer it is."""
    for flags in (0, BROADCAST_FLAG):
        for ciaddr in (False, True):
            for path in (DIRECT, RELAY, SIDE):
                c, d = new(), new()
                a, b = c.address(path.subnet), d.address(path.subnet)
                name = f"{path.name}, flags {flags:x}, {'ciaddr' if ciaddr else 'no ciaddr'}"
                fields: dict[str, object] = {"flags": flags, **({"ciaddr": a} if ciaddr else {})}
                yield Case(f"{name}, ACK", path.lease(c, a, **fields))
                yield Case(f"{name}, NAK", (path.send(d, REQUEST, want("10.3.99.99"), sid(path.server), **fields),))
                fields["chaddr"] = bytes(6)
                yield Case(f"{name}, zero chaddr", (path.send(d, DISCOVER, want(b), **fields, as_client=False),))


TOPICS: Final[dict[str, Topic]] = {
    topic.__name__: topic
    for topic in (
        states,
        informs,
        identities,
        requested,
        lifetimes,
        vendors,
        relaying,
        reservations,
        networks,
        globals4,
        names,
        overloads,
        malformed,
        addressing,
    )
}
