"""Cases about where a client is and what waits for it there: relays, networks, reservations, hardware addresses."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from tests.real.configuration6 import HOST, host
from tests.real.dialect6 import (
    ALL,
    DIRECT,
    RELAY,
    SID,
    SIDE,
    Case,
    Client,
    Clients,
    Option,
    Step,
    asking,
    cid,
    ll,
    na,
    pd,
)
from tests.real.packets6 import REBIND, RELAY_REPL, RELEASE, RENEW, REQUEST, SOLICIT, Query, Relay, encode, options

__all__ = ["globals6", "networks", "relaying", "reservations", "rsoo", "sources"]

LINK: Final = "2001:db8:2::9"
LOCAL: Final = "fe80::ee:ff:fe00:1"
"""The relay's own link-local address."""
PORT_ID: Final[Option] = (18, b"port-1")


def _through(client: Client, *relays: Relay, subnet: int = 2, more: tuple[Option, ...] = (), **fields: object) -> Step:
    step = RELAY.send(client, SOLICIT, na(1, client.address(subnet)), *more, relays=relays)
    return step._replace(**fields)  # type: ignore[arg-type]


def relaying(new: Clients) -> Iterator[Case]:
    """Levels of relaying, what relays add, and which of them says where the client is."""
    yield from _levels(new)
    yield from _additions(new)
    yield from _links(new)
    yield from _wrong_relays(new)


def _levels(new: Clients) -> Iterator[Case]:
    for levels in (1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 31, 32, 33, 34):
        relays = [Relay("::", f"fe80::{level + 1:x}", ((18, b"%d" % level),)) for level in range(levels)]
        relays[0] = relays[0]._replace(link=LINK)
        yield Case(f"{levels} levels", (_through(new(), *relays),))
    for hops in (0, 1, 7, 8, 9, 31, 32, 33, 255):
        yield Case(f"hop count {hops}", (_through(new(), Relay(LINK, hops=hops)),))
    yield Case("hop counts out of order", (_through(new(), Relay(LINK, hops=5), Relay(hops=2), Relay(hops=2)),))
    c = new()
    two = (Relay(LINK, "fe80::1", (PORT_ID,)), Relay("2001:db8:3::9", "2001:db8:2::9", ((18, b"outer"),)))
    yield Case("a lease through two relays", RELAY.lease(c, na(1, c.address(2)), pd(1, c.prefix(2)), relays=two))


def _additions(new: Clients) -> Iterator[Case]:
    for name, added in (
        ("interface-id", (PORT_ID,)),
        ("empty interface-id", ((18, b""),)),
        ("long interface-id", ((18, b"x" * 300),)),
        ("two interface-ids", (PORT_ID, (18, b"port-2"))),
        ("remote-id", ((37, b"\0\0\0\x09remote"),)),
        ("remote-id of three bytes", ((37, b"\0\0\0"),)),
        ("subscriber-id", ((38, b"subscriber"),)),
        (
            "echo request",
            ((43, struct.pack("!HHH", 18, 37, 38)), PORT_ID, (37, b"\0\0\0\x09remote"), (38, b"subscriber")),
        ),
        ("echo request for nothing", ((43, b""),)),
        ("echo request of three bytes", ((43, b"\0\x12\0"), PORT_ID)),
        ("client link-layer address", ((79, b"\0\1\2\0\0\0\0\1"),)),
        ("client link-layer address of one byte", ((79, b"\0"),)),
        ("client link-layer address of two bytes", ((79, b"\0\1"),)),
        ("client link-layer address of 30 bytes", ((79, b"\0\1" + bytes(28)),)),
        ("relay-id", ((53, ll(b"relay!")),)),
        ("vendor options", ((17, b"\0\0\x11\x8b" + options((1026, b"cmts!!"))),)),
        ("vendor options of two bytes", ((17, b"\0\0"),)),
        ("options of the client's", ((1, b"\0\3\0\1client"), (6, b"\0\x17"), (3, bytes(12)))),
        ("unknown options", ((65001, b"what"), (65002, b""))),
    ):
        yield Case(f"adds {name}", (_through(new(), Relay(LINK, "fe80::1", added)),))
    yield Case("the message before the options", (_through(new(), Relay(LINK, "fe80::1", (PORT_ID,), first=True)),))
    port: Option = (135, struct.pack("!H", 1547))
    for name, relays, source_port in (
        ("relay port", (Relay(LINK, options=(port,)),), 1547),
        ("relay port from 547", (Relay(LINK, options=(port,)),), 547),
        ("relay port of another port", (Relay(LINK, options=(port,)),), 2547),
        ("no relay port", (Relay(LINK),), 1547),
        ("relay port 0", (Relay(LINK, options=((135, b"\0\0"),)),), 1547),
        ("relay port empty", (Relay(LINK, options=((135, b""),)),), 1547),
        ("relay port of three bytes", (Relay(LINK, options=((135, b"\6\x0b\0"),)),), 1547),
        ("relay port of the inner relay", (Relay(LINK, options=(port,)), Relay()), 1547),
        ("relay port of the outer relay", (Relay(LINK), Relay(options=(port, PORT_ID))), 1547),
        ("relay port of both relays", (Relay(LINK, options=(port,)), Relay(options=((135, b"\0\0"),))), 1547),
    ):
        yield Case(name, (_through(new(), *relays, source_port=source_port),))


def _links(new: Clients) -> Iterator[Case]:
    port_11: Option = (18, b"port-11")
    for name, subnet, relays in (
        ("interface-id of a subnet", 11, (Relay("2001:db8:f::9", options=(port_11,)),)),
        ("interface-id against the link-address", 11, (Relay(LINK, options=(port_11,)),)),
        ("interface-id of a network", 6, (Relay("2001:db8:f::9", options=((18, b"campus-port"),)),)),
        ("interface-id of the outer relay", 2, (Relay(LINK), Relay("2001:db8:f::8", options=(port_11,)))),
        ("interface-id of the inner relay", 11, (Relay("::", options=(port_11,)), Relay("2001:db8:f::8"))),
        ("interface-id and no link-address", 11, (Relay("::", options=(port_11,)),)),
        ("unknown interface-id", 2, (Relay(LINK, options=((18, b"port-99"),)),)),
        ("both link-addresses", 2, (Relay(LINK), Relay("2001:db8:3::9"))),
        ("inner link-address ::", 3, (Relay("::"), Relay("2001:db8:3::9"))),
        ("inner link-address link-local", 3, (Relay("fe80::1"), Relay("2001:db8:3::9"))),
        ("inner link-address of no subnet", 2, (Relay("2001:db8:77::1"), Relay(LINK))),
        ("no subnet's link-address", 77, (Relay("2001:db8:77::1"),)),
        ("a group as link-address", 2, (Relay("ff02::1"),)),
        ("loopback as link-address", 2, (Relay("::1"),)),
        ("a relay of a subnet", 14, (Relay("2001:db8:c::14"),)),
        ("another relay of it", 14, (Relay("2001:db8:c::15"),)),
        ("a third relay", 14, (Relay("2001:db8:c::16"),)),
        ("a relay of a network", 6, (Relay("2001:db8:c::c"),)),
        ("link-address ::", 2, (Relay("::"),)),
        ("link-address link-local", 2, (Relay("fe80::1"),)),
        ("all link-addresses ::", 2, (Relay("::"), Relay("::"))),
        ("link-address in the subnet of an interface", 1, (Relay("2001:db8:1::9"),)),
    ):
        yield Case(name, (_through(new(), *relays, subnet=subnet),))
    c = new()
    for name, relays in (
        ("link-address ::", (Relay("::", "fe80::2", (PORT_ID,)),)),
        ("link-address link-local", (Relay("fe80::9", "fe80::2", (PORT_ID,)),)),
        ("interface-id", (Relay("::", "fe80::2", (port_11,)),)),
        ("a real relay behind", (Relay(LINK, "fe80::2"), Relay("::", LOCAL, (PORT_ID,)))),
    ):
        c = new()
        way: dict[str, Any] = {
            "link": "eth0",
            "source": "fe80::ee:ff:fe00:0",
            "destination": ALL,
            "free": ("2001:db8:2::/48",),
        }
        ldra = _through(c, *relays, subnet=1, **way)
        yield Case(f"lightweight relay, {name}", (ldra,))
    yield Case(
        "link-address :: from a source in a subnet",
        (_through(new(), Relay("::"), subnet=14, source="2001:db8:14::14"),),
    )
    yield Case("link-address :: from a link-local", (_through(new(), Relay("::"), source=LOCAL),))
    yield Case("to the group", (_through(new(), Relay(LINK), source=LOCAL, destination=ALL),))
    yield Case("to the group, from a global address", (_through(new(), Relay(LINK), destination=ALL),))
    c = new()
    yield Case("side link, by its name", SIDE.lease(c, na(1, c.address(9)), pd(1, c.prefix(9))))


def _wrong_relays(new: Clients) -> Iterator[Case]:
    c = new()
    whole = encode(Query(SOLICIT, (cid(c.duid), na())))
    one = Query(SOLICIT, relays=(Relay(LINK),), whole=whole)
    for name, query in (
        ("a relayed reply", one._replace(relay_type=RELAY_REPL)),
        ("nothing relayed", one._replace(whole=b"")),
        ("three bytes relayed", one._replace(whole=whole[:3])),
        ("a head alone relayed", one._replace(whole=whole[:4])),
        ("two messages relayed", one._replace(relays=(Relay(LINK, options=((9, whole),)),))),
        ("two messages relayed, the good one last", one._replace(relays=(Relay(LINK, options=((9, b"\1"),)),))),
        ("an advertise relayed", one._replace(whole=b"\2" + whole[1:])),
        ("a reply relayed", one._replace(whole=b"\7" + whole[1:])),
        ("a relay's head cut", one._replace(whole=encode(one)[:30])),
        ("a relay without message", one._replace(whole=encode(one)[:34])),
    ):
        yield Case(name, (RELAY.send(c, SOLICIT)._replace(query=query),))


def reservations(new: Clients) -> Iterator[Case]:
    """Reserved addresses, prefixes, names and options, by DUID and hardware address."""
    for name, number, address, prefix in (
        ("in the pool", 1, "2001:db8:7:1::aaa1", ""),
        ("out of the pool", 2, "2001:db8:7:9::2", ""),
        ("several", 3, "2001:db8:7:9::31", "3001:7:aa00:100::"),
        ("hardware address", 4, "2001:db8:7:9::4", ""),
        ("a prefix", 7, "", "3001:7:ff:ee00::"),
        ("hardware before DUID", 9, "2001:db8:7:1::aaa9", "3003:7:9::/48"),
    ):
        yield from _reserved(new, name, number, address, prefix)
    for name, number in (("options only", 5), ("a name only", 6), ("a name with a dot", 8)):
        c = new()
        fqdn: Option = (39, b"\1\4mine\0")
        for what, more in (("lease", ()), ("sends a name", (fqdn,)), ("asks for its name", (asking(39),))):
            asked = (cid(host(number)), na(1, c.address(7)), asking(23, 31, 39), *more)
            yield Case(f"{name}, {what}", RELAY.lease(None, *asked, subnet=7))
    yield from _changed(new)
    yield Case("of another net", (RELAY.send(None, SOLICIT, cid(host(2)), na(), free=("2001:db8:2::/48",)),))


def _reserved(new: Clients, name: str, number: int, address: str, prefix: str) -> Iterator[Case]:
    """All that one client with a reservation may say; of what is not reserved it always names the same."""
    c, stranger = new(), new()
    duid, walked = cid(host(number)), ("2001:db8:7:1::/119", "3001:7::/48")

    def send(kind: int, *more: Option) -> Step:
        return RELAY.send(None, kind, duid, *more, subnet=7, free=walked)

    one, other = c.address(7), c.prefix(7)
    both = (na(1, address or one), pd(1, prefix or other))
    ask = asking(23, 31, 39)
    yield Case(f"{name}, solicit", (send(SOLICIT, na(), pd(), ask),))
    yield Case(f"{name}, solicit with hints", (send(SOLICIT, na(1, one), pd(1, other), ask),))
    yield Case(f"{name}, lease", (send(SOLICIT, *both), send(REQUEST, SID, *both, ask)))
    yield Case(f"{name}, renew", (send(RENEW, SID, *both), send(REBIND, *both)))
    yield Case(f"{name}, renew another", (send(RENEW, SID, na(1, c.address(7, 1)), pd(1, c.prefix(7, 1))),))
    two = (both[0], na(2, c.address(7, 2)), both[1], pd(2, c.prefix(7, 2)))
    yield Case(f"{name}, two of each", (send(SOLICIT, *two), send(REQUEST, SID, *two)))
    yield Case(f"{name}, of other associations", (send(SOLICIT, na(5, c.address(7, 5)), pd(5, c.prefix(7, 5))),))
    wanted = (na(1, address or one), pd(1, prefix or other))
    yield Case(f"{name}, a stranger wants it", RELAY.lease(stranger, *wanted, subnet=7, free=walked))
    yield Case(f"{name}, release", (send(RELEASE, SID, *both), send(SOLICIT, *both)))


def _changed(new: Clients) -> Iterator[Case]:
    """The reservation comes and goes with the client's hardware address, which a relay tells or not."""
    plain, told = Relay("2001:db8:7::9"), Relay("2001:db8:7::9", options=((79, b"\0\1" + HOST + b"\x0a"),))
    moved: Option = (1, b"\0\2\0\0\0\x09changed")
    for name, kind, sid in (("request", REQUEST, (SID,)), ("renew", RENEW, (SID,)), ("rebind", REBIND, ())):
        c = new()
        mine = na(1, c.address(7))
        duid = (1, moved[1] + name.encode())
        yield Case(
            f"reserved since, {name}",
            (
                RELAY.send(None, REQUEST, duid, SID, mine, relays=(plain,)),
                RELAY.send(None, kind, duid, *sid, mine, relays=(told,)),
                RELAY.send(None, kind, duid, *sid, na(1, "offered"), relays=(plain,), free=("2001:db8:7:1::/64",)),
                RELAY.send(None, RELEASE, duid, SID, na(1, "offered"), relays=(plain,)),
            ),
        )


def networks(new: Clients) -> Iterator[Case]:
    """A shared network: its subnets by turns, and what its subnets say differently."""
    ask = asking(23, 1222)
    first, second, third = new(), new(), new()
    free = ("2001:db8:6::/48", "3001:6::/32")
    for name, client, address, prefix in (
        ("first", first, "2001:db8:5:1::1", "3001:5::"),
        ("second", second, "2001:db8:5:1::2", "3001:5:0:100::"),
        ("third", third, third.address(6), third.prefix(6)),
    ):
        yield Case(f"{name} of the network", RELAY.lease(client, na(1, address), pd(1, prefix), ask, subnet=5))
    yield Case(
        "another wants the first's", (RELAY.send(new(), SOLICIT, na(1, "2001:db8:5:1::1"), subnet=5, free=free),)
    )
    yield Case("the small one is full", (RELAY.send(new(), SOLICIT, na(), pd(), ask, subnet=5, free=free),))
    c = new()
    both = (na(1, c.address(6)), pd(1, c.prefix(6)))
    yield Case("by the other link-address", RELAY.lease(c, *both, ask, subnet=6))
    yield Case("renew by the first link-address", (RELAY.send(c, RENEW, SID, *both, ask, subnet=5),))
    yield Case("rebind by the relay's address", (RELAY.send(c, REBIND, *both, ask, relays=(Relay("2001:db8:c::c"),)),))
    yield Case(
        "from one to the other",
        (
            RELAY.send(first, REQUEST, SID, na(1, first.address(6)), ask, subnet=5),
            RELAY.send(first, SOLICIT, na(), subnet=5),
        ),
    )
    yield Case("of both", RELAY.lease(new(), na(1), pd(1, new().prefix(6)), na(2), subnet=6, free=free))
    yield Case("renew in another network", (RELAY.send(c, RENEW, SID, *both, free=("2001:db8:2::/48", "3001:2::/32")),))
    yield Case("rebind in another network", (RELAY.send(c, REBIND, *both, free=("2001:db8:2::/48", "3001:2::/32")),))
    yield Case("release from another network", (RELAY.send(c, RELEASE, SID, *both, subnet=3),))


def globals6(new: Clients) -> Iterator[Case]:
    """Reservations of no subnet."""
    free = ("2001:db8:2:1::/64", "2001:db8:3::/48", "3001:2::/36", "3001:3::/32")
    for name, number in (("address", 1), ("option", 2), ("prefix", 3), ("by hardware", 4)):
        duid = cid(ll(bytes((2, 13, 0, 0, 0, number))))
        asked = (duid, na(), pd(), asking(1222, 39), (39, b"\0\4mine\0"))
        for subnet in (2, 3):
            yield Case(f"{name}, subnet {subnet}", RELAY.lease(None, *asked, subnet=subnet, free=free))
    yield Case("wanted by a stranger", RELAY.lease(new(), na(1, "2001:db8:2:9::1"), pd(1, "3001:2:ff00::"), free=free))


def sources(new: Clients) -> Iterator[Case]:
    """Where a client's hardware address is found, which here tells its reservation."""
    del new

    def hwaddr(number: int) -> bytes:
        return bytes((2, 8, 0, 0, 0, number))

    def duid(tail: bytes) -> Option:
        return 1, b"\0\2\0\0\0\x09" + tail

    link = "2001:db8:7::9"
    modem: Option = (17, b"\0\0\x11\x8b" + options((36, hwaddr(5))))
    cmts: Option = (17, b"\0\0\x11\x8b" + options((1026, hwaddr(6))))
    by_79: Option = (79, b"\0\1" + hwaddr(3))
    remote: Option = (37, b"\0\0\0\x09" + hwaddr(4))
    local, locally_administered = "fe80::208:ff:fe00:2", "fe80::8:ff:fe00:8"
    ways: tuple[tuple[str, Option, tuple[Option, ...], Relay], ...] = (
        ("nothing", duid(b"0"), (), Relay(link, "2001:db8:7::8")),
        ("DUID-LL", cid(ll(hwaddr(1))), (), Relay(link)),
        ("DUID-LLT", cid(b"\0\1\0\1\1\2\3\4" + hwaddr(1)), (), Relay(link)),
        ("DUID-LL of no type", cid(b"\0\3\0\0" + hwaddr(1)), (), Relay(link)),
        ("DUID-LL without address", cid(b"\0\3\0\1"), (), Relay(link)),
        ("peer-address", duid(b"1"), (), Relay(link, local)),
        ("peer-address, locally administered", duid(b"1a"), (), Relay(link, locally_administered)),
        ("peer-address not of a hardware address", duid(b"2"), (), Relay(link, "fe80::8:0:0:2")),
        ("option 79", duid(b"3"), (), Relay(link, "2001:db8:7::8", (by_79,))),
        ("remote-id", duid(b"4"), (), Relay(link, "2001:db8:7::8", (remote,))),
        ("subscriber-id", duid(b"5"), (), Relay(link, "2001:db8:7::8", ((38, hwaddr(7)),))),
        ("modem", duid(b"6"), (modem,), Relay(link, "2001:db8:7::8")),
        ("modem told by the relay", duid(b"7"), (), Relay(link, "2001:db8:7::8", (modem,))),
        ("CMTS", duid(b"8"), (), Relay(link, "2001:db8:7::8", (cmts,))),
        ("CMTS told by the client", duid(b"9"), (cmts,), Relay(link, "2001:db8:7::8")),
        ("everything", cid(ll(hwaddr(1))), (modem,), Relay(link, local, (by_79, remote, cmts))),
    )
    for number, (name, client, own, relay) in enumerate(ways):
        wish = na(1, f"2001:db8:7:1::5:{number:x}")
        yield Case(name, (RELAY.send(None, REQUEST, client, SID, wish, *own, relays=(relay,)),))
    pairs: tuple[tuple[str, tuple[Option, ...], tuple[Option, ...]], ...] = (
        ("told by the inner relay", (by_79,), ()),
        ("told by the outer relay", (), (by_79,)),
        ("told by both relays", (by_79,), ((79, b"\0\1" + hwaddr(7)),)),
        ("remote-id of both relays", ((37, b"\0\0\0\x09" + hwaddr(7)),), (remote,)),
        ("79 of the inner, remote-id of the outer relay", (by_79,), (remote,)),
        ("CMTS behind another relay", (), (cmts,)),
    )
    for number, (name, first, second) in enumerate(pairs):
        relays = (Relay(link, "2001:db8:7::8", first), Relay("2001:db8:f::8", local, second))
        wish = na(1, f"2001:db8:7:1::6:{number:x}")
        yield Case(name, (RELAY.send(None, REQUEST, duid(name.encode()), SID, wish, relays=relays),))
    for number, source in enumerate((local, locally_administered, "fe80::1234")):
        wish = na(1, f"2001:db8:1:1::5:{number:x}")
        step = DIRECT.send(None, REQUEST, duid(source.encode()), SID, wish, source=source)
        yield Case(f"from {source}", (step,))


def rsoo(new: Clients) -> Iterator[Case]:
    """Options that a relay supplies for the client."""
    erp: Option = (65, b"\5relay\7example\3org\0")
    dns: Option = (23, bytes(15) + b"\x35")
    for name, inside in (
        ("65", (erp,)),
        ("23", (dns,)),
        ("1222", ((1222, b"relayed"),)),
        ("110", ((110, b"what"),)),
        ("111, which is not listed", ((111, b"what"),)),
        ("59", ((59, b"tftp://relay/"),)),
        ("several", (dns, erp, (1222, b"relayed"), (111, b"x"))),
        ("the same twice", ((1222, b"one"), (1222, b"two"))),
        ("nothing", ()),
        ("the server's identifier", ((2, b"\0\3\0\1relay!"),)),
        ("an association", (na(7, "2001:db8:2:1::7"),)),
    ):
        added = (Relay(LINK, options=((66, options(*inside)),)),)
        yield Case(name, (_through(new(), *added),))
        yield Case(f"{name}, asked for", (_through(new(), *added, more=(asking(65, 23, 1222, 110, 59),)),))
    for name, raw in (("cut short", b"\0\x41\0\x09ab"), ("three bytes", b"\0\x41\0")):
        yield Case(name, (_through(new(), Relay(LINK, options=((66, raw),))),))
    inner, outer = (66, options((1222, b"inner"))), (66, options((1222, b"outer"), erp))
    yield Case("two relays", (_through(new(), Relay(LINK, options=(inner,)), Relay(options=(outer,))),))
    yield Case("the client's own", (RELAY.send(new(), SOLICIT, na(), (66, options(erp)), free=("2001:db8:2::/48",)),))
