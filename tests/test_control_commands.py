"""The commands, run through the registry."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.logged import Logged
from tests.test_control_request import JSON
from txkea import __version__
from txkea.control.answer import Answer, Listing, encode
from txkea.control.commands import DaemonCommands
from txkea.control.configuration import ConfigurationCommands, Written
from txkea.control.leases import LeaseCommands
from txkea.control.registry import Registry
from txkea.control.request import Request
from txkea.control.views import VIEWS
from txkea.errors import ConfigError, TxkeaError, Unavailable
from txkea.interfaces import ICommands
from txkea.model.configuration import Configuration
from txkea.testing.sites import memory_site

STARTED = 1000000.0
TREE = {"Dhcp4": {"valid-lifetime": 4000, "subnet4": [{"id": number} for number in range(200)]}}


PARAMETERS = (
    "ip-address", "subnet-id", "identifier-type", "identifier", "subnets", "name", "exit-value", "type", "iaid", "duid",
    "hw-address", "client-id", "from", "limit",
)  # fmt: skip
VALUES = ("hw-address", "client-id", "duid", "192.0.2.1", "2001:db8::1", "00:01", "start", "IA_PD", 1)


async def at_once(call: Callable[..., Any], *arguments: Any) -> Any:
    """In the place of a thread."""
    return call(*arguments)


class DaemonDouble:
    """A server that remembers what it was told."""

    started = STARTED
    reloaded = STARTED + 50

    def __init__(self) -> None:
        self.configuration = Configuration(family=4, tree=TREE)
        self.told: list[Any] = []
        self.errors: list[str] = []
        self.refusal: TxkeaError | None = None

    @property
    def top(self) -> str:
        return f"Dhcp{self.configuration.family}"

    @property
    def tree(self) -> Mapping[str, Any]:
        return self.configuration.tree

    async def test(self, document: Mapping[str, Any]) -> None:
        self.told.append(("test", document))
        if self.refusal:
            raise self.refusal

    async def reload(self) -> None:
        self.told.append("reload")
        if self.refusal:
            raise self.refusal

    async def replace(self, document: Mapping[str, Any]) -> None:
        self.told.append(("replace", document))
        if self.refusal:
            raise self.refusal

    async def write(self, name: str) -> Written:
        self.told.append(("write", name))
        if self.refusal:
            raise self.refusal
        return Written(f"/etc/kea/{name or 'kea.conf'}", 42)

    async def change(self, edit: Callable[[dict[str, Any]], Any]) -> Any:
        raise AssertionError("none of the commands here changes the configuration")

    def shutdown(self, exit_value: int) -> None:
        self.told.append(("shutdown", exit_value))

    def conditions(self) -> Mapping[str, Any]:
        return {"sockets": {"status": "failed", "errors": self.errors} if self.errors else {"status": "ready"}}


@implementer(ICommands)
class Some:
    """Commands of a third party."""

    def __init__(self, **commands: Callable[[Any], Any]) -> None:
        self._commands = commands

    def commands(self) -> Mapping[str, Callable[[Any], Any]]:
        return self._commands


class CommandsCase(Logged):
    """A registry with everything in it."""

    family = 4

    def setUp(self) -> None:
        super().setUp()
        self.daemon = DaemonDouble()
        self.site = memory_site(Configuration(family=self.family))
        self.providers: list[Any] = [
            DaemonCommands(self.daemon, lambda: STARTED + 60.9),
            ConfigurationCommands(self.daemon, at_once),
            LeaseCommands(lambda: self.site, VIEWS[self.family]),
        ]
        self.registry = Registry(self.logs.logger("commands"), self.providers)

    def ask(self, command: str, arguments: Any = None) -> Any:
        """The answer as a client sees it."""

        async def answer() -> str:
            return "".join([piece async for piece in encode(await self.registry.run(Request(command, arguments)))])

        return json.loads(self.successResultOf(Deferred.fromCoroutine(answer())))


class RegistryTests(CommandsCase):
    """Commands by name."""

    def test_interface(self) -> None:
        """Every provider provides commands."""
        for provider in (self.registry, *self.providers):
            self.assertTrue(verifyObject(ICommands, provider))

    def test_list_commands(self) -> None:
        """list-commands lists what there is, in order."""
        answer = self.ask("list-commands")
        self.assertEqual(answer["result"], 0)
        self.assertEqual(answer["arguments"], sorted(answer["arguments"]))
        for name in ("list-commands", f"lease{self.family}-get-all", "config-test", "shutdown"):
            self.assertIn(name, answer["arguments"])

    def test_unknown(self) -> None:
        """An unknown command has result 2 and Kea's text."""
        self.assertEqual(self.ask("nope"), {"result": 2, "text": "'nope' command not supported."})

    def test_duplicate(self) -> None:
        """Two providers of one command are refused, and the old commands stay."""
        with self.assertRaisesRegex(ConfigError, "version-get"):
            self.registry.provide([Some(**{"version-get": Answer}), *self.providers])
        self.assertEqual(self.ask("version-get")["result"], 0)

    def test_replaced(self) -> None:
        """What a new set does not provide is gone."""
        self.registry.provide([Some(mine=lambda arguments: Answer(text=str(arguments)))])
        self.assertEqual(self.ask("mine", 5), {"result": 0, "text": "5"})
        self.assertEqual(self.ask("version-get")["result"], 2)

    def test_refusal(self) -> None:
        """An error raised on purpose is result 1 with its text."""

        def refuse(arguments: Any) -> Answer:
            raise Unavailable("the disk is full")

        self.registry.provide([Some(mine=refuse)])
        self.assertEqual(self.ask("mine"), {"result": 1, "text": "the disk is full"})

    def test_fault(self) -> None:
        """A fault in a command is result 1 and a traceback in the log, and does not come out."""
        self.registry.provide([Some(mine=lambda arguments: arguments["x"])])
        self.assertEqual(self.ask("mine")["result"], 1)
        self.assertIn("ERROR", self.log())
        self.assertIn("TypeError", self.log())

    def test_not_an_answer(self) -> None:
        """A provider that answers nonsense is a fault like any other."""
        self.registry.provide([Some(mine=lambda arguments: 3)])
        self.assertEqual(self.ask("mine")["result"], 1)

    def test_hostile_name(self) -> None:
        """A command's name cannot write lines of its own into the log."""
        self.ask("a\nb\x1b[31m" * 1000)
        self.assertEqual(self.log().count("\n"), 1)
        self.assertLess(len(self.log()), 500)


class Registry6Tests(RegistryTests):
    """The same for DHCPv6."""

    family = 6


class HostileTests(CommandsCase):
    """Whatever comes."""

    @given(st.data(), JSON | st.dictionaries(st.sampled_from(PARAMETERS), JSON | st.sampled_from(VALUES)))
    def test_any_arguments(self, data: st.DataObject, arguments: Any) -> None:
        """Arguments of every wrong type are an answer, never a fault."""
        command = data.draw(st.sampled_from(self.ask("list-commands")["arguments"]))
        self.assertIn(self.ask(command, arguments)["result"], (0, 1, 3))
        self.assertNotIn("COMMAND_FAILED", self.log())


class DaemonTests(CommandsCase):
    """Commands about the server."""

    def test_status(self) -> None:
        """status-get tells process, times in whole seconds, and how the sockets are."""
        arguments = self.ask("status-get")["arguments"]
        self.assertEqual((arguments["uptime"], arguments["reload"]), (60, 10))
        self.assertEqual(arguments["sockets"], {"status": "ready"})
        self.daemon.errors = ["eth0 is down"]
        sockets = self.ask("status-get")["arguments"]["sockets"]
        self.assertEqual(sockets, {"status": "failed", "errors": ["eth0 is down"]})

    def test_version(self) -> None:
        """version-get names this version, and what it runs on."""
        answer = self.ask("version-get")
        self.assertEqual(answer["text"], __version__)
        self.assertIn("Twisted", answer["arguments"]["extended"])
        self.assertIn(__version__, self.ask("build-report")["text"])

    def test_config_get(self) -> None:
        """config-get gives the effective configuration with the hash that config-hash-get gives."""
        arguments = self.ask("config-get")["arguments"]
        digest = self.ask("config-hash-get")["arguments"]["hash"]
        self.assertEqual(arguments, {**TREE, "hash": digest})
        self.assertRegex(digest, "^[0-9a-f]{64}$")

    def test_hash_follows(self) -> None:
        """Another configuration has another hash, the same one the same."""
        first = self.ask("config-hash-get")["arguments"]["hash"]
        self.daemon.configuration = Configuration(family=4, tree={"Dhcp4": {}})
        self.assertNotEqual(self.ask("config-hash-get")["arguments"]["hash"], first)
        self.daemon.configuration = Configuration(family=4, tree=json.loads(json.dumps(TREE)))
        self.assertEqual(self.ask("config-hash-get")["arguments"]["hash"], first)

    def test_config_test(self) -> None:
        """config-test hands the whole document over, and answers what is wrong with it."""
        self.assertEqual(self.ask("config-test", {"Dhcp4": {}})["result"], 0)
        self.assertEqual(self.daemon.told, [("test", {"Dhcp4": {}})])
        self.daemon.refusal = ConfigError("no such keyword", "Dhcp4.bogus")
        self.assertEqual(self.ask("config-test", {"Dhcp4": {}}), {"result": 1, "text": "Dhcp4.bogus: no such keyword"})
        nonsense: list[Any] = [None, {}, {"Dhcp6": {}}, []]
        for arguments in nonsense:
            self.assertEqual(self.ask("config-test", arguments)["result"], 1)
        self.daemon.configuration = Configuration(family=6)
        self.daemon.refusal = None
        self.assertEqual(self.ask("config-test", {"Dhcp6": {}})["result"], 0)
        self.assertEqual(self.ask("config-test", {"Dhcp4": {}})["result"], 1)

    def test_reload(self) -> None:
        """config-reload succeeds with Kea's text, or says why not."""
        self.assertEqual(self.ask("config-reload"), {"result": 0, "text": "Configuration successful."})
        self.daemon.refusal = ConfigError("bad")
        self.assertEqual(self.ask("config-reload"), {"result": 1, "text": "bad"})

    def test_config_set(self) -> None:
        """config-set hands the whole document over without the hash that config-get adds, and gives the new hash."""
        answer = self.ask("config-set", {"Dhcp4": {}, "hash": "0" * 64})
        self.assertEqual((answer["result"], answer["text"]), (0, "Configuration successful."))
        self.assertEqual(answer["arguments"], self.ask("config-hash-get")["arguments"])
        self.assertEqual(self.daemon.told, [("replace", {"Dhcp4": {}})])
        self.daemon.refusal = ConfigError("no such keyword", "Dhcp4.bogus")
        self.assertEqual(self.ask("config-set", {"Dhcp4": {}}), {"result": 1, "text": "Dhcp4.bogus: no such keyword"})

    def test_config_write(self) -> None:
        """config-write names the file and its size; the name is a text or absent."""
        text = "Configuration written to /etc/kea/kea.conf successful"
        written = {"filename": "/etc/kea/kea.conf", "size": 42}
        self.assertEqual(self.ask("config-write"), {"result": 0, "text": text, "arguments": written})
        self.assertEqual(self.ask("config-write", {"filename": "a"})["arguments"]["filename"], "/etc/kea/a")
        nonsense: list[Any] = [{"filename": 1}, {"filename": ""}, {"file": "a"}, [], 3, "a"]
        for arguments in nonsense:
            self.assertEqual(self.ask("config-write", arguments)["result"], 1, arguments)
        self.assertEqual(self.daemon.told, [("write", ""), ("write", "a")])

    def test_shutdown(self) -> None:
        """shutdown ends the server with the exit status asked for, and refuses one that is none."""
        self.assertEqual(self.ask("shutdown"), {"result": 0, "text": "Shutting down."})
        self.ask("shutdown", {"exit-value": 3})
        nonsense: list[Any] = [{"exit-value": "3"}, {"exit-value": True}, {"exit-value": -1}, {"exit": 3}, [], 3]
        for arguments in nonsense:
            self.assertEqual(self.ask("shutdown", arguments)["result"], 1)
        self.assertEqual(self.daemon.told, [("shutdown", 0), ("shutdown", 3)])


class EncodeTests(SynchronousTestCase):
    """Answers as bytes."""

    def text(self, answer: Answer) -> list[str]:
        async def collect() -> list[str]:
            return [piece async for piece in encode(answer)]

        return self.successResultOf(Deferred.fromCoroutine(collect()))

    @given(st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30,
    ), st.none() | st.text())  # fmt: skip
    def test_round_trip(self, arguments: Any, text: str | None) -> None:
        """Whatever a command answers arrives; a key without value is left out."""
        wanted = {"result": 0, "arguments": arguments, "text": text}
        got = json.loads("".join(self.text(Answer(0, text, arguments))))
        self.assertEqual(got, {name: value for name, value in wanted.items() if value is not None})

    def test_pieces(self) -> None:
        """A large answer comes in pieces of bounded size."""
        answer = Answer(arguments={"Dhcp4": {"subnet4": [{"id": n, "pools": ["x" * 90]} for n in range(10000)]}})
        parts = self.text(answer)
        self.assertLess(max(map(len, parts)), 100_000)
        self.assertEqual(json.loads("".join(parts))["arguments"], answer.arguments)

    def test_failing_listing(self) -> None:
        """A listing whose store fails on the way says so, and is still JSON."""

        async def pages() -> Any:
            yield [1, 2]
            raise Unavailable("the database is gone")

        listing = Listing("leases", pages(), lambda count: (0, "all"))
        got = json.loads("".join(self.text(Answer(arguments=listing))))
        self.assertEqual(got, {"arguments": {"leases": [1, 2]}, "result": 1, "text": "the database is gone"})
