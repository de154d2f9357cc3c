"""A tree held against the tables of keywords: sections whose values are known to be of the right kind."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from txkea.config.features import NotBuilt
from txkea.config.keywords import ABSENT, Keyword, KeywordMap
from txkea.config.kinds import Each, Free, In, Kind
from txkea.config.node import Node
from txkea.errors import ConfigError, Position

__all__ = ["Problems", "Section", "structure"]

BAD: Final = object()
"""Stands for a value that was reported already."""


class Problems:
    """What is wrong with a configuration, and what is only worth a warning."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []
        self._warnings: list[tuple[Position | None, str]] = []

    def warn(self, message: str, path: str = "", position: Position | None = None) -> None:
        """Note something that is accepted nevertheless."""
        text = ": ".join(str(part) for part in (position, path, message) if part)
        self._warnings.append((position, text))

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings in the order of the file."""
        return tuple(text for _, text in sorted(self._warnings, key=lambda warning: place(warning[0])))

    def sorted_errors(self) -> list[ConfigError]:
        """The errors in the order of the file; those of a command as they were found."""
        return sorted(self.errors, key=lambda error: place(error.position))


def place(position: Position | None) -> tuple[str, int, int]:
    return position or ("", 0, 0)


class Section:
    """A map of the configuration: ``values`` by keyword, old spellings replaced by new ones.

    A value is plain JSON, a `Section`, or a list of them; what was wrong was reported and is not there. ``nodes`` tells
    where each value was written.
    """

    __slots__ = ("label", "node", "nodes", "parent", "problems", "table", "values")

    def __init__(
        self, table: KeywordMap, node: Node, problems: Problems, parent: Section | None = None, label: str = ""
    ) -> None:
        self.table = table
        self.node = node
        self.problems = problems
        self.parent = parent
        self.label = label
        self.values: dict[str, Any] = {}
        self.nodes: dict[str, Node] = {}

    @property
    def path(self) -> str:
        """The place in the tree, such as ``Dhcp4.subnet4[0]``."""
        return f"{self.parent.path}.{self.label}".lstrip(".") if self.parent else self.label

    def get(self, name: str) -> Any:
        """The value as written, or the default of the table, or None."""
        value = self.values.get(name, BAD)
        if value is BAD:
            value = self.table[name].default
        return None if value is ABSENT else value

    def sections(self, name: str) -> list[Section]:
        """The maps of a list."""
        found: list[Section] = self.values.get(name, [])
        return found

    def section(self, name: str) -> Section | None:
        """The map of a keyword, if it was written."""
        return self.values.get(name)

    def elements(self, name: str) -> list[tuple[int, str]]:
        """The texts of a list that are of the right kind, with their places in the list."""
        good = set(self.values.get(name) or ())
        written = self.nodes[name].value if name in self.nodes else ()
        if not isinstance(written, list):
            return list(enumerate(good))
        texts = [(at, node.value) for at, node in enumerate(written)]
        return [(at, text) for at, text in texts if isinstance(text, str) and text in good]

    def wrong(self, name: str, message: str, at: int | None = None) -> None:
        """Report a value, one element of a list, or with an empty name the whole map."""
        self.problems.errors.append(ConfigError(message, *self.where(name, at)))

    def wrong_within(self, name: str, message: str, index: int) -> None:
        """Report one character of a text, the first one being 0; its number is for who wrote no file."""
        path, position = self.where(name)
        node = self.nodes.get(name)
        text = f"{message} (character {index + 1})"
        self.problems.errors.append(ConfigError(text, path, node.inside(index) if node else position))

    def warn(self, name: str, message: str) -> None:
        """Note a value that is accepted nevertheless."""
        self.problems.warn(message, *self.where(name))

    def where(self, name: str, at: int | None = None) -> tuple[str, Position | None]:
        """Path and position of a value, under the name that was written; the map's own if it was not written."""
        node = self.nodes.get(name)
        if node is None:
            return self.path, self.node.position
        path = f"{self.path}.{node.key.value if node.key else name}".lstrip(".")
        if at is None or not isinstance(node.value, list):
            return path, node.position
        return f"{path}[{at}]", node.value[at].position


def structure(node: Node, name: str, tables: Mapping[str, KeywordMap], problems: Problems) -> Section:
    """The section of a whole document; ``name`` is its table's."""
    if not isinstance(node.value, dict):
        problems.errors.append(ConfigError("a configuration is a map: {...} would be right", "", node.position))
        return Section(tables[name], node, problems)
    return Reader(tables, problems).section(node, name, None, "")


class Reader:
    """Walks a tree along the tables."""

    def __init__(self, tables: Mapping[str, KeywordMap], problems: Problems) -> None:
        self.tables = tables
        self.problems = problems

    def section(self, node: Node, name: str, parent: Section | None, label: str) -> Section:
        table = self.tables[name]
        section = Section(table, node, self.problems, parent, label)
        for written, child in node.value.items():
            row = table.get(written)
            if row is None:
                self.unknown(section, written, child, table)
            else:
                value = self.value(section, written, child, row.kind)
                if value is not BAD:
                    self.put(section, row, child, value)
        for row in table.values():
            if row.default == {} and row.name not in section.values and isinstance(row.kind, In):
                section.values[row.name] = self.empty(section, row)
            elif row.required and row.name not in node.value:
                self.complain(section, "", node, f'"{row.name}" is missing; add it')
        return section

    def empty(self, parent: Section, row: Keyword) -> Section:
        """The section of a map that was not written: all defaults."""
        node = Node("object", {}, parent.node.source, parent.node.offset)
        return Section(self.tables[row.name], node, self.problems, parent, row.name)

    def value(self, section: Section, label: str, node: Node, kind: Kind) -> Any:
        if isinstance(kind, Each):
            return self.elements(section, label, node, kind)
        if isinstance(kind, In):
            if isinstance(node.value, dict):
                return self.section(node, kind.name, section, label)
            self.complain(section, label, node, "a map would be right: {...}")
            return BAD
        value = node.plain() if isinstance(kind, Free) else node.value
        try:
            kind.check(value)
        except ValueError as error:
            self.complain(section, label, node, str(error))
            return BAD
        return value

    def elements(self, section: Section, label: str, node: Node, kind: Each) -> Any:
        if not isinstance(node.value, list):
            self.complain(section, label, node, "a list would be right: [...]")
            return BAD
        if len(node.value) < kind.shortest:
            self.complain(section, label, node, "the list is empty; add what it shall name")
            return BAD
        values = [self.value(section, f"{label}[{at}]", child, kind.kind) for at, child in enumerate(node.value)]
        return [value for value in values if value is not BAD]

    def put(self, section: Section, row: Keyword, node: Node, value: Any) -> None:
        """Enter a value under its new spelling."""
        for name, new in row.becomes(value).items() if row.becomes else ((row.name, value),):
            if name in section.values:
                other = section.nodes[name].key
                also = f'"{other.value}" at {other.position}' if other else f'"{name}"'
                self.complain(section, row.name, node, f"this says the same as {also}; keep one of the two")
                return
            section.values[name] = new
            section.nodes[name] = node
            self.judge(section, section.table[name], node, new)

    def judge(self, section: Section, row: Keyword, node: Node, value: Any) -> None:
        """Refuse what is not built yet, and warn of what has no effect."""
        try:
            feature = row.later(value) if row.later else None
        except ValueError as error:
            self.complain(section, row.name, node, str(error))
            return
        if feature:
            self.problems.errors.append(NotBuilt(feature, *section.where(row.name)))
        elif row.inert and value != row.default:
            section.warn(row.name, f"this has no effect: {row.inert}")

    def unknown(self, section: Section, name: str, child: Node, table: KeywordMap) -> None:
        holders = sorted(holder for holder, other in self.tables.items() if name in other and holder != "top")
        near = get_close_matches(name, table, 1) or get_close_matches(name.lower(), table, 1)
        if holders:
            message = f"this keyword is misplaced; it belongs in {' or '.join(holders)}"
        elif near:
            message = f"unknown keyword; did you mean {near[0]}?"
        else:
            message = "unknown keyword; delete it, or look its spelling up in the manual"
        key = child.key or child
        self.complain(section, name, key, message)

    def complain(self, section: Section, label: str, node: Node, message: str) -> None:
        path = f"{section.path}.{label}" if label else section.path
        self.problems.errors.append(ConfigError(message, path.lstrip("."), node.position))
