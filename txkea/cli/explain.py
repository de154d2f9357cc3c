"""``txkea explain``: what a server with this configuration would do with a query, and why."""

from __future__ import annotations

import json
import os
import re
import sys
from random import SystemRandom
from time import time
from typing import Any, Final

import click
from attrs import evolve
from rich.console import Console

from txkea.cli.capture import datagram, frames
from txkea.cli.display_explain import lines
from txkea.cli.parameters import ADDRESS4, ADDRESS6
from txkea.cli.waiting import reactor, waiting
from txkea.config.load import configuration, families
from txkea.config.text import load
from txkea.control.explain import address_on
from txkea.errors import Malformed, TxkeaError
from txkea.exchange.assemble import assemble, believe
from txkea.exchange.site import Loggers, Site
from txkea.explain.arrival import Arrival, arrival
from txkea.explain.described import DESCRIBES, described, fields_of
from txkea.explain.explain import explain as explained
from txkea.explain.explanation import Explanation
from txkea.explain.shadow import Notes
from txkea.explain.shown import shown
from txkea.hosts.chain import hosts_of
from txkea.interfaces import IKnowsClients, IRunning
from txkea.launch import launch
from txkea.leases.disk import Disk
from txkea.leases.leasefile import LeaseFiles, RowErrors
from txkea.leases.leasefile import load as load_leases
from txkea.leases.memory import MemoryLeases
from txkea.leases.table import LeaseTable
from txkea.model.configuration import Configuration, HookLibrary
from txkea.net.links import links
from txkea.paths import Paths
from txkea.providers import OURS, hook_providers
from txkea.serverid import recall
from txkea.wire.dhcp4 import Option4, decode4
from txkea.wire.dhcp6 import Option6, decode6
from txkea.wire.options import encode_hex

__all__ = ["explain"]


def _describes() -> str:
    """What a client may be described by, a line each."""
    return "\n".join(
        f"\b\n  DHCPv{family}:\n" + "\n".join(f"    {name:<20}{text}" for name, text in known.items()) + "\n"
        for family, known in DESCRIBES.items()
    )


HELP: Final = f"""Tell what a server with this configuration would do with a query, and why.

PACKET is what a client or a relay sent, without the headers of UDP and IP: in hexadecimal, or a file with that, or -
for standard input. A frame of a capture (--pcap), or a client in words (--client), does as well.

Nothing is opened, sent or written, but that --ask asks RADIUS servers what the server would ask them. Leases are none,
unless --leases reads those of the configured lease file. A packet that names the server that it is meant for is taken
to mean this one.

\b
Examples:
  a client on the server's own link, and one behind a relay
      txkea explain -c kea.conf --client interface=eth0/192.0.2.1
      txkea explain -c kea.conf --client hw-address=02:00:5e:10:00:07,class=PXEClient,relay=192.0.2.1,requested=3,6,66
  a frame that tcpdump -w has captured
      txkea explain -c kea.conf --pcap eth0.pcap --frame 12 --interface eth0
  a DHCPv6 client that asks for a prefix too
      txkea explain -6 -c kea.conf --client ia-na=any,ia-pd=/56,link-address=2001:db8:1::1

A client is described by NAME=VALUE, with commas between; each may be left out:

{_describes()}
The exit status is 0 if the query would be answered, 1 if not, and 2 if it cannot be explained.
"""


@click.command(help=HELP, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.option("-c", "--config", required=True, metavar="FILE", help="The configuration of the server.")
@click.option("-4", "v4", is_flag=True, help="Explain DHCPv4, the default if the configuration has both.")
@click.option("-6", "v6", is_flag=True, help="Explain DHCPv6, the default if the configuration has nothing else.")
@click.option("--client", metavar="NAME=VALUE,...", help="A client in words.")
@click.option("--pcap", metavar="FILE", help="A capture, pcap or pcapng.")
@click.option("--frame", default=1, type=click.IntRange(1), metavar="N", show_default=True, help="Its frame, from 1.")
@click.option("--interface", default="", metavar="NAME[/ADDRESS]", help="Where PACKET is received.")
@click.option("--source", metavar="ADDRESS", help="Where PACKET came from.")
@click.option("--leases", is_flag=True, help="Read the leases of the configured lease file.")
@click.option("--ask", is_flag=True, help="Ask the configured RADIUS servers, and show what they say.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, as the commands explain4 and explain6 answer.")
@click.argument("packet", required=False, metavar="[PACKET]")
def explain(config: str, leases: bool, as_json: bool, **given: Any) -> None:
    """See ``HELP``."""
    explanation: Any
    try:
        captured = _captured(given["pcap"], given["frame"]) if given["pcap"] else None
        found = _configuration(config, given, captured.family if captured is not None else 0)
        site = _site(found, leases, given["ask"])
        came = _arrival(site, given, captured)
        _answer_to(site, came)
        explanation = _asked(site, came) if given["ask"] else launch(explained(site, came, time()))
    except (TxkeaError, OSError) as error:
        raise Unexplained(str(error)) from None
    if any(each.outcome == "not asked" for each in explanation.inquiries) and not given["ask"]:
        click.echo("RADIUS is not asked, so that what it would say has no effect here: --ask asks it", err=True)
    for hook in found.hooks:
        if hook.name not in OURS:
            click.echo(f"not asked, for nothing but the server runs it: {hook.name}", err=True)
    if as_json:
        click.echo(json.dumps(shown(explanation), indent=2))
    else:
        console = Console(highlight=False)
        for line in lines(explanation):
            console.print(line, soft_wrap=True)
    raise SystemExit(0 if explanation.answer else 1)


def _asked(site: Site, came: Arrival) -> Explanation:
    """An explanation for which others are asked, as the server would."""

    async def ask() -> Explanation:
        running = [each for each in site.host_sources if IKnowsClients.providedBy(each) and IRunning.providedBy(each)]
        for source in running:
            await source.start()
        try:
            return await explained(site, came, time())
        finally:
            for source in running:
                await source.stop()

    with waiting() as wait:
        return wait(ask)


class Unexplained(click.ClickException):
    """There is nothing to explain."""

    exit_code = 2


# -- the server --------------------------------------------------------------------------------------------------------


def _configuration(path: str, given: dict[str, Any], captured: int) -> Configuration:
    document = load(path)
    wanted = [family for family, switch in ((4, given["v4"]), (6, given["v6"])) if switch]
    if len(wanted) > 1:
        raise TxkeaError("-4 and -6 are two explanations")
    number = (*wanted, *([captured] if captured else ()), *families(document), 4)[0]
    if captured and captured != number:
        raise TxkeaError(f"the frame is of DHCPv{captured}")
    return configuration(document, number)


def _site(found: Configuration, with_leases: bool, asks: bool) -> Site:
    """A server that serves nobody; ``asks`` tells whether it asks others about clients."""
    log = Notes()
    found = evolve(found, hooks=tuple(map(_without_accounting, found.hooks)))
    paths = Paths.from_environment(os.environ)
    hooks = hook_providers(found, reactor=reactor, logger=lambda name: log, paths=paths, only=OURS, statistics={})
    hooks.pop("host_caches", None)  # nothing was asked before, so that nothing is remembered
    paths = paths.configured(found.data_directory)
    store = MemoryLeases()
    if with_leases:
        store.table = LeaseTable(_leases(found, paths))
    site = assemble(
        found,
        leases=store,
        hosts=hosts_of(found, hooks.get("host_sources", ()) if asks else ()),
        statistics={},
        log=Loggers(server=log, packets=log, bad_packets=log, leases=log, alloc_engine=log, ddns=log),
        random=SystemRandom().randrange,
        server_id=_server_id(found, paths),
        anew=True,
        **hooks,
    )
    believe(site, store.table.page(None, len(store.table)))
    return site


def _without_accounting(hook: HookLibrary) -> HookLibrary:
    """A library that tells nobody of leases."""
    return evolve(hook, parameters={name: value for name, value in hook.parameters.items() if name != "accounting"})


def _leases(found: Configuration, paths: Paths) -> dict[bytes, Any]:
    """The rows of the lease file; not one byte of it is changed."""
    database = found.lease_database
    if database.type != "memfile":
        raise TxkeaError(f"--leases reads lease files, not a store of type {database.type}: ask the running server")
    files = LeaseFiles(paths.lease_file(str(database.parameters.get("name") or ""), found.family), found.family)
    rows: dict[bytes, Any] = {}
    read = [path for path in files.to_load(Disk()) if load_leases(path, files.rows, rows, RowErrors()) is not None]
    if not read:
        raise TxkeaError(f"there is no lease file {files.active}")
    return rows


def _server_id(found: Configuration, paths: Paths) -> bytes:
    """The DUID of the server, if this user may read it."""
    if found.family == 4:
        return b""
    try:
        return recall(paths.server_id_file())
    except (TxkeaError, OSError):
        return b""


STAND_IN: Final = b"\0\3\0\1\2\0\x5e\x10\0\xff"
"""The DUID of a server that has none yet."""


def _answer_to(site: Site, came: Arrival) -> None:
    """Let a query mean this server, by whatever name it calls one."""
    try:
        if site.configuration.family == 4:
            named = decode4(came.data, lenient=True).options.get(Option4.SERVER_IDENTIFIER)
            site.server_addresses |= {named} if named else set()
        else:
            named = decode6(came.data, lenient=True).options.get(Option6.SERVER_ID)
            site.server_id = named or site.server_id or STAND_IN
    except Malformed:
        pass  # which the explanation says


# -- the query ---------------------------------------------------------------------------------------------------------


def _captured(path: str, number: int) -> Any:
    with open(path, "rb") as file:
        content = file.read()
    try:
        for count, frame in enumerate(frames(content), 1):
            if count == number:
                return datagram(frame)
    except TxkeaError as error:
        raise TxkeaError(f"{path}: frame {number}: {error}") from None
    raise TxkeaError(f"{path} has no frame {number}")


def _arrival(site: Site, given: dict[str, Any], captured: Any) -> Arrival:
    """What is to be explained."""
    family = site.configuration.family
    told = [name for name in ("packet", "client", "pcap") if given[name]]
    if len(told) != 1:
        raise TxkeaError("give one of PACKET, --client and --pcap")
    local = address_on(family, links)
    if given["client"]:
        if given["interface"] or given["source"]:
            raise TxkeaError("with --client, interface and source are part of its description")
        return described(site.configuration, fields_of(given["client"]), site.server_id or STAND_IN, local)
    interface, _, address = given["interface"].partition("/")
    parse = (ADDRESS4 if family == 4 else ADDRESS6).convert
    own = parse(address, None, None) if address else local(interface)
    source = parse(given["source"], None, None) if given["source"] else b""
    if captured is None:
        return arrival(family, _packet(given["packet"]), interface, own, source)
    group = captured.destination[-1] == 255 if family == 4 else captured.destination[0] == 255
    return evolve(
        arrival(family, captured.data, interface, own if group else captured.destination, captured.source),
        source_port=captured.source_port,
        source_hwaddr=captured.source_hwaddr,
        broadcast=group,
    )


HEXADECIMAL: Final = re.compile(r"(0[xX])?[0-9A-Fa-f\s:]+")


def _packet(text: str) -> bytes:
    """Bytes in hexadecimal, or those in a file."""
    if not HEXADECIMAL.fullmatch(text):
        if text == "-":
            text = sys.stdin.read()
        else:
            try:
                with open(text, encoding="ascii", errors="replace") as file:
                    text = file.read()
            except OSError as error:
                raise TxkeaError(f"PACKET {text!r} is not hexadecimal, nor a file: {error.strerror}") from None
    try:
        return encode_hex("".join(text.split()))
    except ValueError as error:
        raise TxkeaError(f"the packet: {error}") from None
