"""A configuration as text, to be read again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from txkea.config.text import load
from txkea.errors import ConfigErrors

__all__ = ["text"]


def text(written: Mapping[str, Any], top: str, path: str) -> str:
    """A whole document for a file: the map ``top`` of ``written``, and what else stands in that file by now.

    The maps of other servers are theirs: one file may configure several, each of which writes its own.
    """
    try:
        found = load(path).root.plain()
    except ConfigErrors:
        found = None
    others = found if isinstance(found, dict) else {name: value for name, value in written.items() if name != top}
    return json.dumps({**others, top: written[top]}, indent=2, ensure_ascii=False) + "\n"
