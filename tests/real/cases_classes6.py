"""Situations of client classes in DHCPv6: small configurations, and who asks in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.real.dialect6 import (
    DIRECT,
    RELAY,
    SID,
    Option,
    Step,
    asking,
    na,
    pd,
)
from tests.real.expressions6 import tuples
from tests.real.packets6 import REBIND, RENEW, SOLICIT, Relay
from tests.real.places_classes6 import (
    BOTH,
    KINDS,
    LAPTOP,
    LAPTOPS,
    PHONE,
    PHONES,
    PICKY,
    SIGNS,
    WANTED,
    Places,
    Told,
    configured,
    everybody,
    reserved_for,
    sign,
)
from tests.real.situations import Situation, class_of, data

__all__ = ["effects6"]


def effects6(new: Places) -> Iterator[Situation]:
    """What classes open and what they give."""
    for topic in (guards, shared, joining, additional, scopes, lifetimes, vendors, hosts):
        for name, place, configuration, steps in topic(new):
            yield Situation(f"{topic.__name__}: {name} ({place.number})", configuration, tuple(steps))


def guards(new: Places) -> Told:
    """Who may use a subnet, a pool of addresses, a pool of prefixes."""
    for name in ("phones", "laptops", "nobody", "ALL", "KNOWN", "UNKNOWN", "VENDOR_CLASS_phone", "undefined"):
        classes, guard = (*KINDS, class_of("nobody")), {"client-class": name}
        askers: Sequence[Sequence[Option]]
        askers = ((LAPTOP,), (BOTH,), (PHONE,), ()) if name == "laptops" else ((PHONE,), (BOTH,), (LAPTOP,), ())
        if name.startswith("VENDOR"):
            askers = (((16, b"\0\0\x27\x0f" + tuples(b"phone")),), ((16, b"\0\0\x27\x0f" + tuples(b"x")),), ())
        for where in ("network", "subnet", "pool", "pd-pool", "pools and open ones"):
            place = new()
            of_pool = guard if where in ("pool", "pools and open ones") else {}
            of_pd_pool = guard if where in ("pd-pool", "pools and open ones") else {}
            pools, pd_pools = [place.pool(1, **of_pool)], [place.pd_pool(1, **of_pd_pool)]
            if where == "pools and open ones":
                pools.append(place.pool(2))
                pd_pools.append(place.pd_pool(2))
            subnet = place.subnet(*pools, pd_pools=pd_pools, **guard if where == "subnet" else {})
            of_network = guard if where == "network" else {}
            network = {"name": "net", **of_network, "subnet6": [subnet]}
            steps = everybody(place, askers)
            yield f"{where} {name}", place, configured([], classes, shared_networks=[network]), steps
    place = new()
    client = place.new()
    pools = [place.pool(1, **{"client-class": "phones"}), place.pool(2)]
    pd_pools = [place.pd_pool(1, **{"client-class": "phones"}), place.pd_pool(2)]
    wishes = na(1, "offered"), pd(2, "offered/64"), WANTED
    steps = [
        *place.lease(PHONE, client=client, renew=True),
        RELAY.send(client, RENEW, SID, *wishes, LAPTOP, subnet=place.number),
        RELAY.send(client, REBIND, *wishes, subnet=place.number),
        place.solicit(LAPTOP, client=client),
        *place.lease(LAPTOP, client=client),
        *place.lease(PHONE, client=client),
    ]
    yield "a client that changes its class", place, configured([place.subnet(*pools, pd_pools=pd_pools)], KINDS), steps


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
        subnets = [place.subnet(index=index, **one) for index, one in enumerate(ones)]
        told = configured([], classes, shared_networks=[{"name": "net", "subnet6": subnets}])
        yield f"subnets {first or 'open'}, {second or 'open'}", place, told, everybody(place, PICKY)
        place = new()
        subnets = [
            place.subnet(place.pool(1, index, **one), index=index, pd_pools=[place.pd_pool(1, index, **one)])
            for index, one in enumerate(ones)
        ]
        told = configured([], classes, shared_networks=[{"name": "net", "subnet6": subnets}])
        yield f"pools {first or 'open'}, {second or 'open'}", place, told, everybody(place, PICKY)
    place = new()
    subnets = [
        place.subnet(place.pool(1, 0, **guarded["laptops"]), **guarded["phones"]),
        place.subnet(place.pool(1, 1, **guarded["phones"]), index=1, pd_pools=[], **{"option-data": [sign(3, "33")]}),
        place.subnet(index=2, pd_pools=[], **guarded["laptops"], **{"option-data": [sign(3, "44")]}),
    ]
    network = {"name": "net", "subnet6": subnets, "option-data": [sign(4, "55")]}
    steps = [place.solicit(*options) for options in PICKY]
    yield "three subnets", place, configured([], KINDS, shared_networks=[network]), steps


def joining(new: Places) -> Told:
    """Who is in classes by themselves or by other classes; who is dropped."""
    chain = [class_of("first", "option[15].exists", sign(0))]
    for index in range(1, 6):
        chain.append(class_of(f"next{index}", f"member('{chain[-1]['name']}')", sign(index)))
    chain.append(class_of("none", "not member('next5')", sign(6)))
    place = new()
    yield "a chain", place, configured([place.subnet()], chain), [*everybody(place), place.inform(PHONE)]
    for name, test in (
        ("by option", "substring(option[15].hex, 2, all) == 'phone'"),
        ("by member", "member('phones') and not member('laptops')"),
        ("known ones", "member('KNOWN')"),
        ("unknown ones that say so", "member('UNKNOWN') and substring(option[15].hex, 2, all) == 'phone'"),
        ("by a class of unknown ones", "member('strangers')"),
    ):
        place = new()
        strangers = class_of("strangers", "member('UNKNOWN') and substring(option[15].hex, 2, all) == 'laptop'")
        reserved = place.new()
        subnet = place.subnet(reservations=[reserved_for(reserved, hostname="somebody")])
        steps = [*everybody(place), *place.lease(client=reserved), *place.lease(PHONE, client=reserved)]
        steps += [place.inform(PHONE), place.inform(LAPTOP)]
        yield f"DROP {name}", place, configured([subnet], (*KINDS, strangers, class_of("DROP", test))), steps
    place = new()
    known = place.new()
    classes = [class_of("KNOWN", "", sign(2)), class_of("UNKNOWN", "", sign(3)), class_of("ALL", "", sign(4)), PHONES]
    subnet = place.subnet(reservations=[reserved_for(known, hostname="known")])
    steps = [*everybody(place), *place.lease(client=known)]
    yield "built-in classes with options", place, configured([subnet], classes), steps
    place = new()
    known = place.new()
    classes = [
        class_of("friends", "member('KNOWN')", sign(0)),
        class_of("strangers", "not member('friends')", sign(1)),
        class_of("walled", "member('UNKNOWN') or option[15].exists", sign(2)),
    ]
    pools = [place.pool(1, **{"client-class": "friends"}), place.pool(2, **{"client-class": "walled"})]
    subnet = place.subnet(*pools, reservations=[reserved_for(known, hostname="known")])
    yield "known ones to a pool", place, configured([subnet], classes), [*everybody(place), *place.lease(client=known)]
    place = new()
    modems = class_of("VENDOR_CLASS_docsis3.0", "", sign(2), preferred_lifetime=1200)
    vendors = [tuples(b"docsis3.0"), tuples(b"x", b"docsis3.0"), tuples(b"eRouter1.0", b"docsis3.0"), tuples(b"x"), b""]
    steps = [step for payload in vendors for step in place.lease((16, b"\0\0\x11\x8b" + payload))]
    yield "cable modems", place, configured([place.subnet()], [modems]), steps
    place = new()
    tests = (
        "pkt.iface == 'eth0'",
        "relay6[0].option[18].exists",
        "pkt.dst == ff02::1:2",
        "pkt.dst == 2001:db8:f::1",
        "substring(pkt.src, 0, 2) == 0xfe80",
        "pkt6.msgtype == 3",
        "pkt6.msgtype == 11",
        "pkt6.msgtype == 1",
    )
    classes = [class_of(f"test{index}", test, sign(index)) for index, test in enumerate(tests)]
    near = (Relay(f"2001:db8:{place.number}::9", "fe80::c", ((18, b"port-1"),)),)
    steps = [*place.lease(), *place.lease(relays=near), DIRECT.send(place.new(), SOLICIT, na(1), WANTED)]
    steps += [DIRECT.inform(WANTED), place.inform()]
    yield "by interface and relay", place, configured([place.subnet()], classes), steps


def additional(new: Places) -> Told:
    """Classes that are evaluated once pool, subnet and network are known."""
    late = [
        class_of(
            "late1", "substring(option[15].hex, 2, all) == 'phone'", sign(2), sign(5, "01"), only_if_required=True
        ),
        class_of("late2", "member('ALL')", sign(3, "02"), sign(5, "02"), only_if_required=True),
        class_of("late3", "member('late2')", sign(4, "03"), sign(5, "03"), only_if_required=True),
        class_of("early", "option[15].exists", sign(6, "04"), sign(5, "04")),
        class_of("untested", "", sign(7, "05")),
    ]
    names = ["late1", "late2", "late3"]
    for name, lists in (
        ("subnet", ([], names, [], [])),
        ("pool", ([], [], names, [])),
        ("pd-pool", ([], [], [], names)),
        ("network", (names, [], [], [])),
        ("one each", (["late1"], ["late2"], ["late3"], [])),
        ("one each, backwards", (["late3"], ["late2"], [], ["late1"])),
        ("pool and pd-pool", ([], [], ["late1"], ["late2"])),
        ("pd-pool and pool", ([], [], ["late2"], ["late1"])),
        ("an early one", ([], ["early", "late2"], [], [])),
        ("an unknown one", ([], ["unknown", "late2"], [], [])),
        ("one without a test", ([], ["untested"], [], [])),
        ("depending on a later one", ([], ["late3", "late2"], [], [])),
    ):
        place = new()
        of_network, of_subnet, of_pool, of_pd_pool = [{"require-client-classes": each} for each in lists]
        subnet = place.subnet(place.pool(1, **of_pool), pd_pools=[place.pd_pool(1, **of_pd_pool)], **of_subnet)
        network = {"name": "net", **of_network, "subnet6": [subnet]}
        steps = [*everybody(place), place.solicit(PHONE), place.inform(PHONE)]
        steps.append(RELAY.send(place.new(), SOLICIT, pd(1), WANTED, PHONE, subnet=place.number))
        yield name, place, configured([], (*KINDS, *late), shared_networks=[network]), steps
    place = new()
    subnet = place.subnet(**{"client-class": "late2", "require-client-classes": ["late2"]})
    yield "as a guard", place, configured([subnet], late), everybody(place)


def scopes(new: Places) -> Told:
    """Which scope's option is in the answer."""
    places = ("global", "class", "network", "subnet", "pool", "pd-pool", "host")
    for missing in range(6):
        there = places[: len(places) - missing]
        for always in ("", "global", "class", there[-1]):
            place = new()
            client = place.new()
            told = {
                each: {
                    "option-data": [
                        sign(0, f"0{index}", always_send=each == always),
                        data("nis-domain-name", each),
                    ]
                }
                for index, each in enumerate(places)
                if each in there
            }
            one = class_of("one", "option[15].exists", **told["class"])
            reservations = [reserved_for(client, **told["host"])] if "host" in told else []
            subnet = place.subnet(
                place.pool(1, **told.get("pool", {})),
                pd_pools=[place.pd_pool(1, **told.get("pd-pool", {}))],
                reservations=reservations,
                **told.get("subnet", {}),
            )
            network = {"name": "net", "subnet6": [subnet], **told.get("network", {})}
            more = {"shared_networks": [network], "option_data": told["global"]["option-data"]}
            steps = [
                *place.lease(PHONE, client=client),
                *place.lease(),
                place.solicit(PHONE),
                RELAY.send(place.new(), SOLICIT, pd(1), PHONE, asking(29, SIGNS), subnet=place.number),
                RELAY.send(place.new(), SOLICIT, na(1), PHONE, asking(23), subnet=place.number),
                RELAY.send(place.new(), SOLICIT, na(1), PHONE, subnet=place.number),
                place.inform(PHONE),
            ]
            yield f"{there[-1]} wins, {always or 'none'} always", place, configured([], [one], **more), steps
    values = [[sign(0, "01"), sign(1, "01")], [sign(1, "02"), sign(2, "02")], [sign(0, "03"), sign(2, "03")]]
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2)):
        place = new()
        classes = [class_of(f"class{index}", "option[15].exists", *values[index]) for index in order]
        yield f"classes in the order {order}", place, configured([place.subnet()], classes), everybody(place)
    for late in ("option[15].exists", "member('UNKNOWN')"):
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
    """Lifetimes of members."""
    for name, told, of_subnet in (
        ("valid of the class", {"valid-lifetime": 777}, {}),
        ("preferred of the class", {"preferred-lifetime": 555}, {}),
        ("both of the class", {"valid-lifetime": 777, "preferred-lifetime": 555}, {"valid-lifetime": 600}),
        ("longer preferred", {"preferred-lifetime": 5000}, {}),
        ("bounds", {"valid-lifetime": 777, "min-valid-lifetime": 700, "max-valid-lifetime": 800}, {}),
        (
            "bounds of preferred",
            {"preferred-lifetime": 300, "min-preferred-lifetime": 200, "max-preferred-lifetime": 400},
            {},
        ),
        ("bounds of the subnet", {"valid-lifetime": 777}, {"min-valid-lifetime": 100, "max-valid-lifetime": 9000}),
        ("minimum alone", {"min-valid-lifetime": 700}, {}),
        ("maximum alone", {"max-preferred-lifetime": 900}, {}),
    ):
        place = new()
        classes = [class_of("phones", "option[15].exists", **told)]
        steps: list[Step] = []
        for times in ((0, 0), (1, 1), (250, 710), (300, 777), (2000, 2000), (20000, 20000)):
            wish = na(1, f"2001:db8:{place.number}:100::{0x1000 + len(steps):x}", times=times)
            steps.append(RELAY.send(place.new(), SOLICIT, wish, PHONE, subnet=place.number))
        steps += [*place.lease(PHONE), *place.lease()]
        yield name, place, configured([place.subnet(**of_subnet)], classes), steps
    place = new()
    classes = [
        class_of("nothing", "option[15].exists"),
        class_of("one", "option[15].exists", valid_lifetime=701),
        class_of("two", "member('ALL')", valid_lifetime=702, preferred_lifetime=602),
        class_of("late", "member('UNKNOWN')", preferred_lifetime=603),
    ]
    yield "several classes", place, configured([place.subnet()], classes), everybody(place)
    place = new()
    classes = [class_of("late", "option[15].exists", valid_lifetime=704, only_if_required=True)]
    subnet = place.subnet(**{"require-client-classes": ["late"]})
    yield "of an additional class", place, configured([subnet], classes), everybody(place)
    place = new()
    classes = [class_of("phones", "option[15].exists", preferred_lifetime=705)]
    subnet = place.subnet(**{"calculate-tee-times": True, "t1-percent": 0.5, "t2-percent": 0.8})
    client = place.new()
    steps = [*place.lease(PHONE, client=client, renew=True), *place.lease(client=client, renew=True)]
    yield "and the times before", place, configured([subnet], classes), steps


def vendors(new: Places) -> Told:
    """Vendor options of members."""
    definitions = [
        {"name": "firmware", "code": 5, "type": "string", "space": "vendor-9999"},
        {"name": "mode", "code": 6, "type": "uint8", "space": "vendor-9999"},
    ]
    firmware, mode = data("firmware", "v1", space="vendor-9999"), data("mode", "3", space="vendor-9999")
    ways: tuple[tuple[Option, ...], ...] = (
        (),
        ((16, b"\0\0\x27\x0f" + tuples(b"x")),),
        ((17, b"\0\0\x27\x0f\0\5\0\1x"),),
        ((16, b"\0\0\0\7" + tuples(b"x")),),
    )
    always = {"always-send": True}
    for name, one, two in (
        ("17", [data("vendor-opts", "9999"), firmware], [{**mode, **always}]),
        ("17 always", [data("vendor-opts", "9999", always_send=True), {**firmware, **always}], [{**mode, **always}]),
        ("17 without its number", [{**firmware, **always}], [mode]),
    ):
        place = new()
        classes = [class_of("phones", PHONES["test"], *one), class_of("laptops", LAPTOPS["test"], *two)]
        steps = [step for way in ways for kind in (PHONE, LAPTOP, BOTH) for step in place.lease(kind, *way)]
        yield name, place, configured([place.subnet()], classes, option_def=definitions), steps
    place = new()
    modem = class_of(
        "modems", "vendor[4491].exists", data("tftp-servers", "2001:db8::44", space="vendor-4491", code=32)
    )
    asks = (17, b"\0\0\x11\x8b\0\1\0\2\0\x20")
    steps = [*place.lease(asks), *place.lease(), *place.lease((16, b"\0\0\x11\x8b" + tuples(b"docsis3.0")), asks)]
    yield "cable modems", place, configured([place.subnet()], [modem]), steps


def hosts(new: Places) -> Told:
    """Classes by reservation, in the subnet and globally."""
    one = class_of("gold", "", sign(0, "01"), valid_lifetime=3900)
    classes = [
        one,
        class_of("golden", "member('gold')", sign(1, "02")),
        class_of("known-gold", "member('KNOWN') and member('gold')", sign(2, "03")),
        class_of("tested", "option[15].exists", sign(3, "04")),
    ]
    for name in ("gold", "golden", "known-gold", "tested"):
        for early in (False, True):
            for where in ("subnet", "pool"):
                place = new()
                client = place.new()
                guard = {"client-class": name}
                pools = [place.pool(1, **guard if where == "pool" else {}), place.pool(2)]
                subnet = place.subnet(*pools, **guard if where == "subnet" else {})
                more: dict[str, Any] = {
                    "reservations": [reserved_for(client, client_classes=["gold", "tested"])],
                    "reservations_global": True,
                    "early_global_reservations_lookup": early,
                }
                steps = [*place.lease(client=client), *place.lease(PHONE, client=client), *place.lease()]
                title = f"{where} for {name}, looked up {'early' if early else 'late'}"
                yield title, place, configured([subnet], classes, **more), steps
    place = new()
    client = place.new()
    reserved = reserved_for(
        client,
        client_classes=["gold", "undefined"],
        ip_addresses=[f"2001:db8:{place.number}::7"],
        prefixes=[f"3001:{place.number}:f00::/64"],
    )
    subnet = place.subnet(place.pool(1, **{"client-class": "gold"}), reservations=[reserved])
    steps = [*place.lease(client=client, renew=True), *place.lease()]
    yield "an address and a class", place, configured([subnet], classes), steps
    place = new()
    client = place.new()
    reserved = reserved_for(client, ip_addresses=[f"2001:db8:{place.number}::7"])
    subnet = place.subnet(**{"client-class": "phones"}, reservations=[reserved])
    steps = [*place.lease(client=client), *place.lease(PHONE, client=client)]
    yield "an address in a guarded subnet", place, configured([subnet], KINDS), steps
    place = new()
    client = place.new()
    subnets = [
        place.subnet(
            place.pool(1, **{"client-class": "gold"}),
            reservations=[reserved_for(client, client_classes=["gold"])],
        ),
        place.subnet(index=1),
    ]
    told = configured([], classes, shared_networks=[{"name": "net", "subnet6": subnets}])
    yield "a class in a shared network", place, told, [*place.lease(client=client), *place.lease()]
    for names, drop in ((["gold"], class_of("DROP", "member('gold')")), (["DROP"], class_of("DROP"))):
        for early in (False, True):
            place = new()
            client = place.new()
            more = {"reservations": [reserved_for(client, client_classes=names)], "reservations_global": True}
            more |= {"early_global_reservations_lookup": early}
            steps = [*place.lease(client=client), *place.lease()]
            title = f"DROP by a reservation of {names[0]}, {'early' if early else 'late'}"
            yield title, place, configured([place.subnet()], [one, drop], **more), steps
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
            network = {"name": "net", "subnet6": subnets}
            steps = [*place.lease(client=client), *place.lease()]
            configuration = configured([], [strangers], shared_networks=[network], **more)
            yield f"a shared subnet for {name}, looked up {when}", place, configuration, steps
            place = new()
            client = place.new()
            more["reservations"] = [reserved_for(client, hostname="known")]
            subnet = place.subnet(**{"client-class": name})
            steps = [*place.lease(client=client), *place.lease()]
            yield f"a subnet for {name}, looked up {when}", place, configured([subnet], [strangers], **more), steps
