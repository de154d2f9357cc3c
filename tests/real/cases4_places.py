"""Cases about where a client is and what waits for it there: relays, networks, reservations."""

from __future__ import annotations

from collections.abc import Iterator

from tests.real.dialect import DIRECT, NOWHERE, PRL, RELAY, SIDE, Case, Clients, Option, asking, host, sid, want
from tests.real.packets import DISCOVER, REQUEST, packed, suboptions

__all__ = ["globals4", "networks", "relaying", "reservations"]


def relaying(new: Clients) -> Iterator[Case]:
    """Relay agent information, link and subnet selection, server identifier override, relay port."""
    circuit = (82, suboptions((1, b"circuit"), (2, b"remote")))
    for name, payload in (
        ("circuit and remote", circuit[1]),
        ("unknown suboptions", suboptions((200, b"x"), (201, b""))),
        ("nothing", b""),
        ("repeated suboptions", suboptions((1, b"a"), (1, b"b"))),
        ("a suboption cut short", b"\x01\x09abc"),
        ("one byte", b"\x01"),
        ("flags", suboptions((10, b"\x80"))),
        ("relay identifier", suboptions((12, b"\0\3\0\1abcdef"))),
        ("virtual subnet", suboptions((151, b"\0vpn"), (152, b""))),
        ("300 bytes", suboptions((1, b"x" * 200), (2, b"y" * 96))),
        ("PAD and END inside", b"\x00\x01\x01a\xff\x02\x01b"),
    ):
        c = new()
        yield Case(f"82 with {name}", RELAY.lease(c, c.address(2), (82, payload), PRL))
        yield Case(f"82 first with {name}", (RELAY.send(new(), DISCOVER, (82, payload), want(new().address(2)), PRL),))
    c = new()
    yield Case(
        "82 and the NAK", (RELAY.send(c, REQUEST, want("10.2.0.99"), sid(RELAY.server), circuit, (61, b"\1nak")),)
    )
    yield Case("82 without a relay", DIRECT.lease(new(), c.address(0), circuit))
    for net, label in ((3, "another net"), (0, "the link's net"), (203, "no net")):
        c = new()
        link = f"10.{net}.0.1" if net != 203 else NOWHERE
        selecting = (82, suboptions((5, packed(link)), (1, b"c")))
        yield Case(f"link selection of {label}", RELAY.lease(c, c.address(net), selecting))
        yield Case(
            f"subnet selection of {label}", RELAY.lease(new(), new().address(net), (118, packed(link)), asking(118))
        )
        yield Case(
            f"subnet selection of {label} with 82",
            RELAY.lease(new(), new().address(net), (118, packed(link)), circuit, pool="10.2."),
        )
        yield Case(f"subnet selection of {label}, direct", DIRECT.lease(new(), new().address(net), (118, packed(link))))
        yield Case(
            f"both selections, {label}", RELAY.lease(new(), new().address(net), (118, packed("10.4.0.1")), selecting)
        )
    yield Case(
        "link selection without a relay",
        DIRECT.lease(new(), new().address(3), (82, suboptions((5, packed("10.3.0.1"))))),
    )
    yield Case(
        "link selection of three bytes",
        (RELAY.send(new(), DISCOVER, (82, suboptions((5, b"\x0a\3\0"))), pool="10.2."),),
    )
    yield Case("subnet selection of three bytes", (RELAY.send(new(), DISCOVER, (118, b"\x0a\3\0"), pool="10.2."),))
    c = new()
    override = (82, suboptions((11, packed("10.2.0.9"))))
    yield Case(
        "server identifier override",
        (
            RELAY.send(c, DISCOVER, want(c.address(2)), override, PRL),
            RELAY.send(c, REQUEST, want(c.address(2)), sid("10.2.0.9"), override, PRL),
        ),
    )
    c = new()
    yield Case("override, request names the server", RELAY.lease(c, c.address(2), override))
    c = new()
    yield Case("override of three bytes", RELAY.lease(c, c.address(2), (82, suboptions((11, b"\x0a\2\0")))))
    for name, sub in (("relay port", (19, b"")), ("relay port of two bytes", (19, b"\x10\0"))):
        c = new()
        yield Case(name, RELAY.lease(c, c.address(2), (82, suboptions(sub, (1, b"c"))), source_port=1067))
    c = new()
    yield Case("another source port without relay port", RELAY.lease(c, c.address(2), circuit, source_port=1067))
    for giaddr in (NOWHERE, "127.0.0.1", "224.0.0.1", "255.255.255.255", "0.0.0.1", "172.16.0.1"):
        for kind in (DISCOVER, REQUEST):
            yield Case(
                f"giaddr {giaddr}, type {kind}",
                (RELAY.send(new(), kind, want("10.2.20.200"), giaddr=giaddr, source="10.2.0.9"),),
            )
    for hops in (0, 16, 255):
        yield Case(f"{hops} hops", (RELAY.send(new(), DISCOVER, want(new().address(2)), hops=hops),))
    for relay in ("172.16.14.14", "172.16.14.15", "172.16.14.16"):
        c = new()
        yield Case(f"relay {relay} of subnet 14", RELAY.lease(c, c.address(14), giaddr=relay))
    c = new()
    yield Case("side link, by its name", (*SIDE.lease(c, c.address(9), PRL), SIDE.renew(c, c.address(9))))
    yield Case("side link, init-reboot elsewhere", (SIDE.send(new(), REQUEST, want("10.2.20.3")),))


def reservations(new: Clients) -> Iterator[Case]:
    """Reserved addresses, names, options and fields by every identifier."""
    ways: tuple[tuple[str, dict[str, object], tuple[Option, ...], str], ...] = (
        ("in the pool", {"chaddr": host(1)}, (), "10.7.16.101"),
        ("out of the pool", {"chaddr": host(2)}, (), "10.7.200.2"),
        ("client identifier", {}, ((61, b"\1" + host(3)),), "10.7.200.3"),
        ("client identifier as text", {}, ((61, b"by-text"),), "10.7.200.4"),
        ("circuit", {}, ((82, suboptions((1, b"port-5"))),), "10.7.200.5"),
        ("DUID", {}, ((61, b"\xff\1\2\3\4\0\3\0\1" + host(6)),), "10.7.200.6"),
        ("with everything", {"chaddr": host(7)}, (), "10.7.200.7"),
        ("hardware before identifier", {"chaddr": host(11)}, ((61, b"\1" + host(11)),), "10.7.16.111"),
        ("identifier alone", {}, ((61, b"\1" + host(11)),), "10.7.16.112"),
    )
    for name, fields, options, address in ways:
        c = new()
        fields = {"subnet": 7, **fields}
        asked = (*options, asking(3, 6, 12, 15, 42, 66, 67, 72))
        send = RELAY.send
        yield Case(f"{name}, discover", (send(c, DISCOVER, *asked, **fields),))
        yield Case(f"{name}, discover with a hint", (send(c, DISCOVER, want("10.7.20.99"), *asked, **fields),))
        yield Case(f"{name}, init-reboot before", (send(c, REQUEST, want(address), *asked, **fields),))
        yield Case(
            f"{name}, wrong address", (send(c, REQUEST, want("10.7.20.98"), sid(RELAY.server), *asked, **fields),)
        )
        yield Case(f"{name}, lease", RELAY.lease(c, address, *asked, **fields))
        yield Case(f"{name}, rebind", (send(c, REQUEST, *asked, ciaddr=address, **fields),))
        yield Case(
            f"{name}, init-reboot after",
            (send(c, REQUEST, want(address), *asked, **fields), send(c, REQUEST, want("10.7.20.97"), *asked, **fields)),
        )
        stranger = new()
        yield Case(
            f"{name}, a stranger wants it",
            (
                send(stranger, DISCOVER, want(address), subnet=7, pool="10.7."),
                send(stranger, REQUEST, want(address), sid(RELAY.server), subnet=7),
            ),
        )
        yield Case(
            f"{name}, release", (RELAY.release(c, address, *options, **fields), send(c, DISCOVER, *asked, **fields))
        )
    for name, number in (("options only", 8), ("name only", 9), ("a name with a dot", 12)):
        c = new()
        yield Case(
            f"{name}, lease", RELAY.lease(c, c.address(7), asking(12, 42, 69, 72), subnet=7, chaddr=host(number))
        )
        yield Case(f"{name}, sends a name", (RELAY.send(c, DISCOVER, (12, b"mine"), subnet=7, chaddr=host(number)),))
        yield Case(
            f"{name}, sends FQDN", (RELAY.send(c, DISCOVER, (81, b"\1\0\0mine"), subnet=7, chaddr=host(number)),)
        )
    c = new()
    yield Case(
        "reserved after a lease",
        (
            *RELAY.lease(c, c.address(2), chaddr=bytes((2, 2, 0, 0, 0, 1))),
            RELAY.send(c, DISCOVER, chaddr=bytes((2, 2, 0, 0, 0, 1))),
        ),
    )
    yield Case("reservation of another net", (RELAY.send(new(), DISCOVER, chaddr=host(2), pool="10.2."),))


def globals4(new: Clients) -> Iterator[Case]:
    """Reservations of no subnet."""
    for name, number in (("address", 1), ("option", 2), ("another address", 4)):
        c, hwaddr = new(), bytes((2, 13, 0, 0, 0, number))
        address = c.address(2) if name == "option" else f"10.2.200.{number}"
        asked = asking(12, 222)
        yield Case(f"{name}, discover", (RELAY.send(c, DISCOVER, want(address), asked, chaddr=hwaddr),))
        yield Case(f"{name}, lease", RELAY.lease(c, address, asked, chaddr=hwaddr))
        yield Case(f"{name}, in another net", (RELAY.send(c, DISCOVER, asked, chaddr=hwaddr, subnet=3, pool="10.3."),))
        yield Case(f"{name}, wanted by a stranger", RELAY.lease(new(), address, pool="10.2."))
    circuit = (82, suboptions((1, b"port-5")))
    yield Case("circuit", RELAY.lease(new(), "10.2.200.3", circuit))
    yield Case("circuit before hardware", (RELAY.send(new(), DISCOVER, circuit, chaddr=bytes((2, 13, 0, 0, 0, 4))),))


def networks(new: Clients) -> Iterator[Case]:
    """A shared network, exhausted pools, authoritative or not."""
    campus = {"giaddr": "172.16.99.99"}
    ask = asking(3, 15, 7)
    first, second, third, fourth = new(), new(), new(), new()
    yield Case("small subnet, first", RELAY.lease(first, "10.5.16.1", ask, **campus))
    yield Case(
        "small subnet, another wants it", (RELAY.send(third, DISCOVER, want("10.5.16.1"), ask, **campus, pool="10."),)
    )
    yield Case("small subnet, second", RELAY.lease(second, "10.5.16.2", ask, **campus))
    yield Case("small subnet is full", RELAY.lease(third, third.address(6), ask, **campus))
    yield Case("small subnet is full, no wish", (RELAY.send(fourth, DISCOVER, ask, **campus, pool="10.6."),))
    c = new()
    yield Case("the other subnet", RELAY.lease(c, c.address(6), ask, **campus))
    yield Case("the other subnet, init-reboot", (RELAY.send(c, REQUEST, want(c.address(6)), ask, **campus),))
    yield Case("giaddr in the other subnet", RELAY.lease(new(), new().address(6), ask, subnet=6))
    yield Case("giaddr in the small subnet", RELAY.lease(new(), new().address(6), ask, subnet=5))
    moved = RELAY.send(first, REQUEST, ask, want("10.6.30.1"), sid(RELAY.server), **campus)
    yield Case("from one subnet to the other", (moved, RELAY.send(first, DISCOVER, ask, **campus)))
    c = new()
    yield Case(
        "a pool of one",
        (
            *RELAY.lease(c, "10.11.16.1", subnet=11),
            RELAY.send(new(), DISCOVER, subnet=11),
            RELAY.send(new(), REQUEST, want("10.11.16.1"), sid(RELAY.server), subnet=11),
            RELAY.release(c, "10.11.16.1", subnet=11),
            RELAY.send(new(), DISCOVER, subnet=11),
        ),
    )
    yield Case("no pools", RELAY.lease(new(), "10.8.0.7", subnet=8))
    for name, send in (("authoritative", {"subnet": 3}),):
        c = new()
        yield Case(
            f"{name}, init-reboot of a stranger",
            (RELAY.send(c, REQUEST, want(c.address(3)), (61, b"\1stranger"), **send),),
        )
        yield Case(f"{name}, init-reboot outside", (RELAY.send(c, REQUEST, want("192.0.2.7"), **send),))
        yield Case(f"{name}, rebind of a stranger", (RELAY.send(c, REQUEST, ciaddr=c.address(3), **send),))
        yield Case(f"{name}, rebind outside", (RELAY.send(new(), REQUEST, ciaddr="192.0.2.7", **send),))
        yield Case(f"{name}, lease", RELAY.lease(c, c.address(3), **send))
