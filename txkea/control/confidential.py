"""Small files that a configuration names: passwords, keys, certificates."""

from __future__ import annotations

import os
import stat
from typing import Final

from txkea.errors import ConfigError

__all__ = ["read"]

LARGEST: Final = 1 << 20


def read(path: str) -> bytes:
    """What is in a regular file of up to a megabyte; waits for no pipe and no device. Raises `ConfigError`."""
    try:
        with open(path, "rb", opener=_opened) as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            text = file.read(LARGEST + 1) if regular else b""
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; correct the path or its permissions") from None
    if not regular:
        raise ConfigError(f"{path} is not a regular file; name one")
    if len(text) > LARGEST:
        raise ConfigError(f"{path} is larger than {LARGEST} bytes; name a file of the right kind")
    return text


def _opened(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
