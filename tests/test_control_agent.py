"""The Control Agent's router: which servers a command reaches, and what comes of one that cannot be reached."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor as running
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface import implementer

from tests.test_control_asking import Can
from txkea.control.agent import HINT, ServiceRouter
from txkea.control.answer import Answer, Verbatim, encode
from txkea.control.asking import ControlClient
from txkea.control.registry import Registry
from txkea.control.request import Request
from txkea.interfaces import ICommands
from txkea.logs.logs import Logs

reactor: Any = running


@implementer(ICommands)
class Named:
    """A server that tells its name."""

    def __init__(self, name: str) -> None:
        self._name = name

    def commands(self) -> Mapping[str, Any]:
        return {"name": lambda arguments: Answer(text=self._name, arguments=arguments), "fail": self._fail}

    def _fail(self, arguments: Any) -> Answer:
        raise RuntimeError("a fault")


class RouterCase(TestCase):
    """A router with a server in this process, and others behind sockets."""

    timeout = 20

    def setUp(self) -> None:
        self.log_file = self.mktemp()
        self.logs = Logs(default=self.log_file)
        self.addCleanup(self.logs.close)
        self.servers: dict[str, ControlClient] = {}
        self.router = ServiceRouter(
            self.registry("agent"), {"dhcp6": self.registry("dhcp6")}, self.servers, self.logs.logger("x"), HINT
        )

    def registry(self, name: str) -> Registry:
        return Registry(self.logs.logger("commands"), [Named(name)])

    def server(self, service: str, answer: bytes, **more: Any) -> Can:
        """Let a service be behind a socket."""
        can = Can(answer, closes=not more)
        path = os.path.relpath(self.mktemp())
        port = reactor.listenUNIX(path, can)
        self.addCleanup(port.stopListening)
        self.servers[service] = ControlClient(reactor, path, **more)
        return can

    async def ask(self, command: str, *services: str, arguments: Any = None) -> list[Any]:
        """What a client sees."""
        answers = await self.router.run(Request(command, arguments, services))
        return [json.loads(await text(answer)) for answer in answers]


async def text(answer: Answer | Verbatim) -> str:
    """An answer on the wire."""
    return "".join([piece async for piece in encode(answer)])


class RouterTests(RouterCase):
    """From a request to its answers."""

    async def test_its_own(self) -> None:
        """A command without a service is the agent's own; one that it does not know brings advice."""
        self.assertEqual(await self.ask("name"), [{"result": 0, "text": "agent"}])
        (answer,) = await self.ask("config-hash-get")
        self.assertEqual(answer["result"], 2)
        self.assertTrue(answer["text"].startswith("'config-hash-get' command not supported."))
        self.assertIn('"service"', answer["text"])

    async def test_in_this_process(self) -> None:
        """A server in this process is asked without a socket, even where there is one; advice is not its concern."""
        self.server("dhcp6", b"{}")
        self.assertEqual(
            await self.ask("name", "dhcp6", arguments=[1]), [{"arguments": [1], "result": 0, "text": "dhcp6"}]
        )
        (answer,) = await self.ask("nonsense", "dhcp6")
        self.assertEqual(answer, {"result": 2, "text": "'nonsense' command not supported."})

    async def test_forwarded(self) -> None:
        """A command is passed on whole, with its services; the answer comes back with whatever it holds."""
        can = self.server("dhcp4", b'{ "result": 7, "arguments": 1.50, "odd": { } }')
        self.assertEqual(
            await self.ask("name", "dhcp4", arguments={"a": "ü"}), [{"result": 7, "arguments": 1.5, "odd": {}}]
        )
        self.assertEqual(
            json.loads(can.requests[0]), {"command": "name", "service": ["dhcp4"], "arguments": {"a": "ü"}}
        )
        await self.ask("name", "dhcp4")
        self.assertEqual(json.loads(can.requests[1]), {"command": "name", "service": ["dhcp4"]})

    async def test_order(self) -> None:
        """There is one answer for each service in the order of the request, twice for one that is named twice."""
        self.server("dhcp4", b'{ "result": 0, "text": "4" }')
        answers = await self.ask("name", "dhcp6", "dhcp4", "dhcp6")
        self.assertEqual([answer["text"] for answer in answers], ["dhcp6", "4", "dhcp6"])

    async def test_failures(self) -> None:
        """A server that cannot answer is an answer of its own, and leaves the others unaffected."""
        self.servers["absent"] = ControlClient(reactor, "absent")
        self.server("closes", b"")
        self.server("babbles", b"hello")
        self.server("silent", b"", time_limit=0.1)
        services = ("absent", "dhcp6", "closes", "d2", "babbles", "dhcp6", "silent", "")
        answers = await self.ask("name", *services)
        self.assertEqual([answer["result"] for answer in answers], [1, 0, 1, 1, 1, 0, 1, 1])
        texts = [answer["text"] for answer in answers]
        forward = "unable to forward command to the {} service: "
        self.assertEqual(
            texts[0], forward.format("absent") + "absent: No such file or directory; the server is likely to be offline"
        )
        self.assertEqual(texts[3], "forwarding socket is not configured for the server type d2")
        for at, word in ((2, "no answer came"), (4, "no control channel"), (6, "no answer within")):
            self.assertTrue(texts[at].startswith(forward.format(services[at])))
            self.assertIn(word, texts[at])

    async def test_faults(self) -> None:
        """A fault in a command of a server in this process is told in its place."""
        answers = await self.ask("fail", "dhcp6", "d2")
        self.assertEqual([answer["result"] for answer in answers], [1, 1])
        self.assertIn("failed inside the server", answers[0]["text"])

    async def test_too_many(self) -> None:
        """Nobody lets one request become thousands."""
        can = self.server("dhcp4", b"{}")
        (answer,) = await self.ask("name", *["dhcp4"] * 17)
        self.assertEqual((answer["result"], can.requests), (1, []))


class AnyServiceTests(SynchronousTestCase):
    """Whatever a request names."""

    @given(st.lists(st.text(max_size=200), max_size=20), st.text())
    def test_never_raises(self, services: Sequence[str], command: str) -> None:
        """Each service has its answer, whatever its name."""
        logs = Logs(default="none.log", directory=self.mktemp())
        router = ServiceRouter(Registry(logs.logger("commands")), {}, {}, logs.logger("x"))
        asked = Deferred.fromCoroutine(router.run(Request(command, None, tuple(services))))
        answers = self.successResultOf(asked)
        self.assertEqual(len(answers), len(services) if 0 < len(services) <= 16 else 1)
        self.assertTrue(all(isinstance(answer, Answer) and answer.text for answer in answers))
