"""What the centre wants of its meters and what it forbids itself: settings sent and read back, rules of switching off,
what is never cut, the stop."""
