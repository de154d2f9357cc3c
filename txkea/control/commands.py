"""The commands about the server itself (Kea G.3)."""

from __future__ import annotations

import os
import platform
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import sha256
from time import time
from typing import Any, Final, Protocol, TypeVar

from twisted import __version__ as twisted_version
from zope.interface import implementer

import txkea
from txkea.control.answer import Answer, pieces
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands
from txkea.model.configuration import Configuration

__all__ = ["Daemon", "DaemonCommands", "build_report", "extended_version"]

VERSION: Final = str(twisted_version)
T = TypeVar("T")


class Daemon(Protocol):
    """What the commands need of the running server."""

    started: float
    """Seconds since the epoch."""
    reloaded: float
    """When the configuration in force came into force; seconds since the epoch."""

    @property
    def configuration(self) -> Configuration:
        """The configuration in force."""

    def test(self, document: Mapping[str, Any]) -> Awaitable[Any]:
        """Check a whole document, such as ``{"Dhcp4": {...}}``; raises `TxkeaError` to refuse it. *Waits.*"""

    def change(self, edit: Callable[[dict[str, Any]], T]) -> Awaitable[T]:
        """Put the configuration in force with an edit into force, and give what the edit gave. *Waits.*

        ``edit`` gets the map ``Dhcp4`` or ``Dhcp6`` as it was written (`Configuration.written`, ids of subnets
        completed), a copy that it changes in place; it raises `TxkeaError` to change nothing. One change at a time. If
        the result cannot be put into force, `TxkeaError` is raised, and everything is as it was.
        """

    def reload(self) -> Awaitable[Any]:
        """Put the configuration file into force; raises `TxkeaError` when the old one stays. *Waits.*"""

    def shutdown(self, exit_value: int) -> None:
        """Begin to end; answers under way still leave."""

    def socket_errors(self) -> Sequence[str]:
        """Why DHCP sockets are not open, one text each."""

    def conditions(self) -> Mapping[str, Any]:
        """What else ``status-get`` shows, such as a lease store that refuses work."""


@implementer(ICommands)
class DaemonCommands:
    """What a server tells about itself, and what it can be told to do."""

    def __init__(self, daemon: Daemon, clock: Callable[[], float] = time) -> None:
        self._daemon = daemon
        self._clock = clock
        self._hashed: tuple[Mapping[str, Any] | None, str] = (None, "")

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "build-report": self._build_report,
            "config-get": self._config_get,
            "config-hash-get": self._config_hash_get,
            "config-reload": self._config_reload,
            "config-test": self._config_test,
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
        errors = list(self._daemon.socket_errors())
        sockets = {"status": "failed", "errors": errors} if errors else {"status": "ready"}
        return Answer(
            arguments={
                "pid": os.getpid(),
                "uptime": int(now - self._daemon.started),
                "reload": int(now - self._daemon.reloaded),
                "multi-threading-enabled": False,
                "sockets": sockets,
                **self._daemon.conditions(),
            }
        )

    def _config_get(self, arguments: Any) -> Answer:
        tree = self._daemon.configuration.tree
        return Answer(arguments={**tree, "hash": self._hash(tree)})

    def _config_hash_get(self, arguments: Any) -> Answer:
        return Answer(arguments={"hash": self._hash(self._daemon.configuration.tree)})

    def _hash(self, tree: Mapping[str, Any]) -> str:
        """SHA-256 of the effective configuration, computed once for each."""
        known, digest = self._hashed
        if known is not tree:
            digest = sha256("".join(pieces(tree)).encode("ascii")).hexdigest()
            self._hashed = (tree, digest)
        return digest

    async def _config_test(self, arguments: Any) -> Answer:
        await self._daemon.test(_document(arguments, f"Dhcp{self._daemon.configuration.family}"))
        return Answer(text="The configuration can be used; nothing of it was applied.")

    async def _config_reload(self, arguments: Any) -> Answer:
        await self._daemon.reload()
        return Answer(text="Configuration successful.")

    def _shutdown(self, arguments: Any) -> Answer:
        value = arguments.get("exit-value", 0) if isinstance(arguments, dict) else 0
        if not isinstance(arguments, (dict, type(None))) or set(arguments or ()) - {"exit-value"}:
            raise TxkeaError("shutdown takes no other argument than 'exit-value'")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 255:
            raise TxkeaError("'exit-value' is not an integer from 0 to 255")
        self._daemon.shutdown(value)
        return Answer(text="Shutting down.")


def _document(arguments: Any, name: str) -> Mapping[str, Any]:
    """The configuration that ``config-test`` was given."""
    if arguments is None:
        raise TxkeaError("'arguments' is missing: it is the configuration to test")
    if not isinstance(arguments, dict) or name not in arguments:
        raise TxkeaError(f"'arguments' has no {name!r} map: it is the configuration to test")
    return arguments


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
