"""Authorities for tests, and certificates that they signed, as files."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Certified", "certified"]

DAY: Final = timedelta(days=1)


class Certified(NamedTuple):
    """Paths of PEM files: an authority, and what it signed for the server 127.0.0.1 and for a client."""

    authority: str
    server: str
    server_key: str
    client: str
    client_key: str


class Authority:
    """Signs certificates; all files are in one directory, each name with ``.pem``."""

    def __init__(self, directory: Path, name: str = "authority", above: Authority | None = None) -> None:
        self._directory = directory
        self._key = generate_private_key(SECP256R1())
        self._name = _name(name)
        signed = above or self
        own = _builder(self._name, signed._name, self._key).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.file = self._written(name, own.sign(signed._key, SHA256()).public_bytes(Encoding.PEM))

    def certify(self, who: str, until: timedelta = DAY, passphrase: bytes = b"") -> tuple[str, str]:
        """The files of a certificate for 127.0.0.1, and of its key."""
        key = generate_private_key(SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
        certificate = _builder(_name(who), self._name, key, until).add_extension(names, critical=False)
        encryption = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
        return (
            self._written(who, certificate.sign(self._key, SHA256()).public_bytes(Encoding.PEM)),
            self._written(f"{who}_key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)),
        )

    def _written(self, name: str, text: bytes) -> str:
        path = self._directory / f"{name}.pem"
        path.write_bytes(text)
        return str(path)


def certified(directory: Path) -> Certified:
    """Make an authority, and certificates of a server and a client."""
    authority = Authority(directory)
    return Certified(authority.file, *authority.certify("server"), *authority.certify("client"))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, until: timedelta = DAY
) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 2 * DAY)
        .not_valid_after(now + until)
    )
