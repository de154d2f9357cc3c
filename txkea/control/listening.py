"""Listening sockets of a process that has something else to do."""

from __future__ import annotations

import os
from typing import Any, Final

from twisted.internet import tcp, unix

__all__ = ["TcpPort", "UnixPort"]

FEW: Final = 16


class _Unhurried:
    """Takes a few connections in each turn of the reactor.

    Twisted's own sockets take more and more as long as there are any; in a storm others would not have their turn, and
    who has connected would not be heard before too many have come after him.
    """

    @property
    def numberAccepts(self) -> int:  # noqa: N802 - Twisted's name
        """How many connections to take."""
        return FEW

    @numberAccepts.setter
    def numberAccepts(self, number: int) -> None:  # noqa: N802 - Twisted's name
        """No more, whatever Twisted thinks."""


class TcpPort(_Unhurried, tcp.Port):
    """A listening TCP socket, to be opened with ``startListening``."""

    def __init__(self, reactor: Any, port: int, factory: Any, interface: str) -> None:
        super().__init__(port, factory, interface=interface, reactor=reactor)


class UnixPort(_Unhurried, unix.Port):
    """A listening UNIX socket, readable and writable for owner and group, to be opened with ``startListening``."""

    def __init__(self, reactor: Any, path: str, factory: Any) -> None:
        super().__init__(os.fsencode(path), factory, mode=0o660, reactor=reactor)
