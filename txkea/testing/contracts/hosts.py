"""What every `IHostSource` promises."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from txkea.interfaces import IHostSource
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind

if TYPE_CHECKING:
    from twisted.trial.unittest import SynchronousTestCase
else:
    SynchronousTestCase = object

__all__ = ["HostSourceContract", "HostSourceContract6", "addresses", "host_lists", "identifiers"]

T = TypeVar("T")

ANYWHERE: Final = settings(deadline=None, suppress_health_check=[HealthCheck.differing_executors])
"""Several test cases run the same promise."""

subnet_ids = st.integers(0, 2)
identifiers = st.builds(Identifier, st.sampled_from(IdentifierKind), st.binary(min_size=1, max_size=2))
addresses = st.integers(1, 5).map(lambda last: bytes((192, 0, 2, last)))
host_lists = st.lists(
    st.builds(
        lambda identifier, subnet_id, address: Host(identifier=identifier, subnet_id=subnet_id, addresses=address),
        identifiers,
        subnet_ids,
        st.one_of(st.just(()), addresses.map(lambda address: (address,))),
    ),
    max_size=12,
    unique_by=lambda host: (host.identifier, host.subnet_id),
)


class HostSourceContract(SynchronousTestCase):
    """Mix into a test case whose `make_source` makes what is tested; a source of prefixes: `HostSourceContract6`.

    One whose calls need somebody's help to end overrides `wait`.
    """

    def make_source(self, hosts: Sequence[Host]) -> Any:
        """A source with these reservations: at most one for an identifier in a subnet."""
        raise NotImplementedError

    def wait(self, awaitable: Awaitable[T]) -> T:
        """What a call gives."""

        async def run() -> T:
            return await awaitable

        result: T = self.successResultOf(Deferred.fromCoroutine(run()))
        return result

    def find(self, source: Any, wanted: Sequence[Identifier], subnet_id: int) -> Host | None:
        """The host that a source finds."""
        host: Host | None = self.wait(source.find(wanted, subnet_id))
        return host

    def test_interface(self) -> None:
        """It provides IHostSource."""
        self.assertTrue(verifyObject(IHostSource, self.make_source([])))

    @ANYWHERE
    @given(host_lists, st.lists(identifiers, max_size=4), subnet_ids)
    def test_find(self, every: list[Host], wanted: list[Identifier], subnet_id: int) -> None:
        """F025: the host of the first identifier, in the order given, that has one in this very subnet."""
        here = {host.identifier: host for host in every if host.subnet_id == subnet_id}
        expected = next((here[one] for one in wanted if one in here), None)
        self.assertEqual(self.find(self.make_source(every), wanted, subnet_id), expected)

    @ANYWHERE
    @given(host_lists)
    def test_every_host(self, every: list[Host]) -> None:
        """Each host is found by its own identifier, and by nobody else's or none."""
        source = self.make_source(every)
        stranger = Identifier(IdentifierKind.HW_ADDRESS, b"stranger")
        for host in every:
            self.assertEqual(self.find(source, [stranger, host.identifier], host.subnet_id), host)
        for wanted in ([stranger], []):
            self.assertIsNone(self.find(source, wanted, 1))

    @ANYWHERE
    @given(host_lists, addresses, subnet_ids)
    def test_at(self, every: list[Host], address: bytes, subnet_id: int) -> None:
        """F003: all the hosts for which an address is reserved in this very subnet."""
        expected = [host for host in every if host.subnet_id == subnet_id and address in host.addresses]
        self.assertCountEqual(self.wait(self.make_source(every).at(address, subnet_id)), expected)


class HostSourceContract6(HostSourceContract):
    """The same for a source that also knows of delegated prefixes."""

    @ANYWHERE
    @given(st.lists(st.tuples(identifiers, subnet_ids), max_size=6, unique=True), st.integers(1, 255))
    def test_prefixes(self, every: list[tuple[Identifier, int]], last: int) -> None:
        """A reserved prefix is found by its first address, as an address is."""
        first = b"\x20\x01\x0d\xb8\0\0" + bytes((last,)) + bytes(9)
        reserved = [
            Host(identifier=identifier, subnet_id=subnet_id, prefixes=((first, 56),)) for identifier, subnet_id in every
        ]
        for wanted in range(3):
            expected = [host for host in reserved if host.subnet_id == wanted]
            self.assertCountEqual(self.wait(self.make_source(reserved).at(first, wanted)), expected)
