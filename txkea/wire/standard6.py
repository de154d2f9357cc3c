"""All options of DHCPv6 that are defined without the operator's doing (Kea C005, C024-C032, C034-C036)."""

from __future__ import annotations

from typing import Final

from txkea.wire.definitions import Definitions, Row, define

__all__ = ["DHCP6_SPACE", "DOCSIS6_SPACE", "ISC_SPACE", "NTP_SPACE", "STANDARD6"]

DHCP6_SPACE: Final = "dhcp6"
NTP_SPACE: Final = "v6-ntp-server-suboptions"
DOCSIS6_SPACE: Final = "vendor-4491"
ISC_SPACE: Final = "vendor-2495"

_MAPE_SPACE: Final = "s46-cont-mape-options"
_MAPT_SPACE: Final = "s46-cont-mapt-options"
_LW_SPACE: Final = "s46-cont-lw-options"
_RULE_SPACE: Final = "s46-rule-options"
_BIND_SPACE: Final = "s46-v4v6bind-options"

_DHCP6: Final[tuple[Row, ...]] = (
    (1, "clientid", "binary"),
    (2, "serverid", "binary"),
    (3, "ia-na", "uint32, uint32, uint32"),
    (4, "ia-ta", "uint32"),
    (5, "iaaddr", "ipv6-address, uint32, uint32"),
    (6, "oro", "uint16[]"),
    (7, "preference", "uint8"),
    (8, "elapsed-time", "uint16"),
    (9, "relay-msg", "binary"),
    (11, "auth", "binary"),
    (12, "unicast", "ipv6-address"),
    (13, "status-code", "uint16, string"),
    (14, "rapid-commit", "empty"),
    (15, "user-class", "binary"),
    (16, "vendor-class", "uint32, binary"),
    (17, "vendor-opts", "uint32"),
    (18, "interface-id", "binary"),
    (19, "reconf-msg", "uint8"),
    (20, "reconf-accept", "empty"),
    (21, "sip-server-dns", "fqdn[]"),
    (22, "sip-server-addr", "ipv6-address[]"),
    (23, "dns-servers", "ipv6-address[]"),
    (24, "domain-search", "fqdn[]"),
    (25, "ia-pd", "uint32, uint32, uint32"),
    (26, "iaprefix", "uint32, uint32, uint8, ipv6-address"),
    (27, "nis-servers", "ipv6-address[]"),
    (28, "nisp-servers", "ipv6-address[]"),
    (29, "nis-domain-name", "fqdn[]"),
    (30, "nisp-domain-name", "fqdn[]"),
    (31, "sntp-servers", "ipv6-address[]"),
    (32, "information-refresh-time", "uint32"),
    (33, "bcmcs-server-dns", "fqdn[]"),
    (34, "bcmcs-server-addr", "ipv6-address[]"),
    (36, "geoconf-civic", "uint8, uint16, binary"),
    (37, "remote-id", "uint32, binary"),
    (38, "subscriber-id", "binary"),
    (39, "client-fqdn", "uint8, fqdn"),
    (40, "pana-agent", "ipv6-address[]"),
    (41, "new-posix-timezone", "string"),
    (42, "new-tzdb-timezone", "string"),
    (43, "ero", "uint16[]"),
    (44, "lq-query", "uint8, ipv6-address"),
    (45, "client-data", "empty"),
    (46, "clt-time", "uint32"),
    (47, "lq-relay-data", "ipv6-address, binary"),
    (48, "lq-client-link", "ipv6-address[]"),
    (51, "v6-lost", "fqdn"),
    (52, "capwap-ac-v6", "ipv6-address[]"),
    (53, "relay-id", "binary"),
    (56, "ntp-server", "empty", NTP_SPACE),
    (57, "v6-access-domain", "fqdn"),
    (58, "sip-ua-cs-list", "fqdn[]"),
    (59, "bootfile-url", "string"),
    (60, "bootfile-param", "tuple[]"),
    (61, "client-arch-type", "uint16[]"),
    (62, "nii", "uint8, uint8, uint8"),
    (64, "aftr-name", "fqdn"),
    (65, "erp-local-domain-name", "fqdn"),
    (66, "rsoo", "empty"),
    (67, "pd-exclude", "ipv6-prefix"),  # as configured; on the wire see `txkea.wire.ia.write_pd_exclude`
    (74, "rdnss-selection", "ipv6-address, uint8, fqdn[]"),
    (79, "client-linklayer-addr", "binary"),
    (80, "link-address", "ipv6-address"),
    (82, "solmax-rt", "uint32"),
    (83, "inf-max-rt", "uint32"),
    (87, "dhcpv4-message", "binary"),
    (88, "dhcp4o6-server-addr", "ipv6-address[]"),
    (94, "s46-cont-mape", "empty", _MAPE_SPACE),
    (95, "s46-cont-mapt", "empty", _MAPT_SPACE),
    (96, "s46-cont-lw", "empty", _LW_SPACE),
    (103, "v6-captive-portal", "string"),
    (135, "relay-source-port", "uint16"),
    (136, "v6-sztp-redirect", "tuple[]"),
    (143, "ipv6-address-andsf", "ipv6-address[]"),
    (144, "v6-dnr", "internal"),
    (148, "addr-reg-enable", "empty"),
)

_RULE: Final[Row] = (89, "s46-rule", "uint8, uint8, uint8, ipv4-address, ipv6-prefix", _RULE_SPACE)
_BR: Final[Row] = (90, "s46-br", "ipv6-address")
_DMR: Final[Row] = (91, "s46-dmr", "ipv6-prefix")
_BIND: Final[Row] = (92, "s46-v4v6bind", "ipv4-address, ipv6-prefix", _BIND_SPACE)
_PORTS: Final[Row] = (93, "s46-portparams", "uint8, psid")

_SOFTWIRES: Final[dict[str, tuple[Row, ...]]] = {
    # RFC 7598 section 4: which of the softwire options may stand in which
    _MAPE_SPACE: (_RULE, _BR),
    _MAPT_SPACE: (_RULE, _DMR),
    _LW_SPACE: (_BR, _BIND),
    _RULE_SPACE: (_PORTS,),
    _BIND_SPACE: (_PORTS,),
}

_NTP: Final[tuple[Row, ...]] = (
    (1, "ntp-server-address", "ipv6-address"),
    (2, "ntp-server-multicast", "ipv6-address"),
    (3, "ntp-server-fqdn", "fqdn"),
)

_DOCSIS: Final[tuple[Row, ...]] = (
    (1, "oro", "uint16[]"),
    (2, "device-type", "string"),
    (10, "vendor-type", "string"),
    (32, "tftp-servers", "ipv6-address[]"),
    (33, "config-file", "string"),
    (34, "syslog-servers", "ipv6-address[]"),
    (36, "device-id", "binary"),
    (37, "time-servers", "ipv6-address[]"),
    (38, "time-offset", "int32"),
    (1026, "cmts-cm-mac", "binary"),
)

_ISC: Final[tuple[Row, ...]] = (
    # What the DHCPv6 server tells the DHCPv4 server about a message inside DHCPv6 (Kea A198)
    (60000, "4o6-interface", "string"),
    (60001, "4o6-source-address", "ipv6-address"),
    (60002, "4o6-source-port", "uint16"),
)

STANDARD6: Final = Definitions(
    [
        *define(DHCP6_SPACE, _DHCP6),
        *(definition for space, rows in _SOFTWIRES.items() for definition in define(space, rows)),
        *define(NTP_SPACE, _NTP),
        *define(DOCSIS6_SPACE, _DOCSIS),
        *define(ISC_SPACE, _ISC),
    ]
)
"""The standard definitions; an operator's own come with `Definitions.extended`."""
