"""What an operator keeps of the console's lists: files that are written for him, and filters under a name."""
