"""Explanations as JSON values, and in one line."""

from __future__ import annotations

from typing import Any

from attrs import fields, has

from txkea.explain.explanation import Explanation

__all__ = ["headline", "shown"]


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


def headline(explanation: Explanation) -> str:
    """The decision in one line."""
    query = explanation.query or "what cannot be read"
    if not explanation.answer:
        return f"{query}: no answer: {explanation.reason}"
    got = ", ".join(each.what for each in explanation.leases if each.valid)
    why = f": {explanation.reason}" if explanation.reason else ""
    return f"{query}: {explanation.answer}{f' {got}' if got else ''}{why}"
