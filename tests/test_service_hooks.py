"""Third parties in a running server: their commands, and what they hold open over reconfigurations."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from tests.observing import SlowHosts
from tests.servicing import Family6, ServiceCase
from txkea.control.registry import Answer
from txkea.control.request import Request
from txkea.errors import TxkeaError, Unavailable
from txkea.interfaces import ICommands, IHostSource, ILearnsLeases, IProviderFactory, IRunning
from txkea.service import KeaService

ME = __name__


@implementer(IRunning, ICommands, IHostSource, ILearnsLeases)
class Provider(SlowHosts):
    """Says what happens to it, has a command, and is as slow as the test wishes."""

    def __init__(self, history: list[str], parameters: Any) -> None:
        super().__init__()
        self._history = history
        self._parameters = parameters
        self._name = parameters.get("name", "")
        self.found: list[Any] = []
        if not parameters.get("slow"):
            self.gate.callback(None)

    async def find(self, identifiers: Any, subnet_id: int, query: Any = None) -> Any:
        await self.gate
        return None

    async def start(self) -> None:
        self._history.append(f"start {self._name}")
        if self._parameters.get("fails"):
            raise Unavailable("it does not work today")

    async def stop(self) -> None:
        self._history.append(f"stop {self._name}")

    def leases_found(self, leases: Any, more: bool) -> None:
        self.found += [*(lease.address for lease in leases), more]

    def commands(self) -> Any:
        return {self._parameters.get("command", f"hello-{self._name}"): lambda arguments: Answer(text=self._name)}


@implementer(IProviderFactory)
class Factory:
    """Makes them."""

    name = "provider"
    parameters = ("name", "slow", "fails", "command")

    def __init__(self) -> None:
        self.history: list[str] = []
        self.made: list[Provider] = []

    def make(self, parameters: Any, site: Any) -> Provider:
        self.made.append(Provider(self.history, parameters))
        return self.made[-1]


FACTORY = Factory()


def hook(**parameters: Any) -> dict[str, Any]:
    return {"library": f"{ME}.FACTORY", "parameters": parameters}


class HookTests(ServiceCase):
    """A provider in a server, here of DHCPv4."""

    def setUp(self) -> None:
        super().setUp()
        FACTORY.history.clear()
        FACTORY.made.clear()

    async def says(self, service: KeaService, command: str) -> Any:
        """Result and text of a command's answer."""
        answer: Any = await service.registry.run(Request(command))
        return answer.result, answer.text

    async def test_over_a_reload(self) -> None:
        """The next one runs before the one before it is stopped, whose commands are gone; the last one stops too."""
        self.configure(hooks_libraries=[hook(name="one")])
        service = await self.start()
        self.assertEqual(FACTORY.history, ["start one"])
        self.assertEqual(await self.says(service, "hello-one"), (0, "one"))
        self.configure(hooks_libraries=[hook(name="two")])
        await service.reload()
        self.assertEqual(FACTORY.history, ["start one", "start two", "stop one"])
        self.assertEqual((await self.says(service, "hello-one"))[0], 2)
        self.assertEqual(await self.says(service, "hello-two"), (0, "two"))
        await self.lease(1)
        await service.stopService()
        self.assertEqual(FACTORY.history[3:], ["stop two"])

    async def test_learns(self) -> None:
        """After a start it is told all leases that there are, to the last."""
        self.configure(hooks_libraries=[hook(name="one")])
        service = await self.start()
        for client in (1, 2):
            await self.lease(client)
        await service.stopService()
        service = await self.start()
        told = FACTORY.made[-1].found
        await self.until(lambda: told)
        self.assertEqual((len({*told[:-1]}), told[-1]), (2, False))
        self.assertEqual(FACTORY.made[0].found, [False])
        await service.stopService()

    async def test_queries_in_flight(self) -> None:
        """It is stopped only when the queries that began with it have ended."""
        self.configure(hooks_libraries=[hook(name="one", slow=True)])
        service = await self.start()
        self.network.sent.clear()
        self.assertIsNone(await self.ask(self.family.offer(1)))
        self.configure(hooks_libraries=[hook(name="two")])
        await service.reload()
        await self.lease(2)
        self.assertEqual(FACTORY.history, ["start one", "start two"])
        self.network.sent.clear()
        FACTORY.made[0].gate.callback(None)
        await self.until(lambda: len(FACTORY.history) > 2)
        self.assertEqual(FACTORY.history[2:], ["stop one"])
        self.assertEqual(len(self.network.sent), 1)

    async def test_stopped_while_one_ends(self) -> None:
        """A server that ends waits for the last of them."""
        self.configure(hooks_libraries=[hook(name="one", slow=True)])
        service = await self.start()
        self.assertIsNone(await self.ask(self.family.offer(1)))
        self.configure(hooks_libraries=[hook(name="two")])
        await service.reload()
        stopping: Deferred[None] = service.stopService()
        self.assertEqual(FACTORY.history, ["start one", "start two"])
        FACTORY.made[0].gate.callback(None)
        await stopping
        self.assertEqual(sorted(FACTORY.history[2:]), ["stop one", "stop two"])

    async def test_cannot_start(self) -> None:
        """One that cannot start keeps its configuration from coming into force, and a server from starting."""
        self.configure(hooks_libraries=[hook(name="one")])
        service = await self.start()
        before = service.site
        self.configure(hooks_libraries=[hook(name="two"), hook(name="three", fails=True)])
        with self.assertRaisesRegex(TxkeaError, "it does not work today"):
            await service.reload()
        self.assertEqual(FACTORY.history, ["start one", "start two", "start three", "stop two"])
        self.assertIs(service.site, before)
        self.assertEqual(await self.says(service, "hello-one"), (0, "one"))
        await service.stopService()
        await self.start()
        self.assertIn("it does not work today", self.failures[0])

    async def test_something_else_is_wrong(self) -> None:
        """What was started for a configuration that does not come into force is stopped."""
        self.configure(hooks_libraries=[hook(name="one")])
        service = await self.start()
        self.configure(hooks_libraries=[hook(name="two")], interfaces_config={"interfaces": ["eth9"]})
        with self.assertRaisesRegex(TxkeaError, "eth9"):
            await service.reload()
        self.assertEqual(FACTORY.history, ["start one", "start two", "stop two"])

    async def test_command_there_already(self) -> None:
        """A command that the server has already is refused with its place, when it starts and when it is loaded."""
        self.configure(hooks_libraries=[hook(name="one")])
        service = await self.start()
        self.configure(hooks_libraries=[hook(name="one"), hook(name="two", command="config-get")])
        with self.assertRaises(TxkeaError) as caught:
            await service.reload()
        self.assertRegex(str(caught.exception), rf"kea\.conf:1:\d+: {self.top}\.hooks-libraries\[1\]")
        self.assertIn("there is a command 'config-get' already", str(caught.exception))
        self.assertEqual(FACTORY.history, ["start one"])
        self.assertEqual(await self.says(service, "hello-one"), (0, "one"))
        await service.stopService()
        await self.start()
        self.assertIn("there is a command 'config-get' already", self.failures[0])

    async def test_only_tried(self) -> None:
        """A configuration that is only checked starts nothing."""
        self.configure(hooks_libraries=[hook(name="one")])
        service = await self.start()
        result, _ = await self.says(service, "config-get")
        self.assertEqual(result, 0)
        answer: Any = await service.registry.run(Request("config-test", dict(service.configuration.written)))
        self.assertEqual(answer.result, 0, answer)
        self.assertEqual(FACTORY.history, ["start one"])


class HookTests6(HookTests):
    """The same of DHCPv6."""

    family = Family6()
