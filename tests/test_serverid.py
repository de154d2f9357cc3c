"""`txkea.serverid`: which DUID a server has, and the file that keeps it."""

from __future__ import annotations

import os
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.errors import ConfigError
from txkea.model.configuration import ServerId
from txkea.serverid import EPOCH, Material, choose, keep, recall
from txkea.testing.network import ETH0, LOOPBACK

__all__ = ["ChoiceTests", "FileTests"]

NOW: Final = EPOCH + 0x01020304
HARDWARE: Final = "02:00:00:00:00:01"
LLT: Final = f"00:01:00:01:01:02:03:04:{HARDWARE}"
EARLIER: Final = "00:01:00:06:00:00:00:09:0a:0b:0c:0d:0e:0f"
KINDS: Final = ("LLT", "EN", "LL", "UUID")


def counting(length: int) -> bytes:
    """Random enough: 1, 2, 3, …"""
    return bytes(range(1, length + 1))


def chosen(known: str = "", links: Any = (LOOPBACK, ETH0), **wanted: Any) -> str:
    """The DUID that these keywords come to."""
    if "identifier" in wanted:
        wanted["identifier"] = bytes.fromhex(wanted["identifier"])
    material = Material(links=links, now=NOW, random=counting)
    return choose(ServerId(**wanted), bytes.fromhex(known.replace(":", "")), material).hex(":")


class ChoiceTests(SynchronousTestCase):
    """What is configured, what is known, and what is made."""

    def test_new(self) -> None:
        """B007, B008: what the configuration leaves open is chosen: link, time, enterprise and random bytes."""
        self.assertEqual(chosen(), LLT)
        self.assertEqual(chosen(type="LL"), f"00:03:00:01:{HARDWARE}")
        self.assertEqual(chosen(type="EN"), "00:02:00:00:09:bf:01:02:03:04:05:06")
        self.assertEqual(chosen(type="UUID"), "00:04:01:02:03:04:05:06:47:08:89:0a:0b:0c:0d:0e:0f:10")

    def test_configured(self) -> None:
        """B007: what the configuration says is so."""
        self.assertEqual(
            chosen(type="LLT", htype=8, identifier="a65dc7410f05", time=2518920166),
            "00:01:00:08:96:23:ab:e6:a6:5d:c7:41:0f:05",
        )
        self.assertEqual(chosen(type="LL", identifier="a65dc7410f05"), "00:03:00:01:a6:5d:c7:41:0f:05")
        self.assertEqual(chosen(type="EN", enterprise_id=9, identifier="87ab"), "00:02:00:00:00:09:87:ab")
        self.assertEqual(chosen(type="UUID", identifier="00" * 16), "00:04" + ":00" * 16)

    def test_known(self) -> None:
        """B009: a DUID that is there stays when the configuration leaves the rest open, whatever the links."""
        for links in ((LOOPBACK, ETH0), (LOOPBACK,)):
            self.assertEqual(chosen(EARLIER, links), EARLIER)
        for kind in KINDS:
            before = chosen(type=kind)
            self.assertEqual(chosen(before, (LOOPBACK,), type=kind), before)
        self.assertEqual(chosen("00:02:00:00:00:07:55", type="EN"), "00:02:00:00:00:07:55")

    def test_changed(self) -> None:
        """B009: what the configuration says otherwise changes, the rest stays; another type is another DUID."""
        self.assertEqual(chosen(EARLIER, identifier="aabbccddeeff"), "00:01:00:06:00:00:00:09:aa:bb:cc:dd:ee:ff")
        self.assertEqual(chosen(EARLIER, time=255), "00:01:00:06:00:00:00:ff:0a:0b:0c:0d:0e:0f")
        self.assertEqual(chosen("00:02:00:00:00:07:55", type="EN", enterprise_id=8), "00:02:00:00:00:08:55")
        self.assertEqual(chosen(EARLIER, type="LL"), f"00:03:00:01:{HARDWARE}")
        self.assertEqual(chosen("00:02:00:00:00:07:55"), LLT)

    def test_links(self) -> None:
        """B008: loopback, links that are down and those with no or hardly any hardware address are not asked."""
        useless = (
            LOOPBACK,
            ETH0._replace(loopback=True),
            ETH0._replace(up=False, hwaddr=b"\2\2\2\2\2\2"),
            ETH0._replace(hwaddr=b""),
            ETH0._replace(hwaddr=b"\1\2\3\4"),
            ETH0._replace(hwaddr=bytes(6)),
        )
        infiniband = ETH0._replace(hwtype=32, hwaddr=bytes(19) + b"\1")
        self.assertEqual(chosen("", (*useless, infiniband)), "00:01:00:20:01:02:03:04" + ":00" * 19 + ":01")
        self.assertEqual(chosen("", useless, type="LL"), chosen(type="UUID"))

    def test_no_hardware(self) -> None:
        """Where no link has a hardware address there is a UUID, and it stays when one has."""
        made = chosen("", ())
        self.assertEqual(made, chosen(type="UUID"))
        self.assertEqual(chosen(made, ()), made)

    @given(
        st.sampled_from(KINDS), st.binary(min_size=16, max_size=16), st.integers(0, 65535),
        st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1),
    )  # fmt: skip
    def test_stable(self, kind: str, identifier: bytes, htype: int, time: int, enterprise: int) -> None:
        """Whatever is configured, a DUID once chosen is chosen again."""
        for known in (b"", bytes.fromhex(EARLIER.replace(":", ""))):
            for given_identifier in (identifier, b""):
                wanted = ServerId(
                    type=kind, htype=htype, identifier=given_identifier, time=time, enterprise_id=enterprise
                )
                first = choose(wanted, known, Material(links=(ETH0,), now=NOW, random=counting))
                later = Material(links=(), now=NOW + 1000, random=bytes)
                self.assertEqual(choose(wanted, first, later), first)


class FileTests(SynchronousTestCase):
    """The file."""

    def setUp(self) -> None:
        self.directory = self.mktemp()
        os.mkdir(self.directory)
        self.path = os.path.join(self.directory, "kea-dhcp6-serverid")

    def write(self, data: bytes) -> None:
        with open(self.path, "wb") as file:
            file.write(data)

    def test_form(self) -> None:
        """B009: the file is Kea's: hexadecimal with colons, without the end of a line, which Kea does not take."""
        keep(self.path, bytes.fromhex(EARLIER.replace(":", "")))
        with open(self.path, "rb") as file:
            self.assertEqual(file.read(), EARLIER.encode())
        self.assertEqual(os.listdir(self.directory), ["kea-dhcp6-serverid"])

    @given(st.binary(min_size=3, max_size=130))
    def test_round_trip(self, duid: bytes) -> None:
        """What is kept is recalled."""
        keep(self.path, duid)
        self.assertEqual(recall(self.path), duid)

    def test_none(self) -> None:
        """Without a file there is no DUID."""
        self.assertEqual(recall(self.path), b"")

    def test_by_hand(self) -> None:
        """A file that an editor has ended with a line is one."""
        self.write(f"{EARLIER.upper()}\n".encode())
        self.assertEqual(recall(self.path).hex(":"), EARLIER)

    def test_corrupted(self) -> None:
        """What is no DUID is refused, with the file's name and what to do, and stays as it is."""
        for wrong in (b"", b"\n", b"garbage", b"00:01", b"\xff\0", b"00" * 131, b"00:01:00:0g", b"1" * 5000):
            self.write(wrong)
            with self.assertRaisesRegex(ConfigError, f"{self.path}.*remove the file"):
                recall(self.path)
            with open(self.path, "rb") as file:
                self.assertEqual(file.read(), wrong)

    def test_unreadable(self) -> None:
        """A file that cannot be read is not taken for none."""
        os.mkdir(self.path)
        with self.assertRaisesRegex(ConfigError, "cannot be read"):
            recall(self.path)

    def test_unwritable(self) -> None:
        """A DUID that cannot be kept is refused, and the former file stays whole."""
        with self.assertRaisesRegex(ConfigError, "data-directory"):
            keep(os.path.join(self.directory, "missing", "file"), b"\0\1\2")

    def test_full_disk(self) -> None:
        """A disk that is full costs no DUID: the former one stays whole."""
        self.write(EARLIER.encode())
        os.symlink("/dev/full", f"{self.path}.{os.getpid()}")
        with self.assertRaisesRegex(ConfigError, "No space left"):
            keep(self.path, b"\0\1\2")
        self.assertEqual(recall(self.path).hex(":"), EARLIER)
