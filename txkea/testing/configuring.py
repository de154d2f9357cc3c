"""Configurations written as Python values."""

from __future__ import annotations

import json
from typing import Any

from txkea.config.load import configuration
from txkea.config.text import parse
from txkea.model.configuration import Configuration

__all__ = ["configured", "configured6", "written"]


def written(**keywords: Any) -> dict[str, Any]:
    """Keywords of a map, with ``_`` for ``-``."""
    return {name.replace("_", "-"): value for name, value in keywords.items()}


def configured(**dhcp4: Any) -> Configuration:
    """The configuration of these keywords of ``Dhcp4``, with ``_`` for ``-``; raises `ConfigErrors`."""
    return _configured(4, dhcp4)


def configured6(**dhcp6: Any) -> Configuration:
    """The configuration of these keywords of ``Dhcp6``, with ``_`` for ``-``; raises `ConfigErrors`."""
    return _configured(6, dhcp6)


def _configured(family: int, keywords: dict[str, Any]) -> Configuration:
    return configuration(parse(json.dumps({f"Dhcp{family}": written(**keywords)})), family)
