"""``txkea explain`` on files: configurations, packets, captures, lease files."""

from __future__ import annotations

import json
import os
from pathlib import Path
from struct import pack
from typing import Any, Final

from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txkea.cli.capture import Frame, datagram, frames
from txkea.cli.root import main
from txkea.errors import TxkeaError
from txkea.wire.client6 import query6
from txkea.wire.dhcp4 import Message4, encode_message4
from txkea.wire.dhcp6 import MessageType6, encode_message6
from txkea.wire.frames import FrameTemplate
from txkea.wire.frames6 import FrameTemplate6
from txkea.wire.ia import Ia

CONFIGURATION: Final[dict[str, Any]] = {
    "Dhcp4": {
        "lease-database": {"type": "memfile", "name": "leases4.csv"},
        "subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.10 - 192.0.2.11"}]}],
    },
    "Dhcp6": {
        "subnet6": [
            {
                "id": 1,
                "subnet": "2001:db8:1::/64",
                "interface": "eth0",
                "pools": [{"pool": "2001:db8:1::10 - 2001:db8:1::11"}],
            }
        ]
    },
}
HWADDR: Final = b"\2\0\0\0\0\7"
DISCOVER: Final = encode_message4(Message4(chaddr=HWADDR, options={53: b"\1", 55: b"\1\3"}))
SOLICIT: Final = encode_message6(query6(MessageType6.SOLICIT, 1, duid=b"\0\3\0\1" + HWADDR, ias=[Ia(3, 1, 0, 0)]))
RELAYED: Final = encode_message4(Message4(chaddr=HWADDR, giaddr=bytes((192, 0, 2, 2)), options={53: b"\1"}))
FRAME4: Final = FrameTemplate(HWADDR, bytes(4), 68).build(DISCOVER, b"\xff" * 6, b"\xff" * 4, 67)
UNICAST4: Final = FrameTemplate(HWADDR, bytes((192, 0, 2, 2)), 67).build(RELAYED, HWADDR, bytes((192, 0, 2, 1)), 67)
GROUP: Final = bytes.fromhex("ff020000000000000000000000010002")
FRAME6: Final = FrameTemplate6(HWADDR, b"\xfe\x80" + bytes(13) + b"\7", 546).build(SOLICIT, HWADDR, GROUP, 547)
HEADER: Final = (
    "address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id"
)


def pcap(*contents: bytes, order: str = "<", link_type: int = 1) -> bytes:
    """A capture as tcpdump writes it."""
    found = pack(f"{order}IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type)
    return found + b"".join(pack(f"{order}IIII", 0, 0, len(each), len(each)) + each for each in contents)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A block of pcapng."""
    body += bytes(-len(body) % 4)
    size = pack(f"{order}I", len(body) + 12)
    return pack(f"{order}I", kind) + size + body + size


def pcapng(*contents: bytes, order: str = "<", link_type: int = 1, simple: bool = False) -> bytes:
    """A capture as Wireshark writes it."""
    found = block(0x0A0D0D0A, pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    found += block(1, pack(f"{order}HHI", link_type, 0, 0), order) + block(5, b"", order)
    for each in contents:
        if simple:
            found += block(3, pack(f"{order}I", len(each)) + each, order)
        else:
            found += block(6, pack(f"{order}IIIII", 0, 0, 0, len(each), len(each)) + each, order)
    return found


class ExplainCase(SynchronousTestCase):
    """A directory with a configuration, in which the command runs."""

    def setUp(self) -> None:
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()
        self.write("kea.conf", json.dumps(CONFIGURATION).encode())

    def write(self, name: str, content: bytes) -> str:
        path = self.directory / name
        path.write_bytes(content)
        return str(path)

    def explain(self, *switches: str, status: int = 0, stdin: str = "") -> Result:
        before = sorted(os.listdir(self.directory))
        result = CliRunner(env={"KEA_DHCP_DATA_DIR": str(self.directory)}).invoke(
            main, ["explain", "-c", str(self.directory / "kea.conf"), *switches], input=stdin
        )
        self.assertEqual(result.exit_code, status, result.output)
        self.assertEqual(sorted(os.listdir(self.directory)), before, "nothing is written")
        return result


class PacketTests(ExplainCase):
    """Where the query can be."""

    def test_hexadecimal(self) -> None:
        """In hexadecimal: on the command line, in a file, from standard input."""
        place = ("--interface", "eth0/192.0.2.1")
        spread = "\n".join(DISCOVER.hex()[start : start + 64] for start in range(0, 2 * len(DISCOVER), 64))
        shown = {
            self.explain(*place, DISCOVER.hex()).output,
            self.explain(*place, DISCOVER.hex(":")).output,
            self.explain(*place, self.write("packet", spread.encode())).output,
            self.explain(*place, "-", stdin=spread).output,
        }
        self.assertEqual(len(shown), 1)
        self.assertIn("OFFER 192.0.2.10, to 192.0.2.10 port 68", shown.pop())

    def test_captures(self) -> None:
        """Frames of pcap and pcapng, of both byte orders, Ethernet or not, of both families."""
        for number, content in enumerate(
            (
                pcap(FRAME4, UNICAST4),
                pcap(FRAME4, UNICAST4, order=">"),
                pcapng(FRAME4, UNICAST4),
                pcapng(FRAME4, UNICAST4, order=">"),
                pcapng(FRAME4, UNICAST4, simple=True),
                pcap(FRAME4[14:], UNICAST4[14:], link_type=101),
                pcap(bytes(14) + FRAME4[12:], bytes(14) + UNICAST4[12:], link_type=113),
                pcap(*(each[:12] + b"\x81\0\0\5" + each[12:] for each in (FRAME4, UNICAST4))),
            )
        ):
            path = self.write(f"{number}.pcap", content)
            first = self.explain("--pcap", path, "--interface", "eth0/192.0.2.1")
            self.assertIn("sent to everybody, received on eth0\nOFFER 192.0.2.10", first.output)
            second = self.explain("--pcap", path, "--frame", "2")
            self.assertIn("through the relay 192.0.2.2\nOFFER 192.0.2.10, to 192.0.2.2 port 67", second.output)
            self.assertIn("192.0.2.1  ", second.output, "the frame tells the server's address")
        six = self.explain("--pcap", self.write("6.pcap", pcap(FRAME6)), "--interface", "eth0")
        self.assertIn("ADVERTISE 2001:db8:1::10, to fe80::7 port 546", six.output)

    def test_damaged_captures(self) -> None:
        """What is no capture, no such frame, or no whole datagram is told."""
        for content, frame, text in (
            (b"nothing", 1, "neither pcap nor pcapng"),
            (pcap(FRAME4), 2, "has no frame 2"),
            (pcap(FRAME4[:100]), 1, "bytes were captured (tcpdump -s 0 captures all)"),
            (pcap(FRAME4, link_type=147), 1, "link type 147"),
            (pcap(FRAME4[:12] + b"\x08\x06" + bytes(28)), 1, "there is no IP in it"),
        ):
            result = self.explain("--pcap", self.write("bad", content), "--frame", str(frame), status=2)
            self.assertIn(text, result.output)

    @given(st.binary(max_size=120), st.sampled_from([pcap, pcapng]), st.integers(0, 60))
    def test_any_bytes(self, content: bytes, make: Any, cut: int) -> None:
        """No bytes make the reader fail otherwise than by saying so."""
        whole = make(FRAME6)
        for bytes_ in (content, whole[:cut] + content, make(content)):
            try:
                for frame in frames(bytes_):
                    datagram(frame)
            except TxkeaError:
                continue

    def test_extension_headers(self) -> None:
        """Headers of IPv6 before UDP are passed over."""
        packet = FRAME6[14:]
        extended = packet[:6] + b"\0" + packet[7:40] + b"\x11\0" + bytes(6) + packet[40:]
        self.assertEqual(datagram(Frame(101, extended)).data, SOLICIT)


class FamilyTests(ExplainCase):
    """Which server is meant."""

    def test_families(self) -> None:
        """DHCPv4 if nothing else is said; a frame tells its family, and must not contradict."""
        self.assertIn("DISCOVER", self.explain("--client", "relay=192.0.2.2").output)
        self.assertIn("SOLICIT", self.explain("-6", "--client", "interface=eth0").output)
        path = self.write("6.pcap", pcap(FRAME6))
        self.assertIn("the frame is of DHCPv6", self.explain("-4", "--pcap", path, status=2).output)
        self.write("kea.conf", json.dumps({"Dhcp6": CONFIGURATION["Dhcp6"]}).encode())
        self.assertIn("SOLICIT", self.explain("--client", "interface=eth0").output)

    def test_server(self) -> None:
        """A packet that names a server means this one; a REQUEST in words names it by itself."""
        request = "message=request,address=192.0.2.11,server=10.9.9.9,relay=192.0.2.2"
        self.assertIn("ACK 192.0.2.11", self.explain("--client", request).output)
        result = self.explain("-6", "--client", "message=request,ia-na=2001:db8:1::11,interface=eth0")
        self.assertIn("REPLY 2001:db8:1::11", result.output)
        self.write("kea-dhcp6-serverid", b"00:03:00:01:0a:0b:0c:0d:0e:0f")
        kept = self.explain("-6", "--client", "message=information-request,interface=eth0")
        self.assertIn("000300010a0b0c0d0e0f", kept.output)


class LeaseFileTests(ExplainCase):
    """The configured lease file."""

    def test_leases(self) -> None:
        """Leases are read when asked for, and the file stays as it is, byte for byte."""
        row = "192.0.2.10,02:00:00:00:00:07,,4000000000,4294967295,1,0,0,,0,,0"
        path = self.write("leases4.csv", f"{HEADER}\n{row}\n{row[:20]}".encode())
        before = Path(path).read_bytes(), os.stat(path).st_mtime_ns
        own = "hw-address=02:00:00:00:00:07,relay=192.0.2.2"
        self.assertIn("192.0.2.10: the client has it", self.explain("--leases", "--client", own).output)
        self.assertIn("192.0.2.10: the next free one", self.explain("--client", own).output)
        other = self.explain("--leases", "--client", "hw-address=02:00:00:00:00:08,relay=192.0.2.2")
        self.assertIn("OFFER 192.0.2.11", other.output)
        self.assertEqual((Path(path).read_bytes(), os.stat(path).st_mtime_ns), before)

    def test_none(self) -> None:
        """Without a lease file there is nothing to read."""
        result = self.explain("--leases", "--client", "relay=192.0.2.2", status=2)
        self.assertIn("there is no lease file", result.output)


class HookTests(ExplainCase):
    """Hook libraries."""

    def test_flexible(self) -> None:
        """Those that are built in have their say: identifiers and options that expressions make are told as theirs."""
        example = Path(__file__).parent.parent / "config" / "flexible.json"
        self.write("kea.conf", example.read_bytes())
        words = "host-name=desk,circuit-id=port7,remote-id=sw01,relay=192.0.2.2,requested=67,6"
        result = self.explain("--client", words)
        self.assertIn("192.0.2.7: reserved for the client", result.output)
        self.assertIn("by flex-id=", result.output)
        self.assertRegex(result.output, r"boot-file-name \(67\) +desk.boot +\[a hook library\]")
        self.assertRegex(result.output, r"domain-name-servers \(6\) +192.0.2.53 +\[global\]")

    def test_strangers(self) -> None:
        """Those of third parties are not loaded, and that is said."""
        hooks = {"hooks-libraries": [{"library": "nowhere.at.all.Stranger"}]}
        self.write("kea.conf", json.dumps({"Dhcp4": {**CONFIGURATION["Dhcp4"], **hooks}}).encode())
        result = self.explain("--client", "relay=192.0.2.2")
        self.assertIn("not asked, for nothing but the server runs it: nowhere.at.all.Stranger", result.output)


class OutputTests(ExplainCase):
    """What is printed, and how it ends."""

    def test_json(self) -> None:
        """``--json`` is what the commands answer; the status tells whether there is an answer."""
        found = json.loads(self.explain("--json", "--client", "relay=192.0.2.2").output)
        self.assertEqual((found["answer"], found["leases"][0]["what"]), ("OFFER", "192.0.2.10"))
        silent = json.loads(self.explain("--json", "--client", "relay=10.0.0.1", status=1).output)
        self.assertEqual(silent["reason"], "no subnet for it")

    def test_many_classes(self) -> None:
        """Of very many classes only those are listed that the client is in."""
        classes = [{"name": f"c{number}", "test": f"option[60].hex == '{number}'"} for number in range(100)]
        self.write("kea.conf", json.dumps({"Dhcp4": {**CONFIGURATION["Dhcp4"], "client-classes": classes}}).encode())
        result = self.explain("--client", "class=42,relay=192.0.2.2")
        self.assertIn("  + c42 ", result.output)
        self.assertNotIn("c41", result.output)
        self.assertIn("and not in 99 others", result.output)

    def test_hostile(self) -> None:
        """What a client sends cannot act on the terminal."""
        result = self.explain("--client", "option.60=0x1b5b33316d0a,relay=192.0.2.2,option.66=0x1b", status=0)
        self.assertNotIn("\x1b", result.output)

    def test_mistakes(self) -> None:
        """What cannot be explained is told, with status 2: no configuration, no query, two of them."""
        self.write("bad.conf", b'{ "Dhcp4": { "subnet4": [ { "id": 1 } ] } }')
        for switches, text in (
            (("--client", "relay=here"), "the client's relay"),
            ((), "give one of PACKET, --client and --pcap"),
            (("01", "--client", "relay=192.0.2.2"), "give one of PACKET, --client and --pcap"),
            (("--client", "relay=192.0.2.2", "--source", "192.0.2.2"), "part of its description"),
            (("-c", str(self.directory / "bad.conf"), "--client", ""), "bad.conf:1:"),
            (("-c", str(self.directory / "none.conf"), "--client", "relay=192.0.2.2"), "none.conf"),
            (("zz",), "PACKET 'zz' is not hexadecimal, nor a file"),
            (("-4", "-6", "--client", "relay=192.0.2.2"), "two explanations"),
        ):
            self.assertIn(text, self.explain(*switches, status=2).output, switches)
