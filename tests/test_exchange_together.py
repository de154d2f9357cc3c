"""`txkea.exchange.together`: several coroutines under way at once."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import Unavailable
from txkea.exchange.together import together
from txkea.launch import launch


async def waiting(log: list[str], name: str, *waits: Deferred[str]) -> str:
    """Note the start and every step."""
    log.append(f"{name} starts")
    result = name
    for each in waits:
        result += await each
        log.append(result)
    return result


class TogetherTests(SynchronousTestCase):
    """All are started before any is waited for."""

    def test_nothing_to_wait_for(self) -> None:
        """Without a wait the results are there at once."""
        self.assertEqual(launch(together([waiting([], "a"), waiting([], "b")])), ["a", "b"])
        self.assertEqual(launch(together([])), [])

    def test_under_way_at_once(self) -> None:
        """Each goes on when what it waits for has come, in whatever order; results keep theirs."""
        log: list[str] = []
        one, two, three = Deferred[str](), Deferred[str](), Deferred[str]()
        done = launch(together([waiting(log, "a", one, three), waiting(log, "b", two)]))
        assert isinstance(done, Deferred)
        self.assertEqual(log, ["a starts", "b starts"])
        two.callback("2")
        one.callback("1")
        self.assertNoResult(done)
        three.callback("3")
        self.assertEqual(self.successResultOf(done), ["a13", "b2"])

    def test_error(self) -> None:
        """The first error is raised, after the others have ended; none goes unheard."""
        log: list[str] = []
        one, two = Deferred[str](), Deferred[str]()
        done = launch(together([waiting(log, "a", one), waiting(log, "b", two)]))
        assert isinstance(done, Deferred)
        one.errback(Unavailable("disk full"))
        self.assertNoResult(done)
        two.callback("2")
        self.failureResultOf(done, Unavailable)
        self.assertEqual(log[-1], "b2")

    def test_errors(self) -> None:
        """Of several errors nothing is left behind that would be logged as unhandled."""
        one, two = Deferred[str](), Deferred[str]()
        done = launch(together([waiting([], "a", one), waiting([], "b", two)]))
        assert isinstance(done, Deferred)
        two.errback(Unavailable("second"))
        one.errback(Unavailable("first"))
        self.assertEqual(str(self.failureResultOf(done, Unavailable).value), "first")
