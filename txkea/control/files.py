"""Files that commands write, or read: in one directory, whole or not at all, and never through a link."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from reprlib import repr as shortened
from typing import Any, Final

from txkea.control.configuration import Written
from txkea.errors import TxkeaError

__all__ = ["Directory", "Draft"]

LONGEST: Final = 255
"""Bytes of a name, in all file systems that matter."""
MODE: Final = 0o640
"""Of a new file: what leases and configurations hold is nobody's business but the server's and its group's."""
NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
LOOK: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Draft:
    """A file that gets its name when it is whole; until then it is a temporary one beside it.

    All methods may wait for the disk, and raise `TxkeaError`.
    """

    def __init__(self, directory: str, name: str, guarded: frozenset[str]) -> None:
        self._path = os.path.join(directory, name)
        self._name = name
        self._temporary = f".txkea-{secrets.token_hex(8)}.tmp"
        self._size = 0
        self._directory = self._file = -1
        try:
            self._directory = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            there = self._examine(guarded)
            self._file = os.open(self._temporary, NEW, MODE, dir_fd=self._directory)
            self._dress(there)
        except OSError as error:
            self.discard()
            raise self._refusal(error) from None
        except TxkeaError:
            self.discard()
            raise

    def _refusal(self, error: OSError) -> TxkeaError:
        mend = "see that the directory exists, that this user may write there, and that there is room"
        return TxkeaError(f"{self._path} cannot be written: {error.strerror}; {mend}")

    def _examine(self, guarded: frozenset[str]) -> os.stat_result | None:
        """What has the name now, if anything has. Raises `TxkeaError` if it must stay as it is."""
        stem = os.path.splitext(self._name)[0]
        if not guarded.isdisjoint((self._name, stem)) or self._locked(stem):
            raise TxkeaError(f"{self._path} belongs to a server that keeps its leases there; give another name")
        try:
            there = os.stat(self._name, dir_fd=self._directory, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(there.st_mode):
            raise TxkeaError(f"{self._path} is there already and is not a regular file; give another name")
        if self._locked(self._name):
            raise TxkeaError(f"{self._path} is in use by a server; give another name")
        return there

    def _locked(self, name: str) -> bool:
        """Whether a server has claimed a file, as one does with its lease file and so with all that go with it."""
        try:
            fd = os.open(name, LOOK, dir_fd=self._directory)
        except OSError:
            return False
        try:
            flock(fd, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(fd)
        return False

    def _dress(self, there: os.stat_result | None) -> None:
        """Let those read and write the new file who could the old one."""
        if there is not None:
            with suppress(PermissionError):
                os.fchown(self._file, there.st_uid, there.st_gid)
            os.fchmod(self._file, stat.S_IMODE(there.st_mode) & 0o777)

    def write(self, data: bytes) -> None:
        """Add to it."""
        self._size += len(data)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as error:
            raise self._refusal(error) from None

    def commit(self) -> Written:
        """Give it its name, durably; what had the name before is gone."""
        try:
            os.fsync(self._file)
            os.rename(self._temporary, self._name, src_dir_fd=self._directory, dst_dir_fd=self._directory)
            os.fsync(self._directory)
        except OSError as error:
            raise self._refusal(error) from None
        self._close()
        return Written(self._path, self._size)

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._file >= 0:
            with suppress(OSError):
                os.unlink(self._temporary, dir_fd=self._directory)
        self._close()

    def _close(self) -> None:
        for fd in (self._file, self._directory):
            if fd >= 0:
                os.close(fd)
        self._file = self._directory = -1


class Directory:
    """Where a command may write and read files.

    A name is that of a file in this directory, alone or after the directory's path; it leads nowhere else. A file that
    is ``guarded``, or that a running server has claimed, cannot be replaced, nor what goes with it, such as its pid
    file. ``in_thread(call, *arguments)`` waits for the disk elsewhere.
    """

    def __init__(self, path: str, in_thread: Callable[..., Awaitable[Any]], guarded: Iterable[str] = ()) -> None:
        self.path = os.path.abspath(path)
        self._in_thread = in_thread
        self._guarded = frozenset(guarded)

    def name(self, given: str) -> str:
        """The bare name of a file; raises `TxkeaError` for a name that is none, or that leads elsewhere."""
        where, slash, name = given.rpartition("/")
        if slash and where not in (self.path, os.path.realpath(self.path)):
            raise TxkeaError(f"'filename' {shortened(given)} is not in {self.path}, the only place for such files")
        if name in ("", ".", ".."):
            raise TxkeaError(f"'filename' {shortened(given)} is not the name of a file")
        if not name.isprintable():
            raise TxkeaError(f"'filename' {shortened(given)} has characters that cannot be printed")
        length = len(name.encode())
        if length > LONGEST:
            raise TxkeaError(f"'filename' has {length} bytes, {LONGEST} are the most; shorten it")
        return name

    def replace(self, given: str, data: bytes) -> Written:
        """Write a file; waits for the disk. Raises `TxkeaError`; then the file is as it was."""
        draft = Draft(self.path, self.name(given), self._guarded)
        try:
            draft.write(data)
            return draft.commit()
        except TxkeaError:
            draft.discard()
            raise

    async def read(self, given: str, most: int) -> bytes:
        """What is in a file of at most so many bytes. Raises `TxkeaError`. *Waits.*"""
        found: bytes = await self._in_thread(_content, self.path, self.name(given), most)
        return found

    async def write(self, given: str, pages: AsyncIterator[bytes]) -> Written:
        """Write a file that comes in pages. Raises `TxkeaError`; then the file is as it was. *Waits.*"""
        draft = await self._in_thread(Draft, self.path, self.name(given), self._guarded)
        try:
            async for page in pages:
                await self._in_thread(draft.write, page)
            written: Written = await self._in_thread(draft.commit)
        except Exception:
            await self._in_thread(draft.discard)
            raise
        return written


def _content(directory: str, name: str, most: int) -> bytes:
    path = os.path.join(directory, name)
    try:
        with os.fdopen(os.open(path, LOOK), "rb") as file:
            there = os.fstat(file.fileno())
            if not stat.S_ISREG(there.st_mode):
                raise TxkeaError(f"{path} is not a regular file")
            if there.st_size > most:
                raise TxkeaError(f"{path} has {there.st_size} bytes, {most} are the most")
            return file.read(most)
    except OSError as error:
        raise TxkeaError(f"{path} cannot be read: {error.strerror}") from None
