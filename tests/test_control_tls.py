"""The HTTP channel over TLS: real sockets, and certificates that are made here."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import SynchronousTestCase

from tests.certifying import DAY, Authority
from tests.http_channel import AUTHENTICATION, HttpCase, Response, answered, authorization, pause, post, received
from tests.test_docs import ROOT, blocks
from txkea.config.load import load4
from txkea.control import http_connection
from txkea.control.tls import context
from txkea.errors import ConfigError


class TlsCase(HttpCase):
    """A channel of type ``https``, whose server's certificate is that of an authority."""

    more: Mapping[str, Any] = {}
    """Parameters beside certificate, key and users; ``trust-anchor`` is put in if this has ``cert-required``."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.authority = Authority(self.directory)
        self.stranger = Authority(self.directory, "stranger")
        certificate, key = self.authority.certify("server")
        self.parameters = {"authentication": AUTHENTICATION, "cert-file": certificate, "key-file": key, **self.more}
        if "cert-required" in self.more:
            self.parameters = {**self.parameters, "trust-anchor": self.authority.file}
        super().setUp()

    def made(self, parameters: Mapping[str, Any], kind: str = "https") -> Any:
        return super().made(parameters, kind)

    def context(self, files: tuple[str, str] | None = None) -> ssl.SSLContext:
        """A client that believes the authority, and shows a certificate if it has one."""
        made = ssl.create_default_context(cafile=self.authority.file)
        if files is not None:
            made.load_cert_chain(*files)
        return made

    async def connected(self, made: ssl.SSLContext | None = None) -> ssl.SSLSocket:
        """A connection after its handshake."""
        wrap = (made or self.context()).wrap_socket
        client = await deferToThread(lambda: wrap(self.connect(), server_hostname="127.0.0.1"))
        self.addCleanup(client.close)
        return client

    async def asked(self, made: ssl.SSLContext | None = None, data: bytes = b"") -> Response:
        """What is answered; raises OSError if nothing is."""
        client = await self.connected(made)
        await deferToThread(client.sendall, data or post(authorization()))
        return await deferToThread(answered, client)

    async def refused(self, call: Callable[[], Any]) -> OSError:
        try:
            found = await call()
        except OSError as error:
            return error
        raise AssertionError(f"{found} came")


class ServedTests(TlsCase):
    """Clients are asked for no certificate."""

    async def test_command(self) -> None:
        """A command is answered over TLS 1.2 or newer, also to who offers HTTP/1.1 by ALPN."""
        offering = self.context()
        offering.set_alpn_protocols(["h2", "http/1.1"])
        client = await self.connected(offering)
        await deferToThread(client.sendall, post(authorization()))
        found = await deferToThread(answered, client)
        self.assertEqual((found.status, found.value), (200, [{"arguments": 1, "result": 0}]))
        self.assertEqual((client.selected_alpn_protocol(), client.version()), ("http/1.1", "TLSv1.3"))

    async def test_old(self) -> None:
        """Nobody is served over TLS 1.1, whatever he would take."""
        old = self.context()
        old.set_ciphers("DEFAULT:@SECLEVEL=0")
        old.minimum_version = ssl.TLSVersion.TLSv1
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        error = await self.refused(lambda: self.connected(old))
        self.assertIn("PROTOCOL_VERSION", str(error))

    async def test_refused(self) -> None:
        """A stranger reads why he is refused, and that nothing was cut off; his body is not read."""
        client = await self.connected()
        await deferToThread(client.sendall, post()[:-10])
        found = Response(await deferToThread(received, client))
        self.assertEqual((found.status, found.headers["connection"], found.rest), (401, "close", b""))
        self.assertEqual(self.commands.ran, 0)

    async def test_endless(self) -> None:
        """A page without end is closed with its client."""
        client = await self.connected()
        await deferToThread(client.sendall, f"GET /events HTTP/1.1\r\nHost: x\r\n{authorization()}\r\n".encode())
        await deferToThread(client.recv, 1)
        client.close()
        await pause(0.2)
        self.assertEqual(self.page.closed, 1)

    async def test_no_tls(self) -> None:
        """Who speaks plain HTTP to it gets nothing, and others are served."""
        self.assertNotIn(b"HTTP", await self.raw(post(authorization()), end=False))
        self.assertEqual((await self.asked()).status, 200)
        self.assertEqual(self.commands.ran, 1)
        self.assertIn("HTTP_CONNECTION_HANDSHAKE_FAILED a handshake with 127.0.0.1 failed: http request", self.log())

    async def test_slow_handshake(self) -> None:
        """A handshake that does not end is ended; one that has not begun too."""
        self.limits(http_connection, TIME_LIMIT=0.2)
        silent, halfway = self.connect(), self.connect()
        halfway.sendall(b"\x16\x03\x01\x02\x00\x01")
        began = reactor.seconds()
        for client in (silent, halfway):
            self.assertEqual(await deferToThread(received, client), b"")
        self.assertLess(reactor.seconds() - began, 3)
        self.assertEqual((await self.asked()).status, 200)


class PlainTests(HttpCase):
    """A channel without TLS."""

    async def test_tls(self) -> None:
        """Who speaks TLS to it is told at once that this is no request, and others are served."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        with self.assertRaises(ssl.SSLWantReadError):
            ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="x").do_handshake()
        found = await self.ask(outgoing.read(), end=False)
        self.assertEqual(found.status, 400)
        self.assertEqual((await self.ask(post(authorization()))).status, 200)
        self.assertNotIn("ERROR", self.log())


class RequiredTests(TlsCase):
    """Clients must have a certificate."""

    more: Mapping[str, Any] = {"cert-required": True}

    async def test_certificates(self) -> None:
        """Only who has a valid certificate of the authority is served, and none else even asked who he is."""
        self.assertEqual((await self.asked(self.context(self.authority.certify("client")))).status, 200)
        for files in (
            None,
            self.stranger.certify("another"),
            self.authority.certify("late", until=-DAY),
            Authority(self.directory, "below", above=self.stranger).certify("far"),
        ):
            made = self.context(files)
            await self.refused(lambda made=made: self.asked(made))  # type: ignore[misc]
        self.assertEqual(self.commands.ran, 1)

    async def test_password(self) -> None:
        """A certificate does not stand for a password."""
        made = self.context(self.authority.certify("client"))
        self.assertEqual((await self.asked(made, post())).status, 401)


class OptionalTests(TlsCase):
    """Clients may have a certificate."""

    more: Mapping[str, Any] = {"cert-required": False}

    async def test_certificates(self) -> None:
        """Without a certificate a client is served too, with one of nobody's it is not."""
        self.assertEqual((await self.asked()).status, 200)
        self.assertEqual((await self.asked(self.context(self.authority.certify("client")))).status, 200)
        stranger = self.context(self.stranger.certify("another"))
        await self.refused(lambda: self.asked(stranger))


class RevisedTests(TlsCase):
    """Certificates change while the channel is open."""

    async def shown(self) -> Any:
        """The serial number of the certificate that a new client is shown."""
        client = await self.connected()
        found: Any = client.getpeercert()
        return found["serialNumber"]

    async def test_renewed(self) -> None:
        """Files with a new certificate are read when the configuration comes into force again; clients stay."""
        client = await self.connected()
        before = await self.shown()
        self.authority.certify("server")
        self.assertEqual(await self.shown(), before)
        self.channel.revised(self.configured(self.parameters, "https"))()
        self.assertNotEqual(await self.shown(), before)
        await deferToThread(client.sendall, post(authorization()))
        self.assertEqual((await deferToThread(answered, client)).status, 200)

    async def test_useless(self) -> None:
        """A new certificate without its key is an error, and the old one stays."""
        before = await self.shown()
        _, key = self.authority.certify("other")
        with self.assertRaisesRegex(ConfigError, "has not the key"):
            self.channel.revised(self.configured({**self.parameters, "key-file": key}, "https"))
        self.assertEqual(await self.shown(), before)

    async def test_half_renewed(self) -> None:
        """While a new certificate has not its key yet, other changes go on, and the old one is shown."""
        before = await self.shown()
        certificate, _ = self.authority.certify("other")
        shutil.copy(certificate, self.parameters["cert-file"])
        self.channel.revised(self.configured(self.parameters, "https"))()
        self.assertEqual(await self.shown(), before)
        self.assertIn("HTTP_FILES_NOT_USED", self.log())

    async def test_plain_and_back(self) -> None:
        """A channel gives TLS up, and takes it on again; who waits on the old terms is sent away."""
        secure = await self.connected()
        self.channel.revised(self.configured({"authentication": AUTHENTICATION}, "http"))()
        self.assertEqual(await deferToThread(received, secure), b"")
        plain = self.connect()
        plain.sendall(post(authorization()))
        self.assertEqual((await deferToThread(answered, plain)).status, 200)
        self.channel.revised(self.configured(self.parameters, "https"))()
        self.assertEqual(await deferToThread(received, plain), b"")
        self.assertEqual((await self.asked()).status, 200)


class ContextTests(SynchronousTestCase):
    """What certificates and keys are good for."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.authority = Authority(self.directory)
        self.certificate, self.key = self.authority.certify("server")

    def made(self, **parameters: Any) -> Any:
        given = {"cert_file": self.certificate, "key_file": self.key, **parameters}
        return context({name.replace("_", "-"): value for name, value in given.items()}, str)

    def file(self, text: bytes) -> str:
        path = str(self.mktemp())
        with open(path, "wb") as file:
            file.write(text)
        return path

    def test_useful(self) -> None:
        """A certificate and its key are; authorities may be a file of several, or a directory of files."""
        several = self.file(Path(self.authority.file).read_bytes() * 2)
        os.makedirs(directory := self.mktemp())
        shutil.copy(self.authority.file, directory)
        for more in ({}, {"trust_anchor": self.authority.file}, {"trust_anchor": several}, {"trust_anchor": directory}):
            self.assertTrue(self.made(**more).getContext(), more)

    def test_chain(self) -> None:
        """What stands behind the certificate in its file is sent with it, and a client believes the whole chain."""
        below = Authority(self.directory, "below", above=self.authority)
        certificate, key = below.certify("far")
        chain = self.file(Path(certificate).read_bytes() + Path(below.file).read_bytes())
        for file, believed in ((certificate, False), (chain, True)):
            theirs = self.made(cert_file=file, key_file=key).getContext()
            self.assertEqual(handshake(theirs, ssl.create_default_context(cafile=self.authority.file)), believed)

    def test_useless(self) -> None:
        """What cannot be used is an error that names the file and the mend; a pipe is not waited for."""
        os.mkfifo(pipe := self.mktemp())
        os.makedirs(empty := self.mktemp())
        _, encrypted = self.authority.certify("secret", passphrase=b"open sesame")
        _, other = self.authority.certify("other")
        half = self.file(Path(self.certificate).read_bytes()[:-60] + b"-----END CERTIFICATE-----\n")
        for parameters, words in (
            ({"cert_file": "/no/such"}, "/no/such cannot be read: No such file"),
            ({"key_file": "/no/such"}, "/no/such cannot be read: No such file"),
            ({"trust_anchor": "/no/such"}, "/no/such cannot be read: No such file"),
            ({"cert_file": pipe}, f"{pipe} is not a regular file"),
            ({"key_file": "/dev/zero"}, "/dev/zero is not a regular file"),
            ({"trust_anchor": pipe}, f"{pipe} is not a regular file"),
            ({"trust_anchor": empty}, f"{empty} holds no certificate"),
            ({"cert_file": self.file(b"x" * 2_000_000)}, "larger than"),
            ({"cert_file": self.key}, "not a certificate and its key"),
            ({"cert_file": half}, "not a certificate and its key"),
            ({"key_file": self.certificate}, "not a certificate and its key"),
            ({"key_file": self.file(b"")}, "not a certificate and its key"),
            ({"key_file": encrypted}, f"{encrypted} needs a passphrase"),
            ({"key_file": other}, f"{other} has not the key"),
            ({"trust_anchor": half}, f"{half} holds a certificate that cannot be read"),
            ({"trust_anchor": self.key}, f"{self.key} holds no certificate"),
        ):
            with self.assertRaises(ConfigError) as caught:
                self.made(**parameters)
            self.assertIn(words, str(caught.exception), parameters)


class ManualTests(SynchronousTestCase):
    """The page of the manual about HTTPS."""

    def test_certificates(self) -> None:
        """What its commands make is what ``config/http.json`` names, and serves a client that comes with its own."""
        if shutil.which("openssl") is None:
            self.fail("install openssl")
        os.makedirs(directory := os.path.abspath(self.mktemp()))
        shell = "".join(
            listing.text for listing in blocks(ROOT / "doc" / "operator" / "http.rst") if listing.language == "sh"
        )
        subprocess.run(["sh", "-e"], input=shell.encode(), cwd=directory, check=True, capture_output=True)
        (secure, _) = load4(str(ROOT / "config" / "http.json")).control_sockets
        theirs = context(secure.parameters, partial(os.path.join, directory))
        client = ssl.create_default_context(cafile=os.path.join(directory, "ca.pem"))
        self.assertFalse(handshake(theirs.getContext(), client, "192.0.2.1"))
        client.load_cert_chain(os.path.join(directory, "client.pem"), os.path.join(directory, "client.key"))
        for name, believed in (("192.0.2.1", True), ("dhcp1.example.org", True), ("dhcp2.example.org", False)):
            self.assertEqual(handshake(theirs.getContext(), client, name), believed, name)


def handshake(theirs: Any, ours: ssl.SSLContext, name: str = "127.0.0.1") -> bool:
    """Whether a client and a server believe each other; both are in memory."""
    from OpenSSL import SSL

    server = SSL.Connection(theirs)
    server.set_accept_state()
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.wrap_bio(incoming, outgoing, server_hostname=name)
    for _ in range(5):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLCertVerificationError:
            return False
        server.bio_write(outgoing.read())
        try:
            server.do_handshake()
            return True
        except SSL.WantReadError:
            incoming.write(server.bio_read(1 << 16))
        except SSL.Error:
            return False
    raise AssertionError("there is no end of it")
