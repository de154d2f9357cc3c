"""All that is known of one query once it has been answered: what the parts of an explanation are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import field, frozen

from txkea.exchange.options import sources
from txkea.exchange.pools import LivePool
from txkea.exchange.query import Query, Query4, Query6
from txkea.exchange.site import Site
from txkea.explain.shadow import Shadow
from txkea.model.configuration import OptionData
from txkea.wire.definitions import Definitions
from txkea.wire.dhcp4 import Message4
from txkea.wire.dhcp6 import Message6
from txkea.wire.standard4 import STANDARD4
from txkea.wire.standard6 import STANDARD6

__all__ = ["Case"]


@frozen(kw_only=True)
class Case:
    """A query, its answer if there is one, and the shadow that gave it.

    ``query`` is the `Query4` or `Query6`, ``answer`` the decoded `Message4` or `Message6`.
    """

    site: Site
    """The one that is explained; nothing in it has changed."""
    shadow: Shadow
    query: Any
    answer: Any
    rows: Mapping[bytes, Any] = field(factory=dict)
    """What the store has now of the addresses that the answer gives."""
    sources: Sequence[Any] = field(init=False)
    """Who may have options for the answer, the narrowest scope first."""
    definitions: Definitions = field(init=False)

    @sources.default
    def _sources(self) -> Sequence[Any]:
        query: Query = self.query
        return sources(query, query.subnet, self.pools())

    @definitions.default
    def _definitions(self) -> Definitions:
        configuration = self.site.configuration
        standard = STANDARD4 if configuration.family == 4 else STANDARD6
        own = [each for known in configuration.client_classes for each in known.option_definitions]
        return standard.extended(own).extended(configuration.option_definitions)

    def pools(self) -> Sequence[LivePool]:
        """Those whose options the answer has."""
        query = self.query
        if isinstance(query, Query6):
            return sorted(query.pools, key=lambda live: live.first)
        assert isinstance(query, Query4)
        answer: Message4 | None = self.answer
        pool = query.subnet.pool_of(answer.yiaddr) if query.subnet is not None and answer is not None else None
        return () if pool is None else (pool,)

    def every(self, space: str, code: int) -> Iterator[tuple[Any, OptionData]]:
        """All that is configured for an option, with who has it, the narrowest scope first."""
        for source in self.sources:
            for data in source.options:
                if data.space == space and data.code == code:
                    yield source, data

    def applies(self, data: OptionData) -> bool:
        """Whether an option is for this client (Kea A185)."""
        return not data.client_classes or any(name in self.query.classes for name in data.client_classes)

    def first(self, space: str, code: int) -> tuple[Any, OptionData] | None:
        """What decides on an option, and who has it."""
        return next((pair for pair in self.every(space, code) if self.applies(pair[1])), None)

    def name(self, space: str, code: int) -> str:
        """What an option is called."""
        definition = self.definitions.by_code(space, code)
        return definition.name if definition is not None else f"option {code}"


Message = Message4 | Message6
