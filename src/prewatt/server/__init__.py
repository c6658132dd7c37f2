"""Settings, urls, workers and the command line."""
