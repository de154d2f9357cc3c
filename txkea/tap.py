"""``twistd kea``: the command line of the service, and what every way of launching it shares."""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any, Final, NamedTuple, TypeVar

from twisted.application.service import IService, MultiService, Service
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ReactorNotRunning
from twisted.logger import ILogObserver
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError

from txkea.agent import AGENT, AgentService
from txkea.config.load import FAMILIES as MAPS
from txkea.config.text import load
from txkea.control.registry import Registry
from txkea.daemon import Program
from txkea.errors import ConfigError, ConfigErrors, TxkeaError
from txkea.exchange.families import FAMILIES, Family
from txkea.logs.logs import Logs
from txkea.logs.observer import observer
from txkea.net.network import SystemNetwork
from txkea.over6 import answers_from
from txkea.paths import Paths, PidFile
from txkea.service import KeaService

__all__ = ["Options", "Ports", "Process", "Servers", "configured_servers", "launched", "makeService"]

S = TypeVar("S")

STOP_LIMIT: Final = 4.5
"""Seconds after which a process that was told to end does not wait any longer."""
PORTS: Final = range(1, 65536)


class Ports(NamedTuple):
    """Where one family's servers and clients listen."""

    server: int
    client: int


class Process(Service):
    """The servers of a configuration file, one a family, and its Control Agent, as a process of their own.

    It has their pid files, SIGHUP, file modes, and an exit status. ``families`` are the numbers of those to serve, and
    ``ports`` theirs; ``agent`` tells whether there is to be a Control Agent. Raises `TxkeaError` when made, and has
    told why, if the configuration file cannot be used. What goes wrong after that at the start is told, and the
    reactor stopped.
    """

    def __init__(
        self,
        path: str,
        families: Sequence[int],
        *,
        reactor: Any,
        paths: Paths,
        ports: Mapping[int, Ports],
        debug: bool = False,
        agent: bool = False,
    ) -> None:
        self._path = path
        self._reactor = reactor
        self._paths = paths
        self._debug = debug
        self._reloading: Deferred[None] | None = None
        self._again = False
        self._peers: dict[str, Registry] = {}
        self.failed = False
        programs: list[Program] = [*(FAMILIES[number] for number in families), *([AGENT] if agent else ())]
        self.logs = {program.daemon: Logs(default=paths.log_destination, directory=paths.logs) for program in programs}
        self._pid_files = {program.daemon: PidFile(paths.pid_file(path, program.daemon)) for program in programs}
        errors: list[ConfigError] = []
        found = {
            number: self._made(FAMILIES[number], partial(self._service, FAMILIES[number], ports[number]), errors)
            for number in families
        }
        self.services = {number: service for number, service in found.items() if service is not None}
        """By the number of the family: here one family's server meets the other's."""
        self.agent = self._made(AGENT, self._agent, errors) if agent else None
        """It has the commands of the servers that are here, and reaches others by their sockets."""
        if errors:
            raise ConfigErrors(errors)
        self._join()

    def _made(self, program: Program, make: Callable[[], S], errors: list[ConfigError]) -> S | None:
        """A server, or what is wrong with its configuration among the errors."""
        self.logs[program.daemon].configure((), root=program.daemon, debug=self._debug)
        try:
            return make()
        except ConfigErrors as error:
            errors += error.errors
            self._log_failure(program, str(error))
        except TxkeaError as error:
            self._log_failure(program, str(error))
            raise
        return None

    def _agent(self) -> AgentService:
        return AgentService(
            self._path,
            reactor=self._reactor,
            logs=self.logs[AGENT.daemon],
            paths=self._paths,
            debug=self._debug,
            peers=self._peers,
        )

    def _service(self, family: Family, ports: Ports) -> KeaService:
        logs = self.logs[family.daemon]
        log = logs.logger("dhcpsrv")
        gave_up = partial(self.fail, family)
        return KeaService(
            self._path,
            family,
            reactor=self._reactor,
            network=SystemNetwork(self._reactor, log, ports.server, ports.client, gave_up=gave_up),
            logs=logs,
            paths=self._paths,
            debug=self._debug,
            server_port=ports.server,
            client_port=ports.client,
            failed=self.stop,
            changed=self._join,
            peers=self._peers,
        )

    def _join(self) -> None:
        """Let the DHCPv4 server answer what comes inside DHCPv6, if both configurations agree on it (RFC 7341)."""
        if len(self.services) > 1:
            four, six = self.services[4], self.services[6]
            port = six.configuration.dhcp4o6_port
            agreed = port != 0 and port == four.configuration.dhcp4o6_port
            six.site.dhcp4 = answers_from(four.server) if agreed else None

    @property
    def exit_value(self) -> int:
        """The exit status that the process should end with."""
        return 1 if self.failed else max(service.exit_value for _, service in self._all())

    def _all(self) -> Sequence[tuple[Program, KeaService | AgentService]]:
        """All servers with what they are; those of families first."""
        agents = [(AGENT, self.agent)] if self.agent else []
        return [*((service.family, service) for service in self.services.values()), *agents]

    # -- starting ------------------------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Take the pid files and the ports, as root if need be."""
        super().privilegedStartService()
        # Leases and logs are not for everybody to read, whatever the shell that started us thinks.
        os.umask(os.umask(0o027) | 0o027)
        for program, service in self._all():
            try:
                self._pid_files[program.daemon].write()
                service.privilegedStartService()
            except TxkeaError as error:
                self.fail(program, str(error))
                return

    def startService(self) -> None:
        """Serve, and reload at SIGHUP."""
        super().startService()
        if self.failed:
            return
        signal.signal(signal.SIGHUP, self._hang_up)
        for _, service in self._all():
            service.startService()

    def fail(self, program: Program, reason: str) -> None:
        """Say why there is no server, and end with exit status 1."""
        self._log_failure(program, reason)
        self.stop(reason)

    def _log_failure(self, program: Program, reason: str) -> None:
        """The first line of a reason in the log, and how many more there are."""
        first, *others = reason.splitlines() or [""]
        log = self.logs[program.daemon].logger(program.logger)
        if log.error:
            text = f"failed to initialize Kea server: {first}" + (f" (and {len(others)} more)" if others else "")
            log.error(program.message("DHCP{}_INIT_FAIL"), text)

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
        self._reloading.addBoth(self._reloaded)

    async def _reload(self) -> None:
        for _, service in self._all():
            with suppress(TxkeaError):  # it has logged why; anything but a refusal is a fault
                await service.reload()

    def _reloaded(self, result: Any) -> Any:
        again, self._again, self._reloading = self._again, False, None
        if again and self.running:
            self.reload()
        return result

    # -- ending --------------------------------------------------------------------------------------------------------

    def stopService(self) -> Deferred[None]:
        """Let the servers end in order, but not for ever."""
        super().stopService()
        return Deferred.fromCoroutine(self._end())

    async def _end(self) -> None:
        running = [each for each in self._all() if each[1].running]
        await gatherResults([Deferred.fromCoroutine(self._end_one(*each)) for each in running])
        for file in self._pid_files.values():
            file.remove()
        for logs in self.logs.values():
            logs.unbatch()

    async def _end_one(self, program: Program, service: KeaService | AgentService) -> None:
        ended: Deferred[Any] = service.stopService()
        ended.addTimeout(STOP_LIMIT, self._reactor)
        try:
            await ended
        except Exception as error:  # noqa: BLE001 - whatever it is, the process ends now
            log = self.logs[program.daemon].logger(program.logger)
            if log.error:
                log.error(program.message("DHCP{}_SHUTDOWN"), f"the server did not end in order: {error!r}")


def launched(path: str, families: Sequence[int], **more: Any) -> Process:
    """The process of a configuration file; ends this one with exit status 1 where there is none, and says why."""
    try:
        return Process(path, families, reactor=reactor, **more)
    except TxkeaError as error:
        write_failure(str(error))
        raise SystemExit(1) from None


def write_failure(reason: str) -> None:
    """All of a reason for a person, in case nobody looks into the log."""
    sys.stderr.write(f"failed to initialize Kea server: {reason}\n")
    sys.stderr.flush()


# -- servers -----------------------------------------------------------------------------------------------------------


class Servers(NamedTuple):
    """What a file configures: the numbers of families, and whether it has a Control Agent."""

    families: tuple[int, ...]
    agent: bool = False


def configured_servers(path: str) -> Servers:
    """The servers that a file configures; where it cannot be read those that it seems to mean.

    A file that can only mean one is not parsed here. A file that means none is taken for one of DHCPv4.
    """
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError:
        return Servers((4,))
    mentioned = _servers({top for top in (*MAPS, AGENT.top) if f'"{top}"'.encode() in text})
    if len(mentioned.families) + mentioned.agent < 2 and b"<?include" not in text:
        return mentioned
    try:
        root = load(path).root.value
    except ConfigErrors:
        return mentioned
    return _servers(set(root) if isinstance(root, dict) else set())


def _servers(tops: set[str]) -> Servers:
    families = tuple(number for top, number in MAPS.items() if top in tops)
    agent = AGENT.top in tops
    return Servers(families or (() if agent else (4,)), agent)


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
        ("port", "p", 67, "Listen on another UDP port for DHCPv4 (for tests).", _port),
        ("client-port", "P", 68, "Where DHCPv4 clients listen (for tests).", _port),
        ("port6", None, 547, "Listen on another UDP port for DHCPv6 (for tests).", _port),
        ("client-port6", None, 546, "Where DHCPv6 clients listen (for tests).", _port),
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
        if self.parent is not None and not self.parent.get("logger"):
            self.parent["logger"] = f"{__name__}.{twistd_observer.__name__}"

    def _paths(self) -> Paths:
        """Kea's places; a daemon has no standard output, so that twistd's log file takes its place."""
        environment = dict(os.environ)
        twistd: Mapping[str, Any] = self.parent or {}
        if not environment.get("KEA_LOGGER_DESTINATION"):
            environment["KEA_LOGGER_DESTINATION"] = _twistd_destination(twistd)
        paths = Paths.from_environment(environment)
        return paths.under(self["data-directory"]) if self["data-directory"] else paths


LOGS_OF_TWISTD: Final[list[Logs]] = []
"""twistd takes its observer by name and after it has the service, so that its log must be found from here."""


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
    for path in options["config"]:
        servers = configured_servers(path)
        process = launched(
            path,
            servers.families,
            agent=servers.agent,
            paths=options["paths"],
            debug=bool(options["debug"]),
            ports={
                4: Ports(options["port"], options["client-port"]),
                6: Ports(options["port6"], options["client-port6"]),
            },
        )
        process.setServiceParent(every)
        LOGS_OF_TWISTD.extend(process.logs.values())
    atexit.register(_exit_status, every)
    return every


def _exit_status(every: MultiService) -> None:
    """twistd itself always ends with 0, also when the command ``shutdown`` asked for something else."""
    value = max(process.exit_value for process in every if isinstance(process, Process))
    if value:
        sys.stdout.flush()
        os._exit(value)
