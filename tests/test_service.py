"""The running server: started, reconfigured and ended as its process does it, on a network in memory."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from txkea.errors import ConfigErrors, TxkeaError
from txkea.logs.logs import Logs
from txkea.paths import Paths
from txkea.service import KeaService
from txkea.testing.clients4 import Answer, answer, packed
from txkea.testing.network import MemoryNetwork
from txkea.wire.dhcp4 import Message4, MessageType4, encode_message4

SUBNET = {"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.12"}]}
SECOND = {"id": 2, "subnet": "198.51.100.0/24", "pools": [{"pool": "198.51.100.10 - 198.51.100.20"}]}


class ServiceTests(TestCase):
    """`KeaService` with a lease file on disk."""

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

    def configure(self, *subnets: Any, **dhcp4: Any) -> None:
        """Write the configuration file."""
        keywords = {
            "interfaces-config": {"interfaces": ["eth0"]},
            "lease-database": {"type": "memfile", "name": "leases.csv", "lfc-interval": 0},
            "subnet4": list(subnets or (SUBNET,)),
            "valid-lifetime": 600,
            "loggers": [{"name": "kea-dhcp4", "output_options": [{"output": self.log}]}],
            **{name.replace("_", "-"): value for name, value in dhcp4.items()},
        }
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump({"Dhcp4": keywords}, file)

    def make(self) -> KeaService:
        """A service, not yet started."""
        self.logs.append(Logs(default=self.log))
        service = KeaService(
            self.path,
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

    async def ask(self, kind: int, number: int, **fields: Any) -> Answer | None:
        """What the server answers to a client of its link."""
        options = {53: bytes((kind,)), **fields.pop("options", {})}
        message = Message4(xid=number, chaddr=b"\2\0\0\0\0" + bytes((number,)), options=options, **fields)
        self.network.sent.clear()
        self.network.deliver(encode_message4(message))
        for _ in range(50):
            if self.network.sent:
                return answer(self.network.sent[0])
            await deferLater(reactor, 0.01, lambda: None)
        return None

    async def lease(self, number: int) -> Answer:
        """A client obtains an address."""
        offered = await self.ask(MessageType4.DISCOVER, number)
        assert offered is not None
        options = {50: offered.message.yiaddr, 54: offered.options[54]}
        acknowledged = await self.ask(MessageType4.REQUEST, number, options=options)
        assert acknowledged is not None
        self.assertEqual(acknowledged.type, MessageType4.ACK)
        return acknowledged

    # -- starting ------------------------------------------------------------------------------------------------------

    async def test_serves(self) -> None:
        """A started service leases addresses and says what Kea's operators look for."""
        self.configure()
        service = await self.start()
        given = await self.lease(1)
        self.assertEqual(given.yiaddr, "192.0.2.10")
        self.assertEqual(service.statistics["subnet[1].assigned-addresses"], 1)
        await service.stopService()
        for identifier in ("DHCP4_STARTING", "DHCP4_CONFIG_COMPLETE", "DHCP4_STARTED", "DHCP4_LEASE_ALLOC", "SHUTDOWN"):
            self.assertIn(identifier, self.lines())
        self.assertRegex(self.lines(), "server version .* started")

    async def test_remembers(self) -> None:
        """A service that starts on an earlier one's lease file counts its leases and gives no address twice."""
        self.configure()
        first = await self.start()
        addresses = {(await self.lease(number)).yiaddr for number in (1, 2)}
        await first.stopService()
        second = await self.start()
        self.assertEqual(second.statistics["assigned-addresses"], 2)
        addresses.add((await self.lease(3)).yiaddr)
        self.assertEqual(len(addresses), 3)
        self.assertIsNone(await self.ask(MessageType4.DISCOVER, 4), "the pool is used up")

    async def test_wrong_configuration(self) -> None:
        """A file that cannot be used makes no service; the log has a line for each mistake."""
        self.configure(valid_lifetim=1, renew_timer="soon")
        self.assertRaises(ConfigErrors, self.make)
        self.assertEqual(self.lines().count("DHCP4_CONFIG_LOAD_FAIL"), 2)

    async def test_no_store(self) -> None:
        """A lease file that another server holds: the service says so, serves nobody and asks to be ended."""
        self.configure()
        await self.start()
        loser = await self.start()
        self.assertEqual((loser.exit_value, len(self.failures), loser.server.enabled), (1, 1, False))
        self.assertIn("failed to initialize Kea", self.lines())
        self.assertIn("leases.csv", self.failures[0])

    # -- changing ------------------------------------------------------------------------------------------------------

    async def test_reload(self) -> None:
        """A reload puts a changed file into force, keeps leases and counters, and forgets what is gone."""
        self.configure(SUBNET, SECOND)
        service = await self.start()
        given = await self.lease(1)
        self.configure(SUBNET, {**SECOND, "id": 3}, valid_lifetime=1200)
        await service.reload()
        self.assertEqual([subnet.id for subnet in service.configuration.subnets], [1, 3])
        self.assertEqual(service.statistics["subnet[1].assigned-addresses"], 1)
        self.assertIn("subnet[3].assigned-addresses", service.statistics)
        self.assertNotIn("subnet[2].assigned-addresses", service.statistics)
        renewed = await self.ask(MessageType4.REQUEST, 1, ciaddr=given.message.yiaddr)
        assert renewed is not None
        self.assertEqual((renewed.yiaddr, renewed.number(51)), (given.yiaddr, 1200))
        self.assertIn("dynamic server reconfiguration succeeded with file", self.lines())

    async def test_failed_reload(self) -> None:
        """After a reload of a wrong file, or of one whose interface is missing, everything is as it was."""
        self.configure()
        service = await self.start()
        before = service.configuration
        self.configure(valid_lifetime=-1)
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), TxkeaError)
        self.configure(interfaces_config={"interfaces": ["eth9"]})
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), TxkeaError)
        self.assertIs(service.configuration, before)
        self.assertEqual((await self.lease(1)).yiaddr, "192.0.2.10")
        self.assertEqual(self.lines().count("DHCP4_DYNAMIC_RECONFIGURATION_FAIL"), 2)

    async def test_other_store(self) -> None:
        """A reload may move to another lease file; the old one is let go."""
        self.configure()
        service = await self.start()
        await self.lease(1)
        self.configure(lease_database={"type": "memfile", "name": "other.csv", "lfc-interval": 0})
        await service.reload()
        self.assertEqual(service.statistics["assigned-addresses"], 0)
        await self.lease(2)
        self.configure()
        await service.reload()
        self.assertEqual(service.statistics["assigned-addresses"], 1)

    async def test_own_keywords(self) -> None:
        """Our own keywords of a memfile are understood: no sync, no delay."""
        self.configure(lease_database={"type": "memfile", "name": "leases.csv", "sync": False, "commit-delay": 0.5})
        service = await self.start()
        self.assertEqual((await self.lease(1)).yiaddr, "192.0.2.10")
        self.configure(lease_database={"type": "memfile", "name": "leases.csv", "commit-delay": -1})
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), ConfigErrors)

    async def test_same_file(self) -> None:
        """A reload may change the store's other parameters while it stays on its file."""
        self.configure()
        service = await self.start()
        await self.lease(1)
        self.configure(lease_database={"type": "memfile", "name": "leases.csv", "lfc-interval": 7200})
        await service.reload()
        self.assertEqual(service.statistics["assigned-addresses"], 1)
        self.assertEqual((await self.lease(2)).yiaddr, "192.0.2.11")

    async def test_store_that_cannot_open(self) -> None:
        """A reload to a lease file that cannot be opened changes nothing."""
        self.configure()
        service = await self.start()
        self.configure(lease_database={"type": "memfile", "name": "missing/other.csv"})
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), TxkeaError)
        self.assertEqual((await self.lease(1)).yiaddr, "192.0.2.10")

    async def test_reloads_queue(self) -> None:
        """Reloads that come at once happen one after the other, and queries are answered meanwhile."""
        self.configure()
        service = await self.start()
        reloads = [Deferred.fromCoroutine(service.reload()) for _ in range(3)]
        await self.lease(1)
        for reload in reloads:
            await reload
        self.assertEqual(self.lines().count("DHCP4_DYNAMIC_RECONFIGURATION_SUCCESS"), 3)

    async def test_test(self) -> None:
        """A document is tested without being applied."""
        self.configure()
        service = await self.start()
        before = service.configuration
        tested = await service.test({"Dhcp4": {"subnet4": [SECOND]}})
        self.assertEqual([subnet.id for subnet in tested.subnets], [2])
        await self.assertFailure(Deferred.fromCoroutine(service.test({"Dhcp4": {"nonsense": 1}})), ConfigErrors)
        self.assertIs(service.configuration, before)

    # -- ending --------------------------------------------------------------------------------------------------------

    async def test_stop(self) -> None:
        """A stopped service answers nobody, and its lease file holds what was acknowledged."""
        self.configure()
        service = await self.start()
        given = await self.lease(1)
        await service.stopService()
        self.assertEqual(self.network.sockets, {})
        with open(os.path.join(self.directory, "leases.csv"), encoding="utf-8") as file:
            self.assertIn(f"{given.yiaddr},02:00:00:00:00:01", file.read())

    async def test_expiry(self) -> None:
        """A lease whose time is over is reclaimed by the timer, counted, and its address given to the next client."""
        self.configure(
            {**SUBNET, "pools": [{"pool": "192.0.2.10/32"}]},
            valid_lifetime=1,
            expired_leases_processing={"reclaim-timer-wait-time": 1, "flush-reclaimed-timer-wait-time": 0},
        )
        service = await self.start()
        given = await self.lease(1)
        await self.until(lambda: service.statistics["reclaimed-leases"] == 1)
        self.assertEqual(service.statistics["assigned-addresses"], 0)
        self.assertEqual((await self.lease(2)).yiaddr, given.yiaddr)
        self.assertEqual(packed(given.yiaddr), given.message.yiaddr)
