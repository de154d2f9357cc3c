"""Sphinx directives that take the manual's tables from the code, so that they cannot differ from it."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

import txkea.interfaces
from tests.test_layers import LAYERS
from txkea.cli import main
from txkea.config import features
from txkea.config.keywords import ABSENT, Keyword
from txkea.config.keywords4 import MAPS4
from txkea.config.keywords6 import MAPS6
from txkea.config.kinds import Each, Floating, In, Integer, Kind, Parsed, Text
from txkea.explain.described import DESCRIBES
from txkea.logs.messages import MESSAGES
from txkea.wire.standard4 import STANDARD4
from txkea.wire.standard6 import STANDARD6

__all__ = ["setup"]

PACKAGE = Path(txkea.interfaces.__file__).resolve().parent
MEANINGS = Path(__file__).resolve().parent.parent / "meanings.txt"

WORDS = {
    "address": "IP address",
    "address4": "IPv4 address",
    "address6": "IPv6 address",
    "characters": "regular expression",
    "pool4": "``first - last`` or prefix",
    "pool6": "``first - last`` or prefix",
    "prefix4": "IPv4 prefix",
    "prefix6": "IPv6 prefix",
    "selection4": "interface, or interface/address",
    "selection6": "interface, or interface/address",
    "unicast4": "IPv4 address",
    "header": "printable ASCII",
    "password": "up to 255 characters",
    "token": "name of a header",
    "user": "name without a colon",
    "severity": "``FATAL``, ``ERROR``, ``WARN``, ``INFO``, ``DEBUG``, ``NONE``",
}
"""What the functions understand that read a keyword's text."""

MAPS = {4: MAPS4, 6: MAPS6}
COUNTERPARTS = {"Dhcp4": "Dhcp6", "subnet4": "subnet6"}
"""Maps of DHCPv4 that have another name in DHCPv6, where they are described together."""

SAMPLES: dict[type, Any] = {bool: True, str: "x", list: [], dict: {}}


def meanings() -> dict[str, str]:
    """The meanings of keywords: ``keyword`` or ``map/keyword`` to text."""
    lines = MEANINGS.read_text(encoding="utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines if line and not line.startswith("#"))


def table(header: Sequence[str], rows: Iterable[Sequence[str]], widths: str) -> Iterator[str]:
    """A list-table in reStructuredText."""
    yield from (".. list-table::", "   :header-rows: 1", f"   :widths: {widths}", "")
    for row in (header, *rows):
        for number, cell in enumerate(row):
            yield f"   {'* -' if number == 0 else '  -'} {cell}"
    yield ""


def choices(kind: Parsed) -> tuple[str, ...]:
    """The words of a `one_of`, or none if it is something else."""
    values = inspect.getclosurevars(kind.parse).nonlocals.get("values", ())
    return tuple(values)


def kind_text(kind: Kind) -> str:
    """A kind of value in words."""
    if isinstance(kind, Each):
        return f"list: {kind_text(kind.kind)}"
    if isinstance(kind, In):
        return f":ref:`map <keywords-{kind.name.lower()}>`"
    if isinstance(kind, Integer):
        return f"number, {kind.lowest} to {kind.highest}"
    if isinstance(kind, Floating):
        return f"number, {kind.lowest:g} to {kind.highest:g}"
    if isinstance(kind, Text):
        return f"text, up to {kind.longest} bytes" if kind.longest else "text"
    if isinstance(kind, Parsed):
        return ", ".join(f"``{word}``" for word in choices(kind)) or WORDS[kind.parse.__name__]
    return {"Boolean": "``true``, ``false``", "Free": "anything" if object in getattr(kind, "types", ()) else "map"}[
        type(kind).__name__
    ]


def default_text(row: Keyword) -> str:
    """A keyword's default in words."""
    if row.required:
        return "required"
    if row.default is ABSENT or row.default in ({}, []):
        return ""
    if row.default == "":
        return "default: empty"
    if isinstance(row.default, list):
        return f"default: {', '.join(row.default)}"
    return f"default: {str(row.default).lower() if isinstance(row.default, bool) else row.default}"


def sample(kind: Kind) -> Any:
    """Some value of a kind, to see what an old spelling becomes."""
    if isinstance(kind, Parsed):
        return (*choices(kind), "192.0.2.1")[0]
    if isinstance(kind, Integer):
        return kind.lowest
    return SAMPLES[{"Boolean": bool, "Each": list, "In": dict}.get(type(kind).__name__, str)]


def built_text(row: Keyword) -> str:
    """Whether a keyword is an old spelling, without effect, or needs what is not built yet."""
    if row.becomes is not None:
        names = ", ".join(f"``{name}``" for name in row.becomes(sample(row.kind)))
        return f" *Old spelling of* {names}."
    if row.inert:
        return f" *No effect:* {row.inert}."
    if row.later is None:
        return ""
    known = inspect.getclosurevars(row.later).nonlocals
    feature = known.get("feature")
    if feature is None:
        return " *Some values are refused:* see below."
    values = ", ".join(
        f"``{str(value).lower() if isinstance(value, bool) else value}``" for value in known.get("values", ())
    )
    return f" *Not yet:* {values + ' needs' if values else 'needs'} {feature.name}{issue(feature)}."


def docstring(node: ast.Module | ast.ClassDef | ast.FunctionDef) -> str:
    """A docstring without the numbers of our notes on Kea."""
    return re.sub(r" \(Kea [A-Z0-9 ,.-]+\)", "", ast.get_docstring(node) or "")


def issue(feature: features.Feature) -> str:
    """The issue that builds a feature."""
    return f" (issue {feature.issue})" if feature.issue else ""


class Generated(SphinxDirective):
    """Replaces itself by reStructuredText that `lines` makes from the code."""

    optional_arguments = 1
    has_content = False

    def lines(self) -> Iterable[str]:
        """The text."""
        raise NotImplementedError

    def run(self) -> list[nodes.Node]:
        """Parse the text where the directive stands."""
        text = StringList()
        for number, line in enumerate(self.lines()):
            text.append(line, f"<{self.name}>", number)
        holder = nodes.section()
        holder.document = self.state.document
        nested_parse_with_titles(self.state, text, holder)
        return holder.children


def by_family(texts: dict[int, str]) -> str:
    """One text where the families agree, else each with its family."""
    if len(set(texts.values())) < 2:
        return next(iter(texts.values()), "")
    return ", ".join(f"{text} (DHCPv{family})" for family, text in texts.items() if text)


class KeywordsOf(Generated):
    """``.. keywords:: MAP``: the keywords of one map of the configuration, in both families."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        """A label to refer to, and a definition list."""
        name = self.arguments[0]
        names = {4: name, 6: COUNTERPARTS.get(name, name)}
        tables = {family: MAPS[family][names[family]] for family in MAPS if names[family] in MAPS[family]}
        texts = meanings()
        for label in dict.fromkeys(names[family] for family in tables):
            yield from (f".. _keywords-{label.lower()}:", "")
        for keyword in dict.fromkeys(keyword for table in tables.values() for keyword in table):
            rows = {family: table[keyword] for family, table in tables.items() if keyword in table}
            rows = {family: row for family, row in rows.items() if isinstance(row.kind, In)} or rows
            yield from self.described(keyword, rows, names, texts)
            if len(tables) > len(rows) and name != "top":
                yield f"   *DHCPv{next(iter(rows))} only.*"
        yield ""

    @staticmethod
    def described(
        keyword: str, rows: dict[int, Keyword], names: dict[int, str], texts: dict[str, str]
    ) -> Iterator[str]:
        """One keyword with what it may be, and what it means."""
        kind = by_family({family: kind_text(row.kind) for family, row in rows.items()})
        default = by_family({family: default_text(row) for family, row in rows.items() if names[4] != "top"})
        yield f"``{keyword}``" + f" : {kind}" + (f" : {default}" if default else "")
        meaning = {
            family: f"{texts.get(f'{names[family]}/{keyword}', texts.get(keyword, ''))}.{built_text(row)}"
            for family, row in rows.items()
        }
        yield f"   {by_family(meaning)}"


class LogMessages(Generated):
    """``.. log-messages::``: every message identifier that is promised, by logger."""

    def lines(self) -> Iterator[str]:
        """One definition list a logger."""
        loggers = defaultdict(list)
        for message in MESSAGES.values():
            loggers[message.logger].append(message)
        for logger, messages in loggers.items():
            yield from (f"**{logger}**", "")
            for message in messages:
                level = f" {message.level}" if message.severity == "DEBUG" else ""
                yield f"``{message.identifier}`` : {message.severity}{level}"
                yield f"   {message.meaning}"
            yield ""


class CommandOptions(Generated):
    """``.. command-options:: COMMAND [-6 | SUBCOMMAND]``: the options of a command, as its ``--help`` tells them."""

    required_arguments = 1
    optional_arguments = 1

    def lines(self) -> Iterator[str]:
        """One description an option."""
        name, *switches = self.arguments
        command = main.get_command(click.Context(main), name)
        assert command is not None, f"there is no command {name}"
        if isinstance(command, click.Group):
            command, switches = command.commands[switches[0]], []
        context = command.make_context(name, switches, resilient_parsing=True)
        yield from (f".. program:: txkea {' '.join(self.arguments)}", "")
        for option in context.command.params:
            if isinstance(option, click.Option) and not option.hidden:
                value = "" if option.is_flag else f" {option.make_metavar(context)}"
                default = f" Default: {option.default}." if option.show_default and option.default else ""
                yield from (f".. option:: {', '.join(name + value for name in option.opts)}", "")
                yield from (f"   {option.help}{default}", "")


class ClientDescriptions(Generated):
    """``.. client-descriptions::``: what a client may be described by for ``txkea explain``."""

    def lines(self) -> Iterator[str]:
        """A table, each name once."""
        rows = [
            (f"``{name}``", by_family({family: known.get(name, "") for family, known in DESCRIBES.items()}))
            for name in dict.fromkeys(name for known in DESCRIBES.values() for name in known)
        ]
        yield from table(("Name", "Meaning"), rows, "25 75")


class HookLibraries(Generated):
    """``.. hook-libraries::``: Kea's libraries and what becomes of them."""

    def lines(self) -> Iterator[str]:
        """A table."""
        rows = [
            (f"``libdhcp_{name}.so``", f"refused: needs {feature.name}{issue(feature)}")
            for name, feature in features.LIBRARIES.items()
        ]
        rows += [(f"``libdhcp_{name}.so``", "built in: see :ref:`flex`") for name in features.BUILT]
        rows += [(f"``libdhcp_{name}.so``", f"always there: {what}") for name, what in features.INCLUDED.items()]
        rows.sort()
        yield from table(("Library", "Now"), rows, "35 65")


class StandardOptions(Generated):
    """``.. standard-options:: SPACE``: the options of one space that need no ``option-def``."""

    required_arguments = 1

    def lines(self) -> Iterator[str]:
        """A table."""
        rows = [
            (
                str(option.code),
                f"``{option.name}``",
                (", ".join(option.fields) or option.kind) + (" …" if option.array else ""),
            )
            for option in (*STANDARD4, *STANDARD6)
            if option.space == self.arguments[0]
        ]
        yield from table(("Code", "Name", "Type"), rows, "10 50 40")


class Layers(Generated):
    """``.. layers::``: the layers of the house, each package with what it says of itself."""

    def lines(self) -> Iterator[str]:
        """A numbered list, its items the packages of one layer."""
        for members in LAYERS:
            lead = "#. "
            for part in sorted(members):
                path = PACKAGE / part.replace(".", "/")
                source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
                if source.exists():
                    text = docstring(ast.parse(source.read_text(encoding="utf-8")))
                    yield f"{lead}* ``{part}``: {text.splitlines()[0]}"
                    lead = "   "
            yield ""


class PublicInterface(Generated):
    """``.. interface:: NAME ...``: interfaces of ``txkea.interfaces``, with signatures and docstrings."""

    required_arguments = 1
    final_argument_whitespace = True

    def lines(self) -> Iterator[str]:
        """Members in the order of the source."""
        tree = ast.parse(inspect.getsource(txkea.interfaces))
        classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        for name in self.arguments[0].split():
            yield from self.described(classes[name])

    @staticmethod
    def described(interface: ast.ClassDef) -> Iterator[str]:
        """One interface or value."""
        bases = ", ".join(ast.unparse(base) for base in interface.bases)
        yield from (f".. py:class:: txkea.interfaces.{interface.name}({bases})", "")
        yield from (*textwrap.indent(docstring(interface), "   ").splitlines(), "")
        for member, after in zip(interface.body, [*interface.body[1:], None], strict=True):
            if isinstance(member, ast.FunctionDef):
                returns = f" -> {ast.unparse(member.returns)}" if member.returns else ""
                yield from (f"   .. py:method:: {member.name}({ast.unparse(member.args)}){returns}", "")
                yield from (*textwrap.indent(docstring(member), "      ").splitlines(), "")
            elif isinstance(member, ast.AnnAssign):
                yield f"   .. py:attribute:: {ast.unparse(member.target)}"
                yield from (f"      :type: {ast.unparse(member.annotation)}", "")
                text = ""
                if isinstance(member.value, ast.Call) and isinstance(member.value.args[0], ast.Constant):
                    text = str(member.value.args[0].value)
                elif isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    text = str(after.value.value)
                yield from (f"      {text}", "")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directives known."""
    app.add_directive("keywords", KeywordsOf)
    app.add_directive("log-messages", LogMessages)
    app.add_directive("client-descriptions", ClientDescriptions)
    app.add_directive("command-options", CommandOptions)
    app.add_directive("hook-libraries", HookLibraries)
    app.add_directive("standard-options", StandardOptions)
    app.add_directive("layers", Layers)
    app.add_directive("interface", PublicInterface)
    return {"parallel_read_safe": True}
