"""The house's walls, read from the syntax trees of all modules: layers, the one reactor, sizes, docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["LayerTests", "StyleTests"]

ROOT = Path(__file__).resolve().parent.parent
PURE = 6
"""How many of the layers know nothing of the world outside."""
LAYERS = (
    {"errors", "interfaces"},
    {"wire"},
    {"model"},
    {"classify"},
    {"config", "exchange", "ha.states", "ha.scopes", "radius.packet"},
    {"explain"},
    {"launch", "caching"},
    {"backend"},
    {
        "server", "leases", "hosts", "sql", "cassandra", "redis", "flex", "control", "net", "logs", "ddns", "ha",
        "radius", "paths", "serverid", "running",
    },
    {"providers", "over6"},
    {"testing"},
    {"backends"},
    {"sites", "daemon"},
    {"service", "agent"},
    {"tap"},
    {"cli"},
    {"__main__"},
)  # fmt: skip
OUTSIDE = {"twisted", "treq", "socket", "time", "random", "secrets", "asyncio", "threading", "select", "subprocess"}
REACTOR = ("tap", "cli")
MOST_LINES = 600


class Module(NamedTuple):
    """One source file: its dotted name below ``txkea``, its text and its tree."""

    name: str
    text: str
    tree: ast.Module

    def within(self, part: str) -> bool:
        """Whether it is the module or package ``part``, or inside it."""
        return self.name == part or self.name.startswith(f"{part}.")

    @property
    def layer(self) -> int:
        """The number of its layer."""
        return layer(self.name)

    def imports(self) -> Iterator[tuple[int, str]]:
        """Line and dotted name of everything it imports; for type checkers alone does not count in interfaces."""
        typing_only = [
            range(node.lineno, (node.end_lineno or node.lineno) + 1)
            for node in self.tree.body
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and self.name == "interfaces"
        ]
        for node in ast.walk(self.tree):
            if any(node.lineno in lines for lines in typing_only if isinstance(node, ast.stmt)):
                continue
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def layer(name: str) -> int:
    """The number of a module's layer; the longest part of its name that the table knows decides.

    The package ``txkea`` itself, which holds nothing but the version, is below all.
    """
    parts = name.split(".")
    for length in range(min(2, len(parts)), 0, -1):
        for number, members in enumerate(LAYERS):
            if ".".join(parts[:length]) in members:
                return number
    return -1


def modules() -> list[Module]:
    """Every module of txkea."""
    found = []
    for path in sorted((ROOT / "txkea").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT / "txkea").with_suffix("").parts).removesuffix(".__init__")
        text = path.read_text(encoding="utf-8")
        found.append(Module(name, text, ast.parse(text)))
    return found


class LayerTests(SynchronousTestCase):
    """Who may know whom."""

    def test_every_module_has_a_layer(self) -> None:
        """A module that no layer names is not part of the house."""
        strays = [module.name for module in modules() if module.layer < 0 and module.name != "__init__"]
        self.assertEqual(strays, [])

    def test_imports_go_down(self) -> None:
        """A module imports from its own package and from lower layers only."""
        wrong = []
        for module in modules():
            package = module.name.split(".")[0]
            for line, name in module.imports():
                if not name.startswith("txkea."):
                    continue
                target = name.removeprefix("txkea.")
                if target.split(".")[0] != package and layer(target) >= module.layer:
                    wrong.append(f"txkea.{module.name}:{line} imports {name}")
        self.assertEqual(wrong, [])

    def test_the_core_is_pure(self) -> None:
        """The layers up to the exchange import neither Twisted nor time, sockets or randomness."""
        wrong = [
            f"txkea.{module.name}:{line} imports {name}"
            for module in modules()
            if module.layer < PURE
            for line, name in module.imports()
            if name.split(".")[0] in OUTSIDE
        ]
        self.assertEqual(wrong, [])

    def test_one_place_names_the_reactor(self) -> None:
        """Only the launching modules name the global reactor; all others are handed one."""
        wrong = [
            f"txkea.{module.name}:{line}"
            for module in modules()
            if not any(module.within(part) for part in REACTOR)
            for line, name in module.imports()
            if name.startswith(("twisted.internet.reactor", "twisted.internet.asyncioreactor"))
        ]
        self.assertEqual(wrong, [])


class StyleTests(SynchronousTestCase):
    """What a machine can see of the house's style."""

    def test_module_sizes(self) -> None:
        """A module is one noun: none is longer than 600 lines."""
        sizes = {module.name: module.text.count("\n") for module in modules()}
        self.assertEqual({name: size for name, size in sizes.items() if size > MOST_LINES}, {})

    def test_docstrings_and_exports(self) -> None:
        """Every module says what it is, and what of it others may use."""
        for module in modules():
            assigned = {
                ast.unparse(target)
                for node in module.tree.body
                if isinstance(node, ast.Assign | ast.AnnAssign)
                for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            }
            self.assertTrue(ast.get_docstring(module.tree), f"txkea.{module.name} has no docstring")
            if len(module.tree.body) > 1:
                self.assertIn("__all__", assigned, f"txkea.{module.name} has no __all__")

    def test_packages_hold_nothing(self) -> None:
        """A package's ``__init__`` is docstring, imports of what it exports, and ``__all__``."""
        for path in (ROOT / "txkea").rglob("__init__.py"):
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                self.assertIsInstance(
                    node, ast.Expr | ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom, f"{path}:{node.lineno}"
                )

    def test_promises(self) -> None:
        """Each test says in its docstring what it promises."""
        silent = [
            f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
            for path in sorted((ROOT / "tests").rglob("test_*.py"))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
            if not ast.get_docstring(node)
        ]
        self.assertEqual(silent, [])
