"""平台计费: accounts whose balance lives in the ledger. What their meters used is priced here, not in the meter."""
