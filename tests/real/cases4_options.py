"""Cases about what is asked for and what is sent along: lists, times, vendors, names, long options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tests.real.dialect import PRL, RELAY, Case, Clients, asking, sid, want
from tests.real.packets import DISCOVER, REQUEST, suboptions

__all__ = ["lifetimes", "names", "overloads", "requested", "vendors"]


CONFIGURED: Final = (
    *(1, 2, 3, 4, 6, 7, 12, 13, 15, 17, 19, 21, 25, 26, 28, 38, 42, 43, 46, 50, 51, 53, 54, 55, 56, 57, 58, 59, 60, 61),
    *(
        66,
        67,
        69,
        70,
        72,
        79,
        81,
        82,
        97,
        108,
        114,
        117,
        118,
        119,
        121,
        124,
        125,
        137,
        138,
        141,
        222,
        223,
        224,
        225,
        226,
        230,
        250,
    ),
)


def requested(new: Clients) -> Iterator[Case]:
    """Parameter request lists."""
    for name, option in (
        ("none", ()),
        ("empty", (asking(),)),
        ("repeated codes", (asking(3, 3, 6, 3, 15, 15),)),
        ("0 and 255", (asking(0, 255, 3, 0, 6),)),
        ("everything", (asking(*range(1, 255)),)),
        ("in two parts", (asking(3, 6), asking(15, 42))),
        ("unknown codes", (asking(240, 241, 242),)),
    ):
        c = new()
        yield Case(f"list with {name}", RELAY.lease(c, c.address(2), *option))
    for code in CONFIGURED:
        c = new()
        yield Case(f"asks for {code}", (RELAY.send(c, DISCOVER, want(c.address(2)), asking(code)),))
    for code in (6, 12, 15, 54, 58, 59, 66, 67, 70, 222):
        c = new()
        yield Case(f"asks for {code} in subnet 10", RELAY.lease(c, c.address(10), asking(code), subnet=10)[:1])
    c = new()
    yield Case(
        "subnet 10 by its own identifier",
        (
            RELAY.send(c, DISCOVER, want(c.address(10)), PRL, subnet=10),
            RELAY.send(c, REQUEST, want(c.address(10)), sid("10.10.0.67"), PRL, subnet=10),
        ),
    )
    c = new()
    yield Case("a pool with its own option", RELAY.lease(c, "10.10.40.7", asking(222, 7, 15), subnet=10))


def lifetimes(new: Clients) -> Iterator[Case]:
    """Requested lease times, and T1 and T2."""
    for subnet in (2, 10, 12, 15):
        for seconds in (0, 1, 999, 1000, 1500, 3000, 8000, 8001, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF):
            c = new()
            yield Case(
                f"subnet {subnet} asks for {seconds} s",
                (
                    RELAY.send(
                        c,
                        DISCOVER,
                        want(c.address(subnet)),
                        (51, seconds.to_bytes(4, "big")),
                        asking(51, 58, 59),
                        subnet=subnet,
                    ),
                ),
            )
        c = new()
        yield Case(f"subnet {subnet} asks for nothing", RELAY.lease(c, c.address(subnet), subnet=subnet)[:1])
    for payload in (b"", b"\0\0\1", b"\0\0\x10\0\0"):
        c = new()
        yield Case(f"a lease time of {len(payload)} bytes", RELAY.lease(c, c.address(2), (51, payload)))


def vendors(new: Clients) -> Iterator[Case]:
    """Vendor and user classes, options 43, 60, 77, 124, 125."""
    docsis = (125, bytes((0, 0, 0x11, 0x8B, 4, 1, 2, 2, 3)))
    other = (125, bytes((0, 0, 0x27, 0x0F, 3, 1, 1, 5)))
    for name, options in (
        ("PXE", ((60, b"PXEClient:Arch:00000"), asking(43, 60, 66, 67))),
        ("modem", ((60, b"modem"), asking(4))),
        ("own 43", ((60, b"own43"), asking(43))),
        ("43 sent", ((43, suboptions((1, b"client"))), asking(43))),
        ("43 sent, nonsense", ((43, b"\x01\xffx"), asking(43))),
        ("43 sent, empty", ((43, b""), asking(43))),
        ("DOCSIS", (docsis, asking(125))),
        ("DOCSIS, not asked", (docsis,)),
        ("DOCSIS without wishes", ((125, bytes((0, 0, 0x11, 0x8B, 0))), asking(125))),
        ("another enterprise", (other, asking(125))),
        ("two enterprises", ((125, docsis[1] + other[1]), asking(125))),
        ("125 cut short", ((125, bytes((0, 0, 0x11, 0x8B, 9, 1, 2))), asking(125))),
        ("125 too short", ((125, b"\0\0"), asking(125))),
        ("125 not sent", (asking(125),)),
        ("124", ((124, bytes((0, 0, 0x11, 0x8B, 4, 3)) + b"abc"), asking(124))),
        ("124 cut short", ((124, bytes((0, 0, 0x11, 0x8B, 9, 1))), asking(124))),
        ("vendor and user class", ((60, b"PXEClient"), (77, b"second"), asking(67))),
        ("user class", ((77, b"second"), asking(67))),
        ("60 empty", ((60, b""),)),
        ("77 empty", ((77, b""),)),
    ):
        c = new()
        yield Case(name, RELAY.lease(c, c.address(2), *options))


WIRE_NAMES: Final = (
    b"\4host\7example\3org\0",
    b"\4host",
    b"",
    b"\0",
    b"\3_x_\7example\3org\0",
    b"\4HOST\7eXample\3org\0",
)


def names(new: Clients) -> Iterator[Case]:
    """Option 81 with all flags, option 12 with all sorts of names."""
    for flags in range(16):
        name = WIRE_NAMES[0] if flags & 4 else b"host.example.org"
        c = new()
        yield Case(f"FQDN flags {flags:04b}", RELAY.lease(c, c.address(2), (81, bytes((flags, 0, 0)) + name)))
    for number, name in enumerate(WIRE_NAMES):
        c = new()
        yield Case(f"FQDN name {number}", RELAY.lease(c, c.address(2), (81, b"\5\0\0" + name)))
    for text in (
        b"",
        b"host",
        b"host.",
        b"host.example.org",
        b"host.example.org.",
        b"___",
        b"a b",
        b"-",
        b".",
        b"..",
        b"x" * 64,
        "ä".encode(),
    ):
        c = new()
        yield Case(f"FQDN text {text[:20]!r}", RELAY.lease(c, c.address(2), (81, b"\1\0\0" + text)))
    for payload in (b"", b"\1", b"\1\0", b"\5\xff\xff\4host\0", b"\5\0\0\x50host"):
        c = new()
        yield Case(f"FQDN of bytes {payload!r}", RELAY.lease(c, c.address(2), (81, payload)))
    for text in (
        b"",
        b" ",
        b"host",
        b"HOST",
        b"host.",
        b"host.example.org",
        b"host.example.org.",
        b"my_host",
        b"a b",
        b"___",
        b".",
        b"host\0",
        b"x" * 63,
        b"x" * 64,
        b"x" * 255,
        "ä".encode(),
    ):
        c = new()
        yield Case(f"host name {text[:20]!r} of {len(text)}", RELAY.lease(c, c.address(2), (12, text), asking(12)))
    c = new()
    yield Case("host name and FQDN", RELAY.lease(c, c.address(2), (12, b"one"), (81, b"\1\0\0two"), asking(12, 81)))
    c = new()
    yield Case("host name, not asked", RELAY.lease(c, c.address(2), (12, b"unasked")))
    c = new()
    yield Case("asked, not sent", RELAY.lease(c, c.address(2), asking(12, 81)))
    c = new()
    a = c.address(2)
    yield Case("renamed", (*RELAY.lease(c, a, (12, b"before")), RELAY.renew(c, a, (12, b"after")), RELAY.renew(c, a)))


def overloads(new: Clients) -> Iterator[Case]:
    """Options in ``file`` and ``sname``, and options in several pieces (RFC 2132, RFC 3396)."""
    hidden = suboptions((55, bytes((3, 6, 42))), (12, b"hidden")) + b"\xff"
    for value in (0, 1, 2, 3, 4, 255):
        c = new()
        yield Case(
            f"overload {value}",
            (
                RELAY.send(
                    c, DISCOVER, want(c.address(2)), (52, bytes((value,))), file=hidden, sname=b"\x37\x01\x0f\xff"
                ),
            ),
        )
    c = new()
    yield Case("overload of two bytes", (RELAY.send(c, DISCOVER, want(c.address(2)), (52, b"\1\1"), file=hidden),))
    c = new()
    yield Case("client identifier in two pieces", RELAY.lease(c, c.address(2), (61, b"\1first"), (61, b"second")))
    c = new()
    yield Case("option 82 in two pieces", RELAY.lease(c, c.address(2), (82, b"\1\6cir"), (82, b"cui")))
    c = new()
    yield Case("host name in two pieces", RELAY.lease(c, c.address(2), (12, b"one"), (12, b"two"), asking(12)))
    c = new()
    yield Case("a long answer", RELAY.lease(c, c.address(2), asking(223)))
    c = new()
    yield Case(
        "long answers and a small message size",
        (RELAY.send(c, DISCOVER, want(c.address(2)), asking(223, 119, 222), (57, b"\2\x40")),),
    )
    for size in (b"", b"\0", b"\0\1", b"\1\0", b"\xff\xff", b"\2\x40\0"):
        c = new()
        yield Case(f"message size {size.hex()}", (RELAY.send(c, DISCOVER, want(c.address(2)), (57, size)),))
