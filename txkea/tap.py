"""``twistd kea``: the command line of the service, and what every way of launching it shares."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType
from typing import Any, Final

from twisted.application.service import IService, MultiService, Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError

from txkea.config.load import families
from txkea.config.text import load
from txkea.errors import ConfigErrors, TxkeaError
from txkea.logs.logs import Logs
from txkea.logs.observer import observer
from txkea.net.network import SystemNetwork
from txkea.paths import Paths, PidFile
from txkea.service import KeaService

__all__ = ["Options", "Process", "configured_families", "makeService", "only_other_family", "tell_failure"]

STOP_LIMIT: Final = 4.5
"""Seconds after which a process that was told to end does not wait any longer."""
PORTS: Final = range(1, 65536)


class Process(Service):
    """A server as a process of its own: pid file, SIGHUP, file modes, and an exit status.

    Raises `TxkeaError` when made, if the configuration file cannot be used. What goes wrong after that at the start is
    told, and the reactor stopped.
    """

    def __init__(
        self,
        path: str,
        *,
        reactor: Any,
        logs: Logs,
        paths: Paths,
        debug: bool = False,
        port: int = 67,
        client_port: int = 68,
    ) -> None:
        self._logs = logs
        self._reactor = reactor
        self._pid_file = PidFile(paths.pid_file(path))
        self._reloading: Deferred[None] | None = None
        self._again = False
        self.failed = False
        self._server = KeaService(
            path,
            reactor=reactor,
            network=SystemNetwork(reactor, logs.logger("dhcpsrv"), port, client_port, gave_up=self.fail),
            logs=logs,
            paths=paths,
            debug=debug,
            server_port=port,
            client_port=client_port,
            failed=self.stop,
        )
        if 6 in configured_families(path):
            log = logs.logger("dhcp4")
            if log.warn:
                log.warn(
                    "DHCP4_CONFIG_WARNING", f"{path} has a Dhcp6 map too: DHCPv6 is not built yet, nobody serves it"
                )

    @property
    def exit_value(self) -> int:
        """The exit status that the process should end with."""
        return 1 if self.failed else self._server.exit_value

    # -- starting ------------------------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Take the pid file and the ports, as root if need be."""
        super().privilegedStartService()
        # Leases and logs are not for everybody to read, whatever the shell that started us thinks.
        os.umask(os.umask(0o027) | 0o027)
        try:
            self._pid_file.write()
            self._server.privilegedStartService()
        except TxkeaError as error:
            self.fail(str(error))

    def startService(self) -> None:
        """Serve, and reload at SIGHUP."""
        super().startService()
        if self.failed:
            return
        signal.signal(signal.SIGHUP, self._hang_up)
        self._server.startService()

    def fail(self, reason: str) -> None:
        """Say why there is no server, and end with exit status 1."""
        log_failure(self._logs, reason)
        self.stop(reason)

    def stop(self, reason: str) -> None:
        """End with exit status 1; the reason is in the log."""
        self.failed = True
        write_failure(reason)
        self._reactor.callWhenRunning(self._stop_reactor)

    def _stop_reactor(self) -> None:
        try:
            self._reactor.stop()
        except ReactorNotRunning:
            pass

    # -- changing ------------------------------------------------------------------------------------------------------

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        self._reactor.callFromThread(self.reload)

    def reload(self) -> None:
        """Reload once more after the reload that runs, however often it is asked for meanwhile."""
        if self._reloading is not None:
            self._again = True
            return
        self._reloading = Deferred.fromCoroutine(self._reload())
        self._reloading.addErrback(self._told)
        self._reloading.addBoth(self._reloaded)

    async def _reload(self) -> None:
        await self._server.reload()

    def _told(self, failure: Any) -> None:
        """The service has logged why a reload failed; anything but a refusal is a fault."""
        failure.trap(TxkeaError)

    def _reloaded(self, result: Any) -> Any:
        again, self._again, self._reloading = self._again, False, None
        if again and self.running:
            self.reload()
        return result

    # -- ending --------------------------------------------------------------------------------------------------------

    def stopService(self) -> Deferred[None]:
        """Let the server end in order, but not for ever."""
        super().stopService()
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        if self._server.running:
            ended: Deferred[Any] = self._server.stopService()
            ended.addTimeout(STOP_LIMIT, self._reactor)
            try:
                await ended
            except Exception as error:  # noqa: BLE001 - whatever it is, the process ends now
                log = self._logs.logger("dhcp4")
                if log.error:
                    log.error("DHCP4_SHUTDOWN", f"the server did not end in order: {error!r}")
        self._pid_file.remove()
        self._logs.unbatch()


def tell_failure(logs: Logs, reason: str) -> None:
    """Why there is no server: in the log, and on standard error in case nobody looks there."""
    log_failure(logs, reason)
    write_failure(reason)


def log_failure(logs: Logs, reason: str) -> None:
    """The first line of a reason in the log, and how many more there are."""
    first, *others = reason.splitlines() or [""]
    log = logs.logger("dhcp4")
    if log.error:
        text = f"failed to initialize Kea server: {first}" + (f" (and {len(others)} more)" if others else "")
        log.error("DHCP4_INIT_FAIL", text)


def write_failure(reason: str) -> None:
    """All of a reason for a person."""
    sys.stderr.write(f"failed to initialize Kea server: {reason}\n")
    sys.stderr.flush()


# -- families ----------------------------------------------------------------------------------------------------------


def configured_families(path: str) -> tuple[int, ...]:
    """The families that a file configures, none if it cannot be read; quick when it does not speak of DHCPv6."""
    try:
        with open(path, "rb") as file:
            if b'"Dhcp6"' not in file.read():
                return (4,)
        return families(load(path))
    except (OSError, ConfigErrors):
        return ()


def only_other_family(path: str) -> str:
    """What to tell about a file that has no Dhcp4 map, ``""`` if it has one."""
    if configured_families(path) == (6,):
        return f"{path} has only a Dhcp6 map, and DHCPv6 is not built yet; add a Dhcp4 map"
    return ""


# -- twistd ------------------------------------------------------------------------------------------------------------


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) not in PORTS:
        raise ValueError(f"{text} is not a port from 1 to 65535")
    return int(text)


class Options(TwistedOptions):
    """What ``twistd kea`` takes."""

    synopsis = "[options]"
    longdesc = "A DHCP server that reads Kea's configuration, leases and commands."
    optFlags = (("debug", "d", "Log everything to standard output, whatever the configuration says."),)
    optParameters = (
        ("port", "p", 67, "Listen on another UDP port (for tests).", _port),
        ("client-port", "P", 68, "Where clients listen (for tests).", _port),
        ("data-directory", None, None, "Keep leases, pid file, control sockets and logs in this one directory."),
    )

    def __init__(self) -> None:
        super().__init__()
        self["config"] = []

    def opt_config(self, path: str) -> None:
        """A Kea configuration file; may be given again for another server in this process."""
        self["config"].append(os.path.abspath(path))

    opt_c = opt_config

    def postOptions(self) -> None:
        """Refuse to start without a file, and make twistd's log ours."""
        if not self["config"]:
            raise UsageError("name a configuration file: --config FILE")
        self["paths"] = self._paths()
        self["logs"] = [
            Logs(default=self["paths"].log_destination, directory=self["paths"].logs) for _ in self["config"]
        ]
        if self.parent is not None and not self.parent.get("logger"):
            self.parent["logger"] = f"{__name__}.{twistd_observer.__name__}"
            LOGS_OF_TWISTD[:] = self["logs"]

    def _paths(self) -> Paths:
        """Kea's places; a daemon has no standard output, so that twistd's log file takes its place."""
        environment = dict(os.environ)
        twistd: Mapping[str, Any] = self.parent or {}
        if not environment.get("KEA_LOGGER_DESTINATION"):
            environment["KEA_LOGGER_DESTINATION"] = _twistd_destination(twistd)
        paths = Paths.from_environment(environment)
        return paths.under(self["data-directory"]) if self["data-directory"] else paths


LOGS_OF_TWISTD: Final[list[Logs]] = []
"""twistd takes its observer by name, so that it must be found from here."""


def twistd_observer() -> ILogObserver:
    """What twistd logs with: the first server's log."""
    return observer(LOGS_OF_TWISTD[0])


def _twistd_destination(twistd: Mapping[str, Any]) -> str:
    if twistd.get("syslog"):
        return "syslog"
    logfile = twistd.get("logfile")
    if logfile and logfile != "-":
        return os.path.abspath(str(logfile))
    return "stdout" if logfile or twistd.get("nodaemon", True) else os.path.abspath("twistd.log")


def makeService(options: Options) -> IService:
    """The service that twistd runs: a `Process` for each configuration file."""
    every = MultiService()
    for path, logs in zip(options["config"], options["logs"], strict=True):
        try:
            process = Process(
                path,
                reactor=reactor,
                logs=logs,
                paths=options["paths"],
                debug=bool(options["debug"]),
                port=options["port"],
                client_port=options["client-port"],
            )
        except TxkeaError as error:
            tell_failure(logs, only_other_family(path) or str(error))
            raise SystemExit(1) from None
        process.setServiceParent(every)
    atexit.register(_exit_status, every)
    return every


def _exit_status(every: MultiService) -> None:
    """twistd itself always ends with 0, also when the command ``shutdown`` asked for something else."""
    value = max(process.exit_value for process in every if isinstance(process, Process))
    if value:
        sys.stdout.flush()
        os._exit(value)
