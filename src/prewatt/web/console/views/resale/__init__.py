"""转供电: purchase bills, what was charged above them, the public sheet, and giving back."""
