"""A database that is stopped, hangs, is killed, or is cut off under load: nothing acknowledged is lost."""

from __future__ import annotations

from tests.real.faulty import FROZEN, TIMES, Faulty
from tests.real.proxies import AFTER, BEFORE


class Faults:
    """What befalls each database, `TIMES` times."""

    def test_stopped(self: Faulty) -> None:  # type: ignore[misc]
        """A database that is stopped in order and started again: clients wait, and are served again within 2 s."""
        self.begin()
        for _ in range(TIMES):
            self.suffer(self.database.stop, self.database.start, 0.5)
        self.finish("stopped")

    def test_killed(self: Faulty) -> None:  # type: ignore[misc]
        """A database that dies in the middle of what it does, and is started again at once."""
        self.begin()
        for _ in range(TIMES):
            self.suffer(self.database.kill, self.database.start, 0.0)
        self.finish("killed")

    def test_frozen(self: Faulty) -> None:  # type: ignore[misc]
        """A database that hangs is away within 5 s, as the status tells, and clients are served when it goes on."""
        self.addCleanup(self.database.thaw)
        self.begin()
        for _ in range(TIMES):
            self.suffer(self.database.freeze, self.thaw, FROZEN)
        self.finish("frozen")

    def thaw(self: Faulty) -> None:  # type: ignore[misc]
        shown = self.served.tell("status-get")["arguments"]["databases-away"]
        self.assertIn(self.kind, shown[0]["name"])
        self.database.thaw()

    def test_cut_at_commit(self: Faulty) -> None:  # type: ignore[misc]
        """Connections that are cut right before a commit, or right before its answer: nobody is told what is not so."""
        self.begin()
        for number in range(2 * TIMES):
            cut, cuts = (BEFORE, AFTER)[number % 2], self.between.tell().cuts
            self.suffer(lambda cut=cut: self.between.tell(cut=cut), lambda: None, 0.3)  # type: ignore[misc]
            self.assertEqual(cuts + 1, self.between.tell().cuts)
        self.finish("cut")


class PostgresFaults(Faults, Faulty):
    """PostgreSQL."""

    kind = "postgresql"


class MariaDBFaults(Faults, Faulty):
    """MariaDB."""

    kind = "mysql"


class RedisFaults(Faults, Faulty):
    """Redis."""

    kind = "redis"
