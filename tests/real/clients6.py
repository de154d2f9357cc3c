"""DHCPv6 clients as they are installed: dhclient, dhcpcd, WIDE's dhcp6c and dibbler.

Each uses a delegated prefix by giving an address of it to the interface ``lan0``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.real.clients import INTERFACE, Client

__all__ = ["CLIENTS6", "LAN", "Client6", "Dhclient", "DhclientBoth", "DhclientPrefix", "Dhcp6c", "Dhcpcd", "Dibbler"]

LAN: Final = "lan0"

DHCLIENT_SCRIPT: Final = """#!/bin/sh
# What dhclient does with a lease; exit status 3 makes it decline.
echo "$reason address=$new_ip6_address prefix=$new_ip6_prefix servers=$new_dhcp6_name_servers"
case $reason in
BOUND6|RENEW6|REBIND6)
    if [ -n "$new_ip6_address" ]; then
        ip -6 addr replace "$new_ip6_address/128" dev "$interface"
        while ip -6 addr show dev "$interface" tentative | grep -v dadfailed | grep -q inet6; do sleep 0.1; done
        if ip -6 addr show dev "$interface" dadfailed | grep -q inet6; then
            ip -6 addr flush dev "$interface" scope global
            exit 3
        fi
    fi
    if [ -n "$new_ip6_prefix" ]; then ip -6 addr replace "${new_ip6_prefix%/*}1/64" dev lan0; fi ;;
EXPIRE6|RELEASE6|STOP6)
    ip -6 addr flush dev "$interface" scope global
    ip -6 addr flush dev lan0 scope global ;;
esac
exit 0
"""


class Client6(Client):
    """A client for IPv6."""

    family = "inet6"
    asks: tuple[str, ...] = ("address", "prefix")
    """What it is told to ask for."""
    confirms = True
    """Whether it remembers an address when it is started again, and asks whether that is still good."""
    hints = True
    """Whether it can be told what to ask for."""

    def forget(self) -> None:
        """What it has remembered is gone; it must have ended."""
        raise NotImplementedError


class Dhclient(Client6):
    """ISC's client; it asks for an address."""

    name = "dhclient"
    programs = ("dhclient",)
    asks = ("address",)
    hints = False
    switches: tuple[str, ...] = ("-N",)

    def argv(self, wanted: Sequence[str]) -> list[str]:
        configuration = self.file("dhclient.conf", "request dhcp6.name-servers;\ntimeout 20;\nretry 2;\n")
        return [*self._common(), "-d", "-cf", str(configuration), INTERFACE]

    def release(self) -> None:
        """Another dhclient, with the same files, releases the lease and ends the first."""
        self.namespace.run([*self._common(), "-r", INTERFACE])

    def end(self) -> None:
        self.kill()

    def forget(self) -> None:
        self._leases.unlink()

    @property
    def _leases(self) -> Path:
        return self.directory / "leases"

    def _common(self) -> list[str]:
        files = ["-sf", self.script(DHCLIENT_SCRIPT), "-lf", str(self._leases), "-pf", str(self.directory / "pid")]
        return ["dhclient", "-6", *self.switches, "-v", "-D", "LL", *files]


class DhclientPrefix(Dhclient):
    """ISC's client; it asks for a prefix, and does not confirm one, but rebinds (RFC 8415 section 18.2.12)."""

    asks = ("prefix",)
    confirms = False
    switches = ("-P",)


class DhclientBoth(Dhclient):
    """ISC's client; it asks for an address and a prefix."""

    asks = ("address", "prefix")
    confirms = False
    switches = ("-N", "-P")


class Dhcpcd(Client6):
    """Roy Marples' client."""

    name = "dhcpcd"
    programs = ("dhcpcd", "mount")
    confirms = False

    def argv(self, wanted: Sequence[str]) -> list[str]:
        address, prefix = _sorted(wanted)
        na = "ia_na 1" + (f"/{address}" if address else "")
        pd = "ia_pd 2" + (f"/{prefix}" if prefix else "") + f" {LAN}/0/64"
        lines = ["nodev", "ipv6only", "noipv6rs", "duid", f"allowinterfaces {INTERFACE} {LAN}", "script /bin/true"]
        lines += [f"interface {INTERFACE}", na, pd]
        configuration = self.file("dhcpcd.conf", "".join(f"{line}\n" for line in lines))
        argv = ["dhcpcd", "--nobackground", "--debug", "--config", str(configuration), INTERFACE, LAN]
        return self.contained({"/var/lib/dhcpcd": self.state()}, argv)

    def release(self) -> None:
        self.signal(signal.SIGALRM)

    def end(self) -> None:
        self.kill()

    def forget(self) -> None:
        for path in self.state().glob("*.lease6"):
            path.unlink()


class Dhcp6c(Client6):
    """The client of the WIDE project: forgets what it had when it ends, and releases it then."""

    name = "dhcp6c"
    programs = ("dhcp6c", "mount")
    confirms = False

    def argv(self, wanted: Sequence[str]) -> list[str]:
        address, prefix = _sorted(wanted)
        na = f"address {address} infinity;" if address else ""
        pd = f"prefix {prefix} infinity;" if prefix else ""
        configuration = self.file(
            "dhcp6c.conf",
            f"interface {INTERFACE} {{ send ia-na 1; send ia-pd 2; request domain-name-servers; }};\n"
            f"id-assoc na 1 {{ {na} }};\n"
            f"id-assoc pd 2 {{ {pd} prefix-interface {LAN} {{ sla-id 0; sla-len 8; ifid 1; }}; }};\n",
        )
        argv = ["dhcp6c", "-f", "-D", "-c", str(configuration), "-p", str(self.directory / "pid"), INTERFACE]
        return self.contained({"/var/lib/dhcpv6": self.state()}, argv)

    def release(self) -> None:
        self.signal(signal.SIGTERM)

    def end(self) -> None:
        self.kill()

    def forget(self) -> None:
        """It remembers nothing but its DUID."""


class Dibbler(Client6):
    """Tomasz Mrugalski's client: releases what it has when it ends in peace."""

    name = "dibbler"
    programs = ("dibbler-client", "mount")

    def argv(self, wanted: Sequence[str]) -> list[str]:
        address, prefix = _sorted(wanted)
        na = f"ia {{ address {{ {address} }} }}" if address else "ia"
        pd = f"pd {{ prefix {prefix} }}" if prefix else "pd"
        lines = ["log-level 8", "log-mode short", "duid-type duid-ll", f'downlink-prefix-ifaces "{LAN}"']
        lines += [f'iface "{INTERFACE}" {{', na, pd, "}"]
        settings = self.directory / "etc"
        settings.mkdir(exist_ok=True)
        (settings / "client.conf").write_text("".join(f"{line}\n" for line in lines))
        mounts = {"/etc/dibbler": settings, "/var/lib/dibbler": self.state(), "/etc/resolv.conf": self._resolvers()}
        return self.contained(mounts, ["dibbler-client", "run"])

    def release(self) -> None:
        self.signal(signal.SIGTERM)

    def end(self) -> None:
        self.kill()
        (self.state() / "client.pid").unlink(missing_ok=True)

    def forget(self) -> None:
        for path in self.state().iterdir():
            if path.name != "client-duid":
                os.unlink(path)

    def _resolvers(self) -> Path:
        path = self.directory / "resolv.conf"
        path.touch()
        return path


CLIENTS6: Final = (Dhclient, Dhcpcd, Dhcp6c, Dibbler)


def _sorted(wanted: Sequence[str]) -> tuple[str, str]:
    """The address and the prefix among what is wanted; empty where there is none."""
    return "".join(each for each in wanted if "/" not in each), "".join(each for each in wanted if "/" in each)
