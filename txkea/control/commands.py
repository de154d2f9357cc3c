"""What every server tells about itself, and how it is ended (Kea G.3)."""

from __future__ import annotations

import os
import platform
from collections.abc import Awaitable, Callable, Mapping
from time import time
from typing import Any, Final, Protocol, TypeVar

from twisted import __version__ as twisted_version
from zope.interface import implementer

import txkea
from txkea.control.answer import Answer
from txkea.control.arguments import Arguments
from txkea.control.configuration import Configured
from txkea.interfaces import ICommands
from txkea.model.configuration import Configuration

__all__ = ["Daemon", "DaemonCommands", "Process", "build_report", "extended_version"]

VERSION: Final = str(twisted_version)
T = TypeVar("T")


class Process(Protocol):
    """What the commands here need of a running server."""

    started: float
    """Seconds since the epoch."""
    reloaded: float
    """When the configuration in force came into force; seconds since the epoch."""

    def shutdown(self, exit_value: int) -> None:
        """Begin to end; answers under way still leave."""

    def conditions(self) -> Mapping[str, Any]:
        """What else ``status-get`` shows, such as a lease store that refuses work."""


class Daemon(Process, Configured, Protocol):
    """What the commands of a DHCP server need of it."""

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""

    def change(self, edit: Callable[[dict[str, Any]], T]) -> Awaitable[T]:
        """Put the configuration in force with an edit into force, and give what the edit gave. *Waits.*

        ``edit`` gets the map ``Dhcp4`` or ``Dhcp6`` as it was written (`Configuration.written`, ids of subnets
        completed), a copy that it changes in place; but the lists of subnets, shared networks and reservations belong
        to the configuration in force too: `txkea.control.edits.Draft` replaces what it changes of them. It raises
        `TxkeaError` to change nothing. One change at a time. If the result cannot be put into force, `TxkeaError` is
        raised, and everything is as it was.
        """


@implementer(ICommands)
class DaemonCommands:
    """What a server tells about itself, and how it is ended."""

    def __init__(self, process: Process, clock: Callable[[], float] = time) -> None:
        self._process = process
        self._clock = clock

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "build-report": self._build_report,
            "shutdown": self._shutdown,
            "status-get": self._status_get,
            "version-get": self._version_get,
        }

    def _build_report(self, arguments: Any) -> Answer:
        return Answer(text=build_report())

    def _version_get(self, arguments: Any) -> Answer:
        return Answer(text=txkea.__version__, arguments={"extended": extended_version()})

    def _status_get(self, arguments: Any) -> Answer:
        now = self._clock()
        return Answer(
            arguments={
                "pid": os.getpid(),
                "uptime": int(now - self._process.started),
                "reload": int(now - self._process.reloaded),
                **self._process.conditions(),
            }
        )

    def _shutdown(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("exit-value",))
        value = given.number("exit-value", 0, 255) if "exit-value" in given else 0
        self._process.shutdown(value)
        return Answer(text="Shutting down.")


def extended_version() -> str:
    """The versions of txkea and of what it runs on, a line each."""
    return (
        f"txkea {txkea.__version__}\n{platform.python_implementation()} {platform.python_version()}\nTwisted {VERSION}"
    )


def build_report() -> str:
    """What this installation is: there is no build to report."""
    lines = (
        ("Package", "txkea"),
        ("Version", txkea.__version__),
        ("Installed in", os.path.dirname(txkea.__file__)),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("Twisted", VERSION),
        ("System", f"{platform.system()} {platform.release()} {platform.machine()}"),
    )
    return "\n".join(f"{name + ':':<14}{value}" for name, value in lines)
