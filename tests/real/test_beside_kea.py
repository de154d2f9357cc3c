"""Kea and txkea with their leases in one database that Kea's own script made: in turns, and side by side."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.real.beside import Beside
from tests.real.choosing import Choosing4, Choosing6
from tests.real.databases import MariaDB, Postgres
from tests.real.servers import KEA4, KEA6, TXKEA4, TXKEA6
from txkea.testing.namespaces import requires_root


class Promises(Beside):
    """What two servers with one database owe their clients."""

    timeout = 120

    def test_side_by_side(self) -> None:
        """Clients that talk to either keep their leases with both, nobody gets another's, and both count the same."""
        self.side_by_side()

    def test_turns(self) -> None:
        """A lease given by one is renewed by the other, and by the first again; both show it alike."""
        self.turns()

    def test_expiry_of_leases_of_kea(self) -> None:
        """What Kea gave, txkea reclaims once, and gives again."""
        self.expiry(0)

    def test_expiry_of_our_leases(self) -> None:
        """What txkea gave, Kea reclaims once, and gives again."""
        self.expiry(1)


class Beside4(Promises):
    """DHCPv4."""

    skip = requires_root("kea-dhcp4")
    family = 4
    products = (KEA4, TXKEA4)
    load_kind = Choosing4
    served = {"subnet4": [{"id": 1, "subnet": "10.0.0.0/8", "pools": [{"pool": "10.16.0.0/23"}]}]}
    short = {"valid-lifetime": 2}


class Beside6(Promises):
    """DHCPv6, addresses and prefixes."""

    skip = requires_root("kea-dhcp6")
    family = 6
    products = (KEA6, TXKEA6)
    load_kind = Choosing6
    served = {
        "data-directory": "@DIRECTORY@",
        "preferred-lifetime": 3000,
        "subnet6": [
            {
                "id": 1,
                "subnet": "2001:db8::/32",
                "pools": [{"pool": "2001:db8:8::/118"}],
                "pd-pools": [{"prefix": "2001:db8:8000::", "prefix-len": 46, "delegated-len": 56}],
            }
        ],
    }
    short = {"valid-lifetime": 2, "preferred-lifetime": 1}

    def meet(self, load: Any, number: int) -> None:
        load.meet(self.addresses[number])


class Postgres4Tests(Beside4, SynchronousTestCase):
    """On PostgreSQL."""

    database_kind = Postgres


class MariaDB4Tests(Beside4, SynchronousTestCase):
    """On MariaDB."""

    database_kind = MariaDB


class Postgres6Tests(Beside6, SynchronousTestCase):
    """On PostgreSQL."""

    database_kind = Postgres


class MariaDB6Tests(Beside6, SynchronousTestCase):
    """On MariaDB."""

    database_kind = MariaDB
