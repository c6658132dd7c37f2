"""Sale 售电, refund 退电, reversal 冲正 and their receipts."""
