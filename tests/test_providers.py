"""Providers from ``hooks-libraries``: Kea's libraries that are built in, and other people's (Kea A205, M044)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests import test_docs
from tests.configuring import configured
from tests.exchanging import serving
from tests.flexing import hooks, mistakes_of, option
from tests.observing import Policy
from txkea.config.load import configuration, families
from txkea.config.text import load, parse
from txkea.errors import ConfigError, ConfigErrors
from txkea.interfaces import IAnswerReady, IProviderFactory
from txkea.testing.clients4 import Client, LocalServer
from txkea.testing.clients6 import Client6, LocalServer6, relayed, through

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
        if "wrong" in parameters:
            raise ConfigError("that is wrong; leave it out", "wrong")
        return self.made


def factory(made: Any) -> Any:
    return implementer(IProviderFactory)(Factory)(made)


POLICY = factory(Policy(15))
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
        ]
        for name, wanted in table:
            found = mistakes_of(hook(name))
            self.assertEqual(len(found), 1, name)
            self.assertIn(wanted, found[0])
        self.assertIn("there is no provider 'quarantine'", mistakes_of({"library": "quarantine"})[0])

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
