"""Cases of DHCPv6 that no client ought to send: identifiers, damaged messages, the wrong way to the server."""

from __future__ import annotations

from collections.abc import Iterator

from tests.real.dialect6 import (
    DIRECT,
    ELAPSED,
    RAPID,
    RELAY,
    SERVER_DUID,
    SID,
    Case,
    Clients,
    Option,
    asking,
    cid,
    doubled,
    ia,
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
    options,
)

__all__ = ["damaged", "identities", "unicasts"]

KINDS = (SOLICIT, REQUEST, CONFIRM, RENEW, REBIND, RELEASE, DECLINE, INFORMATION_REQUEST)
OTHER: Option = (2, b"\0\3\0\1other!")


def identities(new: Clients) -> Iterator[Case]:
    """Client and server identifiers: missing, repeated, short, long, of every type."""
    free = ("2001:db8:2::/48",)
    for kind in KINDS:
        for name, before in (
            ("no client, no server", ()),
            ("no client", (SID,)),
            ("no server", ("client",)),
            ("both", ("client", SID)),
            ("another server", ("client", OTHER)),
            ("two clients", ("client", "client", SID)),
            ("two clients, no server", ("client", "client")),
            ("two servers", ("client", SID, SID)),
            ("us and another server", ("client", SID, OTHER)),
            ("another server and us", ("client", OTHER, SID)),
            ("an empty server", ("client", (2, b""))),
            ("a short server", ("client", (2, SERVER_DUID[:-1]))),
        ):
            c = new()
            mine = () if kind == INFORMATION_REQUEST else (na(1, c.address(2)),)
            sent = [cid(c.duid) if isinstance(each, str) else each for each in before]
            yield Case(f"type {kind}, {name}", (RELAY.send(None, kind, *sent, *mine, asking(23), free=free),))
    for length in (0, 1, 2, 3, 4, 20, 127, 128, 129, 130, 131, 255, 400):
        for kind in (0, 2, 4):
            c = new()
            duid = (kind.to_bytes(2, "big") + bytes((length & 255, kind)) * 300)[:length]
            yield Case(f"a DUID of type {kind}, {length} bytes", RELAY.lease(None, cid(duid), na(1, c.address(2))))
    for name, duid in (
        ("zeros", bytes(10)),
        ("three zeros", bytes(3)),
        ("an unknown type", b"\xff\xff\1\2\3\4"),
        ("UUID", b"\0\4" + bytes(range(16))),
    ):
        c = new()
        yield Case(f"a DUID of {name}", RELAY.lease(None, cid(duid), na(1, c.address(2))))
        yield Case(f"a DUID of {name} informs", (RELAY.inform(cid(duid), asking(23)),))
    c = new()
    yield Case(
        "the same IAID of two clients",
        (*RELAY.lease(c, na(1, c.address(2))), RELAY.send(new(), REQUEST, SID, na(1), free=free)),
    )
    yield Case("our DUID as the client's", RELAY.lease(None, cid(SERVER_DUID), na(1, new().address(2))))


def damaged(new: Clients) -> Iterator[Case]:
    """Messages and options that are cut, too long, in the wrong place, or of no known kind."""
    yield from _messages(new)
    yield from _associations(new)
    yield from _options(new)


def _messages(new: Clients) -> Iterator[Case]:
    for path in (RELAY, DIRECT):
        for kind in (0, 2, 7, 10, 12, 13, 14, 17, 20, 21, 23, 24, ADDR_REG_INFORM, 37, 38, 100, 255):
            c = new()
            if path is RELAY or kind not in (12, 13):
                yield Case(
                    f"{path.name}, type {kind}", (path.send(c, kind, na(1, c.address(path.subnet)), asking(23)),)
                )
        c = new()
        good = options(cid(c.duid), na(1, c.address(path.subnet)))
        for name, raw in (
            ("no options", b""),
            ("one byte more", good + b"\0"),
            ("three bytes more", good + b"\0\6\0"),
            ("an option past the end", good + b"\0\6\0\x20ab"),
            ("an option of 65535", good + b"\0\6\xff\xff"),
            ("zeros", good + bytes(8)),
            ("an empty unknown option", good + b"\xff\xff\0\0"),
        ):
            yield Case(f"{path.name}, {name}", (path.send(c, SOLICIT, raw=raw),))
        for length in (0, 1, 3, 4):
            yield Case(f"{path.name}, {length} bytes", (path.send(c, SOLICIT, whole=b"\1\0\0\1"[:length]),))


def _associations(new: Clients) -> Iterator[Case]:
    free = ("2001:db8:2::/48", "3001:2::/32")
    c = new()
    address, prefix = na(1, c.address(2)), pd(1, c.prefix(2))
    status: bytes = options((13, b"\0\2none"))
    for name, sent in (
        ("IA_NA empty", ((3, b""),)),
        ("IA_NA of 4 bytes", ((3, bytes(4)),)),
        ("IA_NA of 11 bytes", ((3, bytes(11)),)),
        ("IA_NA of 13 bytes", ((3, bytes(13)),)),
        ("IA_PD of 11 bytes", ((25, bytes(11)),)),
        ("IAADDR of 23 bytes", (ia(3, 1, options((5, bytes(23)))),)),
        ("IAADDR of 25 bytes", (ia(3, 1, options((5, bytes(25)))),)),
        ("IAADDR empty", (ia(3, 1, options((5, b""))),)),
        ("IAPREFIX of 24 bytes", (ia(25, 1, options((26, bytes(24)))),)),
        ("IAPREFIX empty", (ia(25, 1, options((26, b""))),)),
        ("IAADDR past the end", (ia(3, 1, b"\0\5\0\x18" + bytes(10)),)),
        ("IAPREFIX in IA_NA", (ia(3, 1, prefix[1][12:]),)),
        ("IAADDR in IA_PD", (ia(25, 1, address[1][12:]),)),
        ("IAADDR outside", ((5, address[1][16:]),)),
        ("IAPREFIX outside", ((26, prefix[1][16:]),)),
        ("status in IA_NA", (na(1, c.address(2), more=status),)),
        ("status in IA_PD", (pd(1, c.prefix(2), more=status),)),
        ("status outside", (address, (13, b"\0\2none"))),
        ("status of one byte", (address, (13, b"\0"))),
        ("unknown option in IA_NA", (na(1, c.address(2), more=options((9999, b"x"))),)),
        ("IA_NA in IA_NA", (na(1, c.address(2), more=options(na(2))),)),
        ("IA_TA", ((4, b"\0\0\0\1"),)),
        ("IA_TA with an address", ((4, b"\0\0\0\1" + address[1][12:]), address)),
        ("IA_TA of two bytes", ((4, b"\0\1"), address)),
        ("40 associations", tuple(na(number) for number in range(40))),
    ):
        for kind, sid in ((SOLICIT, ()), (REQUEST, (SID,))):
            yield Case(f"{name}, type {kind}", (RELAY.send(new(), kind, *sid, *sent, free=free),))
    c = new()
    mine = na(1, c.address(2))
    for kind in (RENEW, RELEASE, DECLINE):
        yield Case(f"IA_TA, type {kind}", (RELAY.send(c, kind, SID, (4, b"\0\0\0\1")),))
        twice = (mine, na(1, c.address(2)))
        yield Case(
            f"the same IAID twice, type {kind}", (*RELAY.lease(c, mine), RELAY.send(c, kind, SID, *twice, free=free))
        )


def _options(new: Clients) -> Iterator[Case]:
    """Options with payloads that they cannot have, each beside a good association."""
    for name, sent in (
        ("elapsed time empty", ((8, b""),)),
        ("elapsed time of one byte", ((8, b"\0"),)),
        ("elapsed time of three bytes", ((8, b"\0\0\0"),)),
        ("elapsed time 65535", ((8, b"\xff\xff"),)),
        ("elapsed time twice", doubled((ELAPSED,), 8)),
        ("rapid commit with a byte", ((14, b"\1"),)),
        ("rapid commit twice", (RAPID, RAPID)),
        ("preference sent", ((7, b"\xff"),)),
        ("preference empty", ((7, b""),)),
        ("authentication", ((11, b"\2\0\0" + bytes(8)),)),
        ("authentication of two bytes", ((11, b"\2\0"),)),
        ("unicast sent", ((12, bytes(16)),)),
        ("unicast of 15 bytes", ((12, bytes(15)),)),
        ("reconfigure message", ((19, b"\5"),)),
        ("reconfigure accept", ((20, b""),)),
        ("reconfigure accept with a byte", ((20, b"\1"),)),
        ("interface-id of the client's", ((18, b"port-11"),)),
        ("a relayed message inside", ((9, b"\1\0\0\1"),)),
        ("DNS servers of 15 bytes", ((23, bytes(15)),)),
        ("search list with a pointer", ((24, b"\3org\0\4host\xc0\0"),)),
        ("search list cut short", ((24, b"\x09abc"),)),
        ("search list empty", ((24, b""),)),
        ("refresh time of two bytes", ((32, b"\0\0"),)),
        ("server's SOL_MAX_RT", ((82, b"\0\0\0\x78"),)),
        ("SOL_MAX_RT of one byte", ((82, b"\0"),)),
        ("an unknown option", ((65000, b"unknown"),)),
        ("a configured code with nonsense", ((1222, b""), (1225, b"\0"), (1228, b"\xff"))),
        ("client architecture", ((61, b"\0\7"),)),
        ("client architecture of one byte", ((61, b"\0"),)),
        ("network interface", ((62, b"\1\3\x10"),)),
        ("user class, vendor class", ((15, b"\0\1a"), (16, b"\0\0\0\1\0\1a"))),
        ("an S46 container", ((94, b"\0\x59\0\2\1\1"),)),
        ("an S46 container cut short", ((94, b"\0\x59\0\x20\1\1"),)),
        ("an option of 1000 bytes", ((1223, b"x" * 1000),)),
    ):
        c = new()
        yield Case(name, RELAY.lease(c, na(1, c.address(2)), *sent))


def unicasts(new: Clients) -> Iterator[Case]:
    """Messages sent by a client straight to an address of the server."""
    way = {"source": "2001:db8:1::77", "destination": "2001:db8:1::1"}
    c = new()
    mine = (na(1, c.address(1)), pd(1, c.prefix(1)))
    yield Case("before", DIRECT.lease(c, *mine))
    for kind in KINDS:
        sid = (SID,) if kind in (REQUEST, RENEW, RELEASE, DECLINE) else ()
        sent = () if kind == INFORMATION_REQUEST else mine
        yield Case(f"type {kind}", (DIRECT.send(c, kind, *sid, *sent, **way),))
    yield Case("afterwards", (DIRECT.send(c, RENEW, SID, *mine, free=("2001:db8:1::/48", "3001:1::/32")),))
    c = new()
    local = {"source": "fe80::ee:ff:fe00:0", "destination": "fe80::cc:ff:fe00:0"}
    for kind in (SOLICIT, REQUEST):
        sid = (SID,) if kind == REQUEST else ()
        yield Case(f"link-local, type {kind}", (DIRECT.send(c, kind, *sid, na(1, c.address(1)), **local),))
    c = new()
    yield Case(
        "from a global address to the group", (DIRECT.send(c, SOLICIT, na(1, c.address(1)), source=way["source"]),)
    )
    yield Case("from another port", (DIRECT.send(c, SOLICIT, na(1, c.address(1)), source_port=1546),))
    yield Case("from the server's port", (DIRECT.send(c, SOLICIT, na(1, c.address(1)), source_port=547),))
