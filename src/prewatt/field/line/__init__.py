"""One bus, one owner: quiet gaps, time limits, and never a repeated write."""
