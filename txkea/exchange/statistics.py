"""The names of Kea's DHCPv4 statistics (Kea G.10, G.12)."""

from __future__ import annotations

from txkea.wire.dhcp4 import MessageType4

__all__ = ["GLOBAL4", "RECEIVED4", "SENT4"]

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
    "pkt4-service-disabled",
    "declined-addresses",
    "reclaimed-declined-addresses",
    "reclaimed-leases",
    "assigned-addresses",
    "cumulative-assigned-addresses",
    "v4-allocation-fail",
    "v4-allocation-fail-shared-network",
    "v4-allocation-fail-subnet",
    "v4-allocation-fail-no-pools",
    "v4-reservation-conflicts",
    "v4-lease-reuses",
)
"""What a server has from its start on, at zero (Kea G076)."""
