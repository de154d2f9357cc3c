"""RADIUS access against a real FreeRADIUS: what it says of a client is what the client gets."""

from __future__ import annotations

from pathlib import Path

from tests.certifying import certified
from tests.real.dialect6 import na
from tests.real.packets import ACK, DISCOVER, NAK, OFFER, REQUEST, packed
from tests.real.packets6 import ADVERTISE, SOLICIT
from tests.real.radius_scene import LINK6, SUBNETS4, RadiusScene, user
from tests.real.relays4 import WANTED
from tests.real.relays6 import resources
from tests.real.scene_faults import RELAY
from tests.real.servers import Server
from txkea.testing.namespaces import wait_for

USERS = "".join(
    (
        user("02-00-00-00-00-01", Framed_IP_Address="10.0.7.7", Class="0x010203", Session_Timeout="3600"),
        user("02-00-00-00-00-02"),
        user("02-00-00-00-00-03", Framed_Pool='"gold"'),
        user("02-00-00-00-00-04", Framed_Pool='"silver"'),
        user("02-00-00-00-00-05", Framed_IP_Address="10.2.7.7"),
        user("02-00-00-00-00-06", Framed_IP_Address="192.0.2.1"),
        user("02-00-00-00-00-07", Framed_Pool='"nobody knows it"'),
        user("02-00-00-00-00-08", Framed_IP_Address="255.255.255.254"),
        user("02-00-00-00-00-0a", Framed_IP_Address="10.0.7.7"),
        '02-00-00-00-00-09 Auth-Type := Reject\n\tReply-Message = "not today"\n',
    )
)


class AccessTests(RadiusScene):
    """DHCPv4 clients, known by their hardware addresses."""

    def setUp(self) -> None:
        super().setUp()
        self.radius.users(USERS)
        self.radius.start()

    def offered(self, client: int) -> str:
        """What a client is offered."""
        return self.relay.ask(client, DISCOVER).yiaddr

    def silent(self, client: int, seconds: float = 1.0) -> None:
        """Check that a client has no answer."""
        self.assertTrue(self.relay.silence(client, seconds), client)

    def test_attributes(self) -> None:
        """An address, a pool, neither, one that is not here, and a pool that nobody has."""
        server = self.server4(self.parameters())
        lease = self.relay.lease(1)
        self.assertEqual((lease.type, lease.yiaddr), (ACK, "10.0.7.7"))
        self.assertTrue(self.offered(2).startswith("10.0.1."))
        self.assertTrue(self.offered(3).startswith(("10.0.1.", "10.0.2.")))
        for client in (4, 5, 6, 7, 8):
            self.assertTrue(self.offered(client).startswith("10.0.1."), client)
        text = "RADIUS gives it 192.0.2.1, which is not in its subnet 10.0.0.0/16"
        wait_for(lambda: text in server.log.read_text(), "the log")
        first = self.radius.requests(User_Name="02-00-00-00-00-01")
        self.assertEqual(len(first), 1)  # the REQUEST had it from the cache
        self.assertEqual((first[0]["NAS-Port"], first[0]["NAS-IP-Address"]), ("1", "127.0.0.1"))
        self.assertIn("Message-Authenticator", first[0])

    def test_guarded(self) -> None:
        """Only members of a pool's class get something from it; whoever may not use any gets nothing."""
        pools = [{"pool": "10.0.2.0/24", "client-class": "gold"}]
        self.server4(self.parameters(), subnet4=[{"id": 1, "subnet": "10.0.0.0/16", "pools": pools}])
        self.assertTrue(self.relay.lease(3).yiaddr.startswith("10.0.2."))
        self.silent(2)

    def test_reject(self) -> None:
        """Who is rejected gets nothing, not even what it had; the server's reason is in the log."""
        server = self.server4(self.parameters())
        self.silent(9)
        self.silent(0x99)
        answer = self.relay.ask(9, REQUEST, options=((WANTED, packed("10.0.1.5")),))
        self.assertEqual(answer.type, NAK)
        wait_for(lambda: "not today" in server.log.read_text(), "the log")
        self.assertEqual(len(self.radius.requests(User_Name="02-00-00-00-00-09")), 1)

    def test_reselection(self) -> None:
        """A client comes to the subnet of its pool or its address, if the configuration says so."""
        gold = {**SUBNETS4[0], "pools": [{"pool": "10.0.2.0/24", "client-class": "gold"}]}
        server = self.server4(
            self.parameters(reselect_subnet_pool=True, reselect_subnet_address=True), subnet4=[gold, SUBNETS4[1]]
        )
        self.assertTrue(self.relay.lease(3).yiaddr.startswith("10.0.2."))
        self.assertTrue(self.relay.lease(4).yiaddr.startswith("10.2.1."))
        self.assertEqual(self.relay.lease(5).yiaddr, "10.2.7.7")
        for client in (6, 7):  # an address and a pool that no subnet has
            self.silent(client)
        found = server.tell("lease4-get", **{"ip-address": "10.2.7.7"})
        self.assertEqual(found["arguments"]["subnet-id"], 2)

    def test_taken(self) -> None:
        """An address that another client has is nobody else's, also if RADIUS gives it away twice."""
        self.server4(self.parameters())
        self.assertEqual(self.relay.lease(1).yiaddr, "10.0.7.7")
        self.assertTrue(self.offered(0x0A).startswith("10.0.1."))

    def test_attributes_added(self) -> None:
        """What the configuration adds is sent: text, octets, and what an expression makes of the query."""
        attributes = [
            {"name": "NAS-Identifier", "data": "lab"},
            {"type": 77, "raw": "65666a6a71"},
            {"name": "Configuration-Token", "expr": "hexstring(pkt4.mac, '.')"},
            {"name": "Service-Type", "data": "Framed-User"},
            {"name": "Password", "data": "mysecretpassword"},
            {"vendor": "9", "type": 1, "raw": "6869"},
        ]
        self.server4(
            self.parameters(access={"attributes": attributes}, nas_ports=[{"port": 77, "subnet-prefix": "10.0.0.0/16"}])
        )
        self.offered(2)
        (request,) = self.radius.requests()
        wanted = {
            "NAS-Identifier": "lab",
            "Connect-Info": "efjjq",
            "Configuration-Token": "02.00.00.00.00.02",
            "Service-Type": "Framed-User",
            "User-Password": "mysecretpassword",
            "NAS-Port": "77",
            "Cisco-AVPair": "hi",
        }
        self.assertEqual({name: request.get(name) for name in wanted}, wanted)

    def test_silence(self) -> None:
        """While RADIUS does not answer, unknown clients wait, and those that are known keep their service."""
        server = self.server4(self.parameters(), valid_lifetime=4000)
        had = [self.relay.lease(client).yiaddr for client in (1, 2, 3)]
        server.kill()  # and with it what it remembers
        server.start()
        self.radius.freeze()
        self.addCleanup(self.radius.thaw)
        self.silent(8, 2.5)
        for client, address in zip((1, 2, 3), had, strict=True):
            answer = self.relay.renew(client, address)
            self.assertEqual((answer.type, answer.yiaddr), (ACK, address))
        statistics = server.tell("statistic-get-all")["arguments"]
        self.assertEqual(statistics["radius-access-known-leases"][0][0], 3)
        self.assertEqual(statistics["radius-access-dropped"][0][0], 1)
        self.radius.thaw()
        wait_for(lambda: self.relay.ask(8, DISCOVER).type == OFFER, "service")

    def test_continue(self) -> None:
        """Where the operator wants that, unknown clients are served while RADIUS does not answer, as by Kea."""
        server = self.server4(self.parameters(on_timeout="continue"))
        self.radius.kill()
        self.assertTrue(self.offered(9).startswith("10.0.1."))
        self.assertTrue(self.relay.lease(0x99).yiaddr.startswith("10.0.1."))
        self.assertGreater(server.tell("statistic-get-all")["arguments"]["radius-access-continued"][0][0], 0)
        status = server.tell("status-get")["arguments"]["radius"]["access"]
        self.assertEqual(len(status["servers"]), 1)

    def test_changed_configuration(self) -> None:
        """A change of the configuration forgets nothing, and whoever is new is asked about as before."""
        server = self.server4(self.parameters())
        self.assertEqual(self.relay.lease(1).yiaddr, "10.0.7.7")
        added = server.tell("subnet4-add", subnet4=[{"id": 9, "subnet": "10.9.0.0/16"}])
        self.assertEqual(added["result"], 0)
        self.assertEqual(self.offered(1), "10.0.7.7")
        self.assertTrue(self.offered(2).startswith("10.0.1."))
        names = [each["User-Name"] for each in self.radius.requests()]
        self.assertEqual(names, ["02-00-00-00-00-01", "02-00-00-00-00-02"])

    def test_explained(self) -> None:
        """A running server explains what FreeRADIUS said of a client."""
        server = self.server4(self.parameters())
        client = {"hw-address": "02:00:00:00:00:09", "relay": RELAY}
        found = server.tell("explain4", client=client)["arguments"]
        (inquiry,) = found["inquiries"]
        self.assertEqual((inquiry["source"], inquiry["outcome"]), ("radius", "refused"))
        self.assertIn(["Reply-Message", "not today"], inquiry["received"])
        self.assertIn("radius refuses the client", found["reason"])


class SeveralServersTests(RadiusScene):
    """Two FreeRADIUS servers, and one that speaks TLS."""

    def test_failover(self) -> None:
        """Clients are served through the second server, after one time-out, and through the first when it is back."""
        second = self.freeradius(users=user("DEFAULT"))
        for each in (self.radius, second):
            each.users(user("DEFAULT"))
            each.start()
        servers = [each.server(deadtime=2) for each in (self.radius, second)]
        server = self.server4(self.parameters(*servers))
        for way, back in ((self.radius.freeze, self.radius.thaw), (self.radius.kill, self.radius.start)):
            way()
            second.forget()
            for client in (1, 2, 3):
                self.assertEqual(self.relay.ask(client, DISCOVER).type, OFFER)
            self.assertEqual(len(second.requests()), 3)
            back()
            self.addCleanup(self.radius.thaw)
            wait_for(lambda: self.served_by_first(server), "the first server", 30)
            server.tell("cache-clear")

    def served_by_first(self, server: Server) -> bool:
        """Whether somebody new is asked of the first server."""
        self.radius.forget()
        server.tell("cache-clear")
        self.relay.ask(7, DISCOVER)
        return bool(self.radius.requests())

    def test_tls(self) -> None:
        """RADIUS over TLS, with certificates on both sides."""
        directory = Path(self.mktemp())
        directory.mkdir(mode=0o755)
        files = certified(directory.absolute())
        radius = self.freeradius(users=user("02-00-00-00-00-01", Framed_IP_Address="10.0.7.7"), certificates=files)
        radius.start()
        server = {
            "name": "127.0.0.1",
            "port": radius.tls_port,
            "trust-anchor": files.authority,
            "cert-file": files.client,
            "key-file": files.client_key,
        }
        self.server4(self.parameters(server, protocol="TLS", timeout=5))
        self.assertEqual(self.relay.lease(1).yiaddr, "10.0.7.7")


class Access6Tests(RadiusScene):
    """DHCPv6 clients, known by their DUIDs."""

    def setUp(self) -> None:
        super().setUp()
        name = "00:03:00:01:02:00:00:00:00:0{}"
        users = (
            user(
                name.format(1),
                Framed_IPv6_Address="2001:db8:1::7777",
                Delegated_IPv6_Prefix="2001:db8:7700::/56",
            ),
            user(name.format(2)),
            user(name.format(3), Framed_IPv6_Pool='"gold"', Attr_171="0x6f6666696365"),
        )
        self.radius.users("".join(users))
        self.radius.start()

    def test_attributes(self) -> None:
        """An address and a prefix, pools of both, and neither."""
        self.server6(self.parameters())
        self.assertEqual(self.relay6.lease(1, LINK6, prefix=True), ["2001:db8:1::7777", "2001:db8:7700::/56"])
        address, prefix = self.relay6.lease(2, LINK6, prefix=True)
        self.assertTrue(address.startswith("2001:db8:1::1"))
        self.assertTrue(prefix.startswith("2001:db8:80"))
        (request,) = self.radius.requests(User_Name="00:03:00:01:02:00:00:00:00:01")
        self.assertEqual(request["Calling-Station-Id"], "02-00-00-00-00-01")
        self.assertEqual(request["NAS-Port"], "1")

    def test_pools(self) -> None:
        """Guarded pools are open to whom RADIUS says, and to nobody else."""
        only = {
            "id": 1,
            "subnet": "2001:db8:1::/64",
            "pools": [{"pool": "2001:db8:1::200/120", "client-class": "gold"}],
            "pd-pools": [
                {"prefix": "2001:db8:9000::", "prefix-len": 40, "delegated-len": 56, "client-class": "office"}
            ],
        }
        self.server6(self.parameters(), subnet6=[only])
        address, prefix = self.relay6.lease(3, LINK6, prefix=True)
        self.assertTrue(address.startswith("2001:db8:1::2"))
        self.assertTrue(prefix.startswith("2001:db8:90"))
        self.assertEqual(self.relay6.lease(2, LINK6, prefix=True), [])

    def test_reject(self) -> None:
        """Who is rejected is told that there is no address for it."""
        self.server6(self.parameters())
        answer = self.relay6.ask(9, SOLICIT, LINK6, na(1))
        self.assertEqual((answer.type, resources(answer)), (ADVERTISE, []))
