"""Where Kea keeps its files on Debian, how its environment variables move them, and its pid file (Kea A003, K023)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from attrs import evolve, frozen

from txkea.errors import ConfigError

__all__ = ["Paths", "PidFile"]


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

    def configured(self, data_directory: str) -> Paths:
        """These places as a configuration's ``data-directory`` moves them, ``""`` when it has none."""
        return evolve(self, data=os.path.join(self.data, data_directory)) if data_directory else self

    def pid_file(self, configuration_file: str, program: str) -> str:
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


VARIABLES: Final = {
    "KEA_DHCP_DATA_DIR": "data",
    "KEA_PIDFILE_DIR": "pid",
    "KEA_CONTROL_SOCKET_DIR": "sockets",
    "KEA_LOG_FILE_DIR": "logs",
    "KEA_LOGGER_DESTINATION": "log_destination",
}
"""KEA_LOCKFILE_DIR moves a lock that Kea's logging library needs and ours does not."""


class PidFile:
    """A file with the number of this process, that keeps a second server from the same configuration (Kea A003)."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._written = False

    def write(self) -> None:
        """Take the file. Raises `ConfigError` if a live process has it, or if it cannot be written."""
        other = self._holder()
        if other:
            mend = f"stop that one, or remove {self.path} if it is another program"
            raise ConfigError(f"a server with this configuration runs already as process {other}; {mend}")
        temporary = f"{self.path}.{os.getpid()}"
        try:
            with open(temporary, "w", encoding="ascii") as file:
                file.write(f"{os.getpid()}\n")
            os.replace(temporary, self.path)
        except OSError as error:
            mend = "create the directory, let this user write there, or set KEA_PIDFILE_DIR"
            raise ConfigError(f"the pid file {self.path} cannot be written: {error.strerror}; {mend}") from None
        self._written = True

    def _holder(self) -> int:
        """The live process that has the file; 0 if none has."""
        try:
            with open(self.path, encoding="ascii", errors="replace") as file:
                text = file.read(32).strip()
        except OSError:
            return 0
        pid = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        return pid if pid and pid != os.getpid() and _lives(pid) else 0

    def remove(self) -> None:
        """Give the file back; one that cannot be removed, privileges being dropped, is stale and hurts nobody."""
        if self._written:
            with suppress(OSError):
                os.unlink(self.path)
            self._written = False


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
