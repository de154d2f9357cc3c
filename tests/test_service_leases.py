"""Commands about leases of a running server: clients, statistics and the lease file are of one mind with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.servicing import Family6, ServiceCase
from txkea.control.request import Request
from txkea.service import KeaService

__all__ = ["ServiceLeases4Tests", "ServiceLeases6Tests"]


class ServiceLeases4Tests(ServiceCase):
    """Here of DHCPv4."""

    owner: dict[str, Any] = {"hw-address": "02:00:00:00:00:07"}

    async def run_command(self, service: KeaService, what: str, **arguments: Any) -> Any:
        """What a command about leases is answered; ``_`` stands for ``-``."""
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        return await service.registry.run(Request(f"lease{self.family.number}-{what}", named))

    async def test_entered(self) -> None:
        """An address that an operator has entered is given to nobody else; one that is deleted is given again."""
        self.configure()
        service = await self.start()
        first = self.family.FIRST
        added = await self.run_command(service, "add", ip_address=first, **self.owner)
        self.assertEqual(added.result, 0, added.text)
        self.assertEqual(service.statistics[f"subnet[1].{self.family.ASSIGNED}"], 1)
        self.assertNotIn(first, [await self.lease(1), await self.lease(2)])
        self.assertEqual(service.statistics[self.family.ASSIGNED], 3)
        self.assertIsNone(self.address_of(await self.ask(self.family.offer(3))))
        await self.run_command(service, "del", ip_address=first)
        self.assertEqual(service.statistics[self.family.ASSIGNED], 2)
        self.assertEqual(await self.lease(3), first)

    def address_of(self, sent: Any) -> str | None:
        """What an offer offers, if there is one."""
        return None if sent is None else self.family.lease(sent)[0] or None

    async def test_kept(self) -> None:
        """What an operator enters outlives the server, as a client's lease does."""
        self.configure()
        service = await self.start()
        await self.run_command(service, "add", ip_address=self.family.FIRST, hostname="a", **self.owner)
        await service.stopService()
        found = await self.run_command(await self.start(), "get", ip_address=self.family.FIRST)
        self.assertEqual((found.result, found.arguments["hostname"]), (0, "a"))

    async def test_after_change(self) -> None:
        """Commands work with the configuration and the store that are in force now."""
        self.configure()
        service = await self.start()
        elsewhere = self.family.SECOND["pools"][0]["pool"].split()[0]
        refused = await self.run_command(service, "add", ip_address=elsewhere, **self.owner)
        self.assertIn("in none of the subnets", refused.text)
        other = {"type": "memfile", "name": "other.csv", "lfc-interval": 0}
        self.configure(self.family.SUBNET, self.family.SECOND, lease_database=other)
        await service.reload()
        added = await self.run_command(service, "add", ip_address=elsewhere, **self.owner)
        self.assertIn("subnet-id 2", added.text)
        self.assertEqual(service.statistics[f"subnet[2].{self.family.ASSIGNED}"], 1)
        self.assertIn(elsewhere, (Path(self.directory) / "other.csv").read_text())

    async def test_written(self) -> None:
        """A file of all leases is one that another server begins with; the own ones are not touched."""
        self.configure()
        service = await self.start()
        address = await self.lease(1)
        number = self.family.number
        for name in (
            "leases.csv",
            "leases.csv.2",
            "kea-leases4.csv",
            "kea-leases6.csv.1",
            f"kea-dhcp{number}-serverid",
        ):
            refused = await self.run_command(service, "write", filename=name)
            self.assertEqual((refused.result, "another name" in refused.text), (1, True), refused.text)
        written = await self.run_command(service, "write", filename="copy.csv")
        self.assertEqual(written.result, 0, written.text)
        await service.stopService()
        self.configure(lease_database={"type": "memfile", "name": "copy.csv", "lfc-interval": 0})
        await self.start()
        self.assertEqual((await self.renew(1, address))[0], address)


class ServiceLeases6Tests(ServiceLeases4Tests):
    """The same for DHCPv6."""

    family = Family6()
    owner = {"duid": "00:03:00:01:02:00:00:00:00:07", "iaid": 1}
