"""The Control Agent as a service: one HTTP endpoint for the commands of several servers (Kea K011)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred

from txkea import __version__
from txkea.config.agent import PROGRAM, TOP, agent_configuration
from txkea.config.text import Document
from txkea.control.agent import HINT, ServiceRouter
from txkea.control.asking import ControlClient
from txkea.control.channels import Channels
from txkea.control.commands import DaemonCommands
from txkea.control.configuration import ConfigurationCommands
from txkea.control.registry import Registry
from txkea.daemon import DaemonService
from txkea.logs.logs import Logs
from txkea.model.agent import AgentConfiguration
from txkea.paths import Paths

__all__ = ["AGENT", "AgentProgram", "AgentService"]

MESSAGES: Final = {
    "DHCP{}_CONFIG_COMPLETE": "DCTL_CONFIG_COMPLETE",
    "DHCP{}_CONFIG_LOAD_FAIL": "DCTL_CONFIG_FILE_LOAD_FAIL",
    "DHCP{}_CONFIG_WARNING": "CTRL_AGENT_CONFIG_WARNING",
    "DHCP{}_DYNAMIC_RECONFIGURATION": "DCTL_CFG_FILE_RELOAD_SIGNAL_RECVD",
    "DHCP{}_DYNAMIC_RECONFIGURATION_FAIL": "DCTL_CFG_FILE_RELOAD_ERROR",
    "DHCP{}_DYNAMIC_RECONFIGURATION_SUCCESS": "CTRL_AGENT_RELOADED",
    "DHCP{}_INIT_FAIL": "DCTL_INIT_PROCESS_FAIL",
    "DHCP{}_LOGGING_PROBLEM": "CTRL_AGENT_LOGGING_PROBLEM",
    "DHCP{}_SHUTDOWN": "DCTL_SHUTDOWN",
    "DHCP{}_STARTED": "CTRL_AGENT_STARTED",
    "DHCP{}_STARTING": "DCTL_STARTING",
}
"""What Kea's Control Agent calls what the DHCP servers tell too."""


@frozen
class AgentProgram:
    """Kea's Control Agent among Kea's programs, see `txkea.daemon.Program`."""

    daemon: str = PROGRAM
    top: str = TOP
    label: str = "Control Agent"
    logger: str = "ctrl-agent"

    def message(self, identifier: str) -> str:
        """The Control Agent's name of a log message of the DHCP servers."""
        return MESSAGES[identifier]


AGENT: Final = AgentProgram()


class AgentService(DaemonService[AgentConfiguration]):
    """The Control Agent of a configuration file.

    ``peers`` are the commands of servers in this process by their services, such as ``dhcp4``; others are reached
    through the sockets of the configuration. `ConfigErrors` is raised when the service is made, if the file cannot be
    used, and `TxkeaError` at the start if nobody may listen where it says.
    """

    def __init__(
        self,
        path: str,
        *,
        reactor: Any,
        logs: Logs,
        paths: Paths,
        debug: bool = False,
        peers: Mapping[str, Registry] | None = None,
    ) -> None:
        super().__init__(path, AGENT, reactor=reactor, logs=logs, debug=debug)
        self._say("DHCP{}_STARTING", f"Kea {AGENT.label} version {__version__} (txkea) starting")
        self._paths = paths
        self._servers = self._clients(self.configuration)
        self.registry = Registry(logs.logger("commands"))
        self.router = ServiceRouter(self.registry, peers or {}, self._servers, self._log, HINT)
        http = partial(self._http_channel, self.router, {})
        self._channels = Channels({"http": http, "https": http}, paths.socket)

    def parsed(self, document: Document) -> AgentConfiguration:
        """The Control Agent's configuration of a document."""
        return agent_configuration(document)

    def _clients(self, configuration: AgentConfiguration) -> dict[str, ControlClient]:
        return {
            service: ControlClient(self._reactor, self._paths.socket(name))
            for service, name in configuration.servers.items()
        }

    # -- running -------------------------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Listen, while ports below 1024 may be bound; who connects waits until the process runs."""
        super().privilegedStartService()
        self._logs.batch(self._reactor)
        self.registry.provide(
            [DaemonCommands(self, self._reactor.seconds), ConfigurationCommands(self, self._in_thread)]
        )
        self._listen(self.configuration)

    def startService(self) -> None:
        """Serve."""
        super().startService()
        self._tell_complete()
        self._say("DHCP{}_STARTED", f"Kea {AGENT.label} version {__version__} (txkea) started")

    def _listen(self, configuration: AgentConfiguration) -> None:
        sockets = [configuration.listener]
        self._channels.commit(sockets, self._channels.prepare(sockets))

    def _tell_complete(self) -> None:
        for warning in self.configuration.warnings:
            self._warn("DHCP{}_CONFIG_WARNING", warning)
        listener, servers = self.configuration.listener, " ".join(self.configuration.servers) or "none"
        place = f"listening on {listener.address}, port {listener.port}"
        self._say("DHCP{}_CONFIG_COMPLETE", f"server has completed configuration: {place}, control sockets: {servers}")

    async def into_force(self, configuration: AgentConfiguration) -> None:
        """Listen where this configuration says, and reach the servers that it names."""
        servers = self._clients(configuration)
        self._listen(configuration)
        self._configure_logs(configuration)
        self.configuration = configuration
        self._servers.clear()
        self._servers.update(servers)
        self.reloaded = self._reactor.seconds()
        self._tell_complete()

    def stopService(self) -> Deferred[None]:
        """Stop listening; answers under way still leave."""
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        await self._channels.close()
        self._say("DHCP{}_SHUTDOWN", f"{AGENT.label} shutdown")
        self._logs.close()

    # -- what commands ask ---------------------------------------------------------------------------------------------

    def conditions(self) -> Mapping[str, Any]:
        """Nothing more."""
        return {}
