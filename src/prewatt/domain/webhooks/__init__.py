"""Webhooks: what happened here, told to programs elsewhere, in order, signed, until they have heard it."""
