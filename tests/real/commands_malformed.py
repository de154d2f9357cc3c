"""What is no command, at the control socket; nothing here says what is answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

from tests.real.commands import Case, Step, ask, raw
from tests.real.commands_scenes import Kin

__all__ = ["malformed"]

GOOD: Final = '{"command": "server-tag-get"}'
REQUESTS: Final[dict[str, str]] = {
    # -- other values
    "a list": "[]",
    "a list of a command": f"[{GOOD}]",
    "a text": '"server-tag-get"',
    "a number": "3 ",
    "a word": "null ",
    "no JSON": "hello\n",
    "an HTTP request": "POST / HTTP/1.1\r\nHost: x\r\n\r\n",
    "an empty map": "{}",
    # -- keys
    "no command": '{"arguments": {}}',
    "a command that is a number": '{"command": 1}',
    "a command that is a list": '{"command": ["server-tag-get"]}',
    "a command that is a map": '{"command": {}}',
    "a command that is null": '{"command": null}',
    "a key in capitals": '{"Command": "server-tag-get"}',
    "an unknown key": '{"command": "server-tag-get", "x-y": 1}',
    "a service": '{"command": "server-tag-get", "service": ["dhcp4"]}',
    "no service": '{"command": "server-tag-get", "service": []}',
    "another service": '{"command": "server-tag-get", "service": ["x"]}',
    "a service that is a text": '{"command": "server-tag-get", "service": "dhcp4"}',
    "a service that is a number": '{"command": "server-tag-get", "service": 4}',
    "services that are numbers": '{"command": "server-tag-get", "service": [4]}',
    "a remote address": '{"command": "server-tag-get", "remote-address": "192.0.2.1"}',
    "a key twice": '{"command": "x", "command": "server-tag-get"}',
    "arguments twice": '{"command": "server-tag-get", "arguments": {}, "arguments": {}}',
    "a key twice further in": '{"command": "server-tag-get", "arguments": {"a": 1, "a": 2}}',
    "arguments before the command": '{"arguments": {}, "command": "server-tag-get"}',
    "null arguments": '{"command": "server-tag-get", "arguments": null}',
    # -- space, comments and what follows
    "space around": f" \t\r\n {GOOD} \n",
    "no space": '{"command":"server-tag-get"}',
    "a comment with a hash": f"# a comment\n{GOOD}",
    "a comment with slashes": f"// a comment {{\n{GOOD}",
    "a comment in C's way": f"/* a comment {{ */ {GOOD}",
    "comments within": '{ # one }\n "command": /* "x" */ "server-tag-get" // two\n }',
    "a comma too many": '{"command": "server-tag-get",}',
    "two commas too many": '{"command": "server-tag-get",,}',
    "a comma too many in a list": '{"command": "server-tag-get", "arguments": [1,]}',
    "no comma": '{"command": "server-tag-get" "arguments": {}}',
    "no colon": '{"command" "server-tag-get"}',
    "a second command": GOOD + GOOD,
    "rubbish behind": f"{GOOD} hello",
    "brackets of two kinds": '{"command": "server-tag-get"]',
    "a bracket too many": GOOD + "}",
    # -- texts
    "other quotes": "{'command': 'server-tag-get'}",
    "no quotes": "{command: server-tag-get}",
    "escapes": '{"command": "server\\u002dtag\\u002dget"}',
    "an escape that is none": '{"command": "server\\x2dtag-get"}',
    "a line's end in a text": '{"command": "server-\ntag-get"}',
    "an escaped line's end in a text": '{"command": "server-\\ntag-get"}',
    "a zero in a text": '{"command": "server-tag-get\\u0000"}',
    "brackets in a text": '{"command": "x{[}"}',
    "an escaped quote in a text": '{"command": "x\\"}"}',
    # -- numbers and words
    "a large number": '{"command": "server-tag-get", "arguments": 9223372036854775807}',
    "too large a number": '{"command": "server-tag-get", "arguments": 9223372036854775808}',
    "a number with a plus": '{"command": "server-tag-get", "arguments": +1}',
    "a number with a zero in front": '{"command": "server-tag-get", "arguments": 01}',
    "minus zero": '{"command": "server-tag-get", "arguments": -0}',
    "a fraction": '{"command": "server-tag-get", "arguments": 1.5e3}',
    "a fraction without a digit in front": '{"command": "server-tag-get", "arguments": .5}',
    "a huge fraction": '{"command": "server-tag-get", "arguments": 1e400}',
    "NaN": '{"command": "server-tag-get", "arguments": NaN}',
    "words in capitals": '{"command": "server-tag-get", "arguments": TRUE}',
    # -- depth and length
    "nesting of 50": '{"command": "server-tag-get", "arguments": ' + "[" * 50 + "]" * 50 + "}",
    "nesting of 200": '{"command": "server-tag-get", "arguments": ' + "[" * 200 + "]" * 200 + "}",
    "nesting of 200 in maps": '{"command": "server-tag-get", "arguments": ' + '{"a":' * 200 + "1" + "}" * 201,
    "a long list": '{"command": "server-tag-get", "arguments": [' + "1," * 50_000 + "1]}",
    "a long text": '{"command": "server-tag-get", "arguments": "' + "x" * 100_000 + '"}',
    "an unknown command that is long": json.dumps({"command": "x" * 1000}),
}
OCTETS: Final = {
    "no UTF-8": b'{"command": "server-tag-get", "arguments": "\xff\xfe"}',
    "an unknown command that is no UTF-8": b'{"command": "\xc3\x28"}',
    "a byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "UTF-16": GOOD.encode("utf-16"),
    "a zero octet": b"\0",
    "a zero octet behind": GOOD.encode() + b"\0",
}


def malformed(kin: Kin) -> Iterator[Case]:
    """Requests that are no commands, or barely; behind each one that is."""
    alive = ask("server-tag-get")
    for name, text in REQUESTS.items():
        yield Case(f"request: {name}", (raw(text.encode()), alive))
    for name, octets in OCTETS.items():
        yield Case(f"request: {name}", (raw(octets), alive))
    for name, step in _ended().items():
        yield Case(f"request: {name}", (step, alive))


def _ended() -> dict[str, Step]:
    """Clients that send no more."""
    return {
        "nothing at all": raw(b"", ends=True),
        "space only": raw(b"  \n", ends=True),
        "half a command": raw(GOOD[:12].encode(), ends=True),
        "a command, then its end": raw(GOOD.encode(), ends=True),
    }
