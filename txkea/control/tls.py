"""The certificates of an HTTPS channel, and whom it asks for theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from txkea.control.verification import MISSING, authorities, own
from txkea.errors import ConfigError

__all__ = ["context"]

FILES: Final = ("cert-file", "key-file", "trust-anchor")


def context(parameters: Mapping[str, Any], place: Callable[[str], str]) -> Any:
    """What makes connections secure, from the parameters of a socket; TLS 1.2 or newer. Raises `ConfigError`.

    With a ``trust-anchor`` clients are asked for a certificate that it has signed, and must have one if
    ``cert-required`` says so.
    """
    try:
        from OpenSSL.SSL import Error
        from twisted.internet import ssl
    except ImportError:
        raise ConfigError(MISSING) from None
    certificate, key, anchor = (place(parameters[name]) if name in parameters else "" for name in FILES)
    ours = own(certificate, key)
    trusted = list(authorities(anchor)) if anchor else []
    options = ssl.CertificateOptions(
        privateKey=ours.privateKey.original,
        certificate=ours.original,
        extraCertChain=[each.original for each in authorities(certificate)][1:],
        verify=bool(trusted),
        caCerts=[each.original for each in trusted] or None,
        acceptableProtocols=[b"http/1.1"],  # without any, a client that offers some is not understood
        raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
        requireCertificate=bool(trusted) and parameters.get("cert-required", True),
    )
    try:
        options.getContext()  # what is wrong with the files shows here, not when the first client comes
    except Error as error:
        reasons = ", ".join(reason for *_, reason in error.args[0])
        raise ConfigError(f"{certificate} cannot be used: {reasons}; give another certificate") from None
    return options
