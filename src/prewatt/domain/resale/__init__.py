"""转供电: what the site pays for its electricity month by month, what it charged for it, and giving back."""
