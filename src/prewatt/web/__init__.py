"""See ARCHITECTURE.md for the rooms inside."""
