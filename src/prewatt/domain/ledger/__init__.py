"""Accounts, transfers, balances and seals. Knows codes and ids, nothing else."""
