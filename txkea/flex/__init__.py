"""Identifiers and options that expressions make: what Kea's libraries flex_id and flex_option do (Kea A205, M044)."""
