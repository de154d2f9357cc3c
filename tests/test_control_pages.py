"""The pages of a running server: what it tells Prometheus, and whoever listens to its events."""

from __future__ import annotations

import os
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread

from tests.servicing import Family6, ServiceCase, told
from tests.test_control_events import Reader
from txkea.service import KeaService


class PageTests(ServiceCase):
    """`KeaService.pages`, here of DHCPv4."""

    async def scrape(self, service: KeaService) -> dict[tuple[str, ...], float]:
        """The samples of a server's page by name and the values of their labels."""
        content: Any = await service.pages["/metrics"].get({})
        text = b"".join([piece async for piece in content.pieces]).decode()
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    async def test_metrics(self) -> None:
        """A running server's page has its leases and how long it waits for its lease file, and outlives a reload."""
        number = str(self.family.number)
        self.configure()
        service = await self.start()
        await self.scrape(service)
        service._metrics.timing.one_in = 1
        await self.lease(1)
        found = await self.scrape(service)
        self.assertEqual(found["txkea_subnet_addresses_assigned", number, "", "1"], 1)
        self.assertEqual(found["txkea_lease_store_call_duration_seconds_count", "memfile", number, "add"], 1)
        self.assertGreater(found["txkea_lease_store_call_duration_seconds_sum", "memfile", number, "add"], 0)
        self.configure(self.family.SUBNET, self.family.SECOND)
        await service.reload()
        found = await self.scrape(service)
        self.assertEqual(found["txkea_subnet_addresses_assigned", number, "", "2"], 0)
        began = found["txkea_start_time_seconds", number]
        self.assertGreater(found["txkea_configured_time_seconds", number], began)

    async def test_events(self) -> None:
        """Whoever listens to a running server is told of leases, of reconfigurations and of what switches it off."""
        event = f"lease{self.family.number}"
        self.configure(cache_threshold=0.0)
        service = await self.start()
        reader = Reader(service._events)
        address = await self.lease(1)
        self.configure(self.family.SUBNET, self.family.SECOND, cache_threshold=0.0)
        await service.reload()
        await self.renew(1, address)
        service.duty.disable("user")
        events: list[Any] = []

        def switched_off() -> bool:
            events.extend(reader.told())
            return bool(events[-1][1].get("state") == "dhcp-state")

        await self.until(switched_off)
        self.assertEqual(
            [data.get("change", data.get("state")) for _, data in events],
            ["subscribed", "granted", "reconfigured", "renewed", "dhcp-state"],
        )
        self.assertEqual([name for name, _ in events], ["state", event, "state", event, "state"])
        await service.stopService()
        self.assertEqual(reader.read(), "")
        self.assertTrue(reader.ended)

    async def test_commands(self) -> None:
        """A lease that a command deletes is told of; once nobody listens nobody observes."""
        directory = mkdtemp()
        self.addCleanup(rmtree, directory)
        path = os.path.join(directory, "control")
        self.configure(control_socket={"socket-type": "unix", "socket-name": path})
        service = await self.start()
        address = await self.lease(1)
        reader = Reader(service._events, events=f"lease{self.family.number}")
        command = {"command": f"lease{self.family.number}-del", "arguments": {"ip-address": address}}
        done: Deferred[Any] = deferToThread(told, path, command)
        self.assertEqual((await done)["result"], 0)
        self.assertEqual(reader.changes(), [("deleted", address)])
        reader.leave()
        self.assertEqual(service.site.observers, [])


class Page6Tests(PageTests):
    """The same for DHCPv6."""

    family = Family6()
