"""The classes of a query, and what their members get (Kea D.2, A.16)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from txkea.classify.expression import Expression, compile_string, compile_test
from txkea.classify.order import Entry, phases
from txkea.classify.phase import Phase
from txkea.errors import Drop, EvaluationError, Malformed
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query, Query4, Query6
from txkea.exchange.subnets import LiveSubnet
from txkea.interfaces import ILogger
from txkea.model.configuration import ClientClass, Configuration
from txkea.wire.definitions import Definitions
from txkea.wire.options import parse_tuples, parse_vendor6
from txkea.wire.standard4 import STANDARD4
from txkea.wire.standard6 import STANDARD6

__all__ = ["Classes", "classes_of"]

ALL: Final = "ALL"
DROP: Final = "DROP"
KNOWN: Final = {True: "KNOWN", False: "UNKNOWN"}
VENDOR: Final = "VENDOR_CLASS_"
SPAWN: Final = "SPAWN_"
"""Begins the names of classes that a template makes."""
MODEMS: Final = (b"docsis3.0", b"eRouter1.0")
"""The vendor classes of cable modems, which may stand anywhere among a client's (Kea D002)."""


T = TypeVar("T")


class LiveClass(NamedTuple):
    """A class with its expression compiled."""

    definition: ClientClass
    expression: Expression | None
    alone: Phase
    """What evaluates it by itself, where a pool, subnet or network asks for it."""


class Classes:
    """The classes of one configuration; made only where there are any, for each query costs what it evaluates."""

    def __init__(self, configuration: Configuration, log: ILogger) -> None:
        family = configuration.family
        definitions = (STANDARD4 if family == 4 else STANDARD6).extended(configuration.option_definitions)
        live = [_live(each, family, definitions) for each in configuration.client_classes]
        self.by_name = {each.definition.name: each for each in live}
        self._tested = frozenset(each.definition.name for each in live if each.expression is not None)
        self._log = log
        self._vendor = _vendor4 if family == 4 else _vendor6
        first, second = phases(
            [Entry(each.definition.name, each.expression, each.definition.only_if_additional) for each in live]
        )
        self._first = _phase([live[place] for place in first])
        self._second = _phase([live[place] for place in second])
        self._statistic = f"pkt{family}-admin-filtered"
        self._telling = _telling(configuration)

    # -- becoming a member ---------------------------------------------------------------------------------------------

    def begin(self, query: Query) -> None:
        """Before the subnet is selected: what third parties said, and the message tells (Kea D007). Raises `Drop`."""
        query.classes = {ALL: None, **query.classes}
        vendor = self._vendor(query)
        if vendor:
            query.classes[VENDOR + vendor] = None
        self._evaluate(query, self._first)

    def go_on(self, query: Query) -> None:
        """Once the client's reservation is known: its classes, and those that depend on it (Kea D008, D017)."""
        if query.host is not None and query.host.client_classes:
            self._reserve(query, query.host.client_classes)
        query.classes[KNOWN[query.host is not None]] = None
        self._evaluate(query, self._second)

    def _reserve(self, query: Query, names: Iterable[str]) -> None:
        """Make the query a member of its reservation's classes. What was evaluated before is evaluated again behind
        them, for it may ask for them, as in Kea 2.2.0.
        """
        kept = [name for name in query.classes if name not in self._tested and not name.startswith(SPAWN)]
        query.classes = dict.fromkeys((*kept, *names))
        self._evaluate(query, self._first)

    def _evaluate(self, query: Query, phase: Phase) -> None:
        phase.evaluate(query, lambda name, error: self._failed(query, name, error))
        if DROP in query.classes:
            raise Drop("the client is in the class DROP", self._statistic)

    def _failed(self, query: Query, name: str, error: EvaluationError) -> None:
        """An error in a test is no match (Kea D012)."""
        if self._log.error:
            self._log.error("EVAL_RESULT", f"{query}: the test of class {name} failed: {error}")

    def add(self, query: Query, subnet: LiveSubnet | None, pools: Iterable[LivePool]) -> None:
        """Before the answer is put together: the classes that network, subnet and pools ask for, in this order (Kea
        D009; that of D010 came later); those without a test too (Kea D010).
        """
        names: list[str] = []
        if subnet is not None:
            if subnet.network is not None:
                names += subnet.network.additional_classes
            names += subnet.subnet.additional_classes
        names += [name for pool in pools for name in pool.pool.additional_classes]
        for name in dict.fromkeys(names):
            found = self.by_name.get(name)
            if found is None or name in query.classes:
                continue
            if found.expression is None:
                query.classes[name] = None
            else:
                found.alone.evaluate(query, lambda name, error: self._failed(query, name, error))

    # -- what members get ----------------------------------------------------------------------------------------------

    def of(self, query: Query) -> Sequence[ClientClass]:
        """The defined classes that a query is in, in the order in which it came into them (Kea D014)."""
        by_name = self.by_name
        return [by_name[name].definition for name in query.classes if name in by_name]

    def lifetime(self, query: Query, read: Callable[[ClientClass], T | None], default: T) -> T:
        """A lifetime: that of the query's first class that has one, else the subnet's, which is ``default``."""
        for each in self.of(query):
            found = read(each)
            if found is not None:
                return found
        return default

    def told(self, query: Query) -> tuple[str, ...]:
        """Those of a query's classes on which options depend: part of what an answer's options are known by."""
        telling = self._telling
        return tuple([name for name in query.classes if name in telling])


def classes_of(configuration: Configuration, log: ILogger, asked: bool = False) -> Classes | None:
    """The classes of a configuration; None if nothing in it asks whether a client is in one, unless others ask."""
    asked = (
        asked
        or bool(configuration.client_classes)
        or any(scope.client_classes or getattr(scope, "additional_classes", ()) for scope in _guarded(configuration))
    )
    return Classes(configuration, log) if asked or _telling(configuration) else None


def _guarded(configuration: Configuration) -> Iterable[Any]:
    """All that may be for members only, and reservations, which make members."""
    yield from configuration.networks
    yield from configuration.hosts
    for subnet in configuration.subnets:
        yield from (subnet, *subnet.pools, *subnet.prefix_pools, *subnet.hosts)


def _live(definition: ClientClass, family: int, definitions: Definitions) -> LiveClass:
    # A class's own definitions are for its options: its test speaks of what all know, as in Kea.
    expression: Expression | None = None
    if definition.test:
        expression = compile_test(definition.test, family, definitions)
    elif definition.template_test:
        expression = compile_string(definition.template_test, family, definitions)
    alone = Phase([(definition.name, expression)] if expression is not None else [])
    return LiveClass(definition, expression, alone)


def _phase(live: Iterable[LiveClass]) -> Phase:
    return Phase([(each.definition.name, each.expression) for each in live if each.expression is not None])


def _telling(configuration: Configuration) -> frozenset[str]:
    names = {each.name for each in configuration.client_classes if each.options}
    for scope in _scopes(configuration):
        names.update(name for data in scope.options for name in data.client_classes)
    return frozenset(names)


def _scopes(configuration: Configuration) -> Iterable[Any]:
    """All that options stand in, but for reservations, whose options are their own key."""
    yield configuration
    yield from configuration.client_classes
    yield from configuration.networks
    for subnet in configuration.subnets:
        yield subnet
        yield from subnet.pools
        yield from subnet.prefix_pools
        yield from subnet.hosts
    yield from configuration.hosts


# -- the vendor class (Kea D002) ---------------------------------------------------------------------------------------


def _vendor4(query: Any) -> str:
    asked: Query4 = query
    return asked.message.options.get(60, b"").decode("latin-1")


def _vendor6(query: Any) -> str:
    asked: Query6 = query
    for payload in parse_vendor6(asked.message.every(16)).values():
        try:
            tuples = parse_tuples(payload, 6)
        except Malformed:
            continue
        found = next((modem for modem in MODEMS if modem in tuples), tuples[0] if tuples else b"")
        return found.decode("latin-1")
    return ""
