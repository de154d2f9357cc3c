"""What the tests of the running server share: one of either family on a network in memory, and its clients."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from typing import Any

from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from txkea.exchange.families import FAMILIES
from txkea.logs.logs import Logs
from txkea.paths import Paths
from txkea.service import KeaService
from txkea.testing.clients4 import answer, packed
from txkea.testing.clients6 import answer6, ia_na, packed6
from txkea.testing.network import MemoryNetwork, Sent
from txkea.wire.client6 import query6
from txkea.wire.dhcp4 import Message4, MessageType4, encode_message4
from txkea.wire.dhcp6 import MessageType6, Option6, encode_message6
from txkea.wire.ia import Ia

__all__ = ["Family4", "Family6", "ServiceCase", "told"]


class Family4:
    """What a client of DHCPv4 does in these tests."""

    number = 4
    SUBNET = {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.12"}]}
    SECOND = {"id": 2, "subnet": "198.51.100.0/24", "pools": [{"pool": "198.51.100.10 - 198.51.100.20"}]}
    FIRST = "192.0.2.10"
    ASSIGNED = "assigned-addresses"

    def offer(self, client: int) -> bytes:
        return self.query(client, MessageType4.DISCOVER)

    def query(self, client: int, kind: int, options: Mapping[int, bytes] | None = None, **fields: Any) -> bytes:
        message = Message4(
            xid=client,
            chaddr=b"\2\0\0\0\0" + bytes((client,)),
            options={53: bytes((kind,)), **(options or {})},
            **fields,
        )
        return encode_message4(message)

    def request(self, client: int, offered: Sent) -> bytes:
        offer = answer(offered)
        options = {50: offer.message.yiaddr, 54: offer.options[54]}
        return self.query(client, MessageType4.REQUEST, options)

    def renewal(self, client: int, address: str) -> bytes:
        return self.query(client, MessageType4.REQUEST, ciaddr=packed(address))

    def lease(self, sent: Sent) -> tuple[str, int]:
        """Address and lifetime."""
        got = answer(sent)
        return got.yiaddr, got.number(51)

    def row(self, client: int, address: str) -> str:
        """How a lease's row begins."""
        return f"{address},02:00:00:00:00:{client:02x}"


class Family6:
    """What a client of DHCPv6 does in these tests."""

    number = 6
    SUBNET = {
        "id": 1,
        "subnet": "2001:db8:1::/64",
        "interface": "eth0",
        "pools": [{"pool": "2001:db8:1::10 - 2001:db8:1::12"}],
    }
    SECOND = {"id": 2, "subnet": "2001:db8:2::/64", "pools": [{"pool": "2001:db8:2::10 - 2001:db8:2::20"}]}
    FIRST = "2001:db8:1::10"
    ASSIGNED = "assigned-nas"

    def offer(self, client: int) -> bytes:
        return self.query(client, MessageType6.SOLICIT, ia_na(1))

    def query(self, client: int, kind: int, ia: Ia, server_id: bytes = b"") -> bytes:
        duid = b"\0\3\0\1\2\0\0\0\0" + bytes((client,))
        return encode_message6(query6(kind, duid=duid, transaction_id=client, ias=[ia], server_id=server_id))

    def request(self, client: int, offered: Sent) -> bytes:
        offer = answer6(offered)
        ia = ia_na(1, *offer.addresses)
        return self.query(client, MessageType6.REQUEST, ia, offer.options[Option6.SERVER_ID])

    def renewal(self, client: int, address: str) -> bytes:
        return self.query(client, MessageType6.REBIND, ia_na(1, address))

    def lease(self, sent: Sent) -> tuple[str, int]:
        """Address and lifetime; an empty address when there is none."""
        got = answer6(sent)
        return (got.addresses[0], got.resource().valid) if got.addresses else ("", 0)

    def row(self, client: int, address: str) -> str:
        """How a lease's row begins."""
        return f"{address},00:03:00:01:02:00:00:00:00:{client:02x}"


def told(path: str, command: Any) -> Any:
    """What a command is answered at a control socket; blocks."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(10)
        channel.connect(path)
        channel.sendall(json.dumps(command).encode())
        return json.loads(b"".join(iter(lambda: channel.recv(1 << 16), b"")))


class ServiceCase(TestCase):
    """A `KeaService` with a lease file on disk, here of DHCPv4, on a network in memory."""

    family: Any = Family4()

    def setUp(self) -> None:
        self.directory = os.path.abspath(self.mktemp())
        os.mkdir(self.directory)
        self.path = os.path.join(self.directory, "kea.conf")
        self.log = os.path.join(self.directory, "kea.log")
        self.failures: list[str] = []
        self.network = MemoryNetwork()
        self.services: list[KeaService] = []
        self.logs: list[Logs] = []

    async def tearDown(self) -> None:  # type: ignore[override]
        for service in self.services:
            if service.running:
                await service.stopService()

    @property
    def top(self) -> str:
        """The map of the configuration."""
        return f"Dhcp{self.family.number}"

    def message(self, name: str) -> str:
        """A message of this family."""
        return f"DHCP{self.family.number}_{name}"

    def configure(self, *subnets: Any, **dhcp: Any) -> None:
        """Write the configuration file."""
        keywords = {
            "interfaces-config": {"interfaces": ["eth0"]},
            "lease-database": {"type": "memfile", "name": "leases.csv", "lfc-interval": 0},
            f"subnet{self.family.number}": list(subnets or (self.family.SUBNET,)),
            "valid-lifetime": 600,
            "loggers": [
                {
                    "name": f"kea-dhcp{self.family.number}",
                    "severity": "DEBUG",
                    "debuglevel": 99,
                    "output_options": [{"output": self.log}],
                }
            ],
            **{name.replace("_", "-"): value for name, value in dhcp.items()},
        }
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump({self.top: keywords}, file)

    def make(self) -> KeaService:
        """A service, not yet started."""
        self.logs.append(Logs(default=self.log))
        service = KeaService(
            self.path,
            FAMILIES[self.family.number],
            reactor=reactor,
            network=self.network,
            logs=self.logs[-1],
            paths=Paths().under(self.directory),
            failed=self.failures.append,
        )
        self.services.append(service)
        return service

    async def start(self) -> KeaService:
        """A service that serves, or that has failed."""
        service = self.make()
        service.privilegedStartService()
        service.startService()
        await self.until(lambda: service.server.enabled or bool(self.failures))
        return service

    async def until(self, condition: Any) -> None:
        """Let the reactor turn until something holds."""
        for _ in range(1000):
            if condition():
                return
            await deferLater(reactor, 0.01, lambda: None)
        self.fail("waited in vain")

    def lines(self) -> str:
        """The log so far."""
        for logs in self.logs:
            logs.flush()
        with open(self.log, encoding="utf-8") as file:
            return file.read()

    async def ask(self, query: bytes) -> Sent | None:
        """What the server answers to a client of its link."""
        self.network.sent.clear()
        self.network.deliver(query, bytes(4) if self.family.number == 4 else packed6("fe80::2"))
        for _ in range(50):
            if self.network.sent:
                return self.network.sent[0]
            await deferLater(reactor, 0.01, lambda: None)
        return None

    async def lease(self, client: int) -> str:
        """A client obtains an address."""
        offered = await self.ask(self.family.offer(client))
        assert offered is not None
        acknowledged = await self.ask(self.family.request(client, offered))
        assert acknowledged is not None
        address: str = self.family.lease(acknowledged)[0]
        self.assertNotEqual(address, "")
        return address

    async def renew(self, client: int, address: str) -> tuple[str, int]:
        """A client extends its lease; gives address and lifetime."""
        renewed = await self.ask(self.family.renewal(client, address))
        assert renewed is not None
        found: tuple[str, int] = self.family.lease(renewed)
        return found
