"""Lease stores."""
