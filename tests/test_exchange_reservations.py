"""Reservations in the exchange: who is known, by what, and what is kept for whom (Kea A.6)."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.exchanging import ACK, NAK, OFFER, RELAY, got, prl, serving
from txkea.testing.clients4 import Client, LocalServer, packed

DUID = b"\0\3\0\1\2\0\0\0\0\1"
IN_POOL = "192.0.2.12"
OUT_OF_POOL = "192.0.2.50"


def mac(number: int) -> str:
    """The hardware address of a test's client."""
    return f"02:00:00:01:00:{number:02x}"


def host(address: str = "", number: int = 1, **more: Any) -> dict[str, Any]:
    """A reservation for client ``number``, unless ``more`` names another identifier."""
    identifier = {} if any(name.replace("_", "-") in IDENTIFIERS for name in more) else {"hw-address": mac(number)}
    keywords = {name.replace("_", "-"): value for name, value in more.items()}
    return {**identifier, **({"ip-address": address} if address else {}), **keywords}


IDENTIFIERS = ("hw-address", "duid", "circuit-id", "client-id", "flex-id")


def reserving(*hosts: dict[str, Any], **dhcp4: Any) -> LocalServer:
    """A server with these reservations in subnet 1."""
    return serving({"reservations": list(hosts)}, **dhcp4)


class IdentifierTests(SynchronousTestCase):
    """What a client is recognised by."""

    def test_kinds(self) -> None:
        """A072, A080, A081, V4-35: each kind of identifier finds its reservation."""
        for reservation, options in (
            (host(OUT_OF_POOL), {}),
            (host(OUT_OF_POOL, client_id="01:aa:bb"), {61: b"\1\xaa\xbb"}),
            (host(OUT_OF_POOL, duid=DUID.hex(":")), {61: b"\xff\1\2\3\4" + DUID}),
            (host(OUT_OF_POOL, circuit_id="'port'"), {82: b"\1\4port"}),
        ):
            ack = Client(reserving(reservation), options=options).lease()
            self.assertEqual(ack.yiaddr, OUT_OF_POOL, reservation)

    def test_short_duid(self) -> None:
        """A080: a client identifier of type 255 without a DUID after the IAID is none."""
        server = reserving(host(OUT_OF_POOL, duid=DUID.hex(":")))
        for client_id in (b"\xff\1\2\3\4", b"\1\1\2\3\4" + DUID):
            self.assertNotEqual(Client(server, client_id=client_id).lease().yiaddr, OUT_OF_POOL)

    def test_circuit_id_of_a_renewal(self) -> None:
        """A081: a renewal past the relay does not say the circuit, but the lease stays the client's."""
        hosts = [{"circuit-id": "'port'", "ip-address": "198.51.100.50"}]
        subnet = {"id": 2, "subnet": "198.51.100.0/24", "pools": [], "reservations": hosts}
        server = serving(subnet4=[subnet])
        client = Client(server, relay=RELAY, options={82: b"\1\4port"})
        client.lease()
        without = Client(server, relay=RELAY)
        self.assertIsNone(without.discover(), "a stranger on another circuit")
        got(client.renew("198.51.100.50"), ACK)

    def test_order(self) -> None:
        """A029, F025: host-reservation-identifiers says which of a client's reservations counts."""
        hosts = host("192.0.2.51"), host("192.0.2.52", client_id="01:aa")
        for order, address in (
            (["hw-address", "client-id"], "192.0.2.51"),
            (["client-id", "hw-address"], "192.0.2.52"),
            (["client-id"], "192.0.2.52"),
        ):
            server = reserving(*hosts, host_reservation_identifiers=order)
            self.assertEqual(Client(server, client_id=b"\1\xaa").lease().yiaddr, address)


class ReservedAddressTests(SynchronousTestCase):
    """An address that is reserved."""

    def test_offered(self) -> None:
        """A146: the reserved address is offered whatever the client asks for, in a pool or outside."""
        for address in (IN_POOL, OUT_OF_POOL):
            client = Client(reserving(host(address)))
            self.assertEqual(got(client.discover({50: packed("192.0.2.15")}), OFFER).yiaddr, address)
            self.assertEqual(client.lease().yiaddr, address)

    def test_new_reservation(self) -> None:
        """A146, A123: a client with another lease is offered its reserved address, and may not renew the other."""
        before = serving()
        Client(before).lease("192.0.2.15")
        server = serving({"reservations": [host(OUT_OF_POOL)]}, site={"leases": before.site.leases})
        client = Client(server)
        got(client.renew("192.0.2.15"), NAK)
        self.assertEqual(client.lease().yiaddr, OUT_OF_POOL)
        self.assertEqual(list(server.leases), [OUT_OF_POOL])

    def test_kept(self) -> None:
        """A147, A152: nobody else is offered or leased a reserved address, asked for or not."""
        server = reserving(host(IN_POOL), host(OUT_OF_POOL, 2))
        strangers = [Client(server, number) for number in range(10, 19)]
        for stranger in strangers:
            self.assertNotEqual(stranger.lease(IN_POOL).yiaddr, IN_POOL)
        for address in (IN_POOL, OUT_OF_POOL):
            got(Client(server, 20).select(address), NAK)
        self.assertIsNone(Client(server, 20).discover(), "all other addresses are leased")

    def test_taken(self) -> None:
        """A146, F019: while another holds it, the reserved client gets another address, and the holder is refused."""
        before = serving()
        holder = Client(before, 2)
        holder.lease(IN_POOL)
        server = serving({"reservations": [host(IN_POOL)]}, site={"leases": before.site.leases})
        client = Client(server)
        other = client.lease().yiaddr
        self.assertNotEqual(other, IN_POOL)
        self.assertEqual(server.statistic("v4-reservation-conflicts"), 1)
        holder.server = server
        got(holder.renew(IN_POOL), NAK)
        self.assertNotEqual(got(holder.discover(), OFFER).yiaddr, IN_POOL)
        self.assertEqual(server.leases[IN_POOL].hwaddr, holder.hwaddr)
        server.now += 7201
        self.assertEqual(client.lease().yiaddr, IN_POOL)
        self.assertNotIn(other, {address for address, lease in server.leases.items() if not lease.expired(server.now)})

    def test_owner_asks_for_another(self) -> None:
        """A147: a client that requests another address than the one reserved for it is refused while that is free."""
        got(Client(reserving(host(OUT_OF_POOL))).select("192.0.2.15"), NAK)

    def test_no_address_named(self) -> None:
        """A147: a client that selects this server but names no address gets its reserved one, or any."""
        for hosts, address in (([host(OUT_OF_POOL)], OUT_OF_POOL), ([], "192.0.2.10")):
            ack = Client(reserving(*hosts)).send(3, {54: packed("192.0.2.1")})
            self.assertEqual(got(ack, ACK).yiaddr, address)

    def test_without_address(self) -> None:
        """A074: a reservation without an address leaves the choice of the address as it is."""
        ack = Client(reserving(host(hostname="named"))).lease("192.0.2.15", prl(12))
        self.assertEqual((ack.yiaddr, ack.options[12]), ("192.0.2.15", b"named"))


class ModeTests(SynchronousTestCase):
    """reservations-in-subnet, reservations-out-of-pool, reservations-global."""

    def test_disabled(self) -> None:
        """A069, A152: with reservations-in-subnet false nothing is reserved in the subnet."""
        server = reserving(host(IN_POOL), reservations_in_subnet=False)
        self.assertNotEqual(Client(server).lease().yiaddr, IN_POOL)
        self.assertEqual(Client(server, 2).lease(IN_POOL).yiaddr, IN_POOL)

    def test_out_of_pool(self) -> None:
        """A069, A152: with reservations-out-of-pool a reservation inside a pool does not count, one outside does."""
        server = reserving(host(IN_POOL), host(OUT_OF_POOL, 2), reservations_out_of_pool=True)
        self.assertEqual(Client(server, 3).lease(IN_POOL).yiaddr, IN_POOL)
        self.assertNotEqual(Client(server).lease().yiaddr, IN_POOL)
        self.assertEqual(Client(server, 2).lease().yiaddr, OUT_OF_POOL)
        got(Client(server, 4).select(OUT_OF_POOL), NAK)

    def test_global(self) -> None:
        """F020: a global reservation counts with reservations-global, and only where its address fits the link."""
        for used in (True, False):
            server = serving(reservations=[host(OUT_OF_POOL)], reservations_global=used)
            self.assertEqual(Client(server).lease().yiaddr == OUT_OF_POOL, used)
            self.assertEqual(Client(server, relay=RELAY).lease().yiaddr, "198.51.100.10")

    def test_global_kept(self) -> None:
        """F020: an address that is reserved globally is kept from others where global reservations count."""
        server = serving(reservations=[host(IN_POOL)], reservations_global=True)
        self.assertNotEqual(Client(server, 2).lease(IN_POOL).yiaddr, IN_POOL)

    def test_narrow_before_global(self) -> None:
        """F020: a subnet's own reservation comes before a global one."""
        server = reserving(host(OUT_OF_POOL), reservations=[host("192.0.2.60")], reservations_global=True)
        self.assertEqual(Client(server).lease().yiaddr, OUT_OF_POOL)


class NetworkTests(SynchronousTestCase):
    """Reservations in shared networks."""

    def network(self, hosts: list[dict[str, Any]], **dhcp4: Any) -> LocalServer:
        """Two subnets on the server's link; the reservations are in the second."""
        subnets = [
            {"id": 11, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.12"}]},
            {
                "id": 12,
                "subnet": "203.0.113.0/24",
                "pools": [{"pool": "203.0.113.10 - 203.0.113.12"}],
                "reservations": hosts,
            },
        ]
        return serving(subnet4=[], shared_networks=[{"name": "link", "subnet4": subnets}], **dhcp4)

    def test_moves(self) -> None:
        """A154: a reservation in any subnet of the network moves the client to that subnet."""
        server = self.network([host("203.0.113.50")])
        ack = Client(server).lease()
        self.assertEqual((ack.yiaddr, server.leases[ack.yiaddr].subnet_id), ("203.0.113.50", 12))
        self.assertEqual(ack.options[1], packed("255.255.255.0"))

    def test_global_moves(self) -> None:
        """F020, A154: a global reservation whose address fits a neighbouring subnet moves the client there."""
        server = self.network([], reservations=[host("203.0.113.50")], reservations_global=True)
        self.assertEqual(Client(server).lease().yiaddr, "203.0.113.50")

    def test_kept(self) -> None:
        """A152, F024: an address reserved in a neighbouring subnet is kept from others too."""
        server = self.network([host("203.0.113.10")])
        leased = {Client(server, number).lease().yiaddr for number in range(2, 7)}
        self.assertEqual(len(leased), 5)
        self.assertNotIn("203.0.113.10", leased)
        self.assertIsNone(Client(server, 8).discover())
        self.assertEqual(Client(server).lease().yiaddr, "203.0.113.10")
