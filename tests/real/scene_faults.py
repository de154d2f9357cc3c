"""A server that reaches its databases only through proxies, and clients behind a relay."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real import holding
from tests.real.cassandra import Cassandra
from tests.real.databases import MariaDB, Postgres
from tests.real.proxies import Proxy
from tests.real.redis import Redis
from tests.real.servers import TXKEA4, Product, Server
from txkea.testing.namespaces import Lab, Namespace, Port, requires_root

__all__ = ["BACK", "DATABASES", "HELD", "RELAY", "SERVER", "TIMES", "OneDatabase", "Scene", "configuration4"]

DATABASES: Final[Mapping[str, Any]] = {"postgresql": Postgres, "mysql": MariaDB, "redis": Redis, "cql": Cassandra}
SERVER, RELAY = "10.0.0.1", "10.0.0.2"
TIMES: Final = int(os.environ.get("TXKEA_TEST_FAULTS", "1"))
"""How often each fault happens; the goal is told for 20, on a machine that does nothing else."""
BACK, HELD = (2.0, 0.05) if TIMES >= 20 else (15.0, 0.25)
"""Seconds after the database's return in which clients are served again, and for which a reactor may be held."""


class Scene(SynchronousTestCase):
    """A network for a server, in which proxies to databases listen, and one for clients behind a relay."""

    skip = requires_root()
    timeout = 1800

    def setUp(self) -> None:
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        self.there, self.here = self.lab.namespace("server"), self.lab.namespace("clients")
        self.lab.veth(Port(self.there, "eth0", [f"{SERVER}/8"]), Port(self.here, "eth0", [f"{RELAY}/8"]))

    def proxy(self, kind: str, port: int, namespace: Namespace | None = None) -> Proxy:
        """The only way from a server's network to a database."""
        proxy = Proxy(kind, port, namespace or self.there)
        self.addCleanup(proxy.close)
        return proxy

    def server(self, namespace: Namespace | None = None, **keywords: Any) -> Server:
        """A server, not yet started; ``keywords`` as in `configuration4`."""
        return self.program(TXKEA4, {"Dhcp4": configuration4(**keywords)}, namespace)

    def program(self, product: Product, document: Any, namespace: Namespace | None = None) -> Server:
        """A program with this configuration, not yet started."""
        directory = tempfile.mkdtemp(prefix="txkea-", dir="/tmp")  # short, for the UNIX socket's sake
        self.addCleanup(shutil.rmtree, directory)
        server = Server(product, json.dumps(document), Path(directory), namespace or self.there)
        self.addCleanup(server.close)
        return server

    @staticmethod
    def through(proxy: Proxy, parameters: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """The parameters of a database that is reached through a proxy; an underscore of ``more`` is a hyphen."""
        host = {"contact-points" if parameters["type"] == "cql" else "host": proxy.host}
        further = {name.replace("_", "-"): value for name, value in more.items()}
        return {**parameters, **host, "port": proxy.port, **further}


class OneDatabase(Scene):
    """The same with one database, emptied, and a proxy before it."""

    kind = ""
    """Of `DATABASES`."""

    def setUp(self) -> None:
        super().setUp()
        self.database = DATABASES[self.kind].launch()
        self.database.fresh()
        self.between = self.proxy(self.kind, self.database.port)


def configuration4(**keywords: Any) -> dict[str, Any]:
    """What ``Dhcp4`` is; ``keywords`` are members of it, an underscore being a hyphen."""
    return {
        "interfaces-config": {"interfaces": ["eth0"], "dhcp-socket-type": "udp"},
        "control-socket": {"socket-type": "unix", "socket-name": "@DIRECTORY@/control"},
        "hooks-libraries": [{"library": holding.LIBRARY}],
        "valid-lifetime": 4000,
        "cache-threshold": 0.0,
        "subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.16.0.0/16"}]}],
        "loggers": [
            {"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
            {"name": "kea-dhcp4.leases", "severity": "WARN"},
        ],
        **{name.replace("_", "-"): value for name, value in keywords.items()},
    }
