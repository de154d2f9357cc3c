"""A DHCPv4 and DHCPv6 server and framework on Twisted that speaks Kea's language."""

__all__ = ["__version__"]

__version__ = "0.1.0"
