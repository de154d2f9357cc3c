"""What the shell knows of commands: a few words, and the names of their arguments.

The manual and the server know more; a command that is not here can be given all the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

__all__ = ["TEXTS", "WORDS", "Words"]


class Words(NamedTuple):
    """A command: what it does, and its arguments in the shell's notation: ``a|b`` for either, ``c?`` for a choice."""

    text: str
    notation: str = ""

    @property
    def arguments(self) -> Sequence[str]:
        """The names of the arguments."""
        return tuple(dict.fromkeys(re.findall(r"[a-z0-9][a-z0-9-]*", self.notation)))


LEASE4: Final = "hw-address client-id? "
LEASE6: Final = "duid iaid type? prefix-len? preferred-lft? hw-address? "
LEASE: Final = "ip-address {} subnet-id? valid-lft? expire? fqdn-fwd? fqdn-rev? hostname? state? user-context? pool-id?"
ONE: Final = "ip-address | subnet-id identifier-type identifier"
HOST: Final = "subnet-id, ip-address | identifier-type identifier; operation-target?"
SELECT: Final = "interface? address? relay? local? remote? link? subnet? classes?"
SAMPLED: Final = "name max-samples"
AGED: Final = "name duration"

GENERAL: Final = {
    "build-report": ("what the server was built from",),
    "config-backend-pull": ("fetch the configuration from its database",),
    "config-get": ("the configuration in force",),
    "config-hash-get": ("a hash of the configuration in force",),
    "config-reload": ("read the configuration file again",),
    "config-set": ("put another configuration into force, whole or not at all", "Dhcp4 | Dhcp6 | Control-agent"),
    "config-test": ("say whether a configuration could come into force", "Dhcp4 | Dhcp6 | Control-agent"),
    "config-write": ("write the configuration in force into a file", "filename?"),
    "dhcp-disable": ("stop answering clients", "max-period? origin?"),
    "dhcp-enable": ("answer clients again", "origin?"),
    "interface-add": ("listen on more interfaces", "interfaces"),
    "interface-list": ("the machine's interfaces",),
    "interface-redetect": ("look at the machine's interfaces anew",),
    "kea-lfc-start": ("rid the lease file of superseded rows",),
    "leases-reclaim": ("reclaim all leases whose time is over", "remove"),
    "libreload": ("load the hook libraries anew",),
    "list-commands": ("the names of all commands",),
    "server-tag-get": ("the server's tag",),
    "shutdown": ("end the server in order", "exit-value?"),
    "status-get": ("how long the server runs, and how it is",),
    "version-get": ("the server's version",),
}
CLASSES: Final = {
    "class-add": ("add a client class", "client-classes"),
    "class-del": ("remove a client class", "name"),
    "class-get": ("one client class", "name"),
    "class-list": ("the names of all client classes",),
    "class-update": ("replace a client class", "client-classes"),
}
HOSTS: Final = {
    "reservation-add": ("add a reservation", "reservation operation-target?"),
    "reservation-del": ("remove a reservation", HOST),
    "reservation-get": ("one reservation", HOST),
    "reservation-get-all": ("all reservations of a subnet", "subnet-id operation-target?"),
    "reservation-get-by-address": ("reservations of an address", "ip-address subnet-id? operation-target?"),
    "reservation-get-by-hostname": ("reservations of a name", "hostname subnet-id? operation-target?"),
    "reservation-get-by-id": ("reservations of a client", "identifier-type identifier operation-target?"),
    "reservation-get-page": ("so many reservations", "limit subnet-id? from? source-index?"),
    "reservation-update": ("replace a reservation", "reservation operation-target?"),
}
STATISTICS: Final = {
    "statistic-get": ("one statistic with its samples", "name"),
    "statistic-get-all": ("all statistics",),
    "statistic-global-get-all": ("the statistics of no subnet",),
    "statistic-remove": ("forget a statistic", "name"),
    "statistic-remove-all": ("forget all statistics",),
    "statistic-reset": ("set a statistic to 0", "name"),
    "statistic-reset-all": ("set all statistics to 0",),
    "statistic-sample-age-set": ("how long samples of a statistic are kept", AGED),
    "statistic-sample-age-set-all": ("how long all samples are kept", "duration"),
    "statistic-sample-count-set": ("how many samples of a statistic are kept", SAMPLED),
    "statistic-sample-count-set-all": ("how many samples of each statistic are kept", "max-samples"),
}
OF_FAMILY: Final = {
    "explain#": ("what would be done with a query, and why", "client | packet interface? source?"),
    "lease#-del": ("delete a lease", ONE),
    "lease#-get": ("one lease", ONE),
    "lease#-get-all": ("all leases, or those of some subnets", "subnets?"),
    "lease#-get-by-hostname": ("all leases of a name", "hostname"),
    "lease#-get-by-hw-address": ("all leases of a hardware address", "hw-address"),
    "lease#-get-by-state": ("all leases in a state", "state subnet-id?"),
    "lease#-get-page": ("so many leases of the addresses after one, or after start", "from limit"),
    "lease#-resend-ddns": ("send the DNS updates of a lease again", "ip-address"),
    "lease#-wipe": ("delete all leases of a subnet, or of all", "subnet-id?"),
    "lease#-write": ("write all leases into a lease file", "filename"),
    "network#-add": ("add a shared network", "shared-networks"),
    "network#-del": ("remove a shared network", "name subnets-action?"),
    "network#-get": ("one shared network", "name"),
    "network#-list": ("the names of all shared networks",),
    "network#-subnet-add": ("move a subnet into a shared network", "name id"),
    "network#-subnet-del": ("take a subnet out of a shared network", "name id"),
    "stat-lease#-get": ("how many leases each subnet has", "subnet-id? | subnet-range?"),
    "subnet#-add": ("add a subnet", "subnet#"),
    "subnet#-del": ("remove a subnet", "id"),
    "subnet#-delta-add": ("add to a subnet, or change what it says", "subnet#"),
    "subnet#-delta-del": ("take away from a subnet", "subnet#"),
    "subnet#-get": ("one subnet", "id | subnet"),
    "subnet#-list": ("all subnets",),
    "subnet#-select-test": ("the subnet that a client would be in", SELECT),
    "subnet#-update": ("replace a subnet", "subnet#"),
}
OF_ONE: Final = {
    "lease4-add": ("add a lease", LEASE.format(LEASE4)),
    "lease4-get-by-client-id": ("all leases of a client identifier", "client-id"),
    "lease4-update": ("replace a lease", LEASE.format(LEASE4) + " force-create?"),
    "lease6-add": ("add a lease", LEASE.format(LEASE6)),
    "lease6-bulk-apply": ("delete some leases, then add or update others", "deleted-leases? leases?"),
    "lease6-get-by-duid": ("all leases of a DUID", "duid"),
    "lease6-update": ("replace a lease", LEASE.format(LEASE6) + " force-create?"),
    "subnet4o6-select-test": ("the subnet that a client of DHCPv4 over DHCPv6 would be in", f"{SELECT} interface-id?"),
}

TEXTS: Final = frozenset((
    "client-id", "duid", "filename", "from", "hostname", "hw-address", "identifier", "identifier-type", "interface-id",
    "ip-address", "name", "origin", "packet", "subnet", "type",
))  # fmt: skip
"""Arguments that are texts, even where they look like numbers."""


def known() -> Iterator[tuple[str, Words]]:
    for table in (GENERAL, CLASSES, HOSTS, STATISTICS, OF_ONE):
        for name, row in table.items():
            yield name, Words(*row)
    for name, row in OF_FAMILY.items():
        for family in "46":
            yield name.replace("#", family), Words(*(text.replace("#", family) for text in row))


WORDS: Final[Mapping[str, Words]] = dict(sorted(known()))
"""By the names of the commands."""
