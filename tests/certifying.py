"""An authority for tests, and certificates that it signed, as files."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address
from pathlib import Path
from typing import Final, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

__all__ = ["Certified", "certified"]

DAY: Final = timedelta(days=1)


class Certified(NamedTuple):
    """Paths of PEM files: an authority, and what it signed for the server 127.0.0.1 and for a client."""

    authority: str
    server: str
    server_key: str
    client: str
    client_key: str


def certified(directory: Path) -> Certified:
    """Make an authority and write its files into a directory, each name with ``.pem``."""
    key = generate_private_key(SECP256R1())
    name = _name("txkea test")
    own = _builder(name, name, key).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    files = {"authority": own.sign(key, SHA256()).public_bytes(Encoding.PEM)}
    for who in ("server", "client"):
        their_key = generate_private_key(SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1")), x509.DNSName("localhost")])
        certificate = _builder(_name(who), name, their_key).add_extension(names, critical=False).sign(key, SHA256())
        files[who] = certificate.public_bytes(Encoding.PEM)
        files[f"{who}_key"] = their_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for file, text in files.items():
        (directory / f"{file}.pem").write_bytes(text)
    return Certified(*(str(directory / f"{field}.pem") for field in Certified._fields))


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)
        .not_valid_after(now + DAY)
    )
