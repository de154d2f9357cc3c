"""kill -9 at random moments under load: no acknowledged lease is lost, no address has two owners."""

from __future__ import annotations

import os
from typing import Any, Final

from tests.real.crashing import Crashing
from tests.real.load4 import Load4
from tests.real.servers import KEA4, PRODUCTS
from txkea.testing.namespaces import requires_root

OURS: Final = PRODUCTS[os.environ.get("TXKEA_TEST_SERVER", "txkea")]
HEADER: Final = "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context"


class Crashing4(Crashing):
    """DHCPv4."""

    skip = requires_root("kea-dhcp4")
    server_address = "10.0.0.1/8"
    relay_address = "10.0.0.2/8"
    load_kind = Load4
    daemon = "kea-dhcp4"
    keyword = "Dhcp4"
    served = {"subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.16.0.0/16"}]}]}
    torn = f"{HEADER}\n10.16.0.200,02:00:00:00:00:99,,4000,17"

    def take(self, load: Any, client: int, wanted: Any) -> Any:
        return load.lease(client, wanted or "10.16.0.3")


class Kill(Crashing4):
    """The server that we test."""

    timeout = 360

    def test_kill_under_load(self) -> None:
        """Killed a hundred times under load, every client keeps what was acknowledged to it, and alone."""
        self.crash(self.server(OURS, self.configuration()), self.load())

    def test_kill_during_cleanup(self) -> None:
        """The same while lease files are cleaned up every second."""
        self.cleanup(OURS)

    def test_torn_row(self) -> None:
        """After a start from a file whose last row is torn, the next lease survives the next kill."""
        self.assertEqual([], self.torn_row(OURS))


class Control(Crashing4):
    """The test can fail."""

    def test_torn_row_of_kea_is_flagged(self) -> None:
        """Kea 2.2.0 glues the next row to a torn one, and gives the address to a second client: that is seen."""
        violations = self.torn_row(KEA4)
        self.assertEqual(1, len([each for each in violations if each.startswith("I-D")]), violations)

    def test_lost_lease_is_flagged(self) -> None:
        """A server whose lease file is emptied between kill and restart is found out."""
        self.assertTrue(self.lose(KEA4))
