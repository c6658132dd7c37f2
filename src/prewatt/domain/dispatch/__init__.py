"""Orders to meters: placed, leased, answered, unclear."""
