"""Kea 2.2.0 and txkea answer the same commands by their UNIX sockets, and leave the same behind.

The tables `tests.real.commands_core`, `commands_leases` and `commands_malformed` hold requests without a word about
answers; both servers are asked, one request after the other, and the answers are compared value by value. Texts are
equal to the letter, except that an error (result 1) is told in each server's own words, which must not be empty. What
else differs is in `tests.real.known_commands`, each with its reason. How values compare is told in
`tests.real.commands`. Kea 2.2.0 does not survive some requests; where the tables leave one out they say so.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from tests.real import commands_core as core
from tests.real import commands_leases as leases
from tests.real.commands import Case, Pair, ask
from tests.real.commands_malformed import malformed
from tests.real.commands_scenes import KINS, Kin, scene
from tests.real.compared import Judged, ours
from tests.real.differential import Difference
from tests.real.known_commands import KNOWN4, KNOWN6
from tests.real.servers import PRODUCTS, PRODUCTS6, Product
from txkea.testing.namespaces import requires_root

TOPICS: Final[dict[str, Callable[[Kin], Iterator[Case]]]] = {
    each.__name__: each
    for each in (
        core.oddities,
        core.operations,
        leases.adding,
        leases.updating,
        leases.finding,
        leases.listing,
        leases.deleting,
        leases.wiping,
        leases.bulk,
        core.statistics,
        core.samples,
        malformed,
        core.configurations,
        core.files,
        core.removals,
    )
}
"""In this order: the last ones take statistics away, and others leave some behind in Kea."""
KNOWN: Final = {4: KNOWN4, 6: KNOWN6}
SERVERS: Final = {4: PRODUCTS, 6: PRODUCTS6}


def cases(family: int, *topics: str) -> list[Case]:
    """All cases of some topics, or of all."""
    return [
        case._replace(name=f"{topic}: {case.name}")
        for topic in topics or TOPICS
        for case in TOPICS[topic](KINS[family])
    ]


def forms(asked: Sequence[Case]) -> set[tuple[str, str]]:
    """The different commands with their arguments."""
    found = set()
    for step in (step for case in asked for step in case.steps):
        try:
            request = json.loads(step.request)
        except ValueError:
            continue
        if isinstance(request, dict):
            found.add((str(request.get("command")), json.dumps(request, sort_keys=True)))
    return found


class CommandsCase(Judged):
    """Two servers side by side."""

    skip = requires_root("kea-dhcp4", "kea-dhcp6")

    def pair(self, products: Sequence[Product], family: int, *configurations: dict[str, Any]) -> Pair:
        """Both started, from configurations with changes, or from the same."""
        sockets = Path(tempfile.mkdtemp(prefix="txkea-", dir="/tmp"))  # short, for the sockets' sake
        self.addCleanup(shutil.rmtree, sockets)
        scenes = [scene(family, **more) for more in configurations or ({}, {})]
        pair = Pair(products, scenes, Path(self.mktemp()), sockets)
        self.addCleanup(pair.close)
        pair.start()
        return pair


class CommandsTests(CommandsCase):
    """Kea is the oracle; its answers are obtained while the tests run."""

    def test_dhcp4(self) -> None:
        """DHCPv4: every command of Kea's, in more than a thousand forms."""
        self.compare(4)

    def test_dhcp6(self) -> None:
        """DHCPv6: every command of Kea's, in more than a thousand forms."""
        self.compare(6)

    def compare(self, family: int) -> None:
        """No difference but the known ones, of which each comes."""
        asked = cases(family)
        products = SERVERS[family]
        tested = ours(products)
        pair = self.pair((products["kea"], tested), family)
        self.assertGreater(len(forms(asked)), 1000)
        self.assertEqual(self.commands(pair, family) - {command for command, _ in forms(asked)}, set())
        found = list(pair.differences(asked))
        known = KNOWN[family] if tested is not products["kea"] else ()
        self.assert_explained(found, known, tested.name)
        self.assert_all_occur(found, known)

    def commands(self, pair: Pair, family: int) -> set[str]:
        """What Kea can do, but for the other family's leases, of which it has none."""
        other = f"lease{10 - family}"
        names = {field.partition(".")[2] for field in pair.answers(ask("list-commands"))[0]}
        return {name for name in names if name and other not in name}


class ControlTests(CommandsCase):
    """The test can fail: it sees what does differ, and sees nothing between equals."""

    def found(self, *topics: str, more: dict[str, Any]) -> list[Difference]:
        """What differs between two Keas, the second with another configuration."""
        pair = self.pair((PRODUCTS["kea"], PRODUCTS["kea"]), 4, {}, more)
        return list(pair.differences(cases(4, *topics)))

    def test_kea_equals_itself(self) -> None:
        """Kea beside Kea shows no difference."""
        topics = ("oddities", "operations", "adding", "updating", "listing", "deleting", "wiping", "statistics")
        self.assertEqual([], self.found(*topics, more={}))

    def test_a_difference_is_seen(self) -> None:
        """Kea with another lifetime differs from Kea just there, in answers and in what is left."""
        found = {each.field for each in self.found("updating", more={"valid-lifetime": 5000})}
        lease = "arguments.leases[192.0.2.10]"
        times = ("valid-lft", "cltt")  # with an end given, the beginning follows from the lifetime
        self.assertEqual({f"{what}.{name}" for what in ("arguments", f"left: {lease}") for name in times}, found)
