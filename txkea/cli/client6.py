"""``txkea client -6``: a DHCPv6 client for a person."""

from __future__ import annotations

import errno
import socket
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import click
from rich.console import Console
from rich.text import Text

from txkea.cli.conversation import Outcome, attend, local_address, opening
from txkea.cli.conversation6 import Client6, Conversation6, link_socket, relay_socket
from txkea.cli.display import table
from txkea.cli.display6 import GRANTING, answer_rows, failures, readable_ias, resource_text
from txkea.cli.parameters import (
    ADDRESS6,
    HEXADECIMAL,
    OPTION_CODE6,
    OPTION_TEXT6,
    PORT,
    RESOURCE6,
    family,
    following,
    patience,
)
from txkea.logs.pattern import printable
from txkea.wire.dhcp6 import UNSPECIFIED, Message6, MessageType6, Option6
from txkea.wire.duid import DUID_MAXIMUM, DUID_MINIMUM
from txkea.wire.ia import Ia, Resource
from txkea.wire.text import address_text

__all__ = ["client6"]

HELP: Final = """Ask a DHCPv6 server for addresses and prefixes, and show what it says.

Nothing on this machine is changed. With --server, or without anything, the query goes to that server as from a relay,
for servers answer clients only when they are asked by multicast. No privileges are needed. The server selects the
subnet by the relay's link address: --link, else the address from which this machine reaches the server. The
configuration says which subnet that is: one that contains the address, or "relay": { "ip-addresses": [ "::1" ] }.

With --interface the query goes to all servers on that link, as a client's; the first that answers is taken. That needs
root, for servers answer to port 546.

\b
Examples:
  an address from a server on this machine
      txkea client -6
  from one that was started with -p 10547, in the subnet of a certain link
      txkea client -6 --port 10547 --link 2001:db8:1::1
  an address and a prefix, of any length or of a certain one; a prefix alone
      txkea client -6 --prefix
      txkea client -6 --prefix 56
      txkea client -6 --prefix 56 --no-address
  from whoever serves the link, in two messages in place of four
      txkea client -6 --interface eth0 --rapid-commit
  a certain client's, with an option in Kea's spelling, asking for another
      txkea client -6 --duid 00:03:00:01:02:00:5e:10:00:07 --option user-class=0x00036c6162 --ask sip-server-addr
  ten clients, one after the other
      txkea client -6 --count 10
  extend it, and give it back
      txkea client -6 --renew 2001:db8:1::64 --renew 2001:db8:1000::/56
      txkea client -6 --release 2001:db8:1::64
  options alone
      txkea client -6 --stateless

The exit status is 0 if every query was answered and everything granted that was asked for, and 1 otherwise.
"""
WANTED: Final = (
    Option6.DNS_SERVERS,
    Option6.DOMAIN_SEARCH,
    31,  # sntp-servers
    56,  # ntp-server
    59,  # bootfile-url
    64,  # aftr-name
    Option6.SOL_MAX_RT,
)
"""What we ask for (option 6)."""
CLIENT_PORT: Final = 546
DUID: Final = "00:03:00:01:02:00:5e:10:00:00"


class Action(NamedTuple):
    """A switch with addresses or prefixes, the message that it sends, and what it does."""

    name: str
    type: int
    purpose: str


ACTIONS: Final = (
    Action("request", MessageType6.SOLICIT, "What the client would like."),
    Action("renew", MessageType6.RENEW, "Have the server extend this."),
    Action("rebind", MessageType6.REBIND, "Have any server extend this."),
    Action("confirm", MessageType6.CONFIRM, "Ask whether this address fits the link."),
    Action("release", MessageType6.RELEASE, "Give this back."),
    Action("decline", MessageType6.DECLINE, "Say that this address is in use."),
)


def actions(function: Any) -> Any:
    """The switches of `ACTIONS`."""
    for name, _, purpose in reversed(ACTIONS):
        add = click.option(f"--{name}", multiple=True, type=RESOURCE6, metavar="ADDRESS[/LENGTH]", help=purpose)
        function = add(function)
    return function


@click.command("client", help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@family
@click.option("--server", metavar="ADDRESS", help="The server. Default: ::1.")
@click.option("--interface", metavar="NAME", help="Ask all servers on this link.")
@click.option("--port", default=547, type=PORT, metavar="PORT", show_default=True, help="The server's port.")
@click.option("--link", type=ADDRESS6, metavar="ADDRESS", help="The relay's link address.")
@click.option("--interface-id", type=HEXADECIMAL, metavar="HEX", help="The relay's option 18, or 'text'.")
@click.option(
    "--source-port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Our port; else any, and 546 with --interface.",
)
@click.option(
    "--duid", type=HEXADECIMAL, default="00:03:00:01:02:00:5e:10:00:00", metavar="HEX", help="The first one's."
)
@click.option("--iaid", default=1, type=click.IntRange(0, 2**32 - 1), metavar="N", show_default=True, help="The first.")
@click.option("--count", default=1, type=click.IntRange(1, 100000), metavar="N", help="Clients, one after the other.")
@click.option(
    "--prefix",
    is_flag=False,
    flag_value="0",
    type=click.IntRange(0, 128),
    metavar="[LENGTH]",
    help="Ask for a prefix too.",
)
@click.option("--no-address", is_flag=True, help="Ask for no address.")
@click.option("--rapid-commit", is_flag=True, help="Two messages in place of four, if the server likes.")
@click.option("--option", "options", multiple=True, type=OPTION_TEXT6, metavar="NAME=TEXT", help="Send this too.")
@click.option("--ask", multiple=True, type=OPTION_CODE6, metavar="NAME", help="Ask for this option too.")
@actions
@click.option("--stateless", is_flag=True, help="Ask for options alone.")
@patience
def client6(
    server: str | None,
    interface: str | None,
    duid: bytes,
    iaid: int,
    count: int,
    prefix: int | None,
    no_address: bool,
    rapid_commit: bool,
    options: Sequence[tuple[int, bytes]],
    ask: Sequence[int],
    stateless: bool,
    **others: Any,
) -> None:
    """See ``HELP``."""
    asked = {action: others.pop(action.name) for action in ACTIONS}
    chosen = [action for action, resources in asked.items() if resources]
    if len(chosen) + stateless > 1:
        names = [action.name for action in chosen] + ["stateless"] * stateless
        raise click.UsageError(f"one of --{' and --'.join(names)} is enough")
    if not DUID_MINIMUM <= len(duid) <= DUID_MAXIMUM:
        raise click.UsageError(f"a DUID has {DUID_MINIMUM} to {DUID_MAXIMUM} bytes, not {len(duid)}")
    action = chosen[0] if chosen else ACTIONS[0]
    kind = MessageType6.INFORMATION_REQUEST if stateless else action.type
    wanted: list[tuple[int, Resource | None]] = list(asked[action])
    if kind == MessageType6.SOLICIT:
        wanted += _wishes(wanted, prefix, no_address)
        if not wanted:
            raise click.UsageError("--no-address asks for nothing, unless with --prefix")
    elif prefix is not None or no_address or rapid_commit:
        raise click.UsageError("--prefix, --no-address and --rapid-commit are about what is asked for first")
    ias = list(_associations(wanted, iaid))
    requested = [*WANTED, *[Option6.PD_EXCLUDE] * any(ia.code == Option6.IA_PD for ia in ias), *ask]
    talk, place = _conversation(server, interface, **others)
    scene = Scene(Console(highlight=False), talk, place, count == 1)
    attend(
        place.name,
        talk,
        lambda who: _act(scene, who, kind, ias, rapid_commit),
        [Client6(following(duid, number), requested, options) for number in range(count)],
    )


def _wishes(
    wanted: Iterable[tuple[int, Resource | None]], prefix: int | None, no_address: bool
) -> Iterator[tuple[int, Resource | None]]:
    """What is asked for besides what was named."""
    codes = {code for code, _ in wanted}
    if not no_address and Option6.IA_NA not in codes:
        yield Option6.IA_NA, None
    if prefix is not None and Option6.IA_PD not in codes:
        yield Option6.IA_PD, Resource(UNSPECIFIED, 0, 0, prefix) if prefix else None


def _associations(wanted: Iterable[tuple[int, Resource | None]], iaid: int) -> Iterator[Ia]:
    """An identity association for each, those of one kind numbered."""
    numbers: Counter[int] = Counter()
    for code, resource in wanted:
        yield Ia(code, (iaid + numbers[code]) % (1 << 32), 0, 0, () if resource is None else (resource,))
        numbers[code] += 1


# -- the way -----------------------------------------------------------------------------------------------------------


class Place(NamedTuple):
    """Whom we ask."""

    name: str
    port: int
    link: str
    """The link address by which the subnet is selected, ``""`` where we are on the link ourselves."""

    def __str__(self) -> str:
        return f"{self.name} port {self.port}"

    @property
    def doubt(self) -> str:
        """What to look at when nothing was given."""
        if self.link:
            return f"has the server a subnet for link address {self.link} (see --link), with something free in it?"
        return "has the server a subnet for this link, with something free in it?"


def _conversation(
    server: str | None,
    interface: str | None,
    port: int,
    link: bytes | None,
    interface_id: bytes | None,
    source_port: int | None,
    **trying: Any,
) -> tuple[Conversation6, Place]:
    if interface is None:
        name = server or "::1"
        with opening(name):
            sock, to = relay_socket(name, port, source_port or 0)
            link = local_address(socket.AF_INET6, to) if link is None else link
        relay_options = {Option6.INTERFACE_ID: interface_id} if interface_id else {}
        talk = Conversation6(sock, to, link=link, relay_options=relay_options, **trying)
        return talk, Place(name, port, address_text(link))
    if server or link or interface_id:
        raise click.UsageError("--server, --link and --interface-id are a relay's, --interface is a client's")
    own_port = CLIENT_PORT if source_port is None else source_port
    with opening(interface):
        try:
            sock, to = link_socket(interface, port, own_port)
        except OSError as error:
            raise _explained(error, own_port) from None
    return Conversation6(sock, to, **trying), Place(interface, port, "")


REASONS: Final = {
    errno.EACCES: "port {} needs root; servers answer to 546, others only to --source-port",
    errno.EADDRINUSE: "another DHCPv6 client has port {}; stop it, or ask the server as a relay (--server)",
    errno.EADDRNOTAVAIL: "its link-local address is not usable (yet): see ip -6 address, and try again in a second",
}


def _explained(error: OSError, port: int) -> OSError:
    reason = REASONS.get(error.errno or 0)
    return OSError(reason.format(port)) if reason else error


# -- doing and telling -------------------------------------------------------------------------------------------------


class Scene(NamedTuple):
    """Where it happens."""

    console: Console
    talk: Conversation6
    place: Place
    details: bool


def _act(scene: Scene, who: Client6, kind: int, ias: Sequence[Ia], rapid: bool) -> bool:
    """Do what was asked for and show it; tells whether it went well."""
    soliciting = kind == MessageType6.SOLICIT
    outcome = scene.talk.obtain(who, ias, rapid) if soliciting else scene.talk.say(kind, who, ias)
    label = who.duid.hex(":")
    if outcome.answer is None:
        text = (
            f"{label}: no answer from {scene.place} to {outcome.sent} queries; does the server run? {scene.place.doubt}"
        )
        scene.console.print(text, style="red", soft_wrap=True)
        return False
    wrong = list(outcome.objections) or list(failures(kind, ias, outcome.answer))
    scene.console.print(_headline(label, outcome, outcome.answer), style="red" if wrong else "green", soft_wrap=True)
    for text in wrong:
        scene.console.print(Text(f"  {printable(text)}"), style="red", soft_wrap=True)
    if wrong and kind in GRANTING and not outcome.objections:
        scene.console.print(f"  {scene.place.doubt}", style="red", soft_wrap=True)
    if scene.details:
        scene.console.print(table(answer_rows(outcome.answer)))
    return not wrong


def _headline(label: str, outcome: Outcome[Message6], answer: Message6) -> Text:
    kind = MessageType6(answer.type).name if answer.type in MessageType6._value2member_map_ else f"type {answer.type}"
    words = [kind, *(resource_text(ia, each) for ia in readable_ias(answer) for each in ia.resources if each.valid)]
    return Text(f"{label}: {' '.join(words)} in {outcome.milliseconds:.1f} ms")
