"""Twisted's events in Kea's form."""

from __future__ import annotations

from twisted.logger import Logger, LogPublisher
from twisted.python.failure import Failure

from tests.test_logs_loggers import LogsCase
from txkea.logs.observer import observer


class ObserverTests(LogsCase):
    """Twisted's log events."""

    def setUp(self) -> None:
        super().setUp()
        self.twisted = Logger("test", observer=LogPublisher(observer(self.logs)))

    def test_warning(self) -> None:
        """A warning of Twisted's is a warning of ours."""
        self.twisted.warn("{what} is odd", what="this")
        (line,) = self.lines()
        self.assertRegex(line, r"WARN  \[kea-dhcp4\.twisted/.*\] TXKEA_TWISTED this is odd$")

    def test_chatter(self) -> None:
        """Factories that start and stop are not worth a line."""
        self.twisted.info("Starting factory")
        self.assertEqual(self.lines(), [])

    def test_failure(self) -> None:
        """A failure is an error with its traceback, each line of it a line of the log."""
        try:
            raise ZeroDivisionError("so\nbad")
        except ZeroDivisionError:
            self.twisted.failure("it broke", Failure())
        lines = self.lines()
        self.assertTrue(
            all("FATAL [kea-dhcp4.twisted/" in line or "ERROR [kea-dhcp4.twisted/" in line for line in lines)
        )
        self.assertTrue(any("Traceback" in line for line in lines))
        self.assertTrue(any("ZeroDivisionError" in line for line in lines))

    def test_malformed_event(self) -> None:
        """An event that cannot be formatted breaks nothing."""
        self.twisted.error("{nothing.here}")
        self.assertEqual(len(self.lines()) > 0, True)
