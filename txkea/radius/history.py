"""Kea's ``session-history``: the sessions that Kea has begun go on under their names (Kea I034)."""

from __future__ import annotations

import csv
import os
from ipaddress import ip_address

from txkea.radius.sessions import EPOCH, NOBODY, Session
from txkea.wire.text import address_text

__all__ = ["read_history"]


def read_history(path: str) -> tuple[list[Session], int]:
    """The sessions that are open in a file of Kea's, and how many of its rows are none. Raises `OSError`.

    The last row of an address counts; nothing is known of a session but its identifier, and when it began.
    """
    found: dict[bytes, Session] = {}
    bad = 0
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), encoding="utf-8", errors="replace", newline="") as file:
        for row in csv.reader(line.replace("\0", "") for line in file):
            if not row or row[0] == "address":
                continue
            try:
                address, seconds, milliseconds = ip_address(row[0]).packed, *map(_number, row[1:])
            except ValueError:
                bad += 1
                continue
            found.pop(address, None)
            if seconds:
                name = f"{address_text(address)}@{seconds}.{milliseconds}"
                found[address] = Session(address, name, EPOCH + seconds + milliseconds / 1000, NOBODY, ())
    return list(found.values()), bad


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        raise ValueError(text)
    return int(text)
