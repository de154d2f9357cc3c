"""DHCP clients as they are installed: dhclient, udhcpc and dhcpcd, each on the interface ``eth0`` of a namespace."""

from __future__ import annotations

import signal
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Final

from txkea.testing.namespaces import Namespace, stop

__all__ = ["Client", "Dhclient", "Dhcpcd", "Udhcpc", "programs"]

INTERFACE: Final = "eth0"

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


class Client:
    """A client program whose files are in ``directory``; `start` and `end` may alternate."""

    name = ""
    programs: tuple[str, ...] = ()

    def __init__(self, namespace: Namespace, directory: Path) -> None:
        directory = directory.absolute()
        directory.mkdir(parents=True)
        self.namespace = namespace
        self.directory = directory
        self.log = directory / "log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wanted: str = "") -> None:
        """Look for an address, in the foreground of a process of its own; ask for ``wanted`` if that is given."""
        self.process = self.namespace.spawn(self.argv(wanted), self.log, cwd=self.directory)

    def argv(self, wanted: str) -> list[str]:
        """The command."""
        raise NotImplementedError

    def renew(self) -> None:
        """Renew now, if the program can be told to; else its timer will."""

    def rebind(self) -> None:
        """Ask all servers now, if the program can be told to while its renewal is not answered; else its timer will."""

    def release(self) -> None:
        """Give the lease back; the program may end with that."""
        raise NotImplementedError

    def end(self) -> None:
        """End the program without a word to the server."""
        if self.process is not None and self.process.poll() is None:
            stop(self.process)

    def addresses(self) -> list[str]:
        """The interface's addresses."""
        words = self.namespace.run(["ip", "-4", "-o", "addr", "show", "dev", INTERFACE]).stdout.split()
        return [word.partition("/")[0] for before, word in pairwise(words) if before == "inet"]

    def script(self, text: str) -> str:
        """Write an executable script; gives its path."""
        path = self.directory / "script"
        path.write_text(text)
        path.chmod(0o755)
        return str(path)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def tail(self) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


class Dhclient(Client):
    """ISC's client: keeps to T1 and T2, remembers what to ask for, declines what its script refuses."""

    name = "dhclient"
    programs = ("dhclient", "busybox")

    def argv(self, wanted: str) -> list[str]:
        configuration = self.directory / "dhclient.conf"
        configuration.write_text("initial-interval 1;\nbackoff-cutoff 2;\ntimeout 20;\nretry 2;\nreboot 3;\n")
        return [*self._common(), "-d", "-cf", str(configuration), INTERFACE]

    def release(self) -> None:
        """Another dhclient, with the same files, releases the lease and ends the first."""
        self.namespace.run([*self._common(), "-r", INTERFACE])

    def _common(self) -> list[str]:
        leases, pid = self.directory / "leases", self.directory / "pid"
        return ["dhclient", "-4", "-v", "-sf", self.script(DHCLIENT_SCRIPT), "-lf", str(leases), "-pf", str(pid)]


class Udhcpc(Client):
    """BusyBox's client: looks at none of the server's timers, but renews, and soon rebinds, at SIGUSR1.

    It opens the socket for the answer to its renewal only after it has sent that, so the answer of a near server often
    finds it deaf; then it rebinds.
    """

    name = "udhcpc"
    programs = ("udhcpc",)

    def argv(self, wanted: str) -> list[str]:
        times = ["-t", "10", "-T", "1", "-A", "1"]
        asking = ["-r", wanted] if wanted else []
        return ["udhcpc", "-f", "-a", "-i", INTERFACE, "-s", self.script(UDHCPC_SCRIPT), *times, *asking]

    def renew(self) -> None:
        self.signal(signal.SIGUSR1)

    rebind = renew

    def release(self) -> None:
        self.signal(signal.SIGUSR2)


class Dhcpcd(Client):
    """Roy Marples' client: probes each address by ARP for seconds, declines it when somebody answers."""

    name = "dhcpcd"
    programs = ("dhcpcd", "mount")

    def argv(self, wanted: str) -> list[str]:
        state = self.directory / "state"
        state.mkdir(exist_ok=True)
        configuration = self.directory / "dhcpcd.conf"
        configuration.write_text("ipv4only\nnoipv4ll\nclientid\nscript /bin/true\n")
        asking = f"--request={wanted}" if wanted else ""
        # `ip netns exec` has given it a mount namespace of its own: its files do not meet those of the machine.
        return [
            "sh",
            "-ec",
            f"""
            mount --bind {state} /var/lib/dhcpcd
            mount -t tmpfs run /run
            exec dhcpcd --nobackground --debug --config {configuration} {asking} {INTERFACE}""",
        ]

    def renew(self) -> None:
        self.signal(signal.SIGUSR1)

    def release(self) -> None:
        self.signal(signal.SIGALRM)


def programs() -> list[str]:
    """What must be installed for all of them."""
    return sorted({program for client in (Dhclient, Udhcpc, Dhcpcd) for program in client.programs})
