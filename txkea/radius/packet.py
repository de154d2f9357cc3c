"""RADIUS packets as bytes: requests that are signed, and answers of which nothing is believed before it is proved.

RFC 2865, 2866 and 5997; what an answer must be follows what is known since CVE-2024-3596 ("Blast-RADIUS").
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

from txkea.errors import TxkeaError

__all__ = ["ANSWERS", "LONGEST", "SHORTEST", "Attribute", "Code", "Received", "Refused", "Request", "encode", "verify"]

SHORTEST: Final = 20
LONGEST: Final = 4096
"""Octets of a packet."""
LONGEST_VALUE: Final = 253
USER_PASSWORD: Final = 2
VENDOR_SPECIFIC: Final = 26
PROXY_STATE: Final = 33
MESSAGE_AUTHENTICATOR: Final = 80
NOTHING: Final = bytes(16)
BLOCK: Final = 16


class Code(IntEnum):
    """What a packet is."""

    ACCESS_REQUEST = 1
    ACCESS_ACCEPT = 2
    ACCESS_REJECT = 3
    ACCOUNTING_REQUEST = 4
    ACCOUNTING_RESPONSE = 5
    ACCESS_CHALLENGE = 11
    STATUS_SERVER = 12


ANSWERS: Final[Mapping[int, frozenset[int]]] = {
    Code.ACCESS_REQUEST: frozenset({Code.ACCESS_ACCEPT, Code.ACCESS_REJECT, Code.ACCESS_CHALLENGE}),
    Code.ACCOUNTING_REQUEST: frozenset({Code.ACCOUNTING_RESPONSE}),
    Code.STATUS_SERVER: frozenset({Code.ACCESS_ACCEPT, Code.ACCOUNTING_RESPONSE}),
}
"""What may answer what."""


class Refused(TxkeaError):
    """An answer is not to be believed; ``kind`` is the end of the counter's name, the text the reason in words."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


class Attribute(NamedTuple):
    """One attribute, its value as it travels."""

    vendor: int
    """The vendor's number in a Vendor-Specific attribute, else 0."""
    type: int
    value: bytes

    @property
    def wire(self) -> bytes:
        """All of it. Raises `TxkeaError` if it is too long."""
        value, kind = self.value, self.type
        if self.vendor:
            value = self.vendor.to_bytes(4, "big") + bytes((kind, (len(value) + 2) & 0xFF)) + value
            kind = VENDOR_SPECIFIC
        if len(value) > LONGEST_VALUE:
            raise TxkeaError(f"attribute {self.place} has {len(self.value)} octets; {LONGEST_VALUE} is the most of all")
        return bytes((kind, len(value) + 2)) + value

    @property
    def place(self) -> str:
        """Its number for people, such as ``26.311.7``."""
        return f"{VENDOR_SPECIFIC}.{self.vendor}.{self.type}" if self.vendor else str(self.type)


class Request(NamedTuple):
    """A request as it was sent."""

    code: int
    identifier: int
    authenticator: bytes
    data: bytes


class Received(NamedTuple):
    """An answer that was proved to be the server's, to this very request."""

    code: int
    attributes: Sequence[Attribute]


def encode(
    code: int, identifier: int, attributes: Sequence[Attribute], secret: bytes, *, random: bytes, sign: bool
) -> Request:
    """A request, ready to be sent; if ``sign`` its first attribute is a Message-Authenticator.

    ``random`` are 16 octets that nobody can guess: the authenticator of whatever is no Accounting-Request, which has
    one that is computed (RFC 2866 section 3). A User-Password is hidden. Raises `TxkeaError` if it is too long.
    """
    computed = code == Code.ACCOUNTING_REQUEST
    authenticator = NOTHING if computed else random
    body = b"".join(_hidden(each, secret, random).wire for each in attributes)
    signature = bytes((MESSAGE_AUTHENTICATOR, 18)) if sign else b""
    length = SHORTEST + len(body) + (18 if sign else 0)
    if length > LONGEST:
        raise TxkeaError(f"a RADIUS request of {length} octets is too long; {LONGEST} is the most")
    head = bytes((code, identifier)) + length.to_bytes(2, "big")
    if sign:
        body = signature + _hmac(secret, head + authenticator + signature + NOTHING + body) + body
    if computed:
        authenticator = _md5(head + NOTHING + body + secret)
    return Request(code, identifier, authenticator, head + authenticator + body)


def _hidden(attribute: Attribute, secret: bytes, authenticator: bytes) -> Attribute:
    """A User-Password as it travels: RFC 2865 section 5.2."""
    if attribute.vendor or attribute.type != USER_PASSWORD:
        return attribute
    padded = attribute.value + bytes(-len(attribute.value) % BLOCK or (0 if attribute.value else BLOCK))
    hidden, last = b"", authenticator
    for start in range(0, len(padded), BLOCK):
        key = _md5(secret + last)
        last = bytes(one ^ other for one, other in zip(padded[start : start + BLOCK], key, strict=True))
        hidden += last
    return attribute._replace(value=hidden)


def verify(data: bytes, request: Request, secret: bytes, *, required: bool) -> Received:
    """What a datagram says, once it is proved to answer this request; what follows its length is padding.

    ``required`` refuses an answer without a Message-Authenticator. Raises `Refused`.
    """
    data = _measured(data)
    code, identifier = data[0], data[1]
    if identifier != request.identifier:
        raise Refused("identifier", f"its identifier is {identifier}, not {request.identifier}")
    if code not in ANSWERS[request.code]:
        raise Refused("code", f"code {code} answers no request of code {request.code}")
    if not hmac.compare_digest(_md5(data[:4] + request.authenticator + data[20:] + secret), data[4:20]):
        raise Refused("authenticator", "its Response Authenticator is wrong: the secrets differ, or it is forged")
    places = list(_places(data))
    _verify_signature(data, places, request, secret, required)
    attributes = tuple(attribute for place in places for attribute in _attributes(data, place))
    if any(not attribute.vendor and attribute.type == PROXY_STATE for attribute in attributes):
        raise Refused("proxy-state", "it has a Proxy-State, and the request had none")
    return Received(code, attributes)


def _measured(data: bytes) -> bytes:
    if len(data) < SHORTEST:
        raise Refused("malformed", f"it has {len(data)} octets; {SHORTEST} is the least")
    length = int.from_bytes(data[2:4], "big")
    if not SHORTEST <= length <= LONGEST:
        raise Refused("malformed", f"its length is said to be {length}")
    if length > len(data):
        raise Refused("malformed", f"its length is said to be {length}, and {len(data)} octets came")
    return data[:length]


def _places(data: bytes) -> Iterator[int]:
    """Where each attribute begins."""
    place = SHORTEST
    while place < len(data):
        length = data[place + 1] if place + 1 < len(data) else 0
        if length < 2 or place + length > len(data):
            raise Refused("malformed", f"its attribute at octet {place} has the length {length}")
        yield place
        place += length


def _verify_signature(data: bytes, places: Sequence[int], request: Request, secret: bytes, required: bool) -> None:
    signed = [place for place in places if data[place] == MESSAGE_AUTHENTICATOR]
    if not signed:
        if required:
            raise Refused("unsigned", "it has no Message-Authenticator")
        return
    if len(signed) > 1:
        raise Refused("message-authenticator", f"it has {len(signed)} Message-Authenticators")
    start = signed[0] + 2
    if data[start - 1] != 18:
        raise Refused("message-authenticator", f"its Message-Authenticator has {data[start - 1] - 2} octets")
    head, body = data[:4], data[SHORTEST:start] + NOTHING + data[start + 16 :]
    # FreeRADIUS signs an Accounting-Response over zeros, others over what the request had; no RFC says which.
    among = (request.authenticator, NOTHING) if request.code == Code.ACCOUNTING_REQUEST else (request.authenticator,)
    right = [hmac.compare_digest(_hmac(secret, head + each + body), data[start : start + 16]) for each in among]
    if not any(right):
        raise Refused("message-authenticator", "its Message-Authenticator is wrong")


def _attributes(data: bytes, place: int) -> Iterator[Attribute]:
    """The one at this place; of a Vendor-Specific one those inside, or itself if there are none."""
    kind, value = data[place], data[place + 2 : place + data[place + 1]]
    if kind == VENDOR_SPECIFIC and value[4:]:
        inner = list(_inner(value[4:]))
        vendor = int.from_bytes(value[:4], "big")
        if inner and vendor:
            yield from (Attribute(vendor, *each) for each in inner)
            return
    yield Attribute(0, kind, value)


def _inner(data: bytes) -> Sequence[tuple[int, bytes]]:
    """Type and value of a vendor's attributes; none if the vendor writes them in a manner of its own."""
    found, place = [], 0
    while place < len(data):
        length = data[place + 1] if place + 1 < len(data) else 0
        if length < 2 or place + length > len(data):
            return ()
        found.append((data[place], data[place + 2 : place + length]))
        place += length
    return found


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data, usedforsecurity=False).digest()


def _hmac(secret: bytes, data: bytes) -> bytes:
    return hmac.digest(secret, data, "md5")
