"""The tenant's own pages, made for a phone: balance, use, purchases, messages, paying, switching."""
