"""Providers from ``hooks-libraries``: Kea's libraries that are built in, and other people's (Kea A205, M044)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests import test_docs
from tests.configuring import complaints, configured
from tests.exchanging import OFFER, serving
from tests.flexing import hooks, library, mistakes_of, option
from tests.observing import Policy, SlowHosts
from txkea.config.features import INCLUDED
from txkea.config.load import configuration, families
from txkea.config.text import load, parse
from txkea.control.registry import Answer, Registry
from txkea.control.request import Request
from txkea.errors import ConfigError, ConfigErrors
from txkea.exchange.query import Query
from txkea.interfaces import IAnswerReady, ICommands, IProviderFactory, IQueryArrived, IQueryReceived
from txkea.launch import launch
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.clients4 import Client, LocalServer
from txkea.testing.clients6 import Client6, LocalServer6, relayed, through
from txkea.testing.serving import ON_LINK4, serve, serve6
from txkea.testing.sites import MemoryLogger

ME = __name__
ROOT = Path(__file__).resolve().parent.parent


class Shapeless:
    """Will say that it provides what it does not."""


class Factory:
    """Makes what the test wants."""

    name = "test"
    parameters = ("code",)

    def __init__(self, made: Any) -> None:
        self.made = made
        self.given: list[tuple[Any, Any]] = []

    def make(self, parameters: Any, site: Any) -> Any:
        self.given.append((parameters, site))
        if "broken" in parameters:
            raise KeyError("absent")
        if "wrong" in parameters:
            raise ConfigError("that is wrong; leave it out", "wrong")
        return self.made


def factory(made: Any) -> Any:
    return implementer(IProviderFactory)(Factory)(made)


@implementer(ICommands)
class Commands:
    """Provides what the test wants."""

    def __init__(self, **found: Any) -> None:
        self.found: Any = {name.replace("_", "-"): call for name, call in found.items()}

    def commands(self) -> Any:
        return self.found


@implementer(IQueryArrived, IQueryReceived)
class Joins:
    """Puts everybody into two classes, one as early and one as late as can be."""

    def query_arrived(self, query: Query) -> None:
        query.join("early")

    async def query_received(self, query: Query) -> None:
        query.join("late")


POLICY = factory(Policy(15))
HELLO = factory(Commands(hello=lambda arguments: Answer(text="hello"), hello_again=lambda arguments: Answer()))
HELLO_TOO = factory(Commands(hello=lambda arguments: Answer(text="no")))
NAMELESS = factory(Commands(**{"": print}))
UNCALLABLE = factory(Commands(hello="hello"))
UNLISTED = factory(Commands())
UNLISTED.made.found = None
SLOW = factory(SlowHosts())
SHAPELESS = factory(implementer(IAnswerReady)(Shapeless)())
NOTHING = factory(object())
NO_FACTORY = Policy()


def hook(name: str, **parameters: Any) -> dict[str, Any]:
    return {"library": f"{ME}.{name}", "parameters": parameters}


class HookTests(SynchronousTestCase):
    """What a configuration may load."""

    def test_dotted_path(self) -> None:
        """A provider that is named by its dotted path has its say wherever its interfaces put it."""
        configuration = configured(hooks_libraries=[hook("POLICY", code=15)])
        found = hooks(configuration)
        self.assertEqual(sorted(found), ["answer_ready", "filters", "lease_selected", "received", "selected"])
        parameters, site = POLICY.given[-1]
        self.assertEqual((parameters, site.configuration), ({"code": 15}, configuration))
        server = serving(site=found, option_data=[{"name": "domain-name", "data": "example.org", "always-send": True}])
        self.assertNotIn(15, Client(server).lease().options)

    def test_order(self) -> None:
        """Providers are asked in the order of the file, Kea's libraries and others."""
        found = hooks(configured(hooks_libraries=[option(), hook("POLICY"), option()]))
        names = [type(each).__name__ for each in found["answer_ready"]]
        self.assertEqual(names, ["FlexOption", "Policy", "FlexOption"])

    def test_refused(self) -> None:
        """What is not there, is no factory, or makes what does not keep an interface's shape, fails the start."""
        table = [
            ("ABSENT", "cannot be imported"),
            ("NO_FACTORY", "is no IProviderFactory"),
            (
                "NOTHING",
                "made provides none of IQueryArrived, IIdentifierSource, IQueryFilter, ILeaseObserver, ",
            ),
            ("SHAPELESS", "made is no IAnswerReady"),
            ("NAMELESS", "has a command '' that cannot be called"),
            ("UNCALLABLE", "has a command 'hello' that cannot be called"),
            ("UNLISTED", "the commands of 'tests.test_providers.UNLISTED' cannot be listed: TypeError"),
        ]
        for name, wanted in table:
            found = mistakes_of(hook(name))
            self.assertEqual(len(found), 1, name)
            self.assertIn(wanted, found[0])
        self.assertIn("there is no provider 'quarantine'", mistakes_of({"library": "quarantine"})[0])
        (told,) = mistakes_of({"library": "tests.no_such_module.FACTORY"})
        self.assertIn("cannot be imported: No module named 'tests.no_such_module'", told)
        (told,) = mistakes_of(hook("POLICY", broken=True))
        self.assertEqual(told, ": the factory of 'tests.test_providers.POLICY' failed: KeyError('absent')")

    def test_place(self) -> None:
        """A provider's complaint about its parameters is told with its place in the file; all are told at once."""
        configuration = configured(hooks_libraries=[hook("POLICY"), hook("POLICY", wrong=1), hook("NOTHING")])
        with self.assertRaises(ConfigErrors) as caught:
            hooks(configuration)
        first, second = caught.exception.errors
        self.assertEqual(first.path, "Dhcp4.hooks-libraries[1].parameters.wrong")
        self.assertEqual(second.path, "Dhcp4.hooks-libraries[2].parameters")
        for error in (first, second):
            assert error.position is not None
            self.assertEqual((error.position.file, error.position.line), ("text", 1))


class FacetTests(SynchronousTestCase):
    """Where a provider has its say."""

    def test_host_source(self) -> None:
        """A host source is asked behind the configuration's reservations, and only who needs it waits for it."""
        known = {"hw-address": "02:00:00:01:00:01", "ip-address": "192.0.2.200"}
        SLOW.made = hosts = SlowHosts()
        server = serve(
            subnet4=[{**ON_LINK4, "reservations": [known], "reservations-out-of-pool": True}],
            host_reservation_identifiers=["hw-address"],
            hooks_libraries=[hook("SLOW")],
        )
        self.assertTrue(server.site.has_hosts)
        stranger = Client(server, 2)
        for _ in range(3):
            self.assertIsNone(stranger.discover())
        self.assertEqual(server.statistic("pkt4-duplicate"), 2)
        self.assertEqual(Client(server, 1).lease().yiaddr, "192.0.2.200")
        server.answers()
        identifier = Identifier(IdentifierKind.HW_ADDRESS, stranger.hwaddr)
        hosts.gate.callback(Host(identifier=identifier, subnet_id=1, addresses=(b"\xc0\0\2\xc9",)))
        self.assertEqual([(each.type, each.yiaddr) for each in server.answers()], [(OFFER, "192.0.2.201")])

    def test_host_source_alone(self) -> None:
        """Where the configuration has no reservation, the source is asked all the same."""
        SLOW.made = SlowHosts()
        server = serve(hooks_libraries=[hook("SLOW")])
        self.assertIsNone(Client(server).discover())
        SLOW.made.gate.callback(None)
        self.assertEqual([each.yiaddr for each in server.answers()], ["192.0.2.10"])

    def test_commands(self) -> None:
        """The commands of a provider are there, beside those of all others."""
        server = serve(hooks_libraries=[hook("HELLO"), hook("POLICY")])
        self.assertEqual(server.command("hello"), Answer(text="hello"))
        self.assertEqual(server.command("list-commands").arguments, ["hello", "hello-again", "list-commands"])

    def test_command_there_already(self) -> None:
        """A command that is there already is refused with the place in the file, and all stays as it was."""
        first, second = hooks(configured(hooks_libraries=[hook("HELLO"), hook("HELLO_TOO")]))["commands"]
        registry = Registry(MemoryLogger(), [first])
        with self.assertRaises(ConfigError) as caught:
            registry.provide([first, second])
        self.assertEqual(caught.exception.message, "there is a command 'hello' already; leave this provider out")
        self.assertEqual(caught.exception.path, "Dhcp4.hooks-libraries[1].parameters")
        assert caught.exception.position is not None
        self.assertEqual(caught.exception.position.file, "text")
        self.assertEqual(launch(registry.run(Request("hello"))), Answer(text="hello"))
        with self.assertRaisesRegex(ConfigError, "there is a command 'list-commands' already"):
            registry.merged([registry])

    def test_classes(self) -> None:
        """A class that a provider puts clients into counts: early for tests and subnets too, late for the rest."""
        classes = [
            {"name": "early", "valid-lifetime": 100},
            {"name": "late", "option-data": [{"name": "domain-name", "data": "late", "always-send": True}]},
            {"name": "both", "test": "member('early') and member('late')"},
            {"name": "tested", "test": "member('early')"},
        ]
        pools = [
            {"pool": "192.0.2.10 - 192.0.2.19", "client-class": "both"},
            {"pool": "192.0.2.20 - 192.0.2.29", "client-classes": ["late"]},
        ]
        guarded = [
            {**ON_LINK4, "id": 1, "client-class": "both"},
            {"id": 2, "subnet": "192.0.2.0/25", "pools": pools, "client-class": "tested", "interface": "eth0"},
        ]
        ack = Client(serve(Joins(), client_classes=classes, subnet4=guarded)).lease()
        self.assertEqual((ack.yiaddr, ack.number(51), ack.options[15]), ("192.0.2.20", 100, b"late"))

    def test_classes6(self) -> None:
        """So does it in DHCPv6."""
        subnet = {
            "id": 1,
            "subnet": "2001:db8:1::/64",
            "interface": "eth0",
            "pools": [
                {"pool": "2001:db8:1::1:0/112", "client-class": "never"},
                {"pool": "2001:db8:1::2:0/112", "client-class": "late"},
            ],
            "client-class": "tested",
        }
        classes = [{"name": "early"}, {"name": "late"}, {"name": "never"}]
        classes.append({"name": "tested", "test": "member('early') and not member('never')"})
        reply = Client6(serve6(Joins(), client_classes=classes, subnet6=[subnet])).lease()
        self.assertEqual(reply.addresses, ["2001:db8:1::2:0"])

    def test_nobody_else_joins(self) -> None:
        """Without any class in the configuration, a provider that puts clients into one harms nobody."""
        server = serve(Joins())
        self.assertEqual(Client(server).lease().yiaddr, "192.0.2.10")
        self.assertEqual(Client(serve()).lease().yiaddr, "192.0.2.10")


class IncludedTests(SynchronousTestCase):
    """Kea's libraries for what is always there."""

    def test_accepted(self) -> None:
        """They may be named by path or name, with parameters that ask for nothing, and nothing more is made of them."""
        libraries = [library(name) for name in INCLUDED]
        libraries += [{"library": name} for name in INCLUDED]
        libraries.append(library("perfmon", enable_monitoring=True, alarms=[]))
        found = configured(hooks_libraries=[*libraries, hook("HELLO")])
        self.assertEqual([each.name for each in found.hooks], [f"{ME}.HELLO"])
        self.assertEqual(found.warnings, ())
        self.assertEqual(len(found.tree["Dhcp4"]["hooks-libraries"]), len(libraries) + 1)

    def test_more(self) -> None:
        """What they would have to do beyond that is refused by name."""
        (found,) = complaints(hooks_libraries=[library("lease_cmds", binding_variables=[{"name": "port"}])])
        self.assertIn("hooks-libraries[0].parameters.binding-variables: this needs variables that are kept", found)
        (found,) = complaints(hooks_libraries=[library("stat_cmds"), library("perfmon", alarms=[{"duration-key": 1}])])
        self.assertIn("hooks-libraries[1].parameters.alarms: this needs alarms about durations", found)


class ExampleTests(SynchronousTestCase):
    """What the manual and the examples say of libraries."""

    def test_example(self) -> None:
        """``config/flexible.json`` does what it says."""
        document = load(str(ROOT / "config" / "flexible.json"))
        found = configuration(document, 4)
        server = LocalServer(found, **hooks(found))
        agent = b"\1\5port7\2\6sw01#9"
        phone = Client(server, relay="192.0.2.2", options={82: agent, 60: b"phone", 12: b"desk"})
        ack = phone.lease(options={55: bytes((1, 3, 6))})
        wanted = {1: b"\xff" * 4, 3: b"\xc0\0\2\2", 6: b"\xc0\0\2\x35", 67: b"desk.boot", 43: b"\1\5port7"}
        self.assertEqual((ack.yiaddr, {code: ack.options[code] for code in wanted}), ("192.0.2.7", wanted))
        printer = Client(server, 2, relay="192.0.2.2", options={60: b"printer", 55: bytes((1, 6))}).lease()
        self.assertEqual((printer.options[1], 6 in printer.options), (b"\xff\xff\xff\0", False))
        found = configuration(document, 6)
        server6 = LocalServer6(found, **hooks(found))
        relays = through(relayed("2001:db8:1::1", options={18: b"port1234"}.items()))
        reply = Client6(server6, relays=relays, requested=(24,)).lease()
        self.assertEqual(reply.addresses, ["2001:db8:1::1234"])
        self.assertEqual(reply.options[24], b"\x08port1234\7example\3org\0")

    def test_files(self) -> None:
        """The providers of every example, and of every listing in the manual, can be made."""
        documents = [load(str(path)) for path in sorted((ROOT / "config").glob("*.[cj]*"))]
        documents += [parse(listing.text) for listing in test_docs.listings("json")]
        for document in documents:
            for family in families(document):
                hooks(configuration(document, family))
