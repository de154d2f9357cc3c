"""The control channel and its commands."""
