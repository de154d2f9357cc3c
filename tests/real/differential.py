"""The same queries to two servers in two equal networks, and what differs in what comes back."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Final, Generic, NamedTuple, NoReturn, Protocol, TypeVar

from tests.real.servers import Server, SurvivorError
from tests.real.tap import Seen, Tap, sniff

__all__ = ["CLOCK", "Arena", "Asked", "Difference", "Facts", "Known", "Pair", "unexplained"]

PATIENCE: Final = 5.0
"""Seconds after which a server that does not answer a probe is taken for dead."""
LINGER: Final = 0.1
"""Seconds in which a server may still answer when the other has."""
CLOCK: Final = 5
"""Seconds that two lease times may differ: one server counted from another second."""

Facts = dict[str, str]
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)


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
    group: str = "main"
    """The configuration in which it has to come; it may in others."""
    first: str = ""
    """A pattern for what the first server sent."""

    def explains(self, difference: Difference) -> bool:
        return bool(
            re.search(self.case, difference.case)
            and re.fullmatch(self.field, difference.field)
            and re.search(self.second, difference.second)
            and re.search(self.first, difference.first)
        )


def unexplained(differences: Sequence[Difference], known: Sequence[Known]) -> list[Difference]:
    """The differences that nothing explains."""
    return [each for each in differences if not any(entry.explains(each) for entry in known)]


class Asked(Protocol[S_co]):
    """A case: steps of which each needs those before."""

    @property
    def name(self) -> str: ...

    @property
    def steps(self) -> Sequence[S_co]: ...


class Arena(ABC, Generic[S]):
    """A server and a network of its own; two arenas are equal to the last hardware address."""

    columns: ClassVar[Sequence[str]]
    """What is compared of a lease file's row; empty for what is not."""
    kind: ClassVar[str]
    """The fact that tells one type of answer from another."""
    clocked: ClassVar[Mapping[str, int]]
    """The facts that are times counted from now, and the base they are written in."""

    server: Server
    taps: Mapping[str, Tap]

    def __init__(self) -> None:
        self.free: set[str] = set()
        """Addresses that this server was free to choose."""

    @abstractmethod
    def send(self, step: S, xid: int) -> None:
        """Put a step on the wire, the offered addresses filled in."""

    @abstractmethod
    def probe(self, step: S, xid: int, number: int) -> None:
        """Send a stranger's request the same way, which always is acknowledged and always takes a write."""

    @abstractmethod
    def xid(self, payload: bytes) -> int:
        """The transaction that a datagram belongs to."""

    @abstractmethod
    def facts(self, step: S, seen: Seen) -> Facts:
        """What is compared of an answer to a step."""

    @abstractmethod
    def gist(self, facts: Facts) -> str:
        """What is shown of an answer when the types differ."""

    @abstractmethod
    def leased(self, facts: Facts) -> Sequence[str]:
        """The addresses in an answer as the lease file names them."""

    def same_moment(self, field: str, one: str, other: str) -> bool:
        """Whether two different values tell the same time, counted from another second."""
        base = self.clocked.get(field)
        return base is not None and "-" not in (one, other) and abs(int(one, base) - int(other, base)) <= CLOCK

    def unordered(self, step: S) -> bool:
        """Whether the answer may come later than that to the probe, which arrives at another socket."""
        return False

    def close(self) -> None:
        self.server.close()
        for tap in self.taps.values():
            tap.close()


class Pair(Generic[S]):
    """Two arenas that are asked the same."""

    def __init__(self, arenas: Sequence[Arena[S]]) -> None:
        self.arenas = arenas
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

    def differences(self, cases: Sequence[Asked[S]]) -> Iterator[Difference]:
        """All that differs in the answers to these cases."""
        for case in cases:
            for number, step in enumerate(case.steps):
                facts = self._ask(step)
                for arena, each in zip(self.arenas, facts, strict=True):
                    self._cases.update(dict.fromkeys(arena.leased(each), case.name))
                yield from self._compared(case.name, number, *facts)

    def lease_differences(self) -> Iterator[Difference]:
        """All that differs in the lease files, but for the addresses that a server was free to choose."""
        first, second = (arena.server.lease_rows() for arena in self.arenas)
        free = {address for arena in self.arenas for address in arena.free}
        for address in sorted((first.keys() | second.keys()) - free):
            case = self._cases.get(address, f"lease {address}")
            if address in first and address in second:
                yield from self._compared(case, 0, self._row(first[address]), self._row(second[address]))
            else:
                yield Difference(case, 0, "lease", *(",".join(rows.get(address, "-")) for rows in (first, second)))

    def _ask(self, step: S) -> list[Facts]:
        """What each server answers to a step; silence is known by the answer to a probe sent right behind."""
        xid = self._xid = self._xid + 2
        self.queries += 1
        for arena in self.arenas:
            arena.send(step, xid)
            arena.probe(step, xid + 1, self.queries)
        seen = self._collect(xid)
        if len({len(each) for each in seen}) > 1 or self.arenas[0].unordered(step):
            self._linger(xid, seen)
        return [
            arena.facts(step, answers[0]) if len(answers) == 1 else {"answers": str(len(answers))}
            for arena, answers in zip(self.arenas, seen, strict=True)
        ]

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
        xid = self.arenas[0].xid
        return [(owner[id(tap)], xid(seen.payload), seen) for tap, seen in sniff(taps, timeout)]

    def _despair(self, servers: Sequence[Server]) -> NoReturn:
        for server in servers:
            server.check()
        raise SurvivorError(f"no answer to a probe from {[server.product.name for server in servers]}")

    def _row(self, row: list[str]) -> Facts:
        return {f"lease {name}": value for name, value in zip(self.arenas[0].columns, row, strict=False) if name}

    def _compared(self, case: str, step: int, first: Facts, second: Facts) -> Iterator[Difference]:
        if any(first.get(name) != second.get(name) for name in ("answers", self.arenas[0].kind)):
            yield Difference(case, step, "answers", self._gist(first), self._gist(second))
            return
        for field in sorted(first.keys() | second.keys()):
            one, other = first.get(field, "-"), second.get(field, "-")
            if field == "order":
                one, other = _common(one, other)
            if one != other and not self.arenas[0].same_moment(field, one, other):
                yield Difference(case, step, field, one, other)

    def _gist(self, facts: Facts) -> str:
        arena = self.arenas[0]
        what = f", type {facts[arena.kind]}, {arena.gist(facts)}" if arena.kind in facts else ""
        return f"{facts['answers']}{what}"


def _common(one: str, other: str) -> tuple[str, str]:
    """Two lists of words without those that are in one only."""
    both = set(one.split()) & set(other.split())
    first, second = (" ".join(word for word in words.split() if word in both) for words in (one, other))
    return first, second
