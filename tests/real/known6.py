"""The differences between Kea 2.2.0 and txkea in DHCPv6 that are meant, each with its reason: RFC or newer Kea."""

from __future__ import annotations

from typing import Final

from tests.real.differential import Known

__all__ = ["KNOWN6"]

SILENT: Final = "^[0-]$"
TAKEN: Final = "^1, type|^[23]001:"
"""An answer, or the row of a lease."""
KEPT: Final = ",2,,1,"
"""A row of a lease that was released: state 2."""

KNOWN6: Final[tuple[Known, ...]] = (
    # -- which messages are answered
    Known("unicasts: (link-local, )?type", "answers|lease", "RFC 9915 16: clients send to the group only", SILENT),
    Known("informing: .* with IA_", "answers", "RFC 8415 16.12: who asks for no address names no association", SILENT),
    Known(
        "registers its address|lease .*::77$",
        "answers|lease",
        "RFC 9686: a client may register its own address (Kea 3.1.4)",
    ),
    Known("confirming: no subnet", "answers", "RFC 8415 18.3.3: who cannot tell keeps silent", SILENT),
    Known("prefix in a length of (129|255)", "answers", "RFC 8415 21.22: a prefix has at most 128 bits", SILENT),
    Known("a DUID of .* (129|130) bytes", "answers|lease", "RFC 8415 11.1: 128 bytes beside the type", "^1, |:8[12]:"),
    Known("a DUID of three zeros", "answers|lease", "Kea 2.3: the DUID of a declined lease is no client's", SILENT),
    Known(
        "(one|three) bytes? more|an option (past the end|of 65535)|IA_NA of 13 bytes|IAADDR past the end",
        "answers",
        "RFC 8415 21.1: an option past the end; Kea cuts it off in silence",
        SILENT,
    ),
    Known(
        "elapsed time of three bytes|(rapid commit|reconfigure accept) with a byte|authentication of two bytes"
        "|vendors: (two bytes|empty)|relay port of three bytes|client link-layer address of one byte",
        "answers|lease",
        "RFC 8415 21, RFC 8357 4, RFC 6939 4: an option of another length than it has",
        SILENT,
    ),
    Known(
        "DNS servers of 15|search list (with|cut)|code with nonsense|an S46 container$|list with empty"
        "|echo request for nothing|a wish for nothing|an odd wish|class cut short",
        "answers|lease",
        "what is not used is not judged, and an empty list asks for nothing; Kea drops the packet",
        TAKEN,
    ),
    Known(
        "(IA_[A-Z]+|IA[A-Z]+|status|elapsed time|preference|unicast|refresh time|SOL_MAX_RT|architecture|class)"
        " (empty|of (one|two|4|11|15|23|24) bytes?)|bytes: nothing|rapid commit with a byte",
        "answers|lease",
        "lenient means that the query is answered",
        TAKEN,
        group="lenient",
    ),
    # -- what an association gets
    Known(
        "the same IAID twice",
        "(na|pd) 1 again.*|order|status",
        "RFC 8415 12: an IAID is one association; Kea gives it two resources, and keeps the last",
    ),
    Known(
        "request addresses (elsewhere|nowhere)",
        "na 1.*",
        "RFC 8415 18.3.2: an address that does not fit the link is answered with NotOnLink",
        "^[4-]$|^T1 0",
    ),
    Known(
        "solicit too many",
        "(na|pd) 3.*",
        "no two associations are offered the same (Kea 2.3.6 holds offers); Kea promises it twice",
        "^[26-]$|^T1 0",
    ),
    Known("asks for T1 200, T2 100", "(na|pd) 1.*|lease|order", "RFC 8415 21.4: T1 after T2: ignored", "^-$|^1 2$"),
    Known(
        r"asks for \(4000, 3000\)",
        "(na|pd) 1 resource 0( times)?",
        "RFC 8415 21.6: preferred for longer than valid: that wish is ignored",
    ),
    Known("with a hint of ::", "na 1 resource 1.*", "Kea B043: :: is a wish for anything, and nobody's address", "^-$"),
    Known(
        "excluded prefix, (::/(48|60|64)|the second pool, wrong length)",
        "pd 1 resource 0.*|lease",
        "Kea 2.3.4: a wish for a length chooses the pool",
    ),
    Known(
        "reserved since, request|sources: everything",
        "na 1 resource 1.*",
        "RFC 8415 18.3.2: what it had before, and has no longer, is told the client in any answer",
        "^2001|^0 0$",
    ),
    Known(
        "globals6: prefix, subnet 3",
        "pd 1 resource 0|lease subnet_id",
        "a global reservation holds in every subnet, and moves with its client; Kea leaves it behind",
        "^3001:2:ff00::|^3$",
        group="global",
    ),
    Known(
        "sources: everything",
        "lease hw.*",
        "a renewed lease tells what hardware address was told last; Kea writes the first",
        group="global",
    ),
    # -- RELEASE, DECLINE, CONFIRM
    Known(
        "release|decline|type [89]",
        "status",
        "RFC 8415 18.3.7, 18.3.8: the status of the answer to a RELEASE or DECLINE is Success",
        "^0$",
    ),
    Known("release of another length", "pd 1 status", "RFC 8415 18.3.7: that prefix is not the association's", "^3$"),
    Known("", "lease", "Kea 2.3.2: a released lease is kept for its client", KEPT),
    Known("decline", "lease duid", "Kea 2.3 (B048): nobody's DUID has three bytes", "^00:00:00$"),
    Known("of a network", "status", "RFC 8415 18.3.3: a link has all the prefixes of its shared network", "^0$"),
    # -- options
    Known("adds echo request", "relay 0 option 3[78]", "RFC 4994: a relay's options are echoed that it asks for"),
    Known(
        "two enterprises|class and options",
        "option 17|order",
        "RFC 8415 21.17: one option for each enterprise that the client names; Kea answers the first",
        r"\+|17 17",
    ),
    # -- names
    Known(
        r"flags 01[01]1|flags 0101|bytes: (a (label|pointer|name)|more)",
        "answers|lease.*|option 39.*",
        "RFC 4704 4, Kea 1.6: a name that makes no sense is ignored, not the query",
    ),
    Known("name 4", "option 39 name|lease hostname", "the root is no host's name: it is generated as for none"),
    Known(
        "name (9|10)",
        "option 39.*|lease hostname",
        "Kea 2.5 (CVE-2025-11232): nothing left of a name is no name",
        "^-?$",
    ),
    Known("prefixes only|reservations|globals6", "lease hostname", "RFC 4704 5: a name belongs to an address", "^$"),
    Known(
        "a name with a dot",
        "option 39 name",
        "Kea A076: a dot at the end: whole",
        "03636f6d00$",
        group="names",
    ),
    Known(
        "two addresses",
        "lease hostname",
        "a client's addresses have one name; Kea writes a generated one to the first row only",
        r"^(myhost|box)-.*\.$",
        group="always",
    ),
)
