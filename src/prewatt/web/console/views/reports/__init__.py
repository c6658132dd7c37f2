"""The report centre: finance."""
