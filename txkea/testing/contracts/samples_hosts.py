"""Reservations of either family for the tests of host sources and stores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import frozen
from hypothesis import strategies as st

from txkea.model.configuration import Host, OptionData
from txkea.model.identifier import Identifier, IdentifierKind

__all__ = ["HOSTS4", "HOSTS6", "INJECTIONS", "SUBNET_IDS", "HostSamples"]

SUBNET_IDS: Final = st.integers(0, 2)
INJECTIONS: Final = (
    "'; DROP TABLE hosts;--", "\\'", "$1", "%s", "%(name)s", ":name", "{0.__class__}", "' ALLOW FILTERING",
    "\r\n*1\r\n$8\r\nFLUSHALL\r\n", "*", "{tag}", '"', "$(id)", "`id`", "\x1b[31m", "\u2028", "a\\,b", "ä€😀", "&#x2c",
)  # fmt: skip
"""Texts that would hurt whoever takes them for more than texts."""


@frozen(kw_only=True)
class HostSamples:
    """What the tests of one family are made of."""

    family: int
    kinds: tuple[IdentifierKind, ...]
    """By what a reservation of this family may know a client."""
    addresses: st.SearchStrategy[bytes]
    """Five of them."""
    prefixes: st.SearchStrategy[tuple[bytes, int]]
    """Four of them; nothing in DHCPv4."""
    options: tuple[OptionData, ...]
    """As reading a configuration without definitions of its own makes them."""

    @property
    def identifiers(self) -> st.SearchStrategy[Identifier]:
        """Few of them."""
        return st.builds(Identifier, st.sampled_from(self.kinds), st.binary(min_size=1, max_size=2))

    def host(self, number: int, **fields: Any) -> Host:
        """One of many reservations that do not get into each other's way, by numbers up to 255."""
        identifier = Identifier(IdentifierKind.HW_ADDRESS, bytes((2, 0, 0, 0, 0, number)))
        return Host(**{"identifier": identifier, "subnet_id": 1, "addresses": (self.address(number),), **fields})

    def address(self, number: int) -> bytes:
        """One of many addresses, none of those in ``addresses``."""
        return (
            bytes((192, 0, 3, number)) if self.family == 4 else b"\x20\x01\x0d\xb8\xff" + bytes(10) + bytes((number,))
        )

    @property
    def hosts(self) -> st.SearchStrategy[list[Host]]:
        """Few reservations: at most one of an identifier in a subnet, while addresses may be reserved often."""
        addresses = self.addresses.map(lambda address: (address,))
        one = st.builds(
            lambda identifier, subnet_id, reserved: Host(
                identifier=identifier, subnet_id=subnet_id, addresses=reserved
            ),
            self.identifiers,
            SUBNET_IDS,
            st.just(()) | addresses,
        )
        return st.lists(one, max_size=12, unique_by=lambda host: (host.identifier, host.subnet_id))

    @property
    def every(self) -> st.SearchStrategy[Host]:
        """Reservations with anything in them that an operator can bring about and every database can keep."""
        fields: dict[str, st.SearchStrategy[Any]] = {
            "identifier": st.sampled_from(self.kinds).flatmap(_any_identifier),
            "subnet_id": st.integers(0, 0xFFFFFFFE),
            "hostname": _texts(),
            "options": _some(self.options),
            "client_classes": _some(("a", "b.c", "VENDOR_CLASS_x y", *filter(_class_name, INJECTIONS))),
            "user_context": st.none() | st.dictionaries(_texts(9), _texts(), max_size=3).filter(bool),
        }
        return (self._every4 if self.family == 4 else self._every6)(fields)

    def _every4(self, fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Host]:
        return st.builds(
            Host,
            addresses=st.just(()) | self.addresses.map(lambda address: (address,)),
            next_server=st.sampled_from((bytes(4), b"\xc0\0\2\xfe", b"\xff\xff\xff\xfe")),
            server_hostname=_texts(15),
            boot_file_name=_texts(31),
            **fields,
        )

    def _every6(self, fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Host]:
        def with_prefixes(prefixes: list[tuple[bytes, int]]) -> st.SearchStrategy[Host]:
            addresses = st.lists(self.addresses, max_size=3, unique=True).map(tuple)
            return st.builds(Host, addresses=addresses, prefixes=st.just(tuple(prefixes)), **fields)

        return st.lists(self.prefixes, max_size=3, unique=True).flatmap(with_prefixes)


def _texts(most: int = 60) -> st.SearchStrategy[str]:
    """Any text that a database takes, so short that no encoding of it is too long."""
    anything = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=most)
    return (
        st.sampled_from([each for each in ("", "One.example.org", *INJECTIONS) if len(each.encode()) <= most])
        | anything
    )


def _class_name(text: str) -> bool:
    """Whether it can stand in a list of names, which databases keep as one text with commas."""
    return "," not in text and text == text.strip()


def _some(members: Sequence[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(members), max_size=4, unique_by=repr).map(tuple)


def _any_identifier(kind: IdentifierKind) -> st.SearchStrategy[Identifier]:
    longest = 20 if kind == IdentifierKind.HW_ADDRESS else 128
    return st.builds(Identifier, st.just(kind), st.binary(min_size=1, max_size=longest))


HOSTS4: Final = HostSamples(
    family=4,
    kinds=tuple(IdentifierKind),
    addresses=st.integers(1, 5).map(lambda last: bytes((192, 0, 2, last))),
    prefixes=st.nothing(),
    options=(
        OptionData(code=3, space="dhcp4", payload=b"\xc0\0\2\1\xc0\0\2\2", name="routers"),
        OptionData(code=15, space="dhcp4", payload="ä'; --".encode(), name="domain-name", always_send=True),
        OptionData(code=222, space="dhcp4", payload=b"\0\xff'\\"),
        OptionData(code=9, space="mine", payload=b""),
    ),
)
HOSTS6: Final = HostSamples(
    family=6,
    kinds=(IdentifierKind.HW_ADDRESS, IdentifierKind.DUID, IdentifierKind.FLEX_ID),
    addresses=st.integers(1, 5).map(lambda last: b"\x20\x01\x0d\xb8" + bytes(11) + bytes((last,))),
    prefixes=st.sampled_from((1, 2, 3, 4)).map(
        lambda number: (b"\x20\x01\x0d\xb8\0" + bytes((number,)) + bytes(10), 48 + 8 * (number % 2))
    ),
    options=(
        OptionData(code=23, space="dhcp6", payload=b"\x20\x01\x0d\xb8" + bytes(12), name="dns-servers"),
        OptionData(code=41, space="dhcp6", payload="ä'; --".encode(), name="new-posix-timezone", always_send=True),
        OptionData(code=60000, space="dhcp6", payload=b"\0\xff'\\"),
        OptionData(code=9, space="mine", payload=b""),
    ),
)
