"""Control channels: UNIX sockets, and HTTP for those who may (Kea A086, G011, G017)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, Final

from txkea.config.maps import HTTP
from txkea.config.scopes import plain
from txkea.config.structure import Section
from txkea.model.configuration import ControlSocket

__all__ = ["FILES", "control_sockets", "http_socket"]

PORT: Final = 8000
LOCALHOST: Final = {4: "127.0.0.1", 6: "::1"}
FILES: Final = frozenset(("trust-anchor", "cert-file", "key-file"))
"""What makes a channel secure."""
PLACE: Final = frozenset(("socket-type", "socket-name", "socket-address", "socket-port"))
EXPOSED: Final = "allow-unauthenticated-beyond-localhost"
OURS: Final = ("connection", "content-length", "content-type", "date", "transfer-encoding", "www-authenticate")
"""Headers that say what an answer is, which nobody else can know."""


def control_sockets(sections: Sequence[Section], family: int) -> tuple[ControlSocket, ...]:
    """The sockets in the order of the file; what is wrong is reported."""
    found: list[ControlSocket] = []
    for section in sections:
        made = unix_socket(section) if section.get("socket-type") == "unix" else network_socket(section, family)
        if not section.values.keys() >= {"socket-type", *(PLACE & section.node.value.keys())}:
            continue  # its place was reported already
        if any(collide(made, other) for other in found):
            name = "socket-name" if made.type == "unix" else "socket-port"
            section.wrong(name, "another control socket has the same place; give each its own")
        found.append(made)
    return tuple(found)


def collide(one: ControlSocket, other: ControlSocket) -> bool:
    """Whether two sockets cannot be open together; one that listens on all addresses leaves its port to no other."""
    places = {one.address, other.address}
    all4 = "0.0.0.0" in places and not any(":" in place for place in places)
    return one.port == other.port and (len(places) == 1 or (one.port != 0 and (all4 or "::" in places)))


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
    if kind == "http" and section.values.keys() & FILES:
        section.warn("socket-type", "certificates make this https, as in Kea; say so")
        kind = "https"
    address = section.get("socket-address") or LOCALHOST[family]
    return http_socket(section, kind, address, section.get("socket-port") or PORT, "socket-address")


def http_socket(section: Section, kind: str, address: str, port: int, keyword: str) -> ControlSocket:
    """An HTTP channel of the section of whoever has one; ``keyword`` is that of its address."""
    certified = check_certificates(section, kind)
    authentication = section.section("authentication")
    if authentication is not None:
        check_clients(authentication)
    clients = authentication.sections("clients") if authentication is not None else []
    for header in section.sections("http-headers"):
        if str(header.get("name")).lower() in OURS:
            header.wrong("name", "every answer has this header already; leave it to the server")
    where = ip_address(address)
    if not where.is_loopback and not clients and not certified and not section.values.get(EXPOSED):
        message = (
            f"{address} can be reached from elsewhere, and nobody would be asked who he is; give authentication with"
            f' clients, or a trust-anchor for https, or say "{EXPOSED}": true'
        )
        section.wrong(keyword, message)
    return ControlSocket(type=kind, address=str(where), port=port, parameters=parameters(section))


def check_certificates(section: Section, kind: str) -> bool:
    """Report what is missing for HTTPS, or of no use without it; tells whether clients must have a certificate."""
    if kind == "http":
        if "cert-required" in section.values:
            section.warn("cert-required", "this has no effect: it is for sockets of type https")
        return False
    for name in ("cert-file", "key-file"):
        if name not in section.values:
            section.wrong("", f'"{name}" is missing; give the file in PEM format')
    required: bool = section.values.get("cert-required", True)
    if "trust-anchor" in section.values:
        return required
    if required and "cert-required" in section.values:
        section.wrong("cert-required", "somebody must have signed those certificates; give trust-anchor, or say false")
    return False


def check_clients(authentication: Section) -> None:
    """Report clients without a name or a password, and roles that nobody has described, or two have."""
    roles: set[str] = set()
    for role in authentication.sections("roles"):
        if role.get("name") in roles:
            role.wrong("name", "another role has this name; give each its own")
        roles.add(role.get("name"))
    clients = authentication.sections("clients")
    if not clients:
        authentication.warn("clients", "there are none, so that nobody is asked who he is")
    for client in clients:
        check_client(client)
        role_name = client.get("role")
        if role_name is not None and role_name not in roles:
            client.wrong("role", f'no role "{role_name}" is among the roles; describe it there')


def check_client(client: Section) -> None:
    """Report a client whose name or password is missing or told twice; a ``password-file`` alone has both."""
    for name in ("user", "password"):
        if {name, f"{name}-file"} <= client.values.keys():
            client.wrong(name, f"there is a {name}-file too; keep one of the two")
    written = client.node.value.keys()
    if not written & {"user", "user-file", "password-file"}:
        client.wrong("", '"user" is missing; give it, or user-file')
    elif not written & {"password", "password-file"}:
        client.warn("", f"{client.get('user') or 'a user'} has no password")


def parameters(section: Section) -> dict[str, Any]:
    """What is said beside the place."""
    return {name: plain(value) for name, value in section.values.items() if not name.startswith("socket-")}
