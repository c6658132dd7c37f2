"""The seeded whole-building run: real code, simulated time, line and death."""
