"""The differences between the commands of Kea 2.2.0 and of txkea that are meant, each with its reason.

Reasons: a newer Kea's form (with the release, where the specification tells it), a fault of Kea's (``[bug]``),
something that txkea does not have, JSON as its standard has it, or what txkea refuses because nobody can have meant it.
"""

from __future__ import annotations

from typing import Final

from tests.real.differential import Known

__all__ = ["KNOWN", "KNOWN4", "KNOWN6"]

ABSENT: Final = "^-$"
SHAPES: Final = "with arguments of every shape"
TREE: Final = r"arguments\.Dhcp[46]\."
SAMPLE: Final = r"\[\d+\]\[[01]\]"
LEFT: Final = r"left: (arguments.*|result|text|statistic subnet.*assigned.*)"

SERVER: Final = (
    # -- what there is
    Known(
        "list-commands",
        r"arguments\.(class|network\d|reservation|subnet\d|interface)-.*",
        "Kea 3: the commands of all of its libraries are there, open source and premium",
        first=ABSENT,
    ),
    Known(
        "list-commands",
        r"arguments\.(config-hash-get|kea-lfc-start|statistic-global-get-all|lease\d-(write|get-by-.*)|subnet4o6-.*)",
        "commands of newer Keas: 2.4.0, 3.1.2, 2.3.1, 3.1.5",
        first=ABSENT,
    ),
    Known("list-commands", r"arguments\.explain\d", "a command of txkea's own", first=ABSENT),
    Known(
        "list-commands",
        r"arguments\.(stat-)?lease[46]-.*",
        "Kea's libraries have the commands of both families; a server of txkea has leases of its own family only",
        ABSENT,
    ),
    Known("commands of the other family", "result", "as above", "^2"),
    Known("config-hash-get", "result", "Kea 2.4.0", "^0", first="^2"),
    Known("get-by-state", "result", "Kea 3.1.5", "^3", first="^2"),
    Known("wiping: write", "result", "Kea 2.3.1; files only where leases are kept", first="^2"),
    # -- what it tells about itself
    Known("version-get|shutdown", r"text|arguments\.extended", "it is another program"),
    Known("build-report", "text", "it is another program, which is not built"),
    Known("", r"arguments\.dhcp-state\..*", "Kea 2.7.5: who has switched the service off", first=ABSENT),
    Known("", r"arguments\.extended-info-tables", "Kea 2.3.8", first=ABSENT),
    # -- the service
    Known(
        "dhcp-(en|dis)able",
        "result",
        "an argument that does not exist is refused, for it might be a misspelt limit",
        "^1 .there is no argument '(x-y|max-period)'",
    ),
    Known("dhcp-(en|dis)able with (an|wrong) origin", "result", "Kea 2.5.8: a number is an origin too", "^0"),
    Known("wrong max-period", "result", "a period that no timer has", "^1 .'max-period'", first="1099511627776"),
)

CONFIGURATION: Final = (
    # -- shown
    Known(
        "^configurations|^files",
        TREE + ".*",
        "keywords of newer Keas with their defaults, and what subnets and networks inherit",
        first=ABSENT,
    ),
    Known("", r"arguments\.hash", "Kea 2.4.0", "[0-9a-f]{64}", first=ABSENT),
    Known("", TREE + r"control-socket\..*", "Kea 2.7.2: control-sockets", ABSENT),
    Known("", TREE + r".*output_options.*", "newer Kea: output-options", ABSENT),
    Known("", TREE + ".*ddns-use-conflict-resolution", "Kea 2.5.0: ddns-conflict-resolution-mode", ABSENT),
    Known("", TREE + r"dhcp-ddns\.sender-ip", "A088: as it is written, empty for any", '^""$'),
    Known("", TREE + "parked-packet-limit", "txkea's own default: an exchange that waits costs it little", "^8192$"),
    Known("", TREE + r".*\.pools\[\d+\]\.pool", "as it is written: with spaces", " - "),
    Known(
        "most there is", TREE + r".*(option-data\[.*\]\.(data|csv-format)|-id)", "as it is written: text or hexadecimal"
    ),
    Known(
        "most there is",
        TREE + r"shared-networks.*\.relay\.ip-addresses\[0\]",
        "a subnet shows its own relays; that its network's count for it too is seen there",
        ABSENT,
    ),
    Known(
        "^configurations: config-get",
        TREE + "statistic-default-sample-(age|count)",
        "what a command says about samples is not written into the configuration",
        first="^30$",
    ),
    # -- taken and refused
    Known("^configurations", "text", "what was tested is told in other words", "seems sane", first="seems sane"),
    Known(
        "with remarks", "result|text", "A003: a comment is one everywhere, in commands too", "^0", first="^1 .unsupp"
    ),
    Known("loggers besides", "result", "G022: Kea 1.4 has the loggers beside the server's map", "^0"),
    Known("a number below 0", "result", "[bug] Kea takes -1 for four thousand million seconds", "^1"),
    Known("a number below 0", TREE + ".*valid-lifetime", "as above", first="^(-1|4294967295)$"),
    Known("no hooks", LEFT, "the commands of Kea's libraries are always there", first="^(2|-|.'lease.*not supported)"),
    # -- files
    Known("config-write", r"arguments\.size", "txkea writes what was written, Kea all defaults too", "^[0-9]+$"),
    Known("config-write into ''", "result", "a name without a letter is a slip", "^1"),
)

STATISTICS: Final = (
    Known(
        "",
        r"arguments\.(?!result-set).*\[[1-9]\d*\]\[[01]\]",
        "G034: txkea looks at its statistics once a second, Kea has a sample of each change",
    ),
    Known("", r"arguments\.pkt\d-.*" + SAMPLE, "Kea 3: what is received and dropped is counted by kind", first=ABSENT),
    Known("", r"arguments\.assigned-.*" + SAMPLE, "Kea 3.1.2: sums over all subnets", first=ABSENT),
    Known("", r"arguments\.subnet\[\d+\]\.(pd-)?pool\[.*" + SAMPLE, "Kea 2.4.0: statistics of pools", first=ABSENT),
    Known("", r"arguments\.(.*\.)?v.-.*lease-reuses" + SAMPLE, "Kea 2.3.8", first=ABSENT),
    Known(
        "reset",
        r"(left: statistic|arguments)[. ].*(assigned|declined|total)-.*",
        "a reset does not change what tells how things are",
        r"^[1-9]\d*$",
        first="^0$",
    ),
    Known("with leases", r"arguments\.subnet.7.\.assigned.*", "a subnet that is gone has no statistics", ABSENT),
    Known(
        f"statistic-.*-all( {SHAPES})?$",
        "result",
        "arguments that are no map are refused",
        "^1 .'arguments'",
        first="^0",
    ),
    Known(
        "",
        r"(left: statistic |arguments\.)subnet\[\d+\]\.reclaimed-.*",
        "[bug] Kea counts from 0 after each configuration",
        "^[1-9]",
    ),
    Known(
        "",
        r"(left: statistic |arguments\.)subnet\[8\]\..*",
        "[bug] Kea counts the leases of a subnet that is not there",
        ABSENT,
    ),
    # -- stat-leaseX-get
    Known(
        "^statistics: stat-lease|with leases",
        r"arguments\.result-set\.rows\[0\]\[3\]",
        "Kea 3.1.2: a declined lease is an assigned one",
    ),
    Known("range of one", "result", "G065: the last subnet may be the first", "^0"),
    Known("wrong subnet-id", "result", "a number that no subnet has", "^1 .'subnet-id'", first="^3"),
    Known(f"stat-lease.-get {SHAPES}", "result", "arguments that are null are none", "^0", first="not a map"),
)

LEASES: Final = (
    # -- results and words
    Known("", "result", "Kea 2.3.1: 4 for what does not go with what there is", "^4", first="^1"),
    Known(
        "get-all.*of everything|get-all with wrong subnets", "result", "no subnets named: all of them", first="^1 .'sub"
    ),
    Known(f"(get-all|wipe) {SHAPES}", "result", "arguments that are null are none", "^[03]", first="non-map"),
    Known(f"get-all {SHAPES}", "result", "no subnets named: all of them", "^3", first="^1 .'subnets"),
    Known("get-all of", "arguments.leases order", "by address; Kea has them by subnet, the oldest first"),
    Known("get-all of a subnet twice", "text", "a lease is there once", "^.1 "),
    Known(
        "get with wrong (subnet-id|iaid)", "result", "a number that is too large or small", "^1 .'(su|ia)", first="^3"
    ),
    # -- leases that are entered
    Known(
        "with state [34]", f"{LEFT}|result", "Kea 2.7: released and registered leases", first="^(1 .Invalid|3|-|0|.0)"
    ),
    Known("with state [34]", "left: arguments.leases( order)?", "as above", first=r"^(\[\])?$"),
    Known("in Greek|unknown command 'λ'", "result", "RFC 8259 7: JSON has all of Unicode", first="^(1 .Unsupp|3|0)"),
    Known("in Greek", LEFT, "as above", first=r"^(3|-|0|.0|\[\]|)$|^.0 IP"),
    Known("remarks that say nothing", r".*\.user-context", "remarks without a word are none", ABSENT, first="^{}$"),
    Known(
        r"hw-address (02000000000a|0x02)|get-by-hw-address$",
        f"{LEFT}|result",
        "octets may be written in every way that Kea has for them somewhere",
        first=r"^(1 .invalid format|3|-|0|\[\]|)|^.0 IP",
    ),
    Known("reclaimed", "left: statistic .*assigned-.*", "[bug] Kea does not take it off", "^0$", first="^1$"),
)

CHANNEL: Final = (
    Known("a service|services", "result", "Kea 1.9: a list of names", "^1 .'service'", first="^0"),
    Known("twice", "result", "RFC 8259 4: a key that stands twice may be read in two ways", "^1 .*stands twice"),
    Known("a comma too many in a list", "result", "RFC 8259 5", "^1 .Expecting value", first="^0"),
    Known("a line's end in a text", "result", "RFC 8259 7: it must be escaped", "^1 .Invalid control", first="^2"),
    Known("(plus|in front) *", "result", "RFC 8259 6: numbers have one form", "^1 .Expecting", first="^0"),
    Known("nesting of 200", "result", "what nests so deep is an attack", "^1 .the command nests", first="^0"),
    Known("no UTF-8", "result", "RFC 8259 8.1: JSON is UTF-8", "^1 .the command is not UTF-8", first="^[02]"),
    Known("nothing|space|half", "result", "who stops in the middle is told so", "^1 .the command ends", first="^none"),
)

KNOWN: Final = (*SERVER, *CONFIGURATION, *STATISTICS, *LEASES, *CHANNEL)

KNOWN4: Final = (
    *KNOWN,
    Known(
        "",
        r"(left: statistic |arguments\.)subnet\[\d+\]\.v\d-.*",
        "[bug] as G086: these statistics survive their subnet in Kea",
        ABSENT,
    ),
    Known(
        "(no|wrong) identifier|get-by-hw-address",
        "result",
        "an identifier without an octet is none",
        "^1 .'[a-z-]+' has 0 bytes",
        first="^3",
    ),
    Known("get-by-client-id", "result", "an identifier of one octet is one, which nobody has", "^3", first="too short"),
)
KNOWN6: Final = (
    *KNOWN,
    Known(
        "",
        r"(left: )?arguments\.(leases\[[^]]*\]\.)?preferred-lft",
        "[bug] G040: Kea takes the subnet's valid lifetime",
        first="^(4000|7200)$",
    ),
    # -- leases
    Known("wrong length|length 0|bits behind", f"{LEFT}|result", "no prefix is like that", "^(1|3|-|0|.0|$)"),
    Known("wrong length|length 0|bits behind", "left: arguments.leases", "as above", r"^\[\]$", first=ABSENT),
    Known("", "text", "a temporary address is no prefix", "^.Lease for address", first="^.Lease for prefix .*/128"),
    Known("", "left: statistic .*assigned-pds", "[bug] Kea counts a temporary address as a prefix", first="[1-9]"),
    Known(
        "wrong DUID", r"arguments\.failed-deleted.*", "what was not found is told, however it was sought", first=ABSENT
    ),
    Known("get-by-hw-address", "result", "Kea 3.1.1", first="^2"),
    # -- statistics
    Known(
        "", r"arguments\.(.*\.)?(cumulative-)?registered-nas" + SAMPLE, "Kea 2.7: registered addresses", first=ABSENT
    ),
    Known("", r"(left: statistic |arguments\.).*total-.*", "Kea 2.3.8: 128 bits", "^[0-9]{19}", first="^-1$"),
    Known("most there is", TREE + "data-directory", "where none is given none is shown", ABSENT),
)
