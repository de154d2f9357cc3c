"""`txkea.hosts.chain`: several host sources that are asked as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from tests.configuring import configured
from txkea.errors import Unavailable
from txkea.hosts.chain import HostChain, hosts_of
from txkea.hosts.configured import ConfiguredHosts
from txkea.interfaces import IHostSource
from txkea.model.configuration import Host
from txkea.model.identifier import Identifier, IdentifierKind
from txkea.testing.contracts.hosts import HostSourceContract6
from txkea.testing.contracts.samples_hosts import HOSTS4

ONE, TWO, THREE = (Identifier(IdentifierKind.HW_ADDRESS, bytes((last,))) for last in (1, 2, 3))


def host(identifier: Identifier, name: str = "") -> Host:
    return Host(identifier=identifier, subnet_id=1, hostname=name)


@implementer(IHostSource)
class Asked:
    """Keeps what it is asked, and waits or fails when the test says so."""

    def __init__(self, *hosts: Host) -> None:
        self._inner = ConfiguredHosts(hosts)
        self.asked: list[Sequence[Identifier]] = []
        self.error: Exception | None = None
        self.gate: Deferred[None] | None = None

    async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
        self.asked.append(tuple(identifiers))
        if self.gate is not None:
            await self.gate
        if self.error is not None:
            raise self.error
        return await self._inner.find(identifiers, subnet_id)

    async def at(self, address: bytes, subnet_id: int) -> Sequence[Host]:
        return await self._inner.at(address, subnet_id)


class HostChainTests(HostSourceContract6, SynchronousTestCase):
    """A chain of sources is a source."""

    def make_source(self, hosts: Sequence[Host]) -> HostChain:
        return HostChain([ConfiguredHosts(hosts[at::3]) for at in range(3)])

    @given(HOSTS4.hosts, HOSTS4.hosts, st.lists(HOSTS4.identifiers, max_size=4))
    def test_order(self, first: list[Host], second: list[Host], wanted: list[Identifier]) -> None:
        """F025: the order of identifiers comes first, then that of the sources."""
        here: dict[Identifier, Host] = {}
        for each in (*first, *second):
            if each.subnet_id == 1:
                here.setdefault(each.identifier, each)
        chain = HostChain([ConfiguredHosts(first), ConfiguredHosts(second)])
        expected = next((here[one] for one in wanted if one in here), None)
        self.assertIs(self.find(chain, wanted, 1), expected)

    def test_asks_no_more_than_it_must(self) -> None:
        """Who stands behind is asked only by what would win, and not at all where nothing would."""
        first, second = Asked(host(ONE), host(TWO)), Asked(host(THREE))
        chain = HostChain([first, second])
        for wanted, asked in (([ONE, THREE], []), ([THREE, TWO, ONE], [(THREE,)]), ([THREE], [(THREE,)])):
            second.asked.clear()
            self.find(chain, wanted, 1)
            self.assertEqual(second.asked, asked, wanted)

    def test_rule(self) -> None:
        """A host under an identifier that nobody asked for, as a rule makes it, ends the search."""

        @implementer(IHostSource)
        class Rule(Asked):
            async def find(self, identifiers: Sequence[Identifier], subnet_id: int, query: Any = None) -> Host | None:
                return host(THREE, "rule")

        second = Asked(host(ONE))
        found: Any = self.find(HostChain([Rule(), second]), [ONE], 1)
        self.assertEqual((found.hostname, second.asked), ("rule", []))

    def test_waits(self) -> None:
        """A slow source is waited for, and one that fails is heard."""
        slow, last = Asked(), Asked(host(TWO, "last"))
        slow.gate = Deferred()
        waiting = Deferred.fromCoroutine(HostChain([slow, last]).find([TWO], 1))
        self.assertNoResult(waiting)
        slow.gate.callback(None)
        self.assertEqual(self.successResultOf(waiting), host(TWO, "last"))
        slow.error = Unavailable("away")
        self.failureResultOf(Deferred.fromCoroutine(HostChain([slow, last]).find([TWO], 1)), Unavailable)

    def test_of_a_configuration(self) -> None:
        """The configuration's own reservations come before those of other sources; alone, nothing is around them."""
        reservation = {"hw-address": "01", "hostname": "configured"}
        configuration = configured(subnet4=[{"id": 1, "subnet": "192.0.2.0/24", "reservations": [reservation]}])
        self.assertIsInstance(hosts_of(configuration), ConfiguredHosts)
        chain: Any = hosts_of(configuration, [Asked(host(ONE, "other"), host(TWO, "other"))])
        names = [found.hostname for one in (ONE, TWO) if (found := self.find(chain, [one], 1))]
        self.assertEqual(names, ["configured", "other"])
