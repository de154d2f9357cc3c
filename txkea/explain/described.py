"""A client's query from a description in words: what ``txkea explain --client`` and the commands' ``client`` take."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from struct import pack
from typing import Any, Final, TypeVar

from txkea.errors import TxkeaError
from txkea.explain.arrival import Arrival, arrival
from txkea.model.configuration import Configuration
from txkea.wire.client6 import link_local, query6
from txkea.wire.definitions import Definitions
from txkea.wire.dhcp4 import Message4, MessageType4, Option4, encode_message4
from txkea.wire.dhcp6 import UNSPECIFIED, MessageType6, Option6, Relay, encode_message6
from txkea.wire.fields import KINDS
from txkea.wire.ia import Ia, Resource
from txkea.wire.options import encode_hex, encode_text, write_suboptions
from txkea.wire.standard4 import AGENT_SPACE, DHCP4_SPACE, STANDARD4
from txkea.wire.standard6 import DHCP6_SPACE, STANDARD6

__all__ = ["DESCRIBES", "described", "fields_of"]

T = TypeVar("T")
NEXT_FIELD: Final = re.compile(r",(?=\s*[A-Za-z][A-Za-z0-9.-]*=)")
HWADDR: Final = bytes.fromhex("02005e100000")
WANTED: Final = {4: (1, 3, 6, 15), 6: (Option6.DNS_SERVERS, Option6.DOMAIN_SEARCH)}
"""What a client asks for that is described without ``requested``."""
WITH_SERVER: Final = (MessageType6.REQUEST, MessageType6.RENEW, MessageType6.RELEASE, MessageType6.DECLINE)

DESCRIBES: Final[Mapping[int, Mapping[str, str]]] = {
    4: {
        "hw-address": "its hardware address",
        "client-id": "option 61, in hexadecimal",
        "class": "its vendor class (option 60)",
        "user-class": "its user class (option 77)",
        "host-name": "option 12",
        "message": "discover (which it is otherwise), request, inform, release or decline",
        "address": "the address that it wants (option 50)",
        "ciaddr": "the address that it uses: what a request without address renews",
        "server": "the server that it names (option 54)",
        "requested": "the options that it asks for, by name or code",
        "option.NAME": "any other option, by name or code; its value in Kea's spelling, or 0x and hexadecimal",
        "relay": "the address of the relay (giaddr)",
        "circuit-id": "what the relay adds (option 82.1)",
        "remote-id": "what the relay adds (option 82.2)",
        "relay-option.NAME": "anything else that the relay adds (in option 82)",
        "interface": "where it is received: NAME, or NAME/ADDRESS with the server's address there",
        "source": "the address that the datagram came from",
    },
    6: {
        "duid": "its DUID",
        "hw-address": "its hardware address, of which its DUID is made if that is not given",
        "class": "its vendor class (option 16): TEXT, or ENTERPRISE:TEXT",
        "user-class": "its user class (option 15)",
        "message": "solicit (which it is otherwise), request, confirm, renew, rebind, release, decline or "
        "information-request",
        "ia-na": "ask for an address: any, or one",
        "ia-pd": "ask for a prefix: any, /LENGTH, or PREFIX/LENGTH",
        "server": "the DUID of the server that it names (option 2)",
        "rapid-commit": "yes: two messages are enough",
        "requested": "the options that it asks for, by name or code",
        "option.NAME": "any other option, by name or code; its value in Kea's spelling, or 0x and hexadecimal",
        "link-address": "the link address of the relay",
        "peer-address": "the client's address as the relay saw it",
        "interface-id": "what the relay adds (option 18)",
        "relay-option.NAME": "anything else that the relay adds",
        "interface": "where it is received",
        "source": "the address that the datagram came from",
    },
}
"""What a description may have, by family."""


def fields_of(text: str) -> dict[str, str]:
    """``NAME=VALUE,NAME=VALUE``: a comma that no name follows belongs to the value. Raises `TxkeaError`."""
    found: dict[str, str] = {}
    for piece in NEXT_FIELD.split(text) if text.strip() else ():
        name, equals, value = piece.partition("=")
        if not equals:
            raise TxkeaError(f"the client's {piece!r} is no NAME=VALUE")
        if name.strip() in found:
            raise TxkeaError(f"the client's {name.strip()} is given twice")
        found[name.strip()] = value.strip()
    return found


def described(
    configuration: Configuration,
    fields: Mapping[str, Any],
    server_id: bytes = b"",
    local: Callable[[str], bytes] = lambda interface: b"",
) -> Arrival:
    """The datagram of a client that is described by `DESCRIBES`.

    ``server_id`` is the DUID of the server that messages name which must name one; ``local`` knows the server's address
    on an interface. Raises `TxkeaError` for what is not understood.
    """
    family = configuration.family
    description = Description(configuration, fields)
    data = _message4(description) if family == 4 else _message6(description, server_id)
    interface, _, address = description.text("interface").partition("/")
    own = description.parsed("interface", lambda text: _address(family, address)) if address else local(interface)
    return arrival(family, data, interface, own, description.address("source"))


class Description:
    """The fields of a description, read one by one."""

    def __init__(self, configuration: Configuration, fields: Mapping[str, Any]) -> None:
        self.family = configuration.family
        self._fields = {name: _text(value) for name, value in fields.items()}
        standard = STANDARD4 if self.family == 4 else STANDARD6
        self._definitions: Definitions = standard.extended(configuration.option_definitions)
        known = DESCRIBES[self.family]
        for name in self._fields:
            head, dot, _ = name.partition(".")
            if name not in known and not (dot and f"{head}.NAME" in known):
                raise TxkeaError(f"a DHCPv{self.family} client has no {name!r}; it may have {', '.join(known)}")

    def text(self, name: str) -> str:
        """A field as it stands, ``""`` if it is not there."""
        return self._fields.get(name, "")

    def parsed(self, name: str, parse: Callable[[str], T]) -> T:
        """What is made of a field; a ValueError becomes a `TxkeaError` that names it."""
        try:
            return parse(self.text(name))
        except ValueError as error:
            raise TxkeaError(f"the client's {name}: {error}") from None

    def octets(self, name: str, default: bytes = b"") -> bytes:
        """Bytes in hexadecimal, or text in single quotes."""
        return self.parsed(name, encode_hex) if name in self._fields else default

    def address(self, name: str, default: bytes = b"") -> bytes:
        """A packed address of the family."""
        return self.parsed(name, lambda text: _address(self.family, text)) if name in self._fields else default

    def kind(self, types: Any, default: str) -> int:
        """The type of the message."""
        name = self.text("message") or default
        wanted = name.upper().replace("-", "_")
        if wanted not in types.__members__:
            raise TxkeaError(f"the client's message: there is no {name!r}")
        return int(types[wanted])

    def options(self, prefix: str, space: str) -> list[tuple[int, bytes]]:
        """All fields ``PREFIX.NAME``, as options of a space."""
        head = f"{prefix}."
        return [
            self.parsed(name, lambda text, name=name: self._option(space, name[len(head) :], text))  # type: ignore[misc]
            for name in self._fields
            if name.startswith(head)
        ]

    def _option(self, space: str, name: str, text: str) -> tuple[int, bytes]:
        code = self.code(space, name)
        if text.startswith("0x"):
            return code, encode_hex(text[2:])
        definition = self._definitions.by_code(space, code)
        if definition is None:
            raise ValueError(f"option {code} has no definition; write 0x and hexadecimal")
        return code, encode_text(definition, text, self.family)

    def code(self, space: str, name: str) -> int:
        """The code of an option by its name, or by the code itself."""
        definition = self._definitions.by_name(space, name)
        if definition is not None:
            return definition.code
        code = int(name) if name.isascii() and name.isdigit() else 0
        if not 0 < code < (255 if self.family == 4 else 65536):
            raise ValueError(f"no option is called {name!r}; write its code")
        return code

    def requested(self, space: str) -> list[int]:
        """The codes that the client asks for."""
        if "requested" not in self._fields:
            return list(WANTED[self.family])
        return self.parsed(
            "requested", lambda text: [self.code(space, name) for name in re.split(r"[\s,]+", text) if name]
        )


def _text(value: Any) -> str:
    """A value of a command's arguments as it is written on the command line."""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, list | tuple):
        return ",".join(_text(each) for each in value)
    if not isinstance(value, str | int):
        raise TxkeaError(f"a client is described by texts and numbers, not by {value!r}")
    return str(value)


def _address(family: int, text: str) -> bytes:
    packed: bytes = KINDS[f"ipv{family}-address"].parse(text)
    return packed


def _data(text: str) -> bytes:
    """Text, or 0x and hexadecimal."""
    return encode_hex(text[2:]) if text.startswith("0x") else text.encode()


# -- DHCPv4 ------------------------------------------------------------------------------------------------------------

TEXTS4: Final = {"class": Option4.VENDOR_CLASS, "user-class": Option4.USER_CLASS, "host-name": Option4.HOST_NAME}
AGENT4: Final = {"circuit-id": 1, "remote-id": 2}


def _message4(client: Description) -> bytes:
    hwaddr = client.octets("hw-address", HWADDR)
    if len(hwaddr) > 16:
        raise TxkeaError(f"the client's hw-address: it has at most 16 bytes, not {len(hwaddr)}")
    options = {Option4.MESSAGE_TYPE: bytes((client.kind(MessageType4, "discover"),))}
    if client.text("client-id"):
        options[Option4.CLIENT_IDENTIFIER] = client.octets("client-id")
    options |= {code: client.parsed(name, _data) for name, code in TEXTS4.items() if client.text(name)}
    for name, code in (("address", Option4.REQUESTED_ADDRESS), ("server", Option4.SERVER_IDENTIFIER)):
        if client.text(name):
            options[code] = client.address(name)
    options[Option4.PARAMETER_REQUEST_LIST] = bytes(client.requested(DHCP4_SPACE))
    options |= dict(client.options("option", DHCP4_SPACE))
    agent = {code: client.parsed(name, _data) for name, code in AGENT4.items() if client.text(name)}
    agent |= dict(client.options("relay-option", AGENT_SPACE))
    if agent:
        options[Option4.AGENT_OPTIONS] = write_suboptions(agent)
    relay = client.address("relay", bytes(4))
    return encode_message4(
        Message4(
            xid=1,
            hops=int(any(relay)),
            ciaddr=client.address("ciaddr", bytes(4)),
            giaddr=relay,
            chaddr=hwaddr,
            options=options,
        )
    )


# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


def _message6(client: Description, server_id: bytes) -> bytes:
    kind = client.kind(MessageType6, "solicit")
    hwaddr = client.octets("hw-address", HWADDR)
    message = query6(
        kind,
        1,
        duid=client.octets("duid", b"\0\3\0\1" + hwaddr),
        server_id=client.octets("server", server_id if kind in WITH_SERVER else b""),
        ias=_associations(client, kind),
        requested=client.requested(DHCP6_SPACE),
        rapid=bool(client.text("rapid-commit")),
        options=[*_classes6(client), *client.options("option", DHCP6_SPACE)],
        relays=_relays(client, hwaddr),
    )
    return encode_message6(message)


def _associations(client: Description, kind: int) -> Iterable[Ia]:
    """What is asked for: an address, unless it is said otherwise."""
    wanted = [(code, name) for code, name in ((Option6.IA_NA, "ia-na"), (Option6.IA_PD, "ia-pd")) if client.text(name)]
    if not wanted and kind != MessageType6.INFORMATION_REQUEST:
        return [Ia(Option6.IA_NA, 1, 0, 0)]
    return [Ia(code, 1, 0, 0, client.parsed(name, _resource(code))) for code, name in wanted]


def _resource(code: int) -> Callable[[str], tuple[Resource, ...]]:
    def parse(text: str) -> tuple[Resource, ...]:
        if text in ("any", "yes"):
            return ()
        if code == Option6.IA_NA:
            return (Resource(_address(6, text), 0, 0),)
        address, slash, length = text.partition("/")
        if not slash or not length.isascii() or not length.isdigit() or int(length) > 128:
            raise ValueError(f"{text!r} is neither any nor /LENGTH nor PREFIX/LENGTH")
        return (Resource(_address(6, address) if address else UNSPECIFIED, 0, 0, int(length)),)

    return parse


def _classes6(client: Description) -> list[tuple[int, bytes]]:
    found = []
    if client.text("user-class"):
        found.append((Option6.USER_CLASS, _tuple(client.parsed("user-class", _data))))
    if text := client.text("class"):
        number, colon, rest = text.partition(":")
        numbered = bool(colon) and number.isascii() and number.isdigit()
        data = _data(rest if numbered else text)
        found.append((Option6.VENDOR_CLASS, pack("!I", int(number) if numbered else 0) + _tuple(data)))
    return found


def _tuple(data: bytes) -> bytes:
    return pack("!H", len(data)) + data


def _relays(client: Description, hwaddr: bytes) -> list[Relay]:
    """The relay, if anything is told of one."""
    options = dict(client.options("relay-option", DHCP6_SPACE))
    if client.text("interface-id"):
        options[Option6.INTERFACE_ID] = client.parsed("interface-id", _data)
    if not options and not client.text("link-address"):
        return []
    peer = link_local(hwaddr) if len(hwaddr) == 6 else UNSPECIFIED
    link = client.address("link-address", UNSPECIFIED)
    return [Relay(0, link, client.address("peer-address", peer), options, {})]
