"""The servers that are measured, and the two namespaces that they are measured in."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from tests.real.servers import KEA4, TXKEA4, Product, Server
from txkea.testing.namespaces import Lab, Namespace, Port

__all__ = ["CONTESTANTS", "LOCAL", "SERVER", "Contestant", "Track"]

SERVER: Final = "10.0.0.1"
LOCAL: Final = "10.0.0.2"
TEMPLATE: Final = Path(__file__).with_name("server.conf")


class Contestant(NamedTuple):
    """A server in one of its modes."""

    name: str
    product: Product
    threads: bool

    @property
    def is_kea(self) -> bool:
        """Whether it is what we compare with."""
        return self.product is KEA4


CONTESTANTS: Final = {
    each.name: each
    for each in (Contestant("kea", KEA4, False), Contestant("kea-mt", KEA4, True), Contestant("txkea", TXKEA4, False))
}


class Track:
    """A server's and a load generator's namespace with a cable between them; a context manager.

    ``directory`` is where servers keep lease files and logs: put it on a real disk.
    """

    def __init__(self, directory: Path, sockets: str = "raw") -> None:
        self.directory = directory
        self.sockets = sockets
        self._lab = Lab()
        self.server: Namespace = self._lab.namespace("server")
        self.client: Namespace = self._lab.namespace("client")
        self._lab.veth(Port(self.server, "eth0", [f"{SERVER}/8"]), Port(self.client, "eth0", [f"{LOCAL}/8"]))

    def __enter__(self) -> Track:
        return self

    def __exit__(self, *error: object) -> None:
        self._lab.close()

    def prepare(self, contestant: Contestant, lease_lines: bool) -> Server:
        """A server in a fresh directory, not yet started."""
        text = TEMPLATE.read_text()
        for name, value in (
            ("SOCKETS", self.sockets),
            ("MULTI", "true" if contestant.threads else "false"),
            ("LEASE_LINES", "INFO" if lease_lines else "WARN"),
        ):
            text = text.replace(f"@{name}@", value)
        directory = Path(tempfile.mkdtemp(prefix=f"{contestant.name}-", dir=self.directory))
        return Server(contestant.product, text, directory, self.server)
