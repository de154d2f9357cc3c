"""A small IPAM to try the example with: ``python -m txkea_example.server hosts.json [PORT [DELAY]]``.

The file has a list of hosts as `txkea_example.ipam` describes them, each with its ``subnet``. ``DELAY`` is how many
seconds each answer takes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["found", "main", "serve"]


def found(hosts: Iterable[Mapping[str, Any]], url: str) -> list[Mapping[str, Any]]:
    """The hosts that a URL asks for."""
    asked = parse_qs(urlsplit(url).query)
    return [
        host
        for host in hosts
        if [str(host["subnet"])] == asked["subnet"]
        and (host["identifier"] in asked.get("identifier", ()) or [host.get("address")] == asked.get("address"))
    ]


def serve(hosts: Sequence[Mapping[str, Any]], port: int, delay: float) -> None:
    """Answer on the loopback interface, for ever, each question in its own thread."""

    class Ipam(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            time.sleep(delay)
            body = json.dumps(found(hosts, self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *about: object) -> None:
            pass

    ThreadingHTTPServer(("127.0.0.1", port), Ipam).serve_forever()


def main(file: str, port: str = "8053", delay: str = "0") -> None:
    """See the module."""
    serve(json.loads(Path(file).read_text(encoding="utf-8")), int(port), float(delay))


if __name__ == "__main__":
    main(*sys.argv[1:])
