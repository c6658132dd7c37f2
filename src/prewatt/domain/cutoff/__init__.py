"""催费与停电: what an account that runs out of money is told, and when, before anything is switched off; what keeps its
power on through a night."""
