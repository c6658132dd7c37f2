"""One module for each kind of carrier; `docs/recipes/carrier.md` says how the next one is made."""
