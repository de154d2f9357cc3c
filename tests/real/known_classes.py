"""The differences between Kea 2.2.0 and txkea in what classes do that are meant, each with its reason."""

from __future__ import annotations

from typing import Final

from tests.real.differential import Known

__all__ = ["KNOWN_EFFECTS4", "KNOWN_EFFECTS6", "KNOWN_EXPRESSIONS4", "KNOWN_EXPRESSIONS6"]

LAZY: Final = "Kea 3: of what is not needed nothing is evaluated, so no mistake is made in it (D024)"
OWN_DATA: Final = "RFC 3925: each enterprise has its own data; to Kea all of them belong to the first"

KNOWN_EXPRESSIONS4: Final[tuple[Known, ...]] = (
    Known("", r"option\[43\]\.option.*", "43 can be read at once; Kea reads what is in it after the classes"),
    Known("", "pkt.len == .*", "the datagram's length, as Kea's manual says; Kea counts the options that it knows"),
    Known("", r"vendor\[4491\]\..*", OWN_DATA, "01"),
    Known("", r"vendor-class\[(3561|4491)\]\..*", OWN_DATA),
    Known(
        "", r"vendor(\.enterprise == ''|\[(3561|\*|0)\]\.exists)", "RFC 3925: an enterprise has data, if of no length"
    ),
    Known("", r"(option\[12\]\.exists or|ifelse\(option\[12\]\.exists).*option\[60\]\.hex.*", LAZY, "01"),
)

KNOWN_EFFECTS4: Final[tuple[Known, ...]] = (
    Known("", "flags", "RFC 2131 4.3.2, Kea 3.3: a NAK through a relay has the broadcast flag", "^32768$"),
    Known("", "option 1", "RFC 2131 4.3.5: an INFORM is told all it asks for, the subnet mask too", "^ffff(f0|00)00$"),
    Known("additional: one without a test", "option 247", "Kea 2.7.4: members without a test (D010)", "05"),
    Known("vendors: 125", "option 125", "RFC 3925: options of an enterprise go with its number"),
    Known(
        "a class in a shared network",
        "yiaddr|option (240|241|242|51)",
        "a reservation's class counts before a pool is chosen, in a shared network too (D017)",
    ),
)

KNOWN_EXPRESSIONS6: Final[tuple[Known, ...]] = (
    Known("", r"vendor\[4491\].exists|vendor-class\[3561\]\..*", "RFC 8415 21.16: any of several is found", "01"),
    Known("", r"option\[59\]\.exists or addrtotext.*|ifelse\(option\[59\]\.exists, 'x'.*", LAZY, "01"),
)

KNOWN_EFFECTS6: Final[tuple[Known, ...]] = (
    Known("guards: pool ", "na 1 status", "RFC 8415 18.3.2: a REQUEST for what is of another link is told so", "^4$"),
    Known("additional: one without a test", "option 65007", "Kea 2.7.4: members without a test (D010)", "05"),
    Known(
        "lifetimes: (valid|both|longer|bounds|minimum)",
        "(na|pd) . resource 0 times",
        "RFC 8415 21.6: nothing is preferred when it is not valid any more",
        r"^(\d+) \1$",
    ),
    Known("lifetimes: (valid|both|longer|bounds|minimum)", "(na|pd) .", "RFC 8415 21.4: T1 and T2 follow from these"),
    Known(
        "lifetimes: and the times before|hosts: an address and a class",
        "(na|pd) .( resource 0 times)?",
        "a RENEW gets what a REQUEST gets; Kea 2.2.0 forgets the lifetimes of classes",
    ),
    Known("vendors: 17", "option 17", "what one client gets in 17 stays in Kea's configured option for later clients"),
    Known(
        "hosts: a class in a shared network",
        "(na|pd) . resource 0.*|option 6500[012]",
        "a reservation's class counts before a pool is chosen, in a shared network too (D017)",
    ),
)
