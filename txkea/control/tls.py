"""The certificates of an HTTPS channel, and whom it asks for theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from txkea.control.verification import authorities, read
from txkea.errors import ConfigError

__all__ = ["context"]


def context(parameters: Mapping[str, Any], place: Callable[[str], str]) -> Any:
    """What makes connections secure, from the parameters of a socket; TLS 1.2 or newer. Raises `ConfigError`.

    With a ``trust-anchor`` clients are asked for a certificate that it has signed, and must have one if
    ``cert-required`` says so.
    """
    try:
        from OpenSSL.crypto import Error
        from twisted.internet import ssl
    except ImportError:
        raise ConfigError("https needs more than plain txkea; install txkea[tls]") from None
    certificate, key = place(parameters["cert-file"]), place(parameters["key-file"])
    pem = read(certificate)
    try:
        ours = ssl.PrivateCertificate.loadPEM(pem + b"\n" + read(key))
        chain = list(authorities(certificate))[1:]
        anchor = parameters.get("trust-anchor")
        trusted = list(authorities(place(anchor))) if anchor else []
        return ssl.CertificateOptions(
            privateKey=ours.privateKey.original,
            certificate=ours.original,
            extraCertChain=[each.original for each in chain],
            verify=bool(trusted),
            caCerts=[each.original for each in trusted] or None,
            acceptableProtocols=[b"http/1.1"],  # without any, a client that offers some is not understood
            raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
            requireCertificate=bool(trusted) and parameters.get("cert-required", True),
        )
    except (Error, ValueError) as error:
        mend = "give a certificate and its key in PEM format"
        raise ConfigError(f"{certificate} and {key} cannot be used together: {error!r}; {mend}") from None
