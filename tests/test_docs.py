"""The manual says what is so: its listings work, and what it lists is all there is."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shlex
import sys
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType
from typing import Any, NamedTuple

from click.testing import CliRunner
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txkea.cli.root import main
from txkea.config.agent import agent_configuration, configures_agent
from txkea.config.keywords4 import MAPS4
from txkea.config.keywords6 import MAPS6
from txkea.config.load import configuration, families
from txkea.config.text import load
from txkea.exchange.families import FAMILIES, Family
from txkea.exchange.statistics import CONFLICTS, GLOBAL4, GLOBAL6, RARE, SUBNET4, SUBNET6
from txkea.interfaces import IHostSource, IProviderFactory
from txkea.launch import launch
from txkea.logs.logs import Logs
from txkea.logs.messages import MESSAGES
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.paths import Paths
from txkea.service import KeaService
from txkea.testing.network import MemoryNetwork

__all__ = ["ExampleTests", "ListingTests", "ReferenceTests"]

ROOT = Path(__file__).resolve().parent.parent
PAGES = (ROOT / "README.rst", *sorted((ROOT / "doc").rglob("*.rst")))
BLOCK = re.compile(r"^( *)\.\. code-block:: (\w+)\n((?:\1   :.*\n)*)\n((?:\1   .*\n|\n)+)", re.MULTILINE)
MESSAGE = re.compile(
    r"(?!TXKEA_(?:FROM_|TO_)?PASSWORD$)"  # variables of the environment
    r"(?:DHCP4|DHCP6|DHCP\{\}|DHCPSRV|ALLOC_ENGINE|ALLOC_ENGINE_V\{\}|COMMAND|CTRL_AGENT|DCTL|EVAL|FLEX_ID|FLEX_OPTION"
    r"|HOSTS|HTTP|RADIUS|TXKEA)"
    r"_[A-Z0-9_]+"
)


COMMANDED = ("control", "live-change", "explain")
"""The pages that explain commands, beside those called so."""
TERM = re.compile(r"^(``.*)\n   \S", re.MULTILINE)
"""A term of a list with its explanation below."""


class Listing(NamedTuple):
    """A code block of a page."""

    page: Path
    language: str
    text: str


def blocks(page: Path) -> Iterator[Listing]:
    """All code blocks of a page."""
    for match in BLOCK.finditer(page.read_text(encoding="utf-8")):
        yield Listing(page, match[2], dedent(match[4]))


def listings(language: str) -> Iterator[Listing]:
    """All code blocks in a language, page by page."""
    return (listing for page in PAGES for listing in blocks(page) if listing.language == language)


def module(page: Path) -> ModuleType:
    """A module that runs all Python listings of a page, from the first to the last."""
    made = ModuleType(f"listing_{page.stem}")
    sys.modules[made.__name__] = made
    for listing in listings("python"):
        if listing.page == page:
            exec(compile(listing.text, str(page), "exec", dont_inherit=True), made.__dict__)
    return made


def messages(path: Path) -> Iterator[str]:
    """The message identifiers in a module; ``{}`` stands for either family."""
    for statement in ast.parse(path.read_text(encoding="utf-8")).body:
        if not ast.unparse(statement).startswith("__all__"):
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and MESSAGE.fullmatch(node.value):
                    yield from {node.value.format(family) for family in (4, 6)}


def warnings(path: str) -> list[str]:
    """What deserves a warning in a file, of all servers that it configures; raises `ConfigErrors`."""
    document = load(path)
    agents = [agent_configuration(document).warnings] if configures_agent(document) else []
    servers = [configuration(document, family).warnings for family in families(document)]
    return [text for found in (*servers, *agents) for text in found]


def warnings_in(text: str) -> list[str]:
    """What deserves a warning in a listing; raises `ConfigErrors`."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(text)
        file.flush()
        return warnings(file.name)


class ListingTests(SynchronousTestCase):
    """A listing that is printed works."""

    def test_configurations(self) -> None:
        """Every configuration in the manual and the README is accepted, without a warning."""
        found = list(listings("json"))
        self.assertGreaterEqual(len(found), 3)
        for listing in found:
            self.assertEqual(warnings_in(listing.text), [], listing.page)

    def test_explanations(self) -> None:
        """What ``txkea explain`` says in the manual it says: of the configuration that stands before, byte for byte."""
        explained = 0
        self.addCleanup(os.chdir, os.getcwd())
        os.makedirs(directory := self.mktemp())
        os.chdir(directory)
        for listing in blocks(ROOT / "doc" / "operator" / "explain.rst"):
            command, _, output = listing.text.partition("\n")
            if listing.language == "json":
                Path("kea.conf").write_text(listing.text, encoding="utf-8")
            elif command.startswith("# txkea explain ") and listing.language == "text":
                result = CliRunner().invoke(main, shlex.split(command)[2:])
                self.assertEqual(result.output, output.rstrip("\n") + "\n", command)
                explained += 1
        self.assertGreaterEqual(explained, 5)

    def test_lease_store(self) -> None:
        """The lease store of the manual keeps the contract of lease stores, and its factory is one."""
        page = module(ROOT / "doc" / "extending" / "providers.rst")
        self.assertTrue(verifyObject(IProviderFactory, page.FACTORY))
        suite = unittest.defaultTestLoader.loadTestsFromTestCase(page.ScratchTests)
        result = unittest.TextTestRunner(io.StringIO()).run(suite)
        self.assertGreater(result.testsRun, 5)
        self.assertEqual([*result.errors, *result.failures, *result.skipped], [])

    def test_host_source(self) -> None:
        """The host source of the manual finds a camera by its hardware address and by its address, and nobody else."""
        cameras = module(ROOT / "doc" / "extending" / "providers.rst").Cameras()
        self.assertTrue(verifyObject(IHostSource, cameras))
        camera = Identifier(IdentifierKind.HW_ADDRESS, b"\x02\xca\0\0\0\7")
        host: Any = launch(cameras.find([camera], 1))
        self.assertEqual(host.address, b"\xc0\0\2\7")
        self.assertEqual(launch(cameras.at(b"\xc0\0\2\7", 1)), [host])
        self.assertIsNone(launch(cameras.find([camera], 2)))
        self.assertIsNone(launch(cameras.find([Identifier(IdentifierKind.HW_ADDRESS, bytes(6))], 1)))


class ExampleTests(SynchronousTestCase):
    """The files in ``config/``."""

    def test_examples(self) -> None:
        """Every example configuration is accepted, without a warning."""
        found = sorted({*(ROOT / "config").glob("*.[cj]*")} - {ROOT / "config" / "grafana-dashboard.json"})
        self.assertGreaterEqual(len(found), 2)
        for path in found:
            self.assertEqual(warnings(str(path)), [], path)


class ReferenceTests(SynchronousTestCase):
    """What the manual lists is complete."""

    def test_keywords(self) -> None:
        """Every keyword of every map has a meaning in the manual, and no meaning is left of a keyword that is gone."""
        lines = (ROOT / "doc" / "meanings.txt").read_text(encoding="utf-8").splitlines()
        meanings = {line.split(": ")[0] for line in lines if line and not line.startswith("#")}
        used = set()
        for name, table in (*MAPS4.items(), *MAPS6.items()):
            for keyword in table:
                used.add(f"{name}/{keyword}" if f"{name}/{keyword}" in meanings else keyword)
        self.assertEqual(used ^ meanings, set())

    def test_maps(self) -> None:
        """Every map of the configuration is in the reference, those of both families in one place."""
        page = (ROOT / "doc" / "operator" / "configuration.rst").read_text(encoding="utf-8")
        maps = {*MAPS4, *MAPS6} - {"Dhcp6", "subnet6"}
        self.assertEqual(sorted(re.findall(r"\.\. keywords:: (\S+)", page)), sorted(maps))

    def test_messages(self) -> None:
        """Every message identifier in the code is one that the manual lists, and every one listed is in the code."""
        used = {
            name for path in (ROOT / "txkea").rglob("*.py") if path.name != "messages.py" for name in messages(path)
        }
        self.assertEqual(sorted(used - set(MESSAGES)), [])
        self.assertEqual(sorted(set(MESSAGES) - used), [])

    def test_commands(self) -> None:
        """Every command of the control channels is explained, and no other; ``subnet6-get`` with ``subnet4-get``."""
        commands = {name for family in FAMILIES.values() for name in self.commands(family)}
        pages = [page for page in PAGES if page.stem in COMMANDED or page.stem.endswith("-commands")]
        text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
        terms = [line.partition(" (")[0] for line in TERM.findall(text)]
        explained = {name for term in terms for name in re.findall(r"``([a-z0-9-]+)``", term)}
        twins = {name.replace("4", "6", 1) for name in explained if name.startswith(("subnet4-", "network4-"))}
        self.assertEqual(sorted(commands - explained - twins), [])
        self.assertEqual(sorted(explained - commands), [])

    def commands(self, family: Family) -> set[str]:
        """The commands of a server."""
        directory = Path(self.mktemp())
        directory.mkdir()
        path = directory / "kea.conf"
        path.write_text(json.dumps({family.top: {"interfaces-config": {"interfaces": []}}}))
        logs = Logs(default=str(directory / "log"))
        self.addCleanup(logs.close)
        paths = Paths().under(str(directory))
        service = KeaService(str(path), family, reactor=Clock(), network=MemoryNetwork(), logs=logs, paths=paths)
        return set(service.offered())

    def test_statistics(self) -> None:
        """Every statistic of a server, a subnet or a pool is explained, and no other."""
        page = (ROOT / "doc" / "operator" / "statistics.rst").read_text(encoding="utf-8")
        terms = "".join(re.findall(r"(?m)^``.*$", page))
        names = {*GLOBAL4, *GLOBAL6, *SUBNET4, *SUBNET6, *RARE, CONFLICTS}
        self.assertEqual(set(re.findall(r"``([a-z0-9-]+)``", terms)), names)
