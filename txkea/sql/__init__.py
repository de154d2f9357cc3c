"""Leases and hosts in PostgreSQL, MySQL and MariaDB, in Kea's own schema."""
