"""The same commands to two servers by their UNIX sockets, and what differs in what they answer and in what is left.

What is compared of an answer: its result, and every value at every level, each with its JSON type. Texts are equal to
the letter, except that with result 1 each server has words of its own, and must have some. Times may be some seconds
apart (`MOMENTS`), process numbers are numbers (`ANY`), and each server's own directory and socket count as the same.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.real.differential import CLOCK, Difference, Facts
from tests.real.servers import Product, Server

__all__ = ["ABSENT", "Case", "Pair", "Scene", "Step", "Trials", "ask", "raw"]

Trials = tuple[tuple[str, Any], ...]
"""Arguments of a command, and what is tried with them."""
ABSENT: Final = object()
"""No ``arguments`` at all."""
PATIENCE: Final = 15.0
"""Seconds that an answer may take; both servers give up a command that does not arrive after 10."""
MOMENTS: Final = re.compile(r"cltt|expire|uptime|reload")
"""The last names of values that are seconds, counted from now."""
ANY: Final = re.compile(r"pid")
"""The last names of values that each server has for itself."""
TIME: Final = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}")
CURRENT: Final = re.compile(r"arguments\.(.+)\[0\]\[0\]")
"""The field with the value of a statistic now, among the answer to ``statistic-get-all``."""
STATISTIC: Final = "left: statistic "
ERROR: Final = "1"
ABOUT: Final = {
    "leases": ("ip-address",),
    "option-data": ("space", "code"),
    "option-def": ("space", "code"),
    "reservations": ("ip-address", "ip-addresses", "prefixes", "hostname", "hw-address", "duid"),
    "subnet4": ("id",),
    "subnet6": ("id",),
}
"""What tells the members of a list from each other."""
ORDERED: Final = "leases"
"""A list whose order is compared, by itself."""
NAMES: Final = "arguments"
"""A list right here is one of names, as ``list-commands`` gives it, and in no order."""


class Step(NamedTuple):
    """A request as it is written to the socket; ``@DIRECTORY@`` and ``@SOCKET@`` are each server's own."""

    request: bytes
    ends: bool = False
    """Whether the client closes its side behind the request."""


class Case(NamedTuple):
    """Requests of which each may need those before."""

    name: str
    steps: tuple[Step, ...]
    restore: bool = False
    """Whether it changes the configuration, which is read from the file again behind it."""


class Scene(NamedTuple):
    """What two servers are started with."""

    family: int
    configuration: str
    """The configuration file (see `tests.real.servers.substituted`); ``@SOCKET@`` is the control socket."""


def ask(command: str, arguments: Any = ABSENT, **more: Any) -> Step:
    """A command with its arguments, any JSON value; ``more`` are further keys of the request."""
    given = {} if arguments is ABSENT else {"arguments": arguments}
    return Step(json.dumps({"command": command, **given, **more}).encode())


def raw(request: bytes, ends: bool = False) -> Step:
    """Any octets."""
    return Step(request, ends)


class Side:
    """A server with a control socket."""

    def __init__(self, product: Product, scene: Scene, directory: Path, sockets: Path, number: int) -> None:
        self.socket = str(sockets / f"{number}")
        self._scene = scene
        switches = ("-p", str(20100 + 10 * scene.family + number))
        self.server = Server(product, self._template(), directory, switches=switches)
        self._here = {"@DIRECTORY@": str(self.server.directory), "@SOCKET@": self.socket}

    def _template(self) -> str:
        return self._scene.configuration.replace("@SOCKET@", self.socket)

    def restore(self) -> None:
        """Write the configuration file anew, for ``config-reload``."""
        self.server.configure(self._template())

    def send(self, step: Step) -> socket.socket:
        """Send a request; gives the connection that its answer comes by."""
        request = step.request
        for name, value in self._here.items():
            request = request.replace(name.encode(), value.encode())
        channel = socket.socket(socket.AF_UNIX)
        channel.settimeout(PATIENCE)
        try:
            channel.connect(self.socket)
        except OSError:
            self.server.check()
            raise
        with suppress(BrokenPipeError, ConnectionResetError):  # answered before all was sent
            channel.sendall(request)
            if step.ends:
                channel.shutdown(socket.SHUT_WR)
        return channel

    def answer(self, channel: socket.socket) -> Facts:
        """What the server answers; a channel that is closed without a word is one fact."""
        with channel:
            answer = b"".join(_received(channel)).decode()
        for name, value in self._here.items():
            answer = answer.replace(value, name)
        return dict(_flat("", json.loads(answer))) if answer else {"result": "none"}


def _received(channel: socket.socket) -> Iterator[bytes]:
    with suppress(ConnectionResetError):
        yield from iter(lambda: channel.recv(1 << 16), b"")


class Pair:
    """Two servers that are asked the same."""

    def __init__(self, products: Sequence[Product], scenes: Sequence[Scene], directory: Path, sockets: Path) -> None:
        self.sides = [
            Side(product, scene, directory / f"{number}-{product.name}", sockets, number)
            for number, (product, scene) in enumerate(zip(products, scenes, strict=True))
        ]
        self._leases = f"lease{scenes[0].family}"
        self._lasting: frozenset[tuple[str, ...]] = frozenset()
        """What differs in the state whatever is done: field and values."""

    def start(self) -> None:
        for side in self.sides:
            side.server.launch()
        for side in self.sides:
            side.server.await_ready()

    def close(self) -> None:
        for side in self.sides:
            side.server.close()

    def answers(self, step: Step) -> Sequence[Facts]:
        """What each answers to a request that both work at together."""
        channels = [side.send(step) for side in self.sides]
        return [side.answer(channel) for side, channel in zip(self.sides, channels, strict=True)]

    def differences(self, cases: Sequence[Case]) -> Iterator[Difference]:
        """All that differs in the answers, and in what each case left."""
        for case in cases:
            for number, step in enumerate(case.steps):
                yield from _compared(case.name, number, *self.answers(step))
            left = [each for each in self._left(case) if each[2:] not in self._lasting]
            yield from left
            self._clean(case, case.restore or any(each.field.startswith(STATISTIC) for each in left))

    def _left(self, case: Case) -> list[Difference]:
        """What differs in the leases, and in the statistics but for those that only the second server has."""
        leases = self.answers(ask(f"{self._leases}-get-all"))
        states = [
            {**{f"left: {name}": value for name, value in each.items()}, **_current(statistics)}
            for each, statistics in zip(leases, self.answers(ask("statistic-get-all")), strict=True)
        ]
        found = _compared(case.name, len(case.steps), *states)
        return [each for each in found if not (each.first == "-" and each.field.startswith(STATISTIC))]

    def _clean(self, case: Case, restore: bool) -> None:
        """Take away what a case may have left."""
        self.answers(ask("dhcp-enable"))
        self.answers(ask(f"{self._leases}-wipe"))
        if restore:
            for side in self.sides:
                side.restore()
            self.answers(ask("config-reload"))
            self._lasting = frozenset(each[2:] for each in self._left(case))
        for side in self.sides:
            side.server.check()


def _current(statistics: Facts) -> Facts:
    """The values of all statistics now."""
    return {f"{STATISTIC}{found[1]}": value for name, value in statistics.items() if (found := CURRENT.fullmatch(name))}


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """All values within a value by their places, as JSON texts."""
    members = dict(_members(path, value))
    if not members:
        yield path, TIME.sub("<time>", json.dumps(value))
    if path.rpartition(".")[2] == ORDERED:
        yield f"{path} order", " ".join(members)
    for place, member in members.items():
        yield from _flat(place, member)


def _members(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """The values right within a value by their places; a member of a list by what it is about, or by its number."""
    if isinstance(value, Mapping):
        yield from ((f"{path}.{name}" if path else name, member) for name, member in value.items())
    elif isinstance(value, list) and path == NAMES:
        yield from ((f"{path}.{name}", True) for name in value)
    elif isinstance(value, list):
        about = ABOUT.get(path.rpartition(".")[2], ())
        for number, member in enumerate(value):
            key = _key(member, about) if isinstance(member, Mapping) else ""
            yield f"{path}[{key or number}]", member


def _key(member: Mapping[str, Any], about: Sequence[str]) -> str:
    return ",".join(str(member[name]) for name in about if member.get(name) not in (None, "", []))


def _compared(case: str, step: int, first: Facts, second: Facts) -> Iterator[Difference]:
    if first.get("result") != second.get("result"):
        yield Difference(case, step, "result", _gist(first), _gist(second))
        return
    for field in sorted(first.keys() | second.keys()):
        one, other = first.get(field, "-"), second.get(field, "-")
        if one != other and not _meant_alike(field, one, other, first.get("result", "")):
            yield Difference(case, step, field, one, other)


def _meant_alike(field: str, one: str, other: str, result: str) -> bool:
    """Whether two values that are not equal count as the same."""
    if field == "text" and result == ERROR:
        return all(each not in ("-", '""') for each in (one, other))
    name = re.split(r"[.\]]", field)[-1]
    numbers = one.isdigit() and other.isdigit()
    if ANY.fullmatch(name):
        return numbers
    return bool(MOMENTS.fullmatch(name)) and numbers and abs(int(one) - int(other)) <= CLOCK


def _gist(facts: Facts) -> str:
    return f"{facts.get('result', '-')} {facts.get('text', '')}"
