"""What the tests of flexible identifiers and options share: servers with Kea's libraries configured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.configuring import configured, configured6
from tests.exchanging import BEHIND_RELAY, ON_LINK
from tests.exchanging6 import BEHIND_RELAY as BEHIND_RELAY6
from tests.exchanging6 import ON_LINK as ON_LINK6
from txkea.errors import ConfigErrors
from txkea.testing.clients4 import LocalServer
from txkea.testing.clients6 import LocalServer6
from txkea.testing.serving import hooks, serve, serve6

__all__ = ["flexible", "flexible6", "hooks", "library", "mistakes_of", "option"]

PLACE = "/usr/lib/kea/hooks/libdhcp_{}.so"


def library(name: str, **parameters: Any) -> dict[str, Any]:
    """An entry of ``hooks-libraries`` for one of Kea's, with ``_`` for ``-`` in the parameters."""
    written = {keyword.replace("_", "-"): value for keyword, value in parameters.items()}
    return {"library": PLACE.format(name), "parameters": written}


def option(*entries: Mapping[str, Any]) -> dict[str, Any]:
    """The library flex_option with these entries."""
    return library("flex_option", options=list(entries))


def flexible(*libraries: Mapping[str, Any], **dhcp4: Any) -> LocalServer:
    """A DHCPv4 server as `tests.exchanging.serving` makes it, with libraries."""
    keywords = {"subnet4": [ON_LINK, BEHIND_RELAY], "cache_threshold": 0.0, **dhcp4}
    return serve(hooks_libraries=list(libraries), **keywords)


def flexible6(*libraries: Mapping[str, Any], **dhcp6: Any) -> LocalServer6:
    """A DHCPv6 server as `tests.exchanging6.serving6` makes it, with libraries."""
    keywords = {"subnet6": [ON_LINK6, BEHIND_RELAY6], "cache_threshold": 0.0, **dhcp6}
    return serve6(hooks_libraries=list(libraries), **keywords)


def mistakes_of(*libraries: Mapping[str, Any], family: int = 4, **more: Any) -> list[str]:
    """What is wrong with libraries, as ``path: message`` without the path of the first one's parameters."""
    make = configured if family == 4 else configured6
    try:
        hooks(make(hooks_libraries=list(libraries), **more))
    except ConfigErrors as wrong:
        place = f"Dhcp{family}.hooks-libraries[0].parameters"
        return [f"{error.path.removeprefix(place).lstrip('.')}: {error.message}" for error in wrong.errors]
    return []
