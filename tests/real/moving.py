"""Lease files that move between Kea and txkea, whatever their family."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real.load import Load
from tests.real.servers import Product, Server
from txkea.testing.namespaces import Lab, Port, wait_for

__all__ = ["CLIENTS", "Moving"]

CLIENTS: Final = 40


class Moving(SynchronousTestCase):
    """Servers that take over each other's lease file; `move` and `serve_old_file` are what tests promise."""

    server_address = ""
    relay_address = ""
    """Both with the length of the link's prefix."""
    load_kind: type[Load[Any]]
    configuration: dict[str, Any]
    expire = 0
    """The number of the column that a renewal changes."""
    kea: Product

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        self.there, here = lab.namespace("server"), lab.namespace("clients")
        lab.veth(Port(self.there, "eth0", [self.server_address]), Port(here, "eth0", [self.relay_address]))
        for namespace in (self.there, here):
            namespace.wait_for_addresses()
        local, server = (each.partition("/")[0] for each in (self.relay_address, self.server_address))
        self.load: Any = self.load_kind(here, local, server, 1, 0)
        self.addCleanup(self.load.close)

    def server(self, product: Product) -> Server:
        server = Server(product, json.dumps(self.configuration), Path(self.mktemp()), self.there)
        self.addCleanup(server.close)
        return server

    def take_over(self, before: Server, product: Product) -> Server:
        """Stop a server; start another in its place, with its lease file."""
        before.stop()
        wait_for(lambda: not before.cleaning(), "the clean-up to end", 20)
        after = self.server(product)
        for path in before.directory.glob("leases.csv*"):
            shutil.copy(path, after.directory)
        after.start()
        return after

    def move(self, *products: Product) -> None:
        """Leases made by the first server are kept by all that follow; each makes some more."""
        server = self.server(products[0])
        owned: dict[int, Any] = {}
        server.start()
        self.give_up_some()
        for turn, product in enumerate(products):
            if turn:
                rows = self.facts(server)
                server = self.take_over(server, product)
                for number, had in owned.items():
                    self.renew(number, had)
                self.assert_kept_from_strangers(owned)
                self.assertEqual(rows, self.facts(server), "columns changed on the way")
            for place in range(CLIENTS):
                number = turn * CLIENTS + place
                owned[number] = self.lease(number, turn, place)
        server.stop()

    def facts(self, server: Server) -> dict[str, tuple[str, ...]]:
        """What stands in the lease file about each address or prefix, but for the time."""
        rows = wait_for(server.lease_rows, "lease rows")
        return {address: (*row[1 : self.expire], *row[self.expire + 1 :]) for address, row in rows.items()}

    def serve_old_file(self, product: Product, text: str, renew: Callable[[], None]) -> None:
        """A lease file of some Kea is served from, and goes on to Kea 2.2; ``renew`` must succeed with both."""
        server = self.server(product)
        server.leases.write_text(text)
        server.start()
        renew()
        server = self.take_over(server, self.kea)
        renew()
        server.stop()

    def give_up_some(self) -> None:
        """Have one client decline what it was leased, another release it."""
        raise NotImplementedError

    def lease(self, number: int, turn: int, place: int) -> Any:
        """Have a client lease what nobody else asks for; gives that."""
        raise NotImplementedError

    def renew(self, number: int, had: Any) -> None:
        """Have a client renew; it must keep what it had."""
        raise NotImplementedError

    def assert_kept_from_strangers(self, owned: Mapping[int, Any]) -> None:
        """A stranger is offered nothing that is leased or declined, but may have what was released."""
        raise NotImplementedError
