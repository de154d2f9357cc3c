"""Kea 2.2.0 itself as the judge of what is a configuration."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from typing import Any, Final, NamedTuple

from txkea.config.load import configuration
from txkea.config.text import parse
from txkea.errors import ConfigErrors

__all__ = ["IN_ADDITION", "LAX", "NEWER", "Judges", "Snippet", "definition", "differences", "maps", "option"]

BASE: Final = '"interfaces-config": {"interfaces": []}, "lease-database": {"type": "memfile", "persist": false}'

NEWER: Final = "Kea 2.4 or newer accepts it"
IN_ADDITION: Final = "txkea accepts more: both spellings of later and earlier releases"
LAX: Final = "Kea 2.2.0 takes the value without a look at it"


class Snippet(NamedTuple):
    """Members of a top-level map; ``differs`` says why txkea does not judge them as Kea 2.2.0 does."""

    text: str
    differs: str = ""


def maps(keyword: str, *texts: str) -> str:
    """A keyword and a list of maps with these members."""
    return f'"{keyword}": [{", ".join(f"{{{text}}}" for text in texts)}]'


def option(text: str, definition: str = "") -> str:
    """Members of one option, and of one definition, as members of the global map."""
    return f"{maps('option-def', *filter(None, [definition]))}, {maps('option-data', text)}"


def definition(text: str) -> str:
    """Members of one option definition as members of the global map."""
    return maps("option-def", text)


class Judges:
    """Kea's server of one family, and txkea; Kea leaves what it makes in a directory."""

    def __init__(self, family: int, directory: str) -> None:
        self.family = family
        program = f"kea-dhcp{family}"
        found = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if found is None:
            raise AssertionError(f"{program} is not installed; install Debian's package {program}-server")
        self.program = found
        self.directory = Path(os.path.abspath(directory))
        self.directory.mkdir()
        self.numbers = count()

    def kea_accepts(self, text: str) -> bool:
        """Whether Kea's ``-t`` accepts a configuration."""
        return self.run("-t", text).wait(30) == 0

    def run(self, switch: str, text: str) -> subprocess.Popen[bytes]:
        """Kea's server with a configuration."""
        path = self.directory / f"{next(self.numbers)}.json"
        path.write_text(text, encoding="utf-8")
        places = {"KEA_PIDFILE_DIR": str(self.directory), "KEA_LOCKFILE_DIR": str(self.directory)}
        with open(self.directory / "log", "ab") as log:
            return subprocess.Popen(
                [self.program, switch, path], env={**os.environ, **places}, stdout=log, stderr=subprocess.STDOUT
            )

    def effective(self, keywords: dict[str, Any]) -> dict[str, Any]:
        """What a running Kea makes of these keywords, as ``config-get`` tells."""
        with tempfile.TemporaryDirectory() as short:  # the path of a socket has 107 bytes at most
            return self._effective(keywords, Path(short, "socket"))

    def _effective(self, keywords: dict[str, Any], path: Path) -> dict[str, Any]:
        keywords = {
            **keywords,
            "interfaces-config": {"interfaces": []},
            "lease-database": {"type": "memfile", "persist": False},
            **({"data-directory": str(self.directory)} if self.family == 6 else {}),
            "control-socket": {"socket-type": "unix", "socket-name": str(path)},
        }
        with self.run("-c", json.dumps({f"Dhcp{self.family}": keywords})) as kea:
            try:
                found: dict[str, Any] = ask(path, kea, self.directory / "log")
            finally:
                kea.terminate()
        return found[f"Dhcp{self.family}"]  # type: ignore[no-any-return]

    def txkea_accepts(self, text: str) -> bool:
        """Whether txkea accepts a configuration."""
        try:
            configuration(parse(text), self.family)
        except ConfigErrors:
            return False
        return True

    def disagreements(self, snippets: Iterable[Snippet]) -> dict[str, bool]:
        """The snippets that txkea judges otherwise than the table says, with its verdict."""
        snippets = list(snippets)
        texts = [f'{{"Dhcp{self.family}": {{{BASE}, {snippet.text}}}}}' for snippet in snippets]
        with ThreadPoolExecutor(4) as threads:
            accepted = list(threads.map(self.kea_accepts, texts))
        return {
            snippet.text: verdict
            for snippet, text, kea in zip(snippets, texts, accepted, strict=True)
            if (verdict := self.txkea_accepts(text)) != (kea != bool(snippet.differs))
        }


def ask(path: Path, kea: subprocess.Popen[bytes], log: Path) -> Any:
    """The arguments of the answer to ``config-get``, as soon as the control socket is there."""
    until = time.monotonic() + 30
    while not path.exists():
        if kea.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"Kea did not start: {log.read_text()}")
        time.sleep(0.02)
    with socket.socket(socket.AF_UNIX) as channel:
        channel.settimeout(30)
        channel.connect(str(path))
        channel.sendall(b'{"command": "config-get"}')
        received = b"".join(iter(lambda: channel.recv(1 << 16), b""))
    return json.loads(received)["arguments"]


def differences(kea: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where ours is not what Kea has, as paths; what only we have does not count."""
    if isinstance(kea, dict) and isinstance(ours, dict):
        for name, value in kea.items():
            yield from differences(value, ours.get(name), f"{path}.{name}".lstrip("."))
    elif isinstance(kea, list) and isinstance(ours, list) and len(kea) == len(ours):
        for at, (one, other) in enumerate(zip(kea, ours, strict=True)):
            yield from differences(one, other, f"{path}[{at}]")
    elif kea != ours:
        yield path
