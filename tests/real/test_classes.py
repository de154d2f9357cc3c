"""Client classes mean the same to Kea 2.2.0 and to txkea: who is in them, what that opens, and what members get."""

from __future__ import annotations

from typing import Any, Final

from tests.real.arena4 import Arena4
from tests.real.cases_classes4 import Places, effects4, expressions4
from tests.real.compared import Family
from tests.real.differential import Facts
from tests.real.dialect import Step
from tests.real.known_classes import KNOWN_EFFECTS4, KNOWN_EXPRESSIONS4
from tests.real.servers import PRODUCTS
from tests.real.situations import Situations
from tests.real.tap import Seen
from txkea.testing.namespaces import requires_root


class Pools4(Arena4):
    """Of an address only its pool is compared, unless it is reserved."""

    def facts(self, step: Step, seen: Seen) -> Facts:
        found = super().facts(step._replace(pool=""), seen)
        address = found["yiaddr"]
        if address == "0.0.0.0" or address.endswith(".0.7"):
            return found
        pool = address.rpartition(".")[0]
        self.free.add(address)
        return {name: value.replace(address, f"{pool}.*") for name, value in found.items()}


def nothing(*_: Any) -> Any:
    raise NotImplementedError


FAMILY4: Final = Family(PRODUCTS, Pools4, nothing, nothing, ())


class Classes4(Situations):
    """DHCPv4."""

    skip = requires_root("kea-dhcp4", "sysctl")
    family = FAMILY4
    number = 4

    def test_expressions(self) -> None:
        """Every operator and function: who is a member."""
        self.assert_alike(list(expressions4(Places())), KNOWN_EXPRESSIONS4)

    def test_effects(self) -> None:
        """What classes open and what they give."""
        self.assert_alike(list(effects4(Places())), KNOWN_EFFECTS4)
