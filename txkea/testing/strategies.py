"""Hypothesis strategies for what stands on the wire: names, DUIDs, option values and messages of both families."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

from txkea.wire.definition import OptionDefinition
from txkea.wire.definitions import define
from txkea.wire.dhcp4 import BOOTREPLY, BOOTREQUEST, Message4, Option4
from txkea.wire.dhcp6 import Message6, MessageType6, Option6, Relay, option6
from txkea.wire.duid import EMPTY_DUID
from txkea.wire.ia import Ia, Resource, encode_ia
from txkea.wire.names import Name, name_to_text
from txkea.wire.options import Route
from txkea.wire.standard4 import STANDARD4
from txkea.wire.standard6 import STANDARD6

__all__ = [
    "FIELD_VALUES",
    "client_ids",
    "definitions",
    "duids",
    "hwaddrs",
    "ias",
    "ipv4",
    "ipv6",
    "messages4",
    "messages6",
    "mutations",
    "names",
    "option_values",
    "options4",
    "options6",
    "relays",
    "routes",
]

ipv4: Final = st.binary(min_size=4, max_size=4)
ipv6: Final = st.binary(min_size=16, max_size=16)
hwaddrs: Final = st.binary(min_size=6, max_size=6)
client_ids: Final = st.binary(min_size=2, max_size=255)
duids: Final = st.binary(min_size=3, max_size=130).filter(lambda duid: duid != EMPTY_DUID)


def names(min_labels: int = 0) -> st.SearchStrategy[Name]:
    """Domain names of any bytes, at most 255 on the wire."""
    labels = st.lists(st.binary(min_size=1, max_size=63), min_size=min_labels, max_size=8).map(tuple)
    return labels.filter(lambda name: sum(map(len, name)) + len(name) < 255)


def _masked(pair: tuple[int, int], bits: int) -> int:
    value, length = pair
    return value >> bits - length << bits - length


def _network(bits: int) -> st.SearchStrategy[tuple[bytes, int]]:
    """Packed address and prefix length, without bits beyond it."""
    pairs = st.tuples(st.integers(0, (1 << bits) - 1), st.integers(0, bits))
    return pairs.map(lambda pair: (_masked(pair, bits).to_bytes(bits // 8, "big"), pair[1]))


def _integers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    half = 1 << bits - 1
    return st.integers(-half, half - 1) if signed else st.integers(0, 2 * half - 1)


FIELD_VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "binary": st.binary(max_size=300),
    "boolean": st.booleans(),
    "int8": _integers(8, True),
    "int16": _integers(16, True),
    "int32": _integers(32, True),
    "uint8": _integers(8, False),
    "uint16": _integers(16, False),
    "uint32": _integers(32, False),
    "ipv4-address": ipv4,
    "ipv6-address": ipv6,
    "ipv6-prefix": _network(128),
    "psid": st.integers(0, 16).flatmap(lambda length: st.tuples(st.integers(0, (1 << length) - 1), st.just(length))),
    "string": st.binary(max_size=300).map(lambda value: value.rstrip(b"\0")),
    "tuple": st.binary(max_size=255),
    "fqdn": names().map(name_to_text),
}
"""Values of each kind of field, as `txkea.wire.options.read` gives them."""

_GREEDY: Final = ("binary", "string")


@st.composite
def definitions(draw: st.DrawFn) -> OptionDefinition:
    """Option definitions that can be read back: one field, a record, or an array of either."""
    array = draw(st.booleans())
    fixed = [kind for kind in FIELD_VALUES if kind not in _GREEDY]
    fields = draw(st.lists(st.sampled_from(fixed), max_size=3))
    fields.append(draw(st.sampled_from(fixed if array else list(FIELD_VALUES))))
    row = (224, "example", ", ".join(fields) + "[]" * array)
    return next(iter(define("dhcp4", [row])))


@st.composite
def option_values(draw: st.DrawFn, definition: OptionDefinition) -> tuple[Any, ...]:
    """Values that fit a definition."""
    kinds = list(definition.fields or (definition.kind,))
    if definition.array:
        kinds += [kinds[-1]] * draw(st.integers(0, 4))
    return tuple(draw(FIELD_VALUES[kind]) for kind in kinds)


routes: Final = st.builds(
    lambda network, router: Route(network[0], network[1], router),
    _network(32),
    ipv4,
)


def _payloads(code: int) -> st.SearchStrategy[bytes]:
    """What option ``code`` may carry in a message that is read strictly."""
    if code == Option4.MESSAGE_TYPE:
        return st.integers(1, 18).map(lambda value: bytes((value,)))
    if code == Option4.CLIENT_IDENTIFIER:
        return client_ids
    definition = STANDARD4.by_code("dhcp4", code)
    sizes = {"boolean": 1, "uint8": 1, "uint16": 2, "uint32": 4, "int32": 4, "ipv4-address": 4}
    size = sizes.get(definition.kind) if definition and not definition.array else None
    if size and code != Option4.VENDOR_OPTIONS:
        return st.binary(min_size=size, max_size=size)
    return st.one_of(st.binary(max_size=20), st.binary(max_size=600))


@st.composite
def options4(draw: st.DrawFn) -> dict[int, bytes]:
    """Options of a DHCPv4 message by code, some longer than 255 bytes; never PAD, END or 52."""
    codes = st.integers(1, 254).filter(lambda code: code != Option4.OVERLOAD)
    return {code: draw(_payloads(code)) for code in draw(st.lists(codes, max_size=8, unique=True))}


@st.composite
def messages4(draw: st.DrawFn, op: int | None = None) -> Message4:
    """DHCPv4 and BOOTP messages that can be read strictly."""
    chaddr = draw(st.binary(min_size=1, max_size=16))
    word, octet = st.integers(0, 0xFFFF), st.integers(0, 255)
    return Message4(
        op=draw(st.sampled_from((BOOTREQUEST, BOOTREPLY))) if op is None else op,
        htype=draw(octet),
        hops=draw(octet),
        xid=draw(st.integers(0, 0xFFFFFFFF)),
        secs=draw(word),
        flags=draw(word),
        ciaddr=draw(ipv4),
        yiaddr=draw(ipv4),
        siaddr=draw(ipv4),
        giaddr=draw(ipv4),
        chaddr=chaddr,
        sname=draw(st.binary(max_size=64)),
        file=draw(st.binary(max_size=128)),
        options=draw(options4()),
    )


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------

_times: Final = _integers(32, False)
_addresses6: Final = st.tuples(ipv6, _times, _times).map(lambda values: Resource(*values))
_prefixes6: Final = st.builds(
    lambda network, preferred, valid: Resource(network[0], preferred, valid, network[1]),
    _network(128),
    _times,
    _times,
)


@st.composite
def ias(draw: st.DrawFn, code: int) -> Ia:
    """Identity associations with up to three addresses or prefixes, one of which may have an option inside."""
    inside = draw(st.booleans())
    resources = draw(st.lists(_addresses6 if code == Option6.IA_NA else _prefixes6, max_size=3))
    if resources and inside:
        resources[0] = resources[0]._replace(options=option6(Option6.STATUS_CODE, draw(st.binary(min_size=2))))
    status = draw(st.none() | st.binary(min_size=2, max_size=20))
    return Ia(code, draw(_times), draw(_times), draw(_times), tuple(resources), status)


_SIZES6: Final = {"empty": 0, "uint8": 1, "uint16": 2, "uint32": 4, "ipv6-address": 16}
_LEAST6: Final = {4: 4, 11: 11, 13: 2, 16: 4, 17: 4, 37: 4, 39: 1}
_HOLDING6: Final = (5, 26, 45, 56, 66, 94, 95, 96)


def _payloads6(code: int) -> st.SearchStrategy[bytes]:
    """What option ``code`` may carry in a message that is read strictly."""
    if code in (Option6.CLIENT_ID, Option6.SERVER_ID):
        return duids
    if code in (Option6.IA_NA, Option6.IA_PD):
        return ias(code).map(lambda ia: encode_ia(ia)[4:])
    if code in _HOLDING6:
        return st.binary(max_size=30)
    if code in _LEAST6:
        return st.binary(min_size=_LEAST6[code], max_size=40)
    if code == Option6.CLIENT_LINKLAYER_ADDR:
        return st.binary(min_size=2, max_size=22)
    definition = STANDARD6.by_code("dhcp6", code)
    if definition is None or definition.array:
        return st.binary(max_size=300).map(lambda payload: payload[: len(payload) // 2 * 2])
    size = 3 if code == 62 else _SIZES6.get(definition.kind)
    return st.binary(max_size=300) if size is None else st.binary(min_size=size, max_size=size)


@st.composite
def options6(draw: st.DrawFn) -> list[tuple[int, bytes]]:
    """Code and payload of the options of a DHCPv6 message, some codes more than once; never a relayed message."""
    known = st.sampled_from([each.code for each in STANDARD6 if each.space == "dhcp6"])
    codes = st.one_of(known, st.sampled_from((3, 25)), st.integers(0, 0xFFFF))
    chosen = draw(st.lists(codes.filter(lambda code: code != Option6.RELAY_MSG), max_size=8))
    return [(code, draw(_payloads6(code))) for code in chosen]


@st.composite
def relays(draw: st.DrawFn) -> Relay:
    """What a relay agent puts around a message."""
    message = Message6(MessageType6.RELAY_FORW, 0, draw(options6()))
    return Relay(draw(st.integers(0, 255)), draw(ipv6), draw(ipv6), message.options, message.repeated)


@st.composite
def messages6(draw: st.DrawFn) -> Message6:
    """DHCPv6 messages that can be read strictly, and the relays that they came through."""
    kinds = [kind for kind in MessageType6 if kind not in (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL)]
    return Message6(
        draw(st.sampled_from(kinds)),
        draw(_integers(24, False)),
        draw(options6()),
        draw(st.lists(relays(), max_size=3)),
    )


@st.composite
def mutations(draw: st.DrawFn, seed: bytes) -> bytes:
    """``seed`` with a few bytes changed, cut out or put in."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 6))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        cut = draw(st.integers(0, 3))
        data[place : place + cut] = draw(st.binary(max_size=4))
    return bytes(data)
