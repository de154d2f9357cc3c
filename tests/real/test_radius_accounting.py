"""RADIUS accounting against a real FreeRADIUS: its own files tell what it was told over the lives of real clients."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.real import clients4, clients6
from tests.real.clients import Client, programs
from tests.real.freeradius import Record
from tests.real.packets import ACK, RELEASE
from tests.real.radius_scene import LINK6, RadiusScene, user
from tests.real.scene_faults import TIMES
from tests.real.servers import Server
from txkea.testing.namespaces import Port, requires_root, wait_for

__all__ = ["ClientTests", "FaultTests"]

GATEWAY, FIRST, FIRST6 = "10.77.0.1", "10.77.0.100", "2001:db8:77::100"
HWADDR: Final = "02:00:00:00:00:0c"
START, INTERIM, STOP = "Start", "Interim-Update", "Stop"
LIFETIME: Final = 12
TIMERS: Final = {"valid-lifetime": LIFETIME, "renew-timer": 2, "rebind-timer": 8}
EXPIRY: Final = {"reclaim-timer-wait-time": 1, "hold-reclaimed-time": 0}
LINK4: Final = {"id": 77, "subnet": "10.77.0.0/24", "pools": [{"pool": "10.77.0.100 - 10.77.0.199"}], **TIMERS}
DISTANT4: Final = {"id": 1, "subnet": "10.0.0.0/16", "pools": [{"pool": "10.0.1.0/24"}]}
LINK66: Final = {
    "id": 77,
    "subnet": "2001:db8:77::/64",
    "interface": "eth1",
    "pools": [{"pool": "2001:db8:77::100 - 2001:db8:77::1ff"}],
    "pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56}],
    "preferred-lifetime": 11,
    **TIMERS,
}
DISTANT6: Final = {
    "id": 1,
    "subnet": "2001:db8:1::/64",
    "pools": [{"pool": "2001:db8:1::100/120"}],
    "pd-pools": [{"prefix": "2001:db8:9000::", "prefix-len": 40, "delegated-len": 56}],
}
NAMES: Final = ("Framed-IP-Address", "Framed-IPv6-Address", "Delegated-IPv6-Prefix")


class AccountingScene(RadiusScene):
    """A server that accounts for its leases, and a FreeRADIUS beside it."""

    current: Server

    def setUp(self) -> None:
        super().setUp()
        self.radius.start()

    def accounting(self, **more: Any) -> dict[str, Any]:
        """The library's parameters; those of ``accounting`` with ``_`` for ``-``."""
        own = {name.replace("_", "-"): value for name, value in more.items()}
        common = {"timeout": 1, "retries": 0, "identifier-type4": "hw-address"}
        return {**common, "accounting": {"servers": [self.radius.acct_server()], **own}}

    def records(self, *statuses: str, of: str = "", timeout: float = 20.0) -> list[Record]:
        """The records of an address or of all, as soon as there are so many; they must have these statuses."""

        def found() -> list[Record]:
            return [record for record in self.once() if not of or of in [record.get(name) for name in NAMES]]

        said = "\n" + self.current.tail() + "\n" + self.radius.said()
        wait_for(lambda: len(found()) >= len(statuses), f"{statuses} of {of}, not {found()}{said}", timeout)
        self.assertEqual([record["Acct-Status-Type"] for record in found()], list(statuses), found())
        return found()

    def once(self) -> list[Record]:
        """All records; what was told twice, because the server was killed before it heard the answer, is told once."""
        found: dict[tuple[str, ...], Record] = {}
        for record in self.radius.records():
            named = tuple(record[name] for name in ("Acct-Session-Id", "Acct-Status-Type", "Event-Timestamp"))
            found.setdefault(named, record)
        return [*found.values()]

    def one_session(self, records: Sequence[Record]) -> str:
        """The identifier that they have in common."""
        (name,) = {record["Acct-Session-Id"] for record in records}
        return name


class ClientTests(AccountingScene):
    """Clients as they are installed, on a link of their own."""

    skip = requires_root("freeradius", *programs((*clients4.CLIENTS4, clients6.Dhclient, clients6.Dhcpcd)))

    def setUp(self) -> None:
        super().setUp()
        self.place = self.lab.namespace("place")
        self.lab.veth(
            Port(self.there, "eth1", [f"{GATEWAY}/24", "2001:db8:77::1/64"]), Port(self.place, "eth0", hwaddr=HWADDR)
        )
        other = self.lab.namespace("other")
        self.lab.veth(Port(other, "eth0"), Port(self.place, clients6.LAN, hwaddr="02:00:00:00:00:1a"))
        for namespace, interface in ((self.there, "eth1"), (self.place, "eth0")):
            namespace.link_local(interface)
            namespace.wait_for_addresses()

    def serve4(self) -> Server:
        interfaces = {"interfaces": ["eth0", "eth1"]}
        self.current = self.server4(
            self.accounting(),
            interfaces_config=interfaces,
            subnet4=[LINK4],
            expired_leases_processing=EXPIRY,
            decline_probation_period=600,
        )
        return self.current

    def serve6(self) -> Server:
        self.current = self.server6(
            self.accounting(),
            interfaces_config={"interfaces": ["eth1"]},
            subnet6=[LINK66],
            expired_leases_processing=EXPIRY,
            option_data=[{"name": "preference", "data": "255", "always-send": True}],
        )
        return self.current

    def client(self, kind: Callable[..., Client]) -> Client:
        found = kind(self.place, Path(self.mktemp()))
        self.addCleanup(found.end)
        return found

    def told(self, address: str, *statuses: str) -> list[Record]:
        """The records of an address up to those; more Interim-Updates may stand among them."""
        wanted = list(statuses)

        def found() -> list[Record]:
            return [each for each in self.radius.records() if address in [each.get(name) for name in NAMES]]

        def seen() -> list[str]:
            last: list[str] = []
            for status in (record["Acct-Status-Type"] for record in found()):
                if status != INTERIM or last[-1:] != [INTERIM]:
                    last.append(status)
            return last

        wait_for(lambda: seen()[: len(wanted)] == wanted, f"{wanted} of {address}, not {seen()}", 40)
        return found()

    def check(self, records: Sequence[Record], cause: str, tolerance: int = 3) -> None:
        """What must be right in the records of one session that has ended."""
        self.one_session(records)
        began = int(records[0]["Timestamp"])
        for record in records:
            self.assertLess(int(record["Acct-Delay-Time"]), tolerance, record)
            self.assertEqual(record["NAS-Port"], "77")
        times = [int(record["Acct-Session-Time"]) for record in records[1:]]
        self.assertEqual(times, sorted(times))
        stop = records[-1]
        self.assertEqual(stop["Acct-Terminate-Cause"], cause)
        passed = int(stop["Timestamp"]) - int(stop["Acct-Delay-Time"]) - began
        self.assertLessEqual(abs(passed - int(stop["Acct-Session-Time"])), tolerance, records)

    def test_dhclient(self) -> None:
        """dhclient obtains, renews and releases; obtains again, and declines an address that is in use."""
        self.serve4()
        client = self.client(clients4.Dhclient)
        client.start()
        records = self.told(FIRST, START, INTERIM)
        client.release()
        records = self.told(FIRST, START, INTERIM, STOP)
        self.check(records, "User-Request")
        self.assertEqual({record["User-Name"] for record in records}, {HWADDR})
        client.end()
        self.there.run(["ip", "addr", "add", f"{FIRST}/32", "dev", "eth1"])
        client.start()
        records = self.told(FIRST, START, INTERIM, STOP, START, STOP)[-2:]
        self.check(records, "Port-Error")
        wait_for(lambda: [*client.addresses()], f"another address\n{client.tail()}", 30)
        self.told(client.addresses()[0], START)

    def test_dhcpcd(self) -> None:
        """dhcpcd obtains and renews, and is gone without a word: its session lasts as long as its lease."""
        self.serve4()
        client = self.client(clients4.Dhcpcd)
        client.start()
        self.told(FIRST, START, INTERIM)
        client.kill()
        records = self.told(FIRST, START, INTERIM, STOP)
        self.check(records, "Session-Timeout")
        lasted = int(records[-1]["Acct-Session-Time"]) - int(records[-2]["Acct-Session-Time"])
        self.assertLessEqual(abs(lasted - LIFETIME), 1, records)

    def test_dhclient6(self) -> None:
        """dhclient has an address and a prefix: two sessions, from the first message to the release of both."""
        self.two_sessions(clients6.DhclientBoth, clients6.DhclientBoth.release, "User-Request")

    def test_dhcpcd6(self) -> None:
        """dhcpcd has both too, and is gone without a word (while it renews it would not hear that it is to release)."""
        self.two_sessions(clients6.Dhcpcd, clients6.Dhcpcd.kill, "Session-Timeout")

    def two_sessions(self, kind: Any, leave: Callable[[Any], object], cause: str) -> None:
        """A client of this kind has an address and a prefix until it leaves."""
        self.serve6()
        client = self.client(kind)
        client.start()
        places = FIRST6, "2001:db8:8000::/56"
        for place in places:
            self.told(place, START, INTERIM)
        leave(client)
        for place in places:
            self.check(self.told(place, START, INTERIM, STOP), cause)


class FaultTests(AccountingScene):
    """kill -9 of either, and an accounting server that does not answer."""

    def serve4(self, accounting: Mapping[str, Any] = {}, **keywords: Any) -> Server:
        """A server for clients of the relay."""
        common = {"subnet4": [DISTANT4], "expired_leases_processing": EXPIRY}
        self.current = self.server4(self.accounting(**accounting), **common, **keywords)
        return self.current

    def release(self, client: int, address: str) -> None:
        """A client gives its lease back, to which there is no answer."""
        self.relay.send(client, RELEASE, ciaddr=address)

    def test_killed(self) -> None:
        """After kill -9 of the server each session goes on under its name, and ends under it."""
        server = self.serve4()
        address = self.relay.lease(1).yiaddr
        first = self.records(START)
        server.kill()
        server.start()
        self.assertEqual(self.relay.renew(1, address).type, ACK)
        self.records(START, INTERIM)
        server.kill()
        server.start()
        self.release(1, address)
        records = self.records(START, INTERIM, STOP)
        self.assertEqual(self.one_session(records), first[0]["Acct-Session-Id"])
        self.assertEqual(records[-1]["Acct-Terminate-Cause"], "User-Request")

    def test_killed_at_once(self) -> None:
        """kill -9 of the server in the very moment of its answers: each lease has its session, and no session more."""
        server = self.serve4()
        self.relay.lease(1)
        addresses = {}
        for client in range(2, 2 + 6 * TIMES):
            addresses[client] = self.relay.lease(client).yiaddr
            if client % 2:
                self.release(client, addresses[client])
            self.relay.renew(2, addresses[2])
            server.kill()
            server.start()
        shown = server.tell("lease4-get-all")["arguments"]["leases"]
        running = {lease["ip-address"] for lease in shown if lease["state"] == 0}

        def opened() -> set[str]:
            last = {each["Framed-IP-Address"]: each["Acct-Status-Type"] for each in self.radius.records()}
            return {address for address, status in last.items() if status != STOP}

        wait_for(lambda: opened() == running and not self.queued(), f"sessions of {running}, not {opened()}", 20)
        self.assertEqual(len(running), 1 + 3 * TIMES)

    def test_both_killed(self) -> None:
        """What happened while RADIUS was away, and the server was killed, is told when both are back: all, in order."""
        server = self.serve4()
        addresses = {client: self.relay.lease(client).yiaddr for client in range(1, 11)}
        self.records(*[START] * 10)
        self.radius.kill()
        for client, address in addresses.items():
            self.assertEqual(self.relay.renew(client, address).type, ACK)
            if client % 2:
                self.release(client, address)
        wait_for(lambda: self.queued() == 15, "the queue")
        server.kill()
        server.start()
        self.assertEqual(self.queued(), 15)
        for client in range(2, 11, 2):
            self.release(client, addresses[client])
        self.radius.start()
        wait_for(lambda: self.queued() == 0, "the end of the queue", 40)
        for address in addresses.values():
            self.one_session(self.records(START, INTERIM, STOP, of=address))
        late = [int(each["Acct-Delay-Time"]) for each in self.radius.records(Acct_Status_Type=f"{INTERIM}")]
        self.assertGreaterEqual(min(late), 1)

    def queued(self) -> int:
        """How many records wait."""
        shown: int = self.current.tell("status-get")["arguments"]["radius"]["accounting"]["queued"]
        return shown

    def test_down_at_expiry(self) -> None:
        """A lease that ended while the server was down ends its session when it is back, as of its own time."""
        server = self.serve4(valid_lifetime=3)
        self.relay.lease(1)
        self.records(START)
        server.kill()
        time.sleep(5)
        server.start()
        start, stop = self.records(START, STOP)
        self.assertEqual((stop["Acct-Terminate-Cause"], stop["Acct-Session-Time"]), ("Session-Timeout", "3"))
        self.assertGreaterEqual(int(stop["Acct-Delay-Time"]), 2)
        self.one_session((start, stop))

    def test_frozen(self) -> None:
        """While RADIUS is frozen clients are served as ever, and then it is told everything."""
        self.serve4()
        normal = self.served(range(1, 51))
        self.records(*[START] * 50)
        self.radius.freeze()
        self.addCleanup(self.radius.thaw)
        self.assertLessEqual(self.served(range(51, 251)), max(0.5, 3 * normal))
        wait_for(lambda: self.queued() == 200, "the queue")
        self.radius.thaw()
        wait_for(lambda: self.queued() == 0, "the end of the queue", 60)
        started = {each["Framed-IP-Address"] for each in self.radius.records(Acct_Status_Type=START)}
        self.assertEqual(len(started), 250)

    def served(self, clients: range) -> float:
        """The seconds that 95 of a hundred clients wait for their leases at most."""
        found = []
        for client in clients:
            began = time.monotonic()
            self.assertEqual(self.relay.lease(client).type, ACK)
            found.append(time.monotonic() - began)
        return sorted(found)[len(found) * 95 // 100]

    def test_class(self) -> None:
        """What RADIUS access says for accounting is told to it, also at an end that nobody asked about."""
        self.radius.users(user("02:00:00:00:00:01", Class="0x00ff", Framed_IP_Address="10.0.1.77"))
        parameters = {**self.accounting(), "access": {"servers": [self.radius.server()]}}
        self.current = server = self.server4(parameters, subnet4=[DISTANT4], expired_leases_processing=EXPIRY)
        self.assertEqual(self.relay.lease(1).yiaddr, "10.0.1.77")
        self.records(START)
        server.kill()
        server.start()
        server.tell("lease4-del", **{"ip-address": "10.0.1.77"})
        start, stop = self.records(START, STOP)
        self.assertEqual((start["Class"], stop["Class"]), ("0x00ff", "0x00ff"))
        self.assertEqual(stop["Acct-Terminate-Cause"], "Admin-Reset")

    def test_reconfigured(self) -> None:
        """A change of the configuration is no restart: sessions go on, and no Accounting-On; an orderly end is told."""
        server = self.serve4({"accounting_on_off": True})
        address = self.relay.lease(1).yiaddr
        self.records("Accounting-On", START)
        added = {"id": 9, "subnet": "10.9.0.0/16"}
        self.assertEqual(server.tell("subnet4-add", subnet4=[added])["result"], 0)
        self.assertEqual(server.tell("config-reload")["result"], 0)
        self.assertEqual(self.relay.renew(1, address).type, ACK)
        records = self.records("Accounting-On", START, INTERIM)
        self.one_session(records[1:])
        server.stop()
        self.records("Accounting-On", START, INTERIM, "Accounting-Off")

    def test_other_family(self) -> None:
        """DHCPv6: an address and a prefix, each under its own session, over kill -9."""
        self.current = server = self.server6(self.accounting(), subnet6=[DISTANT6], expired_leases_processing=EXPIRY)
        address, prefix = self.relay6.lease(1, LINK6, prefix=True)
        self.records(START, START)
        server.kill()
        server.start()
        for place in (address, prefix):
            named = {"ip-address": place.partition("/")[0], "type": "IA_PD" if "/" in place else "IA_NA"}
            self.assertEqual(server.tell("lease6-del", **named)["result"], 0)
        for place in (address, prefix):
            self.one_session(self.records(START, STOP, of=place))
