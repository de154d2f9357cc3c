"""`txkea.testing.hosts`: the double of a host store keeps the contract."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from txkea.testing.contracts.hosts import HostStoreContract, HostStoreContract6
from txkea.testing.hosts import MemoryHosts


class MemoryHostsTests(HostStoreContract, SynchronousTestCase):
    """Reservations in a dictionary."""

    def make_store(self, *, unique: bool = True, readonly: bool = False) -> MemoryHosts:
        return MemoryHosts(unique=unique, readonly=readonly)


class MemoryHosts6Tests(HostStoreContract6, MemoryHostsTests):
    """The same of DHCPv6."""
