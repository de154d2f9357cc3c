"""Cases of DHCPv6 about what is asked for and what is sent along: lists, times, vendors, names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.real.dialect6 import RELAY, SID, Case, Clients, Option, asking, na, pd
from tests.real.packets6 import REBIND, RENEW, REQUEST, SOLICIT, options

__all__ = ["lifetimes", "names", "requested", "vendors"]

CONFIGURED: Final = (
    *(1, 2, 3, 6, 7, 8, 11, 12, 13, 14, 16, 17, 18, 20, 21, 22, 23, 24, 25, 27, 28, 29, 31, 32, 39, 40, 41, 42, 51),
    *(59, 60, 64, 65, 67, 82, 83, 94, 95, 96, 103, 1222, 1223, 1224, 1225, 1226, 1227, 1228, 1230, 1300),
)


def requested(new: Clients) -> Iterator[Case]:
    """Option requests, and options at every scope."""
    for name, asked in (
        ("none", ()),
        ("empty", (asking(),)),
        ("repeated codes", (asking(23, 23, 24, 23),)),
        ("0 and 65535", (asking(0, 65535, 23),)),
        ("everything", (asking(*CONFIGURED),)),
        ("an odd length", ((6, b"\0\x17\0"),)),
        ("two lists", (asking(23), asking(24))),
        ("unknown codes", (asking(9999, 1999),)),
        ("backwards", (asking(1222, 59, 24, 23),)),
    ):
        c = new()
        yield Case(f"list with {name}", RELAY.lease(c, na(1, c.address(2)), pd(1, c.prefix(2)), *asked))
    for code in CONFIGURED:
        c = new()
        yield Case(f"asks for {code}", (RELAY.send(c, SOLICIT, na(1, c.address(2)), asking(code)),))
    for code in (7, 12, 23, 24, 28, 31, 1222):
        c = new()
        both = (na(1, c.address(10)), pd(1, c.prefix(10)), asking(code))
        yield Case(f"asks for {code} in subnet 10", RELAY.lease(c, *both, subnet=10))
    for name, inside in (
        ("addresses only", (na(1, "2001:db8:10:1::7"),)),
        ("the second pool", (na(1, "2001:db8:10:2::7"),)),
        ("both pools", (na(1, "2001:db8:10:1::8"), na(2, "2001:db8:10:2::8"))),
        ("both pools, backwards", (na(1, "2001:db8:10:2::9"), na(2, "2001:db8:10:1::9"))),
        ("prefixes only", (pd(1, "3001:10:7:100::"),)),
        ("nothing", ()),
    ):
        yield Case(f"subnet 10, {name}", RELAY.lease(new(), *inside, asking(7, 23, 24, 28, 31, 1222), subnet=10))
    for name, hint in (
        ("::/56", "::/56"),
        ("::/48", "::/48"),
        ("::/64", "::/64"),
        ("::/60", "::/60"),
        ("the first pool", "3001:13:{:x}:200::"),
        ("the second pool", "3004:13:{:x}::/48"),
        ("the third pool", "3005:13:0:{:x}::/64"),
        ("the second pool, wrong length", "3004:13:{:x}::/56"),
    ):
        for asked in ((), (asking(67),), (asking(67, 23),)):
            c = new()
            anywhere = hint.startswith("::") or "length" in name
            free = ("3001:13::/32", "3004:13::/40", "3005:13::/48") if anywhere else ()
            codes = "nothing" if not asked else asked[0][1].hex()
            yield Case(
                f"excluded prefix, {name}, asks for {codes}",
                RELAY.lease(c, pd(1, hint.format(c.number % 256)), *asked, subnet=13, free=free),
            )
    c = new()
    excluding = RELAY.lease(c, pd(1, "3001:13:ffff::"), asking(67), subnet=13)
    yield Case(
        "excluded prefix of the first one", (*excluding, RELAY.send(c, RENEW, SID, pd(1, "3001:13:ffff::"), subnet=13))
    )


def lifetimes(new: Clients) -> Iterator[Case]:
    """Lifetimes that are asked for, T1 and T2, and what contradicts itself."""
    for subnet in (2, 10, 12, 15, 18, 19):
        for times in (
            (0, 0),
            (0, 3000),
            (500, 1000),
            (1000, 2000),
            (3500, 6000),
            (5000, 8000),
            (6000, 9000),
            (4000, 3000),
            (0xFFFFFFFF, 0xFFFFFFFF),
        ):
            if subnet in (2, 12) or times in ((0, 0), (3500, 6000), (0xFFFFFFFF, 0xFFFFFFFF)):
                c = new()
                asked = (na(1, c.address(subnet), times=times), pd(1, c.prefix(subnet), times=times))
                yield Case(f"subnet {subnet} asks for {times}", (RELAY.send(c, SOLICIT, *asked, subnet=subnet),))
    for t1, t2 in ((100, 200), (200, 100), (0, 100), (100, 0), (0xFFFFFFFF, 0xFFFFFFFF), (1000, 2000)):
        for kind, sid in ((SOLICIT, ()), (REQUEST, (SID,)), (RENEW, (SID,)), (REBIND, ())):
            c = new()
            asked = (na(1, c.address(2), t1=t1, t2=t2), pd(1, c.prefix(2), t1=t1, t2=t2))
            yield Case(f"type {kind} asks for T1 {t1}, T2 {t2}", (RELAY.send(c, kind, *sid, *asked),))
    for name, kind, sid in (("renew", RENEW, (SID,)), ("rebind", REBIND, ())):
        c = new()
        plain = (na(1, c.address(2)), pd(1, c.prefix(2)))
        odd = (na(1, c.address(2), times=(4000, 3000)), pd(1, c.prefix(2), times=(4000, 3000)))
        yield Case(f"{name} contradicts itself", (*RELAY.lease(c, *plain), RELAY.send(c, kind, *sid, *odd)))
        c = new()
        plain = (na(1, c.address(12), times=(1500, 2500)), pd(1, c.prefix(12), times=(1500, 2500)))
        longer = (na(1, c.address(12), times=(4500, 7500)), pd(1, c.prefix(12), times=(4500, 7500)))
        extended = RELAY.send(c, kind, *sid, *longer, subnet=12)
        yield Case(f"{name} asks for longer", (*RELAY.lease(c, *plain, subnet=12), extended))
    c = new()
    mixed = (na(1, c.address(12), "::", times=(1500, 2500)), na(2, c.address(12, 1), times=(4500, 7500)))
    yield Case("associations with different wishes", RELAY.lease(c, *mixed, subnet=12))


def vendors(new: Clients) -> Iterator[Case]:
    """Vendor classes and options 16, 17, user class 15."""
    docsis: Option = (17, b"\0\0\x11\x8b" + options((1, b"\0\x20\0\x21")))
    one: Option = (17, b"\0\0\x11\x8b" + options((1, b"\0\x20")))
    other: Option = (17, b"\0\0\x27\x0f" + options((1, b"\0\5")))
    for name, sent in (
        ("DOCSIS", (docsis, asking(17))),
        ("DOCSIS, not asked", (docsis,)),
        ("DOCSIS, one wish", (one, asking(17))),
        ("DOCSIS without wishes", ((17, b"\0\0\x11\x8b"), asking(17))),
        ("DOCSIS, a wish for nothing", ((17, b"\0\0\x11\x8b" + options((1, b""))), asking(17))),
        ("DOCSIS, an odd wish", ((17, b"\0\0\x11\x8b" + options((1, b"\0\x20\0"))), asking(17))),
        ("DOCSIS, other options first", ((17, b"\0\0\x11\x8b" + options((2, b"x"), (1, b"\0\x21"))), asking(17))),
        ("another enterprise", (other, asking(17))),
        ("another enterprise, not asked", (other,)),
        ("two enterprises", (docsis, other, asking(17))),
        ("two enterprises, backwards", (other, docsis, asking(17))),
        ("an unknown enterprise", ((17, b"\0\0\0\1"), asking(17))),
        ("cut short", ((17, b"\0\0\x11\x8b\0\1\0\x09a"), asking(17))),
        ("two bytes", ((17, b"\0\0"), asking(17))),
        ("empty", ((17, b""), asking(17))),
        ("not sent", (asking(17),)),
        ("class", ((16, b"\0\0\x11\x8b\0\x0adocsis3.0:"), asking(17))),
        ("class of another enterprise", ((16, b"\0\0\x27\x0f\0\3abc"), asking(17))),
        ("class and options", ((16, b"\0\0\x27\x0f\0\3abc"), docsis, asking(17))),
        ("class cut short", ((16, b"\0\0\x11\x8b\0\x20x"),)),
        ("class of two bytes", ((16, b"\0\0"),)),
        ("class without data", ((16, b"\0\0\x11\x8b"), asking(17))),
        ("user class", ((15, b"\0\4user"),)),
        ("user class cut short", ((15, b"\0\x20user"),)),
        ("user class empty", ((15, b""),)),
    ):
        c = new()
        yield Case(name, RELAY.lease(c, na(1, c.address(2)), *sent))


WIRE_NAMES: Final = (
    b"\4host\7example\3org\0",
    b"\4host",
    b"\4host\0",
    b"",
    b"\0",
    b"\3_x_\7example\3org\0",
    b"\4HOST\7eXample\3org\0",
    b"\3a b\0",
    b"\1-\0",
    b"\3___\0",
    b"\2\xc3\xa4\0",
    b"\x3f" + b"x" * 63 + b"\0",
    b"\4host\7example",
    b"\3a.b\0",
)


def names(new: Clients) -> Iterator[Case]:
    """Option 39 with all flags and all sorts of names."""
    for flags in (*range(8), 0x80, 0xF9):
        c = new()
        fqdn: Option = (39, bytes((flags,)) + WIRE_NAMES[0])
        yield Case(f"flags {flags:04b}", RELAY.lease(c, na(1, c.address(2)), fqdn, asking(39)))
    for number, name in enumerate(WIRE_NAMES):
        c = new()
        yield Case(f"name {number}", RELAY.lease(c, na(1, c.address(2)), (39, b"\1" + name), asking(39)))
    for text, payload in (
        ("nothing", b""),
        ("flags only", b"\1"),
        ("a label past the end", b"\1\x20host"),
        ("a label of 64", b"\1\x40" + b"x" * 64 + b"\0"),
        ("a pointer", b"\1\4host\xc0\1"),
        ("a pointer alone", b"\1\xc0\0"),
        ("a name of 300 bytes", b"\1" + (b"\x31" + b"x" * 49) * 6 + b"\0"),
        ("more after the root", b"\1\4host\0more"),
    ):
        c = new()
        yield Case(f"bytes: {text}", RELAY.lease(c, na(1, c.address(2)), (39, payload), asking(39)))
    fqdn = (39, b"\1" + WIRE_NAMES[0])
    for text, sent in (
        ("not asked", (fqdn,)),
        ("asked, not sent", (asking(39),)),
        ("sent twice", (fqdn, (39, b"\0\5other\0"), asking(39))),
    ):
        c = new()
        yield Case(text, RELAY.lease(c, na(1, c.address(2)), *sent))
    c = new()
    yield Case("prefixes only", RELAY.lease(c, pd(1, c.prefix(2)), fqdn, asking(39)))
    c = new()
    yield Case("two addresses", RELAY.lease(c, na(1, c.address(2)), na(2, c.address(2, 1)), fqdn, asking(39)))
    c = new()
    yield Case("nothing leased", (RELAY.send(c, SOLICIT, fqdn, asking(39)),))
    c = new()
    mine = na(1, c.address(2))
    renamed: Option = (39, b"\1\7renamed\0")
    yield Case(
        "renamed",
        (
            *RELAY.lease(c, mine, fqdn, asking(39)),
            RELAY.send(c, RENEW, SID, mine, renamed, asking(39)),
            RELAY.send(c, REBIND, mine, asking(39)),
        ),
    )
