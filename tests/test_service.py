"""The running server: started, reconfigured and ended as its process does it, on a network in memory."""

from __future__ import annotations

import json
import os
import tempfile
from shutil import rmtree
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.servicing import Family6, ServiceCase, told
from txkea.errors import ConfigErrors, NoSuchProvider, TxkeaError
from txkea.testing.clients4 import answer
from txkea.testing.clients6 import answer6
from txkea.wire.dhcp6 import Option6


class ServiceTests(ServiceCase):
    """`KeaService`, here of DHCPv4."""

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
        absent = service.test({self.top: {"lease-database": {"type": "absent"}}})
        await self.assertFailure(Deferred.fromCoroutine(absent), NoSuchProvider)
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
