"""DHCPv4 messages: bytes to `Message4` and back (RFC 2131, RFC 2132, RFC 3396).

The hot path of the server. Options stay bytes; who wants a value reads it with `txkea.wire.options`.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from txkea.errors import Malformed

__all__ = [
    "BOOTREPLY",
    "BOOTREQUEST",
    "BROADCAST",
    "END",
    "HEADER_LENGTH",
    "MAGIC_COOKIE",
    "MINIMUM_LENGTH",
    "NO_ADDRESS",
    "Message4",
    "MessageType4",
    "Option4",
    "PackedOptions",
    "decode4",
    "encode4",
    "encode_message4",
    "header4",
    "option",
    "options_limit",
    "pack_options",
]

BOOTREQUEST: Final = 1
BOOTREPLY: Final = 2
BROADCAST: Final = 0x8000
"""The one bit of ``flags`` (RFC 2131 section 2)."""
MAGIC_COOKIE: Final = b"\x63\x82\x53\x63"
HEADER_LENGTH: Final = 240
"""Bytes before the options, the magic cookie included."""
MINIMUM_LENGTH: Final = 300
"""What a BOOTP message has at least (RFC 951); some relays and clients drop shorter ones."""
MINIMUM_DATAGRAM: Final = 576
"""The IP datagram that every client takes (RFC 2132 section 9.10)."""
IP_UDP_HEADERS: Final = 28
NO_ADDRESS: Final = b"\0\0\0\0"
END: Final = b"\xff"

_PAD: Final = 0
_END: Final = 255


class MessageType4(IntEnum):
    """The values of option 53 (RFC 2132 section 9.6, RFC 3203, 4388, 6926, 7724)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8
    FORCERENEW = 9
    LEASEQUERY = 10
    LEASEUNASSIGNED = 11
    LEASEUNKNOWN = 12
    LEASEACTIVE = 13
    BULKLEASEQUERY = 14
    LEASEQUERYDONE = 15
    ACTIVELEASEQUERY = 16
    LEASEQUERYSTATUS = 17
    TLS = 18


class Option4:
    """The codes of options that the server itself reads or writes.

    Plain integers, not an enumeration: they are looked up for every packet.
    """

    SUBNET_MASK: Final = 1
    ROUTERS: Final = 3
    DOMAIN_NAME_SERVERS: Final = 6
    HOST_NAME: Final = 12
    DOMAIN_NAME: Final = 15
    BROADCAST_ADDRESS: Final = 28
    VENDOR_ENCAPSULATED: Final = 43
    REQUESTED_ADDRESS: Final = 50
    LEASE_TIME: Final = 51
    OVERLOAD: Final = 52
    MESSAGE_TYPE: Final = 53
    SERVER_IDENTIFIER: Final = 54
    PARAMETER_REQUEST_LIST: Final = 55
    MESSAGE: Final = 56
    MAX_MESSAGE_SIZE: Final = 57
    RENEWAL_TIME: Final = 58
    REBINDING_TIME: Final = 59
    VENDOR_CLASS: Final = 60
    CLIENT_IDENTIFIER: Final = 61
    TFTP_SERVER_NAME: Final = 66
    BOOT_FILE_NAME: Final = 67
    USER_CLASS: Final = 77
    FQDN: Final = 81
    AGENT_OPTIONS: Final = 82
    CLIENT_LAST_TRANSACTION_TIME: Final = 91
    ASSOCIATED_IP: Final = 92
    CLIENT_SYSTEM: Final = 93
    UUID_GUID: Final = 97
    V6_ONLY_PREFERRED: Final = 108
    AUTO_CONFIGURE: Final = 116
    SUBNET_SELECTION: Final = 118
    DOMAIN_SEARCH: Final = 119
    CLASSLESS_ROUTES: Final = 121
    VENDOR_CLASSES: Final = 124
    VENDOR_OPTIONS: Final = 125


class Message4:
    """A DHCPv4 or BOOTP message.

    ``xid`` is an integer, addresses are 4 bytes, ``chaddr`` is cut to ``hlen``, ``sname`` and ``file`` are the raw
    fields of 64 and 128 bytes. ``options`` maps code to payload in the order of first appearance, the payloads of a
    repeated code joined (RFC 3396).
    """

    __slots__ = (
        "chaddr", "ciaddr", "file", "flags", "giaddr", "hlen", "hops", "htype", "op", "options", "secs", "siaddr",
        "sname", "xid", "yiaddr",
    )  # fmt: skip

    op: int
    htype: int
    hlen: int
    hops: int
    xid: int
    secs: int
    flags: int
    ciaddr: bytes
    yiaddr: bytes
    siaddr: bytes
    giaddr: bytes
    chaddr: bytes
    sname: bytes
    file: bytes
    options: dict[int, bytes]

    def __init__(
        self,
        *,
        op: int = BOOTREQUEST,
        htype: int = 1,
        hlen: int | None = None,
        hops: int = 0,
        xid: int = 0,
        secs: int = 0,
        flags: int = 0,
        ciaddr: bytes = NO_ADDRESS,
        yiaddr: bytes = NO_ADDRESS,
        siaddr: bytes = NO_ADDRESS,
        giaddr: bytes = NO_ADDRESS,
        chaddr: bytes = b"",
        sname: bytes = b"",
        file: bytes = b"",
        options: dict[int, bytes] | None = None,
    ) -> None:
        self.op = op
        self.htype = htype
        self.hlen = len(chaddr) if hlen is None else hlen
        self.hops = hops
        self.xid = xid
        self.secs = secs
        self.flags = flags
        self.ciaddr = ciaddr
        self.yiaddr = yiaddr
        self.siaddr = siaddr
        self.giaddr = giaddr
        self.chaddr = chaddr
        self.sname = sname.ljust(64, b"\0")
        self.file = file.ljust(128, b"\0")
        self.options = {} if options is None else options

    @property
    def type(self) -> int:
        """The value of option 53; 0 for BOOTP."""
        payload = self.options.get(53)
        return payload[0] if payload else 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Message4):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__slots__)
        return f"Message4({fields})"


# -- reading -----------------------------------------------------------------------------------------------------------

_HEADER: Final = Struct("!BBBBIHH4s4s4s4s16s64s128s4s")
_unpack_header = _HEADER.unpack_from

_ANY: Final = -1
_NEVER: Final = -2

_SCALARS: Final = {
    1: (19, 20, 23, 27, 29, 30, 31, 34, 36, 37, 39, 46, 52, 53, 116, 156, 157),
    2: (13, 22, 26, 57),
    4: (1, 2, 16, 24, 28, 32, 35, 38, 50, 51, 54, 58, 59, 91, 108, 118, 152, 153, 154, 155),
}


def _lengths() -> list[int]:
    """The exact payload length for each code, or ``_ANY``."""
    lengths = [_ANY] * 256
    for length, codes in _SCALARS.items():
        for code in codes:
            lengths[code] = length
    return lengths


_LENGTHS: Final = _lengths()
_EXPECTED: Final = [
    # What the fast path goes by: PAD and option 52 never match a length, so that they leave it.
    _NEVER if code in (_PAD, Option4.OVERLOAD) else length
    for code, length in enumerate(_LENGTHS)
]


def decode4(data: bytes, lenient: bool = False, op: int = BOOTREQUEST) -> Message4:
    """A message from a UDP payload.

    ``op`` is what the reader expects: a server requests, a client replies. Strict about what a stored lease or a read
    value depends on: header and option bounds, the lengths of scalar options (Kea C061), client identifiers of 2 to
    255 bytes (RFC 2132 section 9.14), a client that can be told from others. ``lenient`` leaves out scalar options of a
    wrong length and whatever follows an option that runs past the end. Raises `Malformed`; takes time linear in the
    length.
    """
    if len(data) < HEADER_LENGTH:
        raise Malformed(f"{len(data)} bytes are too short for a DHCPv4 message, which has at least {HEADER_LENGTH}")
    message = Message4.__new__(Message4)
    (
        message.op,
        message.htype,
        hlen,
        message.hops,
        message.xid,
        message.secs,
        message.flags,
        message.ciaddr,
        message.yiaddr,
        message.siaddr,
        message.giaddr,
        chaddr,
        message.sname,
        message.file,
        cookie,
    ) = _unpack_header(data)
    message.hlen = hlen
    message.chaddr = chaddr[:hlen]
    if message.op != op or hlen > 16 or cookie != MAGIC_COOKIE:
        _refuse_header(message, cookie, op)

    message.options = options = {}
    expected = _EXPECTED
    position = HEADER_LENGTH
    try:
        while (code := data[position]) != _END:
            length = data[position + 1]
            wanted = expected[code]
            if (wanted != length and wanted != _ANY) or code in options:
                message.options = options = _read_options(data, message, lenient)
                break
            start = position + 2
            position = start + length
            options[code] = data[start:position]
    except IndexError:  # no END, or an option past the end
        message.options = options = _read_options(data, message, lenient)

    client_id = options.get(61)
    if client_id is None:
        if not hlen:
            raise Malformed("neither a hardware address nor a client identifier tells the client from others")
    elif not 2 <= len(client_id) <= 255:
        raise Malformed(f"client identifier of {len(client_id)} bytes, which has 2 to 255")
    kind = options.get(53)
    if kind is not None and not 1 <= kind[0] <= 18:
        raise Malformed(f"unknown message type {kind[0]}")
    return message


def _refuse_header(message: Message4, cookie: bytes, op: int) -> None:
    if cookie != MAGIC_COOKIE:
        raise Malformed(f"magic cookie {cookie.hex()} in place of {MAGIC_COOKIE.hex()}")
    if message.op != op:
        raise Malformed(f"op is {message.op} in place of {op}")
    raise Malformed(f"hardware address of {message.hlen} bytes, which has at most 16")


def _read_options(data: bytes, message: Message4, lenient: bool) -> dict[int, bytes]:
    """All options wherever they stand: the general way, for what the fast path of `decode4` does not take."""
    pieces: dict[int, list[bytes]] = {}
    _gather(pieces, data, HEADER_LENGTH, "options", lenient)
    overload = _overload(pieces.pop(Option4.OVERLOAD, []), lenient)
    for bit, area, name in ((1, message.file, "file"), (2, message.sname, "sname")):
        if overload & bit:
            _gather(pieces, area, 0, name, lenient)
            pieces.pop(Option4.OVERLOAD, None)  # there it means nothing (RFC 2132 section 9.3)
    options = {code: b"".join(parts) for code, parts in pieces.items()}
    if overload:
        options[Option4.OVERLOAD] = bytes((overload,))
    return {code: payload for code, payload in options.items() if _fits(code, payload, lenient)}


def _gather(pieces: dict[int, list[bytes]], area: bytes, position: int, name: str, lenient: bool) -> None:
    """Add the options of one area to ``pieces``."""
    end = len(area)
    while position < end:
        code = area[position]
        if code == _END:
            return
        position += 1
        if code == _PAD:
            continue
        start = position + 1
        position = start + area[position] if position < end else end + 1
        if position > end:
            if lenient:
                return
            raise Malformed(f"option {code} runs past the end of the {name} field")
        pieces.setdefault(code, []).append(area[start:position])


def _overload(parts: list[bytes], lenient: bool) -> int:
    """The value of option 52, 0 without it."""
    payload = b"".join(parts)
    if not parts or payload in (b"\1", b"\2", b"\3"):
        return payload[0] if parts else 0
    if lenient:
        return 0
    raise Malformed(f"option 52 (overload) is {payload.hex() or 'empty'}, which is 1, 2 or 3")


def _fits(code: int, payload: bytes, lenient: bool) -> bool:
    """Whether a scalar option has its length; a message type always must, or it would pass for BOOTP."""
    wanted = _LENGTHS[code]
    if wanted in (_ANY, len(payload)):
        return True
    if lenient and code != Option4.MESSAGE_TYPE:
        return False
    raise Malformed(f"option {code} has {len(payload)} bytes in place of {wanted}")


# -- writing -----------------------------------------------------------------------------------------------------------

_pack_header = _HEADER.pack


def option(code: int, payload: bytes) -> bytes:
    """An encoded option; one longer than 255 bytes becomes consecutive instances (RFC 3396)."""
    length = len(payload)
    if length <= 255:
        return bytes((code, length)) + payload
    parts = (payload[start : start + 255] for start in range(0, length, 255))
    return b"".join(bytes((code, len(part))) + part for part in parts)


def header4(
    op: int,
    htype: int,
    hlen: int,
    hops: int,
    xid: int,
    secs: int,
    flags: int,
    ciaddr: bytes,
    yiaddr: bytes,
    siaddr: bytes,
    giaddr: bytes,
    chaddr: bytes,
    sname: bytes = b"",
    file: bytes = b"",
) -> bytes:
    """The 240 bytes before the options, magic cookie included; short fields are filled with zeros, long ones cut."""
    return _pack_header(
        op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr, chaddr, sname, file, MAGIC_COOKIE
    )


def encode4(header: bytes, blocks: bytes, minimum: int = MINIMUM_LENGTH) -> bytes:
    """A message from its header and its encoded options: END and padding added."""
    return (header + blocks + END).ljust(minimum, b"\0")


def encode_message4(message: Message4, minimum: int = MINIMUM_LENGTH) -> bytes:
    """A message with its options as they stand, for clients and tests.

    Its ``file`` and ``sname`` are written as they are: a message read with overloaded fields has their options in
    ``options``, hence says option 52 no more.
    """
    m = message
    header = header4(
        m.op, m.htype, m.hlen, m.hops, m.xid, m.secs, m.flags, m.ciaddr, m.yiaddr, m.siaddr, m.giaddr, m.chaddr,
        m.sname, m.file,
    )  # fmt: skip
    blocks = b"".join(option(code, payload) for code, payload in m.options.items() if code != Option4.OVERLOAD)
    return encode4(header, blocks, minimum)


def options_limit(max_message_size: int | None, mtu: int = 1500) -> int:
    """How many bytes of encoded options an answer may have, END not counted.

    ``max_message_size`` is the value of the client's option 57, a size of IP datagrams, at least 576 (RFC 2132
    section 9.10). Without it the link's ``mtu`` is the bound, as in Kea, which always sends everything; and it is one
    anyhow, for answers must not be fragmented.
    """
    size = mtu if max_message_size is None else max(MINIMUM_DATAGRAM, min(max_message_size, mtu))
    return size - IP_UDP_HEADERS - HEADER_LENGTH - len(END)


class PackedOptions(NamedTuple):
    """Where the options of an answer went."""

    blocks: bytes
    """The options field, END not included; option 52 included if a field is overloaded."""
    file: bytes
    """The overloaded ``file`` field, its END included, or ``b""``."""
    sname: bytes
    """The overloaded ``sname`` field, its END included, or ``b""``."""
    dropped: tuple[int, ...]
    """The codes for which there was no room."""


_KEPT: Final = frozenset((Option4.MESSAGE_TYPE, Option4.SERVER_IDENTIFIER, Option4.LEASE_TIME, Option4.AGENT_OPTIONS))
_OVERLOAD_LENGTH: Final = 3


def pack_options(
    blocks: Sequence[tuple[int, bytes]], limit: int, file_free: bool = False, sname_free: bool = False
) -> PackedOptions:
    """Make an answer's options fit.

    ``blocks`` are pairs of code and encoded option (as `option` makes it), the most important first; ``limit`` comes
    from `options_limit`; ``file_free`` and ``sname_free`` say which header fields may carry options. What finds no
    room is dropped, what stands earlier in the list has the first choice; 53, 54, 51 and 82 always stay, and 82 comes
    last (RFC 3046 section 2.1).
    """
    agent = b"".join([block for code, block in blocks if code == 82])
    joined = b"".join([block for code, block in blocks if code != 82]) + agent
    if len(joined) <= limit:
        return PackedOptions(joined, b"", b"", ())
    return _overflow([pair for pair in blocks if pair[0] != 82], agent, limit, file_free, sname_free)


def _overflow(
    others: Sequence[tuple[int, bytes]], agent: bytes, limit: int, file_free: bool, sname_free: bool
) -> PackedOptions:
    """Spread the options over the three fields, each where it fits first."""
    kept = sum(len(block) for code, block in others if code in _KEPT)
    overload = _OVERLOAD_LENGTH if file_free or sname_free else 0
    rooms = [limit - kept - len(agent) - overload, 127 * file_free, 63 * sname_free]
    areas: list[list[bytes]] = [[], [], []]
    dropped = []
    for code, block in others:
        if code in _KEPT:
            areas[0].append(block)
            continue
        place = next((place for place, room in enumerate(rooms) if len(block) <= room), None)
        if place is None:
            dropped.append(code)
            continue
        rooms[place] -= len(block)
        areas[place].append(block)
    value = (1 if areas[1] else 0) | (2 if areas[2] else 0)
    if value:
        areas[0].append(option(Option4.OVERLOAD, bytes((value,))))
    file, sname = (b"".join(area) + END if area else b"" for area in areas[1:])
    return PackedOptions(b"".join(areas[0]) + agent, file, sname, tuple(dropped))
