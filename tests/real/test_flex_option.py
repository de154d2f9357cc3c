"""Kea 2.2.0's library flex_option and txkea's change the same options of the same answers (Kea M044)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from glob import glob
from itertools import product
from typing import Any, Final

from tests.real import dialect6
from tests.real.arena4 import Arena4
from tests.real.arena6 import Arena6
from tests.real.compared import Compared, Family
from tests.real.configuration4 import configuration as configuration4
from tests.real.configuration6 import configuration as configuration6
from tests.real.dialect import DIRECT, RELAY, Case, Clients, Option, asking, want
from tests.real.differential import Known
from tests.real.known4 import KNOWN
from tests.real.packets import INFORM, REQUEST, suboptions
from tests.real.packets6 import SOLICIT
from tests.real.servers import KEA4, KEA6, PRODUCTS, PRODUCTS6
from txkea.testing.namespaces import requires_root

Tree = dict[str, Any]

ENTRIES4: Final[Sequence[Tree]] = (
    {"code": 67, "add": "ifelse(option[host-name].exists, concat(option[host-name].text, '.boot'), '')"},
    {"name": "domain-name", "add": "'added.example.net'"},
    {"name": "routers", "csv-format": True, "supersede": "ifelse(option[60].hex == 'a', '10.0.0.1, 10.0.0.2', '')"},
    {"code": 6, "supersede": "ifelse(option[60].hex == 'a', 0x01020304, '')"},
    {"code": 42, "remove": "option[60].hex == 'b'"},
    {"code": 26, "remove": "not option[60].exists"},
    {"code": 1, "csv-format": True, "supersede": "ifelse(relay4[1].exists, '255.255.255.255', '')"},
    {"code": 222, "add": "option[60].hex", "client-class": "VENDOR_CLASS_a"},
    {"code": 222, "supersede": "'guarded'", "client-class": "VENDOR_CLASS_b"},
    {"code": 230, "supersede": "substring(option[61].hex, 1, 3)"},
    {"code": 230, "remove": "option[60].hex == 'b'"},
    {"name": "domain-search", "csv-format": True, "supersede": "ifelse(option[60].hex == 'b', 'x.org, y.org', '')"},
    {"name": "triple", "csv-format": True, "supersede": "concat(concat('9, 192.0.2.9, ', option[60].text), '!')"},
    {"code": 231, "add": "concat(pkt4.mac, concat(pkt4.giaddr, pkt4.msgtype))"},
    {"code": 232, "add": "ifelse(member('ALL'), 'everybody', 'nobody')", "client-class": "UNKNOWN"},
    {"code": 56, "add": "ifelse(pkt4.msgtype == 3, 'requested', 'other')"},
    {
        "code": 43,
        "sub-options": [
            {"code": 7, "add": "'seven'"},
            {"code": 1, "supersede": "ifelse(option[60].hex == 'a', 'one', '')"},
            {"code": 8, "remove": "member('ALL')"},
            {"code": 9, "add": "'guarded'", "client-class": "VENDOR_CLASS_b"},
        ],
    },
    {"code": 226, "client-class": "VENDOR_CLASS_a", "sub-options": [{"name": "inner-one", "remove": "member('ALL')"}]},
    {
        "code": 125,
        "sub-options": [
            {"space": "vendor-4491", "code": 2, "add": "'tftp'"},
            {"space": "vendor-4491", "code": 3, "supersede": "option[60].hex", "container-add": False},
        ],
    },
)
"""Every action, with values of every kind, for clients of the vendor classes "a" and "b" and of none."""

ENTRIES6: Final[Sequence[Tree]] = (
    {"code": 23, "csv-format": True, "supersede": "ifelse(option[5000].hex == 'a', '2001:db8::1, 2001:db8::2', '')"},
    {"code": 24, "csv-format": True, "supersede": "ifelse(option[5000].hex == 'b', 'x.org, y.org', '')"},
    {"code": 31, "remove": "option[5000].exists"},
    {"code": 59, "add": "concat('http://', option[5000].hex)"},
    {"code": 41, "add": "'zone'"},
    {"code": 4242, "supersede": "concat(pkt6.msgtype, substring(option[1].hex, 0, 4))"},
    {"code": 4242, "remove": "option[5000].hex == 'b'"},
    {"code": 4243, "add": "ifelse(relay6[0].option[18].exists, relay6[0].option[18].hex, 'direct')"},
    {"code": 4244, "add": "'everybody'", "client-class": "ALL"},
    {"code": 4245, "add": "'nobody'", "client-class": "VENDOR_CLASS_a"},
    {"code": 17, "sub-options": [{"space": "vendor-4491", "code": 32, "add": "option[5000].hex"}]},
)


def library(entries: Sequence[Tree]) -> Tree:
    """The entry of ``hooks-libraries``."""
    found = glob("/usr/lib/*/kea/hooks/libdhcp_flex_option.so")
    return {"library": found[0] if found else "libdhcp_flex_option.so", "parameters": {"options": list(entries)}}


def flexible4(group: str) -> str:
    """A group's configuration with all of the entries, or with as many as the name says."""
    group, _, number = group.partition(" ")
    tree = json.loads(configuration4(group))
    tree["Dhcp4"]["hooks-libraries"] = [library(ENTRIES4[: int(number)] if number else ENTRIES4)]
    return json.dumps(tree)


def flexible6(group: str) -> str:
    """The same in DHCPv6."""
    group, _, number = group.partition(" ")
    tree = json.loads(configuration6(group))
    tree["Dhcp6"]["hooks-libraries"] = [library(ENTRIES6[: int(number)] if number else ENTRIES6)]
    return json.dumps(tree)


WISHES: Final = (asking(1, 3, 6, 15), asking(6, 12, 26, 42, 43, 66, 67, 119, 121, 222, 224, 226, 230))
KINDS: Final = ((), (b"a",), (b"b",))
"""What clients say of themselves, in option 60 or (of DHCPv6) 5000."""


def cases4(topics: Sequence[str]) -> list[Case]:
    """Leases, renewals, refusals and INFORMs of clients of every kind, on the link and behind a relay."""
    new = Clients()
    found: list[Case] = []
    for path, wish, kind, named in product((DIRECT, RELAY), WISHES, KINDS, (False, True)):
        more: tuple[Option, ...] = (*((60, each) for each in kind), wish)
        if named:
            more += ((12, b"pc"), (61, b"\1own" + bytes((len(found),))))
            more += ((82, suboptions((1, b"port7"))),) if path is RELAY else ()
        name = f"{path.name}, {kind}, named {named}, {len(wish[1])} wishes"
        c, other = new(), new()
        address = c.address(path.subnet)
        steps = (*path.lease(c, address, *more), path.renew(c, address, *more))
        found.append(Case(name, (*steps, path.send(c, REQUEST, want(other.address(path.subnet)), *more))))
        informing: dict[str, Any] = {} if path.relayed else {"source": other.address(path.subnet)}
        inform = path.send(other, INFORM, *more, ciaddr=other.address(path.subnet), **informing)
        found.append(Case(f"informs: {name}", (inform,)))
    return found


def cases6(topics: Sequence[str]) -> list[dialect6.Case]:
    """Leases, questions and offers to clients of every kind, on the link and behind a relay."""
    new, found = dialect6.Clients(), []
    wishes = (dialect6.asking(23), dialect6.asking(17, 23, 24, 31, 41, 59))
    for path, wish, kind in product((dialect6.DIRECT, dialect6.RELAY), wishes, KINDS):
        c, other = new(), new()
        more = (*((5000, each) for each in kind), wish)
        ias = (dialect6.na(1, c.address(path.subnet)), dialect6.pd(1, c.prefix(path.subnet)))
        several = (dialect6.na(1, other.address(path.subnet)), dialect6.na(2, other.address(path.subnet, 1)))
        name = f"{path.name}, {kind}, {len(wish[1])} wishes"
        found.append(dialect6.Case(name, path.lease(c, *more, *ias)))
        found.append(dialect6.Case(f"{name}, informs", (path.inform(*more),)))
        found.append(dialect6.Case(f"{name}, several", (path.send(other, SOLICIT, *more, *several),)))
    return found


UNRELATED: Final = {("informs: ", "option 1"), ("", "hwaddr to"), ("", "flags")}
KNOWN4: Final = (
    *[each for each in KNOWN if (each.case, each.field) in UNRELATED],
    Known("", "option 119", "RFC 3397 2: the search list is compressed"),
)
"""What has nothing to do with the library."""


class Flex4(Compared):
    """DHCPv4."""

    skip = requires_root("kea-dhcp4", "sysctl")
    family = Family(PRODUCTS, Arena4, flexible4, cases4, KNOWN4)

    def test_same(self) -> None:
        """Kea and txkea answer the same."""
        self.assert_known_occur(self.assert_same("main", "flex", queries=120))

    def test_a_difference_is_seen(self) -> None:
        """Kea with all entries differs from Kea with the first one, in the options that the others change."""
        found, _ = self.differences((KEA4, KEA4), ("main", "main 1"), cases4(()))
        wanted = {f"option {code}" for code in (1, 3, 6, 26, 42, 43, 56, 119, 125, 222, 224, 226, 230, 231, 232)}
        self.assertEqual(wanted - {each.field for each in found}, set())


class Flex6(Compared):
    """DHCPv6."""

    skip = requires_root("kea-dhcp6", "sysctl")
    family = Family(PRODUCTS6, Arena6, flexible6, cases6, ())

    def test_same(self) -> None:
        """Kea and txkea answer the same."""
        self.assert_same("main", "flex", queries=40)

    def test_a_difference_is_seen(self) -> None:
        """Kea with all entries differs from Kea with the first one, in the options that the others change."""
        found, _ = self.differences((KEA6, KEA6), ("main", "main 1"), cases6(()))
        wanted = {f"option {code}" for code in (17, 24, 41, 59, 4242, 4243, 4244)}
        self.assertEqual(wanted - {each.field for each in found}, set())
