"""Triggers that count the leases, and what kea-admin and Kea call in a database (Kea E044, E050)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

__all__ = ["COUNTED", "ROUTINES", "counting"]

COUNTED: Final[Mapping[int, tuple[str, ...]]] = {4: ("subnet_id", "state"), 6: ("subnet_id", "lease_type", "state")}
"""The keys of the tables with the counts, by family."""
DUMPED: Final[Mapping[int, tuple[str, ...]]] = {
    4: (
        "address", "hwaddr", "client_id", "valid_lifetime", "expire", "subnet_id", "fqdn_fwd", "fqdn_rev", "hostname",
        "state", "user_context",
    ),
    6: (
        "address", "duid", "valid_lifetime", "expire", "subnet_id", "pref_lifetime", "lease_type", "iaid", "prefix_len",
        "fqdn_fwd", "fqdn_rev", "hostname", "hwaddr", "state", "user_context", "hwtype", "hwaddr_source",
    ),
}  # fmt: skip
"""The columns of a dump: those of a lease file of Kea 2.2.0."""
BINARY: Final = ("hwaddr", "client_id", "duid")
FLAGS: Final = ("fqdn_fwd", "fqdn_rev")
TEXTS: Final = ("hostname", "user_context")
LIMITS: Final = "limits of leases are not kept in a database that txkea has made; use one of kea-admin db-init"
"""Kea asks by isJsonSupported() first, and does not limit then."""


def counting(dialect: str) -> Sequence[str]:
    """Statements that make the triggers of both families. Only leases in states 0 and 1 count."""
    return [statement for family in COUNTED for statement in COUNTING[dialect](family)]


def _each(form: str, keys: Sequence[str], between: str) -> str:
    return between.join(form.format(key) for key in keys)


# -- PostgreSQL --------------------------------------------------------------------------------------------------------


def _postgresql_counting(family: int) -> Sequence[str]:
    keys, lease, stat = COUNTED[family], f"lease{family}", f"lease{family}_stat"
    return (
        f"""
        CREATE OR REPLACE FUNCTION count_{lease}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'INSERT' AND OLD.state < 2 THEN
                UPDATE {stat} SET leases = leases - 1 WHERE leases > 0 AND {_each("{0} = OLD.{0}", keys, " AND ")};
            END IF;
            IF TG_OP <> 'DELETE' AND NEW.state < 2 THEN
                INSERT INTO {stat} AS counted ({", ".join(keys)}, leases) VALUES ({_each("NEW.{0}", keys, ", ")}, 1)
                ON CONFLICT ({", ".join(keys)}) DO UPDATE SET leases = counted.leases + 1;
            END IF;
            RETURN NULL;
        END $$
        """,
        f"""
        CREATE TRIGGER {lease}_counted AFTER INSERT OR DELETE ON {lease}
        FOR EACH ROW EXECUTE PROCEDURE count_{lease}()
        """,
        f"""
        CREATE TRIGGER {lease}_recounted AFTER UPDATE ON {lease}
        FOR EACH ROW WHEN ({_each("OLD.{0} IS DISTINCT FROM NEW.{0}", keys, " OR ")})
        EXECUTE PROCEDURE count_{lease}()
        """,
    )


def _postgresql_dumped(column: str) -> str:
    if column in BINARY:
        return rf"rtrim(regexp_replace(encode({column}, 'hex'), '(..)', '\1:', 'g'), ':')"
    if column in FLAGS:
        return f"{column}::int"
    if column in TEXTS:
        return f"replace({column}, ',', '&#x2c')"
    return f"extract(epoch FROM {column})::bigint" if column == "expire" else column


def _postgresql_dump(family: int) -> Sequence[str]:
    columns, first = DUMPED[family], "host('0.0.0.0'::inet + address)" if family == 4 else "address"
    values = ", ".join([f"{first}::text", *(f"({_postgresql_dumped(each)})::text" for each in columns[1:])])
    return (
        f"""
        CREATE FUNCTION lease{family}DumpHeader() RETURNS text LANGUAGE sql AS $$ SELECT '{",".join(columns)}'::text $$
        """,
        f"""
        CREATE FUNCTION lease{family}DumpData() RETURNS TABLE ({", ".join(f"dumped_{each} text" for each in columns)})
        LANGUAGE sql AS $$ SELECT {values} FROM lease{family} ORDER BY address $$
        """,
    )


def _postgresql_limits(family: int) -> str:
    return f"""
        CREATE FUNCTION checkLease{family}Limits(user_context text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION '{LIMITS}'; END $$
        """


# -- MySQL and MariaDB -------------------------------------------------------------------------------------------------


def _mysql_counting(family: int) -> Sequence[str]:
    keys, lease, stat = COUNTED[family], f"lease{family}", f"lease{family}_stat"
    less = f"""
        IF OLD.state < 2 THEN
            UPDATE {stat} SET leases = leases - 1 WHERE leases > 0 AND {_each("{0} = OLD.{0}", keys, " AND ")};
        END IF;
        """
    more = f"""
        IF NEW.state < 2 THEN
            INSERT INTO {stat} ({", ".join(keys)}, leases) VALUES ({_each("NEW.{0}", keys, ", ")}, 1)
            ON DUPLICATE KEY UPDATE leases = leases + 1;
        END IF;
        """
    moved = f"IF NOT ({_each('OLD.{0} <=> NEW.{0}', keys, ' AND ')}) THEN {less} {more} END IF;"
    return [
        f"CREATE TRIGGER {lease}_{name} AFTER {event} ON {lease} FOR EACH ROW BEGIN {body} END"
        for name, event, body in (
            ("counted", "INSERT", more),
            ("recounted", "UPDATE", moved),
            ("uncounted", "DELETE", less),
        )
    ]


MYSQL_HEXADECIMAL: Final = """
    CREATE FUNCTION colonSeparatedHex(digits TEXT) RETURNS TEXT DETERMINISTIC NO SQL
    BEGIN
        DECLARE place INT DEFAULT LENGTH(digits) - 1;
        WHILE place > 2 DO
            SET digits = INSERT(digits, place, 0, ':');
            SET place = place - 2;
        END WHILE;
        RETURN LOWER(digits);
    END
    """


def _mysql_dumped(column: str) -> str:
    if column in BINARY:
        return f"IFNULL(colonSeparatedHex(HEX({column})), '')"
    if column in TEXTS:
        return f"REPLACE(IFNULL({column}, ''), ',', '&#x2c')"
    return f"UNIX_TIMESTAMP({column})" if column == "expire" else column


def _mysql_dump(family: int) -> Sequence[str]:
    columns, first = DUMPED[family], "INET_NTOA(address)" if family == 4 else "address"
    values = ", ".join([first, *(_mysql_dumped(each) for each in columns[1:])])
    return (
        f"CREATE PROCEDURE lease{family}DumpHeader() SELECT '{','.join(columns)}'",
        f"CREATE PROCEDURE lease{family}DumpData() SELECT {values} FROM lease{family} ORDER BY lease{family}.address",
    )


def _mysql_limits(family: int) -> str:
    return f"""
        CREATE FUNCTION checkLease{family}Limits(user_context TEXT) RETURNS TEXT DETERMINISTIC NO SQL
        BEGIN
            SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{LIMITS}';
            RETURN NULL;
        END
        """


COUNTING: Final = {"postgresql": _postgresql_counting, "mysql": _mysql_counting}
ROUTINES: Final[Mapping[str, Sequence[str]]] = {
    "postgresql": (
        *_postgresql_dump(4),
        *_postgresql_dump(6),
        *map(_postgresql_limits, COUNTED),
        "CREATE FUNCTION isJsonSupported() RETURNS boolean LANGUAGE sql AS $$ SELECT false $$",
    ),
    "mysql": (
        MYSQL_HEXADECIMAL,
        *_mysql_dump(4),
        *_mysql_dump(6),
        *map(_mysql_limits, COUNTED),
        "CREATE FUNCTION isJsonSupported() RETURNS BOOL DETERMINISTIC NO SQL RETURN false",
    ),
}
"""What kea-admin calls for a dump, and what Kea prepares whenever it connects, as statements that make it."""
