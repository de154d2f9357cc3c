"""The differences between Kea 2.2.0 and txkea that are meant, each with its reason: a newer Kea, or an RFC."""

from __future__ import annotations

from typing import Final

from tests.real.differential import Known

__all__ = ["KNOWN"]

NAK: Final = ", type 06"
SILENT: Final = "^[0-]$"

KNOWN: Final[tuple[Known, ...]] = (
    # -- addressing
    Known("", "hwaddr to", "RFC 2131 4.1: the flag asks for a hardware broadcast; Kea sends to the client", "f{12}"),
    Known("", "flags", "RFC 2131 4.3.2, Kea 3.3: a NAK through a relay has the broadcast flag", "^32768$"),
    Known("renew another's address", "to", "RFC 2131 4.3.2: a NAK is broadcast, for the address is not the client's"),
    Known("frame of another|zero chaddr", "hwaddr to", "RFC 2131 4.1: to chaddr, wherever the frame came from"),
    # -- refusing and keeping silent
    Known(
        "selecting (outside|nonsense)|82 and the NAK|no pools|addressing: .* NAK|globals4: .*(lease$|wanted|circuit)",
        "answers",
        "RFC 2131 3.1: who was selected and cannot keep its offer says so; Kea keeps silent unless authoritative",
        NAK,
    ),
    Known(
        "request with nothing", "answers", "RFC 2131 4.3.2: a REQUEST without any address is no request", f"{SILENT}|06"
    ),
    Known("re(new|bind) of a stranger", "answers|lease", "RFC 2131 4.3.2: no record of the client, no answer"),
    Known(
        "rebind outside",
        "answers",
        "RFC 2131 4.3.2: an authoritative server knows that net is wrong",
        NAK,
    ),
    Known("release and come back", "answers", "Kea 2.3.2: a released lease is kept for its client", ", type 05"),
    Known("release", "lease", "Kea 2.3.2: a released lease is kept for its client", ",2,"),
    Known("identifier alone, init-reboot before", "answers", "Kea 2.3.2: as above; its client asks for another", NAK),
    Known("a pool of one", "lease", "Kea 2.3.2: a released lease is kept for its client", ",2,"),
    Known(
        "giaddr (127|224|255|172.16.0.1)", "answers", "RFC 1542 4.1.1: that is nobody's, or our own, address", SILENT
    ),
    Known(
        "small subnet, second",
        "yiaddr|option 3",
        "an address just offered to one is not offered to another (Kea 2.3.6)",
    ),
    # -- options of the query
    Known(
        "(lease time|message type|overload|message size) .*(bytes|024000)|overload (0|4|255)",
        "answers|lease",
        "RFC 2132: a number of another length, or an overload that does not exist; Kea 3 is strict too",
        SILENT,
    ),
    Known(
        "a length (without|past)", "answers", "RFC 2132 2: an option past the end; Kea cuts it off in silence", SILENT
    ),
    Known("malformed: op [0-9]", "answers", "RFC 2131 2: servers take BOOTREQUEST only", SILENT),
    Known("hardware type 1 of 17", "answers|lease", "RFC 2131 2: chaddr has 16 bytes", SILENT),
    Known("client identifier of 255", "answers|lease", "Kea 2.3: identifiers of up to 255 bytes"),
    Known("list with empty|PADs", "answers|lease", "an empty list asks for nothing; Kea drops the packet"),
    Known(
        "124 cut short|search list|requested address empty",
        "answers|lease",
        "what is not used is not judged; Kea drops",
    ),
    Known("overload [13]", "option (12|42)", "RFC 2131 4.1: options in file and sname count; Kea does not read them"),
    Known(
        "in two p",
        "option (12|42)|lease hostname",
        "RFC 3396: the pieces of an option are put together; Kea takes the first",
    ),
    Known(
        "small message size", "option (119|223)", "RFC 2132 9.10: no answer is longer than the client can take", "^-$"
    ),
    # -- options of the answer
    Known(
        "informs: ", "option 1", "RFC 2131 4.3.5: an INFORM is told all it asks for, the subnet mask too", "^ffff0000$"
    ),
    Known("119|everything|message size", "option 119", "RFC 3397 2: the search list is compressed"),
    Known(
        "82 (first )?with|link selection|both selections|relay port",
        "option 82|82 last",
        "RFC 3046 2.2: option 82 is echoed as it came; Kea sorts and merges it",
    ),
    Known("override", "option 54", "RFC 5107: the relay's identifier in place of the server's; Kea 2.2 ignores it"),
    # -- names
    Known("", "option 81 codes", "RFC 4702 2.2: both result codes of an answer are 255", "^ffff$"),
    Known(
        r"FQDN flags 1.(0|1)1|FQDN text b'(\.\.|x)|FQDN of bytes",
        "answers|lease",
        "RFC 4702 3.1, Kea 1.6: a name that makes no sense is ignored, not the query",
    ),
    Known(
        "FQDN (name 3|text b'\\.')",
        "option 81 name|lease hostname",
        "the root is no host's name: it is generated as for none",
        "myhost|6d79686f7374",
    ),
    Known(
        r"FQDN text b'(___|\\xc3\\xa4)'",
        "option 81.*|lease hostname",
        "Kea 2.5 (CVE-2025-11232): nothing left of a name is no name",
        "^-?$",
    ),
    Known(
        "host name b'x",
        "option 12|lease hostname",
        "a name that makes no sense is replaced like any other",
        "-|6d79|626f",
        group="replace",
    ),
    Known(
        "a name with a dot",
        "option (12|81 name)|lease hostname",
        "Kea A076: a dot at the end: whole",
        "636f6d(2e)?$|com$",
        group="names",
    ),
    Known(
        "of three bytes|message size|nonsense",
        "answers|lease",
        "lenient means that the query is answered",
        "1, type 0|10.",
    ),
    Known(
        "vendors: 125 .*short|requested: (list with everything|asks for 125)",
        "option 125",
        "what a client sends in 125 changes Kea's own configured option, and what all later clients get",
    ),
    Known("no hardware address", "yiaddr|answers|lease", "Kea takes the declined lease of nobody for this client's"),
)
