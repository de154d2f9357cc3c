"""Kea's loggers: names, severities, inheritance, outputs."""

from __future__ import annotations

import os
import re
import stat

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txkea.interfaces import ILogger
from txkea.logs.logs import Logs
from txkea.model.configuration import LoggerConfiguration, LogOutput

NOW = 1795563152.0419


class LogsCase(SynchronousTestCase):
    """Logs whose default output is a file in a fresh directory."""

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        self.logs = Logs(default="default.log", directory=self.directory, clock=lambda: NOW)
        self.addCleanup(self.logs.close)

    def path(self, name: str) -> str:
        return os.path.join(self.directory, name)

    def lines(self, name: str = "default.log") -> list[str]:
        self.logs.flush()
        with open(self.path(name), encoding="utf-8") as file:
            return file.read().splitlines()


def to(*names: str, pattern: str = "%p %c %m") -> tuple[LogOutput, ...]:
    return tuple(LogOutput(output=name, pattern=pattern) for name in names)


class LoggerTests(LogsCase):
    """One logger."""

    def test_interface(self) -> None:
        """A logger provides what every part of txkea expects of one."""
        self.assertTrue(verifyObject(ILogger, self.logs.logger("leases")))

    def test_line(self) -> None:
        """A line looks like Kea's: local time with milliseconds, severity, [logger/pid.thread], identifier, text."""
        log = self.logs.logger("leases")
        assert log.info is not None
        log.info("DHCP4_LEASE_ALLOC", "lease 192.0.2.1")
        (line,) = self.lines()
        head = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.041 INFO  \[kea-dhcp4\.leases/(\d+)\.\d+\] "
        match = re.fullmatch(head + r"DHCP4_LEASE_ALLOC lease 192\.0\.2\.1", line)
        assert match is not None, line
        self.assertEqual(int(match[1]), os.getpid())

    def test_off_is_none(self) -> None:
        """A severity that nobody listens to is None, so that its message is never built."""
        log = self.logs.logger("packets")
        self.assertIsNone(log.debug)
        self.assertIsNotNone(log.info)

    def test_none(self) -> None:
        """Severity NONE turns off even FATAL."""
        self.logs.configure([LoggerConfiguration(name="kea-dhcp4", severity="NONE")])
        log = self.logs.logger("dhcp4")
        self.assertEqual([log.debug, log.info, log.warn, log.error, log.fatal], [None] * 5)

    def test_rearmed(self) -> None:
        """A logger that somebody holds follows a new configuration."""
        log = self.logs.logger("packets")
        self.logs.configure([LoggerConfiguration(name="kea-dhcp4.packets", severity="DEBUG", debuglevel=99)])
        self.assertIsNotNone(log.debug)
        self.logs.configure([LoggerConfiguration(name="kea-dhcp4.packets", severity="ERROR")])
        self.assertEqual([log.debug, log.info, log.warn], [None] * 3)
        self.assertIs(self.logs.logger("packets"), log)

    def test_control_characters(self) -> None:
        """No control byte, line end or lone surrogate of a client reaches a log line as it came."""
        log = self.logs.logger("leases")
        assert log.info is not None
        log.info("DHCP4_LEASE_ALLOC", "a\x1b[31m\nb\r\x00\u2028\ud800é")
        (line,) = self.lines()
        self.assertTrue(line.endswith(r"a\x1b[31m\nb\r\x00\u2028\ud800é"), line)

    def test_debuglevel(self) -> None:
        """A debuglevel hides the debug messages above it."""
        self.logs.configure([LoggerConfiguration(name="kea-dhcp4", severity="DEBUG", debuglevel=40, outputs=to("d"))])
        log = self.logs.logger("packets")
        assert log.debug is not None
        log.debug("DHCP4_SUBNET_SELECTION_FAILED", "hidden")
        log.debug("DHCP4_PACKET_DROPPED", "one")
        self.assertEqual(self.lines("d"), ["DEBUG kea-dhcp4.packets DHCP4_PACKET_DROPPED one"])


class ConfigureTests(LogsCase):
    """Where lines go."""

    def say(self, logger: str, text: str) -> None:
        log = self.logs.logger(logger)
        if log.info:
            log.info("X", text)

    def test_inheritance(self) -> None:
        """A child has its parent's severity and outputs unless it has its own, and then not its parent's."""
        self.logs.configure(
            [
                LoggerConfiguration(name="kea-dhcp4", severity="WARN", outputs=to("root")),
                LoggerConfiguration(name="kea-dhcp4.leases", severity="INFO"),
                LoggerConfiguration(name="kea-dhcp4.hosts", severity="INFO", outputs=to("hosts")),
            ]
        )
        for logger in ("packets", "leases", "leases.deep", "hosts", "leasesx"):
            self.say(logger, logger)
        self.assertEqual(
            self.lines("root"), ["INFO kea-dhcp4.leases X leases", "INFO kea-dhcp4.leases.deep X leases.deep"]
        )
        self.assertEqual(self.lines("hosts"), ["INFO kea-dhcp4.hosts X hosts"])

    def test_duplicate_adds(self) -> None:
        """A later entry of the same name adds its outputs."""
        self.logs.configure(
            [
                LoggerConfiguration(name="kea-dhcp4", outputs=to("one", "two")),
                LoggerConfiguration(name="kea-dhcp4", outputs=to("three")),
            ]
        )
        self.say("", "hello")
        for name in ("one", "two", "three"):
            self.assertEqual(self.lines(name), ["INFO kea-dhcp4 X hello"])

    def test_unknown_names(self) -> None:
        """A name that no component has is accepted, and one without the root gets it."""
        self.logs.configure(
            [
                LoggerConfiguration(name="kea-dhcp4.nonsense", outputs=to("n")),
                LoggerConfiguration(name="leases", outputs=to("l")),
            ]
        )
        self.say("leases", "short")
        self.assertEqual(self.lines("l"), ["INFO kea-dhcp4.leases X short"])

    def test_debug_overrides(self) -> None:
        """-d means everything to standard output, whatever the configuration says."""
        self.logs.configure([LoggerConfiguration(name="kea-dhcp4", severity="NONE", outputs=to("f"))], debug=True)
        self.assertIsNotNone(self.logs.logger("packets").debug)
        self.assertFalse(os.path.exists(self.path("f")))

    def test_reconfigured_file(self) -> None:
        """A file that both configurations want keeps its lines; one that is no longer wanted gets no more."""
        self.logs.configure([LoggerConfiguration(name="kea-dhcp4", outputs=to("a", "b"))])
        self.say("", "one")
        self.logs.configure([LoggerConfiguration(name="kea-dhcp4", outputs=to("b"))])
        self.say("", "two")
        self.assertEqual(self.lines("a"), ["INFO kea-dhcp4 X one"])
        self.assertEqual(self.lines("b"), ["INFO kea-dhcp4 X one", "INFO kea-dhcp4 X two"])

    def test_no_such_directory(self) -> None:
        """A log file that cannot be opened is told, costs its lines, and stops nothing."""
        problems = self.logs.configure([LoggerConfiguration(name="kea-dhcp4", outputs=to("no/such/file"))])
        self.assertIn("no/such/file", problems[0])
        self.say("", "lost")
        self.logs.flush()
        self.assertEqual(self.logs.lost, 1)

    def test_unknown_facility(self) -> None:
        """A syslog facility that does not exist is told, and local0 used."""
        (problem,) = self.logs.configure([LoggerConfiguration(name="kea-dhcp4", outputs=to("syslog:cheese"))])
        self.assertIn("cheese", problem)

    def test_mode(self) -> None:
        """A log file is not for everybody to read."""
        self.say("", "secret")
        self.assertEqual(stat.S_IMODE(os.stat(self.path("default.log")).st_mode) & 0o137, 0)

    def test_other_root(self) -> None:
        """A DHCPv6 server's loggers have its name."""
        self.logs.configure([LoggerConfiguration(name="kea-dhcp6", outputs=to("six"))], root="kea-dhcp6")
        self.say("leases", "l")
        self.assertEqual(self.lines("six"), ["INFO kea-dhcp6.leases X l"])


class BatchTests(LogsCase):
    """Lines of one reactor turn are written together."""

    def setUp(self) -> None:
        super().setUp()
        self.reactor = Clock()
        self.logs.batch(self.reactor)

    def size(self) -> int:
        return os.path.getsize(self.path("default.log"))

    def test_turn(self) -> None:
        """Nothing is written during the turn, everything after it, by one call."""
        log = self.logs.logger("leases")
        assert log.info is not None
        for number in range(100):
            log.info("X", f"{number}")
        self.assertEqual(self.size(), 0)
        self.assertEqual(len(self.reactor.getDelayedCalls()), 1)
        self.reactor.advance(0)
        self.assertEqual(len(self.lines()), 100)
        log.info("X", "next turn")
        self.reactor.advance(0)
        self.assertEqual(len(self.lines()), 101)

    def test_error_at_once(self) -> None:
        """An error does not wait, and what came before it is written before it."""
        log = self.logs.logger("leases")
        assert log.info is not None and log.error is not None
        log.info("X", "first")
        log.error("X", "second")
        with open(self.path("default.log"), encoding="utf-8") as file:
            texts = [line.split()[-1] for line in file]
        self.assertEqual(texts, ["first", "second"])

    def test_unbatch(self) -> None:
        """When the reactor ends what was collected is written, and later lines at once."""
        log = self.logs.logger("leases")
        assert log.info is not None
        log.info("X", "first")
        self.logs.unbatch()
        self.assertGreater(self.size(), 0)
        before = self.size()
        log.info("X", "second")
        self.assertGreater(self.size(), before)

    def test_forked(self) -> None:
        """A process that became a daemon logs its own number, not its parent's."""
        parent = self.patch(os, "getpid", lambda: 999999999)
        self.logs.configure(())
        parent.restore()
        self.logs.batch(self.reactor)
        log = self.logs.logger("leases")
        assert log.error is not None
        log.error("X", "child")
        self.assertIn(f"/{os.getpid()}.", self.lines()[-1])
