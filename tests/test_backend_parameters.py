"""The parameters that all databases have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.backend.parameters import CONTINUE, EXIT, ON_FAIL, RECONNECT, STOP, Parameters, Reconnect
from txkea.errors import ConfigError

WRONG: tuple[tuple[str, Any], ...] = (
    ("max-reconnect-tries", -1),
    ("max-reconnect-tries", "3"),
    ("max-reconnect-tries", True),
    ("max-reconnect-tries", None),
    ("reconnect-wait-time", -1),
    ("reconnect-wait-time", float("nan")),
    ("reconnect-wait-time", float("inf")),
    ("on-fail", "serve"),
    ("on-fail", 1),
    ("retry-on-startup", 1),
    ("retry-on-startup", "true"),
    ("connect-timeout", 0),
    ("connect-timeout", -5),
)
JSON = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.sampled_from([*ON_FAIL, "", "5"]), st.just([])
)


class ParametersTests(SynchronousTestCase):
    """`Parameters` and `Reconnect`."""

    def test_defaults(self) -> None:
        """Unless it is said, a server rests while its database is away, and tries once a second for ever."""
        self.assertEqual(Reconnect(), Parameters({}).reconnect())
        self.assertEqual((STOP, 1.0, 5.0, False), self.told(Parameters({}).reconnect()))
        self.assertFalse(Parameters({}).reconnect().exhausted(10**9))

    def told(self, policy: Reconnect) -> tuple[Any, ...]:
        return policy.on_fail, policy.wait, policy.timeout, policy.retry_on_startup

    def test_all(self) -> None:
        """Waits are milliseconds, time-outs are seconds, or milliseconds where the backend counts in them."""
        values = {"max-reconnect-tries": 3, "reconnect-wait-time": 2500, "on-fail": EXIT, "retry-on-startup": True}
        policy = Parameters({**values, "connect-timeout": 4}).reconnect()
        self.assertEqual((EXIT, 2.5, 4.0, True), self.told(policy))
        self.assertEqual([False, True], [policy.exhausted(tried) for tried in (2, 3)])
        self.assertEqual(0.3, Parameters({**values, "connect-timeout": 300}).reconnect(0.001).timeout)
        self.assertEqual(5, Parameters({}).reconnect(0.001).timeout)

    def test_no_wait(self) -> None:
        """A wait of 0 is no reconnection, as in Kea (E063); one that goes on all the same waits a second."""
        policy = Parameters({"max-reconnect-tries": 5, "reconnect-wait-time": 0}).reconnect()
        self.assertTrue(policy.exhausted(0))
        policy = Parameters({"reconnect-wait-time": 0, "on-fail": CONTINUE}).reconnect()
        self.assertEqual((False, 1.0), (policy.exhausted(0), policy.wait))

    def test_stops(self) -> None:
        """Only one of the three lets the whole service rest."""
        self.assertEqual([STOP], [each for each in ON_FAIL if Reconnect(on_fail=each).stops])

    def test_wrong(self) -> None:
        """What cannot be used is refused with its name."""
        for name, value in WRONG:
            error = self.assertRaises(ConfigError, Parameters({name: value}).reconnect)
            self.assertEqual(name, error.path)
            self.assertIn(repr(value), error.message)

    @given(st.dictionaries(st.sampled_from(RECONNECT), JSON))
    def test_whatever_is_written(self, values: dict[str, Any]) -> None:
        """Any JSON there is gives a policy that never tries without waiting, or a `ConfigError` about one of them."""
        try:
            policy = Parameters(values).reconnect()
        except ConfigError as error:
            self.assertIn(error.path, values)
        else:
            self.assertTrue(policy.wait > 0 and policy.timeout > 0)

    def test_texts(self) -> None:
        """A text is one without NUL, a word one of those known, a file one that has a name."""
        read = Parameters({"name": "kea\0", "user": 5, "kind": "b", "file": "/tmp/", "other": "/tmp/.."})
        for name in ("name", "user"):
            self.assertEqual(name, self.assertRaises(ConfigError, read.text, name).path)
        self.assertEqual("b", read.one_of("kind", ("a", "b"), "a"))
        self.assertIn("a, c", self.assertRaises(ConfigError, read.one_of, "kind", ("a", "c"), "a").message)
        for name in ("file", "other"):
            self.assertEqual(name, self.assertRaises(ConfigError, read.file, name).path)
        self.assertEqual("x", read.text("absent", "x"))

    def test_password(self) -> None:
        """The password is the one written, or the first line of its file; a file that cannot be read is named."""
        path = Path(self.mktemp())
        path.write_text("geheim mit Leerzeichen\r\nsecond\n")
        self.assertEqual("", Parameters({}).password())
        self.assertEqual("p", Parameters({"password": "p"}).password())
        self.assertEqual("geheim mit Leerzeichen", Parameters({"password-file": str(path)}).password())
        path.write_bytes(b"\xff\xfe")
        for wrong in (str(path), str(path.with_name("absent"))):
            error = self.assertRaises(ConfigError, Parameters({"password-file": wrong}).password)
            self.assertEqual("password-file", error.path)
