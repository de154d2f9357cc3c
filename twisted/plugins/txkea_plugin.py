"""Tells twistd of its subcommand ``kea``."""

from twisted.application.service import ServiceMaker

kea = ServiceMaker(
    "txkea",
    "txkea.tap",
    "A DHCP server that reads Kea's configuration, leases and commands.",
    "kea",
)
