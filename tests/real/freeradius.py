"""A FreeRADIUS of the tests' own, in a directory and on ports of its own, stopped, frozen and started at will.

All of its configuration is written here, so that a test sees what it asks. Access-Requests that it got and accounting
records are read from its own files.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import random
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tests.certifying import Certified
from tests.real.daemons import Daemon
from txkea.testing.namespaces import Namespace, wait_for

__all__ = ["SECRET", "FreeRadius", "Record", "free_udp_port"]

SECRET: Final = "it's a secret"
LOOPBACK: Final = "127.0.0.1"
Record = Mapping[str, str]
"""Attributes of one packet as FreeRADIUS prints them, without quotes; of several of one name the last."""

PORTS: Final = range(20000, 30000)
"""Below those that the kernel gives to clients: while a server is down nobody takes its port."""

MAIN: Final = """
prefix = /usr
confdir = {directory}
raddbdir = {directory}
logdir = {directory}
run_dir = {directory}
libdir = /usr/lib/freeradius
hostname_lookups = no
max_request_time = 30
max_requests = 65536
cleanup_delay = 2
checkrad = /bin/false
log {{
    destination = files
    file = {directory}/radius.log
}}
security {{
    reject_delay = 0
    status_server = yes
}}
thread pool {{
    start_servers = 4
    max_servers = 8
    min_spare_servers = 2
    max_spare_servers = 8
    max_requests_per_server = 0
    max_queue_size = 65536
}}
modules {{
    files {{
        usersfile = {directory}/users
        acctusersfile = {directory}/none
        preproxy_usersfile = {directory}/none
    }}
    expr {{
    }}
    always ok {{
        rcode = ok
    }}
    detail requests {{
        filename = {directory}/requests
        header = "%t"
        permissions = 0644
        log_packet_header = yes
    }}
    detail records {{
        filename = {directory}/records
        header = "%t"
        permissions = 0644
        log_packet_header = yes
    }}
}}
client tests {{
    ipaddr = {any}
    secret = "{secret}"
    require_message_authenticator = {strict}
    limit {{
        max_connections = 1024
    }}
}}
server default {{
{listeners}
    authorize {{
        requests
        files
    }}
    authenticate {{
    }}
    post-auth {{
{post_auth}
{signature}
        Post-Auth-Type REJECT {{
{signature}
        }}
    }}
    preacct {{
        ok
    }}
    accounting {{
        records
        ok
    }}
}}
"""
SIGNATURE: Final = """
        update reply {
            &Message-Authenticator := 0x00
        }
"""
"""FreeRADIUS before 3.2.5 signs no answer unless it is told to; what is sent is the true one, whatever stands here."""
LISTENER: Final = """
    listen {{
        type = {type}
        ipaddr = {host}
        port = {port}
    }}
"""
TLS: Final = """
    listen {{
        type = auth+acct
        proto = tcp
        ipaddr = {host}
        port = {port}
        clients = radsec
        limit {{
            max_connections = 1024
        }}
        tls {{
            private_key_file = {files.server_key}
            certificate_file = {files.server}
            ca_file = {files.authority}
            require_client_cert = {client}
            tls_min_version = "1.2"
            tls_max_version = "1.2"
            ecdh_curve = ""
        }}
    }}
"""
RADSEC: Final = """
clients radsec {{
    client tests_tls {{
        ipaddr = {any}
        proto = tls
        secret = radsec
        limit {{
            max_connections = 1024
        }}
    }}
}}
"""


def free_udp_port() -> int:
    """A UDP port of loopback that nobody has."""
    while True:
        port = random.choice(PORTS)
        with suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as probe, socket.socket() as stream:
            probe.bind((LOOPBACK, port))
            stream.bind((LOOPBACK, port))
            return port


class FreeRadius(Daemon):
    """One server for access and accounting; ``start`` it, and ``remove`` it when the test is over.

    ``users`` is its users file, which decides about each User-Name; nobody is let in who is not in it. With
    ``certificates`` it listens for RADIUS over TLS too, on ``tls_port``, where clients need a certificate unless
    ``open_tls``. It requires a Message-Authenticator of all requests if ``strict``, and puts one into its answers if it
    ``signs``. ``post_auth`` is added to that section, in FreeRADIUS's own language. In a ``namespace`` it is in that
    network.
    """

    kind = "freeradius"

    def __init__(
        self,
        users: str = "",
        *,
        host: str = LOOPBACK,
        secret: str = SECRET,
        certificates: Certified | None = None,
        open_tls: bool = False,
        strict: bool = False,
        signs: bool = True,
        post_auth: str = "",
        namespace: Namespace | None = None,
    ) -> None:
        super().__init__()
        self.host, self.secret = host, secret
        self.port, self.acct_port, self.tls_port = (free_udp_port() for _ in range(3))
        self._namespace = namespace
        any_address = "::/0" if ":" in host else "0.0.0.0/0"
        listeners = [("auth", self.port), ("acct", self.acct_port)]
        texts = [LISTENER.format(type=kind, host=host, port=port) for kind, port in listeners]
        radsec = ""
        if certificates is not None:
            wanted = "no" if open_tls else "yes"
            files = Certified(*map(os.path.abspath, certificates))
            texts.append(TLS.format(host=host, port=self.tls_port, files=files, client=wanted))
            radsec = RADSEC.format(any=any_address)
        configuration = MAIN.format(
            directory=self.directory,
            any=any_address,
            secret=secret,
            strict="yes" if strict else "no",
            listeners="".join(texts),
            post_auth=post_auth,
            signature=SIGNATURE if signs else "",
        )
        self._write("radiusd.conf", configuration + radsec)
        self._write("dictionary", "$INCLUDE /usr/share/freeradius/dictionary\n")
        self._write("none", "")
        self._write("users", users)

    def _write(self, name: str, text: str) -> None:
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)

    # -- the process ---------------------------------------------------------------------------------------------------

    def command(self) -> Sequence[str]:
        words = ["freeradius", "-f", "-d", str(self.directory), "-n", "radiusd"]
        return words if self._namespace is None else self._namespace.argv(words)

    def answers(self) -> bool:
        """Whether it answers a Status-Server on both ports."""
        return all(self._alive(port) for port in (self.port, self.acct_port))

    def _alive(self, port: int) -> bool:
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with self._socket(family) as sock:
            sock.settimeout(0.5)
            try:
                sock.connect((self.host, port))
                sock.send(status_server(self.secret.encode()))
                return bool(sock.recv(4096))
            except OSError:
                return False

    def _socket(self, family: int) -> socket.socket:
        if self._namespace is None:
            return socket.socket(family, socket.SOCK_DGRAM)
        with self._namespace.enter():
            return socket.socket(family, socket.SOCK_DGRAM)

    def users(self, text: str) -> None:
        """Have another users file; a server that runs is started again."""
        self._write("users", text)
        if self.runs:
            self.restart()

    def said(self) -> str:
        log = self.directory / "radius.log"
        return super().said() + (log.read_text(errors="replace")[-3000:] if log.exists() else "")

    # -- what a configuration says of it -------------------------------------------------------------------------------

    def server(self, **more: Any) -> dict[str, Any]:
        """A map of ``access`` / ``servers``; an underscore of a keyword is a hyphen."""
        return self._map(self.port, more)

    def acct_server(self, **more: Any) -> dict[str, Any]:
        """A map of ``accounting`` / ``servers``."""
        return self._map(self.acct_port, more)

    def _map(self, port: int, more: Mapping[str, Any]) -> dict[str, Any]:
        words = {name.replace("_", "-"): value for name, value in more.items()}
        return {"name": self.host, "port": port, "secret": self.secret, **words}

    # -- what it was asked ---------------------------------------------------------------------------------------------

    def requests(self, **wanted: str) -> list[Record]:
        """The Access-Requests that it got, in their order; those with these attributes (``User_Name="x"``)."""
        return self._read("requests", wanted)

    def records(self, **wanted: str) -> list[Record]:
        """The accounting records that it wrote, in their order; those with these attributes."""
        return self._read("records", wanted)

    def wait_for_records(self, number: int, timeout: float = 10.0, **wanted: str) -> list[Record]:
        """The records as soon as there are so many."""
        what = f"{number} accounting records with {wanted or 'anything'}"
        return wait_for(lambda: found if len(found := self.records(**wanted)) >= number else None, what, timeout)

    def forget(self) -> None:
        """Forget what was asked so far."""
        for name in ("requests", "records"):
            with suppress(FileNotFoundError):
                os.truncate(self.directory / name, 0)

    def _read(self, name: str, wanted: Mapping[str, str]) -> list[Record]:
        names = {key.replace("_", "-"): value for key, value in wanted.items()}
        found = _parsed(self.directory / name)
        return [record for record in found if all(record.get(key) == value for key, value in names.items())]


def _parsed(path: Path) -> list[Record]:
    text = path.read_text(errors="replace") if path.exists() else ""
    return [dict(_attributes(entry)) for entry in text.split("\n\n") if entry.strip()]


def _attributes(entry: str) -> Iterator[tuple[str, str]]:
    for line in entry.splitlines():
        name, found, value = line.strip().partition(" = ")
        if found:
            yield name, value.strip('"')


def status_server(secret: bytes) -> bytes:
    """A Status-Server with a Message-Authenticator: RFC 5997."""
    head = bytes((12, random.randrange(256))) + (38).to_bytes(2, "big") + os.urandom(16)
    signature = hmac.new(secret, head + b"\x50\x12" + bytes(16), hashlib.md5).digest()
    return head + b"\x50\x12" + signature
