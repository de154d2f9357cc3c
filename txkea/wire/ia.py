"""Identity associations of DHCPv6 and what they hold: addresses, delegated prefixes (RFC 8415 section 21), RFC 6603."""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from txkea.errors import Malformed
from txkea.wire.dhcp6 import Option6, option6

__all__ = [
    "INFINITY",
    "Ia",
    "Resource",
    "address_option",
    "encode_ia",
    "ia_option",
    "one_address",
    "one_prefix",
    "prefix_option",
    "read_ia",
    "read_pd_exclude",
    "write_pd_exclude",
]

INFINITY: Final = 0xFFFFFFFF
"""A time that never ends (RFC 8415 section 7.7)."""


class Resource(NamedTuple):
    """An address or a delegated prefix in an identity association; times are in seconds from now."""

    address: bytes
    """16 bytes; of a prefix without bits beyond its length."""
    preferred: int
    valid: int
    length: int = 128
    """Bits of the prefix; of an address 128."""
    options: bytes = b""
    """The encoded options inside, such as a status code, or 67 (see `read_pd_exclude`)."""

    @property
    def contradicts(self) -> bool:
        """Whether it is preferred for longer than it is valid: then it is to be ignored (rfc V6-21)."""
        return self.preferred > self.valid


class Ia(NamedTuple):
    """An identity association; times are in seconds from now."""

    code: int
    """`Option6.IA_NA` or `Option6.IA_PD`."""
    iaid: int
    t1: int
    t2: int
    resources: tuple[Resource, ...] = ()
    status: bytes | None = None
    """The payload of its status code option (see `txkea.wire.dhcp6.read_status`), or None."""

    @property
    def contradicts(self) -> bool:
        """Whether T1 comes after T2, neither left to the server: then both are to be ignored (rfc V6-21)."""
        return self.t1 > self.t2 > 0


_HEADER: Final = Struct("!HH")
_TIMES: Final = Struct("!III")
_ADDRESS: Final = Struct("!16sII")
_PREFIX: Final = Struct("!IIB16s")
_unpack_header = _HEADER.unpack_from
_unpack_times = _TIMES.unpack_from
_unpack_address = _ADDRESS.unpack_from
_unpack_prefix = _PREFIX.unpack_from

_new = tuple.__new__
"""A NamedTuple's own constructor costs as much again."""
_BEYOND: Final = [(1 << 128 - length) - 1 for length in range(129)]
"""The bits beyond each prefix length."""


# -- reading -----------------------------------------------------------------------------------------------------------


def read_ia(code: int, payload: bytes, lenient: bool = False) -> Ia:
    """Read an IA_NA or IA_PD, whichever ``code`` says.

    Options that do not belong inside are ignored (rfc V6-39). ``lenient`` leaves out addresses and prefixes that are
    too short and what runs past the end, and takes a prefix length beyond 128 for 128 (hostile.md #4545). Raises
    `Malformed`.
    """
    end = len(payload)
    if end < 12:
        raise Malformed(f"identity association of {end} bytes, which has at least 12")
    iaid, t1, t2 = _unpack_times(payload)
    if end == 12:
        return _new(Ia, (code, iaid, t1, t2, (), None))
    wanted, least = (5, 24) if code == 3 else (26, 25)
    resources = []
    status = None
    position = 12
    while position <= end - 4:
        inner, length = _unpack_header(payload, position)
        start = position + 4
        position = start + length
        if position > end:
            break
        if inner == 13:
            status = payload[start:position]
        elif inner != wanted:
            continue
        elif length < least:
            if not lenient:
                raise Malformed(f"option {inner} of {length} bytes, which has at least {least}")
        elif code == 3:
            address, preferred, valid = _unpack_address(payload, start)
            resources.append(_new(Resource, (address, preferred, valid, 128, payload[start + 24 : position])))
        else:
            resources.append(_read_prefix(payload, start, position, lenient))
    if position != end and not lenient:
        raise Malformed("an option runs past the end of its identity association")
    return _new(Ia, (code, iaid, t1, t2, tuple(resources), status))


def _read_prefix(payload: bytes, start: int, end: int, lenient: bool) -> Resource:
    preferred, valid, length, address = _unpack_prefix(payload, start)
    if length > 128:
        if not lenient:
            raise Malformed(f"prefix length {length}, which is at most 128")
        length = 128
    value = int.from_bytes(address, "big")
    beyond = value & _BEYOND[length]
    if beyond:
        address = (value ^ beyond).to_bytes(16, "big")
    return _new(Resource, (address, preferred, valid, length, payload[start + 25 : end]))


# -- writing -----------------------------------------------------------------------------------------------------------

_pack_ia = Struct("!HHIII").pack
_pack_ia_address = Struct("!HHIIIHH16sII").pack
_pack_ia_prefix = Struct("!HHIIIHHIIB16s").pack
_pack_address = Struct("!HH16sII").pack
_pack_prefix = Struct("!HHIIB16s").pack


def ia_option(code: int, iaid: int, t1: int, t2: int, options: bytes = b"") -> bytes:
    """An encoded IA_NA or IA_PD from what it holds, encoded."""
    return _pack_ia(code, 12 + len(options), iaid, t1, t2) + options


def one_address(iaid: int, t1: int, t2: int, address: bytes, preferred: int, valid: int) -> bytes:
    """An encoded IA_NA with just one address: what nearly all answers hold."""
    return _pack_ia_address(3, 40, iaid, t1, t2, 5, 24, address, preferred, valid)


def one_prefix(iaid: int, t1: int, t2: int, prefix: bytes, length: int, preferred: int, valid: int) -> bytes:
    """An encoded IA_PD with just one prefix."""
    return _pack_ia_prefix(25, 41, iaid, t1, t2, 26, 25, preferred, valid, length, prefix)


def address_option(address: bytes, preferred: int, valid: int, options: bytes = b"") -> bytes:
    """An encoded IAADDR."""
    return _pack_address(5, 24 + len(options), address, preferred, valid) + options


def prefix_option(prefix: bytes, length: int, preferred: int, valid: int, options: bytes = b"") -> bytes:
    """An encoded IAPREFIX."""
    return _pack_prefix(26, 25 + len(options), preferred, valid, length, prefix) + options


def encode_ia(ia: Ia) -> bytes:
    """An encoded identity association with all that it holds."""
    if ia.code == Option6.IA_NA:
        inner = [address_option(each.address, each.preferred, each.valid, each.options) for each in ia.resources]
    else:
        inner = [
            prefix_option(each.address, each.length, each.preferred, each.valid, each.options) for each in ia.resources
        ]
    if ia.status is not None:
        inner.append(option6(Option6.STATUS_CODE, ia.status))
    return ia_option(ia.code, ia.iaid, ia.t1, ia.t2, b"".join(inner))


# -- the excluded prefix (RFC 6603) ------------------------------------------------------------------------------------


def read_pd_exclude(prefix: bytes, length: int, payload: bytes) -> tuple[bytes, int]:
    """The prefix, and its length, that option 67 cuts out of a delegated prefix. Raises `Malformed`."""
    if len(payload) < 2:
        raise Malformed(f"excluded prefix of {len(payload)} bytes, which has at least 2")
    excluded_length = payload[0]
    bits = excluded_length - length
    if bits <= 0 or excluded_length > 128 or len(payload) - 1 != (bits + 7) // 8:
        raise Malformed(f"excluded prefix of length {excluded_length} in {len(payload)} bytes, within a /{length}")
    subnet_id = int.from_bytes(payload[1:], "big") >> -bits % 8
    value = int.from_bytes(prefix, "big") & ~_BEYOND[length] | subnet_id << 128 - excluded_length
    return value.to_bytes(16, "big"), excluded_length


def write_pd_exclude(prefix: bytes, length: int, excluded: bytes, excluded_length: int) -> bytes:
    """Option 67's payload: the bits of ``excluded`` behind those of the delegated prefix (RFC 6603 section 4.2).

    Raises ValueError unless the excluded prefix is longer and lies inside.
    """
    bits = excluded_length - length
    value = int.from_bytes(excluded, "big")
    inside = not (value ^ int.from_bytes(prefix, "big")) & ~_BEYOND[length]
    if bits <= 0 or excluded_length > 128 or not inside:
        raise ValueError(
            f"excluded prefix {excluded.hex()}/{excluded_length} is not a longer one inside {prefix.hex()}/{length}"
        )
    subnet_id = (value & _BEYOND[length]) >> 128 - excluded_length
    return bytes((excluded_length,)) + (subnet_id << -bits % 8).to_bytes((bits + 7) // 8, "big")
