"""What a scope inherits, and the parameters that come of it (Kea A019, A037, A038)."""

from __future__ import annotations

from typing import Any, Final

from txkea.config.keywords import ABSENT, DDNS_BEHAVIOUR
from txkea.config.keywords4 import INHERITED, INHERITED_FROM_NETWORK
from txkea.config.kinds import address4
from txkea.config.structure import Section
from txkea.model.configuration import DdnsBehaviour, Lifetime, Parameters, ReplaceClientName

__all__ = ["OUTERMOST", "Scopes", "Values", "inherit", "plain"]

Values = dict[str, Any]
"""The inheritable values that are in force in a scope, plain JSON, by keyword."""

OUTERMOST: Final[Values] = {
    row.name: row.default
    for row in (*INHERITED.values(), *INHERITED_FROM_NETWORK.values())
    if row.default is not ABSENT and not row.becomes
}
OUTERMOST["relay"] = {"ip-addresses": []}

LIFETIMES: Final = ("valid-lifetime", "min-valid-lifetime", "max-valid-lifetime")
TIMERS: Final = ("renew-timer", "rebind-timer", "valid-lifetime")
TEE_TIMES: Final = ("t1-percent", "t2-percent")
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


def inherit(section: Section, outer: Values) -> Values:
    """The values in force in a section that stands in ``outer``."""
    own = {
        name: plain(value)
        for name, value in section.values.items()
        if (name in INHERITED or name in INHERITED_FROM_NETWORK) and name in section.nodes
    }
    return {**outer, **own} if own else outer


class Scopes:
    """Makes the parameters of scopes, equal ones once, and checks that their values go together."""

    def __init__(self) -> None:
        self._ddns: dict[tuple[Any, ...], DdnsBehaviour] = {}

    def parameters(self, section: Section, values: Values) -> Parameters:
        """The parameters of a scope; mistakes are reported where the section has a part in them."""
        check(section, values)
        return Parameters(
            valid_lifetime=lifetime(values),
            renew_timer=values.get("renew-timer"),
            rebind_timer=values.get("rebind-timer"),
            calculate_tee_times=values["calculate-tee-times"],
            t1_percent=float(values["t1-percent"]),
            t2_percent=float(values["t2-percent"]),
            match_client_id=values["match-client-id"],
            authoritative=values["authoritative"],
            next_server=address4(values["next-server"] or "0.0.0.0"),
            server_hostname=values["server-hostname"],
            boot_file_name=values["boot-file-name"],
            interface=values["interface"],
            relay_addresses=tuple([address4(text) for text in values["relay"]["ip-addresses"]]),
            reservations_global=values["reservations-global"],
            reservations_in_subnet=values["reservations-in-subnet"],
            reservations_out_of_pool=values["reservations-out-of-pool"],
            store_extended_info=values["store-extended-info"],
            cache_threshold=float(values["cache-threshold"]),
            cache_max_age=values.get("cache-max-age", 0),
            offer_lifetime=values["offer-lifetime"],
            allocator=values["allocator"],
            ddns=self.ddns(values),
        )

    def ddns(self, values: Values) -> DdnsBehaviour:
        """How names are chosen; one object for all scopes that agree."""
        key = tuple([values.get(name) for name in DDNS_NAMES])
        if key not in self._ddns:
            self._ddns[key] = ddns_behaviour(values)
        return self._ddns[key]


def lifetime(values: Values) -> Lifetime:
    default: int = values["valid-lifetime"]
    return Lifetime(default, values.get("min-valid-lifetime", default), values.get("max-valid-lifetime", default))


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


def check(section: Section, values: Values) -> None:
    """Report what the section's own values and those it inherits do to each other."""
    own = section.nodes
    if any(name in own for name in LIFETIMES):
        check_lifetime(section, values)
    if any(name in own for name in TIMERS):
        check_timers(section, values)
    if any(name in own for name in TEE_TIMES) and values["t1-percent"] >= values["t2-percent"]:
        section.warn(first(section, TEE_TIMES), "t1-percent is not below t2-percent, so no T1 is sent")


def first(section: Section, names: tuple[str, ...]) -> str:
    return next(name for name in names if name in section.nodes)


def check_lifetime(section: Section, values: Values) -> None:
    bounds = lifetime(values)
    if bounds.minimum > bounds.default:
        message = f"min-valid-lifetime {bounds.minimum} is above valid-lifetime {bounds.default}; lower it"
        section.wrong(first(section, ("min-valid-lifetime", *LIFETIMES)), message)
    elif bounds.maximum < bounds.default:
        message = f"max-valid-lifetime {bounds.maximum} is below valid-lifetime {bounds.default}; raise it"
        section.wrong(first(section, ("max-valid-lifetime", *LIFETIMES)), message)


def check_timers(section: Section, values: Values) -> None:
    renew, rebind, valid = (values.get(name) for name in TIMERS)
    where = first(section, TIMERS)
    if rebind is not None and valid is not None and rebind >= valid:
        section.warn(where, f"rebind-timer {rebind} is not below valid-lifetime {valid}, so it is not sent")
    limit = valid if rebind is None else rebind
    if renew is not None and limit is not None and renew >= limit:
        section.warn(where, f"renew-timer {renew} is not below {limit}, so it is not sent")
