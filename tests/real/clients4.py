"""DHCPv4 clients as they are installed: dhclient, udhcpc and dhcpcd."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from typing import Final

from tests.real.clients import INTERFACE, Client

__all__ = ["CLIENTS4", "Dhclient", "Dhcpcd", "Udhcpc"]

DHCLIENT_SCRIPT: Final = """#!/bin/sh
# What dhclient does with a lease; exit status 1 makes it decline.
echo "$reason new=$new_ip_address old=$old_ip_address"
case $reason in
BOUND|REBOOT)
    if busybox arping -q -c 2 -w 1 -D -I "$interface" "$new_ip_address"; then :; else exit 1; fi
    ip addr replace "$new_ip_address/$new_subnet_mask" dev "$interface"
    ip route replace default via "$new_routers" ;;
EXPIRE|FAIL|RELEASE|STOP) ip addr flush dev "$interface" ;;
PREINIT) ip link set "$interface" up ;;
esac
exit 0
"""
UDHCPC_SCRIPT: Final = """#!/bin/sh
echo "$1 $ip"
case $1 in
bound|renew)
    ip addr replace "$ip/$mask" dev "$interface"
    ip route replace default via "$router" ;;
deconfig) ip addr flush dev "$interface" ;;
esac
"""


class Client4(Client):
    """A client for IPv4."""

    family = "inet"


class Dhclient(Client4):
    """ISC's client: keeps to T1 and T2, remembers what to ask for, declines what its script refuses."""

    name = "dhclient"
    programs = ("dhclient", "busybox")

    def argv(self, wanted: Sequence[str]) -> list[str]:
        times = "initial-interval 1;\nbackoff-cutoff 2;\ntimeout 20;\nretry 2;\nreboot 3;\n"
        configuration = self.file("dhclient.conf", times)
        return [*self._common(), "-d", "-cf", str(configuration), INTERFACE]

    def release(self) -> None:
        """Another dhclient, with the same files, releases the lease and ends the first."""
        self.namespace.run([*self._common(), "-r", INTERFACE])

    def _common(self) -> list[str]:
        leases, pid = self.directory / "leases", self.directory / "pid"
        return ["dhclient", "-4", "-v", "-sf", self.script(DHCLIENT_SCRIPT), "-lf", str(leases), "-pf", str(pid)]


class Udhcpc(Client4):
    """BusyBox's client: looks at none of the server's timers, but renews, and soon rebinds, at SIGUSR1.

    It opens the socket for the answer to its renewal only after it has sent that, so the answer of a near server often
    finds it deaf; then it rebinds.
    """

    name = "udhcpc"
    programs = ("udhcpc",)

    def argv(self, wanted: Sequence[str]) -> list[str]:
        times = ["-t", "10", "-T", "1", "-A", "1"]
        asking = ["-r", *wanted] if wanted else []
        return ["udhcpc", "-f", "-a", "-i", INTERFACE, "-s", self.script(UDHCPC_SCRIPT), *times, *asking]

    def renew(self) -> None:
        self.signal(signal.SIGUSR1)

    rebind = renew

    def release(self) -> None:
        self.signal(signal.SIGUSR2)


class Dhcpcd(Client4):
    """Roy Marples' client: probes each address by ARP for seconds, declines it when somebody answers."""

    name = "dhcpcd"
    programs = ("dhcpcd", "mount")

    def argv(self, wanted: Sequence[str]) -> list[str]:
        configuration = self.file("dhcpcd.conf", "ipv4only\nnoipv4ll\nclientid\nscript /bin/true\n")
        asking = [f"--request={address}" for address in wanted]
        argv = ["dhcpcd", "--nobackground", "--debug", "--config", str(configuration), *asking, INTERFACE]
        return self.contained({"/var/lib/dhcpcd": self.state()}, argv)

    def renew(self) -> None:
        self.signal(signal.SIGUSR1)

    def release(self) -> None:
        self.signal(signal.SIGALRM)


CLIENTS4: Final = (Dhclient, Udhcpc, Dhcpcd)
