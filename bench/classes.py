"""``python -m bench.classes``: what a query costs among few and among many subnets and classes, in one process."""

from __future__ import annotations

import gc
import time
from typing import Any, Final

import click

from txkea.config.load import configuration4
from txkea.config.text import from_json
from txkea.exchange.site import Loggers
from txkea.interfaces import Origin
from txkea.testing.clients4 import LocalServer, packed
from txkea.wire.dhcp4 import Message4, encode_message4

__all__ = ["measure"]

QUERIES: Final = 2000
TOGETHER: Final = 250
"""Queries timed at once; the quickest of all such lots counts."""


class Silent:
    """A logger that is off, and a socket that sends nowhere."""

    name = "bench"
    debug = info = warn = error = fatal = None
    link = "eth0"
    local = packed("10.0.0.1")
    direct = True

    def send(self, data: bytes, address: bytes, port: int, hwaddr: bytes) -> None:
        """See `txkea.interfaces.ISocket`."""


def measure(subnets: int, classes: int) -> float:
    """CPU microseconds of a DISCOVER through a relay, from datagram to datagram, for a member of two classes."""
    configuration = configuration4(from_json({"Dhcp4": _keywords(subnets, classes)}))
    silent: Any = Silent()
    loggers = Loggers(
        server=silent, packets=silent, bad_packets=silent, leases=silent, alloc_engine=silent, ddns=silent
    )
    server = LocalServer(configuration, log=loggers)
    origin = Origin(silent, silent.local, 67, b"", False)
    queries = [_query(number, subnets) for number in range(QUERIES)]
    lots = [queries[start : start + TOGETHER] for start in range(0, QUERIES, TOGETHER)]
    for lot in lots:  # each subnet is met before it is measured: a server runs for longer than its first queries
        _seconds(server, lot, origin)
    return min(_seconds(server, lot, origin) for lot in lots) / TOGETHER * 1e6


def _keywords(subnets: int, classes: int) -> dict[str, Any]:
    tests = [{"name": f"c{number}", "test": f"option[60].hex == 'vendor{number}'"} for number in range(classes)]
    tests.append({"name": "both", "test": "member('c3') and not member('c1')"})
    places = [f"10.{number >> 8}.{number & 255}" for number in range(subnets)]
    return {
        "client-classes": tests,
        "subnet4": [
            {
                "id": number + 1,
                "subnet": f"{place}.0/24",
                "pools": [{"pool": f"{place}.2-{place}.254", "client-class": "both"}],
            }
            for number, place in enumerate(places)
        ],
    }


def _query(number: int, subnets: int) -> bytes:
    place = number % subnets
    return encode_message4(
        Message4(
            xid=number,
            chaddr=b"\2\0" + number.to_bytes(4, "big"),
            giaddr=bytes((10, place >> 8, place & 255, 1)),
            options={53: b"\1", 55: b"\1\3\6\x0f", 60: b"vendor3"},
        )
    )


def _seconds(server: LocalServer, queries: list[bytes], origin: Origin) -> float:
    start = time.process_time()
    for query in queries:
        server.server.datagram_arrived(query, origin)
    return time.process_time() - start


@click.command(help=__doc__)
@click.option("--subnets", default=10_000, show_default=True, help="How many subnets are many.")
@click.option("--classes", default=500, show_default=True, help="How many classes are many.")
def main(subnets: int, classes: int) -> None:
    """Print both and their ratio."""
    gc.disable()
    few, many = measure(10, 5), measure(subnets, classes)
    print(f"10 subnets and 5 classes: {few:.1f} us; {subnets} and {classes}: {many:.1f} us; ratio {many / few:.2f}")


if __name__ == "__main__":
    main()
