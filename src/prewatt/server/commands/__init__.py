"""Commands that need the centre's database."""
