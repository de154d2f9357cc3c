"""The two namespaces that servers are measured in, and how a server gets there."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from bench.backends import BACKENDS, Database
from bench.scenarios import CLIENT4, INTERFACE, SERVER4, Contestant
from tests.real.servers import Server
from txkea.testing.namespaces import Lab, Namespace, Port, wait_for

__all__ = ["Track"]


class Track:
    """A server's and a load generator's namespace with a cable between them; a context manager.

    ``directory`` is where servers keep lease files and logs: put it on a real disk. ``sockets`` is the
    ``dhcp-socket-type``, of txkea alone in DHCPv6; None as installed.
    """

    def __init__(self, directory: Path, sockets: str | None = None) -> None:
        self.directory = directory
        self.sockets = sockets
        self._databases: dict[str, Database] = {}
        self._lab = Lab()
        self.server: Namespace = self._lab.namespace("server")
        self.client: Namespace = self._lab.namespace("client")
        self._lab.veth(
            *(
                Port(space, INTERFACE, [f"{address}/8"])
                for space, address in ((self.server, SERVER4), (self.client, CLIENT4))
            )
        )
        for space in (self.server, self.client):
            wait_for(partial(_has_link_local, space), "link-local addresses that are no longer tentative")

    def __enter__(self) -> Track:
        return self

    def __exit__(self, *error: object) -> None:
        for database in self._databases.values():
            database.server.kill()
        self._lab.close()

    def database(self, backend: str) -> Database | None:
        """What a backend's leases are in, running from the first call on in the servers' namespace; None of a file."""
        launch = BACKENDS[backend].launch
        if launch is not None and backend not in self._databases:
            with self.server.enter():
                self._databases[backend] = launch()
        return self._databases.get(backend)

    def prepare(self, contestant: Contestant, lease_lines: bool) -> Server:
        """A server in a fresh directory and with an empty database, not yet started."""
        scenario = contestant.scenario
        text = scenario.template.read_text()
        for name, value in (
            ("SOCKETS", contestant.sockets(self.sockets)),
            ("MULTI", "true" if contestant.threads else "false"),
            ("LEASE_LINES", "INFO" if lease_lines else "WARN"),
            ("LEASES", json.dumps(self._empty(contestant.backend))),
        ):
            text = text.replace(f"@{name}@", value)
        directory = Path(tempfile.mkdtemp(prefix=f"{scenario.name}-{contestant.name}-", dir=self.directory))
        return Server(contestant.product, text, directory, self.server)

    def _empty(self, backend: str) -> dict[str, Any]:
        """The ``lease-database`` of a server that begins without a lease."""
        database = self.database(backend)
        if database is None:
            return {"type": backend, "persist": True, "name": "@DIRECTORY@/leases.csv"}
        with self.server.enter():
            database.server.fresh()
        return database.parameters


def _has_link_local(namespace: Namespace) -> bool:
    text = namespace.run(["ip", "-6", "address", "show", "dev", INTERFACE]).stdout
    return "scope link" in text and "tentative" not in text
