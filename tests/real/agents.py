"""Control Agents, Kea's and txkea's, before servers of both, on the loopback address; and what asks them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.real.daemons import free_port
from tests.real.servers import KEA4, KEA6, TXKEA4, TXKEA6, Product, Server

__all__ = ["DHCP", "HOST", "KEA_AGENT", "TXKEA_AGENT", "Reply", "Scene", "curl", "post", "shell"]

STARTED: Final = re.compile(r"\bCTRL_AGENT_STARTED\b")
KEA_AGENT: Final = Product("kea-ctrl-agent", ("kea-ctrl-agent",), STARTED)
TXKEA_AGENT: Final = Product("txkea-agent", (sys.executable, "-m", "txkea", "ctrl-agent"), STARTED)
HOST: Final = "127.0.0.1"
TIMEOUT: Final = 15.0

DHCP: Final[dict[int, dict[str, Any]]] = {
    4: {
        "subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10-192.0.2.20"}]}],
        "option-data": [{"name": "domain-name", "data": "example.org"}],
    },
    6: {
        "subnet6": [{"id": 1, "subnet": "2001:db8::/64", "pools": [{"pool": "2001:db8::10-2001:db8::20"}]}],
        "data-directory": "@DIRECTORY@",
        "server-id": {"type": "EN", "enterprise-id": 32473, "identifier": "0102030405"},
    },
}
PRODUCTS: Final = {"kea": {4: KEA4, 6: KEA6}, "txkea": {4: TXKEA4, 6: TXKEA6}}
AGENTS: Final = {"kea": KEA_AGENT, "txkea": TXKEA_AGENT}


class Reply(NamedTuple):
    """What came back over HTTP; ``value`` is the body's JSON, None where it is none."""

    status: int
    value: Any
    headers: dict[str, str]


def loggers(root: str) -> list[dict[str, Any]]:
    outputs = [{"output": "@DIRECTORY@/server.log"}]
    return [{"name": root, "severity": "INFO", "output_options": outputs}]


class Scene:
    """Servers of both products for both families, and agents; all end with `close`."""

    def __init__(self) -> None:
        # Short, for the paths of sockets.
        self.directory = Path(tempfile.mkdtemp(prefix="txkea-agents-", dir="/tmp"))
        self.running: dict[str, Server] = {}
        self.ports: dict[str, int] = {}

    def close(self) -> None:
        """End everything."""
        for server in self.running.values():
            server.close()
        shutil.rmtree(self.directory)

    def run(self, name: str, product: Product, configuration: dict[str, Any]) -> Server:
        """Start a program."""
        server = Server(product, json.dumps(configuration), self.directory / name)
        self.running[name] = server
        server.start()
        return server

    def socket(self, product: str, family: int) -> str:
        """The control socket of a server, whether it runs or not."""
        return str(self.directory / f"{product}{family}" / "socket")

    def serve(self, product: str) -> None:
        """Start a product's servers of both families, which hear no clients."""
        for family in (4, 6):
            configuration = {
                "interfaces-config": {"interfaces": []},
                "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
                "control-socket": {"socket-type": "unix", "socket-name": self.socket(product, family)},
                "loggers": loggers(f"kea-dhcp{family}"),
                **DHCP[family],
            }
            self.run(f"{product}{family}", PRODUCTS[product][family], {f"Dhcp{family}": configuration})

    def agent(self, name: str, product: str, servers: str, **more: Any) -> Server:
        """Start a product's agent before a product's servers, by a name for its port."""
        self.ports[name] = free_port()
        configuration = {
            "http-host": HOST,
            "http-port": self.ports[name],
            "control-sockets": {
                f"dhcp{family}": {"socket-type": "unix", "socket-name": self.socket(servers, family)}
                for family in (4, 6)
            },
            "loggers": loggers("kea-ctrl-agent"),
            **{keyword.replace("_", "-"): value for keyword, value in more.items()},
        }
        return self.run(name, AGENTS[product], {"Control-agent": configuration})

    def post(self, name: str, body: Any, **headers: str) -> Reply:
        """Ask an agent; a body that is not text is sent as JSON."""
        return post(self.ports[name], body, **headers)


def post(port: int, body: Any, method: str = "POST", path: str = "/", **headers: str) -> Reply:
    """What an agent on a port answers; a body that is not text is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    given = {"Content-Type": "application/json", **{name.replace("_", "-"): text for name, text in headers.items()}}
    connection = HTTPConnection(HOST, port, timeout=TIMEOUT)
    try:
        connection.request(method, path, text.encode(), given)
        response = connection.getresponse()
        data = response.read()
    finally:
        connection.close()
    try:
        value = json.loads(data)
    except ValueError:
        value = None
    return Reply(response.status, value, {name.lower(): text for name, text in response.getheaders()})


def run(argv: list[str], text: str = "", directory: Path | None = None) -> tuple[int, str]:
    """Exit status and output of a program."""
    ended = subprocess.run(
        argv,
        input=text,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        cwd=directory,
        env={**os.environ, "no_proxy": "*"},
        check=False,
    )
    return ended.returncode, ended.stdout


def shell(port: int, *words: str, arguments: str = "") -> tuple[int, str]:
    """What Debian's kea-shell does with these words, ``arguments`` being its standard input."""
    return run(["kea-shell", "--host", HOST, "--port", str(port), *words], arguments)


def curl(*words: str, directory: Path | None = None) -> tuple[int, str]:
    """What curl prints."""
    return run(["curl", "--silent", "--show-error", "--max-time", "10", *words], directory=directory)
