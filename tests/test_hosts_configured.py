"""`txkea.hosts.configured`: the reservations of the configuration file."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.configuring import configured
from txkea.hosts.configured import ConfiguredHosts, configured_hosts
from txkea.launch import launch
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.clients4 import packed
from txkea.testing.contracts.hosts import HostSourceContract6


class ConfiguredHostsTests(HostSourceContract6, SynchronousTestCase):
    """Looking up."""

    def make_source(self, hosts: Sequence[Host]) -> ConfiguredHosts:
        return ConfiguredHosts(hosts)

    def test_nothing_waits(self) -> None:
        """What is in memory is found at once."""
        source = self.make_source([])
        for call in (source.find([Identifier(IdentifierKind.DUID, b"1")], 1), source.at(b"\xc0\0\2\1", 1)):
            self.assertNotIsInstance(launch(call), Deferred)

    def test_configuration(self) -> None:
        """F001: a configuration's hosts are those of its subnets and the global ones, which have subnet 0."""
        configuration = configured(
            reservations=[{"hw-address": "02:00:00:00:00:01", "hostname": "everywhere"}],
            subnet4=[
                {
                    "id": 7,
                    "subnet": "192.0.2.0/24",
                    "reservations": [{"client-id": "01:02", "ip-address": "192.0.2.9"}],
                }
            ],
        )
        source = configured_hosts(configuration)
        hwaddr = Identifier(IdentifierKind.HW_ADDRESS, b"\2\0\0\0\0\1")
        client_id = Identifier(IdentifierKind.CLIENT_ID, b"\1\2")
        everywhere, inner = self.find(source, [hwaddr], 0), self.find(source, [hwaddr, client_id], 7)
        assert everywhere is not None and inner is not None
        self.assertEqual((everywhere.hostname, inner.address, len(source)), ("everywhere", packed("192.0.2.9"), 2))
