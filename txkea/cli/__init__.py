"""The command line: ``txkea``."""

from txkea.cli.root import main

__all__ = ["main"]
