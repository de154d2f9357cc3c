"""TLS towards databases: `txkea.backend.tls.standard_context`."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from txkea.backend.parameters import Parameters
from txkea.backend.tls import standard_context
from txkea.errors import ConfigError

__all__ = ["StandardTests"]


class StandardTests(SynchronousTestCase):
    """What drivers are given."""

    def test_wrong(self) -> None:
        """A file or a list of ciphers that cannot be used is told by the parameter that names it, and by its name."""
        rubbish = Path(tempfile.mkstemp()[1])
        self.addCleanup(rubbish.unlink)
        rubbish.write_text("no certificate")
        for name in ("trust-anchor", "cert-file"):
            for path in (str(rubbish), "/nowhere/file.pem"):
                self.refused(name, path)
        self.refused("cipher-list", "NO-SUCH-CIPHER")

    def refused(self, name: str, value: str) -> None:
        """This value of this parameter is refused."""
        error = self.assertRaises(ConfigError, standard_context, Parameters({name: value}), trusts=True, names=True)
        self.assertEqual(name, error.path)
        self.assertIn(value, str(error))

    def test_what_is_asked_of_the_server(self) -> None:
        """A certificate of the trust anchor, the host's name in it, or neither."""
        for trusts, names in ((True, True), (True, False), (False, False)):
            made = standard_context(Parameters({}), trusts=trusts, names=names)
            self.assertEqual((trusts, names), (made.verify_mode == ssl.CERT_REQUIRED, made.check_hostname))
