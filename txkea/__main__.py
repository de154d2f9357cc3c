"""``python -m txkea``."""

from txkea.cli import main

__all__ = ["main"]

main(prog_name="txkea")
