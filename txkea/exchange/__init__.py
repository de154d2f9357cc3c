"""DHCP itself: async, but without Twisted."""
