"""Kea 2.2.0 itself as the judge of client classes, and of whom scopes are for."""

from __future__ import annotations

from typing import Any, Final

from twisted.trial.unittest import SynchronousTestCase

from tests.verdicts import LAX, NEWER, Judges, Snippet, differences, maps
from txkea.config.load import configuration
from txkea.config.text import from_json

SENT_AS_JSON: Final = "Kea takes an empty list in config-set, and an older txkea wrote one"
SERVED: Final = {"interfaces-config": {"interfaces": []}, "lease-database": {"type": "memfile", "persist": False}}


def classes(*texts: str) -> str:
    """Classes as members of the global map."""
    return maps("client-classes", *texts)


def a(text: str, differs: str = "") -> Snippet:
    """One class named ``a`` with these members."""
    return Snippet(classes(f'"name": "a", {text}'), differs)


def test(expression: str, differs: str = "") -> Snippet:
    """One class named ``a`` with a test, which is escaped as JSON wants it."""
    escaped = expression.replace('"', '\\"').replace("\n", "\\n")
    return a(f'"test": "{escaped}"', differs)


def in_class(options: str, definitions: str = "", outside: str = "") -> Snippet:
    """A class with one option and one definition, and one definition outside of it."""
    members = [maps(keyword, text) for keyword, text in (("option-def", definitions), ("option-data", options)) if text]
    around = [maps("option-def", outside)] if outside else []
    return Snippet(", ".join([*around, classes(", ".join(['"name": "a"', *members]))]))


COMMON: Final = [
    # Names.
    Snippet(classes('"name": "a"')),
    Snippet(classes("")),
    Snippet(classes('"name": ""')),
    Snippet(classes('"name": 1')),
    Snippet(classes('"test": "member(\'ALL\')"')),
    Snippet(classes('"name": "a b"')),
    Snippet(classes('"name": "a\'b"')),
    Snippet(classes('"name": "\\u00e9"')),
    Snippet(classes('"name": "a", "name": "b"')),
    Snippet(classes('"name": "a"', '"name": "a"')),
    Snippet(classes('"name": "a"', '"name": "a", "test": "member(\'ALL\')"')),
    Snippet(classes('"name": "a"', '"name": "A"')),
    Snippet(classes('"name": "a"') + ", " + classes('"name": "b"')),
    Snippet('"client-classes": []', SENT_AS_JSON),
    Snippet('"client-classes": {}'),
    Snippet('"client-classes": ["a"]'),
    Snippet('"client-classes": [null]'),
    # Built-in classes.
    *(Snippet(classes(f'"name": "{name}"')) for name in ("ALL", "KNOWN", "UNKNOWN", "BOOTP", "DROP", "SKIP_DDNS")),
    *(Snippet(classes(f'"name": "{name}_x"')) for name in ("VENDOR_CLASS", "HA", "AFTER", "EXTERNAL", "SPAWN_a")),
    *(
        Snippet(classes(f'"name": "{name}", "test": "option[1].exists"'))
        for name in ("ALL", "KNOWN", "UNKNOWN", "BOOTP", "DROP", "SKIP_DDNS", "VENDOR_CLASS_x", "HA_x")
    ),
    *(
        Snippet(classes(f'"name": "{name}", "only-if-required": true'))
        for name in ("ALL", "KNOWN", "UNKNOWN", "BOOTP", "DROP", "SKIP_DDNS", "VENDOR_CLASS_x", "HA_x")
    ),
    Snippet(classes('"name": "ALL", "only-if-required": false')),
    Snippet(classes('"name": "ALL", "test": ""')),
    Snippet(classes('"name": "ALL"', '"name": "ALL"')),
    # Who is a member of what.
    *(
        test(f"member('{name}')")
        for name in ("ALL", "KNOWN", "UNKNOWN", "BOOTP", "HA_x", "VENDOR_CLASS_x", "AFTER_x", "EXTERNAL_x")
    ),
    *(
        test(f"member('{name}')")
        for name in ("a", "b", "DROP", "SKIP_DDNS", "ha_x", "VENDOR_CLASS_", "HA_", " ALL", "")
    ),
    test("member('SPAWN_x_y')", NEWER),
    Snippet(classes('"name": "a", "test": "member(\'b\')"', '"name": "b"')),
    Snippet(classes('"name": "b"', '"name": "a", "test": "member(\'b\')"')),
    Snippet(classes('"name": "DROP"', '"name": "a", "test": "member(\'DROP\')"')),
    Snippet(classes('"name": "DROP", "test": "member(\'KNOWN\')"')),
    Snippet(classes('"name": "DROP", "test": "member(\'a\')"')),
    Snippet(classes('"name": "b", "only-if-required": true', '"name": "a", "test": "not member(\'b\')"')),
    Snippet(classes('"name": "b"', '"name": "c"', '"name": "a", "test": "member(\'b\') and not member(\'c\')"')),
    # Tests.
    test("option[60].exists"),
    test("option[60].exist"),
    test(""),
    test(" "),
    test("known"),
    test("0x"),
    test("option[60].text"),
    test("(option[60].exists)"),
    test("(option[60].exists"),
    test("option[60].text == 'a'\n and member('ALL')"),
    test('option[60].text == "a"'),
    test("substring(option[60].hex, 0, all) == 0x1"),
    test("option[60].text + 'b' == 'ab'"),
    test("split(option[60].text, 'a', 1) == 'a'"),
    test("lcase(option[60].text) == 'a'", NEWER),
    test("match('a', option[60].text)", NEWER),
    test("member(ALL)"),
    test("not not member('KNOWN')"),
    test("ifelse(option[60].exists, 'a', 'b') == 'a'"),
    test("pkt.iface == 'eth0'"),
    test("option[undefined].exists"),
    a('"test": 1'),
    a('"test": null'),
    a('"test": "option[60].exists", "only-if-required": true'),
    a('"only-if-required": true'),
    a('"only-if-required": "true"'),
    a('"only-in-additional-list": true', NEWER),
    Snippet(classes('"name": "a", "only-in-additional-list": true, "only-if-required": true')),
    a('"template-test": "option[60].hex"', NEWER),
    a('"template-test": "option[60].exists"'),
    a('"template-test": "option[60].hex", "test": "option[60].exists"'),
    # Lifetimes.
    a('"valid-lifetime": 100'),
    a('"valid-lifetime": 0'),
    a('"valid-lifetime": "100"'),
    a('"valid-lifetime": 4294967295'),
    a('"valid-lifetime": 4294967296', LAX),
    a('"valid-lifetime": -1', LAX),
    a('"min-valid-lifetime": 50, "valid-lifetime": 100, "max-valid-lifetime": 200'),
    a('"min-valid-lifetime": 50'),
    a('"max-valid-lifetime": 50'),
    a('"min-valid-lifetime": 50, "max-valid-lifetime": 50'),
    a('"min-valid-lifetime": 200, "valid-lifetime": 100'),
    a('"max-valid-lifetime": 50, "valid-lifetime": 100'),
    a('"renew-timer": 100'),
    a('"interface": "eth0"'),
    a('"client-class": "b"'),
    a('"user-context": {"b": null}, "comment": "c"'),
    a('"user-context": "b"'),
    # Who may use what, but for subnets.
    Snippet('"shared-networks": [{"name": "n", "client-class": "a"}]'),
    Snippet('"shared-networks": [{"name": "n", "client-class": ""}]'),
    Snippet('"shared-networks": [{"name": "n", "client-classes": ["a"]}]', NEWER),
    Snippet('"shared-networks": [{"name": "n", "require-client-classes": ["a"]}]'),
    Snippet('"shared-networks": [{"name": "n", "require-client-classes": [""]}]'),
    Snippet('"shared-networks": [{"name": "n", "evaluate-additional-classes": ["a"]}]', NEWER),
    Snippet('"client-class": "a"'),
    Snippet('"require-client-classes": ["a"]'),
    Snippet('"early-global-reservations-lookup": true'),
    Snippet('"early-global-reservations-lookup": 1'),
    Snippet('"reservations": [{"duid": "0102", "client-classes": ["a"]}]'),
]
"""What both families have."""


def scopes(around: str) -> list[Snippet]:
    """Guards in a subnet or pool; ``around`` has ``%s`` where members go."""
    table = {
        '"client-class": "a"': "",
        '"client-class": ""': "",
        '"client-class": "KNOWN"': "",
        '"client-class": ["a"]': "",
        '"client-class": 1': "",
        '"client-class": "a", "client-class": "b"': "",
        '"client-class": "a", "client-classes": ["a"]': "",
        '"client-classes": ["a", "b"]': NEWER,
        '"client-classes": [""]': "",
        '"require-client-classes": ["a"]': "",
        '"require-client-classes": []': "",
        '"require-client-classes": ["a", "a"]': "",
        '"require-client-classes": ["a", ""]': "",
        '"require-client-classes": [1]': "",
        '"require-client-classes": "a"': "",
        '"evaluate-additional-classes": ["a"]': NEWER,
        '"require-client-classes": ["a"], "evaluate-additional-classes": ["a"]': "",
    }
    return [Snippet(around % text, differs) for text, differs in table.items()]


def reserved(around: str) -> list[Snippet]:
    """Classes of reservations; ``around`` has ``%s`` where members go."""
    table = {
        '"client-classes": ["a"]': "",
        '"client-classes": ["KNOWN"]': "",
        '"client-classes": []': NEWER,
        '"client-classes": [""]': NEWER,
        '"client-classes": ["a", "a"]': "",
        '"client-classes": "a"': "",
        '"client-classes": [1]': "",
        '"client-class": "a"': "",
        '"hostname": "h", "client-classes": [""]': "",
        '"hostname": "h", "client-classes": ["", "a"]': "",
        '"require-client-classes": ["a"]': "",
    }
    return [Snippet(around % text, differs) for text, differs in table.items()]


X: Final = '"name": "x", "code": 224, "type": "uint8"'
DATA: Final = '"name": "x", "data": "1"'
NAMED: Final = '"name": "a"'
TESTED: Final = '"test": "option[x].exists"'
DEFINED: Final = maps("option-def", X)
HAS: Final = maps("option-data", DATA)

SNIPPETS4: Final = [
    *COMMON,
    *scopes('"subnet4": [{"id": 1, "subnet": "192.0.2.0/24", %s}]'),
    *scopes('"subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.0/28", %s}]}]'),
    *reserved('"subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "reservations": [{"hw-address": "010203040506", %s}]}]'),
    test("pkt4.mac == 0x010203040506"),
    test("addrtotext(pkt4.giaddr) == '192.0.2.1'"),
    test("hexstring(pkt4.mac, ':') == 'a'"),
    test("relay4[1].hex == 'a'"),
    test("vendor[4491].option[1].exists"),
    test("pkt6.msgtype == 1"),
    test("relay6[0].peeraddr == 2001:db8::1"),
    test("option[255].exists"),
    test("option[256].exists"),
    test("option[host-name].exists"),
    test("option[Host-Name].exists"),
    a('"preferred-lifetime": 100'),
    a('"offer-lifetime": 100', NEWER),
    a('"next-server": "192.0.2.1"'),
    a('"next-server": "0.0.0.0"'),
    a('"next-server": ""'),
    a('"next-server": "1"'),
    a('"next-server": "255.255.255.255"'),
    a('"next-server": "2001:db8::1"'),
    a(f'"server-hostname": "{"h" * 63}"'),
    a(f'"server-hostname": "{"h" * 64}"'),
    a(f'"boot-file-name": "{"b" * 127}"'),
    a(f'"boot-file-name": "{"b" * 128}"', LAX),
    a('"server-hostname": "", "boot-file-name": ""'),
    # Options and their definitions.
    a('"option-data": [], "option-def": []'),
    a('"option-data": {}'),
    a('"option-def": {}'),
    in_class('"name": "routers", "data": "192.0.2.1"'),
    in_class('"name": "routers", "data": "192.0.2.1", "always-send": true'),
    in_class('"name": "router", "data": "192.0.2.1"'),
    in_class('"name": "routers", "data": "x"'),
    in_class('"name": "x", "space": "b", "data": "1"'),
    in_class('"name": "x", "space": "b", "data": "1"', outside='"name": "x", "space": "b", "code": 1, "type": "uint8"'),
    *(
        a(f'"option-def": [{{{text}}}]')
        for text in (
            X,
            '"name": "x", "code": 43, "type": "uint8"',
            '"name": "x", "code": 254, "type": "uint8"',
            '"name": "x", "code": 223, "type": "uint8"',
            '"name": "x", "code": 3, "type": "uint8"',
            '"name": "x", "code": 0, "type": "uint8"',
            '"name": "x", "code": 255, "type": "uint8"',
            '"name": "x", "code": 1, "space": "b", "type": "uint8"',
            '"name": "x", "code": 224, "space": "dhcp6", "type": "uint8"',
            '"name": "x", "code": 224',
            '"name": "a b", "code": 224, "type": "uint8"',
            '"name": "routers", "code": 224, "type": "uint8"',
            '"name": "vendor-encapsulated-options", "code": 224, "type": "uint8"',
            '"name": "x", "code": 224, "type": "record", "record-types": "uint8, string"',
            '"name": "x", "code": 224, "type": "empty", "encapsulate": "dhcp4"',
            '"name": "x", "code": 43, "type": "empty", "encapsulate": "b", "array": true',
        )
    ),
    a(f'"option-def": [{{{X}}}, {{"name": "y", "code": 224, "type": "uint8"}}]'),
    a(f'"option-def": [{{{X}}}, {{"name": "x", "code": 225, "type": "uint8"}}]'),
    in_class(DATA, X),
    a(f'"option-data": [{{{DATA}}}], "option-def": [{{{X}}}]'),
    in_class('"name": "x", "data": "abc"', '"name": "x", "code": 224, "type": "string"', X),
    in_class('"name": "x", "data": "abc"', outside=X),
    in_class(DATA, '"name": "y", "code": 224, "type": "string"', X),
    in_class(DATA, '"name": "x", "code": 225, "type": "uint8"', '"name": "x", "code": 224, "type": "ipv4-address"'),
    in_class('"code": 43, "data": "1"', '"name": "y", "code": 43, "type": "uint8"'),
    in_class('"name": "vendor-encapsulated-options"', '"name": "y", "code": 43, "type": "uint8"'),
    in_class('"name": "vendor-encapsulated-options", "data": "1"', '"name": "y", "code": 43, "type": "uint8"'),
    in_class('"name": "vendor-encapsulated-options", "code": 43', '"name": "y", "code": 43, "type": "uint8"'),
    in_class('"code": 43, "csv-format": false, "data": "0102"'),
    in_class('"code": 43, "data": "0102"'),
    in_class(
        '"name": "vendor-encapsulated-options"',
        '"name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "339"',
    ),
    Snippet(classes(f'"name": "a", {DEFINED}', f'"name": "b", {HAS}')),
    Snippet(f"{classes(f'{NAMED}, {DEFINED}')}, {HAS}"),
    Snippet(classes(f'"name": "a", {DEFINED}, {TESTED}')),
    Snippet(f"{DEFINED}, {classes(f'{NAMED}, {TESTED}')}"),
    Snippet(f"{classes(f'{NAMED}, {TESTED}')}, {DEFINED}"),
    Snippet('"option-data": [{"name": "routers", "data": "192.0.2.1", "client-classes": ["a"]}]', NEWER),
    Snippet('"option-data": [{"name": "routers", "data": "192.0.2.1", "client-class": "a"}]'),
]

SNIPPETS6: Final = [
    *COMMON,
    *scopes('"subnet6": [{"id": 1, "subnet": "2001:db8::/32", %s}]'),
    *scopes('"subnet6": [{"id": 1, "subnet": "2001:db8::/32", "pools": [{"pool": "2001:db8::/64", %s}]}]'),
    *scopes(
        '"subnet6": [{"id": 1, "subnet": "2001:db8::/32",'
        ' "pd-pools": [{"prefix": "2001:db8:8::", "prefix-len": 48, "delegated-len": 64, %s}]}]'
    ),
    *reserved('"subnet6": [{"id": 1, "subnet": "2001:db8::/32", "reservations": [{"duid": "010203", %s}]}]'),
    test("pkt6.msgtype == 1"),
    test("relay6[0].peeraddr == 2001:db8::1"),
    test("relay6[-1].option[18].exists"),
    test("relay6[-33].option[18].exists"),
    test("relay6[32].option[18].exists"),
    test("vendor-class[4491].exists"),
    test("vendor.enterprise == 4491"),
    test("pkt.src == fe80::1"),
    test("pkt4.mac == 1"),
    test("relay4[1].exists"),
    test("option[65535].exists"),
    test("option[65536].exists"),
    test("option[dns-servers].exists"),
    test("option[domain-name-servers].exists"),
    a('"preferred-lifetime": 100'),
    a('"preferred-lifetime": 100, "valid-lifetime": 50'),
    a('"min-preferred-lifetime": 50, "preferred-lifetime": 100, "max-preferred-lifetime": 200'),
    a('"min-preferred-lifetime": 50'),
    a('"max-preferred-lifetime": 50'),
    a('"min-preferred-lifetime": 50, "max-preferred-lifetime": 50'),
    a('"min-preferred-lifetime": 200, "preferred-lifetime": 100'),
    a('"max-preferred-lifetime": 50, "preferred-lifetime": 100'),
    a('"offer-lifetime": 100'),
    a('"rapid-commit": true'),
    a('"next-server": "192.0.2.1"'),
    a('"server-hostname": "h"'),
    a('"boot-file-name": "b"'),
    a('"option-def": []'),
    a(DEFINED),
    a('"option-data": [{"name": "dns-servers", "data": "2001:db8::1"}]'),
    a('"option-data": [{"name": "routers", "data": "192.0.2.1"}]'),
    Snippet(f"{DEFINED}, {classes(f'{NAMED}, {HAS}')}"),
    Snippet(f"{DEFINED}, {classes(f'{NAMED}, {TESTED}')}"),
    Snippet('"option-data": [{"name": "dns-servers", "data": "2001:db8::1", "client-classes": ["a"]}]', NEWER),
]


GUARDED: Final[dict[str, Any]] = {"client-class": "a", "require-client-classes": ["b", "a", "b"]}

CLASSES: Final[list[dict[str, Any]]] = [
    {"name": "a"},
    {
        "name": "b",
        "test": "option[60].exists",
        "only-if-required": True,
        "valid-lifetime": 100,
        "min-valid-lifetime": 50,
        "max-valid-lifetime": 200,
        "user-context": {"x": 1},
    },
    {"name": "c", "min-valid-lifetime": 50, "comment": "c"},
    {"name": "d", "max-valid-lifetime": 50},
    {"name": "ALL"},
    {"name": "e", "valid-lifetime": 60, "max-valid-lifetime": 70},
]
RESERVED: Final[dict[str, Any]] = {"hostname": "h", "client-classes": ["a", "", "b", "a"]}

RICH4: Final[dict[str, Any]] = {
    "early-global-reservations-lookup": True,
    "client-classes": [
        *CLASSES,
        {
            "name": "f",
            "next-server": "192.0.2.1",
            "server-hostname": "h",
            "boot-file-name": "f",
            "option-def": [{"name": "x", "code": 224, "type": "uint8"}],
            "option-data": [{"name": "x", "data": "1"}, {"name": "routers", "data": "192.0.2.1"}],
        },
    ],
    "reservations": [{"hw-address": "01:02:03:04:05:07", **RESERVED}],
    "subnet4": [
        {
            "id": 1,
            "subnet": "192.0.2.0/24",
            **GUARDED,
            "pools": [{"pool": "192.0.2.0/28", **GUARDED}, {"pool": "192.0.2.32/28"}],
            "reservations": [{"hw-address": "01:02:03:04:05:06", **RESERVED}],
        },
        {"id": 2, "subnet": "192.0.3.0/24"},
    ],
    "shared-networks": [
        {
            "name": "n",
            **GUARDED,
            "subnet4": [{"id": 3, "subnet": "192.0.4.0/24"}, {"id": 4, "subnet": "192.0.5.0/24", **GUARDED}],
        }
    ],
}
RICH6: Final[dict[str, Any]] = {
    "early-global-reservations-lookup": True,
    "client-classes": [
        *CLASSES,
        {"name": "f", "preferred-lifetime": 10, "max-preferred-lifetime": 20},
        {"name": "g", "max-preferred-lifetime": 20, "option-data": [{"name": "dns-servers", "data": "2001:db8::1"}]},
    ],
    "reservations": [{"duid": "01:02:03:04", **RESERVED}],
    "subnet6": [
        {
            "id": 1,
            "subnet": "2001:db8::/32",
            **GUARDED,
            "pools": [{"pool": "2001:db8::/112", **GUARDED}],
            "pd-pools": [{"prefix": "2001:db8:8::", "prefix-len": 48, "delegated-len": 64, **GUARDED}],
            "reservations": [{"duid": "01:02:03", **RESERVED}],
        }
    ],
    "shared-networks": [
        {
            "name": "n",
            **GUARDED,
            "subnet6": [{"id": 3, "subnet": "2001:db9::/32"}, {"id": 4, "subnet": "2001:dba::/32", **GUARDED}],
        }
    ],
}

OTHERWISE: Final = {
    "client-classes[2].user-context": "a comment stays one",
    "control-socket": "control-sockets now",
    "ddns-use-conflict-resolution": "ddns-conflict-resolution-mode now",
    "dhcp-ddns.sender-ip": "nothing is said of what nobody chose",
    "parked-packet-limit": "another default, for more is counted",
}


def modern(value: Any) -> Any:
    """What Kea tells, in the spelling of later releases."""
    if isinstance(value, list):
        return [modern(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    found = {name: modern(inner) for name, inner in value.items()}
    if "client-class" in found:
        found["client-classes"] = [found.pop("client-class")]
    for old, new in (
        ("require-client-classes", "evaluate-additional-classes"),
        ("only-if-required", "only-in-additional-list"),
    ):
        if old in found:
            found[new] = found.pop(old)
    return found


class Oracle(SynchronousTestCase):
    """Both judge alike."""

    maxDiff = None  # noqa: N815 - unittest's own

    def test_snippets4(self) -> None:
        """DHCPv4: what Kea accepts is accepted, what it refuses is refused, but for what differs for a reason."""
        self.assertEqual(Judges(4, self.mktemp()).disagreements(SNIPPETS4), {})

    def test_snippets6(self) -> None:
        """DHCPv6 likewise."""
        self.assertEqual(Judges(6, self.mktemp()).disagreements(SNIPPETS6), {})

    def test_effective(self) -> None:
        """The effective configuration tells of classes all that Kea's does, in the newer spelling."""
        for family, keywords, more in ((4, RICH4, set()), (6, RICH6, {"data-directory"})):
            kea = modern(Judges(family, self.mktemp()).effective(keywords))
            top = f"Dhcp{family}"
            ours = configuration(from_json({top: {**keywords, **SERVED}}), family).tree[top]
            self.assertEqual({*differences(kea, ours)}, {*OTHERWISE, *more}, family)
