"""Frozen values: lease, host, identifier and the configuration, for both families."""
