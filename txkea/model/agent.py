"""The configuration of the Control Agent as a frozen value."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from txkea.model.configuration import ControlSocket, JSONObject, LoggerConfiguration

__all__ = ["AgentConfiguration"]


@frozen(kw_only=True)
class AgentConfiguration:
    """One endpoint for the commands of several servers (Kea G011)."""

    listener: ControlSocket
    """Of type ``http`` or ``https``."""
    servers: Mapping[str, str] = field(factory=dict)
    """The UNIX control socket of each server that can be reached, by the name of its service, such as ``dhcp4``."""
    loggers: tuple[LoggerConfiguration, ...] = ()
    user_context: JSONObject | None = None
    tree: JSONObject = field(factory=dict)
    """The effective configuration in Kea's syntax, defaults included: what ``config-get`` prints."""
    written: JSONObject = field(factory=dict, eq=False)
    """The whole document as it was written, includes resolved."""
    warnings: tuple[str, ...] = ()
    """What was accepted but deserves a line in the log, each with its position."""
