"""Explanations as JSON values."""

from __future__ import annotations

from typing import Any

from attrs import fields, has

__all__ = ["shown"]


def shown(value: Any) -> Any:
    """Any value of `txkea.explain.explanation`: fields with ``-`` in their names, bytes in hexadecimal; what says
    nothing is left out.
    """
    if has(type(value)):
        members = {each.name.replace("_", "-"): shown(getattr(value, each.name)) for each in fields(type(value))}
        return {name: member for name, member in members.items() if member not in (None, "", [])}
    if isinstance(value, tuple):
        return [shown(each) for each in value]
    return value.hex() if isinstance(value, bytes) else value
