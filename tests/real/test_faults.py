"""A database that is stopped, hangs, is killed, is cut off under load, or is away at the start; each of them."""

from __future__ import annotations

from tests.real import away, faulty


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
