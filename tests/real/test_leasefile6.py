"""A DHCPv6 lease file moves from Kea to txkea and back, and every client keeps its address and prefix."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from tests.real.bindings6 import bindings
from tests.real.dialect6 import cid, ll, na, pd
from tests.real.load6 import Load6
from tests.real.moving import Moving
from tests.real.packets6 import DECLINE, RELEASE, RENEW, REPLY, REQUEST, SOLICIT, Answer, Option, Query
from tests.real.servers import KEA6, PRODUCTS6
from txkea.testing.namespaces import requires_root

OURS: Final = PRODUCTS6[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
DECLINED: Final = "2001:db8:0:1::1"
RELEASED: Final = "2001:db8:0:1::2"
RELEASED_PREFIX: Final = "2001:db8:80ff:ff00::/56"
SERVER_ID: Final[Option] = (2, bytes.fromhex("000200000001aa01"))
FOREVER: Final = (0xFFFFFFFF, 0xFFFFFFFF)
HWADDR, HOSTNAME = 79, 39

CONFIGURATION: Final[dict[str, Any]] = {
    "interfaces-config": {"interfaces": ["eth0/2001:db8::1"]},
    "lease-database": {"type": "memfile", "name": "@DIRECTORY@/leases.csv", "lfc-interval": 0},
    "expired-leases-processing": {"hold-reclaimed-time": 0, "reclaim-timer-wait-time": 3600},
    "server-id": {"type": "EN", "enterprise-id": 1, "identifier": "AA01", "persist": False},
    "preferred-lifetime": 3000,
    "max-preferred-lifetime": 4294967295,
    "valid-lifetime": 4000,
    "max-valid-lifetime": 4294967295,
    "subnet6": [
        {
            "id": 7,
            "subnet": "2001:db8::/32",
            "pools": [{"pool": "2001:db8::/61"}],
            "pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56}],
        }
    ],
    "loggers": [
        {"name": "kea-dhcp6", "severity": "INFO", "output_options": [{"output": "@DIRECTORY@/server.log"}]},
    ],
}
OLDEST: Final = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,"
    "hwaddr,state"
)
HEADERS: Final = {
    "3.0": OLDEST,
    "3.1": f"{OLDEST},user_context",
    "4.0": f"{OLDEST},user_context,hwtype,hwaddr_source",
    "5.0": f"{OLDEST},user_context,hwtype,hwaddr_source,pool_id",
}


class Sort(NamedTuple):
    """A sort of client."""

    duid: bytes
    """To which its number is added."""
    addresses: int
    """For how many, in as many associations, it asks."""
    prefixes: int
    times: tuple[int, int] = (0, 0)
    options: tuple[Option, ...] = ()


SORTS: Final = (
    Sort(ll(b"\2\0\0\0\0"), 1, 1),
    Sort(ll(b"\2\0\0\0\1"), 1, 0, options=((HOSTNAME, b"\0\4name\7example\3org\0"),)),
    Sort(b"\0\2\0\0\x09\xbf" + bytes(40), 0, 1),
    Sort(b"\0\4" + bytes(15), 1, 1, times=FOREVER),
    Sort(b"\0\1\0\1\1\2\3\4\2\0\0\0\2", 2, 2),
    Sort(b"\0\2\0\0\0\1id", 1, 0, options=((HOSTNAME, b"\1\4bare"),)),
)

Had = tuple[str, ...]
"""Addresses and prefixes of a client, those of its first association first."""


def identity(number: int) -> tuple[Option, ...]:
    sort = SORTS[number % len(SORTS)]
    return (cid(sort.duid + bytes((number,))), *sort.options)


def associations(had: Had, times: tuple[int, int] = (0, 0)) -> list[Option]:
    """An association for each address or prefix, with that in it."""
    addresses, prefixes = ([each for each in had if ("/" in each) == delegated] for delegated in (False, True))
    return [
        *(na(iaid, address, times=times) for iaid, address in enumerate(addresses, 1)),
        *(pd(iaid, prefix, times=times) for iaid, prefix in enumerate(prefixes, 1)),
    ]


class Moving6(Moving):
    """DHCPv6."""

    skip = requires_root("kea-dhcp6")
    server_address = "2001:db8::1/32"
    relay_address = "2001:db8::2/32"
    load_kind = Load6
    configuration = {"Dhcp6": CONFIGURATION}
    kea = KEA6
    expire = 3

    def give_up_some(self) -> None:
        self.take(REQUEST, 201, (DECLINED,))
        self.take(REQUEST, 200, (RELEASED, RELEASED_PREFIX))
        for kind, number, had in ((DECLINE, 201, (DECLINED,)), (RELEASE, 200, (RELEASED, RELEASED_PREFIX))):
            self.load.ask(Query(kind, (*identity(number), SERVER_ID, *associations(had))))

    def lease(self, number: int, turn: int, place: int) -> Had:
        sort = SORTS[number % len(SORTS)]
        addresses = [f"2001:db8:0:{2 + turn}::{place + 1:x}:{each + 1}" for each in range(sort.addresses)]
        prefixes = [f"2001:db8:80{turn:02x}:{place + 1 + 0x80 * each:x}00::/56" for each in range(sort.prefixes)]
        had = (*addresses, *prefixes)
        self.take(REQUEST, number, had)
        return had

    def renew(self, number: int, had: Had) -> None:
        self.take(RENEW, number, had)

    def take(self, kind: int, number: int, had: Had) -> None:
        """Ask for addresses and prefixes in a query of this type, and get them."""
        wanted = associations(had, SORTS[number % len(SORTS)].times)
        answer = self.load.ask(Query(kind, (*identity(number), SERVER_ID, *wanted)))
        self.assert_granted(answer, number, had)

    def assert_granted(self, answer: Answer | None, number: int, had: Had) -> None:
        assert answer is not None, f"client {number} gets no answer for {had}"
        granted = sorted(each.resource for each in bindings(answer) if each.valid)
        self.assertEqual((REPLY, sorted(had)), (answer.type, granted), f"client {number}")

    def assert_kept_from_strangers(self, owned: Mapping[int, Had]) -> None:
        taken = {DECLINED, *(each for had in owned.values() for each in had)}
        for resource in taken:
            self.assertNotIn(self.offered(resource), taken)
        for resource in (RELEASED, RELEASED_PREFIX):
            self.assertEqual(resource, self.offered(resource))

    def offered(self, resource: str) -> str:
        """What a stranger is offered who asks for an address or a prefix."""
        offer = self.load.ask(Query(SOLICIT, (cid(ll(b"\2strng")), *associations((resource,)))))
        assert offer is not None
        (binding,) = bindings(offer)
        return binding.resource

    def test_kea_to_ours_to_kea(self) -> None:
        """Kea, txkea, Kea: nobody loses an address, a prefix, a name, a DUID or a state."""
        self.move(KEA6, OURS, KEA6)

    def test_ours_to_kea_to_ours(self) -> None:
        """txkea, Kea, txkea: the same."""
        self.move(OURS, KEA6, OURS)

    def test_files_of_all_versions(self) -> None:
        """Files of Kea 1.4, 1.9, 2.2 and 3.0 are served from, and go on to Kea 2.2."""

        def renew() -> None:
            for number in range(1, 20):
                had = (f"2001:db8::{number:x}", f"2001:db8:8055:{number:x}00::/56")
                wanted = (cid(ll(b"\2\0\0\0\0" + bytes((number,)))), SERVER_ID, *associations(had))
                self.assert_granted(self.load.ask(Query(RENEW, wanted)), number, had)

        for header in HEADERS.values():
            rows = [old_rows(number, header) for number in range(1, 20)]
            self.serve_old_file(OURS, f"{header}\n" + "".join(rows), renew)


def old_rows(number: int, header: str) -> str:
    """An address and a prefix of a client."""
    duid, expire = ll(b"\2\0\0\0\0" + bytes((number,))).hex(":"), int(time.time()) + 3000
    places = ((f"2001:db8::{number:x}", 0, 128), (f"2001:db8:8055:{number:x}00::", 2, 56))
    fqdn, rest = ["0", "0", f"old-{number}"], [duid[12:], "0", "", "1", "2", "0"]
    rows = [
        [address, duid, "4000", str(expire), "7", "3000", str(kind), "1", str(length), *fqdn, *rest]
        for address, kind, length in places
    ]
    return "".join(",".join(row[: header.count(",") + 1]) + "\n" for row in rows)
