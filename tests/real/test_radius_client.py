"""The RADIUS client and real FreeRADIUS servers: killed, frozen and back, over UDP and TLS."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from socket import gethostbyname
from time import monotonic
from typing import Any, Final

from twisted.internet import reactor as running
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from tests.certifying import Authority, certified
from tests.real.freeradius import FreeRadius
from txkea.backend.parameters import Parameters
from txkea.backend.tls import context
from txkea.errors import Unavailable
from txkea.radius.client import Answer, RadiusClient
from txkea.radius.packet import Code
from txkea.radius.servers import RADSEC, Policy, RadiusServer
from txkea.testing.namespaces import requires_root, wait_for
from txkea.testing.sites import MemoryLogger
from txkea.testing.waiting import wait

__all__ = ["AccountingTests", "CrowdTests", "NameTests", "TlsTests", "UdpTests"]

USERS: Final = """
reject Auth-Type := Reject
    Reply-Message = "not you"

DEFAULT Auth-Type := Accept
    Framed-IP-Address = 10.0.0.5,
    Framed-IPv6-Address = 2001:db8::5,
    Delegated-IPv6-Prefix = 2001:db8:5::/56,
    Framed-Pool = "gold",
    Class = 0x0102,
    Session-Timeout = 3600,
    Service-Type = Framed-User,
    Cisco-AVPair = "a=b"
"""
TIMEOUT, RETRIES, DEADTIME = 0.75, 1, 2.0
CROWD: Final = int(os.environ.get("TXKEA_TEST_RADIUS_CROWD", "1000"))
"""Requests that are under way at a time."""


class RadiusCase(SynchronousTestCase):
    """Servers of the test's own, and clients of them that are turned by hand."""

    skip = requires_root("freeradius")

    def setUp(self) -> None:
        self.log = MemoryLogger()
        self.statistics: dict[str, int] = {}

    def radius(self, users: str = USERS, **keywords: Any) -> FreeRadius:
        """A server that answers."""
        server = FreeRadius(users, **keywords)
        self.addCleanup(server.remove)
        server.start()
        return server

    def udp(self, server: FreeRadius) -> RadiusServer:
        """It, as a client knows it."""
        return RadiusServer(host=server.host, port=server.port, secret=server.secret.encode(), deadtime=DEADTIME)

    def client(self, *servers: RadiusServer, **policy: Any) -> RadiusClient:
        """A client of these servers."""
        wanted = Policy(**{"service": "access", "timeout": TIMEOUT, "retries": RETRIES, **policy})
        made = RadiusClient(servers, wanted, reactor=running, log=self.log, statistics=self.statistics)
        wait(made.start(), running)
        self.addCleanup(self.stop, made)
        return made

    def stop(self, client: RadiusClient) -> None:
        wait(client.stop(), running)
        self.turn(0.01)

    def turn(self, seconds: float) -> None:
        """Let the reactor turn for a while."""
        end = monotonic() + seconds
        while monotonic() < end:
            running.iterate(0.002)

    def until(self, condition: Callable[[], Any], what: str) -> None:
        """Let the reactor turn until this holds."""

        def turned() -> Any:
            self.turn(0.02)
            return condition()

        wait_for(turned, what, 20)

    def ask(self, client: RadiusClient, name: str = "somebody") -> Answer:
        """What a client is told."""
        return wait(client.request(Code.ACCESS_REQUEST, [("User-Name", name)]), running)

    def crowd(self, client: RadiusClient, number: int) -> list[Answer]:
        """What so many are told that ask at once."""
        asked = [client.request(Code.ACCESS_REQUEST, [("User-Name", f"user {each}")]) for each in range(number)]
        waiting = [Deferred.fromCoroutine(each) for each in asked]
        return [wait(each, running, 60) for each in waiting]

    def count(self, what: str, service: str = "access") -> int:
        """A counter."""
        return self.statistics[f"radius-{service}-{what}"]

    def state(self, client: RadiusClient, number: int = 0) -> str:
        """How a server is."""
        return str(client.describe()["servers"][number]["state"])


class UdpTests(RadiusCase):
    """What an administrator of FreeRADIUS sees and does."""

    def test_attributes(self) -> None:
        """FreeRADIUS's attributes arrive, of vendors too, and it sees ours; a reject has its message."""
        server = self.radius(strict=True)
        client = self.client(self.udp(server))
        found = self.ask(client, "02:00:00:00:00:01").attributes
        for name, value in (
            ("Framed-IP-Address", "10.0.0.5"),
            ("Framed-IPv6-Address", "2001:db8::5"),
            ("Delegated-IPv6-Prefix", "2001:db8:5::/56"),
            ("Framed-Pool", "gold"),
            ("Class", b"\1\2"),
            ("Session-Timeout", 3600),
            ("Service-Type", 2),
            ("Attr-26.9.1", b"a=b"),
        ):
            self.assertEqual([value], found[name], name)
        rejected = self.ask(client, "reject")
        self.assertEqual((3, ["not you"]), (rejected.code, rejected.attributes["Reply-Message"]))
        self.assertEqual(["02:00:00:00:00:01", "reject"], [each["User-Name"] for each in server.requests()])

    def test_unsigned(self) -> None:
        """What a FreeRADIUS sends that signs no answers is not believed, unless it is allowed; the log has the mend."""
        server = self.radius(signs=False)
        client = self.client(self.udp(server))
        error = self.assertRaises(Unavailable, self.ask, client)
        self.assertIn("no Message-Authenticator", str(error))
        (warned,) = [text for _, message, text in self.log.lines if message == "RADIUS_ANSWERS_REFUSED"]
        self.assertIn("Message-Authenticator := 0x00", warned)
        self.assertEqual(2, self.ask(self.client(self.udp(server), require=False)).code)

    def test_another_secret(self) -> None:
        """With another secret than FreeRADIUS's nothing is believed, by either side."""
        server = self.radius()
        client = self.client(RadiusServer(host=server.host, port=server.port, secret=b"another"))
        self.assertRaises(Unavailable, self.ask, client)
        self.assertEqual([], server.requests())

    def test_ipv6(self) -> None:
        """A server may have an IPv6 address."""
        server = self.radius(host="::1")
        self.assertEqual(f"[::1]:{server.port}", self.ask(self.client(self.udp(server))).server)

    def fail_over(self, break_it: Callable[[FreeRadius], None], mend_it: Callable[[FreeRadius], None]) -> None:
        """The first of two servers fails, and is back."""
        first, second = self.radius(), self.radius()
        client = self.client(self.udp(first), self.udp(second))
        names = [f"127.0.0.1:{server.port}" for server in (first, second)]
        self.assertEqual({names[0]}, {each.server for each in self.crowd(client, 20)})
        break_it(first)
        start = monotonic()
        self.assertEqual({names[1]}, {each.server for each in self.crowd(client, 20)})
        failed_over = monotonic() - start
        self.assertGreaterEqual(failed_over, TIMEOUT * (RETRIES + 1))
        self.assertEqual(1, self.count("timeouts"), "one request finds it dead, and all others go on at once")
        dead = monotonic()
        while monotonic() - dead < DEADTIME / 2:
            self.assertEqual(names[1], self.ask(client).server)
        self.assertEqual(1, self.count("timeouts"))
        mend_it(first)
        self.until(lambda: self.ask(client).server == names[0], "the first server to be used again")
        self.assertGreaterEqual(monotonic() - dead, DEADTIME / 2)
        self.assertEqual({names[0]}, {each.server for each in self.crowd(client, 20)})
        self.assertEqual("alive", self.state(client))

    def test_killed(self) -> None:
        """The first of two is killed: the second serves after one time-out, the first again after its dead time."""
        self.fail_over(FreeRadius.kill, FreeRadius.start)

    def test_blackholed(self) -> None:
        """The first of two takes all and says nothing: the same."""
        self.fail_over(FreeRadius.freeze, FreeRadius.thaw)

    def test_still_dead(self) -> None:
        """While it stays dead one request for each dead time waits for it, whatever many others come."""
        first, second = self.radius(), self.radius()
        client = self.client(self.udp(first), self.udp(second))
        first.freeze()
        end = monotonic() + 3 * DEADTIME
        answers = 0
        while monotonic() < end:
            answers += len(self.crowd(client, 5))
        self.assertGreater(answers, 15)
        self.assertLessEqual(self.count("timeouts"), 4)

    def test_status_server(self) -> None:
        """With Status-Server a server is found dead, and back, while no client asks anything."""
        server = self.radius()
        client = self.client(self.udp(server), idle=0.3)
        self.until(lambda: self.state(client) == "alive", "an answer to a Status-Server")
        server.freeze()
        self.until(lambda: self.state(client) == "dead", "it to be found dead")
        server.thaw()
        self.until(lambda: self.state(client) == "alive", "it to be back")
        self.assertEqual([], server.requests())


class NameTests(TestCase):
    """Servers that have names, which a thread looks up."""

    skip = requires_root("freeradius")

    async def test_name(self) -> None:
        """A server may have a name; one that nobody knows keeps the client from starting."""
        server = FreeRadius(USERS, host=gethostbyname("localhost"))
        self.addCleanup(server.remove)
        server.start()
        for name, known in (("localhost", True), ("no.such.invalid", False)):
            named = RadiusServer(host=name, port=server.port, secret=server.secret.encode())
            policy = Policy(service="access")
            client = RadiusClient([named], policy, reactor=running, log=MemoryLogger(), statistics={})
            try:
                await client.start()
                self.assertEqual(2, (await client.request(Code.ACCESS_REQUEST, [("User-Name", "x")])).code)
                self.assertTrue(known)
            except Unavailable:
                self.assertFalse(known)
            finally:
                await client.stop()


class CrowdTests(RadiusCase):
    """Many requests under way at a time."""

    def test_in_flight(self) -> None:
        """A thousand requests are under way while the server is frozen, and all are answered when it goes on."""
        server = self.radius()
        client = self.client(self.udp(server), timeout=2.0, retries=10)
        server.freeze()
        asked = [client.request(Code.ACCESS_REQUEST, [("User-Name", f"user {each}")]) for each in range(CROWD)]
        waiting = [Deferred.fromCoroutine(each) for each in asked]
        self.until(lambda: client.describe()["servers"][0]["in-flight"] == CROWD, "all to be under way")
        self.turn(0.2)
        self.assertEqual(0, self.count("answers"))
        server.thaw()
        self.assertEqual({2}, {wait(each, running, 60).code for each in waiting})
        self.assertEqual(CROWD, len({each["User-Name"] for each in server.requests()}))
        refused = {name: number for name, number in self.statistics.items() if "refused" in name and number}
        self.assertLessEqual(set(refused), {"radius-access-refused-duplicate", "radius-access-refused-identifier"})

    def test_each_its_own(self) -> None:
        """Each of a thousand gets the answer to its own question."""
        users = 'DEFAULT Auth-Type := Accept\n    Reply-Message = "%{User-Name}"\n'
        client = self.client(self.udp(self.radius(users)), timeout=5.0, retries=3)
        found = [answer.attributes["Reply-Message"] for answer in self.crowd(client, CROWD)]
        self.assertEqual([[f"user {each}"] for each in range(CROWD)], found)


class AccountingTests(RadiusCase):
    """Accounting-Requests."""

    def test_records(self) -> None:
        """What is sent stands in FreeRADIUS's detail file, signed or not, and each is answered."""
        server = self.radius()
        known = RadiusServer(host=server.host, port=server.acct_port, secret=server.secret.encode())
        for sign in (False, True):
            client = self.client(known, service="accounting", sign=sign, require=False)
            for status in ("Start", "Interim-Update", "Stop"):
                attributes = [("Acct-Status-Type", status), ("Acct-Session-Id", f"{sign}"), ("Class", b"0x41")]
                answer = wait(client.request(Code.ACCOUNTING_REQUEST, attributes), running)
                self.assertEqual(Code.ACCOUNTING_RESPONSE, answer.code)
            records = server.wait_for_records(3, Acct_Session_Id=f"{sign}")
            self.assertEqual(["Start", "Interim-Update", "Stop"], [each["Acct-Status-Type"] for each in records])
            self.assertEqual({"0x30783431"}, {each["Class"] for each in records})


class TlsTests(RadiusCase):
    """RADIUS over TLS."""

    def setUp(self) -> None:
        super().setUp()
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        self.files = certified(self.directory)

    def tls(self, server: FreeRadius, own: tuple[str, str] | None = None) -> RadiusServer:
        """A server as a client knows it over TLS; ``own`` are the files of the client's certificate and its key."""
        certificate, key = own or (self.files.client, self.files.client_key)
        words = {"trust-anchor": self.files.authority, "cert-file": certificate, "key-file": key}
        given = Parameters({name: value for name, value in words.items() if value})
        return RadiusServer(
            host=server.host, port=server.tls_port, secret=RADSEC, deadtime=DEADTIME, tls=context(given, server.host)
        )

    def test_pipelined(self) -> None:
        """A thousand requests share a few connections, and each gets its own answer."""
        users = 'DEFAULT Auth-Type := Accept\n    Reply-Message = "%{User-Name}"\n'
        server = self.radius(users, certificates=self.files)
        client = self.client(self.tls(server), timeout=5.0, retries=3)
        found = [answer.attributes["Reply-Message"] for answer in self.crowd(client, CROWD)]
        self.assertEqual([[f"user {each}"] for each in range(CROWD)], found)
        self.assertLessEqual(server.said().count("adding new socket"), -(-CROWD // 256))
        self.assertEqual("TLS", client.describe()["servers"][0]["protocol"])

    def test_fail_over(self) -> None:
        """A connection that is lost takes its requests to the next server; the first is used again when it is back."""
        first, second = (self.radius(certificates=self.files) for _ in range(2))
        client = self.client(self.tls(first), self.tls(second))
        names = [f"127.0.0.1:{server.tls_port}" for server in (first, second)]
        self.assertEqual(names[0], self.ask(client).server)
        first.freeze()
        asked = [client.request(Code.ACCESS_REQUEST, [("User-Name", "x")]) for _ in range(10)]
        waiting = [Deferred.fromCoroutine(each) for each in asked]
        self.turn(0.1)
        first.signal(signal.SIGKILL)
        self.assertEqual({names[1]}, {wait(each, running).server for each in waiting})
        self.assertEqual(names[1], self.ask(client).server)
        first.kill()
        first.start()
        self.until(lambda: self.ask(client).server == names[0], "the first server to be used again")

    def test_blackholed(self) -> None:
        """A connection on which nothing comes any more is given up after one time-out."""
        first, second = (self.radius(certificates=self.files) for _ in range(2))
        client = self.client(self.tls(first), self.tls(second))
        self.ask(client)
        first.freeze()
        self.assertEqual(f"127.0.0.1:{second.tls_port}", self.ask(client).server)
        self.assertEqual(1, self.count("timeouts"))
        first.thaw()
        self.until(lambda: self.ask(client).server == f"127.0.0.1:{first.tls_port}", "the first server again")

    def test_restarted(self) -> None:
        """The only server is restarted: requests of that time wait for its new connection."""
        server = self.radius(certificates=self.files)
        client = self.client(self.tls(server), timeout=5.0, retries=1)
        self.ask(client)
        server.kill()
        waiting = Deferred.fromCoroutine(client.request(Code.ACCESS_REQUEST, [("User-Name", "x")]))
        self.turn(0.2)
        server.start()
        self.assertEqual(2, wait(waiting, running).code)

    def test_idle_connection(self) -> None:
        """A connection that the server closed while nobody asked is made again when somebody does."""
        server = self.radius(certificates=self.files)
        client = self.client(self.tls(server))
        self.ask(client)
        server.restart()
        self.turn(0.2)
        self.assertEqual(2, self.ask(client).code)

    def test_strangers(self) -> None:
        """A server of another authority, or that a certificate of another name has, is not asked."""
        elsewhere = self.directory / "elsewhere"
        elsewhere.mkdir()
        others = certified(elsewhere)
        server = self.radius(certificates=others)
        client = self.client(self.tls(server))
        self.assertRaises(Unavailable, self.ask, client)
        wrong = RadiusServer(
            host=server.host,
            port=server.tls_port,
            secret=RADSEC,
            tls=context(Parameters({"trust-anchor": others.authority}), "radius.example.org"),
        )
        self.assertRaises(Unavailable, self.ask, self.client(wrong))
        self.assertEqual([], server.requests())

    def test_without_certificate(self) -> None:
        """Who has no certificate that the server knows gets no answer, and is told so."""
        server = self.radius(certificates=self.files)
        stranger = Authority(self.directory, "nobody").certify("stranger")
        for files in (("", ""), stranger):
            error = self.assertRaises(Unavailable, self.ask, self.client(self.tls(server, files)))
            self.assertIn("connection", str(error))
        self.assertEqual([], server.requests())
        self.assertEqual(2, self.ask(self.client(self.tls(server))).code)
