"""The attributes that everybody knows: RFC 2865, 2866, 2868, 2869, 3162, 4372, 4818, 5580 and 6911."""

from __future__ import annotations

from typing import Final

from txkea.radius.dictionary import Dictionary

__all__ = ["STANDARD"]

TYPES: Final = {
    "string": """
        User-Name 1, User-Password 2, Filter-Id 11, Reply-Message 18, Callback-Number 19, Callback-Id 20,
        Framed-Route 22, Called-Station-Id 30, Calling-Station-Id 31, NAS-Identifier 32, Login-LAT-Service 34,
        Login-LAT-Node 35, Framed-AppleTalk-Zone 39, Acct-Session-Id 44, Acct-Multi-Session-Id 50,
        Egress-VLAN-Name 58, Login-LAT-Port 63, ARAP-Security-Data 74, Connect-Info 77, Configuration-Token 78,
        NAS-Port-Id 87, Framed-Pool 88, Framed-IPv6-Route 99, Framed-IPv6-Pool 100, Operator-Name 126,
        Delegated-IPv6-Prefix-Pool 171, Stateful-IPv6-Address-Pool 172, Password 2
    """,
    "octets": """
        CHAP-Password 3, State 24, Class 25, Vendor-Specific 26, Proxy-State 33, Login-LAT-Group 36,
        User-Priority-Table 59, CHAP-Challenge 60, Tunnel-Password 69, ARAP-Password 70, ARAP-Features 71,
        EAP-Message 79, Message-Authenticator 80, ARAP-Challenge-Response 84, Chargeable-User-Identity 89,
        Framed-Interface-Id 96, Location-Information 127, Location-Data 128, Basic-Location-Policy-Rules 129
    """,
    "integer": """
        NAS-Port 5, Service-Type 6, Framed-Protocol 7, Framed-Routing 10, Framed-MTU 12, Framed-Compression 13,
        Login-Service 15, Login-TCP-Port 16, Session-Timeout 27, Idle-Timeout 28, Termination-Action 29,
        Framed-AppleTalk-Link 37, Framed-AppleTalk-Network 38, Acct-Status-Type 40, Acct-Delay-Time 41,
        Acct-Input-Octets 42, Acct-Output-Octets 43, Acct-Authentic 45, Acct-Session-Time 46,
        Acct-Input-Packets 47, Acct-Output-Packets 48, Acct-Terminate-Cause 49, Acct-Link-Count 51,
        Acct-Input-Gigawords 52, Acct-Output-Gigawords 53, Egress-VLANID 56, Ingress-Filters 57,
        NAS-Port-Type 61, Port-Limit 62, ARAP-Zone-Access 72, ARAP-Security 73, Password-Retry 75, Prompt 76,
        Acct-Interim-Interval 85, Location-Capable 131, Requested-Location-Info 132
    """,
    "date": "Event-Timestamp 55",
    "ipaddr": "NAS-IP-Address 4, Framed-IP-Address 8, Framed-IP-Netmask 9, Login-IP-Host 14, Framed-IPX-Network 23",
    "ipv6addr": """
        NAS-IPv6-Address 95, Login-IPv6-Host 98, Framed-IPv6-Address 168, DNS-Server-IPv6-Address 169
    """,
    "ipv6prefix": "Framed-IPv6-Prefix 97, Delegated-IPv6-Prefix 123, Route-IPv6-Information 170",
}
"""Name and number of attributes by their type."""
TAGGED: Final = {
    "integer": "Tunnel-Type 64, Tunnel-Medium-Type 65, Tunnel-Preference 83",
    "string": """
        Tunnel-Client-Endpoint 66, Tunnel-Server-Endpoint 67, Tunnel-Private-Group-Id 81, Tunnel-Assignment-Id 82,
        Tunnel-Client-Auth-Id 90, Tunnel-Server-Auth-Id 91
    """,
}
VALUES: Final = {
    "Service-Type": """
        Login-User 1, Framed-User 2, Callback-Login-User 3, Callback-Framed-User 4, Outbound-User 5,
        Administrative-User 6, NAS-Prompt-User 7, Authenticate-Only 8, Callback-NAS-Prompt 9, Call-Check 10,
        Callback-Administrative 11, Authorize-Only 17
    """,
    "Framed-Protocol": "PPP 1, SLIP 2, ARAP 3, Gandalf-SLML 4, Xylogics-IPX-SLIP 5, X.75-Synchronous 6",
    "Termination-Action": "Default 0, RADIUS-Request 1",
    "NAS-Port-Type": """
        Async 0, Sync 1, ISDN 2, ISDN-V120 3, ISDN-V110 4, Virtual 5, PIAFS 6, HDLC-Clear-Channel 7, X.25 8, X.75 9,
        G.3-Fax 10, SDSL 11, ADSL-CAP 12, ADSL-DMT 13, IDSL 14, Ethernet 15, xDSL 16, Cable 17, Wireless-Other 18,
        Wireless-802.11 19
    """,
    "Acct-Status-Type": """
        Start 1, Stop 2, Interim-Update 3, Accounting-On 7, Accounting-Off 8, Tunnel-Start 9, Tunnel-Stop 10,
        Tunnel-Reject 11, Tunnel-Link-Start 12, Tunnel-Link-Stop 13, Tunnel-Link-Reject 14, Failed 15
    """,
    "Acct-Authentic": "RADIUS 1, Local 2, Remote 3, Diameter 4",
    "Acct-Terminate-Cause": """
        User-Request 1, Lost-Carrier 2, Lost-Service 3, Idle-Timeout 4, Session-Timeout 5, Admin-Reset 6,
        Admin-Reboot 7, Port-Error 8, NAS-Error 9, NAS-Request 10, NAS-Reboot 11, Port-Unneeded 12,
        Port-Preempted 13, Port-Suspended 14, Service-Unavailable 15, Callback 16, User-Error 17, Host-Request 18
    """,
    "Prompt": "No-Echo 0, Echo 1",
    "Tunnel-Type": """
        PPTP 1, L2F 2, L2TP 3, ATMP 4, VTP 5, AH 6, IP 7, MIN-IP 8, ESP 9, GRE 10, DVS 11, IP-in-IP 12, VLAN 13
    """,
    "Tunnel-Medium-Type": "IPv4 1, IPv6 2, IEEE-802 6",
}
"""Names of values by their attribute."""


def _pairs(text: str) -> list[tuple[str, int]]:
    return [(name, int(number)) for name, number in (each.split() for each in text.split(","))]


def _made() -> Dictionary:
    dictionary = Dictionary()
    for tagged, table in ((False, TYPES), (True, TAGGED)):
        for kind, text in table.items():
            for name, number in _pairs(text):
                dictionary.define(name, number, kind, tagged=tagged)
    for attribute, text in VALUES.items():
        for name, number in _pairs(text):
            dictionary.define_value(attribute, name, number)
    return dictionary


STANDARD: Final = _made()
"""What is known without a dictionary file; not to be changed."""
