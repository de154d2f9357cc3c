"""A DHCPv6 server in a network of its own, and what is compared of its answers."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from ipaddress import IPv6Address, IPv6Network
from pathlib import Path
from typing import ClassVar, Final

from tests.real.dialect6 import ALL, ANSWER, DIRECT, RELAY, SID, SIDE, Step, cid, ll, na
from tests.real.differential import CLOCK, Arena, Facts
from tests.real.packets6 import REQUEST, Option, Query, Relay, decode, encode, innermost, text6, walk
from tests.real.servers import Product, Server
from tests.real.tap import Seen, Tap, frame6
from txkea.testing.namespaces import Lab, Port

__all__ = ["Arena6", "facts_of"]

LINKS: Final = {"eth0": "2001:db8:1::1/64", "eth1": "2001:db8:f::1/64", "eth2": "2001:db8:9::1/64"}
NEIGHBOURS: Final = {
    "eth0": ("2001:db8:1::77", "fe80::208:ff:fe00:2", "fe80::8:ff:fe00:8", "fe80::1234"),
    "eth1": ("2001:db8:f::2", "2001:db8:14::14"),
    "eth2": (),
}
"""Whom a server finds without asking: the test's clients and relays answer no solicitation."""
SETTINGS: Final = ("accept_dad=0", "autoconf=0", "accept_ra=0", "addr_gen_mode=0")
GROUP_HWADDR: Final = bytes((0x33, 0x33, 0, 1, 0, 2))
MTU: Final = "9000"
"""No answer comes in fragments."""
IA_NA, IAADDR, STATUS, IA_PD, IAPREFIX, FQDN = 3, 5, 13, 25, 26, 39
MARK: Final = re.compile(re.escape(ANSWER) + b"(.)(...)", re.DOTALL)


class Arena6(Arena[Step]):
    """A DHCPv6 server's."""

    columns = (
        *("address", "duid", "valid_lifetime", "expire", "subnet_id", "pref_lifetime", "lease_type", "iaid"),
        *("prefix_len", "fqdn_fwd", "fqdn_rev", "hostname", "hwaddr", "state"),
        *("", "hwtype", "hwaddr_source"),
    )
    kind = "type"
    clocked: ClassVar = {"lease expire": 10}

    def __init__(self, lab: Lab, product: Product, template: str, directory: Path, number: int) -> None:
        super().__init__()
        there, here = lab.namespace(f"server{number}"), lab.namespace(f"client{number}")
        for namespace in (there, here):
            namespace.run(["sysctl", "-qw", *(f"net.ipv6.conf.default.{setting}" for setting in SETTINGS)])
        for index, (link, address) in enumerate(LINKS.items()):
            lab.veth(
                Port(there, link, [address], f"02:cc:00:00:00:0{index}"),
                Port(here, link, [], f"02:ee:00:00:00:0{index}"),
            )
            for namespace in (there, here):
                namespace.run(["ip", "link", "set", link, "mtu", MTU])
            for neighbour in NEIGHBOURS[link]:
                hwaddr = f"02:ee:00:00:00:0{index}"
                there.run(["ip", "neigh", "replace", neighbour, "lladdr", hwaddr, "dev", link, "nud", "permanent"])
        there.run(["ip", "route", "add", "2001:db8:14::/64", "dev", "eth1"])
        self.taps = {link: Tap(here, link) for link in LINKS}
        self.server_hwaddr = {link: there.hwaddr(link) for link in LINKS}
        self.server = Server(product, template, directory, there)
        self._last: dict[tuple[int, int], bytes] = {}

    def send(self, step: Step, xid: int) -> None:
        data = MARK.sub(self._answered, encode(step.query._replace(xid=xid)))
        tap = self.taps[step.link]
        to = GROUP_HWADDR if step.destination == ALL else self.server_hwaddr[step.link]
        tap.send(frame6(data, tap.hwaddr, to, step.source, step.destination, step.source_port))

    def probe(self, step: Step, xid: int, number: int) -> None:
        path = {"eth0": DIRECT, "eth1": RELAY, "eth2": SIDE}[step.link]
        relayed = bool(step.query.relays) or path.relayed
        address = f"2001:db8:{path.subnet}:1::f000:{number:x}"
        duid = cid(ll(b"\x02\xf0" + bytes((path.subnet,)) + number.to_bytes(3, "big")))
        relays = (Relay(f"2001:db8:{path.subnet}::9", "fe80::c"),) if relayed else ()
        query = Query(REQUEST, (duid, SID, na(1, address)), relays)
        # to the same socket wherever that is answered at all: what is read in turn is answered in turn
        destination = path.destination if step.unicast else step.destination
        self.send(Step(query, step.link, path.source, destination, 547 if relayed else 546), xid)

    def xid(self, payload: bytes) -> int:
        try:
            return int.from_bytes(innermost(payload)[1:4], "big")
        except (ValueError, struct.error):
            return 0

    def same_moment(self, field: str, one: str, other: str) -> bool:
        if not field.endswith(" times") or "-" in (one, other) or "0 0" in (one, other):
            return super().same_moment(field, one, other)
        pairs = zip(one.split(), other.split(), strict=True)
        return all(abs(int(first) - int(second)) <= CLOCK for first, second in pairs)

    def unordered(self, step: Step) -> bool:
        return step.unicast

    def facts(self, step: Step, seen: Seen) -> Facts:
        facts = facts_of(seen)
        for association, resource in list(_resources(facts)):
            address, _, _ = resource.partition("/")
            network = _within(address, step.free)
            self._last[association] = IPv6Address(address).packed
            if network:
                self.free.add(address)
                facts = {name: value.replace(address, f"{network}*") for name, value in facts.items()}
        return facts

    def gist(self, facts: Facts) -> str:
        return "; ".join(f"{name} {value}" for name, value in facts.items() if re.match("(na|pd|status)", name))

    def leased(self, facts: Facts) -> list[str]:
        return [resource.partition("/")[0] for _, resource in _resources(facts)]

    def _answered(self, mark: re.Match[bytes]) -> bytes:
        return self._last.get((mark[1][0], int.from_bytes(mark[2], "big")), bytes(15) + b"\1")


def facts_of(seen: Seen) -> Facts:
    """Everything about an answer: how it was addressed, each level of relaying, each option, each association."""
    answer = decode(seen.payload)
    facts = {
        "answers": "1",
        "type": str(answer.type),
        "from": f"{seen.source}:{seen.source_port}",
        "to": f"{seen.destination}:{seen.destination_port}",
        "link": seen.interface,
        "hwaddr to": seen.hwaddr_to.hex(),
        "order": _order(answer.options),
        "relays": str(len(answer.relays)),
    }
    for level, relay in enumerate(answer.relays):
        facts[f"relay {level}"] = f"{relay.hops} {relay.link} {relay.peer}"
        facts |= _plain(f"relay {level} option", relay.options)
    facts |= _plain("option", [each for each in answer.options if each[0] not in (IA_NA, IA_PD, STATUS)])
    facts |= _statuses("status", answer.options)
    for code, name in ((IA_NA, "na"), (IA_PD, "pd")):
        for payload in (payload for found, payload in answer.options if found == code):
            facts |= _association(name, payload, facts)
    return facts


def _order(options: Sequence[Option]) -> str:
    return " ".join(str(code) for code, _ in options)


def _plain(label: str, options: Sequence[Option]) -> Facts:
    """Options as they are; of a repeated code all payloads, in their order."""
    facts: Facts = {}
    for code, payload in options:
        name = f"{label} {code}"
        if code == FQDN:
            facts |= {f"{name} flags": payload[:1].hex(), f"{name} name": payload[1:].hex()}
        else:
            facts[name] = f"{facts[name]} + {payload.hex()}" if name in facts else payload.hex()
    return facts


def _statuses(label: str, options: Sequence[Option]) -> Facts:
    """The codes of statuses; their texts are free (Kea B051)."""
    codes = [str(int.from_bytes(payload[:2], "big")) for code, payload in options if code == STATUS]
    return {label: " ".join(codes)} if codes else {}


def _association(name: str, payload: bytes, before: Facts) -> Facts:
    iaid, t1, t2 = struct.unpack_from("!III", payload)
    label = f"{name} {iaid}"
    if label in before:
        label = f"{name} {iaid} again"
    inside = list(walk(payload[12:]))
    facts = {label: f"T1 {t1} T2 {t2}", **_statuses(f"{label} status", inside)}
    resources = [payload for code, payload in inside if code in (IAADDR, IAPREFIX)]
    for index, each in enumerate(resources):
        facts |= _resource(f"{label} resource {index}", each, name == "pd")
    rest = [each for each in inside if each[0] not in (IAADDR, IAPREFIX, STATUS)]
    return facts | _plain(f"{label} option", rest)


def _resource(label: str, payload: bytes, prefix: bool) -> Facts:
    if prefix:
        preferred, valid, length, address = struct.unpack_from("!IIB16s", payload)
        rest = payload[25:]
    else:
        address, preferred, valid = struct.unpack_from("!16sII", payload)
        length, rest = 128, payload[24:]
    inside = list(walk(rest))
    return {
        label: f"{text6(address)}/{length}",
        f"{label} times": f"{preferred} {valid}",
        **_statuses(f"{label} status", inside),
        **_plain(f"{label} option", [each for each in inside if each[0] != STATUS]),
    }


def _resources(facts: Facts) -> Iterator[tuple[tuple[int, int], str]]:
    """Code and IAID, and the address or prefix, of what an answer grants: not what it takes away."""
    for name, value in facts.items():
        found = re.fullmatch(r"(na|pd) (\d+) resource \d+", name)
        if found and facts.get(f"{name} times") != "0 0":
            yield (IA_NA if found[1] == "na" else IA_PD, int(found[2])), value


def _within(address: str, networks: Sequence[str]) -> str:
    """The first of some networks that an address is in."""
    return next((each for each in networks if IPv6Address(address) in IPv6Network(each)), "")
