"""Programs that tests run, and what they print."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

__all__ = ["output"]

ROOT: Final = Path(__file__).resolve().parent.parent


def output(*command: str | Path, cwd: Path = ROOT, paths: Sequence[Path | str] = ()) -> str:
    """What a program prints; an error with all of it if it fails.

    ``paths`` are where Python looks for modules first; nothing else of this tree is on its path.
    """
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PIP_CONSTRAINT")}
    if paths:
        environment["PYTHONPATH"] = os.pathsep.join(map(str, paths))
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**environment, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(str(part) for part in command)} gave {done.returncode}:\n{done.stdout}")
    return done.stdout
