"""Kea 2.2.0 as the judge of what is a class expression."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.snippets import EXPRESSIONS4, EXPRESSIONS6, Expressed
from tests.verdicts import Judges
from txkea.classify.expression import compile_test
from txkea.errors import ExpressionError
from txkea.wire.standard4 import STANDARD4
from txkea.wire.standard6 import STANDARD6

DEFINITIONS = {4: STANDARD4, 6: STANDARD6}


def configuration(family: int, directory: str, test: str = "'a' == 'a'") -> dict[str, Any]:
    """A configuration with one class, and a socket to judge others by."""
    return {
        f"Dhcp{family}": {
            "interfaces-config": {"interfaces": []},
            "lease-database": {"type": "memfile", "persist": False},
            **({"data-directory": directory} if family == 6 else {}),
            "control-socket": {"socket-type": "unix", "socket-name": f"{directory}/s"},
            "client-classes": [{"name": "x", "test": test}],
        }
    }


def judged(path: Path, arguments: dict[str, Any]) -> bool:
    """Whether a running Kea would accept a configuration."""
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(30)
        channel.connect(str(path))
        channel.sendall(json.dumps({"command": "config-test", "arguments": arguments}).encode())
        received = b"".join(iter(lambda: channel.recv(1 << 16), b""))
    return bool(json.loads(received)["result"] == 0)


def accepted(family: int, text: str) -> bool:
    """Whether txkea takes a test."""
    try:
        compile_test(text, family, DEFINITIONS[family])
    except ExpressionError:
        return False
    return True


class VerdictTests(SynchronousTestCase):
    """Expressions that Kea 2.2.0 accepts and refuses."""

    def check(self, family: int, snippets: Sequence[Expressed]) -> None:
        directory = self.mktemp()
        judges = Judges(family, directory)
        directory = str(judges.directory)
        with judges.run("-c", json.dumps(configuration(family, directory))) as kea:
            try:
                path = judges.directory / "s"
                until = time.monotonic() + 30
                while not path.exists():
                    if kea.poll() is not None or time.monotonic() > until:
                        self.fail((judges.directory / "log").read_text())
                    time.sleep(0.02)
                verdicts = {text: judged(path, configuration(family, directory, text)) for text, _ in snippets}
            finally:
                kea.terminate()
        self.assertIn(True, verdicts.values())
        self.assertIn(False, verdicts.values())
        otherwise = [text for text, differs in snippets if (accepted(family, text) != verdicts[text]) != bool(differs)]
        self.assertEqual(otherwise, [])

    def test_dhcp4(self) -> None:
        """Of DHCPv4, txkea's verdicts are Kea's, but for those that the table gives a reason for (D022-D049)."""
        self.check(4, EXPRESSIONS4)

    def test_dhcp6(self) -> None:
        """The same of DHCPv6."""
        self.check(6, EXPRESSIONS6)

    def test_there_are_enough(self) -> None:
        """Enough expressions are judged, and few differ."""
        for snippets in (EXPRESSIONS4, EXPRESSIONS6):
            self.assertGreater(len({each.text for each in snippets}), 300)
            self.assertLess(sum(bool(each.differs) for each in snippets), 20)
