"""A lease file moves from Kea to txkea and back, and every client keeps its address."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Final

from tests.real.dialect import sid, want
from tests.real.load4 import Load4
from tests.real.moving import Moving
from tests.real.packets import ACK, DECLINE, DISCOVER, RELEASE, REQUEST, Answer, Query, chaddr
from tests.real.servers import KEA4, PRODUCTS
from txkea.testing.namespaces import requires_root

OURS: Final = PRODUCTS[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
SERVER, RELAY = "10.0.0.1", "10.0.0.2"
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


class Moving4(Moving):
    """DHCPv4."""

    skip = requires_root("kea-dhcp4")
    server_address = f"{SERVER}/8"
    relay_address = f"{RELAY}/8"
    load_kind = Load4
    configuration = {"Dhcp4": CONFIGURATION}
    kea = KEA4
    expire = 4

    def give_up_some(self) -> None:
        for number, address in ((200, DECLINED), (201, RELEASED)):
            self.take(number, address)
        self.load.ask(Query(DECLINE, chaddr(200), (want(DECLINED), sid(SERVER), *identity(200))))
        self.load.ask(Query(RELEASE, chaddr(201), (sid(SERVER), *identity(201)), ciaddr=RELEASED))

    def lease(self, number: int, turn: int, place: int) -> str:
        address = f"10.16.{2 + turn}.{1 + place}"
        self.take(number, address)
        return address

    def take(self, number: int, address: str) -> None:
        answer = self.load.ask(Query(REQUEST, chaddr(number), (want(address), sid(SERVER), *identity(number))))
        self.assert_acknowledged(answer, number, address)

    def renew(self, number: int, had: str) -> None:
        answer = self.load.ask(Query(REQUEST, chaddr(number), identity(number), ciaddr=had))
        self.assert_acknowledged(answer, number, had)

    def assert_acknowledged(self, answer: Answer | None, number: int, address: str) -> None:
        assert answer is not None, f"client {number} gets no answer for {address}"
        self.assertEqual((ACK, address), (answer.type, answer.yiaddr), f"client {number}")

    def assert_kept_from_strangers(self, owned: Mapping[int, str]) -> None:
        for address in (*owned.values(), DECLINED):
            self.assertNotIn(self.offered(address), (*owned.values(), DECLINED))
        self.assertEqual(RELEASED, self.offered(RELEASED))

    def offered(self, address: str) -> str:
        """What a stranger is offered who asks for an address."""
        offer = self.load.ask(Query(DISCOVER, chaddr(9999), (want(address),)))
        assert offer is not None
        return str(offer.yiaddr)

    def test_kea_to_ours_to_kea(self) -> None:
        """Kea, txkea, Kea: nobody loses an address, a name, an identifier or a state."""
        self.move(KEA4, OURS, KEA4)

    def test_ours_to_kea_to_ours(self) -> None:
        """txkea, Kea, txkea: the same."""
        self.move(OURS, KEA4, OURS)

    def test_files_of_all_versions(self) -> None:
        """Files of Kea 1.4, 2.2 and 3.0 are served from, and go on to Kea 2.2."""

        def renew() -> None:
            for number in range(1, 20):
                answer = self.load.ask(Query(REQUEST, chaddr(number), ciaddr=f"10.16.5.{number}"))
                self.assert_acknowledged(answer, number, f"10.16.5.{number}")

        for header in HEADERS.values():
            rows = [old_row(number, header) for number in range(1, 20)]
            self.serve_old_file(OURS, f"{header}\n" + "".join(rows), renew)


def old_row(number: int, header: str) -> str:
    hwaddr, expire = chaddr(number).hex(":"), int(time.time()) + 3000
    row = [f"10.16.5.{number}", hwaddr, "", "4000", str(expire), "7", "0", "0", f"old-{number}", "0", "", "0"]
    return ",".join(row[: header.count(",") + 1]) + "\n"
