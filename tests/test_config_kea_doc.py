"""The examples of Kea's documentation (Debian's package kea-doc)."""

from __future__ import annotations

import glob
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from txkea.config import features
from txkea.config.features import LIBRARIES, Feature, NotBuilt
from txkea.config.load import configuration
from txkea.config.text import from_json, load
from txkea.errors import ConfigErrors

INSTALLED: Final = Path("/usr/share/doc/kea/examples")
CACHE: Final = Path(__file__).parent.parent / "build" / "kea-doc"
"""Images of containers leave documentation out when they install a package; then it is unpacked here."""

HA = LIBRARIES["ha"]

EVERYTHING: Final = {
    features.CONFIG_BACKEND,
    features.EXTENDED_INFO,
}

OUTCOMES: Final[dict[int, dict[str, set[Feature]]]] = {
    4: {
        "advanced.json": set(),
        "all-keys-netconf.json": EVERYTHING,
        "all-keys.json": EVERYTHING,
        "all-options.json": set(),
        "backends.json": set(),
        "classify.json": set(),
        "classify2.json": set(),
        "comments.json": set(),
        "config-backend.json": {features.CONFIG_BACKEND},
        "dhcpv4-over-dhcpv6.json": set(),
        "global-reservations.json": set(),
        "ha-load-balancing-primary.json": {HA},
        "hooks-radius.json": set(),
        "hooks.json": {features.FOREIGN},
        "leases-expiration.json": set(),
        "multiple-options.json": set(),
        "mysql-reservations.json": set(),
        "pgsql-reservations.json": set(),
        "reservations.json": set(),
        "several-subnets.json": set(),
        "shared-network.json": set(),
        "single-subnet.json": set(),
        "vendor-specific.json": set(),
        "vivso.json": set(),
        "with-ddns.json": {features.DDNS},
    },
    6: {
        "advanced.json": set(),
        "all-keys-netconf.json": EVERYTHING,
        "all-keys.json": EVERYTHING,
        "all-options.json": set(),
        "backends.json": set(),
        "classify.json": set(),
        "classify2.json": set(),
        "comments.json": set(),
        "config-backend.json": {features.CONFIG_BACKEND},
        "dhcpv4-over-dhcpv6.json": set(),
        "duid.json": set(),
        "global-reservations.json": set(),
        "ha-hot-standby.json": {HA},
        "hooks.json": {features.FOREIGN},
        "iPXE.json": set(),
        "leases-expiration.json": set(),
        "multiple-options.json": set(),
        "mysql-reservations.json": set(),
        "pgsql-reservations.json": set(),
        "reservations.json": set(),
        "several-subnets.json": set(),
        "shared-network.json": set(),
        "simple.json": set(),
        "softwire46.json": set(),
        "stateless.json": set(),
        "tee-times.json": set(),
        "with-ddns.json": {features.DDNS},
    },
}
"""What a file of Kea 2.2.0 needs that is not built yet; nothing for one that loads."""


def examples() -> Path:
    """The directory of the examples."""
    if INSTALLED.is_dir():
        return INSTALLED
    found = CACHE / "files" / INSTALLED.relative_to("/")
    if not found.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", "kea-doc"], cwd=CACHE, check=True, capture_output=True)
        (package,) = glob.glob(str(CACHE / "kea-doc_*.deb"))
        subprocess.run(["dpkg-deb", "-x", package, CACHE / "files"], check=True)
    return found


class Examples(SynchronousTestCase):
    """Files that Kea's users start from."""

    maxDiff = None  # noqa: N815 - unittest's own

    def files(self, family: int) -> Iterator[Path]:
        """All examples of a family."""
        return (path for path in sorted((examples() / f"kea{family}").iterdir()) if path.suffix == ".json")

    def outcome(self, path: Path, family: int) -> set[object]:
        """What an example needs that is not built, or what is wrong with it; nothing if it loads."""
        try:
            configuration(load(str(path)), family)
        except ConfigErrors as errors:
            return {error.feature if isinstance(error, NotBuilt) else str(error) for error in errors.errors}
        return set()

    def test_outcomes(self) -> None:
        """Each loads, or is refused for exactly the features that it needs and that are not built yet."""
        for family, expected in OUTCOMES.items():
            self.assertEqual({path.name: self.outcome(path, family) for path in self.files(family)}, expected)

    def test_loads_again(self) -> None:
        """The effective configuration of each that loads gives the same configuration."""
        for family, expected in OUTCOMES.items():
            for path in self.files(family):
                if not expected[path.name]:
                    found = configuration(load(str(path)), family)
                    again = configuration(from_json(found.tree), family)
                    self.assertEqual(evolve(again, warnings=()), evolve(found, warnings=()), path.name)
