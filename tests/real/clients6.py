"""DHCPv6 clients as they are installed: dhclient, dhcpcd, WIDE's dhcp6c and dibbler.

Each uses a delegated prefix by giving an address of it to the interface ``lan0``.
"""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Network
from pathlib import Path
from typing import Final

from tests.real.clients import INTERFACE, Client
from tests.real.packets6 import CONFIRM, REBIND, REQUEST

__all__ = [
    "CLIENTS6",
    "LAN",
    "Client6",
    "Dhclient",
    "DhclientBoth",
    "DhclientPrefix",
    "DhclientStateless",
    "Dhcp6c",
    "Dhcp6cRapid",
    "Dhcp6cStateless",
    "Dhcpcd",
    "DhcpcdAddress",
    "Dibbler",
    "DibblerAddress",
    "Networkd",
]

LAN: Final = "lan0"
NETWORKD: Final = "/lib/systemd/systemd-networkd"

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
    confirms_with = REBIND
    """What it asks first when its link was gone for a while."""

    def reconnect(self) -> None:
        """Its link was gone: tell it, if it does not see that for itself; here, it starts anew without addresses."""
        self.end()
        for interface in (INTERFACE, LAN):
            self.namespace.run(["ip", "-6", "addr", "flush", "dev", interface, "scope", "global"])
            self.namespace.run(["ip", "-6", "route", "flush", "dev", interface, "root", "2000::/3"])
        self.start()

    def networks(self, interface: str) -> list[IPv6Network]:
        """The networks that are said to be on an interface."""
        routes = self.namespace.run(["ip", "-6", "route", "show", "dev", interface]).stdout.splitlines()
        return [IPv6Network(route.split()[0]) for route in routes if route[:1].isdigit()]


class Dhclient(Client6):
    """ISC's client; it asks for an address. It takes no wish, but asks for what it had."""

    name = "dhclient"
    programs = ("dhclient",)
    asks: tuple[str, ...] = ("address",)
    confirms_with = CONFIRM
    switches: tuple[str, ...] = ("-N",)

    def argv(self, wanted: Sequence[str]) -> list[str]:
        configuration = self.file("dhclient.conf", "request dhcp6.name-servers;\ntimeout 20;\nretry 2;\n")
        return [*self._common(), "-d", "-cf", str(configuration), INTERFACE]

    def release(self) -> None:
        """Another dhclient, with the same files, releases the lease and ends the first."""
        self.namespace.run([*self._common(), "-r", INTERFACE])

    def end(self) -> None:
        self.kill()

    @property
    def _leases(self) -> Path:
        return self.directory / "leases"

    def _common(self) -> list[str]:
        files = ["-sf", self.script(DHCLIENT_SCRIPT), "-lf", str(self._leases), "-pf", str(self.directory / "pid")]
        return ["dhclient", "-6", *self.switches, "-v", "-D", "LL", *files]


class DhclientPrefix(Dhclient):
    """ISC's client; it asks for a prefix, and does not confirm one, but rebinds (RFC 8415 section 18.2.12)."""

    asks: tuple[str, ...] = ("prefix",)
    confirms_with = REBIND
    switches: tuple[str, ...] = ("-P",)


class DhclientBoth(Dhclient):
    """ISC's client; it asks for an address and a prefix."""

    asks: tuple[str, ...] = ("address", "prefix")
    confirms_with = REBIND
    switches: tuple[str, ...] = ("-N", "-P")


class DhclientStateless(Dhclient):
    """ISC's client; it asks for options alone."""

    asks: tuple[str, ...] = ()
    switches: tuple[str, ...] = ("-S",)


class Dhcpcd(Client6):
    """Roy Marples' client; it asks for an address and a prefix, and sees that its link is back."""

    name = "dhcpcd"
    programs = ("dhcpcd", "mount")

    def argv(self, wanted: Sequence[str]) -> list[str]:
        address, prefix = _sorted(wanted)
        associations = {
            "address": "ia_na 1" + (f"/{address}" if address else ""),
            "prefix": "ia_pd 2" + (f"/{prefix}" if prefix else "") + f" {LAN}/0/64",
        }
        # without nodev it waits for udev, which knows nothing of what is in here
        lines = ["nodev", "ipv6only", "noipv6rs", "duid", f"allowinterfaces {INTERFACE} {LAN}", "script /bin/true"]
        lines += [f"interface {INTERFACE}", *(associations[each] for each in self.asks)]
        configuration = self.file("dhcpcd.conf", "".join(f"{line}\n" for line in lines))
        argv = ["dhcpcd", "--nobackground", "--debug", "--config", str(configuration), INTERFACE, LAN]
        return self.contained({"/var/lib/dhcpcd": self.state()}, argv)

    def reconnect(self) -> None:
        """It has seen that."""

    def release(self) -> None:
        self.signal(signal.SIGALRM)


class DhcpcdAddress(Dhcpcd):
    """Roy Marples' client; it asks for an address."""

    asks: tuple[str, ...] = ("address",)
    confirms_with = CONFIRM


class Dhcp6c(Client6):
    """The client of the WIDE project: forgets what it had when it ends, and releases it then.

    It keeps to no T1 below 18 s and no T2 below 30 s.
    """

    name = "dhcp6c"
    programs = ("dhcp6c", "mount")
    confirms_with = REQUEST
    sends = "ia-na 1, ia-pd 2"

    def argv(self, wanted: Sequence[str]) -> list[str]:
        address, prefix = _sorted(wanted)
        na = f"address {address} infinity;" if address else ""
        pd = f"prefix {prefix} infinity;" if prefix else ""
        sends = f"send {self.sends};" if self.sends else "information-only;"
        configuration = self.file(
            "dhcp6c.conf",
            f"interface {INTERFACE} {{ {sends} request domain-name-servers; }};\n"
            f"id-assoc na 1 {{ {na} }};\n"
            f"id-assoc pd 2 {{ {pd} prefix-interface {LAN} {{ sla-id 0; sla-len 8; ifid 1; }}; }};\n",
        )
        files = ["-c", str(configuration), "-p", str(self.directory / "pid")]
        argv = ["dhcp6c", "-f", "-D", *files, INTERFACE]
        return self.contained({"/var/lib/dhcpv6": self.state()}, argv)

    def release(self) -> None:
        self.signal(signal.SIGTERM)

    def end(self) -> None:
        self.kill()


class Dhcp6cRapid(Dhcp6c):
    """The client of the WIDE project; it asks for its lease in two messages."""

    sends = "rapid-commit, ia-na 1, ia-pd 2"


class Dhcp6cStateless(Dhcp6c):
    """The client of the WIDE project; it asks for options alone."""

    asks: tuple[str, ...] = ()
    sends = ""


class Dibbler(Client6):
    """Tomasz Mrugalski's client: releases what it has when it ends in peace."""

    name = "dibbler"
    programs = ("dibbler-client", "mount")
    confirms_with = CONFIRM

    def argv(self, wanted: Sequence[str]) -> list[str]:
        address, prefix = _sorted(wanted)
        na = f"ia {{ address {address} }}" if address else "ia"
        pd = f"pd {{ prefix {prefix} }}" if prefix else "pd"
        lines = ["log-level 8", "log-mode short", "duid-type duid-ll", f'downlink-prefix-ifaces "{LAN}"']
        associations = {"address": na, "prefix": pd}
        lines += [f'iface "{INTERFACE}" {{', *(associations[each] for each in self.asks), "}"]
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

    def _resolvers(self) -> Path:
        path = self.directory / "resolv.conf"
        path.touch()
        return path


class DibblerAddress(Dibbler):
    """Tomasz Mrugalski's client; it asks for an address."""

    asks: tuple[str, ...] = ("address",)


class Networkd(Client6):
    """systemd's client: its timers may go ten seconds after their time; it gives nothing back."""

    name = "systemd-networkd"
    programs = (NETWORKD, "mount", "cp")
    confirms_with = REQUEST
    sections: Mapping[str, str] = {
        INTERFACE: "DHCP=ipv6\n[DHCPv6]\nWithoutRA=solicit\nRapidCommit=no\nDUIDType=link-layer\n",
        LAN: "DHCPPrefixDelegation=yes\n[DHCPPrefixDelegation]\nUplinkInterface=eth0\nSubnetId=0\nAnnounce=no\n",
    }

    def argv(self, wanted: Sequence[str]) -> list[str]:
        settings = self.directory / "network"
        settings.mkdir(exist_ok=True)
        for interface, section in self.sections.items():
            matching = f"[Match]\nName={interface}\n[Network]\nIPv6AcceptRA=no\nLinkLocalAddressing=ipv6\n"
            (settings / f"{interface}.network").write_text(matching + section)
        # With /sys to be read alone it does not wait for udev, which knows nothing of what is in here.
        return [
            *("sh", "-ec"),
            f"""
            mount -o remount,ro /sys
            mount -t tmpfs run /run
            mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
            cp -r '{settings}' /run/systemd/network
            chmod -R a+rX /run
            chown -R systemd-network: /run/systemd/netif
            SYSTEMD_LOG_LEVEL=debug exec {NETWORKD}""",
        ]

    def reconnect(self) -> None:
        """It has seen that."""


CLIENTS6: Final = (Dhclient, Dhcpcd, Dhcp6c, Dibbler, Networkd)


def _sorted(wanted: Sequence[str]) -> tuple[str, str]:
    """The address and the prefix among what is wanted; empty where there is none."""
    return "".join(each for each in wanted if "/" not in each), "".join(each for each in wanted if "/" in each)
