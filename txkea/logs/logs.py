"""Kea's loggers: a tree of names, re-armed in place whenever the configuration changes (Kea K019-K024)."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from threading import get_ident
from time import time
from typing import Final, NamedTuple

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from txkea.interfaces import ILogger
from txkea.logs.messages import debug_level
from txkea.logs.outputs import FACILITIES, FileOutput, Output, StreamOutput, SyslogOutput
from txkea.logs.pattern import FILE_PATTERN, SYSLOG_PATTERN, Context, Pattern, Write
from txkea.model.configuration import LoggerConfiguration, LogOutput

__all__ = ["Logger", "Logs"]

SEVERITIES: Final = ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")
URGENT: Final = frozenset(("ERROR", "FATAL"))
EVERYTHING: Final = 99
"""The debuglevel that hides nothing."""
ROOT: Final = "kea-dhcp4"


@implementer(ILogger)
class Logger:
    """A named logger; its severities are replaced when the configuration changes."""

    __slots__ = ("__weakref__", "debug", "error", "fatal", "info", "name", "warn")

    debug: Write | None
    info: Write | None
    warn: Write | None
    error: Write | None
    fatal: Write | None

    def __init__(self, name: str) -> None:
        self.name = name
        self.debug = self.info = self.warn = self.error = self.fatal = None


class Rule(NamedTuple):
    """What was configured for one name; None is inherited."""

    severity: str | None = None
    debuglevel: int = 0
    outputs: tuple[LogOutput, ...] = ()


class Logs:
    """All loggers and outputs of one process.

    Until `batch` is called every line is written at once. ``default`` is where lines go that no configuration sends
    elsewhere (``KEA_LOGGER_DESTINATION``, Kea K023); relative file names start from ``directory``.
    """

    def __init__(self, *, default: str = "stdout", directory: str = "", clock: Callable[[], float] = time) -> None:
        self._default = default
        self._directory = directory
        self._clock = clock
        self._reactor: IReactorTime | None = None
        self._calls: dict[Callable[[], None], IDelayedCall] = {}
        """What outputs asked for, each with its latest call."""
        self._process = (os.getpid(), get_ident())
        self._root = ROOT
        self._loggers: dict[str, Logger] = {}
        self._outputs: dict[str, Output] = {}
        self._closed_lost = 0
        self.configure(())

    # -- loggers -------------------------------------------------------------------------------------------------------

    def logger(self, name: str) -> Logger:
        """The logger of a component, such as ``leases``; ``""`` is the root. Always the same object for a name."""
        if name not in self._loggers:
            self._loggers[name] = Logger(name)
            self._arm(self._loggers[name])
        return self._loggers[name]

    @property
    def lost(self) -> int:
        """How many lines could not be written since the start."""
        return self._closed_lost + sum(output.lost for output in self._outputs.values())

    # -- configuration -------------------------------------------------------------------------------------------------

    def configure(
        self, loggers: Sequence[LoggerConfiguration], *, root: str = ROOT, debug: bool = False
    ) -> tuple[str, ...]:
        """Send lines where a configuration wants them; ``debug`` overrides it (Kea A001 ``-d``).

        Gives what an operator should know: unknown pattern elements, files that cannot be opened (they are tried
        again). Those lines are lost and counted, but the server runs.
        """
        self._root = root
        if debug:
            self._rules = {root: Rule("DEBUG", EVERYTHING, (LogOutput(output="stdout"),))}
        else:
            self._rules = _rules(loggers, root)
        problems = self._open_outputs()
        self._patterns = {text: Pattern(text) for text in self._pattern_texts()}
        self._rearm()
        return (*problems, *(warning for pattern in self._patterns.values() for warning in pattern.warnings))

    def _wanted(self) -> Iterable[LogOutput]:
        yield LogOutput(output=self._default)
        for rule in self._rules.values():
            yield from rule.outputs

    def _pattern_texts(self) -> set[str]:
        return {_pattern(output) for output in self._wanted()}

    def _open_outputs(self) -> list[str]:
        """Open what is wanted and not open, close what is no longer wanted."""
        before, self._outputs = self._outputs, {}
        problems: list[str] = []
        used = {output.output for name in (self._root, *self._rules) for output in self._outputs_of(name)}
        for wanted in self._wanted():
            key = wanted.output
            if key in used and key not in self._outputs:
                self._outputs[key] = before.pop(key) if key in before else self._open(wanted, problems)
                self._adapt(self._outputs[key], wanted)
        for output in before.values():
            output.close()
            self._closed_lost += output.lost
        return problems

    def _open(self, wanted: LogOutput, problems: list[str]) -> Output:
        kind, _, facility = wanted.output.lower().partition(":")
        if wanted.output in ("stdout", "stderr"):
            return StreamOutput(self._later, 1 if wanted.output == "stdout" else 2)
        if kind == "syslog":
            if facility and facility not in FACILITIES:
                known = ", ".join(FACILITIES)
                problems.append(f"syslog facility {facility!r} is not known, local0 is used; known are {known}")
            return SyslogOutput(self._later, facility if facility in FACILITIES else "local0", self._root)
        path = os.path.join(self._directory, wanted.output)
        file = FileOutput(self._later, path, wanted.maxsize, wanted.maxver)
        if file.problem:
            problems.append(f"log file {path} cannot be opened and its lines are lost until it can: {file.problem}")
        return file

    @staticmethod
    def _adapt(output: Output, wanted: LogOutput) -> None:
        if isinstance(output, FileOutput):
            output.rotate_at, output.maxver = wanted.maxsize, wanted.maxver

    # -- arming --------------------------------------------------------------------------------------------------------

    def _ancestry(self, full: str) -> list[Rule]:
        """The rules of a name and of all names above it, the nearest first."""
        parts = full.split(".")
        names = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
        return [self._rules[name] for name in names if name in self._rules]

    def _outputs_of(self, full: str) -> tuple[LogOutput, ...]:
        for rule in self._ancestry(full):
            if rule.outputs:
                return rule.outputs
        return (LogOutput(output=self._default),)

    def _severity_of(self, full: str) -> tuple[str, int]:
        for rule in self._ancestry(full):
            if rule.severity is not None:
                return rule.severity, rule.debuglevel
        return "INFO", 0

    def _rearm(self) -> None:
        self._process = (os.getpid(), get_ident())
        for logger in self._loggers.values():
            self._arm(logger)

    def _arm(self, logger: Logger) -> None:
        full = _full_name(logger.name, self._root)
        lowest, debuglevel = self._severity_of(full)
        outputs = self._outputs_of(full)
        off = SEVERITIES.index(lowest) if lowest in SEVERITIES else len(SEVERITIES)
        for rank, severity in enumerate(SEVERITIES):
            write = self._write(full, severity, outputs) if rank >= off else None
            if write is not None and severity == "DEBUG" and debuglevel < EVERYTHING:
                write = _only_up_to(debuglevel, write)
            setattr(logger, severity.lower(), write)

    def _write(self, full: str, severity: str, outputs: Sequence[LogOutput]) -> Write:
        writes = [self._write_to(full, severity, output) for output in outputs]
        return writes[0] if len(writes) == 1 else _to_all(writes)

    def _write_to(self, full: str, severity: str, wanted: LogOutput) -> Write:
        output = self._outputs[wanted.output]
        context = Context(full, severity, *self._process, socket.gethostname(), output.head(severity))
        write = self._patterns[_pattern(wanted)].writer(context, output, self._clock)
        return _at_once(write, output) if severity in URGENT else write

    # -- time ----------------------------------------------------------------------------------------------------------

    def batch(self, reactor: IReactorTime) -> None:
        """From now on write once per turn of this reactor, which runs in this thread (or is about to)."""
        self._reactor = reactor
        if self._process != (os.getpid(), get_ident()):
            self._rearm()  # twistd became a daemon since the configuration was read

    def unbatch(self) -> None:
        """Write everything, and every further line at once: the reactor ends."""
        self._reactor = None
        while self._calls:
            call = self._calls.popitem()[1]
            if call.active():
                call.cancel()
        self.flush()

    def flush(self) -> None:
        """Write everything now."""
        for output in self._outputs.values():
            output.flush()

    def close(self) -> None:
        """Write everything and close all files; what is logged later goes nowhere."""
        self.unbatch()
        for output in self._outputs.values():
            output.close()

    def _later(self, delay: float, run: Callable[[], None]) -> bool:
        reactor = self._reactor
        if reactor is None:
            return False
        if get_ident() == self._process[1]:
            self._call_later(delay, run)
        else:
            reactor.callFromThread(self._call_later, delay, run)  # type: ignore[attr-defined]
        return True

    def _call_later(self, delay: float, run: Callable[[], None]) -> None:
        if self._reactor is None:
            run()
            return
        known = self._calls.get(run)
        if known is None or not known.active():
            self._calls[run] = self._reactor.callLater(delay, run)


def _pattern(output: LogOutput) -> str:
    return output.pattern or (SYSLOG_PATTERN if output.output.partition(":")[0] == "syslog" else FILE_PATTERN)


def _full_name(name: str, root: str) -> str:
    """Kea adds the root to a name that does not start with it."""
    if not name or name == root:
        return root
    return name if name.startswith(f"{root}.") else f"{root}.{name}"


def _rules(loggers: Sequence[LoggerConfiguration], root: str) -> dict[str, Rule]:
    """One rule a name: a later entry of the same name changes the severity and adds its outputs (Kea K024)."""
    rules: dict[str, Rule] = {}
    for logger in loggers:
        name = _full_name(logger.name, root)
        outputs = rules.get(name, Rule()).outputs
        added = tuple(output for output in logger.outputs if output not in outputs)
        rules[name] = Rule(logger.severity, logger.debuglevel, outputs + added)
    return rules


def _only_up_to(level: int, write: Write) -> Write:
    def write_if_low(message: str, text: str) -> None:
        if debug_level(message) <= level:
            write(message, text)

    return write_if_low


def _to_all(writes: Sequence[Write]) -> Write:
    def write_to_all(message: str, text: str) -> None:
        for write in writes:
            write(message, text)

    return write_to_all


def _at_once(write: Write, output: Output) -> Write:
    def write_at_once(message: str, text: str) -> None:
        write(message, text)
        output.flush()

    return write_at_once
