"""Host sources."""
