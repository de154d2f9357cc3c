"""What the tests of ``txkea.config`` share: configurations written as Python values, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from txkea.config.load import configuration
from txkea.config.text import parse
from txkea.errors import ConfigErrors
from txkea.model.configuration import Configuration
from txkea.testing.configuring import configured, configured6, written

__all__ = [
    "SUBNET",
    "SUBNET6",
    "complaints",
    "complaints6",
    "configured",
    "configured6",
    "in_subnet",
    "in_subnet6",
    "mistakes",
    "reloaded",
    "written",
]

SUBNET = {"id": 1, "subnet": "192.0.2.0/24"}
SUBNET6 = {"id": 1, "subnet": "2001:db8::/32"}


def reloaded(found: Configuration) -> Configuration:
    """What the effective configuration gives when it is loaded again, by way of a text."""
    return configuration(parse(json.dumps(found.tree, ensure_ascii=False)), found.family)


def mistakes(text: str, family: int = 4) -> list[str]:
    """What is wrong with a text, line by line."""
    try:
        configuration(parse(text, "file"), family)
    except ConfigErrors as errors:
        return [str(error) for error in errors.errors]
    return []


def _complaints(make: Callable[..., Configuration], keywords: dict[str, Any]) -> list[str]:
    try:
        make(**keywords)
    except ConfigErrors as errors:
        return [f"{error.path.partition('.')[2]}: {error.message}" for error in errors.errors]
    return []


def complaints(**dhcp4: Any) -> list[str]:
    """What is wrong with these keywords, as ``path: message`` without ``Dhcp4.``."""
    return _complaints(configured, dhcp4)


def complaints6(**dhcp6: Any) -> list[str]:
    """What is wrong with these keywords of DHCPv6, as ``path: message`` without ``Dhcp6.``."""
    return _complaints(configured6, dhcp6)


def in_subnet(**subnet: Any) -> list[str]:
    """What is wrong with these keywords of the subnet 192.0.2.0/24, as ``path: message`` without its own path."""
    found = complaints(subnet4=[{**SUBNET, **written(**subnet)}])
    return [line.removeprefix("subnet4[0].") for line in found]


def in_subnet6(**subnet: Any) -> list[str]:
    """What is wrong with these keywords of the subnet 2001:db8::/32, as ``path: message`` without its own path."""
    found = complaints6(subnet6=[{**SUBNET6, **written(**subnet)}])
    return [line.removeprefix("subnet6[0].") for line in found]
