"""``python -m txkea``."""

from txkea.cli import main

main(prog_name="txkea")
