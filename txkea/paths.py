"""Where Kea keeps its files on Debian, and how its environment variables move them (Kea A003, K023)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from attrs import evolve, frozen

__all__ = ["Paths"]


@frozen(kw_only=True)
class Paths:
    """Directories and what the environment says of logging.

    A relative name in a configuration starts from the directory of its kind; an absolute one stands.
    """

    data: str = "/var/lib/kea"
    """Lease files and server identifiers."""
    pid: str = "/run/kea"
    sockets: str = "/run/kea"
    logs: str = "/var/log/kea"
    configuration: str = "/etc/kea"
    log_destination: str = "stdout"
    """Where lines go before a configuration says so, and when it does not."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Paths:
        """Kea's places, moved by the variables that Kea knows; an empty variable is as good as none."""
        given = {field: environment[name] for name, field in VARIABLES.items() if environment.get(name)}
        return cls(**given)

    def under(self, directory: str) -> Paths:
        """All files in one directory: a second server, or a trial without root."""
        where = os.path.abspath(directory)
        return evolve(self, data=where, pid=where, sockets=where, logs=where)

    def pid_file(self, configuration_file: str, program: str = "kea-dhcp4") -> str:
        """The pid file of a server that reads this file (Kea A003)."""
        base = os.path.splitext(os.path.basename(configuration_file))[0]
        return os.path.join(self.pid, f"{base}.{program}.pid")

    def lease_file(self, name: str = "", family: int = 4) -> str:
        """A memfile's lease file; ``""`` is Kea's own name for it."""
        return os.path.join(self.data, name or f"kea-leases{family}.csv")

    def server_id_file(self, family: int = 6) -> str:
        """Where a server's DUID is kept."""
        return os.path.join(self.data, f"kea-dhcp{family}-serverid")

    def socket(self, name: str) -> str:
        """A control socket."""
        return os.path.join(self.sockets, name)

    def configuration_file(self, program: str = "kea-dhcp4") -> str:
        """What a server reads that is told nothing."""
        return os.path.join(self.configuration, f"{program}.conf")


VARIABLES: Final = {
    "KEA_DHCP_DATA_DIR": "data",
    "KEA_PIDFILE_DIR": "pid",
    "KEA_CONTROL_SOCKET_DIR": "sockets",
    "KEA_LOG_FILE_DIR": "logs",
    "KEA_LOGGER_DESTINATION": "log_destination",
}
"""KEA_LOCKFILE_DIR moves a lock that Kea's logging library needs and ours does not."""
