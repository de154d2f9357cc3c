"""Two servers that take one small configuration after another, and answer some queries in each."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar

from tests.real.compared import Compared
from tests.real.differential import Arena, Difference, Known, Pair
from tests.real.servers import Product, Server
from txkea.testing.namespaces import Lab

__all__ = ["Situation", "Situations", "Tree", "class_of", "dashed", "data"]

Tree = dict[str, Any]
S = TypeVar("S")
PATIENCE: Final = 10.0
"""Seconds in which a server takes a configuration."""


class Situation(NamedTuple):
    """A configuration, and the steps of some clients in it; also the case that these are."""

    name: str
    configuration: Mapping[str, Any]
    """The keywords of the family's map."""
    steps: tuple[Any, ...]
    signs: Mapping[str, str] = {}
    """What fields of answers tell; differences are named by that."""


class Configured(Generic[S]):
    """Two arenas whose servers are reconfigured between cases."""

    def __init__(self, family: int, pair: Pair[S], arenas: Sequence[Arena[S]], controls: Sequence[str]) -> None:
        self._family = family
        self._pair = pair
        self._servers = [arena.server for arena in arenas]
        self._controls = controls

    def differences(self, *situations: Sequence[Situation]) -> Iterator[Difference]:
        """All that differs in the answers, each server in its situations' configurations."""
        for configured in zip(*situations, strict=True):
            for server, control, each in zip(self._servers, self._controls, configured, strict=True):
                reconfigure(server, control, text(self._family, each.configuration, control))
            situation = configured[0]
            for found in self._pair.differences([situation]):
                yield found._replace(field=situation.signs.get(found.field, found.field))


def text(family: int, keywords: Mapping[str, Any], control: str) -> str:
    """The text of a configuration whose server listens to commands."""
    keywords = {**keywords, "control-socket": {"socket-type": "unix", "socket-name": control}}
    return json.dumps({f"Dhcp{family}": keywords}, indent=1)


def reconfigure(server: Server, control: str, configuration: str) -> None:
    """Have a running server take another configuration. Raises ValueError with what it says against it."""
    server.configure(configuration)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(control)
        connection.sendall(b'{"command": "config-reload"}')
        answer = json.loads(b"".join(iter(lambda: connection.recv(65536), b"")))
    if answer["result"]:
        raise ValueError(f"{server.product.name} refuses: {answer['text']}\n{configuration}\n{server.tail(5)}")


class Situations(Compared):
    """Test cases of situations."""

    number: int
    """4 or 6."""

    def told_apart(
        self, products: Sequence[Product], situations: Sequence[Situation], others: Sequence[Situation] = ()
    ) -> list[Difference]:
        """What differs between two servers in these situations, or if the second one has the others' configurations."""
        lab = Lab()
        self.addCleanup(lab.close)
        place = tempfile.mkdtemp(prefix="txkea-", dir="/tmp")  # short, for the sockets' sake
        self.addCleanup(shutil.rmtree, place)
        controls = [f"{place}/{index}" for index, _ in enumerate(products)]
        first = situations[0].configuration
        arenas = [
            self.family.arena(lab, product, text(self.number, first, control), Path(self.mktemp()), index)
            for index, (product, control) in enumerate(zip(products, controls, strict=True))
        ]
        pair = Pair(arenas)
        self.addCleanup(pair.close)
        pair.start()
        return list(Configured(self.number, pair, arenas, controls).differences(situations, others or situations))

    def assert_alike(self, situations: Sequence[Situation], known: Sequence[Known], configurations: int) -> None:
        """No difference but the known ones, of which each comes, in so many configurations at least."""
        self.assertGreaterEqual(len(situations), configurations)
        found = self.told_apart((self.family.oracle, self.family.ours), situations)
        known = known if self.family.ours is not self.family.oracle else ()
        self.assert_explained(found, known, self.family.ours.name)
        self.assert_all_occur(found, known)


# -- how situations are written down -----------------------------------------------------------------------------------


def dashed(keywords: Mapping[str, Any]) -> Tree:
    """Keywords as configurations have them, from those with ``_`` for ``-``."""
    return {key.replace("_", "-"): value for key, value in keywords.items()}


def data(name: str, value: str, **more: Any) -> Tree:
    """Option data; keywords with ``_`` for ``-``."""
    return {"name": name, "data": value, **dashed(more)}


def class_of(name: str, test: str = "", *options: Tree, **more: Any) -> Tree:
    """A client class; keywords with ``_`` for ``-``."""
    told = {"test": test} if test else {}
    given = {"option-data": list(options)} if options else {}
    return {"name": name, **told, **given, **dashed(more)}
