"""The tenant's own door: who he is by number and password or by a code, what he may see and ask for himself."""
