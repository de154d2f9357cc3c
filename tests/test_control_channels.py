"""All control channels of a server: opened, revised and closed together, or not at all."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txkea.control.channels import Channels
from txkea.errors import ConfigError
from txkea.model.configuration import ControlSocket

__all__ = ["ChannelsTests"]

UNIX = ControlSocket(type="unix", address="a")
HTTP = ControlSocket(type="http", address="127.0.0.1", port=1)
OTHER = ControlSocket(type="http", address="127.0.0.1", port=2)
BAD = ControlSocket(type="http", address="127.0.0.1", port=666)
"""A channel that can be neither opened nor revised to this."""


class Fake:
    """A channel whose states are noted."""

    def __init__(self, configured: ControlSocket) -> None:
        self.configured = configured
        self.state = "made"
        self.revisions = 0

    def open(self) -> None:
        if self.configured.port == BAD.port:
            raise ConfigError("it is taken")
        self.state = "open"

    def revised(self, configured: ControlSocket) -> Callable[[], object]:
        if configured.parameters:
            raise ConfigError("it is of no use")

        def revise() -> None:
            self.configured = configured
            self.revisions += 1

        return revise

    async def close(self) -> None:
        self.state = "closed"


class ChannelsTests(SynchronousTestCase):
    """From one configuration to the next."""

    def setUp(self) -> None:
        self.made: list[Fake] = []

        def make(configured: ControlSocket) -> Fake:
            self.made.append(Fake(configured))
            return self.made[-1]

        self.channels = Channels(dict.fromkeys(("unix", "http", "https"), make), "/run/".__add__)

    def change(self, *sockets: ControlSocket) -> None:
        self.channels.commit(sockets, self.channels.prepare(sockets))

    def states(self) -> list[str]:
        return [each.state for each in self.made]

    def test_stays(self) -> None:
        """What stays wanted stays open, what is new is opened, what is wanted no more is closed."""
        self.change(UNIX, HTTP)
        self.change(HTTP, OTHER)
        self.assertEqual(self.states(), ["closed", "open", "open"])

    def test_revised(self) -> None:
        """What stays is revised each time, for files that it names may have changed; HTTP may become HTTPS."""
        self.change(HTTP)
        self.change(HTTP)
        secure = ControlSocket(type="https", address=HTTP.address, port=HTTP.port)
        self.change(secure)
        (channel,) = self.made
        self.assertEqual((channel.revisions, channel.configured, channel.state), (2, secure, "open"))

    def test_not_at_all(self) -> None:
        """If one cannot be opened or revised nothing changes, and what was opened is closed again."""
        self.change(UNIX, HTTP)
        useless = ControlSocket(type="http", address=HTTP.address, port=HTTP.port, parameters={"serves": []})
        for sockets in ((OTHER, HTTP, BAD), (OTHER, useless)):
            with self.assertRaises(ConfigError):
                self.channels.prepare(sockets)
            unix, http, other = self.made[0], self.made[1], self.made[2]
            self.assertEqual((unix.state, http.state, http.revisions, other.state), ("open", "open", 0, "closed"))
            del self.made[2:]

    def test_cancelled(self) -> None:
        """What was prepared and is not wanted after all is closed."""
        self.change(HTTP)
        self.channels.prepare((UNIX, HTTP)).cancel()
        self.assertEqual(self.states(), ["open", "closed"])
        self.assertEqual(self.made[0].revisions, 0)

    def test_end(self) -> None:
        """At the end all are closed."""
        self.change(UNIX, HTTP, OTHER)
        self.successResultOf(Deferred.fromCoroutine(self.channels.close()))
        self.assertEqual(self.states(), ["closed"] * 3)
