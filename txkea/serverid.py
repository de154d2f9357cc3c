"""The DUID that a DHCPv6 server is known by: kept in a file, made when there is none (Kea B007-B009)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from attrs import frozen

from txkea.errors import ConfigError, Malformed
from txkea.interfaces import Link
from txkea.model.configuration import Configuration, ServerId
from txkea.wire.duid import Duid, DuidType

__all__ = ["Identity", "Material", "choose", "keep", "recall"]

EPOCH: Final = 946684800
"""2000-01-01 UTC, from which a DUID's time is counted, in seconds since 1970."""
ENTERPRISE: Final = 2495
"""The enterprise of a DUID-EN for which none is configured: Kea's (Kea B008)."""
ENTERPRISE_LENGTH: Final = 6
"""Random bytes of a DUID-EN without a configured identifier (Kea B008)."""
ETHERNET: Final = 1
LEAST_HWADDR: Final = 6
"""Bytes of a hardware address that is worth anything."""
LONGEST_FILE: Final = 1024


@frozen(kw_only=True)
class Material:
    """What a new DUID is made of."""

    links: Sequence[Link]
    now: float
    """Seconds since 1970."""
    random: Callable[[int], bytes]
    """So many random bytes."""


# -- which one ---------------------------------------------------------------------------------------------------------


def choose(wanted: ServerId, known: bytes, material: Material) -> bytes:
    """The DUID that a configuration asks for; whatever it leaves open stays as in ``known``, if that is of its type.

    Without a hardware address on any link there is a DUID-UUID in the place of a DUID-LLT or DUID-LL (where Kea would
    not start), and once made it stays.
    """
    return _MAKERS[DuidType[wanted.type]](wanted, Duid(known) if known else None, material).value


def _llt(wanted: ServerId, known: Duid | None, material: Material) -> Duid:
    same = known if known is not None and known.type == DuidType.LLT else None
    hardware = _hardware(wanted, same, material)
    if hardware is None:
        return _substitute(known, material)
    then = int.from_bytes(same.value[4:8], "big") if same is not None else 0
    return Duid.llt(hardware[0], wanted.time or then or int(material.now) - EPOCH, hardware[1])


def _ll(wanted: ServerId, known: Duid | None, material: Material) -> Duid:
    hardware = _hardware(wanted, known if known is not None and known.type == DuidType.LL else None, material)
    return _substitute(known, material) if hardware is None else Duid.ll(*hardware)


def _en(wanted: ServerId, known: Duid | None, material: Material) -> Duid:
    enterprise, identifier = 0, b""
    if known is not None and known.type == DuidType.EN:
        enterprise, identifier = int.from_bytes(known.value[2:6], "big"), known.value[6:]
    return Duid.en(
        wanted.enterprise_id or enterprise or ENTERPRISE,
        wanted.identifier or identifier or material.random(ENTERPRISE_LENGTH),
    )


def _uuid(wanted: ServerId, known: Duid | None, material: Material) -> Duid:
    return Duid.uuid(wanted.identifier) if wanted.identifier else _substitute(known, material)


_MAKERS: Final[dict[int, Callable[[ServerId, Duid | None, Material], Duid]]] = {
    DuidType.LLT: _llt,
    DuidType.EN: _en,
    DuidType.LL: _ll,
    DuidType.UUID: _uuid,
}


def _hardware(wanted: ServerId, known: Duid | None, material: Material) -> tuple[int, bytes] | None:
    """Hardware type and address: those configured, else those that were, else those of the first link with any."""
    before = known.hwaddr if known is not None else None
    if wanted.identifier:
        return wanted.htype or (before[0] if before else ETHERNET), wanted.identifier
    if before:
        return before
    for link in material.links:
        if link.up and not link.loopback and len(link.hwaddr) >= LEAST_HWADDR and any(link.hwaddr):
            return link.hwtype, link.hwaddr
    return None


def _substitute(known: Duid | None, material: Material) -> Duid:
    """A random UUID (RFC 4122 section 4.4), unless there is one."""
    if known is not None and known.type == DuidType.UUID:
        return known
    value = bytearray(material.random(16))
    value[6] = value[6] & 0x0F | 0x40
    value[8] = value[8] & 0x3F | 0x80
    return Duid.uuid(bytes(value))


# -- the file ----------------------------------------------------------------------------------------------------------


def recall(path: str) -> bytes:
    """The DUID in a file, ``b""`` when there is no file. Raises `ConfigError` if it cannot be read or is none."""
    try:
        with open(path, "rb") as file:
            text = file.read(LONGEST_FILE).decode("ascii", "replace").strip()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise ConfigError(
            f"the server DUID in {path} cannot be read: {error.strerror}; let this user read it"
        ) from None
    try:
        return Duid.from_text(text).value
    except (Malformed, ValueError) as error:
        mend = "put the server's old DUID there in hexadecimal with colons, or remove the file to get a new one"
        raise ConfigError(f"{path} holds no DUID but {text[:40]!r} ({error}); {mend}") from None


def keep(path: str, duid: bytes) -> None:
    """Write a DUID, in Kea's form, so that it is there wholly or not at all. Raises `ConfigError`."""
    temporary = f"{path}.{os.getpid()}"
    try:
        with open(temporary, "w", encoding="ascii") as file:
            file.write(str(Duid(duid)))  # a line's end would keep Kea from reading it
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
        _sync_directory(path)
    except OSError as error:
        with suppress(OSError):
            os.unlink(temporary)
        mend = (
            "create the directory, let this user write there, set data-directory, or set server-id's persist to false"
        )
        raise ConfigError(f"the server DUID cannot be kept in {path}: {error.strerror}; {mend}") from None


def _sync_directory(path: str) -> None:
    directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


# -- a server's --------------------------------------------------------------------------------------------------------


class Identity:
    """The DUID of a DHCPv6 server through its configurations.

    ``file`` gives the place of the file that a configuration means, ``links`` the machine's interfaces, ``seconds`` the
    time since the epoch.
    """

    def __init__(
        self,
        file: Callable[[Configuration], str],
        links: Callable[[], Sequence[Link]],
        seconds: Callable[[], float],
    ) -> None:
        self._file = file
        self._links = links
        self._seconds = seconds

    def of(self, configuration: Configuration, known: bytes, moved: bool) -> bytes:
        """The DUID that a configuration asks for: the one in use, the one in the file, or a new one (Kea B009).

        ``known`` is the one in use, ``b""`` for none; ``moved`` tells whether the file is another one than before.
        """
        if configuration.server_id.persist and (moved or not known):
            known = recall(self._file(configuration)) or known
        material = Material(links=self._links(), now=self._seconds(), random=os.urandom)
        return choose(configuration.server_id, known, material)

    def keep(self, configuration: Configuration, server_id: bytes) -> str:
        """Write the DUID into its file, unless it is there already; gives the file, ``""`` for none.

        Raises `ConfigError`.
        """
        if not configuration.server_id.persist:
            return ""
        path = self._file(configuration)
        if recall(path) != server_id:
            keep(path, server_id)
        return path
