"""The names of Kea's statistics (Kea G.10 - G.12)."""

from __future__ import annotations

from typing import Final, NamedTuple

from txkea.model.lease import LeaseType
from txkea.wire.dhcp4 import MessageType4
from txkea.wire.dhcp6 import MessageType6

__all__ = [
    "CONFLICTS", "EVERYWHERE4", "EVERYWHERE6", "GAUGES", "GLOBAL4", "GLOBAL6", "MOST", "RARE", "RECEIVED4", "RECEIVED6",
    "SENT4", "SENT6", "SUBNET4", "SUBNET6", "Counted",
]  # fmt: skip

MOST: Final = 2**127 - 1
"""Where a statistic stops: at 128 bits with a sign (Kea G037)."""


class Counted(NamedTuple):
    """The statistics of one type of lease in one place."""

    total: str
    assigned: str
    cumulative: str

    @classmethod
    def of(cls, place: str, what: str) -> Counted:
        """The names for ``what`` (addresses, nas, pds) in a place such as ``subnet[1].``; ``""`` is everywhere."""
        return cls(f"{place}total-{what}", f"{place}assigned-{what}", f"{place}cumulative-assigned-{what}")


EVERYWHERE4 = {0: Counted.of("", "addresses")}
EVERYWHERE6 = {int(LeaseType.NA): Counted.of("", "nas"), int(LeaseType.PD): Counted.of("", "pds")}
"""The names for all subnets together, by type of lease."""

RECEIVED4: dict[int, str] = {
    MessageType4.DISCOVER: "pkt4-discover-received",
    MessageType4.OFFER: "pkt4-offer-received",
    MessageType4.REQUEST: "pkt4-request-received",
    MessageType4.ACK: "pkt4-ack-received",
    MessageType4.NAK: "pkt4-nak-received",
    MessageType4.RELEASE: "pkt4-release-received",
    MessageType4.DECLINE: "pkt4-decline-received",
    MessageType4.INFORM: "pkt4-inform-received",
}
"""Message type to the counter of queries; any other type counts as ``pkt4-unknown-received``."""

SENT4: dict[int, str] = {
    MessageType4.OFFER: "pkt4-offer-sent",
    MessageType4.ACK: "pkt4-ack-sent",
    MessageType4.NAK: "pkt4-nak-sent",
}
"""Message type to the counter of answers."""

GLOBAL4 = (
    "pkt4-received",
    *RECEIVED4.values(),
    "pkt4-unknown-received",
    "pkt4-sent",
    *SENT4.values(),
    "pkt4-parse-failed",
    "pkt4-receive-drop",
    "pkt4-duplicate",
    "pkt4-queue-full",
    "pkt4-rfc-violation",
    "pkt4-admin-filtered",
    "pkt4-not-for-us",
    "pkt4-processing-failed",
    "pkt4-limit-exceeded",
    "pkt4-service-disabled",
    "pkt4-lease-query-received",
    "pkt4-lease-query-response-unassigned-sent",
    "pkt4-lease-query-response-unknown-sent",
    "pkt4-lease-query-response-active-sent",
    "declined-addresses",
    "reclaimed-declined-addresses",
    "reclaimed-leases",
    "assigned-addresses",
    "cumulative-assigned-addresses",
    "v4-allocation-fail",
    "v4-allocation-fail-shared-network",
    "v4-allocation-fail-subnet",
    "v4-allocation-fail-no-pools",
    "v4-allocation-fail-classes",
    "v4-reservation-conflicts",
    "v4-lease-reuses",
)
"""What a server has from its start on, at zero (Kea G076); of lease queries and rate limits for ever, as Kea without
their hook libraries.
"""

SUBNET4 = (
    "total-addresses",
    "assigned-addresses",
    "cumulative-assigned-addresses",
    "declined-addresses",
    "reclaimed-declined-addresses",
    "reclaimed-leases",
    "v4-reservation-conflicts",
    "v4-lease-reuses",
)
"""What each subnet has from its start on (Kea G082 - G089)."""

RECEIVED6: dict[int, str] = {
    MessageType6.SOLICIT: "pkt6-solicit-received",
    MessageType6.ADVERTISE: "pkt6-advertise-received",
    MessageType6.REQUEST: "pkt6-request-received",
    MessageType6.CONFIRM: "pkt6-confirm-received",
    MessageType6.RENEW: "pkt6-renew-received",
    MessageType6.REBIND: "pkt6-rebind-received",
    MessageType6.REPLY: "pkt6-reply-received",
    MessageType6.RELEASE: "pkt6-release-received",
    MessageType6.DECLINE: "pkt6-decline-received",
    MessageType6.RECONFIGURE: "pkt6-reconfigure-received",
    MessageType6.INFORMATION_REQUEST: "pkt6-infrequest-received",
    MessageType6.DHCPV4_QUERY: "pkt6-dhcpv4-query-received",
    MessageType6.DHCPV4_RESPONSE: "pkt6-dhcpv4-response-received",
    MessageType6.ADDR_REG_INFORM: "pkt6-addr-reg-inform-received",
    MessageType6.ADDR_REG_REPLY: "pkt6-addr-reg-reply-received",
}
"""Message type to the counter of queries; any other type counts as ``pkt6-unknown-received``."""

SENT6: dict[int, str] = {
    MessageType6.ADVERTISE: "pkt6-advertise-sent",
    MessageType6.REPLY: "pkt6-reply-sent",
    MessageType6.DHCPV4_RESPONSE: "pkt6-dhcpv4-response-sent",
    MessageType6.ADDR_REG_REPLY: "pkt6-addr-reg-reply-sent",
}
"""Message type to the counter of answers."""

GLOBAL6 = (
    "pkt6-received",
    *RECEIVED6.values(),
    "pkt6-unknown-received",
    "pkt6-sent",
    *SENT6.values(),
    "pkt6-parse-failed",
    "pkt6-receive-drop",
    "pkt6-duplicate",
    "pkt6-queue-full",
    "pkt6-rfc-violation",
    "pkt6-admin-filtered",
    "pkt6-not-for-us",
    "pkt6-processing-failed",
    "pkt6-limit-exceeded",
    "pkt6-service-disabled",
    "pkt6-lease-query-received",
    "pkt6-lease-query-reply-sent",
    "declined-addresses",
    "reclaimed-declined-addresses",
    "reclaimed-leases",
    "assigned-nas",
    "assigned-pds",
    "cumulative-assigned-nas",
    "cumulative-assigned-pds",
    "cumulative-registered-nas",
    "v6-allocation-fail",
    "v6-allocation-fail-shared-network",
    "v6-allocation-fail-subnet",
    "v6-allocation-fail-no-pools",
    "v6-allocation-fail-classes",
    "v6-ia-na-lease-reuses",
    "v6-ia-pd-lease-reuses",
)
"""What a DHCPv6 server has from its start on, at zero (Kea G078 - G081)."""

SUBNET6 = (
    "total-nas",
    "total-pds",
    "assigned-nas",
    "assigned-pds",
    "cumulative-assigned-nas",
    "cumulative-assigned-pds",
    "registered-nas",
    "cumulative-registered-nas",
    "declined-addresses",
    "reclaimed-declined-addresses",
    "reclaimed-leases",
    "v6-ia-na-lease-reuses",
    "v6-ia-pd-lease-reuses",
)

RARE = tuple(
    f"v{family}-allocation-fail{why}"
    for family in (4, 6)
    for why in ("", "-shared-network", "-subnet", "-no-pools", "-classes")
)
"""What a subnet has from the first time on, as in Kea."""

CONFLICTS: Final = "lease-conflicts"
"""How often another server that shares the store was faster, which Kea does not count."""

GAUGES = frozenset(
    f"{what}-{of}"
    for what, kinds in (
        ("total", ("addresses", "nas", "pds")),
        ("assigned", ("addresses", "nas", "pds")),
        ("declined", ("addresses",)),
        ("registered", ("nas",)),
    )
    for of in kinds
) | {"radius-accounting-queued"}
"""The ends of the names of what tells how things are, and not how often something happened."""
