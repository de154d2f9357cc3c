"""Control channels: UNIX sockets, and HTTP for those who may (Kea A086, G011, G017)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

from txkea.config.maps import HTTP
from txkea.config.scopes import plain
from txkea.config.structure import Section
from txkea.model.configuration import ControlSocket

__all__ = ["control_sockets", "http_socket"]

PORT: Final = 8000
LOCALHOST: Final = {4: "127.0.0.1", 6: "::1"}
TLS: Final = ("trust-anchor", "cert-file", "key-file", "cert-required")
EXPOSED: Final = "allow-unauthenticated-beyond-localhost"


def control_sockets(sections: Sequence[Section], family: int) -> tuple[ControlSocket, ...]:
    """The sockets in the order of the file; what is wrong is reported."""
    found: list[ControlSocket] = []
    for section in sections:
        made = unix_socket(section) if section.get("socket-type") == "unix" else network_socket(section, family)
        if (made.address, made.port) in {(other.address, other.port) for other in found}:
            name = "socket-name" if made.type == "unix" else "socket-port"
            section.wrong(name, "another control socket has the same place; give each its own")
        found.append(made)
    return tuple(found)


def unix_socket(section: Section) -> ControlSocket:
    path = section.get("socket-name")
    if "socket-type" in section.values and "socket-name" not in section.node.value:
        section.wrong("", '"socket-name" is missing; give the path of the socket')
    for name in section.values.keys() & {"socket-address", "socket-port", *HTTP}:
        section.warn(name, "this has no effect: it is for sockets of type http and https")
    return ControlSocket(type="unix", address=path or "", parameters=parameters(section))


def network_socket(section: Section, family: int) -> ControlSocket:
    if "socket-name" in section.values:
        section.warn("socket-name", "this has no effect: it is for sockets of type unix")
    kind = section.get("socket-type") or "http"
    if kind == "http":
        for name in section.values.keys() & set(TLS):
            section.wrong(name, "certificates are for https; give that socket-type")
    address = section.get("socket-address") or LOCALHOST[family]
    return http_socket(section, kind, address, section.get("socket-port") or PORT, "socket-address")


def http_socket(section: Section, kind: str, address: str, port: int, keyword: str) -> ControlSocket:
    """An HTTP channel of the section of whoever has one; ``keyword`` is that of its address."""
    if kind == "https":
        for name in ("cert-file", "key-file"):
            if name not in section.values:
                section.wrong("", f'"{name}" is missing; give the file in PEM format')
        if section.values.get("cert-required") and "trust-anchor" not in section.values:
            message = "clients need certificates that somebody has signed; give trust-anchor, or say false"
            section.wrong("cert-required", message)
    authentication = section.section("authentication")
    clients = authentication.sections("clients") if authentication is not None else []
    if authentication is not None:
        check_clients(authentication)
    certified = kind == "https" and "trust-anchor" in section.values and section.values.get("cert-required", True)
    if not ip_address(address).is_loopback and not clients and not certified and not section.values.get(EXPOSED):
        message = (
            f"{address} can be reached from elsewhere, and nobody would be asked who he is; give authentication with"
            f' clients, or a trust-anchor for https, or say "{EXPOSED}": true'
        )
        section.wrong(keyword, message)
    return ControlSocket(type=kind, address=address, port=port, parameters=parameters(section))


def check_clients(authentication: Section) -> None:
    """Report clients without a name or a password, and roles that nobody has described."""
    roles = {role.get("name") for role in authentication.sections("roles")}
    clients = authentication.sections("clients")
    if not clients:
        authentication.warn("clients", "there are none, so that nobody is asked who he is")
    for client in clients:
        for name in ("user", "password"):
            given = [keyword for keyword in (name, f"{name}-file") if keyword in client.values]
            if len(given) > 1:
                client.wrong(name, f"there is a {name}-file too; keep one of the two")
            elif not given and name == "user" and "password-file" in client.values:
                continue  # the file has both
            elif not given and name == "user":
                client.wrong("", '"user" is missing; give it, or user-file')
            elif not given:
                client.warn("", f"{client.get('user') or 'a user'} has no password")
        role = client.get("role")
        if role is not None and role not in roles:
            client.wrong("role", f'no role "{role}" is among the roles; describe it there')


def parameters(section: Section) -> dict[str, Any]:
    """What is said beside the place."""
    return {name: plain(value) for name, value in section.values.items() if not name.startswith("socket-")}
