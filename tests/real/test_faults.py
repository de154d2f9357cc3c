"""A database that is stopped, hangs, is killed, is cut off under load, or is away at the start; each of them."""

from __future__ import annotations

import time

from tests.real import away, faulty
from tests.real.scene_faults import HELD


class PostgresFaults(faulty.Faulty):
    """PostgreSQL."""

    kind = "postgresql"


class MariaDBFaults(faulty.Faulty):
    """MariaDB."""

    kind = "mysql"


class RedisFaults(faulty.Faulty):
    """Redis."""

    kind = "redis"


class CassandraFaults(faulty.Faulty):
    """Cassandra."""

    kind = "cql"


class PostgresAway(away.AwayAtStart):
    """PostgreSQL."""

    kind = "postgresql"


class MariaDBAway(away.AwayAtStart):
    """MariaDB."""

    kind = "mysql"


class RedisAway(away.AwayAtStart):
    """Redis."""

    kind = "redis"


class CassandraAway(away.AwayAtStart):
    """Cassandra."""

    kind = "cql"


class Control(faulty.Victim):
    """The tests can fail."""

    kind = "postgresql"

    def test_lost_lease_is_flagged(self) -> None:
        """Leases that vanish from the database, or become somebody else's, are missed."""
        self.begin()
        self.judge()
        taken = "UPDATE lease4 SET hwaddr = :other, client_id = NULL"
        self.database.execute(taken, other=bytes(6))
        self.assertRaises(self.failureException, self.judge)
        self.database.fresh()
        self.assertRaises(self.failureException, self.judge)

    def test_held_reactor_is_flagged(self) -> None:
        """A server that does nothing for a while is caught."""
        self.begin()
        self.served.pause()
        time.sleep(HELD + 0.2)
        self.served.resume()
        self.judge()
        self.assertGreater(max(self.held), HELD)
