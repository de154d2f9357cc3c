"""``txkea client`` for DHCPv4: try a configuration without a network."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, Final

import click
from rich.console import Console
from rich.text import Text

from txkea.cli.conversation import Outcome, attend, local_address, opening
from txkea.cli.conversation4 import Client4, Conversation4
from txkea.cli.display import duration, option_row, table
from txkea.cli.parameters import ADDRESS4, HEXADECIMAL, OPTION_TEXT4, OPTIONS4, PORT, family, following, patience
from txkea.wire.dhcp4 import NO_ADDRESS, Message4, MessageType4, Option4
from txkea.wire.text import address_text

__all__ = ["client4"]

HELP: Final = """Ask a DHCPv4 server for a lease, as a relay would, and show what it says.

Nothing on this machine is changed and no privileges are needed: the query goes by UDP from one of this machine's
addresses, which the server takes for a relay's (giaddr) and selects the subnet by. The configuration says which subnet
that is: "relay": { "ip-addresses": [ "127.0.0.1" ] }, or a subnet that contains the address.

\b
Examples:
  a lease from a server on this machine
      txkea client
  from a server that was started with -p 10067
      txkea client --port 10067
  a certain client's, with options in Kea's spelling
      txkea client --hwaddr 02:00:5e:10:00:07 --option host-name=printer --option 60=0x4d534654
  ten clients, one after the other
      txkea client --count 10
  extend it, and give it back
      txkea client --renew 192.0.2.100
      txkea client --release 192.0.2.100
  options alone
      txkea client --inform
  DHCPv6, which has switches of its own
      txkea client -6 --help

The exit status is 0 if every query was answered with an address (or, for --inform, with options), and 1 otherwise.
"""


@click.command("client", help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@family
@click.option("--server", default="127.0.0.1", metavar="ADDRESS", show_default=True, help="The server.")
@click.option("--port", default=67, type=PORT, metavar="PORT", show_default=True, help="The server's port.")
@click.option(
    "--relay", type=ADDRESS4, metavar="ADDRESS", help="Our address, the giaddr; else the one that reaches the server."
)
@click.option("--source-port", default=0, type=click.IntRange(0, 65535), metavar="PORT", help="Our port; else any.")
@click.option("--hwaddr", type=HEXADECIMAL, default="02:00:5e:10:00:00", metavar="HEX", help="The first client's.")
@click.option("--client-id", type=HEXADECIMAL, metavar="HEX", help="Option 61, or text in single quotes.")
@click.option("--count", default=1, type=click.IntRange(1, 100000), metavar="N", help="Clients, one after the other.")
@click.option("--option", "options", multiple=True, type=OPTION_TEXT4, metavar="NAME=TEXT", help="Send this too.")
@click.option("--request", type=ADDRESS4, metavar="ADDRESS", help="The address that the client would like.")
@click.option("--renew", type=ADDRESS4, metavar="ADDRESS", help="Extend the lease of this address.")
@click.option("--release", type=ADDRESS4, metavar="ADDRESS", help="Give this address back.")
@click.option("--decline", type=ADDRESS4, metavar="ADDRESS", help="Say that this address is in use.")
@click.option("--inform", is_flag=True, help="Ask for options alone.")
@patience
def client4(
    server: str,
    port: int,
    relay: bytes | None,
    source_port: int,
    hwaddr: bytes,
    client_id: bytes | None,
    count: int,
    options: Sequence[tuple[int, bytes]],
    timeout: float,
    tries: int,
    **actions: Any,
) -> None:
    """See ``HELP``."""
    wanted = {name: value for name, value in actions.items() if value}
    if len(wanted) > 1:
        raise click.UsageError(f"one of --{' and --'.join(wanted)} is enough")
    if len(hwaddr) > 16:
        raise click.UsageError(f"a hardware address has at most 16 bytes, not {len(hwaddr)}")
    extra = dict(options) if client_id is None else {Option4.CLIENT_IDENTIFIER: client_id, **dict(options)}
    with opening(server):
        address = socket.gethostbyname(server)
        conversation = Conversation4(
            address,
            port,
            local_address(socket.AF_INET, (address, port)) if relay is None else relay,
            source_port=source_port,
            timeout=timeout,
            tries=tries,
        )
    console = Console(highlight=False)
    attend(
        server,
        conversation,
        lambda who: _act(console, conversation, who, wanted, (server, port), count == 1),
        [Client4(following(hwaddr, number), extra) for number in range(count)],
    )


ACTIONS: Final = {"request": "obtain", "renew": "renew"}
"""Switches with an address that are answered, and what the conversation calls them."""
NO_ANSWER: Final = (
    "no answer from %s port %d to %d queries; does the server run, and has it a subnet for this relay address with a "
    "free address?"
)


# -- doing and telling -------------------------------------------------------------------------------------------------


def _act(
    console: Console, talk: Conversation4, who: Client4, wanted: dict[str, Any], server: tuple[str, int], details: bool
) -> bool:
    """Do what was asked for and show it; tells whether it went well."""
    name = next(iter(wanted), "request")
    value: bytes = wanted.get(name, NO_ADDRESS)
    if name in ("release", "decline"):
        getattr(talk, name)(who, value)
        console.print(f"told {server[0]} port {server[1]} to {name} {address_text(value)}; nobody answers that")
        return True
    outcome = talk.inform(who) if name == "inform" else getattr(talk, ACTIONS[name])(who, value)
    if outcome.answer is None:
        console.print(f"{who.hwaddr.hex(':')}: {NO_ANSWER % (*server, outcome.sent)}", style="red", soft_wrap=True)
        return False
    good = outcome.answer.type == MessageType4.ACK
    console.print(_headline(who, outcome, outcome.answer), style="green" if good else "red")
    if details:
        console.print(table(_rows(outcome.answer)))
    return good


def _headline(who: Client4, outcome: Outcome[Message4], answer: Message4) -> Text:
    kind = MessageType4(answer.type).name if answer.type in MessageType4._value2member_map_ else "BOOTREPLY"
    what = f"{kind} {address_text(answer.yiaddr)}" if answer.yiaddr != NO_ADDRESS else kind
    return Text(f"{who.hwaddr.hex(':')}: {what} in {outcome.milliseconds:.1f} ms")


DURATIONS: Final = (Option4.LEASE_TIME, Option4.RENEWAL_TIME, Option4.REBINDING_TIME)
HIDDEN: Final = (Option4.MESSAGE_TYPE, Option4.AGENT_OPTIONS)


def _rows(answer: Message4) -> list[tuple[str, str]]:
    """The fields and options of an answer that a person wants to see."""
    rows: list[tuple[str, str]] = []
    if answer.siaddr != NO_ADDRESS:
        rows.append(("next-server", address_text(answer.siaddr)))
    for name, field in (("server-hostname", answer.sname), ("boot-file-name", answer.file)):
        text = field.partition(b"\0")[0].decode("latin-1")
        if text and Option4.OVERLOAD not in answer.options:
            rows.append((name, text))
    rows += [_option(code, payload) for code, payload in answer.options.items() if code not in HIDDEN]
    return rows


def _option(code: int, payload: bytes) -> tuple[str, str]:
    name, text = option_row(OPTIONS4, code, payload)
    return name, duration(int.from_bytes(payload, "big")) if code in DURATIONS and len(payload) == 4 else text
