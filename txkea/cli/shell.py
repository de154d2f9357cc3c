"""``txkea shell``: commands to a running server, one or many."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import click

from txkea.cli.connection import Connection, connected
from txkea.cli.shell_arguments import WrongArgumentsError, arguments_of, json_of
from txkea.cli.shell_session import Session
from txkea.cli.waiting import waiting
from txkea.errors import TxkeaError

__all__ = ["shell"]

HELP: Final = """Send commands to a running server of txkea or Kea, and show what it answers.

With COMMAND one is sent. Its arguments are JSON, or NAME=VALUE words, or - for JSON on standard input. A VALUE is
JSON if it can be, or else a text. Without COMMAND they are asked for: the tab key completes, "help" tells of commands,
Ctrl-C gives up waiting, and "exit" or Ctrl-D ends it.

\b
Examples:
  a UNIX socket, as the server's configuration names it
      txkea shell -c /etc/kea/kea-dhcp4.conf status-get
      txkea shell --socket /run/kea/kea4-ctrl-socket lease4-get ip-address=192.0.2.1
  a Control Agent, or a server's own HTTP channel
      txkea shell --url http://127.0.0.1:8000 --service dhcp4 --service dhcp6 version-get
      txkea shell --url https://kea.example.org:8000 --ca ca.pem --user admin --password-file secret config-get --json
  arguments in JSON, and from a file
      txkea shell --socket kea.sock lease4-get-all '{"subnets": [1, 2]}'
      txkea shell --socket kea.sock config-set - < kea.conf.json
  all that can be asked
      txkea shell --socket kea.sock

The exit status is 0 for success, 3 if nothing was found, 1 for what went wrong, and 2 for wrong use.
"""


@click.command(help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@connected()
@click.option("--json", "as_json", is_flag=True, help="Print the JSON as it came; over HTTP a list of answers.")
@click.argument("words", nargs=-1, metavar="[COMMAND [ARGUMENTS]...]")
def shell(connection: Connection, as_json: bool, words: Sequence[str]) -> None:
    """See ``HELP``."""
    try:
        arguments = json_of(sys.stdin.read()) if tuple(words[1:]) == ("-",) else arguments_of(words[1:])
    except WrongArgumentsError as error:
        raise click.UsageError(str(error)) from None
    try:
        with waiting() as wait:
            session = Session(connection.servers(), wait, as_json)
            status = session.send(words[0], arguments) if words else session.run()
    except TxkeaError as error:
        raise click.ClickException(str(error)) from None
    raise SystemExit(status)
