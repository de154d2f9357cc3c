"""A user whose password Kea can take: one with quotes in it Kea 2.2.0 refuses as an access string."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tests.real.databases import DatabaseServer

__all__ = ["plain"]

NAME: Final = "plain"
STATEMENTS: Final[Mapping[str, tuple[str, ...]]] = {
    "postgresql": (
        f"DO $$ BEGIN CREATE ROLE {NAME} LOGIN PASSWORD '{NAME}' IN ROLE kea;"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$",
    ),
    "mysql": (
        f"CREATE USER IF NOT EXISTS '{NAME}'@'%' IDENTIFIED BY '{NAME}'",
        f"GRANT ALL ON kea.* TO '{NAME}'@'%'",
    ),
}


def plain(database: DatabaseServer, **changes: Any) -> dict[str, Any]:
    """The map of a ``lease-database`` or ``hosts-database`` for Kea, and for whoever shares it."""
    for statement in STATEMENTS[database.kind]:
        database.execute(statement)
    return database.parameters(user=NAME, password=NAME, **changes)
