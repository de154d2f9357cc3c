"""Tests that take milliseconds: `trial txkea_example`."""
