"""A connection that hears what is published."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from txkea.redis.wire import Wire

__all__ = ["Subscriber"]

MESSAGE: Final = (b"message", "message")


class Subscriber(Wire):
    """A connection to Redis; ``heard(message)`` is told of what comes on the channels that it has asked for."""

    def __init__(self, lost: Callable[[str], None], heard: Callable[[bytes], None]) -> None:
        super().__init__(lost)
        self._heard = heard

    def replyReceived(self, reply: Any) -> None:  # noqa: N802 - overrides txredisapi's
        """A message is told; all else is the answer to something."""
        if isinstance(reply, list) and len(reply) == 3 and reply[0] in MESSAGE:
            self._heard(reply[2])
        else:
            super().replyReceived(reply)
