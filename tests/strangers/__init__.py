"""Programs that nobody here wrote, started and ended by tests."""
