"""TLS towards a server."""

from __future__ import annotations

from typing import Any, Final

from txkea.backend.parameters import Parameters

__all__ = ["TLS", "context"]

TLS: Final = ("tls", "trust-anchor", "cert-file", "key-file")
"""Kea's words, and ``tls`` for a server whose certificate the machine trusts anyway."""


def context(given: Parameters, host: str) -> Any:
    """What connections are wrapped with, or None for plain ones; the server's certificate must name the host."""
    anchor, certificate, key = (given.text(name) for name in TLS[1:])
    if bool(certificate) != bool(key):
        raise given.wrong("cert-file and key-file belong together", "key-file" if certificate else "cert-file")
    if not given.flag("tls", bool(anchor or certificate)):
        return None
    try:
        from twisted.internet import ssl
    except ImportError as error:
        mend = "pip install 'txkea[tls]'"
        raise given.wrong(f"TLS needs a package that is not installed ({error}); mend: {mend}", "tls") from None
    name, path = "trust-anchor", anchor
    try:
        trust = ssl.Certificate.loadPEM(_read(anchor)) if anchor else ssl.platformTrust()
        name, path = "cert-file", certificate
        own = ssl.PrivateCertificate.loadPEM(_read(certificate) + b"\n" + _read(key)) if certificate else None
        return ssl.optionsForClientTLS(host, trustRoot=trust, clientCertificate=own)
    except Exception as error:  # OpenSSL has many
        raise given.wrong(f"{path} cannot be used: {error or type(error).__name__}", name) from error


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
