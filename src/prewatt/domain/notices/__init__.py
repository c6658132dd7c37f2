"""What to tell whom, and by which carrier."""
