"""TLS towards a server."""

from __future__ import annotations

import os
import ssl
from typing import Any, Final

from txkea.backend.parameters import Parameters

__all__ = ["TLS", "context", "standard_context"]

TLS: Final = ("tls", "trust-anchor", "cert-file", "key-file")
"""Kea's words, and ``tls`` for a server whose certificate the machine trusts anyway."""


def standard_context(given: Parameters, *, trusts: bool, names: bool) -> ssl.SSLContext:
    """What drivers wrap their connections with that use Python's own ``ssl``.

    ``trusts`` tells whether the server's certificate must be one of the ``trust-anchor``, ``names`` whether it must
    name the host.
    """
    anchor, certificate, key, ciphers = map(given.text, ("trust-anchor", "cert-file", "key-file", "cipher-list"))
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = names
    made.verify_mode = ssl.CERT_REQUIRED if trusts else ssl.CERT_NONE
    where = {"capath" if os.path.isdir(anchor) else "cafile": anchor}
    for name, text, load in (
        ("trust-anchor", anchor, lambda: made.load_verify_locations(**where)),
        ("cert-file", certificate, lambda: made.load_cert_chain(certificate, key or None)),
        ("cipher-list", ciphers, lambda: made.set_ciphers(ciphers)),
    ):
        try:
            if text:
                load()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raise given.wrong(f"{text} cannot be used: {error}", name) from None
    return made


def context(given: Parameters, host: str) -> Any:
    """What Twisted's connections are wrapped with, or None for plain ones; the certificate must name the host."""
    anchor, certificate, key = (given.text(name) for name in TLS[1:])
    if bool(certificate) != bool(key):
        raise given.wrong("cert-file and key-file belong together", "key-file" if certificate else "cert-file")
    if not given.flag("tls", bool(anchor or certificate)):
        return None
    try:
        from twisted.internet import ssl as tls
    except ImportError as error:
        mend = "pip install 'txkea[tls]'"
        raise given.wrong(f"TLS needs a package that is not installed ({error}); mend: {mend}", "tls") from None
    name, path = "trust-anchor", anchor
    try:
        trust = tls.Certificate.loadPEM(_read(anchor)) if anchor else tls.platformTrust()
        name, path = "cert-file", certificate
        own = tls.PrivateCertificate.loadPEM(_read(certificate) + b"\n" + _read(key)) if certificate else None
        return tls.optionsForClientTLS(host, trustRoot=trust, clientCertificate=own)
    except Exception as error:  # OpenSSL has many
        raise given.wrong(f"{path} cannot be used: {error or type(error).__name__}", name) from error


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
