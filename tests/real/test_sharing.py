"""Two servers share a store; each of the stores that can be shared."""

from __future__ import annotations

from tests.real import sharing


class PostgresSharing(sharing.Sharing):
    """PostgreSQL."""

    kind = "postgresql"


class MariaDBSharing(sharing.Sharing):
    """MariaDB."""

    kind = "mysql"


class RedisSharing(sharing.Sharing):
    """Redis."""

    kind = "redis"


class CassandraSharing(sharing.Sharing):
    """Cassandra."""

    kind = "cql"
