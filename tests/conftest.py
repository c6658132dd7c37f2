"""Shared by all tests. Times come in as arguments; no test sleeps to wait for a clock."""
