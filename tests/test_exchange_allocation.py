"""Whose lease is it, and which address does a client get (Kea A.12, A.13)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, NAK, OFFER, got, reclaiming, serving
from txkea.exchange.accounting import reclaimed
from txkea.model.lease import Lease4, LeaseState
from txkea.testing.clients4 import Client, LocalServer, packed

FREE = "192.0.2.15"
ONE = {"pools": [{"pool": "192.0.2.10/32"}]}


def stored(server: LocalServer, lease: Lease4) -> None:
    """Put a lease into the store as if it had always been there."""
    assert server.site.leases.table.add(lease)  # type: ignore[attr-defined]


class IdentityTests(SynchronousTestCase):
    """By what a client is taken for the one that it was."""

    def same(self, first: dict[str, Any], second: dict[str, Any], **dhcp4: Any) -> bool:
        """Whether a client that comes back as another is given its former lease."""
        server = serving(**dhcp4)
        address = Client(server, **first).lease().yiaddr
        return got(Client(server, **second).discover(), OFFER).yiaddr == address

    def test_table(self) -> None:
        """A140-A143, V4-32: client identifiers decide where both have one, else the hardware address."""
        one, two, three = b"\1one", b"\1two", b"\1three"
        a, b = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
        for first, second, same in (
            ({"hwaddr": a, "client_id": one}, {"hwaddr": a, "client_id": one}, True),
            ({"hwaddr": a, "client_id": one}, {"hwaddr": b, "client_id": one}, True),
            ({"hwaddr": a, "client_id": one}, {"hwaddr": a, "client_id": two}, False),
            ({"hwaddr": a, "client_id": one}, {"hwaddr": a}, True),
            ({"hwaddr": a, "client_id": one}, {"hwaddr": b}, False),
            ({"hwaddr": a}, {"hwaddr": a, "client_id": three}, True),
            ({"hwaddr": a}, {"hwaddr": b, "client_id": three}, False),
            ({"hwaddr": a}, {"hwaddr": a}, True),
            ({"hwaddr": a}, {"hwaddr": b}, False),
        ):
            self.assertEqual(self.same(first, second), same, (first, second))

    def test_no_match_client_id(self) -> None:
        """A142: with match-client-id off the hardware address alone decides, and the identifier is not kept."""
        one, two = b"\1one", b"\1two"
        a, b = b"\2\0\0\0\0\1", b"\2\0\0\0\0\2"
        off: dict[str, Any] = {"match_client_id": False}
        self.assertTrue(self.same({"hwaddr": a, "client_id": one}, {"hwaddr": a, "client_id": two}, **off))
        self.assertFalse(self.same({"hwaddr": a, "client_id": one}, {"hwaddr": b, "client_id": one}, **off))
        server = serving(**off)
        Client(server, client_id=one).lease(FREE)
        self.assertEqual(server.leases[FREE].client_id, b"")

    def test_no_hardware_address(self) -> None:
        """A142, V4-36: a client without a hardware address is known by its client identifier in any case."""
        for match in (True, False):
            server = serving(match_client_id=match)
            client = Client(server, hwaddr=b"", client_id=b"\xff\0\0\0\1\0\3\0\1abcdef")
            client.lease(FREE)
            got(client.renew(FREE), ACK)
            self.assertEqual(got(client.discover(), OFFER).yiaddr, FREE)
            other = Client(server, hwaddr=b"", client_id=b"\xff\0\0\0\1\0\3\0\1ghijkl")
            self.assertNotEqual(other.lease(FREE).yiaddr, FREE)
            self.assertEqual(len(server.leases), 2)

    def test_empty_identifiers_do_not_match(self) -> None:
        """A141 [bug]: two clients without an identifier are not the same for that."""
        server = serving()
        Client(server, 1).lease(FREE)
        Client(server, 2).release(FREE)
        got(Client(server, 2).renew(FREE), NAK)
        self.assertEqual(server.leases[FREE].state, LeaseState.DEFAULT)

    def test_rfc4361(self) -> None:
        """V4-35: an identifier of type 255 is matched whole: another IAID of the same DUID is another binding."""
        duid = b"\0\3\0\1abcdef"
        self.assertTrue(self.same({"client_id": b"\xff\0\0\0\1" + duid}, {"client_id": b"\xff\0\0\0\1" + duid}))
        self.assertFalse(self.same({"client_id": b"\xff\0\0\0\1" + duid}, {"client_id": b"\xff\0\0\0\2" + duid}))

    def test_new_hardware(self) -> None:
        """V4-32: a client with another network card keeps its lease, which then names the new card."""
        server = serving()
        Client(server, 1, client_id=b"\1one").lease(FREE)
        got(Client(server, 2, client_id=b"\1one").renew(FREE), ACK)
        self.assertEqual(server.leases[FREE].hwaddr, Client(server, 2).hwaddr)
        self.assertEqual(server.statistic("assigned-addresses"), 1)

    def test_long_identifiers(self) -> None:
        """A145: a client identifier of 255 bytes and a hardware address of 16 are stored whole."""
        server = serving()
        Client(server, hwaddr=bytes(range(16)), client_id=bytes(range(255))).lease(FREE)
        lease = server.leases[FREE]
        self.assertEqual((lease.hwaddr, lease.client_id), (bytes(range(16)), bytes(range(255))))


class DiscoverTests(SynchronousTestCase):
    """Which address is offered."""

    def test_order(self) -> None:
        """V4-26, A146: the client's own lease comes before the address that it asks for, and that before any other."""
        server = serving()
        client = Client(server)
        self.assertEqual(got(client.discover({50: packed(FREE)}), OFFER).yiaddr, FREE)
        client.lease("192.0.2.17")
        self.assertEqual(got(client.discover({50: packed(FREE)}), OFFER).yiaddr, "192.0.2.17")
        self.assertEqual(got(Client(server, 2).discover(), OFFER).yiaddr, "192.0.2.10")

    def test_own_past(self) -> None:
        """V4-26, A168: a lease that is over, expired or reclaimed, still brings its client to the same address."""
        for state in (LeaseState.DEFAULT, LeaseState.RECLAIMED, LeaseState.RELEASED):
            server = serving()
            client = Client(server)
            stored(server, Lease4(packed(FREE), client.hwaddr, b"", 100, int(server.now) - 50, 1, state=state))
            self.assertEqual(got(client.discover({50: packed("192.0.2.16")}), OFFER).yiaddr, FREE)

    def test_running_before_past(self) -> None:
        """V4-26: of several leases of a client the one that still runs is its own."""
        server = serving()
        client = Client(server, client_id=b"\1one")
        for last, state, ends in (
            (11, LeaseState.RECLAIMED, -50),
            (12, LeaseState.DEFAULT, -20),
            (13, LeaseState.DEFAULT, 50),
        ):
            lease = Lease4(
                packed(f"192.0.2.{last}"), client.hwaddr, b"\1one", 100, int(server.now) + ends, 1, state=state
            )
            stored(server, lease)
        self.assertEqual(got(client.discover(), OFFER).yiaddr, "192.0.2.13")

    def test_unusable_wish(self) -> None:
        """V4-27, A146: a DISCOVER's wish for an address that cannot be had is passed over."""
        server = serving()
        Client(server, 2).lease(FREE)
        for wish in ("203.0.113.5", "0.0.0.0", "255.255.255.255", "192.0.2.200", "198.51.100.10", FREE):
            self.assertEqual(got(Client(server).discover({50: packed(wish)}), OFFER).yiaddr, "192.0.2.10", wish)

    def test_pool_shrinks(self) -> None:
        """A146, D020: a client whose lease lies in no pool any more is offered another, and may not renew it."""
        before = serving()
        Client(before).lease(FREE)
        server = serving({"pools": [{"pool": "192.0.2.20/31"}]}, site={"leases": before.site.leases})
        client = Client(server)
        got(client.renew(FREE), NAK)
        self.assertEqual(got(client.discover(), OFFER).yiaddr, "192.0.2.20")

    def test_offered_to_another(self) -> None:
        """V4-25: while there are others, an address offered to one client is not offered to the next."""
        server = serving()
        offers = [got(Client(server, number).discover(), OFFER).yiaddr for number in range(10)]
        self.assertEqual(len(set(offers)), 10)
        self.assertIsNotNone(Client(server, 10).discover(), "better one that is only offered than none")

    def test_offer_ends(self) -> None:
        """V4-25, V4-26: an offer that was not taken up keeps its address from nobody for longer than a moment."""
        server = serving()
        got(Client(server, 1).discover({50: packed(FREE)}), OFFER)
        self.assertNotEqual(got(Client(server, 2).discover({50: packed(FREE)}), OFFER).yiaddr, FREE)
        server.now += 11
        self.assertEqual(got(Client(server, 3).discover({50: packed(FREE)}), OFFER).yiaddr, FREE)

    def test_past_lease_is_offered_once(self) -> None:
        """A146: the address of a lease that is over is not offered to its former owner while offered to another."""
        server = serving()
        client = Client(server)
        stored(server, Lease4(packed(FREE), client.hwaddr, b"", 100, int(server.now) - 50, 1))
        self.assertEqual(got(Client(server, 2).discover({50: packed(FREE)}), OFFER).yiaddr, FREE)
        self.assertNotEqual(got(client.discover(), OFFER).yiaddr, FREE)

    def test_past_lease_is_held(self) -> None:
        """A146: an offer of the address of a lease that is over holds like any other."""
        server = serving()
        client = Client(server)
        stored(server, Lease4(packed(FREE), client.hwaddr, b"", 100, int(server.now) - 50, 1))
        self.assertEqual(got(client.discover(), OFFER).yiaddr, FREE)
        self.assertNotEqual(got(Client(server, 2).discover({50: packed(FREE)}), OFFER).yiaddr, FREE)


class ExpiryTests(SynchronousTestCase):
    """Leases whose time is over (Kea A.14)."""

    def setUp(self) -> None:
        self.server = reclaiming(serving(ONE, valid_lifetime=100))
        self.owner, self.heir = Client(self.server, 1), Client(self.server, 2)
        self.owner.lease()

    def count(self, name: str) -> int:
        """A statistic, which must be the same for the server and its one subnet."""
        self.assertEqual(self.server.statistic(name), self.server.statistic(f"subnet[1].{name}"))
        return self.server.statistic(name)

    def test_strictly(self) -> None:
        """A162: a lease is over when its end lies before now, not at it."""
        self.server.now += 100
        self.assertIsNone(self.heir.discover())
        self.server.now += 1
        got(self.heir.discover(), OFFER)

    def test_reuse(self) -> None:
        """A149, A150, A163: an expired lease is reclaimed when its address is needed, counted, and the row reused."""
        self.server.now += 101
        self.heir.lease()
        self.assertEqual(self.server.leases["192.0.2.10"].hwaddr, self.heir.hwaddr)
        self.assertEqual((self.count("assigned-addresses"), self.count("reclaimed-leases")), (1, 1))
        self.assertEqual(self.count("cumulative-assigned-addresses"), 2)

    def test_reuse_by_wish(self) -> None:
        """A150: an expired lease that a REQUEST takes over directly is reclaimed and counted too."""
        self.server.now += 101
        got(self.heir.select("192.0.2.10"), ACK)
        self.assertEqual((self.count("assigned-addresses"), self.count("reclaimed-leases")), (1, 1))

    def test_late_renewal(self) -> None:
        """A150: a client that renews too late is leased its address again; that counts as reclaimed and assigned."""
        self.server.now += 101
        got(self.owner.renew("192.0.2.10"), ACK)
        self.assertEqual((self.count("assigned-addresses"), self.count("reclaimed-leases")), (1, 1))

    def test_declined(self) -> None:
        """A151, A164: after probation a declined address is used again, and counted as recovered and reclaimed."""
        self.owner.decline("192.0.2.10")
        self.assertIsNone(self.heir.discover())
        self.server.now += 86401
        self.heir.lease()
        self.assertEqual((self.count("declined-addresses"), self.count("reclaimed-declined-addresses")), (0, 1))
        self.assertEqual((self.count("assigned-addresses"), self.count("reclaimed-leases")), (1, 1))

    def test_released_by_newer_kea(self) -> None:
        """A125: a row in state released, as Kea 2.7 writes it, gives way and is not counted a second time."""
        server = serving(ONE)
        stored(
            server, Lease4(packed("192.0.2.10"), b"abcdef", b"", 1, int(server.now) + 99, 1, state=LeaseState.RELEASED)
        )
        Client(server).lease()
        self.assertEqual(server.statistic("assigned-addresses"), 1)
        self.assertEqual(server.statistic("reclaimed-leases"), 0)
        released = server.leases["192.0.2.10"]._replace(state=LeaseState.RELEASED)
        reclaimed(server.site.statistics, server.site.subnets, released)
        self.assertEqual(server.statistic("assigned-addresses"), 1, "nor when its row is reclaimed")

    def test_infinite(self) -> None:
        """A114, A162: an infinite lease is never over."""
        server = serving(ONE, valid_lifetime=0xFFFFFFFF)
        Client(server).lease()
        server.now += 10**11
        self.assertIsNone(Client(server, 2).discover({50: packed("192.0.2.10")}))


class NetworkTests(SynchronousTestCase):
    """Shared networks (Kea A144, A153)."""

    def network(self, *sizes: int, **dhcp4: Any) -> LocalServer:
        """Subnets of so many addresses on the server's link; the first one is the link's own."""
        prefixes = ("192.0.2", "203.0.113", "198.18.0")
        subnets = [
            {
                "id": number,
                "subnet": f"{prefix}.0/24",
                "pools": [{"pool": f"{prefix}.10 - {prefix}.{9 + size}"}] if size else [],
            }
            for number, (prefix, size) in enumerate(zip(prefixes, sizes, strict=False), 11)
        ]
        return serving(subnet4=[], shared_networks=[{"name": "link", "subnet4": subnets}], **dhcp4)

    def test_all_subnets(self) -> None:
        """A153: when a subnet is full its neighbours serve, each lease naming its own subnet."""
        server = self.network(2, 2, 1)
        leases = [Client(server, number).lease() for number in range(1, 6)]
        self.assertEqual(len({ack.yiaddr for ack in leases}), 5)
        self.assertEqual({lease.subnet_id for lease in server.leases.values()}, {11, 12, 13})
        self.assertIsNone(Client(server, 6).discover())
        self.assertEqual(server.statistic("v4-allocation-fail-shared-network"), 1)

    def test_selected_first(self) -> None:
        """A153: as long as none has given an address the selected subnet is tried first."""
        self.assertEqual(Client(self.network(2, 2)).lease().yiaddr, "192.0.2.10")

    def test_recent_first(self) -> None:
        """A153: the neighbour that gave the last address is tried first."""
        server = self.network(3, 3)
        Client(server, 1).lease("203.0.113.11")
        self.assertEqual(Client(server, 2).lease().yiaddr, "203.0.113.10")

    def test_own_lease_anywhere(self) -> None:
        """A144: a client's lease in any subnet of the network is its own, and selects its subnet."""
        server = self.network(1, 3)
        Client(server, 1).lease()
        client = Client(server, 2)
        address = client.lease().yiaddr
        self.assertEqual(address, "203.0.113.10")
        self.assertEqual(got(client.discover(), OFFER).yiaddr, address)
        for ack in (client.reboot(address), client.rebind(address), client.renew(address)):
            self.assertEqual(got(ack, ACK).yiaddr, address)
        self.assertEqual(server.leases[address].subnet_id, 12)

    def test_one_lease(self) -> None:
        """A147: a client that takes an address of a neighbouring subnet gives up the one that it had."""
        server = self.network(2, 2, expired_leases_processing={"hold-reclaimed-time": 0})
        client = Client(server)
        client.lease()
        got(client.select("203.0.113.10"), ACK)
        self.assertEqual(list(server.leases), ["203.0.113.10"])
        self.assertEqual(
            (server.statistic("subnet[11].assigned-addresses"), server.statistic("subnet[12].assigned-addresses")),
            (0, 1),
        )

    def test_wish_anywhere(self) -> None:
        """A146: an address that a client asks for may lie in any subnet of its network."""
        self.assertEqual(
            got(Client(self.network(2, 2)).discover({50: packed("203.0.113.11")}), OFFER).yiaddr, "203.0.113.11"
        )

    def test_without_pools(self) -> None:
        """A070, A161: a network without pools offers nothing, and says so."""
        server = self.network(0, 0)
        self.assertIsNone(Client(server).discover())
        self.assertEqual(server.statistic("v4-allocation-fail-no-pools"), 1)


class OverlapTests(SynchronousTestCase):
    """Subnets that overlap."""

    def test_one_owner(self) -> None:
        """A071: an address is never leased twice, even if two subnets hold it."""
        pools = [{"pool": "192.0.2.10/31"}]
        subnets = [
            {"id": 1, "subnet": "192.0.2.0/24", "pools": pools},
            {"id": 2, "subnet": "192.0.2.0/25", "pools": pools, "relay": {"ip-addresses": ["203.0.113.1"]}},
        ]
        server = serving(subnet4=subnets)
        leased = [Client(server, 1).lease(), Client(server, 2, relay="203.0.113.1").lease()]
        self.assertEqual(len({ack.yiaddr for ack in leased}), 2)
        self.assertIsNone(Client(server, 3).discover())
        self.assertIsNone(Client(server, 4, relay="203.0.113.1").discover())
