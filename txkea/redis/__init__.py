"""Leases in Redis."""
