"""`txkea_example.ipam`: reservations that come over HTTP, when they come."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any

from twisted.internet import error
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import ConfigErrors
from txkea.model.configuration import Host
from txkea.testing.clients4 import Client, LocalServer
from txkea.testing.clients6 import Client6, LocalServer6
from txkea.testing.contracts.hosts import HostSourceContract
from txkea.testing.serving import serve, serve6
from txkea.testing.sites import MemoryLogger
from txkea_example.ipam import FACTORY, Ipam, Questions, write_identifier
from txkea_example.test.fake import FakeIpam

URL = "http://ipam.example.org/dhcp/"
PRINTER = {"subnet": 1, "identifier": "hw-address:020000010001", "address": "192.0.2.77", "hostname": "printer"}
"""What the IPAM knows of client 1."""


def written(host: Host) -> dict[str, Any]:
    """A host as the IPAM keeps it."""
    address = {"address": str(ip_address(host.addresses[0]))} if host.addresses else {}
    return {"subnet": host.subnet_id, "identifier": write_identifier(host.identifier), **address}


class ContractTests(HostSourceContract, SynchronousTestCase):
    """It keeps what host sources promise."""

    def make_source(self, hosts: Sequence[Host]) -> Ipam:
        """An IPAM with these hosts, in three subnets."""
        questions = Questions(FakeIpam(*map(written, hosts)), URL, 1.0, Clock())
        return Ipam(questions, frozenset(range(3)), goes_on=False, log=MemoryLogger())


class IpamTests(SynchronousTestCase):
    """A server whose reservations come from an IPAM."""

    def setUp(self) -> None:
        """The IPAM knows one client."""
        self.ipam = FakeIpam(PRINTER)
        self.log = MemoryLogger()

    def provider(self, clock: Clock, goes_on: bool = False) -> Ipam:
        """What the factory would make, but for the network."""
        return Ipam(Questions(self.ipam, URL, 1.0, clock), frozenset((1,)), goes_on=goes_on, log=self.log)

    def server(self, goes_on: bool = False, **dhcp4: Any) -> LocalServer:
        """A server of one subnet, which is the IPAM's."""
        clock = Clock()
        return serve(self.provider(clock, goes_on), clock=clock, **dhcp4)

    def texts(self) -> list[str]:
        """What was logged."""
        return [text for _, _, text in self.log.lines]

    def test_reserved(self) -> None:
        """A client that the IPAM knows gets the address and the name that it has for it."""
        server = self.server()
        ack = Client(server, 1).lease()
        self.assertEqual((ack.yiaddr, server.leases["192.0.2.77"].hostname), ("192.0.2.77", "printer"))
        self.assertIn("http://ipam.example.org/dhcp/hosts?subnet=1&identifier=", self.ipam.asked[0])

    def test_unknown(self) -> None:
        """A client that it does not know gets any address, but none that is reserved."""
        server = self.server(
            subnet4=[{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.77-192.0.2.78"}]}]
        )
        self.assertEqual(Client(server, 2).lease().yiaddr, "192.0.2.78")

    def test_six(self) -> None:
        """It serves DHCPv6 too."""
        client = {"subnet": 1, "identifier": "hw-address:020000010001", "address": "2001:db8:1::77"}
        self.ipam.hosts = (client,)
        clock = Clock()
        server: LocalServer6 = serve6(self.provider(clock), clock=clock)
        self.assertEqual(Client6(server, 1).lease().addresses, ["2001:db8:1::77"])

    def test_slow(self) -> None:
        """A client waits for the IPAM; another one, of a subnet that is not the IPAM's, does not."""
        other = {"id": 2, "subnet": "198.51.100.0/24", "pools": [{"pool": "198.51.100.10 - 198.51.100.19"}]}
        server = self.server(subnet4=[{"id": 1, "subnet": "192.0.2.0/24"}, other])
        self.ipam.slow = True
        self.assertIsNone(Client(server, 1).discover())
        self.assertEqual(Client(server, 2, relay="198.51.100.1").lease().yiaddr, "198.51.100.10")
        server.answers()
        self.ipam.answer()
        self.assertEqual([answer.yiaddr for answer in server.answers()], ["192.0.2.77"])

    def test_one_question(self) -> None:
        """However often a client asks while the IPAM thinks, the IPAM is asked once."""
        server = self.server()
        self.ipam.slow = True
        client = Client(server, 1)
        for _ in range(5):
            client.discover()
        self.assertEqual(len(self.ipam.asked), 1)
        self.assertEqual(server.statistic("pkt4-duplicate"), 4)
        self.ipam.answer()
        self.assertEqual(len(server.answers()), 1)

    def test_too_slow(self) -> None:
        """After the timeout the client has no answer, and its next message is a new question."""
        server = self.server()
        self.ipam.slow = True
        Client(server, 1).discover()
        server.clock.advance(1.0)
        self.ipam.slow = False
        self.assertEqual(server.answers(), [])
        self.assertEqual(Client(server, 1).lease().yiaddr, "192.0.2.77")

    def test_away(self) -> None:
        """While the IPAM is away, its clients get no answer, or any address, as the operator wishes."""
        self.ipam.error = error.ConnectionRefusedError()
        self.assertIsNone(Client(self.server(), 1).discover())
        self.assertEqual(Client(self.server(goes_on=True), 1).lease().yiaddr, "192.0.2.10")

    def test_nonsense(self) -> None:
        """An answer that is none is as good as no answer."""
        server = self.server()
        for hosts, code in (((PRINTER,), 500), (({**PRINTER, "address": "everywhere"},), 200), (("printer",), 200)):
            self.ipam.code, self.ipam.hosts = code, hosts  # type: ignore[assignment]
            self.assertIsNone(Client(server, 1).discover(), hosts)

    def test_log(self) -> None:
        """The log says once that it went away, why, and that it is back."""
        server = self.server()
        self.ipam.error = error.ConnectionRefusedError()
        for _ in range(3):
            Client(server, 1).discover()
        self.ipam.error = None
        for _ in range(3):
            Client(server, 1).discover()
        went, came = self.texts()
        self.assertIn("the IPAM is away: Connection was refused", went)
        self.assertEqual(came, "the IPAM is back")

    def test_connections(self) -> None:
        """They are let go of with the configuration that named them."""
        closed: list[bool] = []
        questions = Questions(self.ipam, URL, 1.0, Clock())
        close: Any = lambda: closed.append(True)  # noqa: E731
        server = serve(Ipam(questions, frozenset(), goes_on=False, log=self.log, close=close))
        self.assertEqual(closed, [])
        server.close()
        self.assertEqual(closed, [True])


class FactoryTests(SynchronousTestCase):
    """From the configuration to the provider."""

    def mistakes(self, **parameters: Any) -> list[str]:
        """What is wrong with these parameters, each with its place."""
        hook = {"library": "txkea_example.ipam.FACTORY", "parameters": parameters}
        with self.assertRaises(ConfigErrors) as caught:
            serve(hooks_libraries=[hook])
        place = "Dhcp4.hooks-libraries[0].parameters"
        return [f"{error.path.removeprefix(place)}: {error.message}" for error in caught.exception.errors]

    def test_made(self) -> None:
        """It is made by its dotted path; nothing is opened for that."""
        parameters = {"url": "http://127.0.0.1:8053", "subnets": [7], "timeout": 200, "when-away": "go-on"}
        server = serve(hooks_libraries=[{"library": "txkea_example.ipam.FACTORY", "parameters": parameters}])
        self.assertIsInstance(server.site.host_sources[0], Ipam)
        self.assertEqual(Client(server, 1).lease().yiaddr, "192.0.2.10")
        self.assertEqual(FACTORY.name, "ipam")
        server.close()

    def test_parameters(self) -> None:
        """A mistake is told with its place."""
        self.assertEqual(len(self.mistakes()), 2)
        good: dict[str, Any] = {"url": URL, "subnets": [1]}
        table: list[tuple[dict[str, Any], str]] = [
            ({**good, "url": "ipam.example.org"}, '.url: "ipam.example.org" is not an HTTP address'),
            ({**good, "subnets": ["LAN"]}, ".subnets[0]: a string cannot stand here"),
            ({**good, "when-away": "goon"}, '.when-away: "goon" is not one of drop, go-on; did you mean go-on?'),
            ({**good, "time-out": 1}, "did you mean timeout?"),
        ]
        for parameters, wanted in table:
            (found,) = self.mistakes(**parameters)
            self.assertIn(wanted, found)
