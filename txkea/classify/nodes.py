"""What a class expression is made of: frozen values, equal when they mean the same wherever they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from attrs import field, frozen

from txkea.classify.pattern import Pattern
from txkea.wire.definition import OptionDefinition

__all__ = [
    "MESSAGE",
    "RELAY4",
    "Choice",
    "Concat",
    "Converted",
    "Enterprise",
    "Equal",
    "Hexstring",
    "Junction",
    "Literal",
    "Match",
    "Member",
    "Negation",
    "Node",
    "Option",
    "PacketField",
    "Place",
    "RelayField",
    "Split",
    "Substring",
    "Test",
    "VendorData",
    "VendorExists",
    "walk",
]

Span: TypeAlias = tuple[int, int]


@frozen(kw_only=True)
class Node:
    """Part of an expression; ``span`` is where it stands in the text."""

    span: Span = field(eq=False)

    @property
    def boolean(self) -> bool:
        """Whether its value is true or false; else it is bytes."""
        return False

    @property
    def parts(self) -> tuple[Node, ...]:
        """What it is made of, in the order of the text."""
        return ()


def walk(node: Node) -> Iterator[Node]:
    """A node and all that it is made of."""
    yield node
    for part in node.parts:
        yield from walk(part)


# -- strings -----------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Literal(Node):
    """Bytes that stand in the text."""

    value: bytes


@frozen(kw_only=True)
class PacketField(Node):
    """A field of the message or of its datagram, such as ``pkt4.mac``."""

    name: str


class Place(NamedTuple):
    """Whose options are meant.

    ``number`` is the index of a ``relay6``, or the enterprise of a ``vendor`` (0: of any).
    """

    root: str
    number: int = 0


MESSAGE: Final = Place("option")
RELAY4: Final = Place("relay4")


@frozen(kw_only=True)
class Option(Node):
    """An option's payload (``hex``), its printed form (``text``), or whether it is there (``exists``).

    ``codes`` leads from the options of a place through those that options hold; ``definitions`` say what is known of
    each.
    """

    place: Place
    codes: tuple[int, ...]
    definitions: tuple[OptionDefinition | None, ...]
    form: str

    @property
    def boolean(self) -> bool:
        return self.form == "exists"


@frozen(kw_only=True)
class RelayField(Node):
    """The ``peeraddr`` or ``linkaddr`` of a DHCPv6 relay."""

    number: int
    name: str


@frozen(kw_only=True)
class Enterprise(Node):
    """The enterprise number of the client's ``vendor`` or ``vendor-class`` option."""

    kind: str


@frozen(kw_only=True)
class VendorData(Node):
    """One piece of data of a ``vendor-class`` option; ``enterprise`` 0 is any."""

    enterprise: int
    index: int


@frozen(kw_only=True)
class Substring(Node):
    """``length`` None is all that follows."""

    of: Node
    start: int
    length: int | None

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)


@frozen(kw_only=True)
class Split(Node):
    """The field of that number, from 1."""

    of: Node
    delimiters: Node
    number: int

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of, self.delimiters)


@frozen(kw_only=True)
class Concat(Node):
    """Strings one after the other, by ``concat`` or ``+``."""

    parts: tuple[Node, ...]


@frozen(kw_only=True)
class Hexstring(Node):
    """Hexadecimal digits, with a separator between bytes."""

    of: Node
    separator: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of, self.separator)


@frozen(kw_only=True)
class Converted(Node):
    """A string as a function of one argument makes it, such as ``lcase``."""

    function: str
    of: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)


@frozen(kw_only=True)
class Choice(Node):
    """One of two strings; ``strict`` (``sifelse``) evaluates both."""

    test: Node
    then: Node
    otherwise: Node
    strict: bool

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.test, self.then, self.otherwise)


# -- tests -------------------------------------------------------------------------------------------------------------


@frozen(kw_only=True)
class Test(Node):
    """What is true or false."""

    @property
    def boolean(self) -> bool:
        return True


@frozen(kw_only=True)
class VendorExists(Test):
    """Whether there is a ``vendor`` or ``vendor-class`` option of an enterprise; 0 is any."""

    kind: str
    enterprise: int


@frozen(kw_only=True)
class Member(Test):
    """Whether the query is in a class."""

    name: str


@frozen(kw_only=True)
class Match(Test):
    """Whether a string as a whole is as a regular expression says."""

    pattern: Pattern
    of: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)


@frozen(kw_only=True)
class Equal(Test):
    """Whether two strings are the same."""

    left: Node
    right: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.left, self.right)


@frozen(kw_only=True)
class Negation(Test):
    """What a test is not."""

    of: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        return (self.of,)


@frozen(kw_only=True)
class Junction(Test):
    """Whether ``every`` test is true (``and``), else one at least (``or``).

    ``strict`` (``sand``, ``sor``) evaluates all of them.
    """

    parts: tuple[Node, ...]
    every: bool
    strict: bool
