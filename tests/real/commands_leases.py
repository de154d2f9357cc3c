"""Commands about leases, for both families; nothing here says what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.real.commands import Case, Step, Trials, ask
from tests.real.commands_scenes import PREFIX, Kin

__all__ = ["adding", "bulk", "deleting", "finding", "listing", "updating", "wiping"]

WRONG: Final[tuple[Any, ...]] = (None, True, -1, 1.5, 1 << 40, "x", "", [], {}, ["x"])
"""Values of every JSON type, of which an argument takes one or two at most."""
MAPLESS: Final[tuple[Any, ...]] = ({}, [], "x", 1, True, [{}])
FATAL: Final = ("resend-ddns",)
"""Kea 2.2.0 ends when one of these comes without arguments."""
LONG_NAME: Final = ".".join(["a" * 60] * 4) + ".example.com"


def get(kin: Kin, number: int = 10, **more: Any) -> Step:
    """The lease of an address in subnet 1."""
    return ask(kin.command("get"), {"ip-address": f"{kin.inside}{number}", **more})


def add(kin: Kin, number: int = 10, **more: Any) -> Step:
    return ask(kin.command("add"), kin.lease(number, **more))


def update(kin: Kin, number: int = 10, **more: Any) -> Step:
    return ask(kin.command("update"), kin.lease(number, **more))


def without(lease: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in lease.items() if name not in names}


def wrong(kin: Kin, command: str, arguments: dict[str, Any], *names: str) -> Iterator[Case]:
    """Each argument with values of every type, and none."""
    for name in names:
        trials = [without(arguments, name), *({**arguments, name: value} for value in WRONG)]
        yield Case(f"{command} with wrong {name}", tuple(ask(kin.command(command), trial) for trial in trials))


def shapes(kin: Kin, *commands: str) -> Iterator[Case]:
    """No arguments, and arguments that are no map, but for those that Kea does not survive."""
    for command in commands:
        name = kin.command(command)
        steps = [ask(name, value) for value in MAPLESS]
        steps += [ask(name), ask(name, None)] * (command not in FATAL)
        yield Case(f"{command} with arguments of every shape", tuple(steps))


# -- entering ----------------------------------------------------------------------------------------------------------


def adding(kin: Kin) -> Iterator[Case]:
    """Leases as they are entered, and as they are shown then."""
    wide = kin.number == 6
    for what, more in (*_details(kin), *(_details6() if wide else _details4())):
        yield Case(f"add with {what}", (add(kin, **more), get(kin)))
    for number in (1, 100, 250):
        yield Case(f"add outside of the pools, {number}", (add(kin, number), get(kin, number)))
    least = kin.lease()
    for what, subnet, address in (
        ("in another subnet", 7, f"{kin.other}9"),
        ("in a shared network", 11, f"{kin.shared}10"),
        ("in the wrong subnet", 7, f"{kin.inside}10"),
        ("outside of all subnets", 1, f"{kin.outside}9"),
        ("in no subnet, to be found out", 0, f"{kin.outside}9"),
        ("in a subnet to be found out", 0, f"{kin.other}9"),
        ("in a subnet that is not there", 8, f"{kin.inside}10"),
        ("of the other family", 1, kin.foreign),
    ):
        lease = {**least, "subnet-id": subnet, "ip-address": address}
        found = ask(kin.command("get"), {"ip-address": address})
        yield Case(f"add {what}", (ask(kin.command("add"), lease), found))
    yield Case("add without a subnet", (ask(kin.command("add"), without(least, "subnet-id")), get(kin)))
    yield Case("add twice", (add(kin), add(kin), add(kin, hostname="another"), get(kin)))
    yield Case("add for a client that has one", (add(kin), add(kin, 11, **kin.owner(10)), get(kin, 11)))
    yield Case("add a reserved one", (add(kin, 200), get(kin, 200)))
    yield Case("add what get shows", (add(kin, cltt=1, **{"prefix-len": 128} if wide else {}), get(kin)))
    names = ["ip-address", "subnet-id", "valid-lft", "expire", "fqdn-fwd", "fqdn-rev", "hostname", "state"]
    names += ["hw-address", "user-context", "comment"]
    names += ["duid", "iaid", "type", "preferred-lft", "prefix-len"] if wide else ["client-id"]
    yield from wrong(kin, "add", least, *names)
    yield from shapes(kin, "add")


def _details(kin: Kin) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "the least", {}
    yield "a lifetime", {"valid-lft": 5000}
    yield "a lifetime of nothing", {"valid-lft": 0}
    yield "a lifetime for ever", {"valid-lft": 0xFFFFFFFF}
    yield "an end", {"expire": 4000000000}
    yield "an end and a lifetime", {"expire": 4000000000, "valid-lft": 1000}
    yield "an end long ago", {"expire": 1500000000, "valid-lft": 100}
    yield "an end before all time", {"expire": 50, "valid-lft": 100}
    for state in range(5):
        yield f"state {state}", {"state": state}
    yield "a host name", {"hostname": "Some.Name.Example.COM"}
    yield "a host name with a dot at its end", {"hostname": "some.example.com."}
    yield "an odd host name", {"hostname": "a, b&c;d"}
    yield "a host name in Greek", {"hostname": "κόσμος"}
    yield "a host name that is long", {"hostname": LONG_NAME}
    yield "a forward name", {"hostname": "some.example.com", "fqdn-fwd": True}
    yield "both names", {"hostname": "some.example.com", "fqdn-fwd": True, "fqdn-rev": True}
    yield "neither name", {"hostname": "some.example.com", "fqdn-fwd": False, "fqdn-rev": False}
    yield "a forward name that is none", {"fqdn-fwd": True}
    yield "a reverse name that is none", {"fqdn-rev": True, "hostname": ""}
    yield "remarks", {"user-context": {"a": 1, "b": [True, None, {"c": "d,e"}]}}
    yield "remarks that say nothing", {"user-context": {}}
    yield "a comment", {"comment": "by hand"}
    yield "remarks and a comment", {"user-context": {"a": 1}, "comment": "by hand"}
    yield "a comment twice", {"user-context": {"comment": "a"}, "comment": "by hand"}
    yield "force-create", {"force-create": True}
    yield "something unknown", {"x-y": 1}
    yield "its type", {"type": f"{'V4' if kin.number == 4 else 'IA_NA'}"}


def _details4() -> Iterator[tuple[str, dict[str, Any]]]:
    for text in ("01:02:03:04:05:06:07", "01", "0102", "ff:" * 127 + "ff", "x", "01:0", "01:02:"):
        yield f"client-id {text[:20]}", {"client-id": text}
    for text in ("02:00:00:00:00:0A", "2:0:0:0:0:a", "02000000000a", "0x02", "02", "02:" * 20 + "02", "02:0g"):
        yield f"hw-address {text[:20]}", {"hw-address": text}
    for text in ("192.0.2.010", " 192.0.2.10", "192.0.2", "192.0.2.256", "192.0.2.0", "192.0.2.255"):
        yield f"ip-address {text}", {"ip-address": text}


def _details6() -> Iterator[tuple[str, dict[str, Any]]]:
    yield "a prefix", PREFIX
    yield "a prefix of no pool", {**PREFIX, "ip-address": "2001:db9::", "prefix-len": 48}
    yield "a prefix without a length", without(PREFIX, "prefix-len")
    yield "a prefix of the wrong length", {**PREFIX, "prefix-len": 129}
    yield "a prefix of length 0", {**PREFIX, "prefix-len": 0}
    yield "a prefix with bits behind its end", {**PREFIX, "prefix-len": 48}
    yield "a prefix without a subnet", {**PREFIX, "subnet-id": 0}
    yield "a temporary address", {"type": "IA_TA"}
    yield "a type of its own", {"type": "V4"}
    yield "a type by number", {"type": "2"}
    yield "the length of an address", {"prefix-len": 128}
    yield "the length of no address", {"prefix-len": 64}
    yield "a preferred lifetime", {"preferred-lft": 100}
    yield "a preferred lifetime that is longer", {"preferred-lft": 5000}
    yield "a preferred lifetime of nothing", {"preferred-lft": 0}
    yield "both lifetimes", {"preferred-lft": 500, "valid-lft": 1000}
    yield "a valid lifetime that is shorter", {"valid-lft": 1000}
    yield "a hardware address", {"hw-address": "02:00:00:00:00:0a"}
    for text in ("00", "00:01", "00:01:02", "00010203", "ff:" * 127 + "ff", "ff:" * 130 + "ff", "x", "00:01:0g"):
        yield f"duid {text[:20]}", {"duid": text}
    yield "no duid, and declined", {"duid": "00", "state": 1}
    for number in (0, 0xFFFFFFFF, 0x100000000):
        yield f"iaid {number}", {"iaid": number}
    for text in ("2001:DB8:1:0::10", "2001:db8:1::", "2001:db8:1::1::", "::192.0.2.1", "2001:db8:1:0:0:0:0:10"):
        yield f"ip-address {text}", {"ip-address": text}


def updating(kin: Kin) -> Iterator[Case]:
    """Leases that change."""
    yield Case("update what is not there", (update(kin), get(kin)))
    yield Case("update or create", (update(kin, **{"force-create": True}), get(kin)))
    yield Case("update or rather not create", (update(kin, **{"force-create": False}), get(kin)))
    yield Case("create what is there", (add(kin), update(kin, hostname="new", **{"force-create": True}), get(kin)))
    for what, before, after in _changes(kin):
        yield Case(f"update {what}", (add(kin, **before), update(kin, **after), get(kin)))
    if kin.number == 6:
        yield Case("update a prefix", (add(kin, **PREFIX), update(kin, **PREFIX, iaid=77)))
        yield Case("update a prefix to be shorter", (add(kin, **PREFIX), update(kin, **{**PREFIX, "prefix-len": 65})))
        yield Case("update or create a prefix", (update(kin, **PREFIX, **{"force-create": True}),))
    yield from wrong(kin, "update", kin.lease(), "force-create", kin.name)
    yield from shapes(kin, "update")


def _changes(kin: Kin) -> tuple[tuple[str, dict[str, Any], dict[str, Any]], ...]:
    """What changes, and the lease before and after beyond the least."""
    return (
        ("nothing", {}, {}),
        ("its owner", {}, kin.owner(99)),
        ("its name", {"hostname": "old"}, {"hostname": "new"}),
        ("its name away", {"hostname": "old", "fqdn-fwd": True}, {}),
        ("its end", {}, {"expire": 4000000000}),
        ("its lifetime", {"valid-lft": 100}, {"valid-lft": 200}),
        ("its lifetime to the usual one", {"valid-lft": 100}, {}),
        ("its remarks", {"user-context": {"a": 1}}, {"user-context": {"b": 2}}),
        ("its remarks away", {"user-context": {"a": 1}}, {}),
        ("it to declined", {}, {"state": 1}),
        ("it from declined", {"state": 1}, {"state": 0}),
        ("it to reclaimed", {}, {"state": 2}),
        ("it from reclaimed", {"state": 2}, {}),
        ("declined to reclaimed", {"state": 1}, {"state": 2}),
        ("its subnet to be found out", {}, {"subnet-id": 0}),
        ("its subnet to a wrong one", {}, {"subnet-id": 7}),
        ("its subnet to none", {}, {"subnet-id": 8}),
    )


# -- looking -----------------------------------------------------------------------------------------------------------


def _some(kin: Kin) -> tuple[Step, ...]:
    """Leases of three subnets and three clients."""
    owner = kin.owner(10)
    more = ({"client-id": "01:02:00:00:00:00:0a"}, {"hw-address": "02:00:00:00:00:0a"})[kin.number == 6]
    return (
        add(kin, 10, hostname="a.example", **more),
        add(kin, 12, state=1, hostname="b.example"),
        add(kin, 11, expire=1500000000, **{"valid-lft": 100}),
        ask(kin.command("add"), {"subnet-id": 7, "ip-address": f"{kin.other}9", **owner, **more}),
        ask(kin.command("add"), {"subnet-id": 11, "ip-address": f"{kin.shared}10", **kin.owner(16)}),
        *(add(kin, 10, **PREFIX) for _ in range(kin.number == 6)),
    )


def finding(kin: Kin) -> Iterator[Case]:
    """One lease, by all that names it."""
    wide = kin.number == 6
    some = _some(kin)
    whose = {"subnet-id": 1, "identifier-type": kin.name, "identifier": kin.owner(10)[kin.name]}
    for what, selector in _selectors(kin, whose):
        yield Case(f"get by {what}", (*some, ask(kin.command("get"), selector)))
    if wide:
        yield Case("get a prefix", (*some, ask("lease6-get", PREFIX)))
        yield Case("get a prefix as an address", (*some, ask("lease6-get", without(PREFIX, "type"))))
        yield Case("get a temporary address", (add(kin, type="IA_TA"), get(kin, type="IA_TA"), get(kin)))
    yield from wrong(kin, "get", {"ip-address": f"{kin.inside}10"}, "ip-address", *["type"] * wide)
    yield from wrong(kin, "get", {**whose, "iaid": 10}, "subnet-id", "identifier-type", "identifier", *["iaid"] * wide)
    yield from shapes(kin, "get")


def _selectors(kin: Kin, whose: dict[str, Any]) -> Trials:
    """What names a lease of an address or of a client, or does not."""
    return (
        ("address", {"ip-address": f"{kin.inside}10"}),
        ("an address nobody has", {"ip-address": f"{kin.inside}99"}),
        ("an address of no subnet", {"ip-address": f"{kin.outside}1"}),
        ("an address of the other family", {"ip-address": kin.foreign}),
        ("address and type", {"ip-address": f"{kin.inside}10", "type": "IA_NA"}),
        ("address and the wrong type", {"ip-address": f"{kin.inside}10", "type": "IA_PD"}),
        ("address and no type", {"ip-address": f"{kin.inside}10", "type": "x"}),
        ("address and a wrong subnet", {"ip-address": f"{kin.inside}10", "subnet-id": 7}),
        ("address and more", {"ip-address": f"{kin.inside}10", "x-y": []}),
        ("identifier", whose),
        ("identifier without a subnet", without(whose, "subnet-id")),
        ("identifier without its type", without(whose, "identifier-type")),
        ("identifier-type alone", without(whose, "identifier")),
        ("identifier in another subnet", {**whose, "subnet-id": 7}),
        ("identifier in no subnet", {**whose, "subnet-id": 8}),
        ("identifier in subnet 0", {**whose, "subnet-id": 0}),
        ("an identifier nobody has", {**whose, "identifier": "02:ff:ff:ff:ff:ff"}),
        ("an identifier in capitals", {**whose, "identifier": str(whose["identifier"]).upper()}),
        ("an identifier that is none", {**whose, "identifier": "x:y"}),
        ("no identifier", {**whose, "identifier": ""}),
        ("a type that is none", {**whose, "identifier-type": "x"}),
        ("client-id", {**whose, "identifier-type": "client-id", "identifier": "01:02:00:00:00:00:0a"}),
        ("hw-address", {**whose, "identifier-type": "hw-address", "identifier": "02:00:00:00:00:0a"}),
        ("duid", {**whose, "identifier-type": "duid", "identifier": "00:03:00:01:02:00:00:00:00:0a"}),
        ("circuit-id", {**whose, "identifier-type": "circuit-id", "identifier": "01:02"}),
        ("flex-id", {**whose, "identifier-type": "flex-id", "identifier": "01:02"}),
        ("identifier and IAID", {**whose, "iaid": 10}),
        ("identifier and the wrong IAID", {**whose, "iaid": 11}),
        ("identifier, IAID and type", {**whose, "iaid": 10, "type": "IA_PD"}),
        ("identifier, IAID and a type nobody has", {**whose, "iaid": 10, "type": "IA_TA"}),
        ("both", {**whose, "ip-address": f"{kin.inside}12", "iaid": 10}),
    )


def listing(kin: Kin) -> Iterator[Case]:
    """Many leases: all of them, those of subnets, of clients, of a name; page by page."""
    some = _some(kin)
    yield Case("get-all of nothing", (ask(kin.command("get-all")),))
    subnets: Trials = (
        ("of everything", {}),
        ("of one subnet", {"subnets": [1]}),
        ("of two subnets", {"subnets": [1, 7]}),
        ("of two subnets, backwards", {"subnets": [7, 1]}),
        ("of a subnet twice", {"subnets": [7, 7]}),
        ("of no subnet", {"subnets": []}),
        ("of a subnet that is not there", {"subnets": [8]}),
        ("with more", {"subnets": [7], "x-y": 1}),
    )
    for what, arguments in subnets:
        yield Case(f"get-all {what}", (*some, ask(kin.command("get-all"), arguments)))
    yield from wrong(kin, "get-all", {"subnets": [1]}, "subnets")
    yield Case("get-all, wrong members", tuple(ask(kin.command("get-all"), {"subnets": [1, x]}) for x in WRONG[2:]))
    page = kin.command("get-page")
    pages: Trials = (
        ("from the start", {"from": "start", "limit": 2}),
        ("of one", {"from": "start", "limit": 1}),
        ("of all", {"from": "start", "limit": 100}),
        ("from an address", {"from": f"{kin.inside}10", "limit": 2}),
        ("from an address nobody has", {"from": f"{kin.inside}9", "limit": 2}),
        ("from the zero address", {"from": ("0.0.0.0", "::")[kin.number == 6], "limit": 2}),
        ("behind the end", {"from": ("255.255.255.255", "ffff::")[kin.number == 6], "limit": 2}),
        ("from the other family", {"from": kin.foreign, "limit": 2}),
        ("of nothing", {"from": "start", "limit": 0}),
    )
    for what, arguments in pages:
        yield Case(f"get-page {what}", (*some, ask(page, arguments)))
    yield Case("get-page without leases", (ask(page, {"from": "start", "limit": 2}),))
    yield from wrong(kin, "get-page", {"from": "start", "limit": 2}, "from", "limit")
    yield from _searching(kin, some)
    yield from shapes(kin, "get-all", "get-page")


def _searching(kin: Kin, some: tuple[Step, ...]) -> Iterator[Case]:
    own = kin.owner(10)[kin.name]
    searches: dict[str, tuple[str, ...]] = {
        kin.name: (own, own.upper(), "02:ff:ff:ff:ff:ff", "02", own.replace(":", ""), "x", "")
    }
    searches["hostname"] = ("a.example", "A.Example", "a.example.", "nobody", "a", "")
    if kin.number == 4:
        searches["client-id"] = ("01:02:00:00:00:00:0a", "01:02", "01", "x", "")
    for name, values in searches.items():
        command = kin.command(f"get-by-{name}")
        yield Case(f"get-by-{name}", (*some, *(ask(command, {name: value}) for value in values)))
        yield from wrong(kin, f"get-by-{name}", {name: values[0]}, name)
        yield from shapes(kin, f"get-by-{name}")
    yield Case("get-by-state", (ask(kin.command("get-by-state"), {"state": 1}),))
    if kin.number == 6:
        yield Case("get-by-hw-address", (ask("lease6-get-by-hw-address", {"hw-address": "02:00:00:00:00:0a"}),))


# -- taking away -------------------------------------------------------------------------------------------------------


def deleting(kin: Kin) -> Iterator[Case]:
    """Leases that go, one by one."""
    some = _some(kin)
    whose = {"subnet-id": 1, "identifier-type": kin.name, "identifier": kin.owner(10)[kin.name]}
    for what, selector in (
        ("by address", {"ip-address": f"{kin.inside}10"}),
        ("a declined one", {"ip-address": f"{kin.inside}12"}),
        ("one that has ended", {"ip-address": f"{kin.inside}11"}),
        ("what is not there", {"ip-address": f"{kin.inside}99"}),
        ("an address of the other family", {"ip-address": kin.foreign}),
        ("by identifier", {**whose, "iaid": 10}),
        ("by identifier without an IAID", whose),
        ("by an identifier nobody has", {**whose, "identifier": "02:ff:ff:ff:ff:ff", "iaid": 1}),
        ("by identifier in another subnet", {**whose, "subnet-id": 7, "iaid": 10}),
        ("by client-id", {**whose, "identifier-type": "client-id", "identifier": "01:02:00:00:00:00:0a"}),
        ("by hw-address", {**whose, "identifier-type": "hw-address", "identifier": "02:00:00:00:00:0a"}),
        ("with update-ddns", {"ip-address": f"{kin.inside}10", "update-ddns": False}),
        ("with update-ddns on", {"ip-address": f"{kin.inside}10", "update-ddns": True}),
        ("with a prefix's type", {"ip-address": "2001:db8:8:1::", "type": "IA_PD"}),
        ("a prefix as an address", {"ip-address": "2001:db8:8:1::"}),
    ):
        yield Case(f"del {what}", (*some, ask(kin.command("del"), selector)))
    yield Case("del twice", (add(kin), *[ask(kin.command("del"), {"ip-address": f"{kin.inside}10"})] * 2))
    yield from wrong(kin, "del", {"ip-address": f"{kin.inside}10"}, "ip-address", "update-ddns")
    yield from shapes(kin, "del")


def wiping(kin: Kin) -> Iterator[Case]:
    """Leases that go, all together; and what else is done with all of them."""
    some = _some(kin)
    wipe = kin.command("wipe")
    for what, arguments in (
        ("one subnet", {"subnet-id": 1}),
        ("another subnet", {"subnet-id": 7}),
        ("all subnets", {"subnet-id": 0}),
        ("all subnets, unsaid", {}),
        ("a subnet that is not there", {"subnet-id": 8}),
        ("with more", {"subnet-id": 7, "x-y": 1}),
    ):
        yield Case(f"wipe {what}", (*some, ask(wipe, arguments)))
    yield Case("wipe without a word", (*some, ask(wipe), ask(wipe)))
    yield from wrong(kin, "wipe", {"subnet-id": 1}, "subnet-id")
    yield from shapes(kin, "wipe")
    yield Case("write", (*some, ask(kin.command("write"), {"filename": "@DIRECTORY@/written.csv"})))
    resend = kin.command("resend-ddns")
    yield Case("resend-ddns", (*some, *(ask(resend, {"ip-address": f"{kin.inside}{n}"}) for n in (10, 11, 99))))
    yield from wrong(kin, "resend-ddns", {"ip-address": f"{kin.inside}10"}, "ip-address")
    yield from shapes(kin, "resend-ddns")


def bulk(kin: Kin) -> Iterator[Case]:
    """``lease6-bulk-apply``, which there is for DHCPv6 only."""
    if kin.number == 4:
        yield Case("bulk-apply", (ask("lease4-bulk-apply", {"leases": []}),))
        return
    apply = "lease6-bulk-apply"
    two = [kin.lease(13), kin.lease(14, type="IA_PD", **{"ip-address": "2001:db8:8:2::", "prefix-len": 64})]
    gone = [{"ip-address": f"{kin.inside}10"}, {"ip-address": "2001:db8:8:1::", "type": "IA_PD"}]
    absent = [{"ip-address": f"{kin.inside}77"}]
    by_duid = {"subnet-id": 1, "identifier-type": "duid", "identifier": kin.owner(10)["duid"], "iaid": 10}
    for what, arguments in (
        ("leases", {"leases": two}),
        ("leases that are there", {"leases": [kin.lease(10, hostname="new"), kin.lease(12)]}),
        ("leases twice", {"leases": [kin.lease(13, hostname="one"), kin.lease(13, hostname="two")]}),
        ("deletions", {"deleted-leases": gone}),
        ("both", {"deleted-leases": gone, "leases": two}),
        ("a deletion and the same again", {"deleted-leases": gone[:1], "leases": [kin.lease(10, hostname="new")]}),
        ("deletions of nothing", {"deleted-leases": absent}),
        ("some deletions of nothing", {"deleted-leases": [*absent, *gone]}),
        ("a deletion by DUID", {"deleted-leases": [by_duid]}),
        ("a deletion by the wrong DUID", {"deleted-leases": [{**by_duid, "identifier": "00:01:02"}]}),
        ("nothing deleted, some added", {"deleted-leases": absent, "leases": two}),
        ("a bad lease", {"leases": [*two, {"ip-address": "x"}]}),
        ("a lease of no subnet", {"leases": [*two, kin.lease(15, **{"subnet-id": 8})]}),
        ("a lease outside of its subnet", {"leases": [*two, kin.lease(15, **{"ip-address": f"{kin.outside}1"})]}),
        ("a bad deletion", {"deleted-leases": [*gone, {"ip-address": 3}], "leases": two}),
        ("empty lists", {"deleted-leases": [], "leases": []}),
        ("an empty list", {"leases": []}),
        ("something else", {"x-y": []}),
        ("declined leases", {"leases": [kin.lease(13, state=1)]}),
        ("members that are no maps", {"leases": [1]}),
    ):
        yield Case(f"bulk-apply {what}", (*_some(kin), ask(apply, arguments), ask("lease6-get-all")))
    yield from wrong(kin, "bulk-apply", {"leases": two, "deleted-leases": gone}, "leases", "deleted-leases")
    yield from shapes(kin, "bulk-apply")
