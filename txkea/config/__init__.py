"""Kea's JSON dialect to the frozen model."""
