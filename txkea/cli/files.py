"""Files that commands read and write: looked into before they are read, and whole or not at all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from typing import Any, Final

from txkea.control.files import Draft

__all__ = ["format_of", "lines_of", "opened", "save"]

ENDINGS: Final = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl"}


def format_of(path: str) -> str:
    """The format that a file's name says."""
    return ENDINGS.get(os.path.splitext(path)[1].lower(), "csv")


def save(output: str, pieces: Iterator[bytes]) -> None:
    """Write a file, whole or not at all. Raises `TxkeaError`."""
    if output == "-":
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.flush()
        return
    directory, name = os.path.split(os.path.abspath(output))
    draft = Draft(directory, name, frozenset())
    try:
        for piece in pieces:
            draft.write(piece)
        draft.commit()
    finally:
        draft.discard()


@contextmanager
def opened(path: str) -> Iterator[BufferedReader]:
    """A file whose beginning can be looked at before it is read."""
    if path == "-":
        standard: Any = sys.stdin.buffer
        yield BufferedReader(standard)
        return
    with open(path, "rb") as file:
        yield file


def lines_of(path: str) -> int:
    """How many there are."""
    with open(path, "rb", buffering=0) as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))
