"""What perfdhcp asks for, and of which servers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

from bench.backends import BACKENDS, MEMFILE
from tests.real.servers import KEA4, KEA6, TXKEA4, TXKEA6, Product

__all__ = ["CLIENT4", "INTERFACE", "MODES", "SCENARIOS", "SERVER4", "Contestant", "Scenario", "chosen"]

SERVER4: Final = "10.0.0.1"
CLIENT4: Final = "10.0.0.2"
INTERFACE: Final = "eth0"


MODES: Final = {"kea": ("kea", False), "kea-mt": ("kea", True), "txkea": ("txkea", False)}
"""Product, and whether it is multi-threaded, of each contestant."""


class Scenario(NamedTuple):
    """One kind of clients."""

    name: str
    words: str
    family: int
    switches: tuple[str, ...]
    """Of perfdhcp."""
    server: tuple[str, ...]
    """What perfdhcp's command line ends with."""
    reflector: tuple[str, ...]
    """The arguments of ``reflector.py``."""
    products: tuple[Product, ...]
    sockets: str
    """The ``dhcp-socket-type`` as installed."""

    @property
    def template(self) -> Path:
        """The configuration of all servers."""
        return Path(__file__).with_name(f"server{self.family}.conf")

    def contestant(self, name: str, backend: str = MEMFILE, label: str = "") -> Contestant:
        """The server of a name in `MODES`; the table calls it ``label``, or the same."""
        program, threads = MODES[name]
        (product,) = (each for each in self.products if each.name == program)
        return Contestant(self, label or name, product, threads, backend)

    def contestants(self, names: Iterable[str], backend: str) -> list[Contestant]:
        """The servers of these names for leases in ``backend``; Kea's for all that it is measured beside."""
        beside = {"kea": BACKENDS[backend].beside, "txkea": (backend,)}
        return [
            self.contestant(name, kept, name if kept == backend else f"{name}-{kept}")
            for name in names
            for kept in beside[MODES[name][0]]
        ]


class Contestant(NamedTuple):
    """A server in one of its modes, for one kind of clients."""

    scenario: Scenario
    name: str
    product: Product
    threads: bool
    backend: str
    """Where it keeps its leases."""

    def sockets(self, wanted: str | None) -> str:
        """What the configuration says of them: ``wanted``, or what is installed; Kea has no word for it in DHCPv6."""
        kind = wanted or self.scenario.sockets
        return "" if self.product is KEA6 else f', "dhcp-socket-type": "{kind}"'


PRODUCTS4: Final = (KEA4, TXKEA4)
PRODUCTS6: Final = (KEA6, TXKEA6)
SWITCHES6: Final = ("-6", "-l", INTERFACE)

SCENARIOS: Final = {
    each.name: each
    for each in (
        Scenario(
            "v4",
            "DHCPv4, an address",
            4,
            ("-4", "-l", CLIENT4),
            (SERVER4,),
            ("4", SERVER4),
            PRODUCTS4,
            "raw",
        ),
        Scenario(
            "v6",
            "DHCPv6, an address",
            6,
            SWITCHES6,
            (),
            ("6", INTERFACE),
            PRODUCTS6,
            "udp",
        ),
        Scenario(
            "v6-prefix",
            "DHCPv6, an address and a prefix",
            6,
            (*SWITCHES6, "-e", "address-and-prefix"),
            (),
            ("6", INTERFACE, "prefix"),
            PRODUCTS6,
            "udp",
        ),
    )
}


def chosen(names: tuple[str, ...], family: int | None) -> list[Scenario]:
    """The scenarios of these names, or of a family, or all."""
    return [each for name, each in SCENARIOS.items() if (name in names or not names) and family in (None, each.family)]
