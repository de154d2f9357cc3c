"""What the tests of explanations share: clients in words, explained by servers from Kea's keywords."""

from __future__ import annotations

from typing import Any

from txkea.explain.described import described, fields_of
from txkea.explain.explain import explain
from txkea.explain.explanation import Explanation, Membership, Part
from txkea.launch import launch
from txkea.testing.local import Local

__all__ = ["explained", "members", "parts", "scopes", "told"]


def explained(server: Local[Any, Any], client: str) -> Explanation:
    """What a server says of a client in words."""
    site = server.site
    found = launch(explain(site, described(site.configuration, fields_of(client), site.server_id), server.now))
    assert isinstance(found, Explanation), "nothing in it waits"
    return found


def members(explanation: Explanation) -> list[str]:
    """The classes that the client is in."""
    return [each.name for each in explanation.classes if each.member]


def told(explanation: Explanation, name: str) -> Membership:
    """What is said of a class."""
    return next(each for each in explanation.classes if each.name == name)


def parts(part: Part | None) -> dict[str, str]:
    """All parts of an expression with their values, itself included."""
    if part is None:
        return {}
    found = {part.text: part.value}
    for each in part.parts:
        found |= parts(each)
    return found


def scopes(explanation: Explanation) -> dict[int, tuple[str, str]]:
    """The options: text and scope by code."""
    return {each.code: (each.text, each.scope) for each in explanation.options}
