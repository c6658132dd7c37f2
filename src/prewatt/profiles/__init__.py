"""Meter models as data: TOML files, their loader and their decoder. The directory is the test list."""
