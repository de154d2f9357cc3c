"""kill -9 at random moments under load: no granted address or prefix is lost, none is another's, or a part of it."""

from __future__ import annotations

import os
from typing import Any, Final

from tests.real.crashing import Crashing
from tests.real.load6 import Load6
from tests.real.servers import KEA6, PRODUCTS6, Product
from txkea.testing.namespaces import requires_root

OURS: Final = PRODUCTS6[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
HEADER: Final = (
    "address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,"
    "hwaddr,state,user_context,hwtype,hwaddr_source"
)
PREFIXES: Final = {"prefix": "2001:db8:8000::", "prefix-len": 40, "delegated-len": 56}


def served(*subnets: dict[str, Any]) -> dict[str, Any]:
    """A link with these subnets."""
    numbered = [{"id": number, **subnet} for number, subnet in enumerate(subnets, 1)]
    link = {"name": "link", "rapid-commit": True, "subnet6": numbered}
    return {"data-directory": "@DIRECTORY@", "preferred-lifetime": 3000, "shared-networks": [link]}


class Crashing6(Crashing):
    """DHCPv6; the server's DUID is in a file of its own, and must survive too."""

    skip = requires_root("kea-dhcp6")
    server_address = "2001:db8::1/32"
    relay_address = "2001:db8::2/32"
    load_kind = Load6
    listens = "eth0/2001:db8::1"
    daemon = "kea-dhcp6"
    keyword = "Dhcp6"
    served = served({"subnet": "2001:db8::/32", "pools": [{"pool": "2001:db8:0:1::/112"}], "pd-pools": [PREFIXES]})
    torn = f"{HEADER}\n2001:db8:0:1::99,00:03:00:01:02:00:00:00:00:99,4000,17"

    def setUp(self) -> None:
        super().setUp()
        for namespace in (self.there, self.here):
            namespace.wait_for_addresses()

    def take(self, load: Any, client: int, wanted: Any) -> Any:
        """An address; only the row after the torn one is lost."""
        (address,) = load.lease(client, address=wanted or "2001:db8:0:1::3")
        return address


class Kill(Crashing6):
    """The server that we test."""

    timeout = 360

    def test_kill_under_load(self) -> None:
        """Killed a hundred times under load, every client keeps what was granted to it, and alone."""
        self.crash(self.server(OURS, self.configuration()), self.load())

    def test_kill_during_cleanup(self) -> None:
        """The same while lease files are cleaned up every second."""
        self.cleanup(OURS)

    def test_torn_row(self) -> None:
        """After a start from a file whose last row is torn, the next lease survives the next kill."""
        self.assertEqual([], self.torn_row(OURS))


class Overlap(Crashing6):
    """Addresses and prefixes are of one space, by two subnets of a link: all addresses are in the first prefix."""

    served = served(
        {"subnet": "2001:db8::/33", "pd-pools": [PREFIXES]},
        {"subnet": "2001:db8:8000::/33", "pools": [{"pool": "2001:db8:8000::/112"}]},
    )

    def walk(self, product: Product) -> list[str]:
        """What is violated when many clients lease, release and renew, and at last all renew."""
        server, load = self.server(product, self.configuration()), self.load(200)
        server.start()
        load.run(3.0)
        load.renew(load.owners())
        self.assertGreater(load.history.grants, 100)
        return list(load.history.violations)

    def test_overlap(self) -> None:
        """No address is given that is in another's prefix, and no prefix with another's address in it."""
        self.assertEqual([], self.walk(OURS))

    def test_overlap_of_kea_is_flagged(self) -> None:
        """Kea 2.2.0 keeps addresses and prefixes apart by their type alone: that is seen."""
        self.assertIn("I-D", " ".join(self.walk(KEA6)))


class Control(Crashing6):
    """The test can fail."""

    def test_torn_row_of_kea_is_flagged(self) -> None:
        """Kea 2.2.0 glues the next row to a torn one, and gives the address to a second client: that is seen."""
        violations = self.torn_row(KEA6)
        self.assertEqual(1, len([each for each in violations if each.startswith("I-D")]), violations)

    def test_lost_lease_is_flagged(self) -> None:
        """A server whose lease file is emptied between kill and restart is found out."""
        self.assertTrue(self.lose(KEA6))
