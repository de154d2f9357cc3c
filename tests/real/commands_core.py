"""Commands about the server, its configuration and its statistics; nothing here says what is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tests.real.commands import Case, Step, Trials, ask
from tests.real.commands_scenes import PREFIX, Kin, document, rich

__all__ = ["configurations", "files", "oddities", "operations", "removals", "samples", "statistics"]

SHAPES: Final[tuple[Any, ...]] = (None, {}, [], "x", 1, True, [{}], {"x-y": 1})
WRONG: Final[tuple[Any, ...]] = (None, True, -1, 0, 1.5, 1 << 40, "x", "", [], {}, ["x"])

WRONG_EXITS: Final[tuple[Any, ...]] = ({"exit-value": "x"}, {"exit-value": 1.5}, {"exit-value": True}, [], "x")
"""With a key that is unknown Kea ends."""
WRONG_FILES: Final[tuple[Any, ...]] = (1, "", [], None, "@DIRECTORY@/no/where.conf", "@DIRECTORY@")
ANY: Final = range(-1 << 62, 1 << 62)
SAMPLES: Final = range(1, 1 << 31)
"""Asked for another number of samples, or a longer time, Kea 2.2.0 has none any more, and may end."""


def shapes(command: str) -> Case:
    """A command that takes no arguments, with arguments."""
    return Case(f"{command} with arguments of every shape", tuple(ask(command, value) for value in SHAPES))


def wrong(command: str, arguments: dict[str, Any], *names: str, survived: range = ANY) -> Iterator[Case]:
    """Each argument with values of every type, and none, but for numbers that Kea does not survive."""
    for name in names:
        absent = {other: value for other, value in arguments.items() if other != name}
        values = [value for value in WRONG if type(value) is not int or value in survived]
        trials = [absent, *({**arguments, name: value} for value in values)]
        yield Case(f"{command} with wrong {name}", tuple(ask(command, trial) for trial in trials))


def oddities(kin: Kin) -> Iterator[Case]:
    """What a server tells about itself, and what is no command."""
    for command in ("list-commands", "version-get", "build-report", "status-get", "server-tag-get"):
        yield Case(command, (ask(command),))
        yield shapes(command)
    yield Case("config-hash-get", (ask("config-hash-get"),))
    for name in ("", "x", "list-command", "LIST-COMMANDS", "list-commands ", "config-get\n", "λ", "'", "x" * 300):
        yield Case(f"unknown command {name[:20]!r}", (ask(name), ask(name, {"a": 1})))
    other = 10 - kin.number
    yield Case("commands of the other family", (ask(f"lease{other}-get-all"), ask(f"stat-lease{other}-get")))
    for arguments in WRONG_EXITS:
        yield Case(f"shutdown with {arguments}", (ask("shutdown", arguments), ask("version-get")))


def operations(kin: Kin) -> Iterator[Case]:
    """The service switched off and on, and leases reclaimed."""
    off, on, status = "dhcp-disable", "dhcp-enable", ask("status-get")
    for what, arguments in (
        ("nothing", None),
        ("a period", {"max-period": 60}),
        ("no period", {}),
        ("a user", {"origin": "user"}),
        ("a partner", {"origin": "ha-partner"}),
        ("both", {"origin": "ha-partner", "max-period": 60}),
        ("an unknown origin", {"origin": "x"}),
        ("an origin by number", {"origin": 2000}),
        ("an origin-id", {"origin-id": 2000}),
        ("something unknown", {"x-y": 1}),
    ):
        given = () if arguments is None else (arguments,)
        yield Case(f"{off} with {what}", (ask(off, *given), status, ask(on), status, ask(on, {"origin": "ha-partner"})))
        yield Case(f"{on} with {what}", (ask(on, *given), status))
    yield Case(f"{off} twice, {on} once", (ask(off), ask(off, {"max-period": 60}), ask(on), status))
    yield from wrong(off, {"max-period": 60}, "max-period", "origin")
    yield from wrong(on, {}, "origin")
    yield Case(f"{on} again", (ask(on, {"origin": "ha-partner"}), status))
    yield from _reclaiming(kin)
    for command in ("config-backend-pull", "libreload"):
        yield Case(command, (ask(command), *(ask(command, value) for value in SHAPES)))


def _reclaiming(kin: Kin) -> Iterator[Case]:
    over = {"expire": 1500000000, "valid-lft": 100}
    ended: tuple[Step, ...] = (
        ask(kin.command("add"), kin.lease(10, **over)),
        ask(kin.command("add"), kin.lease(11, **over, state=1)),
        ask(kin.command("add"), kin.lease(12, **over, state=2)),
        ask(kin.command("add"), kin.lease(13)),
        ask(kin.command("add"), kin.lease(250, **over)),
    )
    if kin.number == 6:
        ended += (ask("lease6-add", kin.lease(10, **over, **PREFIX)),)
    command = "leases-reclaim"
    for remove in (True, False):
        name = f"{command} {'to remove' if remove else 'to keep'}"
        yield Case(name, (*ended, ask(command, {"remove": remove}), ask(kin.command("get-all"))))
        yield Case(f"{name} nothing", (ask(command, {"remove": remove}),))
    again = ask(command, {"remove": False}), ask(command, {"remove": False}), ask(command, {"remove": True})
    yield Case(f"{command} again", (*ended, *again))
    yield Case(f"{command} with more", (*ended, ask(command, {"remove": True, "x-y": 1})))
    yield from wrong(command, {"remove": True}, "remove")
    yield shapes(command)


# -- the configuration -------------------------------------------------------------------------------------------------


def configurations(kin: Kin) -> Iterator[Case]:
    """Configurations that are shown, tested, put into force, and refused."""
    plain, shown = document(kin.number), ask("config-get")
    yield Case("config-get", (shown, *(ask("config-get", value) for value in SHAPES)))
    yield Case("config-set of most there is", (ask("config-set", rich(kin.number)), shown), True)
    for name, more in _changes(kin):
        whole = document(kin.number, **more)
        test, put = ask("config-test", whole), ask("config-set", whole)
        yield Case(f"config-set with {name}", (test, put, shown, ask("statistic-get-all")), True)
    bad: Trials = (
        *((name, document(kin.number, **more)) for name, more in _refused(kin)),
        ("no map", {}),
        ("another map", {f"Dhcp{10 - kin.number}": plain[kin.top]}),
        ("another map besides", {**plain, "Dhcp": {}}),
        ("a map that is none", {kin.top: []}),
        ("a list", []),
        ("a text", "x"),
        ("nothing", None),
        ("loggers besides", {**plain, "Logging": {"loggers": []}}),
    )
    for name, whole in bad:
        yield Case(f"bad configuration: {name}", (ask("config-test", whole), ask("config-set", whole), shown), True)
    yield Case("bad configuration: none", (ask("config-test"), ask("config-set"), shown))
    yield Case("config-set to one subnet, with leases", _moved(kin), True)


def _changes(kin: Kin) -> Iterator[tuple[str, dict[str, Any]]]:
    prefix = {4: "10.{}.0.0/16", 6: "2001:db8:{}::/64"}[kin.number]
    yield "the same", {}
    yield "another lifetime", {"valid-lifetime": 1234}
    yield "no subnets", {kin.subnets: [], "shared-networks": []}
    yield "other subnets", {kin.subnets: [{"id": 5, "subnet": prefix.format(5)}]}
    yield "subnets without ids", {kin.subnets: [{"subnet": prefix.format(n)} for n in (5, 6)], "shared-networks": []}
    pool = {4: "10.5.0.0/30", 6: "2001:db8:5::/126"}[kin.number]
    yield "another pool", {kin.subnets: [{"id": 1, "subnet": prefix.format(5), "pools": [{"pool": pool}]}]}
    yield (
        "a class",
        {"client-classes": [{"name": "a", "test": "member('KNOWN')"}, {"name": "b", "test": "member('a')"}]},
    )
    options = [{"name": {4: "domain-name-servers", 6: "dns-servers"}[kin.number], "data": kin.inside + "53"}]
    yield "an option", {"option-data": options}
    yield "a definition", {"option-def": [{"name": "mine", "code": 230, "type": "uint16", "array": True}]}
    yield "remarks", {"user-context": {"a": {"b": [1, 2]}}, "comment": "by hand"}
    yield "samples limited", {"statistic-default-sample-count": 3, "statistic-default-sample-age": 60}
    yield "names", {"ddns-qualifying-suffix": "example.com", "ddns-send-updates": False}
    yield "no hooks", {"hooks-libraries": []}
    yield "several threads", {"multi-threading": {"enable-multi-threading": True, "thread-pool-size": 2}}
    yield "reservations everywhere", {"reservations": [{**_reserved(kin), "hostname": "anybody"}]}
    yield "old words for reservations", {"reservation-mode": "global"}
    yield "another tag", {"server-tag": "south"}
    yield (
        "another queue",
        {"dhcp-queue-control": {"enable-queue": True, "queue-type": f"kea-ring{kin.number}", "capacity": 100}},
    )


def _reserved(kin: Kin) -> dict[str, Any]:
    owner = kin.owner(10)
    return {kin.name: owner[kin.name]}


def _refused(kin: Kin) -> Iterator[tuple[str, dict[str, Any]]]:
    one = {"id": 1, "subnet": {4: "10.5.0.0/16", 6: "2001:db8:5::/64"}[kin.number]}
    yield "an unknown keyword", {"x-y": 1}
    yield "a number that is a text", {"valid-lifetime": "4000"}
    yield "a number below 0", {"valid-lifetime": -1}
    yield "a subnet that is none", {kin.subnets: [{"id": 1, "subnet": "x"}]}
    yield "a subnet without a prefix", {kin.subnets: [{"id": 1}]}
    yield "a subnet twice", {kin.subnets: [one, {**one, "id": 2}]}
    yield "an id twice", {kin.subnets: [one, {**one, "subnet": f"{kin.other}0/{ {4: 24, 6: 64}[kin.number] }"}]}
    yield "a pool elsewhere", {kin.subnets: [{**one, "pools": [{"pool": f"{kin.outside}1-{kin.outside}2"}]}]}
    yield "a pool backwards", {kin.subnets: [{**one, "pools": [{"pool": f"{kin.inside}9-{kin.inside}1"}]}]}
    yield "a class that is none", {"client-classes": [{"name": "a", "test": "nonsense("}]}
    yield "a class without a name", {"client-classes": [{"test": "member('KNOWN')"}]}
    yield "an option nobody knows", {"option-data": [{"name": "x-y", "data": "1"}]}
    yield (
        "an option that cannot be read",
        {"option-data": [{"code": 3, "data": "x"}, {"name": "dns-servers", "data": "x"}]},
    )
    yield "a hook that is not there", {"hooks-libraries": [{"library": "/nowhere/libdhcp_none.so"}]}
    yield "an interface that is not there", {"interfaces-config": {"interfaces": ["x/y/z"]}}
    yield "a lease database that is none", {"lease-database": {"type": "x"}}


def _moved(kin: Kin) -> tuple[Step, ...]:
    """Leases of three subnets, of which one stays."""
    shown = ask(kin.command("get-all"))
    one = document(kin.number, **{"shared-networks": []})
    one[kin.top][kin.subnets] = one[kin.top][kin.subnets][:1]
    return (
        ask(kin.command("add"), kin.lease(10)),
        ask(kin.command("add"), kin.lease(11, state=1)),
        ask(kin.command("add"), {**kin.lease(12), "subnet-id": 7, "ip-address": f"{kin.other}9"}),
        ask("config-set", one),
        shown,
        ask("statistic-get-all"),
        ask(f"stat-lease{kin.number}-get"),
        ask("config-set", document(kin.number)),
        shown,
        ask("statistic-get-all"),
        ask(f"stat-lease{kin.number}-get"),
    )


def files(kin: Kin) -> Iterator[Case]:
    """Configurations that are written and read."""
    write, read, shown = "config-write", ask("config-reload"), ask("config-get")
    changed = ask("config-set", document(kin.number, **{"valid-lifetime": 1234}))
    yield Case("config-reload", (read, shown, *(ask("config-reload", value) for value in SHAPES)), True)
    yield Case("config-set, then config-reload", (changed, read, shown), True)
    yield Case("config-write, then config-reload", (changed, ask(write), read, shown), True)
    yield Case(
        "config-write into another file", (ask(write, {"filename": "@DIRECTORY@/other.conf"}), read, shown), True
    )
    yield Case("config-write with a text", (ask(write, "x"),), True)
    for name in WRONG_FILES:
        yield Case(f"config-write into {name!r}", (ask(write, {"filename": name}),), True)


# -- statistics --------------------------------------------------------------------------------------------------------


def statistics(kin: Kin) -> Iterator[Case]:
    """Statistics that are shown and set back."""
    known, own = f"pkt{kin.number}-received", _assigned(kin)
    every = ask("statistic-get-all")
    yield Case("statistic-get-all", (every, *(ask("statistic-get-all", value) for value in SHAPES)))
    some = (*(ask(kin.command("add"), kin.lease(n)) for n in (10, 11)), ask(kin.command("add"), kin.lease(12, state=1)))
    for command in ("get", "reset"):
        name = f"statistic-{command}"
        for what in (
            known,
            own,
            "x",
            "",
            "subnet[1]",
            "subnet[9].assigned-nas",
            "declined-addresses",
            " ",
            own.upper(),
        ):
            yield Case(f"{name} of {what!r}", (*some, ask(name, {"name": what}), ask("statistic-get", {"name": own})))
        yield Case(f"{name} with more", (ask(name, {"name": known, "x-y": 1}),))
        yield from wrong(name, {"name": known}, "name")
        yield shapes(name)
    yield Case("statistic-get after a change", (*some, every, ask(kin.command("wipe")), every))
    yield Case("statistic-reset-all", (*some, ask("statistic-reset-all"), every))
    yield shapes("statistic-reset-all")
    yield from _leased(kin, some)


def _assigned(kin: Kin) -> str:
    return f"subnet[1].assigned-{'addresses' if kin.number == 4 else 'nas'}"


def _leased(kin: Kin, some: tuple[Step, ...]) -> Iterator[Case]:
    """``stat-leaseX-get`` of all subnets and of some."""
    command = f"stat-lease{kin.number}-get"
    both = {"first-subnet-id": 1, "last-subnet-id": 7}
    extra = [ask(kin.command("add"), {**kin.lease(14), "subnet-id": 7, "ip-address": f"{kin.other}9"})]
    if kin.number == 6:
        extra.append(ask("lease6-add", kin.lease(10, **PREFIX)))
        extra.append(ask("lease6-add", kin.lease(15, type="IA_TA")))
    extra.append(ask(kin.command("add"), kin.lease(16, expire=1500000000, **{"valid-lft": 100})))
    extra.append(ask(kin.command("add"), kin.lease(17, state=2)))
    for what, arguments in (
        ("everything", {}),
        ("a subnet", {"subnet-id": 1}),
        ("a subnet of a shared network", {"subnet-id": 11}),
        ("a subnet that is not there", {"subnet-id": 8}),
        ("a range", {"subnet-range": both}),
        ("a range of one", {"subnet-range": {"first-subnet-id": 7, "last-subnet-id": 7}}),
        ("a range of none", {"subnet-range": {"first-subnet-id": 2, "last-subnet-id": 3}}),
        ("a range of more", {"subnet-range": {"first-subnet-id": 2, "last-subnet-id": 99}}),
        ("a range backwards", {"subnet-range": {"first-subnet-id": 7, "last-subnet-id": 1}}),
        ("half a range", {"subnet-range": {"first-subnet-id": 7}}),
        ("the other half of a range", {"subnet-range": {"last-subnet-id": 7}}),
        ("a range of texts", {"subnet-range": {"first-subnet-id": "1", "last-subnet-id": "7"}}),
        ("a range with more", {"subnet-range": {**both, "x-y": 1}}),
        ("both", {"subnet-id": 1, "subnet-range": both}),
        ("with more", {"subnet-id": 1, "x-y": 1}),
    ):
        yield Case(f"{command} of {what}", (*some, *extra, ask(command, arguments)))
    yield Case(command, (*some, *extra, ask(command)))
    yield from wrong(command, {"subnet-id": 1}, "subnet-id")
    yield from wrong(command, {}, "subnet-range")
    yield shapes(command)


def samples(kin: Kin) -> Iterator[Case]:
    """How many samples are kept, and how long."""
    known = f"pkt{kin.number}-received"
    for command, argument in (("count", "max-samples"), ("age", "duration")):
        one, every = f"statistic-sample-{command}-set", f"statistic-sample-{command}-set-all"
        get = ask("statistic-get", {"name": known})
        yield Case(one, (ask(one, {"name": known, argument: 3}), get))
        yield Case(f"{one} with a name alone", (ask(one, {"name": known}), get))
        yield Case(f"{one} of what is not there", (ask(one, {"name": "x", argument: 3}), get))
        yield Case(f"{one} with more", (ask(one, {"name": known, argument: 3, "x-y": 1}),))
        yield Case(every, (ask(every, {argument: 30}), get))
        yield from wrong(one, {"name": known, argument: 3}, "name", argument, survived=SAMPLES)
        yield from wrong(every, {argument: 30}, argument, survived=SAMPLES)
        yield shapes(one)
        yield shapes(every)


def removals(kin: Kin) -> Iterator[Case]:
    """Statistics that are taken away."""
    known, own = f"pkt{kin.number}-received", _assigned(kin)
    remove, every = "statistic-remove", ask("statistic-get-all")
    add = ask(kin.command("add"), kin.lease(10))
    yield from wrong(remove, {"name": known}, "name")
    yield shapes(remove)
    yield Case(f"{remove} of what is not there", (ask(remove, {"name": "x"}),))
    get = ask("statistic-get", {"name": known})
    yield Case(remove, (ask(remove, {"name": known}), get, ask(remove, {"name": known}), get))
    yield Case(f"{remove} of a subnet's", (ask(remove, {"name": own}), ask("statistic-get", {"name": own})))
    yield Case(f"{remove}-all", (ask(f"{remove}-all"), every), True)
    yield Case(f"{remove}-all, then a lease", (ask(f"{remove}-all"), add, every), True)
    yield shapes(f"{remove}-all")
