"""A lease file moves from Kea to txkea and back, and every client keeps its address."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.real.dialect import sid, want
from tests.real.load4 import Load4
from tests.real.packets import ACK, DECLINE, DISCOVER, RELEASE, REQUEST, Answer, Query, chaddr
from tests.real.servers import KEA4, PRODUCTS, Product, Server
from txkea.testing.namespaces import Lab, Port, requires_root, wait_for

OURS: Final = PRODUCTS[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
SERVER, RELAY = "10.0.0.1", "10.0.0.2"
CLIENTS: Final = 40
DECLINED: Final = "10.16.1.1"
RELEASED: Final = "10.16.1.2"

CONFIGURATION: Final[dict[str, Any]] = {
    "interfaces-config": {"interfaces": ["eth0"]},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "expired-leases-processing": {"hold-reclaimed-time": 0, "reclaim-timer-wait-time": 3600},
    "valid-lifetime": 4000,
    "max-valid-lifetime": 4294967295,
    "subnet4": [{"id": 7, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.16.0.0/16"}]}],
    "loggers": [
        {"name": "kea-dhcp4", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
    ],
}
HEADERS: Final = {
    "Kea 1.4": "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state",
    "Kea 2.2": "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context",
    "Kea 3.0": "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"
    ",pool_id",
}


def identity(number: int) -> tuple[tuple[int, bytes], ...]:
    """Every sort of client: with and without identifier, with a name, a comma in it, an FQDN, a wish for ever."""
    sorts: tuple[tuple[tuple[int, bytes], ...], ...] = (
        (),
        ((61, b"\1" + chaddr(number)),),
        ((61, b"\xff" + bytes(range(40))), (12, b"host-%d" % number)),
        ((12, b"with,comma-%d" % number),),
        ((81, b"\5\0\0\4name\7example\3org\0"),),
        ((51, b"\xff\xff\xff\xff"),),
    )
    options = sorts[number % len(sorts)]
    return tuple((code, payload + bytes((number,))) if code == 61 else (code, payload) for code, payload in options)


class Moving(SynchronousTestCase):
    """Servers that take over each other's lease file."""

    skip = requires_root("kea-dhcp4")

    def setUp(self) -> None:
        lab = Lab()
        self.addCleanup(lab.close)
        self.there, here = lab.namespace("server"), lab.namespace("clients")
        lab.veth(Port(self.there, "eth0", [f"{SERVER}/8"]), Port(here, "eth0", [f"{RELAY}/8"]))
        self.load = Load4(here, RELAY, SERVER, 1, 0)
        self.addCleanup(self.load.close)

    def server(self, product: Product) -> Server:
        server = Server(product, json.dumps({"Dhcp4": CONFIGURATION}), Path(self.mktemp()), self.there)
        self.addCleanup(server.close)
        return server

    def lease(self, number: int, address: str) -> Answer:
        options = (want(address), sid(SERVER), *identity(number))
        answer = self.load.ask(Query(REQUEST, chaddr(number), options))
        assert answer is not None, f"no answer for {address}"
        self.assertEqual((ACK, address), (answer.type, answer.yiaddr))
        return answer

    def renew(self, number: int, address: str) -> None:
        answer = self.load.ask(Query(REQUEST, chaddr(number), identity(number), ciaddr=address))
        assert answer is not None, f"client {number} gets no answer for {address}"
        self.assertEqual((ACK, address), (answer.type, answer.yiaddr), f"client {number}")

    def take_over(self, before: Server, product: Product) -> Server:
        """Stop a server; start another in its place, with its lease file."""
        before.stop()
        after = self.server(product)
        for path in before.directory.glob("leases.csv*"):
            shutil.copy(path, after.directory)
        after.start()
        return after

    def assert_kept(self, server: Server, owned: dict[int, str]) -> None:
        """Everybody renews; a stranger gets no leased or declined address, but may have the released one."""
        for number, address in owned.items():
            self.renew(number, address)
        for address in (*owned.values(), DECLINED):
            offer = self.load.ask(Query(DISCOVER, chaddr(9999), (want(address),)))
            assert offer is not None
            self.assertNotIn(offer.yiaddr, (*owned.values(), DECLINED))
        offer = self.load.ask(Query(DISCOVER, chaddr(9999), (want(RELEASED),)))
        assert offer is not None
        self.assertEqual(RELEASED, offer.yiaddr)

    def move(self, *products: Product) -> None:
        """Leases made by the first server are kept by all that follow; each makes some more."""
        server = self.server(products[0])
        owned: dict[int, str] = {}
        server.start()
        for number, address in ((200, DECLINED), (201, RELEASED)):
            self.lease(number, address)
        self.load.ask(Query(DECLINE, chaddr(200), (want(DECLINED), sid(SERVER), *identity(200))))
        self.load.ask(Query(RELEASE, chaddr(201), (sid(SERVER), *identity(201)), ciaddr=RELEASED))
        for turn, product in enumerate(products):
            if turn:
                rows = facts(server)
                server = self.take_over(server, product)
                self.assert_kept(server, owned)
                self.assertEqual(rows, facts(server), "columns changed on the way")
            for number in range(turn * CLIENTS, (turn + 1) * CLIENTS):
                owned[number] = f"10.16.{2 + turn}.{1 + number % CLIENTS}"
                self.lease(number, owned[number])
        server.stop()

    def test_kea_to_ours_to_kea(self) -> None:
        """Kea, txkea, Kea: nobody loses an address, a name, an identifier or a state."""
        self.move(KEA4, OURS, KEA4)

    def test_ours_to_kea_to_ours(self) -> None:
        """txkea, Kea, txkea: the same."""
        self.move(OURS, KEA4, OURS)

    def test_files_of_all_versions(self) -> None:
        """Files of Kea 1.4, 2.2 and 3.0 are served from, and go on to Kea 2.2."""
        for version, header in HEADERS.items():
            server = self.server(OURS)
            server.leases.write_text(f"{header}\n" + "".join(old_row(number, header) for number in range(1, 20)))
            server.start()
            for number in range(1, 20):
                answer = self.load.ask(Query(REQUEST, chaddr(number), ciaddr=f"10.16.5.{number}"))
                assert answer is not None, f"{version}: no answer"
                self.assertEqual((ACK, f"10.16.5.{number}"), (answer.type, answer.yiaddr), version)
            server = self.take_over(server, KEA4)
            for number in range(1, 20):
                answer = self.load.ask(Query(REQUEST, chaddr(number), ciaddr=f"10.16.5.{number}"))
                assert answer is not None, f"{version}: no answer of Kea"
                self.assertEqual((ACK, f"10.16.5.{number}"), (answer.type, answer.yiaddr), version)
            server.stop()


def old_row(number: int, header: str) -> str:
    hwaddr, expire = chaddr(number).hex(":"), int(time.time()) + 3000
    row = [f"10.16.5.{number}", hwaddr, "", "4000", str(expire), "7", "0", "0", f"old-{number}", "0", "", "0"]
    return ",".join(row[: header.count(",") + 1]) + "\n"


def facts(server: Server) -> dict[str, tuple[str, ...]]:
    """What stands in the lease file about each address, but for the time."""
    rows = wait_for(server.lease_rows, "lease rows")
    return {address: (*row[1:4], *row[5:10]) for address, row in rows.items()}
