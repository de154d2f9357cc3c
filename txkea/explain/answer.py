"""The options and fields of an answer, each with the scope that its value is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from txkea.errors import Malformed
from txkea.exchange.query import Query, Query4, Query6
from txkea.exchange.subnets import LiveSubnet
from txkea.explain.case import Case
from txkea.explain.explanation import Asked, Configured
from txkea.explain.leased import lifetime_scope
from txkea.explain.words import any_of, parameter_scope, scope
from txkea.model.configuration import OptionData
from txkea.wire.definition import OptionDefinition
from txkea.wire.dhcp4 import NO_ADDRESS, Message4, Option4
from txkea.wire.dhcp6 import Message6, Option6, parse_options6
from txkea.wire.options import decode_text, parse_suboptions, parse_vendor
from txkea.wire.text import address_text

__all__ = ["fields4", "missing", "options4", "options6"]

SERVER: Final = "the server"
CLIENT: Final = "as the client sent it"
RELAY: Final = "as the relay sent it"
NAME: Final = "the client's name"
HOOK: Final = "a hook library"
AUTO_CONFIGURE: Final = 116
SPACES: Final = {4: "dhcp4", 6: "dhcp6"}
DEPTH: Final = 4


# -- what both families share ------------------------------------------------------------------------------------------


def _configured(case: Case, space: str, code: int, payload: bytes, where: str = "", depth: int = 0) -> Configured:
    """An option with its sub-options; ``where`` is given for one whose value is not configured."""
    family = case.site.configuration.family
    found = case.first(space, code)
    definition = _definition(case, space, code)
    parts: tuple[Configured, ...] = ()
    text = decode_text(definition, payload, family) if definition is not None else payload.hex()
    if not where and case.site.answer_ready and not (found and _holds(found[1], payload)):
        where = HOOK
    elif not where and found is not None:
        source, data = found
        where = scope(source)
        if data.encapsulates and depth < DEPTH:
            parts = tuple(_inside(case, data.encapsulates, payload[len(data.payload) :], depth + 1))
            if definition is not None and len(payload) > len(data.payload):
                text = decode_text(definition, data.payload, family)
    name = definition.name if definition is not None else case.name(space, code)
    return Configured(name, code, text, payload, where or SERVER, parts)


def _holds(data: OptionData, payload: bytes) -> bool:
    """Whether an option's payload is what is configured, as far as that is not made of other options."""
    return payload.startswith(data.payload) if data.encapsulates else payload == data.payload


def _definition(case: Case, space: str, code: int) -> OptionDefinition | None:
    """What an option looks like: of those with definitions of their own the class's that has it."""
    found = case.first(space, code)
    for own in getattr(found[0], "option_definitions", ()) if found is not None else ():
        if (own.space, own.code) == (space, code):
            return own  # type: ignore[no-any-return]
    return case.definitions.by_code(space, code)


def _inside(case: Case, space: str, payload: bytes, depth: int = 0) -> Iterator[Configured]:
    """The options of a space in some bytes."""
    try:
        if case.site.configuration.family == 4:
            pairs = list(parse_suboptions(payload).items())
        else:
            pairs = parse_options6(payload)
    except Malformed:
        return
    for code, inner in pairs:
        yield _configured(case, space, code, inner, "", depth)


def missing(case: Case, requested: Mapping[int, None], given: Mapping[int, object]) -> tuple[Asked, ...]:
    """What was asked for and is not in the answer."""
    space = SPACES[case.site.configuration.family]
    return tuple(
        Asked(name=case.name(space, code), code=code, reason=_why_not(case, space, code))
        for code in requested
        if code not in given
    )


def _why_not(case: Case, space: str, code: int) -> str:
    if (space, code) == ("dhcp6", Option6.PD_EXCLUDE):
        return "stands in prefixes, where they lack a part"
    found = list(case.every(space, code))
    for source, data in found:
        if data.never_send and case.applies(data):
            return f"never sent: {scope(source)}"
    others = [(source, data) for source, data in found if not case.applies(data)]
    if others:
        source, data = others[0]
        return f"only for members of {any_of(data.client_classes)}: {scope(source)}"
    return "left out" if found else "not configured"


def _name_scope(query: Query) -> str:
    return scope(query.host) if query.host is not None and query.host.hostname else NAME


# -- DHCPv4 ------------------------------------------------------------------------------------------------------------


def options4(case: Case) -> tuple[Configured, ...]:
    """The options of the answer, but for its type."""
    answer: Message4 = case.answer
    query: Query4 = case.query
    computed = _computed4(case, query)
    found = []
    for code, payload in answer.options.items():
        if code in (Option4.MESSAGE_TYPE, Option4.OVERLOAD):
            continue
        if code == Option4.VENDOR_OPTIONS:
            found.append(_vendor4(case, payload))
        elif (code, payload) == (Option4.SERVER_IDENTIFIER, NO_ADDRESS):
            name = case.name("dhcp4", code)
            found.append(Configured(name, code, "its address on that interface", b"", SERVER))
        else:
            found.append(_configured(case, "dhcp4", code, payload, computed.get(code, "")))
    return tuple(found)


def _computed4(case: Case, query: Query4) -> dict[int, str]:
    """Whose the values are that are not looked up among the options."""
    subnet = query.subnet
    found = {
        Option4.SUBNET_MASK: _mask_scope(case, subnet),
        Option4.LEASE_TIME: lifetime_scope(case, subnet, "valid_lifetime"),
        Option4.RENEWAL_TIME: _timer(query, "renew_timer"),
        Option4.REBINDING_TIME: _timer(query, "rebind_timer"),
        Option4.SERVER_IDENTIFIER: SERVER,
        Option4.CLIENT_IDENTIFIER: CLIENT,
        Option4.SUBNET_SELECTION: CLIENT,
        Option4.AGENT_OPTIONS: RELAY,
    }
    if query.name is not None and query.name[0] != AUTO_CONFIGURE:
        found[query.name[0]] = _name_scope(query)
    return found


def _mask_scope(case: Case, subnet: LiveSubnet | None) -> str:
    if subnet is None:
        return SERVER
    return scope(subnet.subnet) if case.answer.options.get(Option4.SUBNET_MASK) == subnet.mask else HOOK


def _timer(query: Query4, name: str) -> str:
    subnet = query.subnet
    if subnet is None or getattr(subnet.parameters, name) is None:
        return "a share of the lifetime"
    return parameter_scope(query, subnet, name)


def _vendor4(case: Case, payload: bytes) -> Configured:
    """Option 125: an enterprise each."""
    found = case.first("dhcp4", Option4.VENDOR_OPTIONS)
    parts = tuple(
        Configured(f"enterprise {number}", number, "", block, SERVER, tuple(_inside(case, f"vendor-{number}", block)))
        for number, block in parse_vendor(payload).items()
    )
    where = scope(found[0]) if found is not None else SERVER
    return Configured(case.name("dhcp4", Option4.VENDOR_OPTIONS), Option4.VENDOR_OPTIONS, "", payload, where, parts)


def fields4(case: Case) -> tuple[Configured, ...]:
    """``next-server``, ``server-hostname`` and ``boot-file-name``, those that say something (Kea A182)."""
    answer: Message4 = case.answer
    overload = answer.options.get(Option4.OVERLOAD, b"\0")[0]
    file, sname = b"" if overload & 1 else answer.file, b"" if overload & 2 else answer.sname
    found = []
    for name, payload in (
        ("next-server", answer.siaddr if answer.siaddr != NO_ADDRESS else b""),
        ("server-hostname", sname.rstrip(b"\0")),
        ("boot-file-name", file.rstrip(b"\0")),
    ):
        if payload:
            text = address_text(payload) if name == "next-server" else payload.decode("utf-8", "replace")
            found.append(Configured(name, 0, text, payload, _field_scope(case, name.replace("-", "_"))))
    return tuple(found)


def _field_scope(case: Case, name: str) -> str:
    query: Query4 = case.query
    classes = query.site.classes
    for source in (query.host, *(classes.of(query) if classes is not None else ())):
        if source is not None and getattr(source, name) not in (NO_ADDRESS, ""):
            return scope(source)
    return parameter_scope(query, query.subnet, name)


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------

HIDDEN6: Final = (Option6.CLIENT_ID, Option6.IA_NA, Option6.IA_PD)
OWN6: Final = (Option6.SERVER_ID, Option6.STATUS_CODE, Option6.RAPID_COMMIT, Option6.IAADDR)


def options6(case: Case) -> tuple[Configured, ...]:
    """The options of the answer, but for what is the client's own."""
    answer: Message6 = case.answer
    query: Query6 = case.query
    found = []
    for code, payload in answer.pairs():
        if code in HIDDEN6:
            continue
        if code == Option6.VENDOR_OPTS:
            found.append(_vendor6(case, payload))
        elif code in OWN6:
            found.append(_configured(case, "dhcp6", code, payload, SERVER))
        elif query.name is not None and query.name[0] == code:
            found.append(_configured(case, "dhcp6", code, payload, _name_scope(query)))
        elif case.first("dhcp6", code) is None:
            found.append(_configured(case, "dhcp6", code, payload, "the relay, for the client"))
        else:
            found.append(_configured(case, "dhcp6", code, payload))
    return tuple(found)


def _vendor6(case: Case, payload: bytes) -> Configured:
    """Option 17 of one enterprise."""
    number = int.from_bytes(payload[:4], "big")
    found = case.first("dhcp6", Option6.VENDOR_OPTS)
    parts = tuple(_inside(case, f"vendor-{number}", payload[4:]))
    where = scope(found[0]) if found is not None else SERVER
    name = case.name("dhcp6", Option6.VENDOR_OPTS)
    return Configured(name, Option6.VENDOR_OPTS, f"enterprise {number}", payload, where, parts)
