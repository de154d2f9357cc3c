"""`txkea.classify.order`: which class may ask for which, and when each is evaluated (Kea D007, D008, D013, D015)."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txkea.classify.expression import compile_string, compile_test
from txkea.classify.order import Entry, is_built_in, phases, problems
from txkea.wire.standard4 import STANDARD4


def entry(name: str, test: str = "", additional: bool = False) -> Entry:
    """A class; one without a test is one that others put queries into."""
    return Entry(name, compile_test(test, 4, STANDARD4) if test else None, additional)


def wrong(*entries: Entry) -> list[tuple[int, str, int | None]]:
    """The problems of a list of classes."""
    return [(number, message, column) for number, message, column in problems(entries)]


class ProblemTests(SynchronousTestCase):
    """Classes that cannot be."""

    def test_earlier_and_built_in(self) -> None:
        """A class may ask for classes before it, tested or not, and for those that come about by themselves."""
        asked = ("ALL", "KNOWN", "UNKNOWN", "BOOTP", "VENDOR_CLASS_x", "HA_a", "AFTER_a", "EXTERNAL_a", "SPAWN_a_b")
        test = " or ".join(f"member('{name}')" for name in ("a", "b", *asked))
        self.assertEqual(wrong(entry("a"), entry("b", "member('a')"), entry("c", test)), [])

    def test_forward_and_self(self) -> None:
        """A class may ask neither for itself nor for a later one (D013)."""
        found = wrong(entry("a", "not member('a')"), entry("b", "option[1].exists and member('c')"), entry("c"))
        self.assertEqual(
            found,
            [
                (0, "the class 'a' asks for itself; ask for another one", 5),
                (1, "the class 'c' is defined after this one; move it before", 22),
            ],
        )

    def test_nobody(self) -> None:
        """A class that does not exist is refused, with the name that was meant; DROP and SKIP_DDNS are not built in."""
        self.assertEqual(wrong(entry("phones"), entry("b", "member('phone')"))[0][1:],
                         ("there is no class 'phone'; did you mean 'phones'?", 1))  # fmt: skip
        for name in ("DROP", "SKIP_DDNS", "VENDOR_CLASS_", "HA_", "zz"):
            self.assertIn("define it before this one", wrong(entry("a", f"member('{name}')"))[0][1])
        self.assertEqual(wrong(entry("DROP", "member('KNOWN')"), entry("a", "member('DROP')")), [])

    def test_twice(self) -> None:
        """A name is given once (D015)."""
        found = wrong(entry("a"), entry("a"), entry("b", "member('a')"))
        self.assertEqual(found, [(1, "the class 'a' is defined already; give this one another name", None)])

    def test_tests_of_built_in_classes(self) -> None:
        """A built-in class may be defined, to give its members something, but not tested."""
        self.assertEqual(wrong(entry("ALL"), entry("KNOWN"), entry("VENDOR_CLASS_x", "member('ALL')")), [])
        for name in ("ALL", "KNOWN", "UNKNOWN", "BOOTP"):
            self.assertTrue(is_built_in(name))
            self.assertEqual(len(wrong(entry(name, "option[1].exists"))), 1)


class PhaseTests(SynchronousTestCase):
    """When classes are evaluated."""

    def test_phases(self) -> None:
        """First come those that do not depend on KNOWN, also not by another class; then the others (D007, D008)."""
        entries = [
            entry("untested"),
            entry("late", "member('KNOWN')"),
            entry("early", "member('untested')"),
            entry("later", "option[1].exists and not member('late')"),
            entry("latest", "member('later') or member('early')"),
            entry("additional", "member('early')", additional=True),
            entry("DROP", "not member('UNKNOWN')"),
            entry("last", "member('additional')"),
        ]
        self.assertEqual(phases(entries), ((2, 7), (1, 3, 4, 6)))

    def test_dependence_through_an_additional_class(self) -> None:
        """Who asks for an additional class that depends on KNOWN depends on it too."""
        entries = [entry("a", "member('KNOWN')", additional=True), entry("b", "member('a')")]
        self.assertEqual(phases(entries), ((), (1,)))

    def test_templates(self) -> None:
        """A template test is evaluated as any other (D049)."""
        template = compile_string("ifelse(member('KNOWN'), option[12].hex, '')", 4, STANDARD4)
        self.assertEqual(phases([Entry("t", template)]), ((), (0,)))
