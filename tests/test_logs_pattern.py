"""Layouts of log lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.logs.messages import MESSAGES
from txkea.logs.pattern import Context, Pattern, printable


class Lines:
    """A sink that keeps what it gets."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.awake = True

    def wake(self) -> None:
        raise AssertionError("awake already")


def line(pattern: str, text: str = "the text", severity: str = "INFO") -> str:
    sink = Lines()
    context = Context("kea-dhcp4.leases.deep", severity, 12, 34, "host.example")
    Pattern(pattern).writer(context, sink, lambda: 1000000000.25)("ID", text)
    (written,) = sink.lines
    return written


class PatternTests(SynchronousTestCase):
    """log4cplus patterns."""

    def test_conversions(self) -> None:
        """Severity, logger, process, thread, host, message and percent stand where the pattern wants them."""
        self.assertEqual(
            line("%p|%c|%i|%t|%h|%m|%%|%n"), "INFO|kea-dhcp4.leases.deep|12|34|host.example|ID the text|%|\n"
        )

    def test_dates(self) -> None:
        """A date has its own format; %q are milliseconds, wherever they stand; two dates are two dates."""
        self.assertEqual(line("%D{%S.%q} %m"), "40.250 ID the text\n")
        self.assertEqual(line("%D{%q:%S} %m %D{%M}")[:17], "250:40 ID the tex")
        self.assertEqual(line("%m %D{%q}"), "ID the text 250\n")
        self.assertRegex(line("%d %m"), r"^2001-09-\d\d \d\d:46:40\.250 ID the text\n$")

    def test_widths(self) -> None:
        """Widths pad, limits keep the end, precision keeps the last names."""
        self.assertEqual(line("[%-6p] [%6p] [%.2p] [%c{1}] [%c{2}]"), "[INFO  ] [  INFO] [FO] [deep] [leases.deep]\n")
        self.assertEqual(line("[%-14m] [%14m]"), "[ID the text   ] [   ID the text]\n")

    def test_unknown(self) -> None:
        """What is not understood is printed as it stands, with a warning that names it."""
        pattern = Pattern("%y %m")
        self.assertEqual(line("%y %m"), "%y ID the text\n")
        self.assertEqual(len(pattern.warnings), 1)
        self.assertIn("%y", pattern.warnings[0])

    def test_one_line_end(self) -> None:
        """A pattern with or without a line end makes lines, never two ends."""
        self.assertEqual({line(p) for p in ("%m", "%m%n", "%m\n")}, {"ID the text\n"})

    @given(st.text(max_size=30))
    def test_any_pattern(self, pattern: str) -> None:
        """No pattern raises, and each makes a line."""
        self.assertTrue(line(pattern).endswith("\n"))

    @given(st.text(st.characters()))
    def test_printable(self, text: str) -> None:
        """Whatever a client sends, the text has no control character and no line end, and can be encoded."""
        self.assertTrue(printable(text).isprintable())
        printable(text).encode()


class MessageTests(SynchronousTestCase):
    """The table of identifiers."""

    def test_table(self) -> None:
        """Every identifier has a known severity and a meaning, and only DEBUG has a level."""
        for message in MESSAGES.values():
            self.assertIn(message.severity, ("FATAL", "ERROR", "WARN", "INFO", "DEBUG"))
            self.assertTrue(message.meaning)
            self.assertTrue(message.severity == "DEBUG" or message.level == 0, message)
