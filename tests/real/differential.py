"""The same queries to two servers in two equal networks, and what differs in what comes back."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from tests.real.dialect import OFFERED, Case, Step, sid, want
from tests.real.packets import REQUEST, Query, decode, encode, packed
from tests.real.servers import Product, Server, SurvivorError
from tests.real.tap import BROADCAST, BROADCAST_HWADDR, Seen, Tap, frame, sniff
from txkea.testing.namespaces import Lab, Port

__all__ = ["Arena", "Difference", "Known", "Pair", "unexplained"]

LINKS: Final = {"eth0": "10.0.0.1/16", "eth1": "172.16.0.1/16", "eth2": "198.51.100.1/24"}
GATEWAY: Final = "172.16.0.2"
PATIENCE: Final = 5.0
"""Seconds after which a server that does not answer a probe is taken for dead."""
LINGER: Final = 0.1
"""Seconds in which a server may still answer when the other has."""
CLOCK: Final = 5
"""Seconds that two lease times may differ: one server counted from another second."""
COLUMNS: Final = (
    *("address", "hwaddr", "client_id", "valid_lifetime", "expire", "subnet_id", "fqdn_fwd", "fqdn_rev", "hostname"),
    "state",
)
PROBE_CLIENTS: Final = bytes((2, 0xF0))

Facts = dict[str, str]


class Difference(NamedTuple):
    """One thing that differs."""

    case: str
    step: int
    field: str
    first: str
    second: str

    def __str__(self) -> str:
        return f"{self.case} [{self.step}] {self.field}: {self.first} | {self.second}"


class Known(NamedTuple):
    """A difference that is meant, with its reason."""

    case: str
    """A pattern for the case's name."""
    field: str
    """A pattern for the whole field."""
    reason: str
    second: str = ""
    """A pattern for what the second server sent."""
    elsewhere: bool = False
    """Whether it comes in another configuration than the main one."""

    def explains(self, difference: Difference) -> bool:
        return bool(
            re.search(self.case, difference.case)
            and re.fullmatch(self.field, difference.field)
            and re.search(self.second, difference.second)
        )


def unexplained(differences: Sequence[Difference], known: Sequence[Known]) -> list[Difference]:
    """The differences that nothing explains."""
    return [each for each in differences if not any(entry.explains(each) for entry in known)]


class Arena:
    """A server and a network of its own; two arenas are equal to the last hardware address."""

    def __init__(self, lab: Lab, product: Product, template: str, directory: Path, number: int) -> None:
        there, here = lab.namespace(f"server{number}"), lab.namespace(f"client{number}")
        for index, (link, address) in enumerate(LINKS.items()):
            lab.veth(
                Port(there, link, [address], f"02:cc:00:00:00:0{index}"),
                Port(here, link, [f"{GATEWAY}/16"] if link == "eth1" else [], f"02:ee:00:00:00:0{index}"),
            )
        there.run(["ip", "route", "add", "default", "via", GATEWAY])
        here.run(["ip", "route", "add", "blackhole", "default"])
        for network, link in (("10.0.0.0/16", "eth0"), ("10.9.0.0/16", "eth2")):
            # answer ARP for every client, so that a server that asks for one finds it
            here.run(["ip", "route", "add", "local", network, "dev", link])
            here.run(["sysctl", "-qw", f"net.ipv4.conf.{link}.rp_filter=0"])
        there.run(["ip", "route", "add", "10.9.0.0/16", "dev", "eth2"])
        self.taps = {link: Tap(here, link) for link in LINKS}
        self.server_hwaddr = {link: there.hwaddr(link) for link in LINKS}
        self.server = Server(product, template, directory, there)
        self.last = "0.0.0.0"
        self.free: set[str] = set()
        """Addresses that this server was free to choose."""

    def send(self, step: Step, xid: int) -> None:
        """Put a step on the wire, the offered address filled in."""
        query = self._filled(step.query)._replace(xid=xid)
        tap = self.taps[step.link]
        source = self.last if step.source == OFFERED else step.source
        hwaddr_from = query.chaddr if step.as_client and len(query.chaddr) == 6 else tap.hwaddr
        to = BROADCAST_HWADDR if step.destination == BROADCAST else self.server_hwaddr[step.link]
        tap.send(frame(encode(query), hwaddr_from, to, source, step.destination, step.source_port))

    def close(self) -> None:
        self.server.close()
        for tap in self.taps.values():
            tap.close()

    def _filled(self, query: Query) -> Query:
        marker, last = packed(OFFERED), packed(self.last)
        options = tuple((code, last if payload == marker else payload) for code, payload in query.options)
        return query._replace(options=options, ciaddr=self.last if query.ciaddr == OFFERED else query.ciaddr)


class Pair:
    """Two arenas that are asked the same."""

    def __init__(self, lab: Lab, products: Sequence[Product], templates: Sequence[str], directory: Path) -> None:
        numbered = enumerate(zip(products, templates, strict=True))
        self.arenas = [
            Arena(lab, product, template, directory / f"{number}-{product.name}", number)
            for number, (product, template) in numbered
        ]
        self._xid = 0x1000
        self._cases: dict[str, str] = {}
        """By address: the case that last had an answer with it."""
        self.queries = 0

    def start(self) -> None:
        for arena in self.arenas:
            arena.server.start()

    def close(self) -> None:
        for arena in self.arenas:
            arena.close()

    def differences(self, cases: Sequence[Case]) -> Iterator[Difference]:
        """All that differs in the answers to these cases."""
        for case in cases:
            for number, step in enumerate(case.steps):
                first, second = self._ask(step)
                for address in (first.get("yiaddr", ""), second.get("yiaddr", "")):
                    self._cases[address] = case.name
                yield from _compared(f"{case.name}", number, first, second)

    def lease_differences(self) -> Iterator[Difference]:
        """All that differs in the lease files, but for the addresses that a server was free to choose."""
        first, second = (arena.server.lease_rows() for arena in self.arenas)
        free = {address for arena in self.arenas for address in arena.free}
        for address in sorted((first.keys() | second.keys()) - free):
            case = self._cases.get(address, f"lease {address}")
            if address in first and address in second:
                yield from _compared(case, 0, _row(first[address]), _row(second[address]))
            else:
                yield Difference(case, 0, "lease", *(",".join(rows.get(address, "-")) for rows in (first, second)))

    def _ask(self, step: Step) -> list[Facts]:
        """What each server answers to a step; silence is known by the answer to a probe sent right behind."""
        xid = self._xid = self._xid + 2
        self.queries += 1
        for arena in self.arenas:
            arena.send(step, xid)
            arena.send(_probe(step.link, self.queries), xid + 1)
        seen = self._collect(xid)
        if len({len(each) for each in seen}) > 1:
            self._linger(xid, seen)
        return [self._facts(arena, step, seen[number]) for number, arena in enumerate(self.arenas)]

    def _collect(self, xid: int) -> list[list[Seen]]:
        """What came from each server before its answer to the probe."""
        found: list[list[Seen]] = [[] for _ in self.arenas]
        waiting = set(range(len(self.arenas)))
        deadline = time.monotonic() + PATIENCE
        while waiting:
            if time.monotonic() > deadline:
                self._despair([self.arenas[number].server for number in waiting])
            for number, answered, seen in self._sniff(0.5):
                if answered == xid:
                    found[number].append(seen)
                elif answered == xid + 1:
                    waiting.discard(number)
        return found

    def _linger(self, xid: int, found: list[list[Seen]]) -> None:
        """Give an answer that needs several writes the time to come after the probe's."""
        deadline = time.monotonic() + LINGER
        while (left := deadline - time.monotonic()) > 0:
            for number, answered, seen in self._sniff(left):
                if answered == xid:
                    found[number].append(seen)

    def _sniff(self, timeout: float) -> list[tuple[int, int, Seen]]:
        """Number of the arena, xid, and datagram of all that arrives."""
        owner = {id(tap): number for number, arena in enumerate(self.arenas) for tap in arena.taps.values()}
        taps = [tap for arena in self.arenas for tap in arena.taps.values()]
        return [(owner[id(tap)], int.from_bytes(seen.payload[4:8], "big"), seen) for tap, seen in sniff(taps, timeout)]

    def _despair(self, servers: Sequence[Server]) -> NoReturn:
        for server in servers:
            server.check()
        raise SurvivorError(f"no answer to a probe from {[server.product.name for server in servers]}")

    def _facts(self, arena: Arena, step: Step, seen: list[Seen]) -> Facts:
        if len(seen) != 1:
            return {"answers": str(len(seen))}
        facts = _facts(seen[0])
        address = facts["yiaddr"]
        if address != "0.0.0.0":
            arena.last = address
            if step.pool:
                arena.free.add(address)
        if step.pool and address.startswith(step.pool):
            return {key: value.replace(address, f"{step.pool}*") for key, value in facts.items()}
        return facts


def _probe(link: str, number: int) -> Step:
    """A stranger's request, which always is acknowledged and always takes a write."""
    index = int(link[-1])
    subnet = (0, 2, 9)[index]
    client = PROBE_CLIENTS + bytes((index,)) + number.to_bytes(3, "big")
    wanted = want(f"10.{subnet}.{32 + number // 250}.{1 + number % 250}")
    server = LINKS[link].split("/")[0]
    query = Query(REQUEST, client, (wanted, sid(server)))
    if link == "eth1":
        return Step(query._replace(giaddr="10.2.0.9"), link, "10.2.0.9", server, 67)
    return Step(query, link, as_client=True)


def _facts(seen: Seen) -> Facts:
    answer = decode(seen.payload)
    fields = answer._asdict()
    del fields["options"], fields["order"], fields["length"], fields["xid"]
    facts = {name: value.hex() if isinstance(value, bytes) else str(value) for name, value in fields.items()}
    options = {f"option {code}": payload.hex() for code, payload in sorted(answer.options.items())}
    if "option 81" in options:
        whole = options.pop("option 81")
        options |= {"option 81 flags": whole[:2], "option 81 codes": whole[2:6], "option 81 name": whole[6:]}
    way = {
        "from": f"{seen.source}:{seen.source_port}",
        "to": f"{seen.destination}:{seen.destination_port}",
        "link": seen.interface,
        "hwaddr from": seen.hwaddr_from.hex(),
        "hwaddr to": seen.hwaddr_to.hex(),
    }
    last = {"82 last": str(answer.order[-1] == 82)} if 82 in answer.options else {}
    return {"answers": "1", **facts, **options, **way, **last}


def _row(row: list[str]) -> Facts:
    return {f"lease {name}": value for name, value in zip(COLUMNS, row, strict=False)}


def _compared(case: str, step: int, first: Facts, second: Facts) -> Iterator[Difference]:
    if _kind(first) != _kind(second):
        yield Difference(case, step, "answers", _gist(first), _gist(second))
        return
    for field in sorted(first.keys() | second.keys()):
        one, other = first.get(field, "-"), second.get(field, "-")
        if one != other and not _same_moment(field, one, other):
            yield Difference(case, step, field, one, other)


def _kind(facts: Facts) -> tuple[str | None, str | None]:
    """How many answers, and of which type."""
    return facts.get("answers"), facts.get("option 53")


def _gist(facts: Facts) -> str:
    what = f", type {facts['option 53']}, {facts['yiaddr']}" if "option 53" in facts else ""
    return f"{facts['answers']}{what}"


def _same_moment(field: str, one: str, other: str) -> bool:
    if "-" in (one, other) or field not in ("option 51", "lease expire"):
        return False
    base = 16 if field == "option 51" else 10
    return abs(int(one, base) - int(other, base)) <= CLOCK
