"""What tests of channels and commands share: a log that can be read."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from txkea.logs.logs import Logs

__all__ = ["Logged"]


class Logged(SynchronousTestCase):
    """A test with logs of its own."""

    def setUp(self) -> None:
        super().setUp()
        self.log_file = self.mktemp()
        self.logs = Logs(default=self.log_file)
        self.addCleanup(self.logs.close)

    def log(self) -> str:
        """What was logged so far."""
        self.logs.flush()
        with open(self.log_file, encoding="utf-8") as file:
            return file.read()

    def limits(self, module: Any, **limits: float) -> None:
        """Other limits than a module has, for this test."""
        for name, value in limits.items():
            self.patch(module, name, value)
