"""A DHCPv4 server in a network of its own, and what is compared of its answers."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Final

from tests.real.dialect import OFFERED, Step, sid, want
from tests.real.differential import Arena, Facts
from tests.real.packets import REQUEST, Query, decode, encode, packed
from tests.real.servers import Product, Server
from tests.real.tap import BROADCAST, BROADCAST_HWADDR, Seen, Tap, frame
from txkea.testing.namespaces import Lab, Port

__all__ = ["Arena4"]

LINKS: Final = {"eth0": "10.0.0.1/16", "eth1": "172.16.0.1/16", "eth2": "198.51.100.1/24"}
GATEWAY: Final = "172.16.0.2"
PROBE_CLIENTS: Final = bytes((2, 0xF0))


class Arena4(Arena[Step]):
    """A DHCPv4 server's."""

    columns = (
        *("address", "hwaddr", "client_id", "valid_lifetime", "expire", "subnet_id", "fqdn_fwd", "fqdn_rev"),
        *("hostname", "state"),
    )
    kind = "option 53"
    clocked: ClassVar = {"option 51": 16, "lease expire": 10}

    def __init__(self, lab: Lab, product: Product, template: str, directory: Path, number: int) -> None:
        super().__init__()
        there, here = lab.namespace(f"server{number}"), lab.namespace(f"client{number}")
        for index, (link, address) in enumerate(LINKS.items()):
            lab.veth(
                Port(there, link, [address], f"02:cc:00:00:00:0{index}"),
                Port(here, link, [f"{GATEWAY}/16"] if link == "eth1" else [], f"02:ee:00:00:00:0{index}"),
            )
        there.run(["ip", "route", "add", "default", "via", GATEWAY])
        here.run(["ip", "route", "add", "blackhole", "default"])
        for network, link in (("10.0.0.0/16", "eth0"), ("10.9.0.0/16", "eth2")):
            # answer ARP for every client, so that a server that asks for one finds it
            here.run(["ip", "route", "add", "local", network, "dev", link])
            here.run(["sysctl", "-qw", f"net.ipv4.conf.{link}.rp_filter=0"])
        there.run(["ip", "route", "add", "10.9.0.0/16", "dev", "eth2"])
        self.taps = {link: Tap(here, link) for link in LINKS}
        self.server_hwaddr = {link: there.hwaddr(link) for link in LINKS}
        self.server = Server(product, template, directory, there)
        self.last = "0.0.0.0"

    def send(self, step: Step, xid: int) -> None:
        query = self._filled(step.query)._replace(xid=xid)
        tap = self.taps[step.link]
        source = self.last if step.source == OFFERED else step.source
        hwaddr_from = query.chaddr if step.as_client and len(query.chaddr) == 6 else tap.hwaddr
        to = BROADCAST_HWADDR if step.destination == BROADCAST else self.server_hwaddr[step.link]
        tap.send(frame(encode(query), hwaddr_from, to, source, step.destination, step.source_port))

    def probe(self, step: Step, xid: int, number: int) -> None:
        self.send(_probe(step.link, number), xid)

    def xid(self, payload: bytes) -> int:
        return int.from_bytes(payload[4:8], "big")

    def gist(self, facts: Facts) -> str:
        return facts["yiaddr"]

    def leased(self, facts: Facts) -> list[str]:
        return [facts["yiaddr"]] if "yiaddr" in facts else []

    def facts(self, step: Step, seen: Seen) -> Facts:
        facts = _facts(seen)
        address = facts["yiaddr"]
        if address != "0.0.0.0":
            self.last = address
            if step.pool:
                self.free.add(address)
        if step.pool and address.startswith(step.pool):
            return {key: value.replace(address, f"{step.pool}*") for key, value in facts.items()}
        return facts

    def _filled(self, query: Query) -> Query:
        marker, last = packed(OFFERED), packed(self.last)
        options = tuple((code, last if payload == marker else payload) for code, payload in query.options)
        return query._replace(options=options, ciaddr=self.last if query.ciaddr == OFFERED else query.ciaddr)


def _probe(link: str, number: int) -> Step:
    """A stranger's request, which always is acknowledged and always takes a write."""
    index = int(link[-1])
    subnet = (0, 2, 9)[index]
    client = PROBE_CLIENTS + bytes((index,)) + number.to_bytes(3, "big")
    wanted = want(f"10.{subnet}.{32 + number // 250}.{1 + number % 250}")
    server = LINKS[link].split("/")[0]
    query = Query(REQUEST, client, (wanted, sid(server)))
    if link == "eth1":
        return Step(query._replace(giaddr="10.2.0.9"), link, "10.2.0.9", server, 67)
    return Step(query, link, as_client=True)


def _facts(seen: Seen) -> Facts:
    answer = decode(seen.payload)
    fields = answer._asdict()
    del fields["options"], fields["order"], fields["length"], fields["xid"]
    facts = {name: value.hex() if isinstance(value, bytes) else str(value) for name, value in fields.items()}
    options = {f"option {code}": payload.hex() for code, payload in sorted(answer.options.items())}
    if "option 81" in options:
        whole = options.pop("option 81")
        options |= {"option 81 flags": whole[:2], "option 81 codes": whole[2:6], "option 81 name": whole[6:]}
    way = {
        "from": f"{seen.source}:{seen.source_port}",
        "to": f"{seen.destination}:{seen.destination_port}",
        "link": seen.interface,
        "hwaddr from": seen.hwaddr_from.hex(),
        "hwaddr to": seen.hwaddr_to.hex(),
    }
    last = {"82 last": str(answer.order[-1] == 82)} if 82 in answer.options else {}
    return {"answers": "1", **facts, **options, **way, **last}
