"""What `SystemNetwork` does for DHCPv6, once more with raw sockets."""

from __future__ import annotations

from tests import test_net_network6 as udp

__all__ = ["RawBusyPorts6", "RawGroups", "RawLinks6", "RawRouters", "RawTentative"]


class RawGroups(udp.Groups):
    """The same in frames."""

    socket_type = "raw"
    client_hwaddr = b"\x02\0\0\0\0\x02"


class RawRouters(udp.Routers):
    """The same in frames."""

    socket_type = "raw"


class RawTentative(udp.Tentative):
    """The same in frames."""

    socket_type = "raw"


class RawLinks6(udp.Links6):
    """The same in frames."""

    socket_type = "raw"
    descriptors = 6


class RawBusyPorts6(udp.BusyPorts6):
    """The same in frames."""

    socket_type = "raw"
