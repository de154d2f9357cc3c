"""Lines from a terminal, with a history that is nobody else's, and completion."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from txkea.cli.shell_words import WORDS

__all__ = ["Editor", "completions", "history_file"]

LONGEST: Final = 1000
"""Lines of the history."""
SECRETS: Final = re.compile(r"passw|secret|token", re.IGNORECASE)
"""What is in a line that is not kept."""


def history_file(environment: Mapping[str, str]) -> str:
    """Where it is, in the directory of the XDG specification for what outlives a session."""
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):
        state = os.path.join(os.path.expanduser("~"), ".local", "state")
    return os.path.join(state, "txkea", "history")


def completions(line: str, begin: int, names: Collection[str], own: Collection[str]) -> Sequence[str]:
    """What the word that begins at a place of a line may become."""
    before, word = line[:begin].split(), line[begin:]
    if not before or before == ["help"]:
        return [f"{name} " for name in sorted({*names, *own}) if name.startswith(word)]
    given = {each.partition("=")[0] for each in before[1:]}
    arguments = WORDS[before[0]].arguments if before[0] in WORDS else ()
    return [f"{name}=" for name in arguments if name.startswith(word) and name not in given]


class Editor:
    """Reads lines by the C library's ``readline`` where Python has it, or else as they come."""

    def __init__(self, names: Collection[str], own: Collection[str]) -> None:
        self._names = names
        self._own = own
        self._found: Sequence[str] = ()
        self._path = history_file(os.environ)
        self._readline: Any = None
        with suppress(ImportError):
            import readline

            self._readline = readline
            self._begin(readline)

    def _begin(self, readline: Any) -> None:
        readline.set_completer(self._complete)
        readline.set_completer_delims(" ")
        readline.parse_and_bind("tab: complete")
        with suppress(AttributeError):
            readline.set_auto_history(False)
        readline.set_history_length(LONGEST)
        with suppress(OSError):
            readline.read_history_file(self._path)

    def _complete(self, word: str, number: int) -> str | None:
        if number == 0:
            line, begin = self._readline.get_line_buffer(), self._readline.get_begidx()
            self._found = completions(line[: begin + len(word)], begin, self._names, self._own)
        return self._found[number] if number < len(self._found) else None

    def read(self, prompt: str) -> str:
        """The next line. Raises EOFError at the end, KeyboardInterrupt for a line that was given up."""
        line = input(prompt)
        if self._readline is not None and line.strip() and not SECRETS.search(line):
            self._readline.add_history(line)
        return line

    def close(self) -> None:
        """Keep the history, for this user alone; a disk that takes none is no reason to fail."""
        if self._readline is None:
            return
        with suppress(OSError):
            os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
            os.chmod(self._path, 0o600)
            self._readline.write_history_file(self._path)
            os.chmod(self._path, 0o600)
