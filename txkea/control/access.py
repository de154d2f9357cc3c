"""Who may use an HTTP channel, and for what: Basic authentication (RFC 7617) and roles."""

from __future__ import annotations

import os
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from hashlib import sha256
from hmac import compare_digest
from typing import Any, Final

from attrs import frozen

from txkea.control.confidential import read
from txkea.errors import ConfigError

__all__ = ["ANYBODY", "Access", "User"]

LONGEST: Final = 4096
"""Bytes of a header with credentials; 255 characters of a name and of a password fit."""
BASIC: Final = "basic "


@frozen
class Role:
    """What somebody may do: ``accept`` and ``reject`` are patterns as in a shell; what both name is rejected."""

    accept: tuple[str, ...] = ("*",)
    reject: tuple[str, ...] = ()

    def permits(self, name: str) -> bool:
        """Whether a command (or the page ``metrics`` or ``events``) may be used."""
        return any(fnmatchcase(name, pattern) for pattern in self.accept) and not any(
            fnmatchcase(name, pattern) for pattern in self.reject
        )


@frozen
class User:
    """Somebody who may use a channel."""

    name: str
    digest: bytes
    """SHA-256 of name, colon and password, all of the same length."""
    role: Role = Role()

    def permits(self, name: str) -> bool:
        """Whether a command (or the page ``metrics`` or ``events``) may be used."""
        return self.role.permits(name)


ANYBODY: Final = User("", b"")
"""Who comes to a channel without authentication."""


class Access:
    """The users of a channel; without any everybody is one.

    ``authentication`` is the map of the configuration; ``place`` makes a path of the name of a file that holds a user's
    name or password. Raises `ConfigError` for a file that cannot be read.
    """

    def __init__(self, authentication: Mapping[str, Any], place: Callable[[str], str]) -> None:
        realm = re.sub(r'([\\"])', r"\\\1", authentication.get("realm") or "kea-control-channel")
        self.challenge = f'Basic realm="{realm}", charset="UTF-8"'
        """What strangers are told (RFC 7617 section 2.1)."""
        roles = {each["name"]: _role(each) for each in authentication.get("roles", ())}
        place = _within(authentication.get("directory", ""), place)
        self._users: Sequence[User] = [_user(each, roles, place) for each in authentication.get("clients", ())]

    def __bool__(self) -> bool:
        """Whether anybody is asked who he is."""
        return bool(self._users)

    def user(self, authorization: str | None) -> User | None:
        """Who sends this header, or None for nobody whom we know; takes as long for all who are not."""
        if not self._users:
            return ANYBODY
        digest = _digest(_credentials(authorization))
        found: User | None = None
        for user in self._users:
            if compare_digest(digest, user.digest):
                found = user
        return found


def _credentials(authorization: str | None) -> bytes:
    """Name, colon and password of a header; ``b""``, which nobody has, for one that is none."""
    if authorization is None or len(authorization) > LONGEST or authorization[: len(BASIC)].lower() != BASIC:
        return b""
    try:
        found = b64decode(authorization[len(BASIC) :].strip().encode("ascii"), validate=True)
        found.decode("utf-8")
    except (Base64Error, UnicodeError):
        return b""
    return found if b":" in found and b"\0" not in found else b""


def _digest(credentials: bytes) -> bytes:
    return sha256(credentials).digest()


def _user(client: Mapping[str, Any], roles: Mapping[str, Role], place: Callable[[str], str]) -> User:
    name, password = _secret(client, "user", place), _secret(client, "password", place)
    if not {"user", "user-file"} & client.keys():  # the file of the password has both
        name, colon, password = password.partition(":")
        if not (name and colon):
            raise _unusable(client, "password", place, "it does not say user:password; write that")
    elif not name or ":" in name:
        raise _unusable(client, "user", place, "it has no name without a colon; write one")
    credentials = f"{name}:{password}".encode()
    if len(credentials) * 4 // 3 + len(BASIC) > LONGEST:
        raise _unusable(client, "password", place, "what it says is too long for a header; shorten it")
    return User(name, _digest(credentials), roles.get(client.get("role", ""), Role()))


def _unusable(client: Mapping[str, Any], what: str, place: Callable[[str], str], why: str) -> ConfigError:
    return ConfigError(f"the file {place(client.get(f'{what}-file', ''))} of a {what} cannot be used: {why}")


def _role(role: Mapping[str, Any]) -> Role:
    return Role(tuple(role["accept-commands"]), tuple(role["reject-commands"]))


def _within(directory: str, place: Callable[[str], str]) -> Callable[[str], str]:
    return (lambda name: os.path.join(place(directory), name)) if directory else place


def _secret(client: Mapping[str, Any], what: str, place: Callable[[str], str]) -> str:
    """A name or a password: as written, or the first line of a file."""
    name = client.get(f"{what}-file")
    if name is None:
        written: str = client.get(what, "")
        return written
    path = place(name)
    try:
        return read(path).decode("utf-8").partition("\n")[0].rstrip("\r")
    except UnicodeError:
        raise ConfigError(f"{path} is not UTF-8 text; write the {what} like that") from None
