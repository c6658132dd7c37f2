"""The only place where a meter's answer becomes money or state."""
