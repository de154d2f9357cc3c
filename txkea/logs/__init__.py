"""Kea's loggers and their outputs."""
