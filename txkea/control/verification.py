"""Certificates: which servers a client of control channels believes, and what either shows of itself (TLS)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, Final

from twisted.web.client import BrowserLikePolicyForHTTPS
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from txkea.control.confidential import read
from txkea.errors import ConfigError

__all__ = ["MISSING", "authorities", "own", "verifying"]

MISSING: Final = "https needs more than plain txkea; install txkea[tls]"
ENCRYPTED: Final = re.compile(rb"^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)
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
        from twisted.internet import ssl
    except ImportError:
        raise ConfigError(MISSING) from None
    if not trust_anchor and not certificate:
        policy: IPolicyForHTTPS = BrowserLikePolicyForHTTPS()
        return policy
    trusted = ssl.trustRootFromCertificates(list(authorities(trust_anchor))) if trust_anchor else None
    return Verifying(trusted, own(certificate, key) if certificate else None)


def own(certificate: str, key: str) -> Any:
    """Our certificate, a `PrivateCertificate`; the key may be in the same file, then its name is ``""``.

    Raises `ConfigError`.
    """
    from OpenSSL.crypto import Error
    from twisted.internet.error import VerifyError
    from twisted.internet.ssl import PrivateCertificate

    pem = read(certificate) + b"\n" + (read(key) if key else b"")
    if ENCRYPTED.search(pem):
        raise ConfigError(f"{key or certificate} needs a passphrase, and nobody is there to give it; decrypt the key")
    try:
        return PrivateCertificate.loadPEM(pem)
    except VerifyError:
        raise ConfigError(f"{key or certificate} has not the key of the certificate {certificate}; give that") from None
    except (Error, ValueError):
        raise ConfigError(f"{certificate} and {key} are not a certificate and its key in PEM format") from None


def authorities(path: str) -> Iterator[Any]:
    """All certificates of a file in PEM format, or of the files of a directory. Raises `ConfigError`."""
    from OpenSSL.crypto import Error
    from twisted.internet.ssl import Certificate

    try:
        paths = sorted(os.path.join(path, name) for name in os.listdir(path))
    except OSError:
        paths = [path]  # what is wrong with it shows when it is read
    found = [pem for each in paths for pem in CERTIFICATE.findall(read(each))]
    if not found:
        raise ConfigError(f"{path} holds no certificate in PEM format")
    try:
        yield from map(Certificate.loadPEM, found)
    except (Error, ValueError):
        raise ConfigError(f"{path} holds a certificate that cannot be read") from None
