"""Bytes to values and back: messages, options, names, DUIDs and raw frames."""
