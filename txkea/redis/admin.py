"""What ``txkea db`` does with Redis."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from zope.interface import implementer

from txkea.errors import TxkeaError
from txkea.interfaces import IDatabaseAdmin, Schema
from txkea.redis.keeper import Keeper
from txkea.redis.script import VERSION, keys
from txkea.redis.suitable import doubt, unsuitable
from txkea.redis.wire import Place, Wire, dial, text

__all__ = ["RedisAdmin"]

T = TypeVar("T")
FAMILIES = {4: 4, 6: 16}
"""The families, and the bytes of an address."""


@implementer(IDatabaseAdmin)
class RedisAdmin:
    """Makes the empty stores of both families; a server does the same for its own when it finds none."""

    def __init__(self, place: Place, prefix: str, *, reactor: Any) -> None:
        self.name = f"redis {place.database} on {place}"
        self._place, self._prefix, self._reactor = place, prefix, reactor

    async def version(self) -> Schema:
        """See `IDatabaseAdmin`."""
        return await self._connected(self._version)

    async def init(self) -> Sequence[str]:
        """See `IDatabaseAdmin`."""
        return await self._connected(self._init)

    async def upgrade(self) -> Sequence[str]:
        """See `IDatabaseAdmin`; there is one version only."""
        schema = await self.version()
        if schema.problem:
            raise TxkeaError(f"{self.name}: {schema.problem}")
        return []

    async def _connected(self, work: Callable[[Wire], Awaitable[T]]) -> T:
        wire = await dial(self._place, self._reactor, lambda reason: None)
        try:
            return await work(wire)
        finally:
            wire.let_go()

    async def _versions(self, wire: Wire) -> dict[int, str]:
        found = {}
        for family in FAMILIES:
            answer = await wire.ask("HGET", keys(self._prefix, family)[0], "version")
            if answer is not None:
                found[family] = text(answer)
        return found

    async def _version(self, wire: Wire) -> Schema:
        versions = await self._versions(wire)
        version = max(versions.values(), default="")
        if version not in ("", VERSION):
            return Schema(version, "txkea", "a newer txkea made it: upgrade this one")
        problem = await unsuitable(wire) or await doubt(wire)
        if not version and not problem:
            problem = "it has no leases yet: txkea db init"
        return Schema(version, "txkea" if version else "", problem)

    async def _init(self, wire: Wire) -> Sequence[str]:
        if versions := await self._versions(wire):
            families = " and ".join(f"DHCPv{family}" for family in versions)
            raise TxkeaError(f"{self.name} has leases of {families} under the prefix {self._prefix!r} already")
        if problem := await unsuitable(wire):
            raise TxkeaError(f"{self.name}: {problem}")
        for family, width in FAMILIES.items():
            await Keeper(self._place, keys(self._prefix, family), width, "").load(wire)
        return [f"made an empty store for DHCPv{family}" for family in FAMILIES]
