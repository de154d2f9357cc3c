"""Client classes mean the same to Kea 2.2.0 and to txkea: who is in them, what that opens, and what members get."""

from __future__ import annotations

import re
from ipaddress import IPv6Interface
from typing import Any

from tests.real.arena4 import Arena4
from tests.real.arena6 import Arena6, facts_of
from tests.real.cases_classes4 import effects4
from tests.real.cases_classes6 import effects6
from tests.real.compared import Family
from tests.real.dialect import Step
from tests.real.dialect6 import Step as Step6
from tests.real.differential import Facts
from tests.real.known_classes import KNOWN_EFFECTS4, KNOWN_EFFECTS6, KNOWN_EXPRESSIONS4, KNOWN_EXPRESSIONS6
from tests.real.places_classes4 import PHONE, PHONES, configured, everybody, expressions4
from tests.real.places_classes4 import Places as Places4
from tests.real.places_classes6 import Places as Places6
from tests.real.places_classes6 import expressions6
from tests.real.servers import KEA4, PRODUCTS, PRODUCTS6
from tests.real.situations import Situation, Situations
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


class Pools6(Arena6):
    """Of an address or prefix only its pool is compared, unless it is reserved."""

    def facts(self, step: Step6, seen: Seen) -> Facts:
        found = facts_of(seen)
        resources = [value for name, value in found.items() if re.fullmatch(r"(na|pd) \d+ resource \d+", name)]
        return super().facts(step._replace(free=tuple(filter(None, map(pool_of, resources)))), seen)


def pool_of(resource: str) -> str:
    """The network of the pool that an address or a prefix is in; empty if it is reserved."""
    address, _, length = resource.partition("/")
    if address.endswith(("::7", ":f00::")):
        return ""
    return str(IPv6Interface(f"{address}/{64 if length == '128' else 56}").network)


def unused(*_: Any) -> Any:
    """What situations have instead of groups and topics."""
    raise NotImplementedError


class Classes4(Situations):
    """DHCPv4."""

    skip = requires_root("kea-dhcp4", "sysctl")
    family = Family(PRODUCTS, Pools4, unused, unused, ())
    number = 4

    def test_expressions(self) -> None:
        """Every operator and function: who is a member."""
        self.assert_alike(list(expressions4(Places4())), KNOWN_EXPRESSIONS4, 30)

    def test_effects(self) -> None:
        """What classes open and what they give."""
        self.assert_alike(list(effects4(Places4())), KNOWN_EFFECTS4, 140)


class Classes6(Situations):
    """DHCPv6."""

    skip = requires_root("kea-dhcp6", "sysctl")
    family = Family(PRODUCTS6, Pools6, unused, unused, ())
    number = 6

    def test_expressions(self) -> None:
        """Every operator and function: who is a member."""
        self.assert_alike(list(expressions6(Places6())), KNOWN_EXPRESSIONS6, 25)

    def test_effects(self) -> None:
        """What classes open and what they give."""
        self.assert_alike(list(effects6(Places6())), KNOWN_EFFECTS6, 140)


class Control(Situations):
    """The test can fail: it sees what does differ, and sees nothing between equals."""

    skip = requires_root("kea-dhcp4", "sysctl")
    family = Classes4.family
    number = 4

    def test_kea_equals_itself(self) -> None:
        """Kea beside Kea shows no difference."""
        situations = [each for each in effects4(Places4()) if each.name.startswith("hosts:")]
        self.assertEqual([], self.told_apart((KEA4, KEA4), situations))

    def test_a_difference_is_seen(self) -> None:
        """Of two Keas of which one has another class, the members' option and pool differ, and nothing else."""
        place = Places4()()
        pools = [place.pool(1, **{"client-class": "phones"}), place.pool(2)]
        steps = tuple(everybody(place, ((PHONE,), ())))
        one, other = (
            Situation("a class", configured([place.subnet(*pools)], classes), steps)
            for classes in ([PHONES], [{**PHONES, "test": "option[60].hex == 'laptop'"}])
        )
        found = self.told_apart((KEA4, KEA4), [one], [other])
        self.assertEqual({"option 240", "yiaddr"}, {each.field for each in found})
        self.assertEqual({0, 1}, {each.step for each in found})
