"""``python -m bench.million``: start with a million leases: time, memory, and whether their clients keep them."""

from __future__ import annotations

import random
import socket
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

import click
from rich.console import Console
from rich.table import Table

from bench import usage
from bench.servers import CONTESTANTS, LOCAL, SERVER, Track
from tests.real.packets import ACK, REQUEST, Query, chaddr, decode, encode, text
from tests.real.servers import Server
from txkea.testing.namespaces import requires_root

__all__ = ["Start", "write_leases"]

FIRST: Final = (10 << 24) + (16 << 16) + 1
"""10.16.0.1, in the pool of server.conf."""
HEADER: Final = (
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context\n"
)
SAMPLE: Final = 50


class Start(NamedTuple):
    """How a start went."""

    seconds: float
    cpu: float
    resident: float
    """MB when ready."""
    peak: float
    renewed: int
    """Of `SAMPLE` clients, how many got their address again."""


@click.command()
@click.option("--leases", default=1_000_000, help="How many leases.")
@click.option("--server", "names", multiple=True, type=click.Choice(list(CONTESTANTS)), help="Only this; repeatable.")
@click.option("--directory", type=click.Path(path_type=Path), help="Where servers keep their files: a real disk.")
def main(leases: int, names: tuple[str, ...], directory: Path | None) -> None:
    """Start each server with a lease file of that many leases."""
    if reason := requires_root("kea-dhcp4"):
        raise click.ClickException(reason)
    table = Table("", "ready after, s", "CPU, s", "resident, MB", "peak, MB", f"renewed, of {SAMPLE}")
    with tempfile.TemporaryDirectory(dir=directory) as scratch, Track(Path(scratch)) as track:
        for name in names or ("kea", "txkea"):
            start = measure(track, track.prepare(CONTESTANTS[name], True), leases)
            numbers = (start.seconds, start.cpu, start.resident, start.peak)
            table.add_row(name, *(f"{number:.1f}" for number in numbers), str(start.renewed))
    Console().print(f"start with {leases} leases", table)


def measure(track: Track, server: Server, leases: int) -> Start:
    """Start once, and have a sample of the clients renew."""
    write_leases(server.leases, leases)
    try:
        seconds = server.start(timeout=300)
        cpu, resident = usage.cpu_seconds(server.pid), usage.resident_memory(server.pid)
        return Start(seconds, cpu, resident, usage.peak_memory(server.pid), renew(track, leases))
    finally:
        server.close()


def write_leases(path: Path, count: int) -> None:
    """A lease file with that many leases that live for another hour, in the columns of Kea 2.2.0."""
    expire = int(time.time()) + 3600
    with path.open("w") as file:
        file.write(HEADER)
        for number in range(count):
            hwaddr = chaddr(number).hex(":")
            address = text((FIRST + number).to_bytes(4, "big"))
            file.write(f"{address},{hwaddr},01:{hwaddr},4000,{expire},1,0,0,host-{number},0,\n")


def renew(track: Track, leases: int) -> int:
    """How many of a sample of the clients keep their address, asking through a relay."""
    with track.client.enter():
        relay = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with relay:
        relay.bind((LOCAL, 67))
        relay.settimeout(5)
        numbers = random.Random(4).sample(range(leases), min(SAMPLE, leases))
        return sum(_keeps(relay, number) for number in numbers)


def _keeps(relay: socket.socket, number: int) -> bool:
    address = text((FIRST + number).to_bytes(4, "big"))
    client_id = (61, b"\1" + chaddr(number))
    query = Query(REQUEST, chaddr(number), (client_id,), number + 1, ciaddr=address, giaddr=LOCAL)
    relay.sendto(encode(query), (SERVER, 67))
    answer = decode(relay.recv(2048))
    return (answer.type, answer.yiaddr, answer.xid) == (ACK, address, number + 1)


if __name__ == "__main__":
    main()
