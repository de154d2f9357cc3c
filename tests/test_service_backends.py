"""A server whose lease store goes away and comes back: nobody else suffers, and nobody forgets."""

from __future__ import annotations

from typing import Any

import txkea.service
from tests.fragile import FRAGILE, FragileLeases
from tests.servicing import Family6, ServiceCase
from txkea.control.request import Request
from txkea.service import KeaService

__all__ = ["ServiceBackends4Tests", "ServiceBackends6Tests"]


class ServiceBackends4Tests(ServiceCase):
    """Here of DHCPv4."""

    def setUp(self) -> None:
        super().setUp()
        FRAGILE.forget()

    async def begin(self, **parameters: Any) -> tuple[KeaService, FragileLeases]:
        """A server over such a store."""
        self.configure(lease_database={"type": FRAGILE.name, "parameters": parameters})
        service = await self.start()
        return service, FRAGILE.made[-1]

    async def status(self, service: KeaService) -> Any:
        """What the server says of itself."""
        return (await service.registry.run(Request("status-get"))).arguments

    def stop_in_place_of_the_process(self, service: KeaService) -> list[int]:
        """What the server wants to end the process with."""
        ended: list[int] = []
        service.shutdown = ended.append  # type: ignore[method-assign, assignment]
        return ended

    async def test_served_meanwhile(self) -> None:
        """E009: with serve-retry-* queries that need the store are dropped and counted, commands are answered."""
        service, store = await self.begin()
        address = await self.lease(1)
        store.lose(stop=False)
        dropped = f"pkt{self.family.number}-receive-drop"
        before = service.statistics[dropped]
        self.assertIsNone(await self.ask(self.family.renewal(1, address)))
        self.assertEqual(service.statistics[dropped], before + 1)
        status = await self.status(service)
        self.assertEqual(status["databases-away"], [{"name": "fragile", "problem": "out of reach"}])
        self.assertIs(status["dhcp-state"]["globally-disabled"], False)
        store.find()
        self.assertEqual((await self.renew(1, address))[0], address)
        self.assertNotIn("databases-away", await self.status(service))

    async def test_no_line_each(self) -> None:
        """What the log said when the store went is not said again for every query."""
        _, store = await self.begin()
        store.lose(stop=False)
        for client in range(1, 4):
            await self.ask(self.family.offer(client))
        self.assertNotIn("ERROR", "".join(line for line in self.lines().splitlines() if "not answered" in line))

    async def test_nobody_served(self) -> None:
        """E063: with stop-retry-exit the service rests until the store is back, and status-get says why."""
        service, store = await self.begin()
        store.lose(stop=True)
        self.assertFalse(service.server.enabled)
        state = (await self.status(service))["dhcp-state"]
        self.assertEqual((state["disabled-by-db-connection"], state["globally-disabled"]), (True, True))
        await service.registry.run(Request("dhcp-enable"))
        self.assertFalse(service.server.enabled)
        store.find()
        self.assertTrue(service.server.enabled)
        await self.lease(1)

    async def test_gave_up(self) -> None:
        """E065: when the store's tries are spent the server ends, with a status that tells of it."""
        service, store = await self.begin()
        ended = self.stop_in_place_of_the_process(service)
        store.lose(stop=True)
        store.give_up()
        self.assertEqual(ended, [1])
        self.assertIn("tried in vain", self.lines())

    async def test_away_at_start(self) -> None:
        """E009: a store that is away when the server starts is learned of when it comes."""
        service, store = await self.begin()
        address = await self.lease(1)
        await service.stopService()
        service, store = await self.begin(away=True)
        self.assertTrue(service.server.enabled)
        self.assertEqual(service.statistics[self.family.ASSIGNED], 0)
        store.find()
        await self.until(lambda: service.statistics[self.family.ASSIGNED] == 1)
        self.assertNotEqual(await self.lease(2), address)

    async def test_changed_meanwhile(self) -> None:
        """A live change is made while the store is away; the new pools learn what is taken when it is back."""
        service, store = await self.begin()
        address = await self.lease(1)
        store.lose(stop=False)
        self.configure(self.family.SUBNET, self.family.SECOND, lease_database={"type": FRAGILE.name, "parameters": {}})
        await service.reload()
        store.find()
        self.assertEqual((await self.renew(1, address))[0], address)
        self.assertEqual(service.statistics[self.family.ASSIGNED], 1)

    async def test_moved(self) -> None:
        """A server that leaves a store which is away for another one serves again."""
        service, store = await self.begin()
        store.lose(stop=True)
        self.configure()
        await service.reload()
        self.assertTrue(service.server.enabled)
        self.assertNotIn("databases-away", await self.status(service))
        await self.lease(1)

    async def test_shared(self) -> None:
        """What other servers do to a shared store is in the statistics before long."""
        self.patch(txkea.service, "RECOUNT", 0.05)
        service, store = await self.begin(shared=True)
        address = await self.lease(1)
        statistics, name = service.statistics, f"subnet[1].{self.family.ASSIGNED}"
        self.assertEqual(statistics[name], 1)
        (lease,) = await store.page(None, 2)
        other = FRAGILE.leases.table
        neighbour = lease.address[:-1] + bytes((lease.address[-1] + 1,))
        other.add(lease._replace(address=neighbour, **{lease._fields[2]: b"another"}))
        await self.until(lambda: (statistics[name], statistics[self.family.ASSIGNED]) == (2, 2))
        other.remove(lease)
        await self.until(lambda: (statistics[name], statistics[self.family.ASSIGNED]) == (1, 1))
        self.assertEqual((await self.renew(1, address))[0], address)

    async def test_own_commands(self) -> None:
        """A store may have commands of its own; they go with it."""
        service, _ = await self.begin()
        self.assertIn("fragile-look", service.offered())
        self.configure()
        await service.reload()
        self.assertNotIn("fragile-look", service.offered())


class ServiceBackends6Tests(ServiceBackends4Tests):
    """The same of DHCPv6."""

    family = Family6()
