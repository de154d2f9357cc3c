"""Linux's asynchronous ``fdatasync`` (io_submit(2), IOCB_CMD_FDSYNC): the kernel waits for the disk, not a thread."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Mapping
from errno import ENOSYS
from struct import Struct, calcsize
from typing import Final, NamedTuple

__all__ = ["Confirmations"]


class _Numbers(NamedTuple):
    """What an architecture calls the system calls, which the C library does not wrap."""

    io_setup: int
    io_destroy: int
    io_getevents: int
    io_submit: int


_GENERIC: Final = _Numbers(io_setup=0, io_destroy=1, io_getevents=4, io_submit=2)
_NUMBERS: Final[Mapping[str, _Numbers]] = {
    "x86_64": _Numbers(io_setup=206, io_destroy=207, io_getevents=208, io_submit=209),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
}
_IOCB: Final = Struct("=QQHhIQQqQII")
"""data, key and flags, operation, priority, descriptor, buffer, bytes, offset, reserved, flags, eventfd."""
_IO_EVENT: Final = Struct("=QQqq")
"""data, iocb, result, second result."""
_FDSYNC: Final = 3
_RESFD: Final = 1
"""The eventfd counts what is finished."""

_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long


def _call(number: int, *arguments: object) -> int:
    """A system call; raises `OSError`."""
    result: int = _syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result


class Confirmations:
    """One ``fdatasync`` at a time, begun here and finished by the kernel.

    ``eventfd`` becomes readable when it is finished. Does not survive a fork. Raises `OSError` where the kernel (before
    4.18), a system call filter, or an architecture that we do not know forbids it.
    """

    def __init__(self) -> None:
        numbers = _NUMBERS.get(platform.machine())
        if numbers is None or calcsize("P") != 8:
            raise OSError(ENOSYS, f"unknown on {platform.machine()}")
        self._numbers = numbers
        self._context = ctypes.c_ulong(0)
        _call(numbers.io_setup, ctypes.c_uint(1), ctypes.byref(self._context))
        self.eventfd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._iocb = ctypes.create_string_buffer(_IOCB.size)
        self._event = ctypes.create_string_buffer(_IO_EVENT.size)
        one = ctypes.c_long(1)
        self._begin = (self._context, one, ctypes.byref(ctypes.c_void_p(ctypes.addressof(self._iocb))))
        self._finish = (self._context, one, one, self._event, None)

    def begin(self, fd: int) -> None:
        """Begin to make durable what a file has; never waits."""
        _IOCB.pack_into(self._iocb, 0, 0, 0, _FDSYNC, 0, fd, 0, 0, 0, 0, _RESFD, self.eventfd)
        _call(self._numbers.io_submit, *self._begin)

    def finish(self) -> None:
        """After ``eventfd`` became readable: raise what went wrong, if anything."""
        os.eventfd_read(self.eventfd)
        _call(self._numbers.io_getevents, *self._finish)
        result = _IO_EVENT.unpack_from(self._event)[2]
        if result < 0:
            raise OSError(-result, os.strerror(-result))

    def close(self) -> None:
        """Let go; waits for what was begun."""
        _call(self._numbers.io_destroy, self._context)
        os.close(self.eventfd)
