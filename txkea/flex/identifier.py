"""Clients known by what an expression makes of their queries (Kea A205): Kea's library flex_id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from zope.interface import implementer

from txkea.classify.expression import Expression
from txkea.config.expressions import compiled
from txkea.config.families import BY_NUMBER
from txkea.config.keywords import CONTEXT, NAME, KeywordMap, keyword, keywords
from txkea.config.kinds import BOOLEAN
from txkea.config.parameters import definitions_of, judged
from txkea.errors import EvaluationError
from txkea.exchange.query import Query, Query6
from txkea.interfaces import IIdentifierSource, ILogger, IProviderFactory, IQueryArrived
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.wire.duid import EMPTY_DUID

__all__ = ["FLEX_ID", "FlexId"]

TABLES: Final[Mapping[str, KeywordMap]] = {
    "flex_id": keywords(
        keyword("identifier-expression", NAME),
        keyword("replace-client-id", BOOLEAN, False),
        keyword("ignore-iaid", BOOLEAN, False),
        CONTEXT,
    )
}
PREFIX: Final = {4: b"\0", 6: b"\0\0"}
"""The type of a client identifier that was made, and that of a DUID."""
CLIENT_ID: Final = {4: 61, 6: 1}
"""The option with the client's own."""
LONGEST: Final = 128
"""Bytes of an identifier, at most (Kea F023)."""


@implementer(IIdentifierSource, IQueryArrived)
class FlexId:
    """What clients are known by instead of, or beside, what they say themselves.

    ``expression`` makes the identifier; None makes none. ``replaces`` says whether leases belong to it too, and
    ``ignores_iaid`` whether the associations of a DHCPv6 client are told apart by their type alone.
    """

    def __init__(
        self, expression: Expression | None, *, family: int, replaces: bool, ignores_iaid: bool, log: ILogger
    ) -> None:
        self._expression = expression
        self._replaces = replaces and expression is not None
        self._ignores_iaid = ignores_iaid and family == 6
        self._prefix = PREFIX[family]
        self._code = CLIENT_ID[family]
        self._log = log

    def query_arrived(self, query: Any) -> None:
        """Give the client the identifier that its leases shall belong to, before anybody looks at its own."""
        if self._ignores_iaid:
            asked: Query6 = query
            asked.forget_iaids()
        if self._replaces:
            value = self._value(query)
            if value and self._prefix + value != EMPTY_DUID:
                query.know_as(self._prefix + value)

    def identifiers(self, query: Query) -> Sequence[Identifier]:
        """The identifier of the client's reservation; none where the expression gives nothing."""
        value = self._replacement(query) if self._replaces else self._value(query)
        return (Identifier(IdentifierKind.FLEX_ID, value),) if value else ()

    def _replacement(self, query: Any) -> bytes:
        """What the expression gave before the query was changed."""
        if self._code not in query.replaced:
            return b""
        known_as: bytes = query.message.options[self._code]
        return known_as[len(self._prefix) :]

    def _value(self, query: Query) -> bytes:
        if self._expression is None:
            return b""
        try:
            value: bytes = self._expression.evaluate(query)
            if len(value) > LONGEST:
                raise EvaluationError(f"{len(value)} bytes are too many for an identifier; {LONGEST} is the most")
        except EvaluationError as error:
            if self._log.error:
                self._log.error("FLEX_ID_PROCESS_ERROR", f"{query}: it has no flexible identifier: {error}")
            return b""
        return value


@implementer(IProviderFactory)
class _FlexIdFactory:
    """Makes it of the parameters of Kea's library."""

    name = "flex_id"
    parameters = tuple(TABLES["flex_id"])

    def make(self, parameters: Mapping[str, Any], site: Any) -> FlexId:
        configuration = site.configuration
        family = BY_NUMBER[configuration.family]
        with judged(parameters, self.name, TABLES) as section:
            expression = compiled(section, "identifier-expression", family, definitions_of(configuration))
        return FlexId(
            expression,
            family=configuration.family,
            replaces=section.get("replace-client-id"),
            ignores_iaid=section.get("ignore-iaid"),
            log=site.log,
        )


FLEX_ID: Final = _FlexIdFactory()
"""The factory for ``libdhcp_flex_id.so``."""
