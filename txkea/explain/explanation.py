"""The decision about one query as a value, in words and numbers that a person can follow."""

from __future__ import annotations

from attrs import frozen

__all__ = [
    "Asked",
    "Configured",
    "Explanation",
    "Inquiry",
    "Leased",
    "Membership",
    "Part",
    "PoolUse",
    "Reservation",
    "Selection",
    "Step",
]


@frozen
class Part:
    """A part of an expression and its value, written as expressions write it."""

    text: str
    value: str
    """``true``, ``false``, ``'text'``, ``0x...``, or why there is none."""
    parts: tuple[Part, ...] = ()
    """What it is made of, as far as that tells more."""


@frozen(kw_only=True)
class Membership:
    """Whether the query is in a class."""

    name: str
    member: bool
    reason: str
    expression: Part | None = None
    """The class's test; None for one without."""


@frozen(kw_only=True)
class Step:
    """One attempt to select a subnet."""

    way: str
    """Such as ``one that contains 192.0.2.1, the relay's address (giaddr)``."""
    subnet: int
    """The id of the one that was found; 0 for none."""
    passed: tuple[tuple[int, str], ...] = ()
    """Those that would have served others: id, and why not this client."""


@frozen(kw_only=True)
class Selection:
    """The subnet of the answer, 0 and ``""`` for none."""

    subnet: int
    prefix: str
    network: str
    """Its shared network, or ``""``."""
    steps: tuple[Step, ...]
    moved: str = ""
    """Why it is another one than was selected at first, or ``""``."""


@frozen(kw_only=True)
class Reservation:
    """What is reserved for the client."""

    scope: str
    """Where it was found: ``subnet 1`` or ``global``; ``""`` for nowhere."""
    identifier: str
    """By which it was found, such as ``hw-address=02:00:00:00:00:01``."""
    reserved: tuple[str, ...]
    """Addresses, prefixes, hostname, classes."""
    looked_up: tuple[str, ...]
    """The identifiers that were looked up, in this order."""
    places: tuple[str, ...]
    """Where they were looked up."""


@frozen
class Inquiry:
    """What somebody else is asked about the client."""

    source: str
    """Such as ``radius``."""
    sent: tuple[tuple[str, str], ...]
    """What it is told, by name."""
    outcome: str
    """``accepted``, ``refused``, ``not asked``, or why there is no answer."""
    received: tuple[tuple[str, str], ...] = ()
    """What it said."""


@frozen(kw_only=True)
class PoolUse:
    """A pool of the client's link, and what became of it."""

    subnet: int
    kind: str
    """``address`` or ``prefix``."""
    range: str
    used: bool
    reason: str


@frozen(kw_only=True)
class Leased:
    """An address or prefix of the answer, or an identity association that got none."""

    what: str
    """The address, or prefix with length; ``""`` for nothing."""
    association: str
    """Such as ``IA_NA 1``; ``""`` in DHCPv4."""
    reason: str
    subnet: int = 0
    pool: str = ""
    """The range of its pool; ``""`` for what is in none."""
    valid: int = 0
    """Seconds, as the next."""
    preferred: int | None = None
    """None in DHCPv4."""
    scope: str = ""
    """Where the valid lifetime is from."""
    stored: bool = False
    """Whether a lease would be stored; else it is only offered, or is gone."""


@frozen
class Configured:
    """An option of the answer, a sub-option, or a field of the header."""

    name: str
    code: int
    """0 for a field."""
    text: str
    payload: bytes
    scope: str
    """Whose value it is, such as ``subnet 1``, ``class phones`` or ``the server``."""
    parts: tuple[Configured, ...] = ()


@frozen(kw_only=True)
class Asked:
    """An option that the client asked for and does not get."""

    name: str
    code: int
    reason: str


@frozen(kw_only=True)
class Explanation:
    """What a server would do with a query, and why."""

    family: int
    query: str
    """Such as ``DISCOVER``; ``""`` for what cannot be read."""
    client: str
    way: str
    """How it came."""
    answer: str
    """The type of the answer; ``""`` for none."""
    reason: str
    """Why there is no answer, or why it says no; else ``""``."""
    destination: str
    """Where the answer would go."""
    statistic: str
    """What counts a query without an answer, beside ``pkt4-receive-drop``."""
    classes: tuple[Membership, ...] = ()
    selection: Selection | None = None
    inquiries: tuple[Inquiry, ...] = ()
    reservation: Reservation | None = None
    pools: tuple[PoolUse, ...] = ()
    leases: tuple[Leased, ...] = ()
    fields: tuple[Configured, ...] = ()
    options: tuple[Configured, ...] = ()
    missing: tuple[Asked, ...] = ()
    log: tuple[str, ...] = ()
    """What the server would log, warnings and errors only."""
