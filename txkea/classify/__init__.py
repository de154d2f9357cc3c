"""Kea's class expression language, by itself: text to tests and strings of a query (Kea D022-D050)."""

__all__: list[str] = []
