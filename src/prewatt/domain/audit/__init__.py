"""Recompute every seal and balance; name the first row that was changed, removed or inserted."""
