"""The commands that read, check, replace and keep a server's configuration (Kea G020-G024)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any, Final, NamedTuple, Protocol

from zope.interface import implementer

from txkea.control.answer import Answer, pieces
from txkea.control.arguments import Arguments
from txkea.errors import TxkeaError
from txkea.interfaces import ICommands

__all__ = ["ConfigurationCommands", "Configured", "Written"]

SUCCESSFUL: Final = "Configuration successful."
HASH: Final = "hash"
"""What ``config-get`` adds to a configuration; whoever sends that back means nothing by it."""


class Written(NamedTuple):
    """A file that was written, and its bytes."""

    path: str
    size: int


class Configured(Protocol):
    """A server whose configuration can be seen and replaced."""

    @property
    def top(self) -> str:
        """The map of a document that is its own, such as ``Dhcp4``."""

    @property
    def tree(self) -> Mapping[str, Any]:
        """The effective configuration: ``{top: {...}}``; another object after each change."""

    def test(self, document: Mapping[str, Any]) -> Awaitable[Any]:
        """Check a whole document, such as ``{"Dhcp4": {...}}``; raises `TxkeaError` to refuse it. *Waits.*"""

    def replace(self, document: Mapping[str, Any]) -> Awaitable[Any]:
        """Put a whole document into force; raises `TxkeaError` when the old one stays. *Waits.*"""

    def reload(self) -> Awaitable[Any]:
        """Put the configuration file into force; raises `TxkeaError` when the old one stays. *Waits.*"""

    def write(self, name: str) -> Awaitable[Written]:
        """Write the configuration in force into a file, ``""`` for the one it was read from. *Waits.*

        Raises `TxkeaError` where that cannot be; then the file is as it was.
        """


@implementer(ICommands)
class ConfigurationCommands:
    """``config-get`` and its kin; ``in_thread(call, *arguments)`` does elsewhere what takes long."""

    def __init__(self, configured: Configured, in_thread: Callable[..., Awaitable[Any]]) -> None:
        self._configured = configured
        self._in_thread = in_thread
        self._hashed: tuple[Mapping[str, Any] | None, str] = (None, "")

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        """The commands by name."""
        return {
            "config-get": self._get,
            "config-hash-get": self._hash_get,
            "config-reload": self._reload,
            "config-set": self._set,
            "config-test": self._test,
            "config-write": self._write,
        }

    async def _get(self, arguments: Any) -> Answer:
        tree = self._configured.tree
        return Answer(arguments={**tree, HASH: await self._hash(tree)})

    async def _hash_get(self, arguments: Any) -> Answer:
        return Answer(arguments={HASH: await self._hash(self._configured.tree)})

    async def _hash(self, tree: Mapping[str, Any]) -> str:
        """SHA-256 of an effective configuration, computed once for each."""
        known, digest = self._hashed
        if known is not tree:
            digest = await self._in_thread(_digest, tree)
            self._hashed = (tree, digest)
        return digest

    async def _test(self, arguments: Any) -> Answer:
        await self._configured.test(self._document(arguments))
        return Answer(text="Configuration seems sane: it can be used, and nothing of it was applied.")

    async def _set(self, arguments: Any) -> Answer:
        await self._configured.replace(self._document(arguments))
        return Answer(text=SUCCESSFUL, arguments={HASH: await self._hash(self._configured.tree)})

    async def _reload(self, arguments: Any) -> Answer:
        await self._configured.reload()
        return Answer(text=SUCCESSFUL)

    async def _write(self, arguments: Any) -> Answer:
        given = Arguments(arguments, ("filename",))
        name = given.text("filename") if "filename" in given else ""
        written = await self._configured.write(name)
        text = f"Configuration written to {written.path} successful"
        return Answer(text=text, arguments={"filename": written.path, "size": written.size})

    def _document(self, arguments: Any) -> Mapping[str, Any]:
        """The configuration that came with the command."""
        top = self._configured.top
        if arguments is None:
            raise TxkeaError("'arguments' is missing: it is the configuration")
        if not isinstance(arguments, dict) or top not in arguments:
            raise TxkeaError(f"'arguments' has no {top!r} map: it is the configuration")
        return {name: value for name, value in arguments.items() if name != HASH}


def _digest(tree: Mapping[str, Any]) -> str:
    digest = sha256()
    for piece in pieces(tree):
        digest.update(piece.encode("ascii"))
    return digest.hexdigest()
