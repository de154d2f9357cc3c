"""What a scope inherits, and the parameters that come of it (Kea A019, A037, A038)."""

from __future__ import annotations

import re
from typing import Any, Final

from txkea.config.families import Family, Values
from txkea.config.keywords import ABSENT, DDNS_BEHAVIOUR
from txkea.config.kinds import address4
from txkea.config.structure import Section
from txkea.model.configuration import DdnsBehaviour, Lifetime, Parameters, ReplaceClientName

__all__ = ["Scopes", "bounded", "check_bounds", "inherit", "lifetime", "plain"]

HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
TIMERS: Final = ("renew-timer", "rebind-timer", "valid-lifetime")
TEE_TIMES: Final = ("t1-percent", "t2-percent", "calculate-tee-times")
DDNS_NAMES: Final = tuple(name for name, row in DDNS_BEHAVIOUR.items() if not row.becomes)


def plain(value: Any) -> Any:
    """A section's value as JSON, with the defaults of the maps in it."""
    if isinstance(value, Section):
        return {
            row.name: plain(value.get(row.name))
            for row in value.table.values()
            if not row.becomes and (row.name in value.values or row.default is not ABSENT)
        }
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value


def inherit(section: Section, outer: Values, family: Family) -> Values:
    """The values in force in a section that stands in ``outer``."""
    own = {
        name: plain(value) for name, value in section.values.items() if family.inherits(name) and name in section.nodes
    }
    return {**outer, **own} if own else outer


def bounded(values: Values, family: Family) -> Values:
    """The values with the bounds of lifetimes that are the lifetimes themselves written out."""
    bounds = {f"{bound}-{name}": values[name] for name in family.lifetimes for bound in ("min", "max")}
    return {**bounds, **values}


class Scopes:
    """Makes the parameters of scopes and checks that their values go together."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self._ddns: dict[tuple[Any, ...], DdnsBehaviour] = {}
        self._last: tuple[Values, Parameters] | None = None

    def parameters(self, section: Section, values: Values) -> Parameters:
        """The parameters of a scope; mistakes are reported where the section has a part in them."""
        check(section, values, self.family)
        # Most subnets have nothing of their own: their values are their network's, or the global ones, themselves.
        if self._last is None or self._last[0] is not values:
            self._last = values, self.made(values)
        return self._last[1]

    def made(self, values: Values) -> Parameters:
        """The parameters that values are, with an object of their own."""
        parse = self.family.address
        return Parameters(
            valid_lifetime=lifetime(values, "valid-lifetime"),
            renew_timer=values.get("renew-timer"),
            rebind_timer=values.get("rebind-timer"),
            calculate_tee_times=values["calculate-tee-times"],
            t1_percent=float(values["t1-percent"]),
            t2_percent=float(values["t2-percent"]),
            interface=values["interface"],
            relay_addresses=tuple([parse(text) for text in values["relay"]["ip-addresses"]]),
            reservations_global=values["reservations-global"],
            reservations_in_subnet=values["reservations-in-subnet"],
            reservations_out_of_pool=values["reservations-out-of-pool"],
            store_extended_info=values["store-extended-info"],
            cache_threshold=float(values["cache-threshold"]),
            cache_max_age=values.get("cache-max-age", 0),
            allocator=values["allocator"],
            ddns=self.ddns(values),
            **OWN[self.family.number](values),
        )

    def ddns(self, values: Values) -> DdnsBehaviour:
        """How names are chosen; one object for all scopes that agree."""
        key = tuple([values.get(name) for name in DDNS_NAMES])
        if key not in self._ddns:
            self._ddns[key] = ddns_behaviour(values)
        return self._ddns[key]


def own4(values: Values) -> dict[str, Any]:
    return {
        "match_client_id": values["match-client-id"],
        "authoritative": values["authoritative"],
        "next_server": address4(values["next-server"] or "0.0.0.0"),
        "server_hostname": values["server-hostname"],
        "boot_file_name": values["boot-file-name"],
        "offer_lifetime": values["offer-lifetime"],
    }


def own6(values: Values) -> dict[str, Any]:
    return {
        "preferred_lifetime": preferred(values),
        "rapid_commit": values["rapid-commit"],
        "interface_id": interface_id(values.get("interface-id", "")),
        "pd_allocator": values["pd-allocator"],
    }


OWN: Final = {4: own4, 6: own6}
"""The parameters that only one family has."""


def lifetime(values: Values, name: str) -> Lifetime:
    """A lifetime, whose bounds are itself where none are given."""
    default: int = values[name]
    return Lifetime(default, values.get(f"min-{name}", default), values.get(f"max-{name}", default))


def preferred(values: Values) -> Lifetime:
    """The preferred lifetime, no longer than the valid one: clients throw such leases away (RFC 8415 section 21.6)."""
    wanted = lifetime(values, "preferred-lifetime")
    if wanted.default <= values["valid-lifetime"]:
        return wanted
    default = values["valid-lifetime"]
    return Lifetime(default, min(wanted.minimum, default), wanted.maximum)


def interface_id(text: str) -> bytes:
    """The interface-id of relays: text, or bytes as 0x and pairs of hexadecimal digits (Kea 2.2.0 knows text only)."""
    digits = text[2:] if text.startswith("0x") else ""
    return bytes.fromhex(digits) if HEX.fullmatch(digits) else text.encode()


def ddns_behaviour(values: Values) -> DdnsBehaviour:
    percent = values.get("ddns-ttl-percent")
    return DdnsBehaviour(
        send_updates=values["ddns-send-updates"],
        override_no_update=values["ddns-override-no-update"],
        override_client_update=values["ddns-override-client-update"],
        replace_client_name=ReplaceClientName(values["ddns-replace-client-name"]),
        generated_prefix=values["ddns-generated-prefix"],
        qualifying_suffix=values["ddns-qualifying-suffix"],
        update_on_renew=values["ddns-update-on-renew"],
        conflict_resolution_mode=values["ddns-conflict-resolution-mode"],
        ttl_percent=None if percent is None else float(percent),
        ttl=values.get("ddns-ttl"),
        ttl_minimum=values.get("ddns-ttl-min"),
        ttl_maximum=values.get("ddns-ttl-max"),
        hostname_char_set=values["hostname-char-set"],
        hostname_char_replacement=values["hostname-char-replacement"],
    )


# -- what must go together ---------------------------------------------------------------------------------------------


def check(section: Section, values: Values, family: Family) -> None:
    """Report what the section's own values and those it inherits do to each other."""
    own = section.nodes
    for name in family.lifetimes:
        if own.keys() & {name, f"min-{name}", f"max-{name}"}:
            check_bounds(section, values, name)
    if any(name in own for name in TIMERS):
        check_timers(section, values, family)
    if any(name in own for name in TEE_TIMES):
        check_tee_times(section, values)
    if "preferred-lifetime" in own and values["preferred-lifetime"] > values["valid-lifetime"]:
        message = f"this is longer than valid-lifetime {values['valid-lifetime']}, so it ends with that"
        section.warn("preferred-lifetime", message)
    if "interface-id" in family.from_network and "interface-id" in own:
        check_interface_id(section)
    if "relay" in own:
        check_relay(section.values["relay"], family)


def first(section: Section, *names: str) -> str:
    return next(name for name in names if name in section.nodes)


def check_bounds(section: Section, values: Values, name: str) -> None:
    """Report a lifetime that is outside of its bounds."""
    bounds = lifetime(values, name)
    low, high = f"min-{name}", f"max-{name}"
    if bounds.minimum > bounds.default:
        message = f"{low} {bounds.minimum} is above {name} {bounds.default}; lower it"
        section.wrong(first(section, low, name, high), message)
    elif bounds.maximum < bounds.default:
        message = f"{high} {bounds.maximum} is below {name} {bounds.default}; raise it"
        section.wrong(first(section, high, name, low), message)


NOT_SENT: Final = {4: "so it is not sent", 6: "so it is sent as 0"}


def check_timers(section: Section, values: Values, family: Family) -> None:
    """Warn of timers that come too late (Kea A109, B041)."""
    renew, rebind, valid = (values.get(name) for name in TIMERS)
    where = first(section, *TIMERS)
    if rebind is not None and valid is not None and rebind >= valid:
        effect = "so it is not sent" if family.number == 4 else "so leases end before it"
        section.warn(where, f"rebind-timer {rebind} is not below valid-lifetime {valid}, {effect}")
    limit = valid if rebind is None else rebind
    if renew is not None and limit is not None and renew >= limit:
        section.warn(where, f"renew-timer {renew} is not below {limit}, {NOT_SENT[family.number]}")


def check_tee_times(section: Section, values: Values) -> None:
    """Shares that timers are computed from are in order, and neither nothing nor everything."""
    one, two = values["t1-percent"], values["t2-percent"]
    where = first(section, *TEE_TIMES)
    if values["calculate-tee-times"] and not 0 < one < two < 1:
        section.wrong(where, f"t1-percent {one} and t2-percent {two} must be between 0 and 1, the first one smaller")
    elif one >= two:
        section.warn(where, "t1-percent is not below t2-percent, so no T1 is sent")


def check_interface_id(section: Section) -> None:
    """A scope is reached by an interface of this machine or one of a relay (Kea B015)."""
    text, interface = section.values["interface-id"], section.values.get("interface")
    if text and interface:
        section.wrong(
            "interface-id", f"the interface {interface} is named too; a client is heard directly or by a relay"
        )
    if not text.isascii():
        section.warn("interface-id", "this is taken as UTF-8; write other bytes in hexadecimal like 0x0a1b2c")


def check_relay(relay: Section, family: Family) -> None:
    """A relay is named once (Kea A064)."""
    seen: set[bytes] = set()
    for at, text in relay.elements("ip-addresses"):
        address = family.address(text)
        if address in seen:
            relay.wrong("ip-addresses", f"{text} is named twice; name it once", at)
        seen.add(address)
