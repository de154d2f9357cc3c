"""The scripts' conversation: what this server has seen of the store goes with every request, and is judged there."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from struct import Struct
from typing import Any, Final

from txkea.errors import Unavailable
from txkea.redis.script import OPEN, READ, VERSION, WRITE, Script, call
from txkea.redis.wire import Wire, text

__all__ = ["Keeper", "LostWrites"]

SEQUENCE: Final = Struct(">q")
BODY: Final = 2 + SEQUENCE.size
"""Where the answer proper begins, behind ``OK`` and the sequence number."""


class LostWrites(Unavailable):
    """The store is not what it was."""


class Keeper:
    """What one server knows of one family's store: which one it is, and how far it had come.

    Every change of the store has a number. A store that is behind what this server saw, or does not know this server's
    last acknowledged change, has lost writes; it keeps that in mind itself, so that no server goes on, until somebody
    accepts it. Raises `LostWrites` then.
    """

    def __init__(self, place: object, keys: tuple[bytes, ...], width: int, server: str) -> None:
        self._place = place
        self._keys = keys
        self._width = width
        self._server = server
        self._epoch = self._generation = ""
        self._seen = self._written = 0
        self.made = False
        """Whether there was no store, and it was made."""

    async def load(self, wire: Wire) -> None:
        """Bring the scripts, and see that the store is the one that it was. Raises `Unavailable`."""
        for script in (OPEN, READ, WRITE):
            await wire.ask("SCRIPT", "LOAD", script.text)
        if self._epoch:
            await self.read(wire, b"")
        else:
            await self._open(wire)

    async def accept(self, wire: Wire) -> None:
        """Go on with what is there."""
        await self._open(wire, "accept")

    async def _open(self, wire: Wire, wish: str = "") -> None:
        answer = await self._call(wire, OPEN, VERSION, token_hex(8), self._server, wish)
        if not answer.startswith(b"OK"):
            raise Unavailable(f"{self._place} has {text(answer[7:])}, but nothing that says what it is: remove it")
        version, epoch, generation, seen, written, made, lost = text(answer[2:]).split("\n", 6)
        if version != VERSION:
            raise Unavailable(f"{self._place} has leases in form {version}, of a newer txkea: upgrade this one")
        if lost:
            raise self._lost(lost)
        self._epoch, self._generation, self.made = epoch, generation, made == "1"
        self._seen, self._written = int(seen), int(written)

    async def read(self, wire: Wire, requests: bytes) -> bytes:
        """What the look-ups find."""
        return await self._run(wire, READ, requests)

    async def write(self, wire: Wire, changes: bytes, sure: Callable[[], Any] | None = None) -> bytes:
        """``1`` for each change that was made, ``0`` for the others; ``sure`` is awaited before they count."""
        return await self._run(wire, WRITE, changes, sure)

    async def _run(self, wire: Wire, script: Script, requests: bytes, sure: Callable[[], Any] | None = None) -> bytes:
        for _ in range(3):
            generation = self._generation
            known = self._epoch, generation, self._server, self._written, self._seen, self._width
            answer = await self._call(wire, script, *known, requests)
            if answer.startswith(b"OK"):
                if sure is not None:
                    await sure()
                if generation == self._generation:
                    self._note(answer, script is WRITE)
                return answer[BODY:]
            if answer.startswith(b"LOST"):
                raise self._lost(text(answer[4:]))
            if answer.startswith(b"REPLACED"):
                raise self._lost("it was emptied, or another one is in its place")
            await self._open(wire)  # somebody accepted what was lost
        raise Unavailable(f"{self._place} does not come to rest")

    def _note(self, answer: bytes, writing: bool) -> None:
        (seen,) = SEQUENCE.unpack_from(answer, 2)
        self._seen = max(self._seen, seen)
        if writing and answer.find(b"1", BODY) >= 0:
            self._written = max(self._written, seen)

    async def _call(self, wire: Wire, script: Script, *arguments: Any) -> bytes:
        answer = await call(wire, script, self._keys, *arguments)
        return answer if isinstance(answer, bytes) else str(answer).encode()

    def _lost(self, problem: str) -> LostWrites:
        meta = self._keys[0].decode()
        mend = f"see what is missing, then say lease-store-accept (to start a server: redis-cli HDEL {meta} lost)"
        return LostWrites(f"the store in {self._place} has lost writes: {problem}; {mend}")
