"""The ``lease-database`` of type ``redis``, read."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.configuring import configured
from txkea.errors import ConfigError
from txkea.interfaces import ICommands, IDatabaseAdmin, ILeaseStore, IProviderFactory
from txkea.paths import Paths
from txkea.providers import Surroundings
from txkea.redis.codec import CODECS
from txkea.redis.factory import REDIS_ADMIN, REDIS_LEASES
from txkea.redis.script import keys
from txkea.testing.contracts.samples import SAMPLES4, SAMPLES6
from txkea.testing.disks import RecordingLog

WRONG: tuple[tuple[str, Any], ...] = (
    ("host", 5),
    ("port", 70000),
    ("port", "6379"),
    ("name", "leases"),
    ("name", "-1"),
    ("name", "\uff11"),
    ("name", 1 << 20),
    ("prefix", ""),
    ("prefix", "a{b"),
    ("prefix", "a\r\n"),
    ("wait-replicas", -1),
    ("wait-replicas-timeout", 0),
    ("accept-loss", "yes"),
    ("tls", 1),
    ("trust-anchor", "/nonexistent/ca.pem"),
    ("cert-file", "/nonexistent/cert.pem"),
    ("password-file", "/nonexistent/password"),
    ("on-fail", "never"),
)


class FactoryTests(SynchronousTestCase):
    """`REDIS_LEASES` and `REDIS_ADMIN`."""

    def surroundings(self) -> Surroundings:
        return Surroundings(configuration=configured(), reactor=Clock(), log=RecordingLog(), paths=Paths())

    def test_made(self) -> None:
        """A store and an admin are made of no parameters at all, and nothing is connected."""
        for factory in (REDIS_LEASES, REDIS_ADMIN):
            self.assertTrue(verifyObject(IProviderFactory, factory))
        site = self.surroundings()
        store = REDIS_LEASES.make({}, site)
        self.assertTrue(verifyObject(ILeaseStore, store))
        self.assertTrue(verifyObject(ICommands, store))
        self.assertTrue(verifyObject(IDatabaseAdmin, REDIS_ADMIN.make({"name": "3", "port": 0}, site)))
        self.assertEqual([], site.reactor.getDelayedCalls())

    def test_wrong(self) -> None:
        """A parameter that cannot be used is named."""
        for name, value in WRONG:
            for factory in (REDIS_LEASES, REDIS_ADMIN):
                if name in ("wait-replicas", "wait-replicas-timeout", "accept-loss") and factory is REDIS_ADMIN:
                    continue  # it has no use for them
                error = self.assertRaises(ConfigError, factory.make, {name: value}, self.surroundings())
                expected = "key-file" if name == "cert-file" else name
                self.assertEqual(expected, error.path, f"{name} {value!r}")

    def test_keys(self) -> None:
        """All keys of a family have one hash tag, so that a cluster keeps them on one node, and no other family's."""
        found = [keys("a:b", family) for family in (4, 6)]
        for family, names in zip((4, 6), found, strict=True):
            self.assertEqual({b"{a:b%d}" % family}, {name.partition(b"}")[0] + b"}" for name in names})
        self.assertEqual(18, len({*found[0], *found[1]}))


class CodecTests(SynchronousTestCase):
    """Leases as bytes."""

    @given(st.data())
    def test_round_trip(self, data: st.DataObject) -> None:
        """Every lease comes back as it went in; two are the same bytes only if they are equal, but for the address."""
        for samples in (SAMPLES4, SAMPLES6):
            codec = CODECS[samples.family]
            one, other = data.draw(samples.every), data.draw(samples.few)
            one = one._replace(pool_id=data.draw(st.integers(0, 0xFFFFFFFF)))
            self.assertEqual(one, codec.decode(one.address, codec.encode(one)))
            other = other._replace(address=one.address)
            self.assertEqual(one == other, codec.encode(one) == codec.encode(other))
