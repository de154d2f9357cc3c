"""Subnets, shared networks, classes and reservations of a running server are changed by command."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import SynchronousTestCase

from tests.editing import EditCase, EditedDaemon
from tests.servicing import Family6, ServiceCase
from txkea.config.load import configuration
from txkea.config.text import from_json, load
from txkea.control.classes import ClassCommands
from txkea.control.hosts import HostCommands
from txkea.control.networks import NetworkCommands
from txkea.control.request import Request
from txkea.control.subnets import SubnetCommands
from txkea.service import KeaService


class RunningTests(ServiceCase):
    """A server that serves while it is edited, here of DHCPv4."""

    def name(self, what: str) -> str:
        return f"subnet{self.family.number}-{what}"

    async def tell(self, service: KeaService, command: str, arguments: Any = None, result: int = 0) -> Any:
        """The arguments of an answer with this result."""
        answer = await service.registry.run(Request(command, arguments))
        self.assertEqual(answer.result, result, answer.text)
        return answer.arguments

    async def digest(self, service: KeaService) -> str:
        found: str = (await self.tell(service, "config-hash-get"))["hash"]
        return found

    async def test_subnet(self) -> None:
        """G063: a new subnet serves and counts when it is answered; deleted it does neither, and its leases stay."""
        self.configure(self.family.SECOND)
        service = await self.start()
        await self.tell(service, self.name("add"), {f"subnet{self.family.number}": [self.family.SUBNET]})
        address = await self.lease(1)
        self.assertEqual(address, self.family.FIRST)
        self.assertEqual(service.statistics[f"subnet[1].{self.family.ASSIGNED}"], 1)
        self.assertEqual(service.statistics[f"subnet[1].{self.family.ASSIGNED.replace('assigned', 'total')}"], 3)
        await self.tell(service, self.name("del"), {"id": 1})
        self.assertEqual([name for name in service.statistics if name.startswith("subnet[1].")], [])
        number = self.family.number
        leases = await self.tell(service, f"lease{number}-get", {"ip-address": address})
        self.assertEqual(leases["subnet-id"], 1)
        await self.tell(service, self.name("add"), {f"subnet{number}": [self.family.SUBNET]})
        self.assertEqual(service.statistics[f"subnet[1].{self.family.ASSIGNED}"], 1)
        self.assertEqual((await self.renew(1, address))[0], address)

    async def test_reservation(self) -> None:
        """A reservation holds for the next query, and no longer when it is deleted."""
        self.configure()
        service = await self.start()
        reserved = self.family.FIRST[:-1] + "2"
        key = "hw-address" if self.family.number == 4 else "duid"
        identifier = "02:00:00:00:00:05" if self.family.number == 4 else "00:03:00:01:02:00:00:00:00:05"
        address = {"ip-address": reserved} if self.family.number == 4 else {"ip-addresses": [reserved]}
        new = {"subnet-id": 1, key: identifier, **address}
        await self.tell(service, "reservation-add", {"reservation": new})
        self.assertEqual(await self.lease(5), reserved)
        await self.tell(service, "reservation-del", {"subnet-id": 1, "identifier-type": key, "identifier": identifier})
        self.assertEqual(await self.lease(6), self.family.FIRST)
        found = await self.tell(service, "reservation-get-page", {"limit": 5}, 3)
        self.assertEqual(found, {"hosts": [], "count": 0})

    async def test_class(self) -> None:
        """A class is in force when it is answered."""
        self.configure()
        service = await self.start()
        await self.tell(
            service, "class-add", {"client-classes": [{"name": "ours", "valid-lifetime": 90, "test": "1 == 1"}]}
        )
        self.assertIn((await self.renew(1, await self.lease(1)))[1], (90, 89))  # a second later a reused one has less
        await self.tell(service, "class-del", {"name": "ours"})
        self.assertEqual((await self.renew(1, self.family.FIRST))[1], 600)

    async def test_network(self) -> None:
        """A client is served from the other subnet of a network that was made by commands."""
        number = self.family.number
        self.configure(self.family.SUBNET, self.family.SECOND)
        service = await self.start()
        await self.tell(service, f"network{number}-add", {"shared-networks": [{"name": "floor"}]})
        for subnet_id in (1, 2):
            await self.tell(service, f"network{number}-subnet-add", {"name": "floor", "id": subnet_id})
        addresses = {await self.lease(client) for client in range(1, 6)}
        self.assertEqual(len(addresses), 5)
        other = ip_network(self.family.SECOND["subnet"])
        self.assertTrue(any(ip_address(address) in other for address in addresses))
        await self.tell(service, f"network{number}-del", {"name": "floor", "subnets-action": "delete"})
        self.assertEqual(service.configuration.subnets, ())

    async def test_untouched(self) -> None:
        """A subnet that an edit leaves alone goes on as it is: what it has given, believes and counts."""
        self.configure(self.family.SUBNET, self.family.SECOND)
        service = await self.start()
        given, subnets = await self.lease(1), service.site.subnets.by_id
        await self.tell(service, "reservation-add", {"reservation": {"subnet-id": 2, "hw-address": "01:02:03"}})
        self.assertIs(service.site.subnets.by_id[1], subnets[1])
        self.assertIsNot(service.site.subnets.by_id[2], subnets[2])
        self.assertEqual((await self.renew(1, given))[0], given)
        self.assertNotEqual(await self.lease(2), given)
        self.assertEqual(service.statistics[f"subnet[1].{self.family.ASSIGNED}"], 2)
        self.assertEqual(service.statistics[self.family.ASSIGNED], 2)

    async def test_refused(self) -> None:
        """A command that fails leaves the hash and what is written as they were."""
        number = self.family.number
        self.configure(self.family.SUBNET, self.family.SECOND)
        service = await self.start()
        before, written = await self.digest(service), service.configuration.written
        for command, arguments in (
            (self.name("add"), {f"subnet{number}": [self.family.SUBNET]}),
            (self.name("update"), {f"subnet{number}": [{**self.family.SUBNET, "pools": [{"pool": "x"}]}]}),
            (self.name("delta-add"), {f"subnet{number}": [{"id": 1, "valid-lifetime": -1}]}),
            (f"network{number}-add", {"shared-networks": [{"name": "floor", "nmae": 1}]}),
            ("class-add", {"client-classes": [{"name": "x", "test": "nonsense"}]}),
            ("reservation-add", {"reservation": {"subnet-id": 1, "hw-address": "01", "hostnmae": ""}}),
        ):
            await self.tell(service, command, arguments, 1)
            self.assertEqual(await self.digest(service), before)
            self.assertIs(service.configuration.written, written)

    async def test_together(self) -> None:
        """Commands that come at once are all done, one after the other."""
        self.configure()
        service = await self.start()
        news = [{"reservation": {"subnet-id": 1, "hw-address": f"06:00:00:00:00:{host:02x}"}} for host in range(20)]
        await gatherResults([Deferred.fromCoroutine(self.tell(service, "reservation-add", new)) for new in news])
        self.assertEqual(len(service.configuration.subnets[0].hosts), 20)

    async def test_permanent(self) -> None:
        """config-write makes what commands have changed permanent, as it was sent and inherited."""
        self.configure()
        service = await self.start()
        number = self.family.number
        new = {key: value for key, value in self.family.SECOND.items() if key != "id"}
        await self.tell(service, self.name("add"), {f"subnet{number}": [new]})
        await self.tell(service, "reservation-add", {"reservation": {"subnet-id": 2, "hw-address": "01:02:03"}})
        await self.tell(service, "class-add", {"client-classes": [{"name": "ours"}]})
        before = await self.digest(service)
        await self.tell(service, "config-write")
        with open(self.path, encoding="utf-8") as file:
            written = json.load(file)[self.top]
        wanted = {**new, "id": 2, "reservations": [{"hw-address": "01:02:03"}]}
        self.assertEqual(written[f"subnet{number}"], [self.family.SUBNET, wanted])
        await self.tell(service, "config-reload")
        self.assertEqual(await self.digest(service), before)
        self.assertEqual(service.configuration, configuration(load(self.path), number))


class Running6Tests(RunningTests):
    """The same of DHCPv6."""

    family = Family6()


class ManualTests(SynchronousTestCase):
    """The page of the manual."""

    def test_commands(self) -> None:
        """Every command of DHCPv4 that edits is explained, and no other."""
        daemon = EditedDaemon(4, {})
        providers = [each(daemon) for each in (SubnetCommands, NetworkCommands, ClassCommands, HostCommands)]
        page = Path(__file__).parents[1] / "doc" / "operator" / "live-change.rst"
        explained = re.findall(r"(?m)^``([a-z0-9-]+)``(?: \(.*\))?$", page.read_text(encoding="utf-8"))
        self.assertEqual(sorted(explained), sorted(name for each in providers for name in each.commands()))


class Draw(NamedTuple):
    """What one command is about."""

    number: int
    name: str
    client: int
    scope: int

    @property
    def key(self) -> tuple[int, int]:
        """A reservation."""
        return self.scope, self.client


class Model:
    """Subnets with their networks, networks, and reservations; each method gives the result of its command."""

    def __init__(self) -> None:
        self.subnets: dict[int, str] = {}
        self.networks: set[str] = set()
        self.hosts: set[tuple[int, int]] = set()

    def subnet_add(self, draw: Draw) -> int:
        if draw.number in self.subnets:
            return 1
        self.subnets[draw.number] = ""
        return 0

    def subnet_del(self, draw: Draw) -> int:
        if draw.number not in self.subnets:
            return 3
        del self.subnets[draw.number]
        self.hosts = {host for host in self.hosts if host[0] != draw.number}
        return 0

    def subnet_update(self, draw: Draw) -> int:
        return 0 if draw.number in self.subnets else 3

    def network_add(self, draw: Draw) -> int:
        if draw.name in self.networks:
            return 1
        self.networks.add(draw.name)
        return 0

    def network_del(self, draw: Draw) -> int:
        if draw.name not in self.networks:
            return 3
        self.networks.remove(draw.name)
        self.subnets = {number: "" if name == draw.name else name for number, name in self.subnets.items()}
        return 0

    def network_delete(self, draw: Draw) -> int:
        for number in [number for number, name in self.subnets.items() if name == draw.name]:
            self.subnet_del(draw._replace(number=number))
        return self.network_del(draw)

    def network_subnet_add(self, draw: Draw) -> int:
        if draw.name not in self.networks or draw.number not in self.subnets:
            return 3
        if self.subnets[draw.number]:
            return 1
        self.subnets[draw.number] = draw.name
        return 0

    def network_subnet_del(self, draw: Draw) -> int:
        if self.subnets.get(draw.number) != draw.name:
            return 3
        self.subnets[draw.number] = ""
        return 0

    def reservation_add(self, draw: Draw) -> int:
        if draw.key in self.hosts or (draw.scope and draw.scope not in self.subnets):
            return 1
        self.hosts.add(draw.key)
        return 0

    def reservation_del(self, draw: Draw) -> int:
        if draw.key not in self.hosts:
            return 3
        self.hosts.remove(draw.key)
        return 0

    def reservation_update(self, draw: Draw) -> int:
        return 0 if draw.key in self.hosts else 3


class SequenceTests(EditCase):
    """Commands one after the other, here of DHCPv4."""

    def commands(self, draw: Draw) -> dict[str, tuple[str, Any]]:
        """Command and arguments by the method of the model."""
        key, network = f"subnet{self.number}", f"network{self.number}"
        prefix = f"10.{draw.number}.0.0/16" if self.number == 4 else f"2001:db8:{draw.number:x}::/48"
        subnet, identifier = {"id": draw.number, "subnet": prefix}, f"02:0{draw.client}"
        reservation = {"subnet-id": draw.scope, "hw-address": identifier}
        both = {"name": draw.name, "id": draw.number}
        selector = {"subnet-id": draw.scope, "identifier-type": "hw-address", "identifier": identifier}
        return {
            "subnet_add": (f"{key}-add", {key: [subnet]}),
            "subnet_del": (f"{key}-del", {"id": draw.number}),
            "subnet_update": (f"{key}-update", {key: [{**subnet, "valid-lifetime": 60 + draw.client}]}),
            "network_add": (f"{network}-add", {"shared-networks": [{"name": draw.name}]}),
            "network_del": (f"{network}-del", {"name": draw.name}),
            "network_delete": (f"{network}-del", {"name": draw.name, "subnets-action": "delete"}),
            "network_subnet_add": (f"{network}-subnet-add", both),
            "network_subnet_del": (f"{network}-subnet-del", both),
            "reservation_add": ("reservation-add", {"reservation": reservation}),
            "reservation_del": ("reservation-del", selector),
            "reservation_update": ("reservation-update", {"reservation": {**reservation, "hostname": draw.name}}),
        }

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_sequences(self, data: st.DataObject) -> None:
        """Each command does what a model does or changes nothing, and what is in force is what is written."""
        self.begin(SubnetCommands)
        providers = (SubnetCommands, NetworkCommands, ClassCommands, HostCommands)
        self.registry.provide([each(self.daemon) for each in providers])
        model = Model()
        draws = st.builds(
            Draw, st.integers(1, 4), st.sampled_from(("x", "y")), st.integers(1, 3), st.sampled_from((0, 1, 2, 3))
        )
        for _ in range(data.draw(st.integers(1, 25))):
            draw, before = data.draw(draws), self.daemon.configuration
            method, (command, arguments) = data.draw(st.sampled_from(list(self.commands(draw).items())))
            wanted = getattr(model, method)(draw)
            self.assertEqual(self.ask(command, arguments)["result"], wanted, (command, arguments))
            self.check(model)
            if wanted:
                self.assertIs(self.daemon.configuration, before)

    def check(self, model: Model) -> None:
        """The configuration is that of the model, and that which its own document has when it is read anew."""
        found = self.daemon.configuration
        self.assertEqual({subnet.id: subnet.network_name for subnet in found.subnets}, model.subnets)
        self.assertEqual({network.name for network in found.networks}, model.networks)
        every = (*found.hosts, *(host for subnet in found.subnets for host in subnet.hosts))
        self.assertEqual({(host.subnet_id, host.identifier.value[1]) for host in every}, model.hosts)
        fresh = configuration(from_json(found.written), self.number)
        self.assertEqual(found, fresh)
        self.assertEqual(repr(found.tree), repr(fresh.tree))


class Sequence6Tests(SequenceTests):
    """The same of DHCPv6."""

    number = 6
