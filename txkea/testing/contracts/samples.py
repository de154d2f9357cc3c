"""Leases of either family for the tests of lease stores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from ipaddress import IPv6Network
from typing import Any, Final

from attrs import frozen
from hypothesis import strategies as st

from txkea.model.identifier import Identifier, IdentifierKind
from txkea.model.lease import INFINITE, Lease, Lease4, Lease6, LeaseState, LeaseType
from txkea.wire.duid import EMPTY_DUID

__all__ = ["SAMPLES4", "SAMPLES6", "TIMES", "Samples", "by_address", "prefix_of"]

TIMES: Final = range(90, 110)
"""Seconds in which few leases end."""


def by_address(lease: Lease) -> bytes:
    """The key that sorts leases as pages do."""
    return lease.address


@frozen(kw_only=True)
class Samples:
    """What the tests of one family are made of."""

    family: int
    example: Any
    """A lease of the second address."""
    addresses: tuple[bytes, ...]
    """Six of them, ascending: those that few leases have."""
    many: Callable[[int], bytes]
    """More addresses, by numbers up to 255, ascending."""
    clients: Mapping[IdentifierKind, tuple[bytes, ...]]
    """What clients are found by, and the values that few leases have."""
    fields: Mapping[IdentifierKind, str]
    """Where a lease has these."""
    moved: Callable[[Any, bytes], Any]
    """A lease like another, of an address that it is given."""
    overlap: Callable[[Any, Any], bool]
    """Whether two leases have an address in common."""
    few: st.SearchStrategy[Any]
    """Leases that get into each other's way: of six addresses, three clients, two subnets and twenty seconds."""
    every: st.SearchStrategy[Any]
    """Leases with anything in them that a client or an operator can bring about; no pool, which not all stores keep."""

    def disjoint(self, leases: Iterable[Any]) -> list[Any]:
        """Those of some leases that overlap none before them."""
        kept: list[Any] = []
        for lease in leases:
            if not any(self.overlap(lease, other) for other in kept):
                kept.append(lease)
        return kept

    def client(self, lease: Lease, kind: IdentifierKind | None = None) -> Identifier:
        """The client of a lease, by its main identifier unless told otherwise."""
        kind = kind or next(iter(self.clients))
        return Identifier(kind, getattr(lease, self.fields[kind]))


def _finite(lease: Any) -> Any:
    """A reclaimed lease has an end; whether an endless one could be reclaimed is nobody's question."""
    forever = lease.state == LeaseState.RECLAIMED and lease.valid_lifetime == INFINITE
    return lease._replace(valid_lifetime=30) if forever else lease


_HWADDRS: Final = (b"", b"\2\0\0\0\0\1", b"\2\0\0\0\0\2", b"\1")
_FEW: Final[dict[str, st.SearchStrategy[Any]]] = {
    "hwaddr": st.sampled_from(_HWADDRS),
    "valid_lifetime": st.sampled_from((1, 30, 30, INFINITE)),
    "expires": st.sampled_from(TIMES),
    "subnet_id": st.sampled_from((1, 2)),
    "fqdn_fwd": st.just(False),
    "fqdn_rev": st.just(False),
    "hostname": st.just(""),
    "user_context": st.just(""),
    "pool_id": st.just(0),
}
_uint32: Final = st.integers(0, 0xFFFFFFFF)
_bytes: Final = st.binary(max_size=40).map(lambda data: data.decode("utf-8", "surrogateescape"))
_hostnames: Final = (
    st.sampled_from(("", "host.example.org.", "a,b", "a&#x2cb", "&", "\r\n")) | st.text(max_size=40) | _bytes
)
_contexts: Final = st.sampled_from(
    ("", "{}", '{ "a": [ 1, "b,c" ] }', '{"ISC": {"relay-agent-info": "0x0104"}}', '{"n":"&#x2c"}')
)
_ANY: Final[dict[str, st.SearchStrategy[Any]]] = {
    "hwaddr": st.binary(max_size=16),
    "valid_lifetime": st.integers(1, INFINITE),
    "expires": st.integers(0, 1 << 40),
    "subnet_id": st.integers(1, 0xFFFFFFFE),
    "fqdn_fwd": st.booleans(),
    "fqdn_rev": st.booleans(),
    "hostname": st.sampled_from(("", "host.example.org.", "a,b", "a&#x2cb", "&", "\r\n"))
    | st.text(max_size=40)
    | _bytes,
    "user_context": _contexts,
    "pool_id": st.just(0),
}

# -- DHCPv4 ------------------------------------------------------------------------------------------------------------

_ADDRESSES4: Final = tuple(bytes((192, 0, 2, last)) for last in (0, 1, 2, 9, 10, 255))
_CLIENT_IDS: Final = (b"", b"\1\2\0\0\0\0\1", b"\2\0\0\0\0\1", b"\xff\0")

SAMPLES4: Final = Samples(
    family=4,
    example=Lease4(_ADDRESSES4[1], _HWADDRS[1], _CLIENT_IDS[1], 30, 100, 1, False, False, "one.example.org"),
    addresses=_ADDRESSES4,
    many=lambda number: bytes((192, 0, 2, number)),
    clients={IdentifierKind.HW_ADDRESS: _HWADDRS, IdentifierKind.CLIENT_ID: _CLIENT_IDS},
    fields={IdentifierKind.HW_ADDRESS: "hwaddr", IdentifierKind.CLIENT_ID: "client_id"},
    moved=lambda lease, address: lease._replace(address=address),
    overlap=lambda one, other: one.address == other.address,
    few=st.builds(
        Lease4,
        address=st.sampled_from(_ADDRESSES4),
        client_id=st.sampled_from(_CLIENT_IDS),
        state=st.integers(0, 3),
        **_FEW,
    ).map(_finite),
    every=st.builds(
        Lease4,
        address=st.binary(min_size=4, max_size=4),
        client_id=st.binary(max_size=255),
        state=st.integers(0, 3),
        **_ANY,
    ).map(_finite),
)

# -- DHCPv6 ------------------------------------------------------------------------------------------------------------


def _address6(number: int) -> bytes:
    return (0x20010DB8 << 96 | number).to_bytes(16, "big")


def prefix_of(lease: Lease6) -> IPv6Network:
    """All addresses of a lease."""
    return IPv6Network((lease.address, lease.prefix_length))


def _normal(lease: Any) -> Any:
    """Without what a lease cannot have: a length of an address, bits beyond the length of a prefix, a type alone."""
    if lease.type != LeaseType.PD:
        lease = lease._replace(prefix_length=128)
    beyond = 128 - lease.prefix_length
    address = (int.from_bytes(lease.address, "big") >> beyond << beyond).to_bytes(16, "big")
    lease = lease._replace(address=address)
    return lease if lease.hwaddr else lease._replace(hwtype=0, hwaddr_source=0)


def _moved6(lease: Any, address: bytes) -> Any:
    """A prefix that is too short to begin there becomes an address."""
    there = _normal(lease._replace(address=address))
    return there if there.address == address else lease._replace(address=address, type=0, prefix_length=128)


_ADDRESSES6: Final = tuple(map(_address6, (0, 1, 2, 0x100, 0x101, 0x10000)))
_DUIDS: Final = (EMPTY_DUID, b"\0\3\0\1\2\0\0\0\0\1", b"\0\2\0\0\0\1", b"\xff\0\0")

SAMPLES6: Final = Samples(
    family=6,
    example=Lease6(
        _ADDRESSES6[1],
        _HWADDRS[1],
        _DUIDS[1],
        30,
        100,
        1,
        hostname="one.example.org",
        iaid=0xFFFFFFFF,
        preferred_lifetime=20,
        hwtype=1,
        hwaddr_source=2,
    ),
    addresses=_ADDRESSES6,
    many=lambda number: _address6(number << 64),
    clients={IdentifierKind.DUID: _DUIDS},
    fields={IdentifierKind.DUID: "duid"},
    moved=_moved6,
    overlap=lambda one, other: prefix_of(one).overlaps(prefix_of(other)),
    few=st.builds(
        Lease6,
        address=st.sampled_from(_ADDRESSES6),
        duid=st.sampled_from(_DUIDS),
        state=st.integers(0, 4),
        type=st.sampled_from((LeaseType.NA, LeaseType.PD, LeaseType.PD)).map(int),
        prefix_length=st.sampled_from((112, 120, 127, 128)),
        iaid=st.sampled_from((0, 7)),
        preferred_lifetime=st.sampled_from((0, 20)),
        hwtype=st.just(0),
        hwaddr_source=st.just(0),
        **_FEW,
    ).map(_normal).map(_finite),
    every=st.builds(
        Lease6,
        address=st.binary(min_size=16, max_size=16),
        duid=st.binary(min_size=3, max_size=130),
        state=st.integers(0, 4),
        type=st.sampled_from(LeaseType).map(int),
        iaid=_uint32,
        prefix_length=st.integers(40, 128) | st.integers(0, 128),
        preferred_lifetime=_uint32,
        hwtype=st.integers(0, 0xFFFF),
        hwaddr_source=_uint32,
        **_ANY,
    ).map(_normal).map(_finite),
)  # fmt: skip
