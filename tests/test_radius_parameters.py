"""The parameters of Kea's library radius (Kea I004-I008)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.authorising import mistakes
from tests.configuring import configured, configured6
from tests.test_config_kea_doc import examples
from txkea.config.load import configuration as load_configuration
from txkea.config.text import load
from txkea.interfaces import IKnowsClients, ILeaseObserver, IProviderFactory, IRadiusClient, IRunning, IStatus
from txkea.model.identifier import IdentifierKind
from txkea.radius.factory import RADIUS
from txkea.radius.parameters import Radius, radius
from txkea.testing.radius import SERVERS, MemoryRadius, radius_provider
from txkea.testing.serving import ON_LINK4, ON_LINK6, hooks
from txkea.testing.sites import MemoryLogger

ACCESS = {"servers": SERVERS}
TWO = [ON_LINK4, {"id": 7, "subnet": "198.51.100.0/24"}]


def read(*, family: int = 4, **parameters: Any) -> Radius:
    """What parameters say, ``_`` for ``-``."""
    words = {name.replace("_", "-"): value for name, value in parameters.items()}
    network = {"name": "net", "subnet4": [{"id": 8, "subnet": "203.0.113.0/24"}, {"id": 9, "subnet": "10.0.0.0/8"}]}
    if family == 4:
        return radius(words, configured(subnet4=TWO, shared_networks=[network]))
    return radius(words, configured6(subnet6=[ON_LINK6]))


class RightTests(SynchronousTestCase):
    """What is understood."""

    def test_defaults(self) -> None:
        """Without a word, all is as in Kea's library, but that a time-out drops."""
        found = read(access=ACCESS)
        assert found.access is not None
        policy, server = found.access.policy, found.access.servers[0]
        self.assertEqual((policy.timeout, policy.retries, policy.sign, policy.require), (10, 3, True, True))
        self.assertEqual((server.host, server.port, server.deadtime), ("127.0.0.1", 1812, 0))
        self.assertEqual((found.naming.kind, found.naming.extract_duid), (IdentifierKind.CLIENT_ID, True))
        self.assertEqual((found.on_timeout, found.accounting, found.bind), ("drop", None, "*"))
        self.assertEqual(read(family=6, access=ACCESS).naming.kind, IdentifierKind.DUID)

    def test_services(self) -> None:
        """Each service has servers of its own, and is as good as absent without any, or if it is not enabled."""
        found = read(accounting={**ACCESS, "peer-updates": False}, access={"servers": []})
        assert found.accounting is not None
        self.assertEqual(found.accounting.servers[0].port, 1813)
        self.assertIsNone(found.access)
        self.assertFalse(found.accounting.own["peer-updates"])
        self.assertFalse(found.accounting.policy.require)
        self.assertIsNone(read(access={**ACCESS, "enabled": False}).access)

    def test_servers(self) -> None:
        """A server has a port and a dead time of its own, where they are given."""
        servers = [{"name": "2001:db8::1", "port": 1645, "secret": "x", "deadtime": 7}, *SERVERS]
        found = read(access={"servers": servers}, deadtime=60)
        assert found.access is not None
        self.assertEqual([(each.port, each.deadtime) for each in found.access.servers], [(1645, 7), (1812, 60)])
        named = read(access={"servers": [{"name": "radius.example.org", "secret": "x"}]}).access
        self.assertEqual([each.host for each in named.servers] if named else [], ["radius.example.org"])
        self.assertNotIn("'x'", repr(found))

    def test_tls(self) -> None:
        """RADIUS over TLS has another port, and needs neither an address nor a secret."""
        found = read(protocol="TLS", access={"servers": [{"name": "radius.example.org"}]})
        assert found.access is not None
        (server,) = found.access.servers
        self.assertEqual((server.host, server.port, server.secret), ("radius.example.org", 2083, b"radsec"))
        self.assertIsNotNone(server.tls)

    def test_ports(self) -> None:
        """NAS-Port by subnet, prefix, shared network, or for all others; else the subnet's number."""
        self.assertEqual(read().ports.of(7), 7)
        ports = read(
            nas_ports=[
                {"port": 100},
                {"port": 1, "subnet-id": 1},
                {"port": 2, "subnet-prefix": "198.51.100.0/24"},
                {"port": 3, "shared-network-name": "net"},
            ]
        ).ports
        self.assertEqual([ports.of(number) for number in (1, 7, 8, 9, 1000)], [1, 2, 3, 3, 100])

    def test_attributes(self) -> None:
        """Attributes by name or type, a vendor's too; as text, as bytes, or as an expression."""
        attributes = [
            {"name": "NAS-Port-Type", "data": "Virtual"},
            {"type": 77, "raw": "65666"},
            {"vendor": "9", "type": 1, "data": "a=b"},
            {"name": "Configuration-Token", "expr": "pkt.iface"},
        ]
        found = read(access={**ACCESS, "attributes": attributes})
        assert found.access is not None
        self.assertEqual(
            [(each.key, each.value) for each in found.access.attributes],
            [
                ("NAS-Port-Type", b"\0\0\0\5"),
                (77, b"\6\x56\x66"),
                ((9, 1), b"a=b"),
                ("Configuration-Token", b""),
            ],
        )
        self.assertIsNotNone(found.access.attributes[3].expression)

    def test_realm(self) -> None:
        """A realm, which Kea never used, is accepted with a warning in the log."""
        log = MemoryLogger()
        radius_provider(MemoryRadius(), configured(subnet4=[ON_LINK4]), log=log, realm="example.org")
        ((severity, message, text),) = log.lines
        self.assertEqual((severity, message), ("WARN", "RADIUS_CONFIGURATION"))
        self.assertIn("realm: this has no effect", text)

    def test_not_asked(self) -> None:
        """The log warns of subnets about whose clients RADIUS is not asked, for they have no reservations at all."""
        log = MemoryLogger()
        subnets = [ON_LINK4, {"id": 7, "subnet": "198.51.100.0/24", "reservations-in-subnet": False}]
        radius_provider(MemoryRadius(), configured(subnet4=subnets), log=log)
        self.assertEqual([text.rpartition(": ")[2] for _, _, text in log.lines], ["198.51.100.0/24"])

    def test_example(self) -> None:
        """Kea's own example of the library makes a provider, without a warning."""
        found = load_configuration(load(str(examples() / "kea4" / "hooks-radius.json")), 4)
        made = hooks(found, log := MemoryLogger())
        self.assertEqual(len([*filter(IKnowsClients.providedBy, made["host_sources"])]), 1)
        self.assertEqual(log.lines, [])

    def test_classes(self) -> None:
        """The names of pools need no definition where RADIUS gives them."""
        subnet = {**ON_LINK4, "pools": [{"pool": "192.0.2.10 - 192.0.2.19", "client-class": "gold"}]}
        self.assertEqual(len(configured(subnet4=[subnet]).warnings), 1)
        self.assertEqual(configured(subnet4=[subnet], hooks_libraries=[{"library": "libdhcp_radius.so"}]).warnings, ())

    def test_provider(self) -> None:
        """The factory makes one provider of what is configured."""
        verifyObject(IProviderFactory, RADIUS)
        verifyObject(IRadiusClient, MemoryRadius())
        configuration = configured(subnet4=[ON_LINK4])
        both = radius_provider(MemoryRadius(), configuration, accounting=ACCESS)
        for facet in (IKnowsClients, ILeaseObserver, IRunning, IStatus):
            verifyObject(facet, both)
        only = radius_provider(MemoryRadius(), configuration, access={}, accounting=ACCESS)
        self.assertFalse(IKnowsClients.providedBy(only))
        self.assertFalse(ILeaseObserver.providedBy(radius_provider(MemoryRadius(), configuration)))


class WrongTests(SynchronousTestCase):
    """What is refused, with its place and the mend."""

    def check(self, place: str, text: str, **parameters: Any) -> None:
        found = mistakes(**parameters)
        self.assertEqual([*found], [place])
        self.assertIn(text, found[place])

    def attribute(self, place: str, text: str, service: str = "access", **attribute: Any) -> None:
        wrong = {service: {**ACCESS, "attributes": [attribute]}}
        self.check(f"{service}.attributes[0]{'.' + place if place else ''}", text, **wrong)

    def test_unknown(self) -> None:
        """A word that there is not, with the one that is meant."""
        self.check("time-out", "did you mean timeout?", time_out=3)
        self.check("identifier-type4", "not one of hw-address", identifier_type4="mac")
        self.check("identifier-type6", "not one of hw-address, duid, flex-id", identifier_type6="client-id")
        self.check("peer-updates", "belongs in accounting", peer_updates=True)
        self.check("on-timeout", "not one of drop, continue", on_timeout="ask")

    def test_servers(self) -> None:
        """A server without name or secret, with a name that is none, or with certificates that nobody uses."""
        self.check("access.servers[0]", '"secret" is missing', access={"servers": [{"name": "192.0.2.1"}]})
        self.check("access.servers[0]", '"name" is missing', access={"servers": [{"secret": "x"}]})
        for name in ("192.0.2.300", "2001:db8::x"):
            wrong = {"name": name, "secret": "x"}
            self.check("access.servers[0].name", "not an IP address", access={"servers": [wrong]})
        self.check("access.servers[0].cert-file", "TLS", access={"servers": [{**SERVERS[0], "cert-file": "/x"}]})
        pair = {"name": "192.0.2.1", "cert-file": "/nowhere"}
        self.check("access.servers[0]", "belong together", protocol="TLS", access={"servers": [pair]})
        self.check("bindaddr", "not an IP address", bindaddr="eth0")

    def test_attributes(self) -> None:
        """An attribute that nobody knows, or that has no value, two values, or one that is none."""
        self.attribute("name", "did you mean User-Name?", name="Username", data="x")
        self.attribute("", "named by its name or its type", data="x")
        self.attribute("", "exactly one of data, raw, expr; none", name="Filter-Id")
        self.attribute("", "data and raw are given", name="Filter-Id", data="x", raw="00")
        self.attribute("raw", "not hexadecimal", name="Filter-Id", raw="xyz")
        self.attribute("raw", "4 to 4 octets", name="NAS-Port", raw="00")
        self.attribute("data", "is no value of NAS-Port", name="NAS-Port", data="seven")
        self.attribute("type", "has the type 77, not 78", name="Connect-Info", type=78, data="x")
        self.attribute("expr", "", name="Filter-Id", expr="substring(")
        self.attribute("expr", "move it to access", "accounting", name="Filter-Id", expr="pkt.iface")

    def test_ports(self) -> None:
        """A subnet or network that there is not, and two ways to tell at once."""
        self.check("nas-ports[0].subnet-prefix", "no subnet", nas_ports=[{"port": 1, "subnet-prefix": "10.0.0.0/8"}])
        self.check("nas-ports[0].shared-network-name", "no", nas_ports=[{"port": 1, "shared-network-name": "x"}])
        both = [{"port": 1, "subnet-id": 1, "subnet-prefix": "192.0.2.0/24"}]
        self.check("nas-ports[0]", "are given", nas_ports=both)
        self.check("nas-ports[0]", '"port" is missing', nas_ports=[{"subnet-id": 1}])

    def test_dictionary(self) -> None:
        """A dictionary that cannot be read."""
        self.check("dictionary", "cannot be read", dictionary="/nowhere/dictionary")
