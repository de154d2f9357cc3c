"""Which servers a client of control channels believes, and what it shows of itself (TLS)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, Final

from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from txkea.errors import ConfigError

__all__ = ["authorities", "read", "verifying"]

CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@implementer(IPolicyForHTTPS)
class Verifying:
    """Believes servers whose certificates these authorities signed, and shows them ours; None for neither."""

    def __init__(self, trusted: Any, ours: Any) -> None:
        self._trusted = trusted
        self._ours = ours

    def creatorForNetloc(self, hostname: bytes, port: int) -> Any:  # noqa: N802
        """What makes connections to a host."""
        from twisted.internet.ssl import optionsForClientTLS

        return optionsForClientTLS(hostname.decode("ascii"), trustRoot=self._trusted, clientCertificate=self._ours)


def verifying(trust_anchor: str, certificate: str, key: str) -> IPolicyForHTTPS:
    """The policy of files, as `txkea.control.asking.ControlClient` has them. Raises `ConfigError`."""
    try:
        from OpenSSL.crypto import Error
        from twisted.internet import ssl
    except ImportError:
        raise ConfigError("https needs more than plain txkea; install txkea[tls]") from None
    if not trust_anchor and not certificate:
        policy: IPolicyForHTTPS = BrowserLikePolicyForHTTPS()
        return policy
    trusted = ssl.trustRootFromCertificates(list(authorities(trust_anchor))) if trust_anchor else None
    if not certificate:
        return Verifying(trusted, None)
    pem = read(certificate) + b"\n" + (read(key) if key else b"")
    try:
        return Verifying(trusted, ssl.PrivateCertificate.loadPEM(pem))
    except Error:
        raise ConfigError(f"{certificate} and {key} are not a certificate and its key in PEM format") from None


def authorities(path: str) -> Iterator[Any]:
    """All certificates of a file in PEM format, or of the files of a directory. Raises `ConfigError`."""
    from OpenSSL.crypto import Error
    from twisted.internet.ssl import Certificate

    paths = sorted(os.path.join(path, name) for name in os.listdir(path)) if os.path.isdir(path) else [path]
    found = [pem for each in paths for pem in CERTIFICATE.findall(read(each))]
    if not found:
        raise ConfigError(f"{path} holds no certificate in PEM format")
    try:
        yield from map(Certificate.loadPEM, found)
    except Error:
        raise ConfigError(f"{path} holds a certificate that cannot be read") from None


def read(path: str) -> bytes:
    """A file of certificates or of a key. Raises `ConfigError`."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}; correct the path or its permissions") from None
