"""Doubles, contract suites and strategies, shipped for third parties too."""
