"""RADIUS: access is a source of hosts, accounting an observer of leases."""
