"""Situations of client classes in DHCPv4: small configurations, and who asks in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.real.dialect import DIRECT, RELAY, asking, sid, want
from tests.real.packets import DISCOVER, INFORM, REQUEST, suboptions
from tests.real.places_classes4 import (
    ASKERS,
    BOTH,
    KINDS,
    LAPTOP,
    LAPTOPS,
    PHONE,
    PHONES,
    PICKY,
    WANTED,
    Place,
    Places,
    Told,
    configured,
    everybody,
    reserved_for,
    sign,
)
from tests.real.situations import Situation, Tree, class_of, data

__all__ = ["effects4"]


def effects4(new: Places) -> Iterator[Situation]:
    """What classes open and what they give."""
    for topic in (guards, shared, joining, additional, scopes, lifetimes, fields, vendors, hosts):
        for name, place, configuration, steps in topic(new):
            yield Situation(f"{topic.__name__}: {name} ({place.number})", configuration, tuple(steps))


def guards(new: Places) -> Told:
    """Who may use a subnet, a pool."""
    for name in ("phones", "laptops", "nobody", "ALL", "KNOWN", "UNKNOWN", "VENDOR_CLASS_phone", "undefined"):
        place, classes = new(), (*KINDS, class_of("nobody"))
        guard = {"client-class": name}
        yield f"subnet {name}", place, configured([place.subnet(**guard)], classes), everybody(place)
        place = new()
        subnet = place.subnet(place.pool(1, **guard))
        yield f"pool {name}", place, configured([subnet], classes), everybody(place)
        place = new()
        subnet = place.subnet(place.pool(1, **guard), place.pool(2))
        askers = ((LAPTOP,), (BOTH,), (PHONE,), ()) if name == "laptops" else ((PHONE,), (BOTH,), (LAPTOP,), ())
        yield f"pool {name} and an open one", place, configured([subnet], classes), everybody(place, askers)
        place = new()
        network = {"name": "net", **guard, "subnet4": [place.subnet()]}
        configuration = configured([], classes, shared_networks=[network])
        yield f"network {name}", place, configuration, everybody(place)
    place = new()
    pools = (place.pool(1, **{"client-class": "phones"}), place.pool(2, **{"client-class": "laptops"}))
    yield "a pool for each", place, configured([place.subnet(*pools)], KINDS), everybody(place, PICKY)
    place = new()
    subnet = place.subnet(*pools_of(place), **{"client-class": "phones"})
    yield "subnet and pool, both", place, configured([subnet], KINDS), everybody(place, PICKY)
    place = new()
    classes = (*KINDS, class_of("others", "not (member('phones') or member('laptops'))"))
    pools = (place.pool(1, **{"client-class": "others"}), place.pool(2, **{"client-class": "phones"}))
    yield "what no other class is", place, configured([place.subnet(*pools)], classes), everybody(place)
    place = new()
    client = place.new()
    pools = (place.pool(1, **{"client-class": "phones"}), place.pool(2))
    address = f"10.{place.number}.1.77"
    steps = [
        *RELAY.lease(client, address, PHONE, WANTED, subnet=place.number),
        RELAY.renew(client, address, PHONE, WANTED, subnet=place.number),
        RELAY.renew(client, address, LAPTOP, WANTED, subnet=place.number),
        place.discover(LAPTOP, client=client),
        place.discover(LAPTOP, want(address), client=client),
        *place.lease(LAPTOP, client=client),
        *place.lease(PHONE, client=client),
    ]
    yield "a client that changes its class", place, configured([place.subnet(*pools)], KINDS), steps
    place = new()
    client, other = place.new(), place.new()
    address = f"10.{place.number}.1.78"
    steps = [
        RELAY.send(client, REQUEST, want(address), sid(RELAY.server), LAPTOP, WANTED, subnet=place.number),
        RELAY.send(client, REQUEST, want(address), LAPTOP, WANTED, subnet=place.number),
        RELAY.send(other, REQUEST, want(address), sid(RELAY.server), PHONE, WANTED, subnet=place.number),
        RELAY.send(other, INFORM, LAPTOP, WANTED, ciaddr=address, subnet=place.number),
    ]
    subnet = place.subnet(place.pool(1, **{"client-class": "phones"}))
    yield "asking for what others may use", place, configured([subnet], KINDS), steps
    place = new()
    first = {"id": 7000, "subnet": f"10.{place.number}.0.0/17", "client-class": "phones"}
    second = {"id": 7001, "subnet": f"10.{place.number}.0.0/16", "client-class": "laptops"}
    pools7 = {"pools": [place.pool(1)]}, {"pools": [place.pool(15, 15)]}
    subnets = [{**first, **pools7[0]}, {**second, **pools7[1]}]
    yield "overlapping subnets", place, configured(subnets, KINDS), everybody(place)


def pools_of(place: Place) -> list[Tree]:
    return [place.pool(1, **{"client-class": "laptops"}), place.pool(2, **{"client-class": "phones"})]


def shared(new: Places) -> Told:
    """Subnets and pools of a shared network."""
    guarded = {name: {"client-class": name} for name in ("phones", "laptops", "nobody", "UNKNOWN", "KNOWN")}
    for first, second in (
        ("phones", ""),
        ("", "phones"),
        ("phones", "laptops"),
        ("laptops", "phones"),
        ("nobody", ""),
        ("", "nobody"),
        ("UNKNOWN", "KNOWN"),
        ("KNOWN", "UNKNOWN"),
    ):
        classes = (*KINDS, class_of("nobody"))
        ones = guarded.get(first, {}), guarded.get(second, {})
        place = new()
        subnets = [place.subnet(index=0, **ones[0]), place.subnet(index=1, **ones[1])]
        told = configured([], classes, shared_networks=[{"name": "net", "subnet4": subnets}])
        yield f"subnets {first or 'open'}, {second or 'open'}", place, told, everybody(place)
        place = new()
        subnets = [place.subnet(place.pool(1, index, **one), index=index) for index, one in enumerate(ones)]
        told = configured([], classes, shared_networks=[{"name": "net", "subnet4": subnets}])
        yield f"pools {first or 'open'}, {second or 'open'}", place, told, everybody(place)
    place = new()
    subnets = [
        place.subnet(place.pool(1, 0, **guarded["laptops"]), **guarded["phones"]),
        place.subnet(place.pool(1, 1, **guarded["phones"]), index=1, **{"option-data": [sign(3, "33")]}),
        place.subnet(place.pool(1, 2), index=2, **guarded["laptops"], **{"option-data": [sign(3, "44")]}),
    ]
    network = {"name": "net", "subnet4": subnets, "option-data": [sign(4, "55")]}
    yield "three subnets", place, configured([], KINDS, shared_networks=[network]), everybody(place, PICKY)
    place = new()
    pools = [place.pool(1, 0, **guarded["laptops"]), place.pool(2, 0)]
    network = {"name": "net", "subnet4": [place.subnet(*pools, **guarded["laptops"]), place.subnet(index=1)]}
    yield "subnet and its pools", place, configured([], KINDS, shared_networks=[network]), everybody(place)
    place = new()
    network = {"name": "net", "client-class": "phones", "subnet4": [place.subnet(), place.subnet(index=1)]}
    other = {"id": 7002, "subnet": f"10.{place.number}.0.0/16", "pools": [place.pool(15, 15)]}
    yield "network and a wider subnet", place, configured([other], KINDS, shared_networks=[network]), everybody(place)


def joining(new: Places) -> Told:
    """Who is in classes by themselves or by other classes; who is dropped."""
    chain = [class_of("first", "option[60].exists", sign(0))]
    for index in range(1, 6):
        chain.append(class_of(f"next{index}", f"member('{chain[-1]['name']}')", sign(index)))
    chain.append(class_of("none", "not member('next5')", sign(6)))
    place = new()
    yield "a chain", place, configured([place.subnet()], chain), everybody(place)
    for name, test in (
        ("by option", "option[60].hex == 'phone'"),
        ("by member", "member('phones') and not member('laptops')"),
        ("known ones", "member('KNOWN')"),
        ("unknown ones that say so", "member('UNKNOWN') and option[60].hex == 'phone'"),
        ("by a class of unknown ones", "member('strangers')"),
    ):
        place = new()
        strangers = class_of("strangers", "member('UNKNOWN') and option[60].hex == 'laptop'")
        classes = [*KINDS, strangers, class_of("DROP", test)]
        reserved = place.new()
        subnet = place.subnet(reservations=[reserved_for(reserved, hostname="somebody")])
        steps = [*everybody(place), *place.lease(client=reserved), *place.lease(PHONE, client=reserved)]
        yield f"DROP {name}", place, configured([subnet], classes), steps
    place = new()
    classes = [class_of("DROP"), class_of("SKIP_DDNS", "option[60].hex == 'phone'", sign(1)), *KINDS]
    yield "DROP without a test", place, configured([place.subnet()], classes), everybody(place)
    place = new()
    classes = [class_of("VENDOR_CLASS_phone", "", sign(2)), class_of("ALL", "", sign(3)), *KINDS]
    yield "built-in classes with options", place, configured([place.subnet()], classes), everybody(place)
    place = new()
    classes = [class_of("KNOWN", "", sign(2)), class_of("UNKNOWN", "", sign(3)), class_of("BOOTP", "", sign(4)), PHONES]
    known = place.new()
    subnet = place.subnet(reservations=[reserved_for(known, hostname="known")])
    steps = [*everybody(place), *place.lease(client=known)]
    yield "KNOWN and UNKNOWN with options", place, configured([subnet], classes), steps
    place = new()
    known = place.new()
    classes = [
        class_of("friends", "member('KNOWN')", sign(0)),
        class_of("strangers", "not member('friends')", sign(1)),
        class_of("walled", "member('UNKNOWN') or option[60].hex == 'phone'", sign(2)),
    ]
    pools = [place.pool(1, **{"client-class": "friends"}), place.pool(2, **{"client-class": "walled"})]
    subnet = place.subnet(*pools, reservations=[reserved_for(known, hostname="known")])
    steps = [*everybody(place), *place.lease(client=known)]
    yield "known ones to a pool", place, configured([subnet], classes), steps
    place = new()
    classes = [
        class_of("wrong", "uint8totext(option[60].hex) == '1'", sign(0)),
        class_of("not-wrong", "not member('wrong')", sign(1)),
        *KINDS,
    ]
    subnet = place.subnet(place.pool(1, **{"client-class": "wrong"}), place.pool(2, **{"client-class": "not-wrong"}))
    yield "mistakes while evaluating", place, configured([subnet], classes), everybody(place)
    place = new()
    tests = (
        "pkt.iface == 'eth0'",
        "relay4[1].exists",
        "pkt.dst == 255.255.255.255",
        "pkt.dst == 10.0.0.1",
        "pkt.src == 0.0.0.0",
        "pkt.src == pkt4.ciaddr",
        "pkt4.msgtype == 3",
        "pkt4.msgtype == 8",
        "pkt4.giaddr == 0.0.0.0",
        "pkt4.ciaddr == 0.0.0.0",
    )
    classes = [class_of(f"test{index}", test, sign(index)) for index, test in enumerate(tests)]
    agent = (82, suboptions((1, b"port-1")))
    client = place.new()
    address = client.address(0)
    steps = [
        *place.lease(agent),
        *place.lease(),
        *DIRECT.lease(client, address, WANTED),
        DIRECT.renew(client, address, WANTED),
        DIRECT.unicast(client, INFORM, WANTED, address=address),
    ]
    yield "by interface and relay", place, configured([place.subnet()], classes), steps


def additional(new: Places) -> Told:
    """Classes that are evaluated once pool, subnet and network are known."""
    late = [
        class_of("late1", "option[60].hex == 'phone'", sign(2, "01"), sign(5, "01"), only_if_required=True),
        class_of("late2", "member('ALL')", sign(3, "02"), sign(5, "02"), only_if_required=True),
        class_of("late3", "member('late2')", sign(4, "03"), sign(5, "03"), only_if_required=True),
        class_of("early", "option[60].exists", sign(6, "04"), sign(5, "04")),
        class_of("untested", "", sign(7, "05")),
    ]
    names = ["late1", "late2", "late3"]
    for name, lists in (
        ("subnet", ([], names, [])),
        ("pool", ([], [], names)),
        ("network", (names, [], [])),
        ("one each", (["late1"], ["late2"], ["late3"])),
        ("one each, backwards", (["late3"], ["late2"], ["late1"])),
        ("twice", (["late1"], ["late1", "late2"], ["late1", "late2"])),
        ("an early one", ([], ["early", "late2"], [])),
        ("an unknown one", ([], ["unknown", "late2"], [])),
        ("one without a test", ([], ["untested"], [])),
        ("none", ([], [], [])),
        ("depending on a later one", ([], ["late3", "late2"], [])),
    ):
        place = new()
        of_network, of_subnet, of_pool = [{"require-client-classes": each} for each in lists]
        subnet = place.subnet(place.pool(1, **of_pool), **of_subnet)
        network = {"name": "net", **of_network, "subnet4": [subnet]}
        yield name, place, configured([], (*KINDS, *late), shared_networks=[network]), everybody(place)
    place = new()
    subnet = place.subnet(**{"client-class": "late2", "require-client-classes": ["late2"]})
    yield "as a guard", place, configured([subnet], late), everybody(place)
    place = new()
    pools = [
        place.pool(1, **{"client-class": "phones", "require-client-classes": ["late1"]}),
        place.pool(2, **{"require-client-classes": ["late2"]}),
    ]
    told = configured([place.subnet(*pools)], (*KINDS, *late))
    yield "of different pools", place, told, everybody(place, ((PHONE,), (BOTH,), (), (LAPTOP,)))
    place = new()
    subnet = place.subnet(**{"require-client-classes": ["late1", "late2"]})
    agent = [RELAY.send(place.new(), INFORM, PHONE, WANTED, ciaddr=f"10.{place.number}.1.9", subnet=place.number)]
    yield "an INFORM", place, configured([subnet], late), agent
    place = new()
    classes = [
        class_of("by-43", "option[43].option[1].hex == 'x'", sign(2), only_if_required=True),
        class_of("unknown-late", "member('UNKNOWN')", sign(3), only_if_required=True),
        class_of("dropped", "option[60].hex == 'phone'", sign(4), only_if_required=True),
    ]
    subnet = place.subnet(**{"require-client-classes": ["by-43", "unknown-late", "dropped"]})
    steps = [*everybody(place), *place.lease((43, suboptions((1, b"x"))))]
    yield "what is known late", place, configured([subnet], classes), steps


def scopes(new: Places) -> Told:
    """Which scope's option is in the answer."""
    places = ("global", "class", "network", "subnet", "pool", "host")
    for missing in ((), ("host",), ("host", "pool"), ("host", "pool", "subnet"), ("host", "pool", "subnet", "network")):
        there = [each for each in places if each not in missing]
        for always in ("", "global", "class", there[-1]):
            place = new()
            client = place.new()
            told = {
                each: {"option-data": [sign(0, f"0{index}", always_send=each == always), data("domain-name", each)]}
                for index, each in enumerate(places)
                if each in there
            }
            one = class_of("one", "option[60].exists", **told["class"])
            reservations = [reserved_for(client, **told["host"])] if "host" in told else []
            subnet = place.subnet(
                place.pool(1, **told.get("pool", {})), **told.get("subnet", {}), reservations=reservations
            )
            network = {"name": "net", "subnet4": [subnet], **told.get("network", {})}
            more = {"shared_networks": [network], "option_data": told["global"]["option-data"]}
            steps = [
                *place.lease(PHONE, client=client),
                place.discover(),
                RELAY.send(place.new(), DISCOVER, PHONE, asking(1), subnet=place.number),
                RELAY.send(place.new(), DISCOVER, PHONE, subnet=place.number),
                RELAY.send(place.new(), INFORM, PHONE, WANTED, ciaddr=f"10.{place.number}.1.9", subnet=place.number),
            ]
            yield f"{there[-1]} wins, {always or 'none'} always", place, configured([], [one], **more), steps
    values = [[sign(0, "01"), sign(1, "01")], [sign(1, "02"), sign(2, "02")], [sign(0, "03"), sign(2, "03")]]
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        place = new()
        classes = [class_of(f"class{index}", "option[60].exists", *values[index]) for index in order]
        yield f"classes in the order {order}", place, configured([place.subnet()], classes), everybody(place)
    place = new()
    classes = [
        class_of("one", "option[60].exists", sign(0, "01")),
        class_of("two", "option[60].exists", sign(0, "02", **{"always-send": True})),
    ]
    steps = [RELAY.send(place.new(), DISCOVER, PHONE, asking(1), subnet=place.number), place.discover(PHONE)]
    yield "always in the second class", place, configured([place.subnet()], classes), steps
    for late in ("option[60].exists", "member('UNKNOWN')"):
        place = new()
        client = place.new()
        classes = [
            class_of("by-host", "", sign(0, "01")),
            class_of("late", late, sign(0, "02")),
            class_of("early", "member('ALL')", sign(0, "03")),
        ]
        subnet = place.subnet(reservations=[reserved_for(client, client_classes=["by-host"])])
        steps = [*everybody(place), *place.lease(PHONE, client=client)]
        yield f"by reservation beside {late}", place, configured([subnet], classes), steps


def lifetimes(new: Places) -> Told:
    """Lease times of members."""
    for name, told, of_subnet in (
        ("class alone", {"valid-lifetime": 777}, {}),
        ("class and subnet", {"valid-lifetime": 777}, {"valid-lifetime": 555}),
        ("bounds of the class", {"valid-lifetime": 777, "min-valid-lifetime": 700, "max-valid-lifetime": 800}, {}),
        ("bounds of the subnet", {"valid-lifetime": 777}, {"min-valid-lifetime": 100, "max-valid-lifetime": 9000}),
        ("minimum alone", {"min-valid-lifetime": 700}, {}),
        ("maximum alone", {"max-valid-lifetime": 900}, {}),
    ):
        place = new()
        classes = [class_of("phones", "option[60].exists", **told)]
        times = [(51, seconds.to_bytes(4, "big")) for seconds in (1, 710, 777, 2000, 20000)]
        steps = [step for time in times for step in place.lease(PHONE, time)]
        steps += [*place.lease(PHONE), *place.lease()]
        yield name, place, configured([place.subnet(**of_subnet)], classes), steps
    place = new()
    classes = [
        class_of("nothing", "option[60].exists"),
        class_of("one", "option[60].exists", valid_lifetime=701),
        class_of("two", "member('ALL')", valid_lifetime=702),
        class_of("late", "member('UNKNOWN')", valid_lifetime=703),
    ]
    yield "several classes", place, configured([place.subnet()], classes), everybody(place)
    place = new()
    classes = [class_of("late", "option[60].exists", valid_lifetime=704, only_if_required=True)]
    subnet = place.subnet(**{"require-client-classes": ["late"]})
    yield "of an additional class", place, configured([subnet], classes), everybody(place)
    place = new()
    classes = [class_of("phones", "option[60].exists", valid_lifetime=705)]
    subnet = place.subnet(**{"calculate-tee-times": True, "t1-percent": 0.5, "t2-percent": 0.8})
    client = place.new()
    steps = [*place.lease(PHONE, client=client), *place.lease(client=client), *place.lease(PHONE, client=client)]
    yield "and the times before", place, configured([subnet], classes), steps


def fields(new: Places) -> Told:
    """Boot files, next servers and server names of members."""
    boot = {"next-server": "192.0.2.1", "server-hostname": "boot.example.org", "boot-file-name": "one.img"}
    for name, told, of_subnet, of_all in (
        ("class alone", boot, {}, {}),
        ("class and all", boot, {}, {"next-server": "192.0.2.9", "boot-file-name": "all.img"}),
        ("class and subnet", boot, {"next-server": "192.0.2.8", "boot-file-name": "subnet.img"}, {}),
        ("subnet alone", {}, {"next-server": "192.0.2.8", "boot-file-name": "subnet.img"}, {}),
        ("empty in the class", {"boot-file-name": "", "next-server": "0.0.0.0"}, {"boot-file-name": "subnet.img"}, {}),
    ):
        place = new()
        client = place.new()
        classes = [class_of("phones", "option[60].exists", **told)]
        reserved = reserved_for(client, **{"boot-file-name": "host.img", "next-server": "192.0.2.7"})
        configuration = configured([place.subnet(**of_subnet, reservations=[reserved])], classes, **of_all)
        yield name, place, configuration, [*everybody(place), *place.lease(PHONE, client=client)]
    place = new()
    classes = [
        class_of("one", "option[60].exists", boot_file_name="one.img"),
        class_of("two", "option[60].exists", boot_file_name="two.img", next_server="192.0.2.2"),
        class_of("late", "option[60].exists", server_hostname="late", boot_file_name="late.img", only_if_required=True),
    ]
    subnet = place.subnet(**{"require-client-classes": ["late"]})
    yield "several classes", place, configured([subnet], classes), everybody(place)
    place = new()
    boots = [data("boot-file-name", "67.img"), data("tftp-server-name", "66.example.org")]
    classes = [class_of("phones", "option[60].exists", *boots, boot_file_name="field.img")]
    yield "beside the options", place, configured([place.subnet()], classes), everybody(place)


def vendors(new: Places) -> Told:
    """Options 43 and 125 of members, and options that mean something else to each class."""
    space = "vendor-encapsulated-options-space"
    places = {
        "a space": {
            "option-def": [{"name": "vendor-encapsulated-options", "code": 43, "type": "empty", "encapsulate": "acme"}],
            "option-data": [data("vendor-encapsulated-options", ""), data("server", "192.0.2.3", space="acme")],
        },
        "a string": {
            "option-def": [{"name": "vendor-encapsulated-options", "code": 43, "type": "string"}],
            "option-data": [data("vendor-encapsulated-options", "acme")],
        },
        "a number": {
            "option-def": [{"name": "vendor-encapsulated-options", "code": 43, "type": "uint32"}],
            "option-data": [data("vendor-encapsulated-options", "7")],
        },
        "nothing own": {"option-data": [{"code": 43, "csv-format": False, "data": "0102abcd"}]},
    }
    acme = [{"name": "server", "code": 1, "space": "acme", "type": "ipv4-address"}]
    last = [{"name": "url", "code": 2, "space": space, "type": "string"}]
    for name, told in places.items():
        place = new()
        classes = [{**class_of("phones", "substring(option[60].hex, 0, 5) == 'phone'"), **told}, LAPTOPS]
        configuration = configured([place.subnet()], classes, option_def=[*acme, *last])
        steps = [*everybody(place), *place.lease(PHONE, (43, suboptions((1, b"\xc0\0\2\7"))))]
        yield f"43 is {name}", place, configuration, steps
    place = new()
    classes = [
        {**class_of("phones", "option[60].hex == 'phone'"), **places["a space"]},
        {**class_of("laptops", "option[60].hex == 'laptop'"), **places["a string"]},
    ]
    more = {
        "option_def": [*acme, *last],
        "option_data": [data("vendor-encapsulated-options", ""), data("url", "x", space=space)],
    }
    yield "43 is another to each", place, configured([place.subnet()], classes, **more), everybody(place)
    place = new()
    local = {"name": "mine", "code": 230, "type": "uint16", "array": True}
    classes = [
        {**class_of("phones", "option[60].hex == 'phone'", data("mine", "1, 2")), "option-def": [local]},
        {
            **class_of("laptops", "option[60].hex == 'laptop'", data("mine", "text")),
            "option-def": [{"name": "mine", "code": 230, "type": "string"}],
        },
    ]
    steps = [RELAY.send(place.new(), DISCOVER, *options, asking(230), subnet=place.number) for options in ASKERS]
    yield "230 is another to each", place, configured([place.subnet()], classes), steps
    place = new()
    definitions = [
        {"name": "firmware", "code": 5, "type": "string", "space": "vendor-9999"},
        {"name": "mode", "code": 6, "type": "uint8", "space": "vendor-9999"},
    ]
    classes = [
        class_of(
            "phones",
            "option[60].hex == 'phone'",
            data("vivso-suboptions", "9999"),
            data("firmware", "v1", space="vendor-9999"),
        ),
        class_of("laptops", "option[60].hex == 'laptop'", data("mode", "3", space="vendor-9999", always_send=True)),
    ]
    vendor = (125, b"\0\0\x27\x0f\0"), (124, b"\0\0\x27\x0f\0")
    steps = [
        *everybody(place),
        *(step for one in vendor for each in (PHONE, LAPTOP) for step in place.lease(each, one)),
    ]
    yield "125", place, configured([place.subnet()], classes, option_def=definitions), steps
    place = new()
    classes = [class_of("modems", "vendor[4491].exists", data("tftp-servers", "192.0.2.4", space="vendor-4491"))]
    modem = (125, b"\0\0\x11\x8b" + suboptions((4, suboptions((1, b"\2"))))[1:])
    modem = (125, b"\0\0\x11\x8b" + bytes((3,)) + suboptions((1, b"\2")))
    steps = [*place.lease(modem), *place.lease(), *place.lease((60, b"docsis3.0"), modem)]
    yield "cable modems", place, configured([place.subnet()], classes), steps


def hosts(new: Places) -> Told:
    """Classes by reservation, in the subnet and globally."""
    one = class_of("gold", "", sign(0, "01"), valid_lifetime=900)
    chain = class_of("golden", "member('gold')", sign(1, "02"))
    late = class_of("known-gold", "member('KNOWN') and member('gold')", sign(2, "03"))
    tested = class_of("tested", "option[60].exists", sign(3, "04"))
    classes = [one, chain, late, tested]
    for name, guarded in (("gold", "gold"), ("golden", "golden"), ("known-gold", "known-gold"), ("tested", "tested")):
        for early in (False, True):
            for where in ("subnet", "pool"):
                place = new()
                client = place.new()
                reserved = reserved_for(client, client_classes=["gold", "tested"])
                guard = {"client-class": guarded}
                pools = [place.pool(1, **guard if where == "pool" else {}), place.pool(2)]
                subnet = place.subnet(*pools, **guard if where == "subnet" else {})
                more: dict[str, Any] = {"reservations": [reserved], "reservations_global": True}
                more |= {"early_global_reservations_lookup": True} if early else {}
                steps = [*place.lease(client=client), *place.lease(PHONE, client=client), *place.lease()]
                title = f"{where} for {name}, looked up {'early' if early else 'late'}"
                yield title, place, configured([subnet], classes, **more), steps
    place = new()
    client = place.new()
    reserved = reserved_for(client, client_classes=["gold", "undefined"], ip_address=f"10.{place.number}.0.7")
    pools = [place.pool(1, **{"client-class": "gold"})]
    yield (
        "an address and a class",
        place,
        configured([place.subnet(*pools, reservations=[reserved])], classes),
        [*place.lease(client=client), *place.lease()],
    )
    place = new()
    client = place.new()
    reserved = reserved_for(client, ip_address=f"10.{place.number}.0.7")
    subnet = place.subnet(**{"client-class": "phones"}, reservations=[reserved])
    yield (
        "an address in a guarded subnet",
        place,
        configured([subnet], KINDS),
        [*place.lease(client=client), *place.lease(PHONE, client=client)],
    )
    place = new()
    client = place.new()
    reserved = reserved_for(client, client_classes=["gold"])
    subnets = [
        place.subnet(place.pool(1, **{"client-class": "gold"}), reservations=[reserved]),
        place.subnet(place.pool(1, 1), index=1),
    ]
    told = configured([], classes, shared_networks=[{"name": "net", "subnet4": subnets}])
    yield "a class in a shared network", place, told, [*place.lease(client=client), *place.lease()]
    place = new()
    client = place.new()
    drop = class_of("DROP", "member('gold')")
    more = {"reservations": [reserved_for(client, client_classes=["gold"])], "reservations_global": True}
    for early in (False, True):
        more |= {"early_global_reservations_lookup": early}
        steps = [*place.lease(client=client), *place.lease()]
        when = "early" if early else "late"
        yield f"DROP by a reservation's class, {when}", place, configured([place.subnet()], [one, drop], **more), steps
        place = new()
        client = place.new()
        more |= {"reservations": [reserved_for(client, client_classes=["DROP"])]}
        steps = [*place.lease(client=client), *place.lease()]
        configuration = configured([place.subnet()], [one, class_of("DROP")], **more)
        yield f"DROP by a reservation, {when}", place, configuration, steps
    silver = class_of("silver", "", sign(4, "05"))
    mixed = class_of("mixed", "member('gold') and member('silver')", sign(5, "06"))
    for early in (False, True):
        when = "early" if early else "late"
        for name in ("gold", "silver", "mixed"):
            place = new()
            client, other = place.new(), place.new()
            more = {
                "reservations": [reserved_for(client, client_classes=["gold"])],
                "reservations_global": True,
                "reservations_in_subnet": True,
                "early_global_reservations_lookup": early,
            }
            own = [reserved_for(each, client_classes=["silver"]) for each in (client, other)]
            subnet = place.subnet(place.pool(1, **{"client-class": name}), place.pool(2), reservations=own)
            steps = [*place.lease(client=client), *place.lease(client=other), *place.lease()]
            title = f"a global reservation and one in the subnet, {name}, {when}"
            yield title, place, configured([subnet], [*classes, silver, mixed], **more), steps
        for name in ("KNOWN", "UNKNOWN", "strangers"):
            place = new()
            client = place.new()
            strangers = class_of("strangers", "member('UNKNOWN')", sign(6))
            more = {
                "reservations": [reserved_for(client, hostname="known")],
                "reservations_global": True,
                "early_global_reservations_lookup": early,
            }
            subnets = [place.subnet(**{"client-class": name}), place.subnet(index=1)]
            network = {"name": "net", "subnet4": subnets}
            steps = [*place.lease(client=client), *place.lease()]
            configuration = configured([], [strangers], shared_networks=[network], **more)
            yield f"a shared subnet for {name}, looked up {when}", place, configuration, steps
            place = new()
            client = place.new()
            more["reservations"] = [reserved_for(client, hostname="known")]
            subnet = place.subnet(**{"client-class": name})
            steps = [*place.lease(client=client), *place.lease()]
            yield f"a subnet for {name}, looked up {when}", place, configured([subnet], [strangers], **more), steps
