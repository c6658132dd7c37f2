"""调试: a bus as its gateway sees it, addresses used twice, and labels for the meters."""
