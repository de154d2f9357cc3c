"""A RADIUS server that is slow, or does not answer: who need not wait for it does not, and who must is served later."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Final

from twisted.trial.unittest import SynchronousTestCase

from bench import usage
from tests.real import holding, slowed
from tests.real.paced import Exchange, Group, Paced, Window, medians, window
from tests.real.scene_faults import HELD
from tests.real.servers import TXKEA4, Server
from tests.real.slowed import KNOWN, NEW, OTHERS, Radius, Slowed, Sql, groups, prepare, relays
from txkea.testing.namespaces import Lab, Port, requires_root, wait_for

ROUNDS: Final = int(os.environ.get("TXKEA_TEST_SLOW_ROUNDS", "3"))
"""How often each kind of slowness is compared with a quiet stretch beside it."""
STRETCH: Final = 1.0
"""Seconds of each."""
TRIES: Final = 3
"""The machine may have been busy with something else."""
FLOOR: Final = 0.05
"""Seconds below which the machine's neighbours say more than RADIUS."""
KEPT: Final = 0.9
"""The part of the throughput that is kept."""
RATE, MANY = 80, 100
CROWD: Final = int(os.environ.get("TXKEA_TEST_CROWD", "10000"))
"""Clients of whom nothing is known, and who come while RADIUS does not answer."""
COMING: Final = 10
"""Seconds in which they come: one machine has the crowd, the server, FreeRADIUS and all else."""
CROWD_RELAY: Final = "10.1.0.2"
MEMORY: Final = 150.0
"""MB that they may cost."""
NEGATIVE_TTL: Final = 3
INSISTING: Final = float(os.environ.get("TXKEA_TEST_INSISTING", "7.5"))
"""Seconds for which clients that are rejected ask again and again."""


class SlowScene(SynchronousTestCase):
    """A server that asks something slow, and its clients."""

    skip = requires_root("freeradius")
    timeout = 600
    kind: ClassVar[Callable[..., Slowed]] = Radius

    def setUp(self) -> None:
        self.lab = Lab()
        self.addCleanup(self.lab.close)
        there, self.here = self.lab.namespace("server"), self.lab.namespace("clients")
        self.lab.veth(Port(there, "eth0", [f"{slowed.SERVER}/8"]), Port(self.here, "eth0", ["10.0.0.2/8"]))
        relays(self.here)
        self.slowed = self.kind(there, MANY)
        self.addCleanup(self.slowed.close)
        directory = tempfile.mkdtemp(prefix="txkea-", dir="/tmp")  # short, for the UNIX socket's sake
        self.addCleanup(shutil.rmtree, directory)
        self.server: Server = prepare(TXKEA4, self.slowed, Path(directory), there, **self.words())
        self.addCleanup(self.server.close)
        self.server.start()

    def words(self) -> dict[str, Any]:
        """Further members of ``Dhcp4``."""
        return {}

    def come(self, *kinds: Group) -> Paced:
        """Let clients come."""
        paced = Paced(self.here, slowed.SERVER, kinds)
        self.addCleanup(paced.close)
        return paced

    def all_known(self) -> None:
        """Have the server ask about those whom it shall know."""
        known, others, _ = groups(MANY, RATE, 1)
        paced = self.come(known._replace(once=True), others._replace(once=True))
        wait_for(lambda: self.statistic("pkt4-ack-sent") >= 2 * MANY, "leases of all who shall be known", 20, 0.1)
        self.assertTrue(all(each.took < 10 for each in paced.end()))

    def statistic(self, name: str) -> int:
        """A counter of the server."""
        arguments = self.server.tell("statistic-get", name=name)["arguments"]
        return int(arguments[name][0][0])


class Waiting(SlowScene):
    """Those who need not wait, beside those who must."""

    def compare(self) -> None:
        """Delay answers, then give none, each time beside quiet stretches: what the others notice of it."""
        self.all_known()
        for words, delay in (("200 ms", 0.2), ("500 ms", 0.5), ("no answer", 0.0)):
            found: dict[str, tuple[Window, Window]] = {}
            for _ in range(TRIES):
                found = self.beside(delay)
                if all(self.holds(quiet, slow) for quiet, slow in found.values()):
                    break
            for group, (quiet, slow) in found.items():
                sys.stderr.write(
                    f"\n{self.slowed.name}, {words}: {group} {1000 * quiet.p99:.1f} ms and {quiet.share:.1%} of them"
                    f" served, then {1000 * slow.p99:.1f} ms and {slow.share:.1%}"
                )
                self.assertTrue(self.holds(quiet, slow), f"{words}: {group}: {quiet} {slow}\n{self.server.tail()}")
        sys.stderr.write("\n")

    def beside(self, delay: float) -> dict[str, tuple[Window, Window]]:
        """Quiet and slow stretches in turns; the medians of both, of each group that need not wait."""
        known, others, new = groups(MANY, RATE, 10)
        fresh = new.first + int(time.time() * 100) % (1 << 19)  # nobody who came before
        paced = self.come(known, others, new._replace(first=fresh))
        quiet, slow = [], []
        for _ in range(ROUNDS):
            quiet.append(self.stretch())
            self.slowed.delay(delay)
            self.slowed.silence(not delay)
            slow.append(self.stretch())
            self.slowed.delay(0)
            self.slowed.silence(False)
        exchanges = paced.end()
        if delay:  # it was slow indeed
            self.assertGreater(waited(exchanges, slow), delay)
        return {group: (medians(exchanges, group, quiet), medians(exchanges, group, slow)) for group in (KNOWN, OTHERS)}

    def stretch(self) -> tuple[float, float]:
        begin = time.time()
        time.sleep(STRETCH)
        return begin, time.time() - STRETCH / 10  # the last ones have the time to be served in it

    @staticmethod
    def holds(quiet: Window, slow: Window) -> bool:
        """What is promised."""
        return slow.p99 <= max(2 * quiet.p99, FLOOR) and slow.share >= KEPT * quiet.share > 0


class SlowRadius(Waiting):
    """FreeRADIUS, whose answers come later or not at all."""

    def test_nobody_waits_for_others(self) -> None:
        """Who is known already, or in a subnet without RADIUS, is served as ever while RADIUS is slow or silent."""
        self.compare()


class SlowHosts(Waiting):
    """Reservations in PostgreSQL, behind the host cache."""

    kind = Sql

    def test_nobody_waits_for_others(self) -> None:
        """The same with reservations in a database behind the host cache."""
        self.compare()


class Crowd(SlowScene):
    """More unknown clients than can wait at a time."""

    def words(self) -> dict[str, Any]:
        """What tells for how long the reactor was held."""
        return {"hooks_libraries": [*self.slowed.words(True)["hooks-libraries"], {"library": holding.LIBRARY}]}

    def test_crowd(self) -> None:
        """10 000 unknown clients while RADIUS is silent cost bounded memory and nobody else; all are served later."""
        self.all_known()
        self.here.run(["ip", "addr", "add", f"{CROWD_RELAY}/32", "dev", "eth0"])
        known, others, new = groups(MANY, RATE / 2, CROWD / COMING)
        before, assigned = usage.resident_memory(self.server.pid), self.assigned()
        self.held()
        self.slowed.silence(True)
        paced = self.come(known, others)
        crowd = self.come(new._replace(relay=CROWD_RELAY, clients=CROWD, again=3.0, patience=120.0, once=True))
        began = time.time()
        time.sleep(COMING + 1)
        self.assertEqual(self.assigned(), assigned)
        self.slowed.silence(False)
        back = time.time()
        wait_for(lambda: self.assigned() >= assigned + CROWD, "leases of all unknown clients", 60, 0.5)
        took, peak, held = time.time() - back, usage.peak_memory(self.server.pid), self.held()
        exchanges, came = paced.end(), crowd.end()
        sys.stderr.write(
            f"\n{CROWD} unknown clients: {peak - before:.0f} MB more than {before:.0f};"
            f" all have leases {took:.1f} s after RADIUS is back; the reactor was held for {1000 * held:.0f} ms\n"
        )
        self.assertLess(held, HELD)
        self.assertEqual((CROWD, CROWD), (len(came), sum(each.took < 120 for each in came)))
        self.assertLess(peak - before, MEMORY)
        for group in (KNOWN, OTHERS):
            self.assertGreaterEqual(window(exchanges, group, began, back - 1).share, KEPT)
        self.assertEqual(0, self.statistic("pkt4-queue-full"))

    def held(self) -> float:
        """The longest time that the reactor was held since this was asked last."""
        return max(self.server.tell("holding-get")["arguments"]["longest"], default=0.0)

    def assigned(self) -> int:
        return self.statistic("subnet[1].assigned-addresses")


class Negative(SlowScene):
    """Clients that RADIUS rejects, and that come again and again."""

    def words(self) -> dict[str, Any]:
        """A cache that remembers what is refused for a short while."""
        assert isinstance(self.slowed, Radius)
        self.slowed.server.users("DEFAULT Auth-Type := Reject\n")
        cache, *others = self.slowed.words(True)["hooks-libraries"]
        return {"hooks_libraries": [{**cache, "parameters": {"negative-ttl": NEGATIVE_TTL}}, *others]}

    def test_rejected(self) -> None:
        """1 000 clients that are rejected and go on asking cost RADIUS one request each per negative TTL at most."""
        assert isinstance(self.slowed, Radius)
        _, _, new = groups(MANY, RATE, 1000)
        began = time.time()
        self.come(new._replace(clients=1000, once=True, again=0.5, patience=INSISTING))
        time.sleep(INSISTING)
        periods = 1 + (time.time() - began) / NEGATIVE_TTL
        asked: dict[str, int] = {}
        for record in self.slowed.server.requests():
            asked[record["User-Name"]] = asked.get(record["User-Name"], 0) + 1
        sys.stderr.write(
            f"\n{self.statistic('pkt4-discover-received')} DISCOVERs of {len(asked)} clients: {sum(asked.values())}"
            f" requests, at most {max(asked.values())} of one\n"
        )
        self.assertEqual(1000, len(asked))
        self.assertLessEqual(max(asked.values()), periods)
        self.assertGreater(self.statistic("pkt4-discover-received"), 2 * sum(asked.values()))


def waited(exchanges: list[Exchange], stretches: list[tuple[float, float]]) -> float:
    """The least median of the time that new clients needed."""
    return min(window(exchanges, NEW, begin, end).p50 for begin, end in stretches)
