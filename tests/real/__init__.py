"""Tests with real programs: Kea 2.2.0 beside txkea, in network namespaces, from one configuration file."""
