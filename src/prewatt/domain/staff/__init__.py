"""Operators, their rights and data scope, and the sealed operation log."""
