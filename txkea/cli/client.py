"""``txkea client``: try a configuration without a network."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from txkea.cli.conversation import Client, Conversation, Outcome
from txkea.logs.pattern import printable
from txkea.model.lease import INFINITE
from txkea.wire.dhcp4 import NO_ADDRESS, Message4, MessageType4, Option4
from txkea.wire.options import decode_text, encode_hex, encode_text
from txkea.wire.standard4 import DHCP4_SPACE, STANDARD4
from txkea.wire.text import address_text

__all__ = ["client"]

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

The exit status is 0 if every query was answered with an address (or, for --inform, with options), and 1 otherwise.
"""


class Address(click.ParamType):  # type: ignore[type-arg]
    """An IPv4 address, packed."""

    name = "address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """Pack it."""
        try:
            return socket.inet_pton(socket.AF_INET, value)
        except (OSError, ValueError):
            self.fail(f"{value!r} is not an IPv4 address", param, ctx)


class Hexadecimal(click.ParamType):  # type: ignore[type-arg]
    """Bytes in hexadecimal, or text in single quotes, as in Kea's reservations."""

    name = "hex"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        """The bytes."""
        try:
            return encode_hex(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


class OptionText(click.ParamType):  # type: ignore[type-arg]
    """NAME=TEXT or CODE=TEXT in Kea's spelling, or either with ``=0x...``; gives code and payload."""

    name = "option"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, bytes]:
        """Code and payload."""
        name, equals, text = value.partition("=")
        code = int(name) if name.isascii() and name.isdigit() else 0
        definition = STANDARD4.by_code(DHCP4_SPACE, code) if code else STANDARD4.by_name(DHCP4_SPACE, name)
        try:
            if not equals:
                raise ValueError("write NAME=TEXT, CODE=TEXT or CODE=0xHEX")
            if text.startswith("0x") and (code or definition):
                return definition.code if definition else _code(code), encode_hex(text[2:])
            if definition is None:
                raise ValueError(f"no standard option is called {name}; write CODE=0xHEX")
            return definition.code, encode_text(definition, text)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


def _code(code: int) -> int:
    if code not in range(1, 255):
        raise ValueError(f"{code} is not an option code from 1 to 254")
    return code


@click.command(help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("--server", default="127.0.0.1", metavar="ADDRESS", show_default=True, help="The server.")
@click.option(
    "--port", default=67, type=click.IntRange(1, 65535), metavar="PORT", show_default=True, help="The server's port."
)
@click.option(
    "--relay", type=Address(), metavar="ADDRESS", help="Our address, the giaddr; else the one that reaches the server."
)
@click.option("--source-port", default=0, type=click.IntRange(0, 65535), metavar="PORT", help="Our port; else any.")
@click.option("--hwaddr", type=Hexadecimal(), default="02:00:5e:10:00:00", metavar="HEX", help="The first client's.")
@click.option("--client-id", type=Hexadecimal(), metavar="HEX", help="Option 61, or text in single quotes.")
@click.option("--count", default=1, type=click.IntRange(1, 100000), metavar="N", help="Clients, one after the other.")
@click.option("--option", "options", multiple=True, type=OptionText(), metavar="NAME=TEXT", help="Send this too.")
@click.option("--request", type=Address(), metavar="ADDRESS", help="The address that the client would like.")
@click.option("--renew", type=Address(), metavar="ADDRESS", help="Extend the lease of this address.")
@click.option("--release", type=Address(), metavar="ADDRESS", help="Give this address back.")
@click.option("--decline", type=Address(), metavar="ADDRESS", help="Say that this address is in use.")
@click.option("--inform", is_flag=True, help="Ask for options alone.")
@click.option(
    "--timeout",
    default=1.0,
    type=click.FloatRange(0.01, 60),
    metavar="SECONDS",
    show_default=True,
    help="For each try.",
)
@click.option(
    "--tries", default=5, type=click.IntRange(1, 100), metavar="N", show_default=True, help="How often to ask."
)
def client(
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
    try:
        address = socket.gethostbyname(server)
        conversation = Conversation(
            address,
            port,
            local_address(address) if relay is None else relay,
            source_port=source_port,
            timeout=timeout,
            tries=tries,
        )
    except OSError as error:
        raise click.ClickException(f"cannot talk to {server}: {error.strerror or error}") from None
    clients = [Client(hwaddr_after(hwaddr, number), extra) for number in range(count)]
    console = Console(highlight=False)
    try:
        good = [_act(console, conversation, each, wanted, (server, port), count == 1) for each in clients]
    except OSError as error:
        raise click.ClickException(f"cannot send to {server}: {error.strerror or error}") from None
    finally:
        conversation.close()
    if not all(good):
        raise SystemExit(1)


def local_address(server: str) -> bytes:
    """The address from which this machine reaches a server."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((server, 67))
        return socket.inet_aton(probe.getsockname()[0])


def hwaddr_after(first: bytes, number: int) -> bytes:
    """The hardware address of the client with this number."""
    if not first:
        return first
    return ((int.from_bytes(first, "big") + number) % (1 << 8 * len(first))).to_bytes(len(first), "big")


ACTIONS: Final = {"request": "obtain", "renew": "renew"}
"""Switches with an address that are answered, and what the conversation calls them."""
NO_ANSWER: Final = (
    "no answer from %s port %d to %d queries; does the server run, and has it a subnet for this relay address with a "
    "free address?"
)


# -- doing and telling -------------------------------------------------------------------------------------------------


def _act(
    console: Console, talk: Conversation, who: Client, wanted: dict[str, Any], server: tuple[str, int], details: bool
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
        console.print(_table(outcome.answer))
    return good


def _headline(who: Client, outcome: Outcome, answer: Message4) -> Text:
    kind = MessageType4(answer.type).name if answer.type in MessageType4._value2member_map_ else "BOOTREPLY"
    what = f"{kind} {address_text(answer.yiaddr)}" if answer.yiaddr != NO_ADDRESS else kind
    return Text(f"{who.hwaddr.hex(':')}: {what} in {outcome.milliseconds:.1f} ms")


DURATIONS: Final = (Option4.LEASE_TIME, Option4.RENEWAL_TIME, Option4.REBINDING_TIME)
HIDDEN: Final = (Option4.MESSAGE_TYPE, Option4.AGENT_OPTIONS)


def _table(answer: Message4) -> Table:
    """The fields and options of an answer that a person wants to see."""
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 2))
    if answer.siaddr != NO_ADDRESS:
        table.add_row("next-server", Text(address_text(answer.siaddr)))
    for name, field in (("server-hostname", answer.sname), ("boot-file-name", answer.file)):
        text = field.partition(b"\0")[0].decode("latin-1")
        if text and Option4.OVERLOAD not in answer.options:
            table.add_row(name, Text(printable(text)))
    for code, payload in answer.options.items():
        if code not in HIDDEN:
            table.add_row(*(Text(printable(each)) for each in _option(code, payload)))
    return table


def _option(code: int, payload: bytes) -> tuple[str, str]:
    definition = STANDARD4.by_code(DHCP4_SPACE, code)
    if definition is None:
        return f"option {code}", payload.hex()
    if code in DURATIONS and len(payload) == 4:
        return definition.name, _duration(int.from_bytes(payload, "big"))
    return definition.name, decode_text(definition, payload)


def _duration(seconds: int) -> str:
    """Seconds as a person counts them."""
    if seconds == INFINITE:
        return "for ever"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86400
    parts = [f"{days} d"] * bool(days) + [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes)
    parts += [f"{seconds % 60} s"] * bool(seconds % 60 or not parts)
    return " ".join(parts) if len(parts) == 1 and seconds < 60 else f"{seconds} s ({' '.join(parts)})"
