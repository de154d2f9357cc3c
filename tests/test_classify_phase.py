"""`txkea.classify.phase` and `discriminate`: of many classes those that can be true are evaluated."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests import naive
from tests.asking import Asked, asked4
from txkea.classify.discriminate import discriminator
from txkea.classify.expression import Expression, compile_string, compile_test
from txkea.classify.phase import Phase, escaped
from txkea.classify.translate import translated
from txkea.errors import EvaluationError
from txkea.wire.dhcp4 import Message4
from txkea.wire.standard4 import STANDARD4

relaxed = settings(deadline=None, max_examples=200)

SIMPLE = st.sampled_from(
    [
        "option[12].hex == 'a'",
        "'ab' == option[12].hex",
        "substring(option[12].hex, 0, 1) == 'a'",
        "option[12].hex == 'a' or option[12].hex == 'b' or option[12].hex == 'a'",
        "option[12].exists",
        "not option[12].exists",
        "relay4[1].hex == ','",
        "member('c0')",
        "member('c1')",
        "not member('c2')",
        "member('a')",
        "pkt4.mac == ''",
        "ifelse(member('c0'), 'x', 'y') == 'x'",
        "int8totext(option[12].hex) == '97'",
    ]
)
TESTS = st.recursive(
    SIMPLE,
    lambda inner: st.tuples(inner, st.sampled_from(["and", "or", "sand"]), inner).map(lambda t: f"({' '.join(t)})"),
)


def test(text: str) -> Expression:
    """A test of DHCPv4."""
    return compile_test(text, 4, STANDARD4)


def in_order(classes: list[tuple[str, Expression]], query: Asked) -> list[str]:
    """All tests one after the other, as Kea does; the names of those that fail."""
    failed = []
    for name, expression in classes:
        try:
            if expression.evaluate(query):
                query.classes[name] = None
        except EvaluationError:
            failed.append(name)
    return failed


class PhaseTests(SynchronousTestCase):
    """Many classes."""

    @given(st.lists(TESTS, max_size=8), naive.queries())
    @relaxed
    def test_as_one_after_the_other(self, texts: list[str], query: Asked) -> None:
        """Classes and their order are those of evaluating all; who fails here fails there (D014)."""
        classes = [(f"c{number}", test(text)) for number, text in enumerate(texts)]
        other = Asked(query.message, query.origin, query.length, dict(query.classes), query.suboptions)
        failed: list[str] = []
        Phase(classes).evaluate(query, lambda name, error: failed.append(name))
        all_failed = in_order(classes, other)
        self.assertEqual(list(query.classes), list(other.classes))
        self.assertLessEqual(set(failed), set(all_failed))

    def failed(self, name: str, error: EvaluationError) -> None:
        self.fail(f"{name}: {error}")

    def test_few_of_many(self) -> None:
        """Of 600 classes those are evaluated that can be true: by option, by address, by class."""
        classes = [(f"v{number}", test(f"option[60].hex == 'vendor{number}'")) for number in range(200)]
        classes += [(f"m{number}", test(f"pkt4.mac == 0x{number:012x} and option[60].exists")) for number in range(200)]
        classes += [(f"c{number}", test(f"member('v{number}') and not member('m{number}')")) for number in range(200)]
        phase = Phase(classes)
        query = asked4(Message4(chaddr=bytes(5) + b"\x09", options={60: b"vendor7"}))
        self.assertEqual(sorted(phase.candidates(query)), [7, 209])
        phase.evaluate(query, self.failed)
        self.assertEqual(list(query.classes), ["ALL", "a", "b", "v7", "m9", "c7"])

    def test_failure(self) -> None:
        """A test without a value is no match, is told of, and stops nothing (D012)."""
        failed: list[tuple[str, str]] = []
        phase = Phase(
            [
                ("bad", test("int8totext(option[12].hex) == '1' or member('zz')")),
                ("bad by value", test("int8totext(option[12].hex) == '1'")),
                ("good", test("not member('bad')")),
            ]
        )
        query = asked4()
        phase.evaluate(query, lambda name, error: failed.append((name, str(error))))
        self.assertEqual(list(query.classes), ["ALL", "a", "b", "good"])
        self.assertEqual(failed, [("bad", "an integer of 8 bits has 1 bytes, this has 4")])

    def test_templates(self) -> None:
        """A template's value makes a class of its own, before the template's; an empty one makes none (D049, D005)."""
        template = compile_string("substring(option[12].hex, 0, 3)", 4, STANDARD4)
        phase = Phase([("t", template), ("later", test("member('SPAWN_t_h%20i') and member('t')"))])
        query = asked4(Message4(options={12: b"h iho"}))
        phase.evaluate(query, self.failed)
        self.assertEqual(list(query.classes)[3:], ["SPAWN_t_h%20i", "t", "later"])
        query = asked4(Message4())
        phase.evaluate(query, self.failed)
        self.assertEqual(list(query.classes)[3:], [])

    def test_templates_that_are_an_option(self) -> None:
        """A template may be nothing but an option, which is no test of whether it is there."""
        query = asked4(Message4(options={12: b"x"}))
        Phase([("t", compile_string("option[12].hex", 4, STANDARD4))]).evaluate(query, self.failed)
        self.assertEqual(list(query.classes)[3:], ["SPAWN_t_x", "t"])

    def test_escapes(self) -> None:
        """What may not stand in the name of a class is in percent (D005)."""
        self.assertEqual(escaped(b"Az09!#$%&*+-./:?@^_|~"), "Az09!#$%&*+-./:?@^_|~")
        self.assertEqual(escaped(b"a b'\xff\0"), "a%20b%27%FF%00")

    def test_nothing(self) -> None:
        """No classes are a phase too."""
        query = asked4()
        Phase([]).evaluate(query, self.failed)
        self.assertEqual(list(query.classes), ["ALL", "a", "b"])


class DiscriminatorTests(SynchronousTestCase):
    """What a test cannot do without."""

    @given(naive.tests, naive.queries())
    @relaxed
    def test_necessary(self, tree: naive.Tree, query: Asked) -> None:
        """A test is true only when its discriminator says so."""
        expression = test(naive.text(tree))
        found = discriminator(expression.node)
        if found is not None and expression.evaluate(query):
            self.assertIn(translated(found.node, 4)(query), found.constants)

    def test_choice(self) -> None:
        """An equality tells more than a class, and a class more than that an option exists; some tests have none."""
        for text, node, constants in (
            ("option[1].exists and member('a') and option[60].hex == 'x'", "option[60].hex == ''", {b"x"}),
            ("option[1].exists and member('a')", "member('a')", {True}),
            ("option[1].exists", "option[1].exists", {True}),
            ("not vendor[9].exists", "vendor[9].exists", {False}),
            ("'x' == relay4[1].hex", "option[82].option[1].hex == ''", {b"x"}),
            (
                "option[60].hex == 'x' or option[60].hex == 'y' and option[1].exists",
                "option[60].hex == ''",
                {b"x", b"y"},
            ),
            ("substring(option[61].hex, 0, 3) == 0x0102ff", "substring(option[61].hex,0,3) == ''", {b"\1\2\xff"}),
        ):
            found = discriminator(test(text).node)
            assert found is not None
            expected = discriminator(test(node).node)
            assert expected is not None
            self.assertEqual((found.node, found.constants), (expected.node, constants))
        for text in (
            "not member('a')",
            "option[60].hex == 'x' or option[61].hex == 'x'",
            "option[60].hex == option[61].hex",
            "ifelse(member('a'), 'x', 'y') == 'x'",
            "not option[60].hex == 'x'",
            "match('a', option[60].hex)",
            "'a' == 'a'",
        ):
            self.assertIsNone(discriminator(test(text).node), text)
