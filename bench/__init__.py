"""Benchmarks: Kea and txkea under perfdhcp, from one configuration, on one machine, in the same minutes."""
