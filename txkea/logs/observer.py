"""Twisted's own log events in Kea's form."""

from __future__ import annotations

from typing import Final, cast

from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver, LogEvent, LogLevel, eventAsText
from zope.interface import provider

from txkea.logs.logs import Logs

__all__ = ["observer"]

SEVERITIES: Final = {
    LogLevel.debug: "debug",
    # What Twisted thinks worth telling (factories that start and stop) is detail to a DHCP operator.
    LogLevel.info: "debug",
    LogLevel.warn: "warn",
    LogLevel.error: "error",
    LogLevel.critical: "fatal",
}


def observer(logs: Logs) -> ILogObserver:
    """An observer that writes to the logger ``twisted``, each line of a traceback as a line of its own."""
    log = logs.logger("twisted")

    @provider(ILogObserver)
    def observe(event: LogEvent) -> None:
        failure = event.get("log_failure")
        if failure is not None and failure.check(ReactorNotRunning):
            return  # a second SIGTERM while the first one's stop is under way
        write = getattr(log, SEVERITIES.get(event.get("log_level"), "debug"))
        if write is not None:
            for line in eventAsText(event, includeTimestamp=False, includeSystem=False).splitlines():
                write("TXKEA_TWISTED", line)

    return cast(ILogObserver, observe)
