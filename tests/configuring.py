"""What the tests of ``txkea.config`` share: configurations written as Python values, and what is wrong with them."""

from __future__ import annotations

import json
from typing import Any

from txkea.config.load import configuration4
from txkea.config.text import parse
from txkea.errors import ConfigErrors
from txkea.model.configuration import Configuration

__all__ = ["SUBNET", "complaints", "configured", "in_subnet", "mistakes"]

SUBNET = {"id": 1, "subnet": "192.0.2.0/24"}


def configured(**dhcp4: Any) -> Configuration:
    """The configuration of these keywords, with ``_`` for ``-``."""
    keywords = {name.replace("_", "-"): value for name, value in dhcp4.items()}
    return configuration4(parse(json.dumps({"Dhcp4": keywords})))


def mistakes(text: str) -> list[str]:
    """What is wrong with a text, line by line."""
    try:
        configuration4(parse(text, "file"))
    except ConfigErrors as errors:
        return [str(error) for error in errors.errors]
    return []


def complaints(**dhcp4: Any) -> list[str]:
    """What is wrong with these keywords, as ``path: message`` without ``Dhcp4.``."""
    try:
        configured(**dhcp4)
    except ConfigErrors as errors:
        return [f"{error.path.removeprefix('Dhcp4.')}: {error.message}" for error in errors.errors]
    return []


def in_subnet(**subnet: Any) -> list[str]:
    """What is wrong with these keywords of the subnet 192.0.2.0/24, as ``path: message`` without its own path."""
    keywords = {name.replace("_", "-"): value for name, value in subnet.items()}
    found = complaints(subnet4=[{**SUBNET, **keywords}])
    return [line.removeprefix("subnet4[0].") for line in found]
