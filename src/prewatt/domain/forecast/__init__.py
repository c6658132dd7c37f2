"""What a meter will use in the coming days, and how long its money lasts: an estimate, with its interval."""
