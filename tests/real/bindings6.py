"""What a DHCPv6 message says about addresses and prefixes."""

from __future__ import annotations

from typing import NamedTuple

from tests.real.packets6 import Answer, text6, walk

__all__ = ["IA_NA", "IA_PD", "Binding", "bindings"]

IA_NA, IAADDR, IA_PD, IAPREFIX = 3, 5, 25, 26


class Binding(NamedTuple):
    """An address or prefix in an identity association."""

    code: int
    """`IA_NA` or `IA_PD`."""
    iaid: int
    resource: str
    """Such as ``2001:db8::1`` or ``2001:db8::/56``."""
    valid: int
    """Seconds."""


def bindings(answer: Answer) -> list[Binding]:
    """All addresses and prefixes in a message, in their order."""
    found = []
    for code, payload in answer.options:
        for inner, value in walk(payload[12:]) if code in (IA_NA, IA_PD) else ():
            iaid = int.from_bytes(payload[:4], "big")
            if inner == IAADDR:
                found.append(Binding(code, iaid, text6(value[:16]), int.from_bytes(value[20:24], "big")))
            elif inner == IAPREFIX:
                prefix = f"{text6(value[9:25])}/{value[8]}"
                found.append(Binding(code, iaid, prefix, int.from_bytes(value[4:8], "big")))
    return found
