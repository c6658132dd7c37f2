"""What happened, added up: read-only tables over everything, and the sums of past days behind them."""
