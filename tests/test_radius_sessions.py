"""`txkea.radius.sessions` and `txkea.radius.history`: what the life of a lease is to an accounting server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.accounting import by_session, plain
from txkea.radius.history import read_history
from txkea.radius.sessions import Attributes, Cause, Change, Event, Record, Session, Status, account, merged

__all__ = ["HistoryTests", "SessionTests"]

ADDRESS = b"\xc0\x00\x02\x0a"
ALICE, BOB = frozenset({"id:01", "hw:02"}), frozenset({"hw:03"})
NOW = 1_700_000_000.0

EVENTS = st.builds(
    lambda change, step, client, cause: (change, step, client, cause),
    st.sampled_from(Change),
    st.one_of(st.integers(-2, 2), st.floats(-5, 1000, allow_nan=False)),
    st.sampled_from([ALICE, BOB, frozenset({"id:01", "hw:04"})]),
    st.sampled_from([Cause.USER_REQUEST, Cause.SESSION_TIMEOUT, Cause.PORT_ERROR, Cause.ADMIN_RESET]),
)


def played(events: list[tuple[Change, float, frozenset[str], Cause]], session: Session | None = None) -> list[Record]:
    """The records of a life in which time goes on, and sometimes back a little."""
    now, records = NOW, []
    for number, (change, step, client, cause) in enumerate(events):
        now += step
        event = Event(change, now, ADDRESS, client, (("User-Name", "x"),), cause if change == Change.ENDED else None)
        session, more = account(event, session, number)
        records += more
    return records


class SessionTests(SynchronousTestCase):
    """A session begins once, goes on, and ends once."""

    def event(self, change: Change, at: float = 0, client: frozenset[str] = ALICE, **more: Any) -> Event:
        return Event(change, NOW + at, ADDRESS, client, **more)

    def told(self, *events: Event, session: Session | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for number, event in enumerate(events, 1):
            session, records = account(event, session, number)
            found += [dict(plain(record.attributes)) for record in records]
        self.session = session
        return found

    def test_life(self) -> None:
        """I030, I033: Start, Interim-Update and Stop have one identifier, of address and time, and the right times."""
        told = self.told(
            self.event(Change.GRANTED, attributes=(("User-Name", "a"), ("Class", b"gold"))),
            self.event(Change.RENEWED, 30.5, attributes=(("User-Name", "a"),)),
            self.event(Change.ENDED, 100.5, attributes=(("User-Name", "b"),), cause=Cause.USER_REQUEST),
        )
        name = {"Acct-Session-Id": "192.0.2.10@179579600.000-1", "User-Name": "a", "Class": b"gold"}
        start = {"Acct-Status-Type": 1, **name, "Event-Timestamp": int(NOW)}
        interim = {"Acct-Status-Type": 3, **name, "Event-Timestamp": int(NOW) + 30, "Acct-Session-Time": 30}
        stop = {"Acct-Status-Type": 2, **name, "Event-Timestamp": int(NOW) + 100, "Acct-Session-Time": 100}
        self.assertEqual(told, [start, interim, {**stop, "Acct-Terminate-Cause": 1}])
        self.assertIsNone(self.session)

    def test_news(self) -> None:
        """What a renewal says anew of a client stands in what follows."""
        told = self.told(
            self.event(Change.GRANTED, attributes=(("Class", b"silver"),)),
            self.event(Change.RENEWED, 1, attributes=(("Class", b"gold"), ("Class", b"plated"))),
            self.event(Change.ENDED, 2, cause=Cause.USER_REQUEST),
        )
        self.assertEqual([each["Class"] for each in told], [b"silver", b"plated", b"plated"])
        old: Attributes = (("Class", b"silver"), ("User-Name", "a"))
        self.assertEqual(merged(old, (("Class", b"1"), ("Class", b"2")))[1:], (("Class", b"1"), ("Class", b"2")))

    def test_unknown(self) -> None:
        """A renewal of whom nobody knew begins a session; an end of what never began is not told."""
        self.assertEqual([each["Acct-Status-Type"] for each in self.told(self.event(Change.RENEWED))], [1])
        self.assertEqual(self.told(self.event(Change.ENDED, cause=Cause.USER_REQUEST)), [])

    def test_another(self) -> None:
        """A client that has an address of which another's session is open ends that one, and begins its own."""
        for change in (Change.GRANTED, Change.RENEWED):
            told = self.told(self.event(Change.GRANTED), self.event(change, 0, BOB))
            self.assertEqual([each["Acct-Status-Type"] for each in told], [1, 2, 1])
            self.assertEqual(told[1]["Acct-Terminate-Cause"], Cause.LOST_SERVICE)
            self.assertNotEqual(told[0]["Acct-Session-Id"], told[2]["Acct-Session-Id"])

    def test_found(self) -> None:
        """A session that was begun because its lease was found is not begun again by the grant of that lease."""
        told = self.told(self.event(Change.GRANTED), self.event(Change.GRANTED, 0.7), self.event(Change.GRANTED, 1.7))
        self.assertEqual([each["Acct-Status-Type"] for each in told], [1, 2, 1])

    def test_stale(self) -> None:
        """The end of a lease that came before a session, or that was another client's, leaves it alone."""
        self.told(self.event(Change.GRANTED))
        session = self.session
        for event in (
            self.event(Change.ENDED, -1, cause=Cause.SESSION_TIMEOUT),
            self.event(Change.ENDED, 1, BOB, cause=Cause.USER_REQUEST),
        ):
            self.assertEqual(self.told(event, session=session), [])
            self.assertIs(self.session, session)

    def test_one_in_common(self) -> None:
        """A client that keeps one of its identifiers keeps its session."""
        told = self.told(
            self.event(Change.GRANTED),
            self.event(Change.RENEWED, 1, frozenset({"id:05", "hw:02"})),
            self.event(Change.ENDED, 2, frozenset({"id:05"}), cause=Cause.USER_REQUEST),
        )
        self.assertEqual([each["Acct-Status-Type"] for each in told], [1, 3, 2])

    @given(st.lists(EVENTS, max_size=30))
    def test_well_formed(self, events: list[tuple[Change, float, frozenset[str], Cause]]) -> None:
        """Whatever happens, each session is a Start, Interim-Updates, and at most one Stop, which alone has a cause."""
        records = [plain(record.attributes) for record in played(events)]
        sessions = by_session(records)
        for number, statuses in enumerate(sessions.values()):
            last = [] if number == len(sessions) - 1 and statuses[-1] != Status.STOP else [Status.STOP]
            self.assertEqual(statuses, [Status.START, *[Status.INTERIM] * (len(statuses) - 1 - len(last)), *last])
        for record in records:
            status = record["Acct-Status-Type"]
            self.assertEqual("Acct-Terminate-Cause" in record, status == Status.STOP)
            self.assertEqual("Acct-Session-Time" in record, status != Status.START)
            self.assertGreaterEqual(record.get("Acct-Session-Time", 0), 0)

    @given(st.lists(EVENTS, max_size=30))
    def test_one_at_a_time(self, events: list[tuple[Change, float, frozenset[str], Cause]]) -> None:
        """The sessions of an address follow each other: one ends before the next begins."""
        order = [plain(record.attributes)["Acct-Session-Id"] for record in played(events)]
        changes = [name for name, before in zip(order, [None, *order], strict=False) if name != before]
        self.assertEqual(len(changes), len(set(changes)))


class HistoryTests(SynchronousTestCase):
    """I034: Kea's sessions go on."""

    def read(self, text: str) -> tuple[list[Session], int]:
        path = Path(self.mktemp())
        path.write_text(text)
        return read_history(str(path))

    def test_open(self) -> None:
        """The last row of an address counts, and zeros close it; identifiers are as Kea writes them."""
        sessions, bad = self.read(
            "address,seconds,milliseconds\n192.0.2.10,100,5\n192.0.2.11,100,7\n192.0.2.11,0,0\n"
            "2001:db8::1,90,12\n2001:db8::1,179579600,250\n"
        )
        self.assertEqual([each.id for each in sessions], ["192.0.2.10@100.5", "2001:db8::1@179579600.250"])
        self.assertEqual(([each.start for each in sessions], bad), ([1_520_420_500.005, NOW + 0.25], 0))

    def test_anybody(self) -> None:
        """Whoever renews or ends the lease of such a session is its client; its times and name are Kea's."""
        (session,), _ = self.read("192.0.2.10,179579590,0\n")
        renewed, (interim,) = account(Event(Change.RENEWED, NOW, ADDRESS, BOB, (("User-Name", "b"),)), session, 1)
        told = plain(interim.attributes)
        self.assertEqual((told["Acct-Session-Id"], told["Acct-Session-Time"]), ("192.0.2.10@179579590.0", 10))
        ended = Event(Change.ENDED, NOW + 1, ADDRESS, ALICE, (("User-Name", "a"),), Cause.USER_REQUEST)
        _, (stop,) = account(ended, session, 1)
        self.assertEqual(plain(stop.attributes)["User-Name"], "a")
        self.assertEqual(account(ended, renewed, 1), (renewed, []))

    @given(st.text(alphabet='0129.:,-a\n\0"x ', max_size=80))
    def test_anything(self, text: str) -> None:
        """Whatever the file has in it, its sessions are those that can be read."""
        sessions, bad = self.read(text)
        self.assertLessEqual(len(sessions) + bad, text.count("\n") + 1)
