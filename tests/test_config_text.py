"""Kea's JSON dialect."""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.config.node import Node
from txkea.config.text import from_json, load, parse
from txkea.errors import ConfigErrors

# Characters of all planes but surrogates and NUL, which no text of a configuration may hold.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
trees = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=30)

pieces = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"',
    "true",
    "True",
    "1",
    "01",
    ".5",
    "-",
    "/*",
    "*/",
    "//",
    "#",
    "\n",
    "'",
]
pieces += ['<?include "x"?>', "<?", "\\", "\u00e9", "null", "\x01", "1e999", "9" * 30]
noise = st.lists(st.sampled_from(pieces)).map("".join)


def refusal(text: str) -> str:
    """The one thing wrong with a text."""
    try:
        parse(text, "f")
    except ConfigErrors as errors:
        return str(errors)
    raise AssertionError(f"{text!r} was accepted")


def nodes(node: Node) -> list[Node]:
    inner: list[Node] = []
    if isinstance(node.value, (dict, list)):
        inner = list(node.value.values()) if isinstance(node.value, dict) else node.value
    return [node, *(each for child in inner for each in nodes(child))]


class Values(SynchronousTestCase):
    """What a text means."""

    @given(trees, st.booleans(), st.sampled_from([None, 0, 3]))
    def test_json(self, tree: Any, escaped: bool, indent: int | None) -> None:
        """Whatever json writes is read as the same values."""
        text = json.dumps(tree, ensure_ascii=escaped, indent=indent)
        self.assertEqual(parse(text).root.plain(), tree)

    @given(trees)
    def test_parsed_already(self, tree: Any) -> None:
        """A value that was parsed by somebody else gives the same tree, without positions."""
        document = from_json(tree)
        self.assertEqual(document.root.plain(), tree)
        self.assertEqual({each.position for each in nodes(document.root)}, {None})

    def test_comments(self) -> None:
        """All three kinds of comments may stand wherever a blank may."""
        text = '# a\n{ // b\n/* c\n * d */ "x" /**/ : /* e */ [ 1 # f\n, 2 ] /* "*/ } // end'
        self.assertEqual(parse(text).root.plain(), {"x": [1, 2]})

    def test_floats(self) -> None:
        """A fraction needs no digit before its point, as in Kea's own examples."""
        self.assertEqual(parse("[.5, -.25, 1., 2.5e-1, 1E2]").root.plain(), [0.5, -0.25, 1.0, 0.25, 100.0])

    def test_escapes(self) -> None:
        """Strings know JSON's escapes, pairs of surrogates too."""
        self.assertEqual(
            parse(r'"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0041"').root.value, '"\\/\b\f\n\r\t\xe9\U0001f600A'
        )

    def test_trailing_commas(self) -> None:
        """A comma after the last member is accepted with a warning that says where."""
        document = parse('{"a": [1, 2,],\n "b": 3,\n}', "f")
        self.assertEqual(document.root.plain(), {"a": [1, 2], "b": 3})
        self.assertEqual([warning.split(": ")[0] for warning in document.warnings], ["f:1:12", "f:2:8"])


class Positions(SynchronousTestCase):
    """Where a value stands."""

    def test_every_value(self) -> None:
        """Every value and every key knows its line and column."""
        root = parse('{\n  "a": [ true,\n"\\n" ],\n\t"b" : {}}', "f").root
        found = {
            "root": root,
            "a": root.value["a"],
            "true": root.value["a"].value[0],
            "escape": root.value["a"].value[1],
            "b": root.value["b"],
            "key": root.value["b"].key,
        }
        self.assertEqual(
            {name: str(node.position) for name, node in found.items()},
            {"root": "f:1:1", "a": "f:2:8", "true": "f:2:10", "escape": "f:3:1", "b": "f:4:8", "key": "f:4:2"},
        )

    @given(trees)
    def test_text_at_position(self, tree: Any) -> None:
        """At a value's position stands that value."""
        text = json.dumps(tree, indent=1, ensure_ascii=False)
        lines = text.split("\n")
        for node in nodes(parse(text).root):
            assert node.position is not None
            rest = "\n".join(lines[node.position.line - 1 :])[node.position.column - 1 :]
            value, _ = json.JSONDecoder().raw_decode(rest)
            self.assertEqual(value, node.plain())


class Refusals(SynchronousTestCase):
    """What is no text of a configuration."""

    def test_booleans(self) -> None:
        """A boolean that is not in lower case is refused with the spelling that is."""
        self.assertEqual(refusal('{"a": True}'), "f:1:7: True is not a value; write true in lower case")

    def test_words(self) -> None:
        """A word without quotes is refused with the quotes it lacks."""
        self.assertEqual(refusal('{"a": eth0}'), 'f:1:7: eth0 is not a value; quote it if it is a string: "eth0"')

    def test_duplicate_keys(self) -> None:
        """A key that stands twice is refused with both places, and all of them at once."""
        with self.assertRaises(ConfigErrors) as caught:
            parse('{"a": 1,\n "a": 2, "b": {"c": 1, "c": 1}}', "f")
        self.assertEqual(
            [str(error) for error in caught.exception.errors],
            [
                'f:2:2: "a" stands at f:1:2 already; keep one of the two',
                'f:2:24: "c" stands at f:2:16 already; keep one of the two',
            ],
        )

    def test_leading_zeros(self) -> None:
        """A number with a leading zero is refused."""
        for number in ("01", "-01", "00", "007.5"):
            self.assertIn("leading zero", refusal(f"[{number}]"))

    def test_numbers(self) -> None:
        """What is no number, or too large a one, is refused."""
        for number in ("0x10", "1e999", "1-2", "9" * 19, "9" * 5000, "+1", "1_000"):
            self.assertTrue(refusal(f"[{number}]").startswith("f:1:2: "), number)

    def test_grammar(self) -> None:
        """A mark out of place is refused with what could stand there."""
        table = {
            "": "f:1:1: the text ends too early; a string or a value or { or [ would be right",
            '{"a"': "f:1:5: the text ends too early; : would be right",
            '{"a": 1': "f:1:8: the text ends too early; } or , would be right",
            "[,]": "f:1:2: , cannot stand here; a string or a value or { or [ or ] would be right",
            "[1 2]": "f:1:4: 2 cannot stand here; ] or , would be right",
            "{} {}": "f:1:4: { cannot stand here; the end of the text would be right",
            '{1: "a"}': "f:1:2: 1 cannot stand here; a string or } would be right",
            '{"a": 1,,}': "f:1:9: , cannot stand here; a string or } would be right",
        }
        self.assertEqual({text: refusal(text) for text in table}, table)

    def test_strings(self) -> None:
        """A string ends on its line, holds no control characters and no half characters."""
        for text in ('"a', '"a\n"', '"\x01"', r'"\q"', r'"\u12"', r'"\ud800"', r'"\ude00\ud83d"', r'"\u0000"', "'a'"):
            self.assertTrue(refusal(text).startswith("f:1:"), text)

    def test_depth(self) -> None:
        """A hundred levels are accepted, and more are refused without recursion."""
        self.assertEqual(parse("[" * 100 + "]" * 100).warnings, ())
        self.assertIn("f:1:101: maps and lists nest deeper", refusal("[" * 101 + "]" * 101))
        self.assertIn("nest deeper", refusal('{"a":' * 100_000))
        deep: Any = []
        for _ in range(5000):
            deep = [deep]
        self.assertRaises(ConfigErrors, from_json, deep)

    def test_unclosed_comment(self) -> None:
        """A comment without end is refused where it starts."""
        self.assertEqual(refusal("{} /* a"), "f:1:4: a comment without end; close it with */")

    @given(noise)
    def test_noise(self, text: str) -> None:
        """Whatever the text, it is parsed or refused with a position."""
        try:
            parse(text, "f")
        except ConfigErrors as errors:
            self.assertTrue(all(error.position and error.message for error in errors.errors))


class Files(SynchronousTestCase):
    """Files that include files."""

    def setUp(self) -> None:
        """Work in a directory of our own."""
        self.directory = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(self.directory, "d"))

    def write(self, name: str, text: str) -> str:
        """Write a file and give its path."""
        path = os.path.join(self.directory, name)
        with open(path, "wb") as stream:
            stream.write(text.encode())
        return path

    def refusal(self, path: str) -> str:
        """The one thing wrong with a file."""
        with self.assertRaises(ConfigErrors) as caught:
            load(path)
        return str(caught.exception).replace(self.directory + os.sep, "")

    def test_any_token(self) -> None:
        """An include stands wherever a token may: for a value, for members, for a piece of a map."""
        self.write("value", "/* a */ [1, 2]")
        self.write("members", '"b": 2, "c": 3')
        self.write("half", '"d": {')
        path = self.write("main", '{"a": <?include "value"?>, <?include "members"?>, <?include "half"?> } }')
        self.assertEqual(load(path).root.plain(), {"a": [1, 2], "b": 2, "c": 3, "d": {}})

    def test_relative(self) -> None:
        """A path is relative to the file that includes, and values know the file they stand in."""
        self.write("d/one", '<?include "two"?>')
        self.write("d/two", "\n 5")
        document = load(self.write("main", '[<?include "d/one"?>]'))
        position = document.root.value[0].position
        self.assertEqual((position.file, position.line, position.column), (os.path.join(self.directory, "d/two"), 2, 2))

    def test_loop(self) -> None:
        """A file that includes itself, by any way round, is refused where that shows."""
        self.write("d/one", '<?include "../main"?>')
        path = self.write("main", '[<?include "d/one"?>]')
        self.assertEqual(self.refusal(path), "d/one:1:1: d/../main includes itself; remove one of the includes")

    def test_twice(self) -> None:
        """A file may be included twice side by side."""
        self.write("x", "1")
        path = self.write("main", '[<?include "x"?>, <?include "x"?>]')
        self.assertEqual(load(path).root.plain(), [1, 1])

    def test_nesting(self) -> None:
        """Ten levels of includes are accepted, eleven refused."""
        for level in range(12):
            self.write(f"f{level}", "1" if level == 11 else f'<?include "f{level + 1}"?>')
        self.assertEqual(load(os.path.join(self.directory, "f1")).root.plain(), 1)
        self.assertIn("f10:1:1: files include files deeper", self.refusal(os.path.join(self.directory, "f0")))

    def test_missing(self) -> None:
        """A file that cannot be read is refused with the place that includes it."""
        path = self.write("main", '[\n <?include "nowhere"?>]')
        self.assertIn("main:2:2: cannot read nowhere: No such file", self.refusal(path))
        self.assertIn("cannot read none: No such file", self.refusal(os.path.join(self.directory, "none")))
        self.assertIn("cannot read d: Is a directory", self.refusal(os.path.join(self.directory, "d")))

    def test_encoding(self) -> None:
        """A file is UTF-8, with or without a mark, and what is not says where."""
        path = self.write("main", '\ufeff["\u00e9"]')
        self.assertEqual(load(path).root.plain(), ["\u00e9"])
        with open(path, "wb") as stream:
            stream.write(b'["\n \xe9"]')
        self.assertEqual(self.refusal(path), "main:2:2: the file is not UTF-8 text here; save it as UTF-8")

    def test_commands(self) -> None:
        """A text that came from no file cannot include any."""
        self.assertIn("a command cannot include files", refusal('[<?include "/etc/passwd"?>]'))
