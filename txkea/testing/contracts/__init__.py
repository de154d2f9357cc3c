"""Contract suites: one per interface, to be run over every provider of it."""
