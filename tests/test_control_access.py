"""Who may use an HTTP channel, and for what."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.control.access import Access
from txkea.errors import ConfigError


class AccessTests(SynchronousTestCase):
    """Names, passwords and roles."""

    def file(self, text: bytes) -> str:
        path: str = self.mktemp()
        with open(path, "wb") as file:
            file.write(text)
        return path

    def access(self, **client: str) -> Access:
        return Access({"clients": [client]}, str)

    def knows(self, access: Access, credentials: bytes) -> bool:
        return access.user("Basic " + b64encode(credentials).decode()) is not None

    def test_files(self) -> None:
        """Name and password may stand in files, together or apart, with an end of line or without."""
        both = self.access(**{"password-file": self.file(b"ann:b:c\n")})
        self.assertTrue(self.knows(both, b"ann:b:c"))
        apart = self.access(**{"user-file": self.file(b"ann"), "password-file": self.file(b"b\r\n")})
        self.assertTrue(self.knows(apart, b"ann:b"))
        self.assertFalse(self.knows(apart, b"ann:b\r"))

    def test_directory(self) -> None:
        """The files may be named within a directory."""
        path = self.file(b"secret")
        client = {"user": "ann", "password-file": path}
        access = Access({"directory": "/nowhere", "clients": [client]}, lambda name: name.removeprefix("/nowhere"))
        self.assertTrue(self.knows(access, b"ann:secret"))

    def test_useless_files(self) -> None:
        """A file without a name, with a colon in it, that is no text or that is not there is an error."""
        for client in (
            {"password-file": self.file(b"nobody")},
            {"password-file": self.file(b":secret")},
            {"user-file": self.file(b""), "password": "x"},
            {"user-file": self.file(b"a:b"), "password": "x"},
            {"user": "x", "password-file": self.file(b"\xff")},
            {"user": "x", "password-file": self.mktemp()},
            {"user": "x", "password-file": "/"},
        ):
            with self.assertRaises(ConfigError, msg=str(client)):
                self.access(**client)

    @given(st.binary(max_size=60))
    def test_nobody(self, data: bytes) -> None:
        """No other credentials than those of a user are his."""
        access = self.access(user="ann", password="bob")
        self.assertEqual(self.knows(access, data), data == b"ann:bob")
        self.assertIsNone(access.user(data.decode("latin-1")))

    def test_everybody(self) -> None:
        """Without users everybody may do everything, whatever he sends; with one nobody else comes in."""
        nobody: tuple[dict[str, Any], ...] = ({}, {"clients": []})
        for authentication in nobody:
            access = Access(authentication, str)
            for header in (None, "", "Basic x", "Bearer y"):
                user = access.user(header)
                assert user is not None
                self.assertTrue(user.permits("shutdown"), header)
            self.assertFalse(access)
        access = self.access(user="a", password="")
        self.assertTrue(access)
        for header in (
            None,
            "",
            "Basic",
            "Basic ",
            "Basic YQ==",
            "Basic YTo=x",
            "basic  YTo= YTo=",
            "Bearer YTo=",
            "\xe9",
        ):
            self.assertIsNone(access.user(header), header)
        for header in ("Basic YTo=", "basic YTo=", "BASIC   YTo= "):
            self.assertIsNotNone(access.user(header), header)

    def test_long(self) -> None:
        """The longest name and password that the configuration takes are known; a file with more is an error."""
        name, password = "é" * 255, "\U0001f600" * 255
        self.assertTrue(self.knows(self.access(user=name, password=password), f"{name}:{password}".encode()))
        with self.assertRaisesRegex(ConfigError, "too long"):
            self.access(**{"user": "a", "password-file": self.file(b"x" * 5000)})

    def test_challenge(self) -> None:
        """A realm is quoted, whatever is in it."""
        for realm, quoted in (("", "kea-control-channel"), ('a "b" \\c', 'a \\"b\\" \\\\c')):
            access = Access({"realm": realm}, str)
            self.assertEqual(access.challenge, f'Basic realm="{quoted}", charset="UTF-8"')

    def test_roles(self) -> None:
        """What a role rejects is rejected though it accepts it too; the case of letters counts."""
        role = {"name": "x", "accept-commands": ["lease4-*", "list?commands"], "reject-commands": ["*-wipe"]}
        access = Access({"roles": [role], "clients": [{"user": "a", "password": "b", "role": "x"}]}, str)
        user = access.user("Basic YTpi")
        assert user is not None
        found = [
            user.permits(name) for name in ("lease4-get", "list-commands", "lease4-wipe", "LEASE4-GET", "", "events")
        ]
        self.assertEqual(found, [True, True, False, False, False, False])
