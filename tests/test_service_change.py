"""Live change: what runs is replaced by commands as a whole, or stays as it was."""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater

from tests.servicing import Family6, ServiceCase
from txkea.control.request import Request
from txkea.errors import TxkeaError
from txkea.service import KeaService


class ChangeTests(ServiceCase):
    """Commands that change a running server, here of DHCPv4."""

    async def run_command(self, service: KeaService, command: str, arguments: Any = None) -> Any:
        """What a command is answered."""
        answer = await service.registry.run(Request(command, arguments))
        return answer.result, answer.text, answer.arguments

    async def digest(self, service: KeaService) -> str:
        """The hash of the configuration in force."""
        found: str = (await self.run_command(service, "config-hash-get"))[2]["hash"]
        return found

    def document(self, *subnets: Any, **dhcp: Any) -> Any:
        """What `configure` writes."""
        self.configure(*subnets, **dhcp)
        with open(self.path, encoding="utf-8") as file:
            return json.load(file)

    async def test_set(self) -> None:
        """config-set is in force when it is answered: for queries, statistics, config-get and the hash."""
        self.configure()
        service = await self.start()
        given, before = await self.lease(1), await self.digest(service)
        document = self.document(self.family.SUBNET, self.family.SECOND, valid_lifetime=1200)
        result, text, arguments = await self.run_command(service, "config-set", document)
        self.assertEqual((result, text), (0, "Configuration successful."))
        self.assertEqual(arguments, {"hash": await self.digest(service)})
        self.assertNotEqual(arguments["hash"], before)
        self.assertEqual(await self.renew(1, given), (given, 1200))
        self.assertIn(f"subnet[2].{self.family.ASSIGNED}", service.statistics)
        shown = (await self.run_command(service, "config-get"))[2]
        self.assertEqual(shown[self.top]["valid-lifetime"], 1200)

    async def test_get_and_set(self) -> None:
        """What config-get gives can be set again, and then nothing has changed."""
        self.configure(self.family.SUBNET, self.family.SECOND)
        service = await self.start()
        before = await self.digest(service)
        shown = json.loads(json.dumps((await self.run_command(service, "config-get"))[2]))
        self.assertEqual((await self.run_command(service, "config-set", shown))[0], 0)
        self.assertEqual(await self.digest(service), before)

    async def test_refused(self) -> None:
        """What is broken in whatever way leaves hash, sockets, control channel and leases as they were."""
        self.configure(cache_threshold=0.0)
        service = await self.start()
        given, before = await self.lease(1), await self.digest(service)
        sockets = self.network.sockets
        missing = os.path.join(self.directory, "missing")
        broken = (
            {"interfaces_config": {"interfaces": ["eth9"]}},
            {"control_socket": {"socket-type": "unix", "socket-name": os.path.join(missing, "socket")}},
            {"control_socket": {"socket-type": "unix", "socket-name": "x" * 200}},
            {"lease_database": {"type": "memfile", "name": os.path.join(missing, "leases.csv")}},
            {"lease_database": {"type": "os.path.Provider"}},
            {"hooks_libraries": [{"library": "os.path.Provider"}]},
            {"valid_lifetime": "soon"},
            {"client_classes": [{"name": "a", "test": "member('missing')"}]},
            {f"subnet{self.family.number}": [self.family.SUBNET, self.family.SUBNET]},
        )
        for keywords in broken:
            document = self.document(**{"valid_lifetime": 1200, **keywords})
            result, text, _ = await self.run_command(service, "config-set", document)
            self.assertEqual((result, bool(text)), (1, True), keywords)
            self.assertEqual(await self.digest(service), before, keywords)
            self.assertEqual(self.network.sockets, sockets, keywords)
            self.assertTrue(service.duty.on, keywords)
            self.assertEqual(await self.renew(1, given), (given, 600), keywords)

    async def test_strangers(self) -> None:
        """A command imports nothing: a provider that the file does not name is refused with the mend."""
        self.configure()
        service = await self.start()
        document = self.document(hooks_libraries=[{"library": "os.path.Provider"}])
        text = (await self.run_command(service, "config-set", document))[1]
        self.assertIn("os.path.Provider", text)
        self.assertIn("config-reload", text)

    async def test_edit(self) -> None:
        """An edit changes the configuration as it was written, and what it does not touch is inherited as before."""
        self.configure()
        service = await self.start()

        def edit(written: dict[str, Any]) -> str:
            written["valid-lifetime"] = 900
            return "edited"

        self.assertEqual(await service.change(edit), "edited")
        self.assertEqual(await self.renew(1, await self.lease(1)), (self.family.FIRST, 900))
        self.assertEqual(service.configuration.subnets[0].parameters.valid_lifetime.default, 900)

    async def test_refused_edit(self) -> None:
        """An edit that raises, or whose result is wrong, changes nothing, not even what the next one finds."""
        self.configure()
        service = await self.start()
        before = await self.digest(service)

        def wrong(written: dict[str, Any]) -> None:
            written["valid-lifetime"] = "soon"

        def refusing(written: dict[str, Any]) -> None:
            written.clear()
            raise TxkeaError("no")

        for edit in (wrong, refusing):
            await self.assertFailure(Deferred.fromCoroutine(service.change(edit)), TxkeaError)
        await service.change(lambda written: None)
        self.assertEqual(await self.digest(service), before)

    async def test_together(self) -> None:
        """Edits that are asked for at once happen one after the other; none is lost."""
        self.configure(valid_lifetime=100)
        service = await self.start()

        def edit(written: dict[str, Any]) -> None:
            written["valid-lifetime"] += 1

        await gatherResults([Deferred.fromCoroutine(service.change(edit)) for _ in range(8)])
        self.assertEqual(service.configuration.written[self.top]["valid-lifetime"], 108)

    async def test_write(self) -> None:
        """config-write makes a change permanent, leaves other servers' maps alone, and stays in the directory."""
        self.configure()
        with open(self.path, encoding="utf-8") as file:
            whole = {**json.load(file), "DhcpDdns": {"port": 53001}}
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(whole, file)
        service = await self.start()
        await service.change(lambda written: written.update({"valid-lifetime": 900}))
        result, text, arguments = await self.run_command(service, "config-write")
        self.assertEqual((result, text), (0, f"Configuration written to {self.path} successful"))
        self.assertEqual(arguments, {"filename": self.path, "size": os.path.getsize(self.path)})
        before = await self.digest(service)
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(json.load(file)["DhcpDdns"], {"port": 53001})
        await service.reload()
        self.assertEqual(await self.digest(service), before)
        other = (await self.run_command(service, "config-write", {"filename": "other.conf"}))[2]["filename"]
        self.assertEqual(other, os.path.join(self.directory, "other.conf"))
        for name in ("../escaped.conf", "/etc/escaped.conf", "leases.csv"):
            self.assertEqual((await self.run_command(service, "config-write", {"filename": name}))[0], 1, name)

    async def test_duty(self) -> None:
        """A service that is switched off answers nobody, counts that, and is on again in time or when told."""
        self.configure()
        service = await self.start()
        number = self.family.number
        answer = await self.run_command(service, "dhcp-disable", {"max-period": 1})
        self.assertEqual(answer, (0, f"DHCPv{number} service disabled for 1 seconds", None))
        self.assertIsNone(await self.ask(self.family.offer(1)))
        self.assertEqual(service.statistics[f"pkt{number}-service-disabled"], 1)
        state = (await self.run_command(service, "status-get"))[2]["dhcp-state"]
        self.assertEqual((state["disabled-by-user"], state["globally-disabled"]), (True, True))
        await self.until(lambda: service.duty.on)
        self.assertNotEqual(await self.lease(1), "")
        self.assertEqual((await self.run_command(service, "dhcp-disable"))[1], f"DHCPv{number} service disabled")
        enabled = await self.run_command(service, "dhcp-enable")
        self.assertEqual(enabled, (0, "DHCP service successfully enabled", None))
        self.assertNotEqual(await self.lease(1), "")

    async def test_duty_through_a_change(self) -> None:
        """A service that is switched off stays so through a change of everything, its lease file included."""
        self.configure()
        service = await self.start()
        await self.run_command(service, "dhcp-disable")
        document = self.document(lease_database={"type": "memfile", "name": "others.csv", "lfc-interval": 0})
        self.assertEqual((await self.run_command(service, "config-set", document))[0], 0)
        self.assertIsNone(await self.ask(self.family.offer(1)))
        await self.run_command(service, "dhcp-enable")
        self.assertNotEqual(await self.lease(1), "")

    async def test_reclaim(self) -> None:
        """leases-reclaim reclaims all that is over at once; with remove the rows are gone."""
        self.configure(valid_lifetime=1)
        service = await self.start()
        await self.lease(1)
        await deferLater(reactor, 2.1, lambda: None)
        done = (0, "Reclamation of expired leases is complete.", None)
        self.assertEqual(await self.run_command(service, "leases-reclaim", {"remove": False}), done)
        self.assertEqual([lease.state for lease in await service.leases.page(None, 9)], [2])
        self.assertEqual(service.statistics["reclaimed-leases"], 1)
        await self.lease(1)
        await deferLater(reactor, 2.1, lambda: None)
        self.assertEqual(await self.run_command(service, "leases-reclaim", {"remove": True}), done)
        self.assertEqual(list(await service.leases.page(None, 9)), [])

    async def test_clean_up(self) -> None:
        """kea-lfc-start rids the lease file of superseded rows."""
        self.configure()
        service = await self.start()
        given = await self.lease(1)
        for _ in range(5):
            await self.renew(1, given)
        self.assertEqual((await self.run_command(service, "kea-lfc-start"))[0], 0)
        await self.until(lambda: os.path.exists(os.path.join(self.directory, "leases.csv.2")))

    async def test_interfaces(self) -> None:
        """interface-list tells the machine's links and which are served; interface-add is part of the configuration."""
        self.configure()
        service = await self.start()
        result, text, arguments = await self.run_command(service, "interface-list")
        used = {link["name"]: link["in-use"] for link in arguments["interfaces"]}
        self.assertEqual((result, text, used), (0, "2 interfaces detected.", {"lo": False, "eth0": True}))
        self.assertEqual(await self.run_command(service, "interface-redetect"), (result, text, arguments))
        self.assertEqual((await self.run_command(service, "interface-add", {"interfaces": ["eth9"]}))[0], 1)
        self.assertEqual((await self.run_command(service, "interface-add", {"interfaces": ["eth0"]}))[0], 1, "twice")
        await service.change(lambda written: written["interfaces-config"].update({"interfaces": []}))
        self.assertEqual((await self.run_command(service, "interface-add", {"interfaces": ["eth0"]}))[0], 0)
        self.assertEqual(service.configuration.written[self.top]["interfaces-config"]["interfaces"], ["eth0"])
        self.assertNotEqual(await self.lease(1), "")

    async def test_others(self) -> None:
        """server-tag-get, config-backend-pull and libreload answer as Kea does without databases."""
        self.configure(server_tag="east")
        service = await self.start()
        self.assertEqual(await self.run_command(service, "server-tag-get"), (0, None, {"server-tag": "east"}))
        self.assertEqual((await self.run_command(service, "config-backend-pull"))[0], 3)
        self.assertEqual((await self.run_command(service, "libreload"))[0], 0)


class Change6Tests(ChangeTests):
    """The same of DHCPv6."""

    family = Family6()
