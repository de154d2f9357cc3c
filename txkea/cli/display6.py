"""How ``txkea client -6`` shows what a server said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from txkea.cli.display import duration, option_row
from txkea.cli.parameters import OPTIONS6
from txkea.errors import Malformed
from txkea.wire.client6 import granted, read_ias
from txkea.wire.dhcp6 import Message6, MessageType6, Option6, StatusCode, parse_options6, read_status
from txkea.wire.ia import Ia, Resource, read_pd_exclude
from txkea.wire.text import address_text

__all__ = ["GRANTING", "answer_rows", "failures", "readable_ias", "resource_text"]

GRANTING: Final = (MessageType6.SOLICIT, MessageType6.RENEW, MessageType6.REBIND)
"""The messages after which the client should have what it asks for."""


def failures(kind: int, ias: Sequence[Ia], answer: Message6) -> Iterator[str]:
    """What a client did not get, or was told off for."""
    status = answer.options.get(Option6.STATUS_CODE)
    if status is not None and read_status(status).code != StatusCode.SUCCESS:
        yield _status_text(status)
    found = {(ia.code, ia.iaid): ia for ia in readable_ias(answer)}
    for ia in ias:
        told = found.get((ia.code, ia.iaid))
        reason = _status_text(told.status) if told and told.status else "nothing was said about it"
        if kind in GRANTING and not (told and granted(told)):
            yield f"{_name(ia)}: not granted: {reason}"
        elif told and told.status and read_status(told.status).code != StatusCode.SUCCESS:
            yield f"{_name(ia)}: {reason}"


def readable_ias(answer: Message6) -> list[Ia]:
    """The identity associations of an answer, none if they cannot be read, which is objected to elsewhere."""
    try:
        return read_ias(answer)
    except Malformed:
        return []


def _name(ia: Ia) -> str:
    return f"{'IA_NA' if ia.code == Option6.IA_NA else 'IA_PD'} {ia.iaid}"


def resource_text(ia: Ia, resource: Resource) -> str:
    """An address, or a prefix with its length."""
    text = address_text(resource.address)
    return text if ia.code == Option6.IA_NA else f"{text}/{resource.length}"


def _status_text(payload: bytes) -> str:
    """A status as RFC 8415 calls it, and what the server says to it."""
    code, text = read_status(payload)
    known = code in StatusCode._value2member_map_
    name = "".join(word.title() for word in StatusCode(code).name.split("_")) if known else f"status {code}"
    return f"{name}: {text.decode('utf-8', 'replace')}" if text else name


HIDDEN: Final = (Option6.CLIENT_ID, Option6.SERVER_ID, Option6.IA_NA, Option6.IA_PD, Option6.STATUS_CODE)
DURATIONS: Final = (Option6.INFORMATION_REFRESH_TIME, Option6.SOL_MAX_RT, Option6.INF_MAX_RT)


def answer_rows(answer: Message6) -> Iterator[tuple[str, str]]:
    """What a person wants to see of an answer."""
    ias = readable_ias(answer)
    for ia in ias:
        yield from _ia_rows(ia)
    for t1, t2 in dict.fromkeys((ia.t1, ia.t2) for ia in ias if granted(ia)):
        yield "renew (T1)", _time(t1)
        yield "rebind (T2)", _time(t2)
    if Option6.SERVER_ID in answer.options:
        yield "server", answer.options[Option6.SERVER_ID].hex(":")
    if Option6.STATUS_CODE in answer.options:
        yield "status", _status_text(answer.options[Option6.STATUS_CODE])
    for code, payload in answer.pairs():
        if code not in HIDDEN:
            name, text = option_row(OPTIONS6, code, payload)
            yield name, duration(int.from_bytes(payload, "big")) if code in DURATIONS else text


def _ia_rows(ia: Ia) -> Iterator[tuple[str, str]]:
    for each in ia.resources:
        yield "address" if ia.code == Option6.IA_NA else "prefix", resource_text(ia, each)
        yield from (("  without", text) for text in _excluded(each))
        yield "  preferred", duration(each.preferred)
        yield "  valid", duration(each.valid)
    if ia.status is not None:
        yield _name(ia), _status_text(ia.status)


def _time(seconds: int) -> str:
    """T1 or T2 (RFC 8415 section 21.4)."""
    return duration(seconds) if seconds else "left to the client"


def _excluded(resource: Resource) -> Iterator[str]:
    try:
        for code, payload in parse_options6(resource.options):
            if code == Option6.PD_EXCLUDE:
                network, length = read_pd_exclude(resource.address, resource.length, payload)
                yield f"{address_text(network)}/{length}"
    except Malformed as error:
        yield f"what cannot be read: {error}"
