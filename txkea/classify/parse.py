"""The text of a class expression to a tree of words, or what is wrong with it."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput, UnexpectedToken

from txkea.errors import ExpressionError

__all__ = ["parse"]

# Read at the start: at a reload the process may no longer have the right to.
GRAMMAR: Final = Path(__file__).with_name("expression.lark").read_text(encoding="utf-8")

MOST_CHARACTERS: Final = 65536

WORDING: Final = {
    "STRING": "a 'string'",
    "INTEGER": "a number",
    "NAME": "the name of an option",
    "FORM": "hex, text, exists",
    "EXISTS": "exists",
    "RELAY_FIELD": "peeraddr, linkaddr",
    "PKT_FIELD": "iface, src, dst, len",
    "PKT4_FIELD": "mac, hlen, htype, msgtype, transid, ciaddr, giaddr, yiaddr, siaddr",
    "PKT6_FIELD": "msgtype, transid",
    "OPTION": "option[...]",
    "ENTERPRISE": "enterprise",
    "DATA": "data",
    "ALL": "all",
    "ANY": "*",
    "_EQUAL": "==",
    "PLUS": "+",
    "AND": "and",
    "OR": "or",
    "LPAR": "(",
    "RPAR": ")",
    "LSQB": "[",
    "RSQB": "]",
    "DOT": ".",
    "COMMA": ",",
    "$END": "the end",
}
"""How terminals are called; not those that begin a value, which is called "a value"."""

VALUES: Final = (
    "option", "relay4", "relay6", "pkt", "pkt4", "pkt6", "vendor", "vendor-class", "member", "match", "substring",
    "split", "concat", "hexstring", "ifelse", "sifelse", "lcase", "ucase", "addrtotext", "int8totext", "int16totext",
    "int32totext", "uint8totext", "uint16totext", "uint32totext", "not",
)  # fmt: skip
WORDS: Final = (*VALUES, "and", "or", "sand", "sor", "exists", "text", "hex", "all", "enterprise", "data")

HINTS: Final = {
    "=": "to compare, write ==",
    "!": "for what is not equal, write not ... == ...",
    '"': "a string stands in single quotes: 'text'",
    "'": "a string without end; close it with ' on the same line, there is no escape",
    "&": "write and",
    "|": "write or",
    "#": 'comments have no place here; use "comment" or "user-context" of the class',
    "<": "there is no < and >; compare with ==",
    ">": "there is no < and >; compare with ==",
    "-": "a number has its sign directly before the digits, and there is no subtraction",
}


@cache
def parser() -> Lark:
    return Lark(GRAMMAR, parser="lalr", propagate_positions=True, maybe_placeholders=False)


def parse(text: str) -> Tree[Token]:
    """The tree of an expression, as the grammar calls its parts. Raises `ExpressionError`."""
    if len(text) > MOST_CHARACTERS:
        raise ExpressionError(f"more than {MOST_CHARACTERS} characters; split it into classes", MOST_CHARACTERS + 1)
    try:
        return parser().parse(text)
    except UnexpectedInput as error:
        raise unexpected(text, error) from None


def unexpected(text: str, error: Any) -> ExpressionError:
    accepted = error.accepts if isinstance(error, UnexpectedToken) else error.allowed
    wanted = wording(accepted or ())
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return ExpressionError(f"the expression ends too early; {wanted} would be right", len(text.rstrip()) + 1)
    offset = error.pos_in_stream
    is_string = isinstance(error, UnexpectedToken) and error.token.type == "STRING"
    found = str(error.token) if is_string else word(text, offset)
    return ExpressionError(f"{found} cannot stand here; {hint(found) or f'{wanted} would be right'}", offset + 1)


def wording(accepted: Any) -> str:
    """What may stand at a place."""
    names = [text for name, text in WORDING.items() if name in accepted]
    if "SUBSTRING" in accepted:
        return "a value such as option[60].hex, 'text', 0x1a or member('CLASS')"
    listed = ", ".join(names)
    return f"one of {listed}" if ", " in listed else listed


def word(text: str, offset: int) -> str:
    """What a person sees at a place: a whole word, or a character."""
    end = offset
    while end < len(text) and (text[end].isalnum() or text[end] in "-_"):
        end += 1
    return text[offset : max(end, offset + 1)]


def hint(found: str) -> str:
    if found in ("known", "unknown"):
        return f"write member('{found.upper()}')"
    mark = found if found[0] == "'" else found[0]  # a whole string is not one without end
    if mark in HINTS:
        return HINTS[mark]
    close = get_close_matches(found, WORDS, 1)
    return f"did you mean {close[0]}?" if close and found not in WORDS else ""
