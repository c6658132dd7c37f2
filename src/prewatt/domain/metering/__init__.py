"""Readings in, hourly and daily usage out."""
