"""The living building in one command."""
