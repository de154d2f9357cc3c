"""A program beside the tests that takes orders as lines of JSON, and answers each with one."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from tests.real.servers import ROOT
from txkea.testing.namespaces import Namespace

__all__ = ["Ordered", "obey"]


class Ordered:
    """The program ``python -m MODULE ARGUMENTS``, which inherits these descriptors, here or in a namespace."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[object] = (),
        descriptors: Sequence[int] = (),
        namespace: Namespace | None = None,
    ) -> None:
        argv = [sys.executable, "-m", module, *map(str, arguments)]
        self._process = subprocess.Popen(
            argv if namespace is None else namespace.argv(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=descriptors,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        )

    def order(self, orders: Any) -> Any:
        """Give an order; gives what it answers."""
        assert self._process.stdin is not None, "it is a pipe"
        assert self._process.stdout is not None, "it is a pipe"
        self._process.stdin.write(json.dumps(orders).encode() + b"\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


async def obey(order: Callable[[Any], Awaitable[Any]]) -> None:
    """In the program: do what it is told, until nobody tells it anything."""
    loop, orders = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        sys.stdout.write(json.dumps(await order(json.loads(line))) + "\n")
        sys.stdout.flush()
