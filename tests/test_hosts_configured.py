"""`txkea.hosts.configured`: the reservations of the configuration file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.configuring import configured
from txkea.hosts.configured import ConfiguredHosts, configured_hosts
from txkea.interfaces import IHostSource
from txkea.launch import launch
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.clients4 import packed

kinds = st.sampled_from(IdentifierKind)
identifiers = st.builds(Identifier, kinds, st.binary(min_size=1, max_size=2))
addresses = st.integers(1, 5).map(lambda last: bytes((192, 0, 2, last)))
hosts = st.builds(
    lambda identifier, subnet, address: Host(identifier=identifier, subnet_id=subnet, addresses=address),
    identifiers,
    st.integers(0, 2),
    st.one_of(st.just(()), addresses.map(lambda address: (address,))),
)


def found(source: ConfiguredHosts, wanted: list[Identifier], subnet_id: int) -> Host | None:
    result = launch(source.find(wanted, subnet_id))
    assert not isinstance(result, Deferred), "nothing in memory waits"
    return result


def reserved(source: ConfiguredHosts, address: bytes, subnet_id: int) -> list[Host]:
    result = launch(source.at(address, subnet_id))
    assert not isinstance(result, Deferred), "nothing in memory waits"
    return list(result)


class ConfiguredHostsTests(SynchronousTestCase):
    """Looking up."""

    def test_interface(self) -> None:
        """It provides IHostSource."""
        self.assertTrue(verifyObject(IHostSource, ConfiguredHosts([])))

    @given(st.lists(hosts, max_size=12), st.lists(identifiers, max_size=4), st.integers(0, 2))
    def test_find(self, every: list[Host], wanted: list[Identifier], subnet_id: int) -> None:
        """F025: the host of the first identifier, in the order given, that has one in this very subnet."""
        expected = next(
            (host for one in wanted for host in every if host.subnet_id == subnet_id and host.identifier == one), None
        )
        self.assertEqual(found(ConfiguredHosts(every), wanted, subnet_id), expected)

    @given(st.lists(hosts, max_size=12), addresses, st.integers(0, 2))
    def test_at(self, every: list[Host], address: bytes, subnet_id: int) -> None:
        """F003: all the hosts for which an address is reserved in this very subnet."""
        expected = [host for host in every if host.subnet_id == subnet_id and address in host.addresses]
        self.assertEqual(reserved(ConfiguredHosts(every), address, subnet_id), expected)

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
        everywhere, inner = found(source, [hwaddr], 0), found(source, [hwaddr, client_id], 7)
        assert everywhere is not None and inner is not None
        self.assertEqual((everywhere.hostname, inner.address, len(source)), ("everywhere", packed("192.0.2.9"), 2))
        self.assertIsNone(found(source, [client_id], 0))
        self.assertEqual(reserved(source, packed("192.0.2.9"), 7), [inner])
