"""`txkea.classify.pattern`: regular expressions that cannot explode."""

from __future__ import annotations

import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.classify.pattern import MOST_BYTES, Pattern, PatternError
from txkea.errors import EvaluationError

relaxed = settings(deadline=None, max_examples=300)

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c]", r"\d", r"\W", r"\.", "(?:)", r"\x61", "[a-]"])
PATTERNS = st.recursive(
    ATOMS | st.just(""),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0}", "{1,}", "*?"])).map(
            lambda pair: f"({pair[0]}){pair[1]}"
        ),
        inner.map(lambda text: f"(^{text}$)"),
    ),
    max_leaves=6,
)


class MatchingTests(SynchronousTestCase):
    """What matches."""

    @given(PATTERNS, st.text("abc.1- ", max_size=6).map(str.encode))
    @relaxed
    def test_as_others_do(self, text: str, data: bytes) -> None:
        """What both know matches the same data as with Python's own regular expressions."""
        # There an end is also before a final newline, which the data have not.
        self.assertIs(Pattern(text).matches(data), re.fullmatch(text.encode(), data, re.DOTALL) is not None)

    def test_bytes(self) -> None:
        """Any byte can be matched, and a character beyond ASCII is its bytes in UTF-8."""
        self.assertTrue(Pattern(r"[\x00-\x1f]\xff[^a]").matches(b"\x00\xff\x80"))
        self.assertTrue(Pattern("é+").matches("éé".encode()))
        self.assertTrue(Pattern(r"\u00e9\t\cJ\0").matches("é\t\n\0".encode()))
        self.assertFalse(Pattern(".").matches(b"\n"))

    def test_named_sets(self) -> None:
        """Sets have names in brackets."""
        self.assertTrue(Pattern("[[:alpha:]_][[:alnum:][:space:]]*[^[:punct:]]").matches(b"_a 1z"))
        self.assertFalse(Pattern("[[:upper:]]").matches(b"a"))

    def test_equal(self) -> None:
        """Patterns of the same text are equal."""
        self.assertEqual(Pattern("a*"), Pattern("a*"))
        self.assertEqual(len({Pattern("a*"), Pattern("a*"), Pattern("a+")}), 2)


class BoundTests(SynchronousTestCase):
    """What clients cannot do."""

    def test_time_is_linear(self) -> None:
        """Expressions that hang a backtracking matcher take no time."""
        data = b"a" * (MOST_BYTES - 1) + b"!"
        began = time.process_time()
        for text in ("(a+)+", "(a|a)*", "(a*)*b", "(.*)*(.*)*(.*)*x", "(a?){90}a{90}"):
            self.assertFalse(Pattern(text).matches(data))
        self.assertLess(time.process_time() - began, 1)

    def test_memory(self) -> None:
        """A pattern that has a state for every history forgets those that are many."""
        pattern = Pattern("(a|b)*a(a|b){12}")
        for number in range(300):
            data = bytes(b"ab"[number * 2654435761 >> bit & 1] for bit in range(40))
            self.assertIs(pattern.matches(data), data[-13:-12] == b"a")
        self.assertLessEqual(len(pattern.automaton.states), 1000)

    def test_length(self) -> None:
        """More data than the limit have no value, rather than a slow one."""
        self.assertTrue(Pattern("a*").matches(b"a" * MOST_BYTES))
        self.assertRaises(EvaluationError, Pattern("a*").matches, b"a" * (MOST_BYTES + 1))


class MistakeTests(SynchronousTestCase):
    """What is refused."""

    def test_places(self) -> None:
        """A mistake is told with its place and what would be right."""
        for text, offset, expected in (
            ("a**", 2, "nothing stands in front"),
            ("(a", 2, "ends too early"),
            ("a)", 1, "no ( belongs"),
            ("é[a", 1, "a set without end"),
            ("a{", 1, "a { begins a count"),
            ("a{3,1}", 1, "from 3 to 1"),
            ("x(?=a)", 2, "looking ahead"),
            (r"(a)\1", 3, "references to groups"),
            (r"a\b", 1, r"\b and \B"),
            ("[z-a]", 0, "lower character"),
            ("[é]", 0, "single bytes"),
            ("[[:no:]]", 0, "there is no [:no:]; it is one of"),
            ("^*", 1, "do not repeat"),
            ("a{500}", 0, "too long"),
            ("(){9999}", 0, "too long"),
            ("((a{20}){20}){20}", 0, "too long"),
            ("(" * 60 + ")" * 60, 0, "groups nest deeper"),
            ("a\\", 1, "this escape"),
        ):
            error = self.assertRaises(PatternError, Pattern, text)
            self.assertEqual((text, error.offset), (text, offset))
            self.assertIn(expected, error.message)

    @given(st.text(r"ab\[](){}|*+?^$.-:,0123é", max_size=12))
    @relaxed
    def test_any_text(self, text: str) -> None:
        """Any text is an expression, or is refused at a place in it."""
        try:
            Pattern(text).matches(b"ab01")
        except PatternError as error:
            self.assertTrue(0 <= error.offset <= len(text))
