"""Leases and hosts in Apache Cassandra: many servers and nodes, one set of leases."""
