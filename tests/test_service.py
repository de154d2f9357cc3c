"""The running server: started, reconfigured and ended as its process does it, on a network in memory."""

from __future__ import annotations

import json
import os
import socket
import tempfile
from collections.abc import Mapping
from shutil import rmtree
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from txkea.errors import ConfigErrors, TxkeaError
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


class ServiceTests(TestCase):
    """`KeaService` with a lease file on disk, here of DHCPv4."""

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

    # -- starting ------------------------------------------------------------------------------------------------------

    async def test_serves(self) -> None:
        """A started service leases addresses and says what Kea's operators look for."""
        self.configure()
        service = await self.start()
        self.assertEqual(await self.lease(1), self.family.FIRST)
        self.assertEqual(service.statistics[f"subnet[1].{self.family.ASSIGNED}"], 1)
        await service.stopService()
        for identifier in ("STARTING", "CONFIG_COMPLETE", "STARTED", "LEASE_ALLOC", "SHUTDOWN"):
            self.assertIn(f" {self.message(identifier)} ", self.lines())
        self.assertIn(f"[kea-dhcp{self.family.number}.", self.lines())
        self.assertNotIn(f"kea-dhcp{10 - self.family.number}.", self.lines())
        self.assertRegex(self.lines(), "server version .* started")

    async def test_remembers(self) -> None:
        """A service that starts on an earlier one's lease file counts its leases and gives no address twice."""
        self.configure()
        first = await self.start()
        addresses = {await self.lease(number) for number in (1, 2)}
        await first.stopService()
        second = await self.start()
        self.assertEqual(second.statistics[self.family.ASSIGNED], 2)
        addresses.add(await self.lease(3))
        self.assertEqual(len(addresses), 3)
        nothing = await self.ask(self.family.offer(4))
        self.assertTrue(nothing is None or self.family.lease(nothing) == ("", 0), "the pool is used up")

    async def test_wrong_configuration(self) -> None:
        """A file that cannot be used makes no service; the log has a line for each mistake."""
        self.configure(valid_lifetim=1, renew_timer="soon")
        self.assertRaises(ConfigErrors, self.make)
        self.assertEqual(self.lines().count(self.message("CONFIG_LOAD_FAIL")), 2)

    async def test_no_store(self) -> None:
        """A lease file that another server holds: the service says so, serves nobody and asks to be ended."""
        self.configure()
        await self.start()
        loser = await self.start()
        self.assertEqual((loser.exit_value, len(self.failures), loser.server.enabled), (1, 1, False))
        self.assertIn("failed to initialize Kea", self.lines())
        self.assertIn("leases.csv", self.failures[0])

    async def test_commands(self) -> None:
        """Commands come by the configured socket; a lease that one deletes is counted no longer and free again."""
        directory = tempfile.mkdtemp(prefix="txkea-", dir="/tmp")  # short, for the socket's sake
        self.addCleanup(rmtree, directory)
        path = os.path.join(directory, "control")
        self.configure(control_socket={"socket-type": "unix", "socket-name": path})
        service = await self.start()
        given = await self.lease(1)
        before = service.statistics[self.family.ASSIGNED]
        command = {"command": f"lease{self.family.number}-del", "arguments": {"ip-address": given}}
        results = [(await deferToThread(told, path, command))["result"] for _ in range(2)]
        self.assertEqual((before, results, service.statistics[self.family.ASSIGNED]), (1, [0, 3], 0))
        self.assertEqual(service.statistics[f"subnet[1].{self.family.ASSIGNED}"], 0)
        self.assertEqual({await self.lease(client) for client in (2, 3, 4)} & {given}, {given})
        os.unlink(path)
        await service.stopService()
        self.assertIn(self.message("SHUTDOWN"), self.lines(), "in order, although somebody removed the socket")

    async def test_explain(self) -> None:
        """The server explains what it would do with a packet or a client in words; no lease and no counter changes."""
        directory = tempfile.mkdtemp(prefix="txkea-", dir="/tmp")  # short, for the socket's sake
        self.addCleanup(rmtree, directory)
        path = os.path.join(directory, "control")
        self.configure(control_socket={"socket-type": "unix", "socket-name": path})
        service = await self.start()
        given = await self.lease(1)
        before = dict(service.statistics), await service.leases.page(None, 10), len(service.site.offers)
        packet = {"packet": self.family.offer(1).hex(), "interface": "eth0"}
        client = {"client": {"hw-address": "02:00:00:00:00:01", "interface": "eth0"}}
        for arguments in (packet, client):
            command = {"command": f"explain{self.family.number}", "arguments": arguments}
            answer = await deferToThread(told, path, command)
            self.assertEqual(answer["result"], 0, answer)
            self.assertTrue(answer["text"].endswith(given), answer["text"])
            lease = answer["arguments"]["leases"][0]
            self.assertEqual((lease["what"], lease["reason"]), (given, "the client has it"))
            self.assertEqual(answer["arguments"]["selection"]["subnet"], 1)
        after = dict(service.statistics), await service.leases.page(None, 10), len(service.site.offers)
        self.assertEqual(after, before)

    # -- changing ------------------------------------------------------------------------------------------------------

    async def test_reload(self) -> None:
        """A reload puts a changed file into force, keeps leases and counters, and forgets what is gone."""
        self.configure(self.family.SUBNET, self.family.SECOND)
        service = await self.start()
        given = await self.lease(1)
        self.configure(self.family.SUBNET, {**self.family.SECOND, "id": 3}, valid_lifetime=1200)
        await service.reload()
        self.assertEqual([subnet.id for subnet in service.configuration.subnets], [1, 3])
        assigned = self.family.ASSIGNED
        self.assertEqual(service.statistics[f"subnet[1].{assigned}"], 1)
        self.assertIn(f"subnet[3].{assigned}", service.statistics)
        self.assertNotIn(f"subnet[2].{assigned}", service.statistics)
        self.assertEqual(await self.renew(1, given), (given, 1200))
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
        self.assertEqual(await self.lease(1), self.family.FIRST)
        self.assertEqual(self.lines().count(self.message("DYNAMIC_RECONFIGURATION_FAIL")), 2)

    async def test_hooks(self) -> None:
        """Libraries have their say from the start on, and after a reload; a wrong one changes nothing."""
        code = {4: 230, 6: 4242}[self.family.number]

        def library(value: str) -> dict[str, Any]:
            entry = {"code": code, "add": value}
            return {"library": "/usr/lib/libdhcp_flex_option.so", "parameters": {"options": [entry]}}

        async def told() -> bytes:
            sent = await self.ask(self.family.offer(1))
            assert sent is not None
            reading = answer(sent) if self.family.number == 4 else answer6(sent)
            return reading.options[code]

        self.configure(hooks_libraries=[library("'one'")])
        service = await self.start()
        found = [await told()]
        self.configure(hooks_libraries=[library("'two'")])
        await service.reload()
        found.append(await told())
        self.configure(hooks_libraries=[library("two")])
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), TxkeaError)
        found.append(await told())
        self.assertEqual(found, [b"one", b"two", b"two"])
        self.assertIn("hooks-libraries[0].parameters.options[0].add: ", self.lines())
        with open(self.path, encoding="utf-8") as file:
            document = json.load(file)
        await self.assertFailure(Deferred.fromCoroutine(service.test(document)), ConfigErrors)
        document[self.top]["hooks-libraries"] = [{"library": "no.such.Provider"}]
        self.assertEqual((await service.test(document)).hooks[0].name, "no.such.Provider")

    async def test_other_store(self) -> None:
        """A reload may move to another lease file; the old one is let go."""
        self.configure()
        service = await self.start()
        await self.lease(1)
        self.configure(lease_database={"type": "memfile", "name": "other.csv", "lfc-interval": 0})
        await service.reload()
        self.assertEqual(service.statistics[self.family.ASSIGNED], 0)
        await self.lease(2)
        self.configure()
        await service.reload()
        self.assertEqual(service.statistics[self.family.ASSIGNED], 1)

    async def test_own_keywords(self) -> None:
        """Our own keywords of a memfile are understood: no sync, no delay."""
        self.configure(lease_database={"type": "memfile", "name": "leases.csv", "sync": False, "commit-delay": 0.5})
        service = await self.start()
        self.assertEqual(await self.lease(1), self.family.FIRST)
        self.configure(lease_database={"type": "memfile", "name": "leases.csv", "commit-delay": -1})
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), ConfigErrors)

    async def test_same_file(self) -> None:
        """A reload may change the store's other parameters while it stays on its file."""
        self.configure()
        service = await self.start()
        await self.lease(1)
        self.configure(lease_database={"type": "memfile", "name": "leases.csv", "lfc-interval": 7200})
        await service.reload()
        self.assertEqual(service.statistics[self.family.ASSIGNED], 1)
        self.assertEqual(await self.lease(2), f"{self.family.FIRST[:-1]}1")

    async def test_store_that_cannot_open(self) -> None:
        """A reload to a lease file that cannot be opened changes nothing."""
        self.configure()
        service = await self.start()
        self.configure(lease_database={"type": "memfile", "name": "missing/other.csv"})
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), TxkeaError)
        self.assertEqual(await self.lease(1), self.family.FIRST)

    async def test_reloads_queue(self) -> None:
        """Reloads that come at once happen one after the other, and queries are answered meanwhile."""
        self.configure()
        service = await self.start()
        reloads = [Deferred.fromCoroutine(service.reload()) for _ in range(3)]
        await self.lease(1)
        for reload in reloads:
            await reload
        self.assertEqual(self.lines().count(self.message("DYNAMIC_RECONFIGURATION_SUCCESS")), 3)

    async def test_test(self) -> None:
        """A document is tested without being applied."""
        self.configure()
        service = await self.start()
        before = service.configuration
        tested = await service.test({self.top: {f"subnet{self.family.number}": [self.family.SECOND]}})
        self.assertEqual([subnet.id for subnet in tested.subnets], [2])
        await self.assertFailure(Deferred.fromCoroutine(service.test({self.top: {"nonsense": 1}})), ConfigErrors)
        self.assertIs(service.configuration, before)

    # -- ending --------------------------------------------------------------------------------------------------------

    async def test_stop(self) -> None:
        """A stopped service answers nobody, and its lease file holds what was acknowledged."""
        self.configure()
        service = await self.start()
        given = await self.lease(1)
        await service.stopService()
        self.assertEqual(self.network.sockets, ())
        with open(os.path.join(self.directory, "leases.csv"), encoding="utf-8") as file:
            self.assertIn(self.family.row(1, given), file.read())

    async def test_expiry(self) -> None:
        """A lease whose time is over is reclaimed by the timer, counted, and its address given to the next client."""
        self.configure(
            {**self.family.SUBNET, "pools": [{"pool": f"{self.family.FIRST} - {self.family.FIRST}"}]},
            valid_lifetime=1,
            expired_leases_processing={"reclaim-timer-wait-time": 1, "flush-reclaimed-timer-wait-time": 0},
        )
        service = await self.start()
        given = await self.lease(1)
        await self.until(lambda: service.statistics["reclaimed-leases"] == 1)
        self.assertEqual(service.statistics[self.family.ASSIGNED], 0)
        self.assertEqual(await self.lease(2), given)
        self.assertIn(f" ALLOC_ENGINE_V{self.family.number}_LEASE_RECLAIM ", self.lines())
        self.assertNotIn(f"_V{10 - self.family.number}_", self.lines())


class Service6Tests(ServiceTests):
    """The same for DHCPv6, and the server's DUID."""

    family = Family6()

    def file(self, directory: str = "") -> str:
        """Where the DUID is kept."""
        return os.path.join(self.directory, directory, "kea-dhcp6-serverid")

    def kept(self, directory: str = "") -> str:
        """The DUID in the file."""
        with open(self.file(directory), encoding="ascii") as file:
            return file.read()

    async def advertised(self) -> str:
        """The DUID that clients are told."""
        offered = await self.ask(self.family.offer(9))
        assert offered is not None
        return answer6(offered).options[Option6.SERVER_ID].hex(":")

    async def test_server_id(self) -> None:
        """B007-B009: the first start makes a DUID of link and time, which every later one has too."""
        self.configure()
        service = await self.start()
        made = await self.advertised()
        self.assertRegex(made, "^00:01:00:01:.*:02:00:00:00:00:01$")
        self.assertEqual(self.kept(), made)
        self.assertIn(f"DHCP6_USING_SERVERID server is using server-id {made}", self.lines())
        await service.stopService()
        await self.start()
        self.assertEqual((await self.advertised(), self.kept()), (made, made))

    async def test_server_id_of_kea(self) -> None:
        """B009: a DUID that Kea has made stays."""
        self.configure()
        former = "00:01:00:01:11:11:11:11:02:00:00:00:99:99"
        with open(self.file(), "w", encoding="ascii") as file:
            file.write(former)
        await self.start()
        self.assertEqual((await self.advertised(), self.kept()), (former, former))

    async def test_reloaded_server_id(self) -> None:
        """B009: a reload changes the DUID exactly when the configuration wants another."""
        self.configure(server_id={"type": "EN", "enterprise-id": 9, "persist": False})
        service = await self.start()
        made = await self.advertised()
        self.assertTrue(made.startswith("00:02:00:00:00:09:"))
        await service.reload()
        self.assertEqual((await self.advertised(), os.path.exists(self.file())), (made, False))
        self.configure(server_id={"type": "EN", "enterprise-id": 9})
        await service.reload()
        self.assertEqual((await self.advertised(), self.kept()), (made, made))
        self.configure(server_id={"type": "LL"})
        await service.reload()
        self.assertEqual(await self.advertised(), "00:03:00:01:02:00:00:00:00:01")
        self.assertEqual(self.kept(), await self.advertised())

    async def test_refused_server_id(self) -> None:
        """A reload that fails leaves the DUID and its file as they were, whatever failed."""
        self.configure()
        service = await self.start()
        made = await self.advertised()
        self.configure(server_id={"type": "LL"}, interfaces_config={"interfaces": ["eth9"]})
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), TxkeaError)
        self.assertEqual((await self.advertised(), self.kept()), (made, made))
        self.configure(server_id={"type": "LL"}, data_directory="missing")
        await self.assertFailure(Deferred.fromCoroutine(service.reload()), TxkeaError)
        self.assertEqual((await self.advertised(), self.kept()), (made, made))
        self.assertNotEqual(await self.lease(1), "")

    async def test_corrupted_server_id(self) -> None:
        """A file that holds no DUID stops the start, and is named."""
        self.configure()
        with open(self.file(), "w", encoding="ascii") as file:
            file.write("garbage")
        service = await self.start()
        self.assertEqual((service.exit_value, service.server.enabled, self.kept()), (1, False, "garbage"))
        self.assertIn(self.file(), self.failures[0])
        self.assertIn("DHCP6_INIT_FAIL", self.lines())

    async def test_data_directory(self) -> None:
        """B009: data-directory moves the DUID and a lease file without a name of its own; a reload moves with it."""
        for name in ("a", "b"):
            os.mkdir(os.path.join(self.directory, name))
        database = {"type": "memfile", "lfc-interval": 0}
        self.configure(data_directory=os.path.join(self.directory, "a"), lease_database=database)
        service = await self.start()
        made = await self.advertised()
        await self.lease(1)
        self.configure(data_directory=os.path.join(self.directory, "b"), lease_database=database)
        await service.reload()
        self.assertEqual(service.statistics["assigned-nas"], 0)
        self.assertEqual((self.kept("a"), self.kept("b"), await self.advertised()), (made, made, made))
        for name in ("a", "b"):
            self.assertIn("kea-leases6.csv", os.listdir(os.path.join(self.directory, name)))
