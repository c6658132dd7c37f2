"""The API for other programs: the console's verbs, by token, as JSON. No cookie opens it."""
