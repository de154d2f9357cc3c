"""Class expressions for Kea 2.2.0 to judge, and how txkea judges otherwise where it does."""

from __future__ import annotations

from typing import Final, NamedTuple

__all__ = ["EXPRESSIONS4", "EXPRESSIONS6", "Expressed"]

NEWER: Final = "Kea 2.4 or newer accepts it"
NEVER: Final = "Kea 2.2.0 accepts it, and then no query can be evaluated"
CARRIAGE: Final = "a file may end its lines with CR LF"
NESTED: Final = "names and depth of options in options are of Kea 3"


class Expressed(NamedTuple):
    """A test; ``differs`` says why txkea does not judge it as Kea 2.2.0 does."""

    text: str
    differs: str = ""


def plain(*texts: str) -> list[Expressed]:
    return [Expressed(text) for text in texts]


BOTH: Final = [
    # what is a test
    *plain(
        "'a' == 'a'", "'a'", "1", "0x41", "", " ", "()", "('a' == 'a')", "(('a' == 'a'))", "('a' == 'a'", "'a' == 'a')",
        "('a') == 'a'", "'a' == ('a')", "(('a')) == 'a'", "'a' == 'a' == 'a'", "('a' == 'a') == 'a'", "'a' =='a'",
        "'a'=='a'", "'a' = 'a'", "'a' != 'a'", "'a' < 'b'", "TRUE", "true", "known", "unknown", "ALL",
        " \t 'a' == 'a' ", "'a'\n== 'a'", "'a' == 'a'\n", "\n\n'a' == 'a'", "'a'\n\n== 'a'",
        "'a' == 'a' # comment", "'a' == 'a' // comment", "'a' == 'a';", "'a' == 'a'\\",
    ),
    Expressed("\n'a'\r\n== 'a'", CARRIAGE),
    # not, and, or
    *plain(
        "not 'a' == 'b'", "not not 'a' == 'b'", "not ('a' == 'b')", "not 'a'", "not", "and", "'a' == 'a' and",
        "'a' == 'a' and 'b'", "'a' == 'a' or 'b' == 'b' and not 'c' == 'd'", "'a' == 'a' and not 'b' == 'b'",
        "'a' == 'a' not 'b' == 'b'", "'a' == 'a' 'b' == 'b'", "'a' == 'a' && 'b' == 'b'", "'a'=='a'and'b'=='b'",
        "not('a' == 'b')", "('a' == 'a' or 'b' == 'b') and 'c' == 'c'", "'a' and 'b' == 'b'", "! 'a' == 'a'",
        "NOT 'a' == 'a'", "'a' == 'a' AND 'b' == 'b'", "'a' == 'a' xor 'b' == 'b'", "not and 'a' == 'a'",
    ),
    Expressed("'a' == 'a' sand 'b' == 'b'", NEWER),
    Expressed("'a' == 'a' sor 'b' == 'b'", NEWER),
    # literals
    *plain(
        "'' == ''", "'é' == 'x'", "'a\nb' == 'x'", "'a\\'b' == 'x'", "'it''s' == 'x'", "'a == 'x'",
        "0x == ''", "0x0 == ''", "0X41 == 'A'", "0x123 == 'A'", "0x4g == 'A'", "x41 == 'A'", "0xAbCd == 0xabcd",
        "1 == 0x00000001", "01 == 1", "0 == 1", "-1 == 1", "+1 == 1", "- 1 == 1", "4294967295 == 1", "4294967296 == 1",
        "99999999999999999999 == 1", "-2147483648 == 1", "1.5 == 1", "1e3 == 1", "0b1 == 1", "1_0 == 1",
        "1.2.3.4 == 1", "1.2.3.256 == 1", "01.2.3.4 == 1", "1.2.3 == 1", "1.2.3.4.5 == 1", ":: == 1", "::1 == 1",
        "2001:db8::1 == 1", "2001:DB8::1 == 1", "::ffff:1.2.3.4 == 1", "1:2:3:4:5:6:7:8 == 1", "1:2:3 == 1",
        "fe80::1%eth0 == 1", "g::1 == 1", "2001:db8::/32 == 1", "1.2.3.0/24 == 1", "2001:db8:::1 == 1",
    ),
    # functions
    *plain(
        "substring('abc', 0, 1) == 'a'", "substring('abc', -1, all) == 'c'", "substring('abc', 2, -1) == 'b'",
        "substring('abc', 0) == 'a'", "substring('abc', 0, 1, 2) == 'a'", "substring('abc', all, 1) == 'a'",
        "substring('abc', 0x0, 1) == 'a'", "substring('abc', '0', 1) == 'a'", "substring('a' == 'a', 0, 1) == 'a'",
        "substring('abc', 2147483647, 1) == ''", "substring('abc', -2147483648, 1) == ''",
        "substring('abc',0,ALL) == ''",
        "substring(substring('abc', 0, 2), 1, 1) == 'b'", "substring 'abc' == 'a'", "substring() == ''",
        "concat('a', 'b') == 'ab'", "concat('a') == 'a'", "concat('a', 'b', 'c') == 'abc'", "concat() == ''",
        "concat('a', concat('b', 'c')) == 'abc'", "concat('a' 'b') == 'ab'", "concat('a' == 'a', 'b') == 'ab'",
        "'a' + 'b' == 'ab'", "'a'+'b'=='ab'", "'a' + 'b' + 'c' == 'abc'", "'a' + == 'a'", "+ 'a' == 'a'",
        "'a' + 1 == 1",
        "('a' + 'b') + 'c' == 'abc'", "'a' + ('b' + 'c') == 'abc'", "concat('a' + 'b', 'c') == 'abc'",
        "'a' - 'b' == ''",
        "ifelse('a' == 'a', 'b', 'c') == 'b'", "ifelse('a', 'b', 'c') == 'b'", "ifelse('a' == 'a', 'b') == 'b'",
        "ifelse('a' == 'a', 'b' == 'b', 'c') == 'b'", "ifelse(not 'a' == 'a', 'b', 'c' + 'd') == 'b'",
        "ifelse('a' == 'a', ifelse('b' == 'b', 'c', 'd'), 'e') == 'c'", "ifelse('a' == 'a', 'b', 'c')",
        "hexstring(0x0102, ':') == '01:02'", "hexstring(0x0102) == '0102'", "hexstring(0x0102, '') == '0102'",
        "hexstring(0x0102, 'ab' + 'c') == ''", "hexstring('a' == 'a', ':') == ''", "hexstring == ''",
        "split('a.b', '.', 1) == 'a'", "split('a.b', '.') == 'a'", "split('a.b', '.', '1') == 'a'",
        "split('a.b', 0x2e, 2) == 'b'", "split('a.b', '.', 0) == ''", "split('a.b', '.', -1) == ''",
        "split('a.b', '.', all) == ''", "split('a.b', '.', 1.5) == ''",
        "addrtotext(1.2.3.4) == '1.2.3.4'", "addrtotext('abcd') == ''", "addrtotext() == ''",
        "addrtotext(1.2.3.4, 1.2.3.4) == ''", "int8totext(0xff) == '-1'", "int16totext(0xffff) == '-1'",
        "int32totext(1) == '1'", "uint8totext(0xff) == '255'", "uint16totext(0xffff) == ''", "uint32totext(1) == '1'",
        "int64totext(1) == ''", "int8totext == ''", "uint8totext('a' == 'a') == ''", "foo('a') == ''",
    ),
    Expressed("substring('abc', 2147483648, 1) == ''", NEVER),
    Expressed("substring('abc', 0, -2147483649) == ''", NEVER),
    Expressed("split('a.b', '.', 4294967296) == ''", NEVER),
    Expressed("lcase('A') == 'a'", NEWER),
    Expressed("ucase('a') == 'A'", NEWER),
    Expressed("match('a.*', 'abc')", NEWER),
    Expressed("sifelse('a' == 'a', 'b', 'c') == 'b'", NEWER),
    *plain("match('a(', 'abc')", "match('abc')", "lcase() == ''", "sifelse('a', 'b', 'c') == ''"),
    # options
    *plain(
        "option[12].exists", "option[12].hex == 'a'", "option[12].text == 'a'", "option[12]", "option[12] == 'a'",
        "option[12].foo", "option[12].hex", "option[12].exists == 'a'", "option[12].hex.exists", "option.exists",
        "option[0].exists", "option[255].exists", "option[-1].exists", "option[99999999999].exists", "option[].exists",
        "option[0x0c].exists", "option['12'].exists", "option[*].exists", "option[12", "option 12 exists",
        "option [ 12 ] . exists", "option[nope].exists", "option[data].exists", "option[Option].exists",
        "Option[12].exists", "option(12).exists", "option[12]exists", "option[12].option[1].exists",
        "option[12].option[1].hex == ''", "option[12].option[1].text == ''", "option[12].option[1]",
        "option[12].option.hex == ''",
        "option[12].hex == option[61].hex", "substring(option[12].hex, 0, 3) == 'abc'", "option[12].hex + 'a' == 'b'",
        "option[1].option[-1].exists", "not option[12].exists and option[13].exists", "option[12][1].exists",
    ),
    Expressed("option[12].option[1].option[2].exists", NESTED),
    # members, the packet
    *plain(
        "member('ALL')", "member('KNOWN')", "member('UNKNOWN')", "member('HA_server1')", "member('VENDOR_CLASS_x')",
        "member('EXTERNAL_x')", "member('AFTER_x')", "member(ALL)", "member()", "member('ALL', 'KNOWN')",
        "member['ALL']",
        "member('ALL') == 'a'", "member(0x41)", "not member('ALL')", "member ( 'ALL' )", "member('ALL').exists",
        "pkt.iface == 'eth0'", "pkt.src == 1.2.3.4", "pkt.dst == ::1", "pkt.len == 300", "pkt.mac == 1",
        "pkt.msgtype == 1",
        "pkt == 1", "pkt.iface.hex == 'eth0'", "pkt.len", "pkt.iface.exists", "pkt[0].iface == 'a'", "pkt5.mac == 1",
        "vendor[*].exists", "vendor[0].exists", "vendor[4491].exists", "vendor[4294967295].exists", "vendor[-1].exists",
        "vendor[4294967296].exists", "vendor.exists", "vendor.enterprise == 4491", "vendor[4491].enterprise == 1",
        "vendor.enterprise", "vendor.enterprise.exists", "vendor[4491].option[1].exists",
        "vendor[*].option[1].hex == ''",
        "vendor[4491].option[1].text == ''", "vendor[4491].option[-1].exists", "vendor[4491].option[1]",
        "vendor[foo].exists",
        "vendor['*'].exists", "vendor[4491].data == ''", "vendor == 1",
        "vendor-class[*].exists", "vendor-class[0].exists", "vendor-class[4491].exists", "vendor-class.exists",
        "vendor-class.enterprise == 4491", "vendor-class.data == ''", "vendor-class[4491].data == ''",
        "vendor-class[4491].data[0] == ''", "vendor-class[*].data[1] == ''", "vendor-class[4491].data[255] == ''",
        "vendor-class[4491].data[256] == ''", "vendor-class[4491].data[-1] == ''", "vendor-class[4491].data[*] == ''",
        "vendor-class[4491].data.exists", "vendor-class[4491].option[1].exists", "vendor-class[4491].data.hex == ''",
        "vendorclass[*].exists", "vendor_class[*].exists",
    ),
    Expressed("vendor[4491].option[tftp-servers].exists", NESTED),
    Expressed("vendor[4491].option[1].option[2].exists", NESTED),
]  # fmt: skip

EXPRESSIONS4: Final = [
    *BOTH,
    *plain(
        "option[256].exists", "option[host-name].exists", "option[ host-name ].exists", "option[Host-Name].exists",
        "option[hostname].exists", "option[dhcp-agent-options].exists", "option[domain-name-servers].hex == 1.2.3.4",
        "option[82].option[1].exists", "option[82].option[1].hex == 'a'", "option[82].option[256].exists",
        "option[43].option[1].exists", "vendor[4491].option[256].exists", "option[125].option[1].exists",
        "relay4[1].exists", "relay4[1].hex == 'a'", "relay4[1].text == 'a'", "relay4[0].exists", "relay4[256].exists",
        "relay4[-1].exists", "relay4.exists", "relay4[1]", "relay4[1].hex", "relay4[host-name].exists",
        "relay4[*].exists",
        "pkt4.mac == 0x010203040506", "pkt4.hlen == 6", "pkt4.htype == 1", "pkt4.msgtype == 1", "pkt4.transid == 1",
        "pkt4.ciaddr == 1.2.3.4", "pkt4.giaddr == 0.0.0.0", "pkt4.yiaddr == 0.0.0.0", "pkt4.siaddr == 0.0.0.0",
        "pkt4.len == 1", "pkt4.xid == 1", "pkt4.chaddr == 1", "pkt4.secs == 1", "pkt4.mac", "pkt4.mac.exists",
        "pkt4.foo == 1",
        "pkt6.msgtype == 1", "pkt6.transid == 1", "relay6[0].peeraddr == ::1", "relay6[0].option[18].exists",
        "hexstring(pkt4.mac, ':') == '01:02:03:04:05:06'", "substring(hexstring(pkt4.mac, ''), 0, 6) == '010203'",
        "addrtotext(pkt4.giaddr) == '0.0.0.0'", "option[dns-servers].exists", "option[53].hex == 1",
        "substring(relay4[1].hex, -3, all) == 'abc' or relay4[2].hex == pkt4.mac",
    ),
    Expressed("option[82].option[circuit-id].exists", NESTED),
    Expressed("relay4[circuit-id].exists", NESTED),
    Expressed("relay4[1].option[2].exists", NESTED),
]  # fmt: skip

EXPRESSIONS6: Final = [
    *BOTH,
    *plain(
        "option[256].exists", "option[65535].exists", "option[65536].exists", "option[dns-servers].exists",
        "option[domain-name-servers].exists", "option[ia-na].exists", "option[3].option[5].exists",
        "option[3].option[65536].exists", "option[17].option[1].exists", "vendor[4491].option[65536].exists",
        "relay6[0].peeraddr == ::1", "relay6[0].linkaddr == ::1", "relay6[-1].peeraddr == ::1",
        "relay6[31].peeraddr == ::1",
        "relay6[32].peeraddr == ::1", "relay6[-32].peeraddr == ::1", "relay6[-33].peeraddr == ::1",
        "relay6[*].peeraddr == ::1",
        "relay6.peeraddr == ::1", "relay6[0].exists", "relay6[0]", "relay6[0].src == ::1",
        "relay6['0'].peeraddr == ::1",
        "relay6[0].option[18].exists", "relay6[0].option[18].hex == 'a'", "relay6[0].option[18].text == 'a'",
        "relay6[0].option[65536].exists", "relay6[0].option[18]", "relay6[0].peeraddr", "relay6[0].peeraddr.exists",
        "relay6[-1].option[37].exists and not relay6[-1].option[18].exists", "relay6[0].hopcount == 1",
        "pkt6.msgtype == 1", "pkt6.transid == 1", "pkt6.mac == 1", "pkt6.foo == 1", "pkt6.msgtype",
        "pkt4.mac == 1", "pkt4.msgtype == 1", "relay4[1].exists", "substring(option[1].hex, 0, 2) == 0x0001",
        "addrtotext(relay6[0].linkaddr) == '2001:db8::1'", "option[interface-id].exists",
    ),
    Expressed("relay6[0].option[interface-id].exists", NESTED),
    Expressed("option[3].option[iaaddr].exists", NESTED),
    Expressed("relay6[0].option[17].option[1].exists", NESTED),
    Expressed("option[3].option[5].option[13].exists", NESTED),
]  # fmt: skip
