"""DHCPv6 messages and the relays around them: bytes to `Message6` and back (RFC 8415, RFC 9915).

The hot path of the server. Options stay bytes; who wants a value reads it with `txkea.wire.options` or `txkea.wire.ia`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from txkea.errors import Malformed
from txkea.wire.duid import DUID_MAXIMUM, DUID_MINIMUM, EMPTY_DUID

__all__ = [
    "CONTAINERS6",
    "HEADER6_LENGTH",
    "NESTING_MAXIMUM",
    "RELAYS_MAXIMUM",
    "UNICAST_FLAG",
    "UNSPECIFIED",
    "Message6",
    "MessageType6",
    "Option6",
    "Relay",
    "Status",
    "StatusCode",
    "decode6",
    "encode6",
    "encode_message6",
    "option6",
    "parse_options6",
    "read_status",
    "status_option",
    "wrap_replies",
]

HEADER6_LENGTH: Final = 4
RELAYS_MAXIMUM: Final = 32
"""As many relays as a message may have passed (Kea B022); RFC 8415 lets relays stop at 8."""
NESTING_MAXIMUM: Final = 10
"""How deep options may stand in one another (hostile.md #4565)."""
UNSPECIFIED: Final = bytes(16)
"""The address ``::``."""
UNICAST_FLAG: Final = 0x800000
"""The one flag of a DHCPV4-QUERY, in place of its transaction id: the client sent to a server's address (RFC 7341)."""


class MessageType6(IntEnum):
    """Message types as IANA lists them."""

    SOLICIT = 1
    ADVERTISE = 2
    REQUEST = 3
    CONFIRM = 4
    RENEW = 5
    REBIND = 6
    REPLY = 7
    RELEASE = 8
    DECLINE = 9
    RECONFIGURE = 10
    INFORMATION_REQUEST = 11
    RELAY_FORW = 12
    RELAY_REPL = 13
    LEASEQUERY = 14
    LEASEQUERY_REPLY = 15
    LEASEQUERY_DONE = 16
    LEASEQUERY_DATA = 17
    RECONFIGURE_REQUEST = 18
    RECONFIGURE_REPLY = 19
    DHCPV4_QUERY = 20
    DHCPV4_RESPONSE = 21
    ACTIVELEASEQUERY = 22
    STARTTLS = 23
    BNDUPD = 24
    BNDREPLY = 25
    POOLREQ = 26
    POOLRESP = 27
    UPDREQ = 28
    UPDREQALL = 29
    UPDDONE = 30
    CONNECT = 31
    CONNECTREPLY = 32
    DISCONNECT = 33
    STATE = 34
    CONTACT = 35
    ADDR_REG_INFORM = 36
    ADDR_REG_REPLY = 37


class StatusCode(IntEnum):
    """The values of option 13 as IANA lists them."""

    SUCCESS = 0
    UNSPEC_FAIL = 1
    NO_ADDRS_AVAIL = 2
    NO_BINDING = 3
    NOT_ON_LINK = 4
    USE_MULTICAST = 5
    NO_PREFIX_AVAIL = 6
    UNKNOWN_QUERY_TYPE = 7
    MALFORMED_QUERY = 8
    NOT_CONFIGURED = 9
    NOT_ALLOWED = 10
    QUERY_TERMINATED = 11
    DATA_MISSING = 12
    CATCH_UP_COMPLETE = 13
    NOT_SUPPORTED = 14
    TLS_CONNECTION_REFUSED = 15
    ADDRESS_IN_USE = 16
    CONFIGURATION_CONFLICT = 17
    MISSING_BINDINGS = 18
    OUTDATED_BINDING_INFORMATION = 19
    SERVER_SHUTTING_DOWN = 20
    DNS_UPDATE_NOT_SUPPORTED = 21
    EXCESSIVE_TIME_SKEW = 22


class Option6:
    """The codes of options that the server itself reads or writes.

    Plain integers, not an enumeration: they are looked up for every packet.
    """

    CLIENT_ID: Final = 1
    SERVER_ID: Final = 2
    IA_NA: Final = 3
    IA_TA: Final = 4
    IAADDR: Final = 5
    ORO: Final = 6
    PREFERENCE: Final = 7
    ELAPSED_TIME: Final = 8
    RELAY_MSG: Final = 9
    AUTH: Final = 11
    UNICAST: Final = 12
    STATUS_CODE: Final = 13
    RAPID_COMMIT: Final = 14
    USER_CLASS: Final = 15
    VENDOR_CLASS: Final = 16
    VENDOR_OPTS: Final = 17
    INTERFACE_ID: Final = 18
    RECONF_MSG: Final = 19
    RECONF_ACCEPT: Final = 20
    DNS_SERVERS: Final = 23
    DOMAIN_SEARCH: Final = 24
    IA_PD: Final = 25
    IAPREFIX: Final = 26
    INFORMATION_REFRESH_TIME: Final = 32
    REMOTE_ID: Final = 37
    SUBSCRIBER_ID: Final = 38
    CLIENT_FQDN: Final = 39
    ERO: Final = 43
    CLIENT_DATA: Final = 45
    RELAY_ID: Final = 53
    CLIENT_ARCH_TYPE: Final = 61
    ERP_LOCAL_DOMAIN_NAME: Final = 65
    RSOO: Final = 66
    PD_EXCLUDE: Final = 67
    CLIENT_LINKLAYER_ADDR: Final = 79
    LINK_ADDRESS: Final = 80
    SOL_MAX_RT: Final = 82
    INF_MAX_RT: Final = 83
    DHCPV4_MESSAGE: Final = 87
    S46_CONT_MAPE: Final = 94
    S46_CONT_MAPT: Final = 95
    S46_CONT_LW: Final = 96
    RELAY_SOURCE_PORT: Final = 135
    V6_DNR: Final = 144
    ADDR_REG_ENABLE: Final = 148


class Relay(NamedTuple):
    """What one relay agent put around a message (RFC 8415 section 9); addresses are 16 bytes."""

    hop_count: int
    link_address: bytes
    peer_address: bytes
    options: dict[int, bytes]
    """As `Message6.options`, without the relayed message."""
    repeated: dict[int, list[bytes]]
    """As `Message6.repeated`."""


class Message6:
    """A DHCPv6 message that is no relay's, and the relays that it came through.

    ``transaction_id`` is an integer of 24 bits. ``options`` maps code to payload in the order of first appearance, of a
    repeated code the first; ``repeated`` holds all payloads of the codes that appear more than once. ``relays[0]`` is
    the relay closest to the server (Kea D034).
    """

    __slots__ = ("options", "relays", "repeated", "transaction_id", "type")

    type: int
    transaction_id: int
    options: dict[int, bytes]
    repeated: dict[int, list[bytes]]
    relays: tuple[Relay, ...]

    def __init__(
        self,
        type: int,  # noqa: A002
        transaction_id: int = 0,
        options: Iterable[tuple[int, bytes]] = (),
        relays: Iterable[Relay] = (),
    ) -> None:
        self.type = type
        self.transaction_id = transaction_id
        self.options = {}
        self.repeated = {}
        self.relays = tuple(relays)
        for code, payload in options:
            if code in self.options:
                self.repeated.setdefault(code, [self.options[code]]).append(payload)
            else:
                self.options[code] = payload

    def every(self, code: int) -> Sequence[bytes]:
        """The payloads of all options with this code, in their order."""
        several = self.repeated.get(code)
        if several is not None:
            return several
        payload = self.options.get(code)
        return () if payload is None else (payload,)

    def pairs(self) -> Iterator[tuple[int, bytes]]:
        """Code and payload of all options, those of one code together."""
        return _pairs(self.options, self.repeated)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message6):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Message6({self.type}, {self.transaction_id:#x}, {list(self.pairs())!r}, {self.relays!r})"


def _pairs(options: dict[int, bytes], repeated: dict[int, list[bytes]]) -> Iterator[tuple[int, bytes]]:
    for code, payload in options.items():
        for each in repeated.get(code, (payload,)):
            yield code, each


# -- reading -----------------------------------------------------------------------------------------------------------

_MESSAGE: Final = Struct("!I")
_RELAY: Final = Struct("!BB16s16s")
_OPTION: Final = Struct("!HH")
_unpack_message = _MESSAGE.unpack_from
_unpack_option = _OPTION.unpack_from

_RELAYED: Final = (MessageType6.RELAY_FORW, MessageType6.RELAY_REPL)
_MOST: Final = 1 << 16
_ANY: Final = range(_MOST)

_RANGES: Final[dict[range, tuple[int, ...]]] = {
    range(DUID_MINIMUM, DUID_MAXIMUM + 1): (1, 2),
    range(1): (14, 20, 148),
    range(1, 2): (7, 19),
    range(2, 3): (8, 135),
    range(3, 4): (62,),
    range(4, 5): (32, 46, 82, 83),
    range(16, 17): (12, 80),
    range(2, 23): (79,),  # hardware type, and an address of up to 20 bytes (CVE-2017-14493)
    range(0, _MOST, 2): (6, 43, 61),
    range(1, _MOST): (39,),
    range(2, _MOST): (13,),
    range(4, _MOST): (4, 16, 17, 37),
    range(11, _MOST): (11,),
    range(12, _MOST): (3, 25),
}
_LENGTHS: Final = {code: lengths for lengths, codes in _RANGES.items() for code in codes}
"""The payload lengths that an option of a message may have; what is not here may have any."""
_IDENTIFIERS: Final = (Option6.CLIENT_ID, Option6.SERVER_ID)
_lengths_of = _LENGTHS.get

CONTAINERS6: Final = {3: 12, 4: 4, 5: 24, 25: 12, 26: 25, 45: 0, 66: 0, 94: 0, 95: 0, 96: 0}
"""The options with options in them, and how many bytes stand in front of those."""
_SHALLOW: Final = NESTING_MAXIMUM * _OPTION.size
"""Fewer bytes cannot nest too deep."""


def decode6(data: bytes, lenient: bool = False, relayed: int = MessageType6.RELAY_FORW) -> Message6:
    """A message from a UDP payload, its relays taken off.

    ``relayed`` is the kind of relaying that the reader expects: a server RELAY_FORW, a client's side RELAY_REPL. Strict
    about what a binding or a read value depends on: bounds, the lengths of scalar options (hostile.md #4626),
    identifiers of 3 to 130 bytes that are not the empty DUID (rfc V6-07), depth of nesting. ``lenient`` leaves out
    scalar options of a wrong length and whatever follows an option that runs past the end. Types are not judged, nor
    are repeated options, which `Message6.repeated` shows. Raises `Malformed`; takes time linear in the length.
    """
    relays: tuple[Relay, ...] = ()
    if len(data) < HEADER6_LENGTH:
        raise Malformed(f"{len(data)} bytes are too short for a DHCPv6 message, which has at least {HEADER6_LENGTH}")
    (head,) = _unpack_message(data)
    if 0x0C000000 <= head < 0x0E000000:
        relays, data = _unwrap(data, lenient, relayed)
        (head,) = _unpack_message(data)
    message = Message6.__new__(Message6)
    message.type = head >> 24
    message.transaction_id = head & 0xFFFFFF
    message.relays = relays
    options, message.repeated = _read_options(data, HEADER6_LENGTH, lenient)
    message.options = options
    if options.get(1) == EMPTY_DUID or options.get(2) == EMPTY_DUID:
        raise Malformed("an identifier is the empty DUID 00:00:00")
    return message


def _unwrap(data: bytes, lenient: bool, relayed: int) -> tuple[tuple[Relay, ...], bytes]:
    """The relays around a message, and the message (rfc V6-31..34)."""
    relays: list[Relay] = []
    while data[0] in _RELAYED:
        if data[0] != relayed:
            raise Malformed(f"message type {data[0]} in place of {relayed}")
        if len(data) < _RELAY.size:
            raise Malformed(f"{len(data)} bytes are too short for a relay's message, which has at least {_RELAY.size}")
        if len(relays) == RELAYS_MAXIMUM:
            raise Malformed(f"more than {RELAYS_MAXIMUM} relays")
        _, hop_count, link_address, peer_address = _RELAY.unpack_from(data)
        options, repeated = _read_options(data, _RELAY.size, lenient)
        data = options.pop(Option6.RELAY_MSG, b"")
        if len(data) < HEADER6_LENGTH or Option6.RELAY_MSG in repeated:
            raise Malformed("a relay's message holds no message, more than one, or one of less than 4 bytes")
        relays.append(Relay(hop_count, link_address, peer_address, options, repeated))
    return tuple(relays), data


def _read_options(data: bytes, position: int, lenient: bool) -> tuple[dict[int, bytes], dict[int, list[bytes]]]:
    """The options from ``position`` on: the first of each code, and all of the codes that are repeated."""
    options: dict[int, bytes] = {}
    repeated: dict[int, list[bytes]] = {}
    end = len(data)
    last = end - 4
    while position <= last:
        code, length = _unpack_option(data, position)
        start = position + 4
        position = start + length
        if position > end:
            break
        payload = data[start:position]
        if length not in _lengths_of(code, _ANY):
            if lenient and code not in _IDENTIFIERS:
                continue
            raise Malformed(f"option {code} has {length} bytes, which is not its length")
        if length >= _SHALLOW and code in CONTAINERS6:
            _check_nesting(code, payload)
        if code in options:
            repeated.setdefault(code, [options[code]]).append(payload)
        else:
            options[code] = payload
    if position != end and not lenient:
        raise Malformed("an option runs past the end")
    return options, repeated


def _check_nesting(code: int, payload: bytes) -> None:
    """Refuse options too deep in one another; lengths that lie are left to who reads them."""
    if len(payload) - CONTAINERS6[code] < _SHALLOW:
        return
    levels = [(CONTAINERS6[code], len(payload), 1)]
    while levels:
        position, end, depth = levels.pop()
        if depth > NESTING_MAXIMUM:
            raise Malformed(f"options stand in one another more than {NESTING_MAXIMUM} deep")
        while position <= end - 4:
            code, length = _unpack_option(payload, position)
            start = position + 4
            position = start + length
            if code in CONTAINERS6 and position <= end:
                levels.append((start + CONTAINERS6[code], position, depth + 1))


def parse_options6(payload: bytes) -> list[tuple[int, bytes]]:
    """Code and payload of the options in an option, in their order. Raises `Malformed` if one runs past the end."""
    options = []
    position, end = 0, len(payload)
    while position <= end - 4:
        code, length = _unpack_option(payload, position)
        start = position + 4
        position = start + length
        options.append((code, payload[start:position]))
    if position != end:
        raise Malformed("an option in an option runs past the end")
    return options


class Status(NamedTuple):
    """What a status code option says."""

    code: int
    """A `StatusCode`, or a number that nobody assigned yet."""
    text: bytes
    """UTF-8 by RFC 8415 section 21.13; what came is what is here."""


def read_status(payload: bytes) -> Status:
    """Read option 13. Raises `Malformed`."""
    if len(payload) < 2:
        raise Malformed(f"status code of {len(payload)} bytes, which has at least 2")
    return Status(int.from_bytes(payload[:2], "big"), payload[2:])


# -- writing -----------------------------------------------------------------------------------------------------------

_pack_option = _OPTION.pack
_pack_relay = _RELAY.pack
_MIRRORED: Final = (Option6.INTERFACE_ID, Option6.RELAY_SOURCE_PORT)


def option6(code: int, payload: bytes) -> bytes:
    """An encoded option. Raises ValueError for one that is too long."""
    length = len(payload)
    if length >= _MOST:
        raise ValueError(f"{length} bytes are too many for option {code}, which has at most {_MOST - 1}")
    return _pack_option(code, length) + payload


def status_option(code: int, text: str = "") -> bytes:
    """An encoded option 13."""
    return option6(Option6.STATUS_CODE, code.to_bytes(2, "big") + text.encode())


def encode6(kind: int, transaction_id: int, blocks: bytes) -> bytes:
    """A message from its type, its transaction id and its encoded options."""
    return _MESSAGE.pack(kind << 24 | transaction_id) + blocks


def wrap_replies(relays: Sequence[Relay], payload: bytes) -> bytes:
    """The answer to a relayed message: RELAY-REPL for each relay, the innermost closest to the client.

    Each mirrors its relay: hop count, addresses, interface-id, relay source port (RFC 8357 section 5.2) and what the
    echo request option asks for (RFC 4994). Raises ValueError for what becomes too long.
    """
    for relay in reversed(relays):
        options = relay.options
        payload = (
            _pack_relay(MessageType6.RELAY_REPL, relay.hop_count, relay.link_address, relay.peer_address)
            + b"".join([option6(code, options[code]) for code in _MIRRORED if code in options])
            + (_echoed(relay) if Option6.ERO in options else b"")
            + option6(Option6.RELAY_MSG, payload)
        )
    return payload


def _echoed(relay: Relay) -> bytes:
    """What the relay asks back, each code once (RFC 4994 section 4.2); what is mirrored anyway is left out."""
    asked = relay.options[Option6.ERO]
    wanted = {int.from_bytes(asked[place : place + 2], "big") for place in range(0, len(asked), 2)}
    wanted -= {Option6.ERO, Option6.RELAY_MSG, *_MIRRORED}
    pairs = _pairs(relay.options, relay.repeated)
    return b"".join([option6(code, payload) for code, payload in pairs if code in wanted])


def encode_message6(message: Message6, relayed: int = MessageType6.RELAY_FORW) -> bytes:
    """A message with its options and relays as they stand, for clients and tests."""
    data = encode6(message.type, message.transaction_id, _blocks(message.pairs()))
    for relay in reversed(message.relays):
        header = _pack_relay(relayed, relay.hop_count, relay.link_address, relay.peer_address)
        data = header + _blocks(_pairs(relay.options, relay.repeated)) + option6(Option6.RELAY_MSG, data)
    return data


def _blocks(pairs: Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join([option6(code, payload) for code, payload in pairs])
