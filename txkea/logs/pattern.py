"""The layout of a log line: Kea's default, or a log4cplus pattern (Kea K022)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from time import localtime, strftime, time
from typing import Final, NamedTuple, Protocol

__all__ = ["FILE_PATTERN", "SYSLOG_PATTERN", "Context", "Pattern", "Sink", "Write", "printable"]

FILE_PATTERN: Final = "%D{%Y-%m-%d %H:%M:%S.%q} %-5p [%c/%i.%t] %m%n"
SYSLOG_PATTERN: Final = "%-5p [%c.%t] %m%n"

Write = Callable[[str, str], None]
"""Takes a message identifier and a text."""

MILLISECONDS: Final = tuple(f"{i:03d}" for i in range(1000))

CONVERSION: Final = re.compile(
    r"%(?:(?P<left>-?)(?P<width>\d{0,3})(?:\.(?P<limit>\d{1,3}))?(?P<letter>[a-zA-Z])(?:\{(?P<braces>[^}]*)\})?|(?P<percent>%))"
)


class Sink(Protocol):
    """Where finished lines go; ``awake`` tells that somebody will come for ``lines``."""

    lines: list[str]
    awake: bool

    def wake(self) -> None:
        """See to it that ``lines`` are written soon."""


class Context(NamedTuple):
    """What stays the same for all lines of one logger at one severity."""

    logger: str
    """The whole dotted name."""
    severity: str
    pid: int
    thread: int
    host: str
    head: str = ""
    """Goes before everything else: syslog's priority."""


class Date(NamedTuple):
    """A place for the time: a strftime format, then the milliseconds if ``millis``, then another format."""

    format: str
    millis: bool
    rest: str


class Message(NamedTuple):
    """The place for identifier and text, padded to a width."""

    width: int
    left: bool


class Fixed(NamedTuple):
    """What a context alone decides."""

    letter: str
    braces: str
    width: int
    limit: int | None
    left: bool


Segment = str | Date | Message | Fixed

FIXED: Final[dict[str, Callable[[Context, str], str]]] = {
    "c": lambda context, precision: _last_names(context.logger, precision),
    "p": lambda context, _: context.severity,
    "i": lambda context, _: str(context.pid),
    "t": lambda context, _: str(context.thread),
    "T": lambda context, _: str(context.thread),
    "h": lambda context, _: context.host,
    "H": lambda context, _: context.host,
    "n": lambda _context, _braces: "\n",
}
"""log4cplus's conversions; those about C++ source lines and diagnostic contexts are not known."""


def _last_names(name: str, precision: str) -> str:
    count = int(precision) if precision.isascii() and precision.isdigit() else 0
    return ".".join(name.split(".")[-count:])


def printable(text: str) -> str:
    """The text with everything that a terminal acts on or a line breaks at as a backslash escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _date(text: str) -> Date:
    """``%q`` are milliseconds; ``%Q`` adds a fraction, which we print as milliseconds too."""
    head, mark, rest = (text or "%Y-%m-%d %H:%M:%S.%q").replace("%Q", "%q").partition("%q")
    return Date(head, bool(mark), rest.replace("%q", ""))


def _segment(match: re.Match[str]) -> Segment | None:
    letter, braces, left = match["letter"], match["braces"] or "", bool(match["left"])
    width, limit = int(match["width"] or 0), match["limit"]
    if match["percent"]:
        return "%"
    if letter in ("D", "d"):
        return _date(braces)
    if letter == "m":
        return Message(width, left)
    if letter in FIXED:
        return Fixed(letter, braces, width, None if limit is None else int(limit), left)
    return None


def _render(part: Fixed, context: Context) -> str:
    text = FIXED[part.letter](context, part.braces)
    if part.limit is not None:
        text = text[len(text) - min(part.limit, len(text)) :]
    return text.ljust(part.width) if part.left else text.rjust(part.width)


class Stamp:
    """Renders a time; what changes only once a second is kept."""

    def __init__(self, date: Date) -> None:
        self._date = date
        self._second = -1
        self._text = self._rest = ""

    def __call__(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._text = strftime(self._date.format, localtime(second))
            self._rest = strftime(self._date.rest, localtime(second))
            self._second = second
        if not self._date.millis:
            return self._text
        return f"{self._text}{MILLISECONDS[int((now - second) * 1000)]}{self._rest}"


class Pattern:
    """A compiled pattern; ``warnings`` name what was not understood and is printed as it stands."""

    def __init__(self, text: str) -> None:
        segments: list[Segment] = []
        warnings: list[str] = []
        end = 0
        for match in CONVERSION.finditer(text):
            segments.append(text[end : match.start()])
            end = match.end()
            segment = _segment(match)
            if segment is None:
                segment = match[0]
                warnings.append(f"log pattern {text!r}: {segment} is not known and is printed as it stands")
            segments.append(segment)
        segments.append(text[end:])
        self.segments: Sequence[Segment] = segments
        self.warnings = tuple(warnings)

    def writer(self, context: Context, sink: Sink, clock: Callable[[], float] = time) -> Write:
        """What writes lines of this context to a sink, 0.8 µs each for the usual order of date and message."""
        segments = _merge([context.head, *self.segments], context)
        match segments:
            case [str(before), Date(millis=True, rest="") as date, str(between), Message(width=0), str(after)]:
                return _usual(before, date.format, between, after, sink, clock)
        return _any_order(segments, sink, clock)


def _merge(segments: Iterable[Segment], context: Context) -> list[str | Date | Message]:
    """Fixed parts rendered, neighbouring texts joined, a line end at the end."""
    merged: list[str | Date | Message] = [""]
    for segment in segments:
        part = _render(segment, context) if isinstance(segment, Fixed) else segment
        if isinstance(part, str):
            merged[-1] = f"{merged[-1]}{part}"
        else:
            merged += [part, ""]
    merged[-1] = f"{str(merged[-1]).rstrip(chr(10))}\n"
    return merged


def _usual(before: str, date: str, between: str, after: str, sink: Sink, clock: Callable[[], float]) -> Write:
    append = sink.lines.append
    current = -1
    stamp = ""

    def write(message: str, text: str) -> None:
        nonlocal current, stamp
        if not text.isprintable():
            text = printable(text)
        now = clock()
        second = int(now)
        if second != current:
            stamp = before + strftime(date, localtime(second))
            current = second
        append(f"{stamp}{MILLISECONDS[int((now - second) * 1000)]}{between}{message} {text}{after}")
        if not sink.awake:
            sink.wake()

    return write


def _any_order(segments: Sequence[str | Date | Message], sink: Sink, clock: Callable[[], float]) -> Write:
    parts = [Stamp(segment) if isinstance(segment, Date) else segment for segment in segments]

    def rendered(part: str | Stamp | Message, now: float, line: str) -> str:
        if isinstance(part, str):
            return part
        if isinstance(part, Stamp):
            return part(now)
        return line.ljust(part.width) if part.left else line.rjust(part.width)

    def write(message: str, text: str) -> None:
        now = clock()
        line = f"{message} {printable(text)}"
        sink.lines.append("".join([rendered(part, now, line) for part in parts]))
        if not sink.awake:
            sink.wake()

    return write
