"""Who has switched the service off, and until when."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_control_request import JSON
from txkea.control.duty import USER, Duty
from txkea.control.operations import OperationCommands
from txkea.errors import TxkeaError
from txkea.model.configuration import Configuration

ORIGINS = st.sampled_from([USER, 1000, 2000, 2001, "moving"])


class Operated:
    """A server that can be switched off."""

    def __init__(self, duty: Duty) -> None:
        self.duty = duty
        self.configuration = Configuration(family=4)


class DutyTests(SynchronousTestCase):
    """`Duty` and the commands over it."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.told: list[bool] = []
        self.duty = Duty(self.clock, self.told.append)
        server: Any = Operated(self.duty)
        self.commands = OperationCommands(server).commands()

    def test_origins(self) -> None:
        """The service is on again when everybody who switched it off has switched it on."""
        self.commands["dhcp-disable"]({"origin": 2000})
        self.commands["dhcp-disable"]({"origin": "user"})
        self.commands["dhcp-enable"](None)
        self.assertFalse(self.duty.on)
        self.commands["dhcp-enable"]({"origin": "ha-partner"})
        self.assertEqual((self.duty.on, self.told), (True, [False, True]))

    def test_shown(self) -> None:
        """status-get tells who switched it off."""
        for origin in (USER, 1001, 2002, "database"):
            self.duty.disable(origin)
        self.assertEqual(
            self.duty.shown(),
            {
                "disabled-by-db-connection": True,
                "disabled-by-local-command": [1001],
                "disabled-by-remote-command": [2002],
                "disabled-by-user": True,
                "globally-disabled": True,
            },
        )

    def test_limit(self) -> None:
        """A limit ends by itself, the latest one counts, and it ends nobody else's."""
        self.commands["dhcp-disable"]({"max-period": 10})
        self.duty.disable(2000, 100)
        self.clock.advance(5)
        self.commands["dhcp-disable"]({"max-period": 20})
        self.clock.advance(19)
        self.assertTrue(self.duty.shown()["disabled-by-user"])
        self.clock.advance(1)
        self.assertFalse(self.duty.shown()["disabled-by-user"])
        self.assertFalse(self.duty.on)
        self.clock.advance(80)
        self.assertTrue(self.duty.on)
        for period in (None, 0, -1, 1 << 32, True, "1"):
            self.assertRaises(TxkeaError, self.commands["dhcp-disable"], {"max-period": period})
        self.assertTrue(self.duty.on)

    def test_end(self) -> None:
        """At the end of the server nothing waits any more."""
        self.duty.disable(USER, 10)
        self.duty.end()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    @given(st.lists(st.tuples(st.sampled_from(["disable", "enable", "wait"]), ORIGINS, st.integers(0, 9)), max_size=30))
    def test_model(self, steps: list[tuple[str, Any, int]]) -> None:
        """Against a model: origin to the time at which its limit ends."""
        clock, told = Clock(), list[bool]()
        duty, off = Duty(clock, told.append), dict[Any, float]()
        for step, origin, seconds in steps:
            if step == "disable":
                duty.disable(origin, seconds)
                off[origin] = clock.seconds() + seconds if seconds else float("inf")
            elif step == "enable":
                duty.enable(origin)
                off.pop(origin, None)
            else:
                clock.advance(seconds)
            off = {name: end for name, end in off.items() if end > clock.seconds()}
            self.assertEqual(duty.on, not off)
        self.assertEqual(told, [number % 2 == 1 for number in range(len(told))])

    @given(st.one_of(JSON, st.dictionaries(st.sampled_from(["max-period", "origin", "origin-id", "remove"]), JSON)))
    def test_anything(self, arguments: Any) -> None:
        """Whatever comes is done or refused with a sentence."""
        for command in ("dhcp-disable", "dhcp-enable"):
            try:
                self.assertEqual(self.commands[command](arguments).result, 0)
            except TxkeaError as error:
                self.assertTrue(str(error))
