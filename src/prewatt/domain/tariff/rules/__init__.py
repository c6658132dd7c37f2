"""What use costs: a plan as one document, exact arithmetic, and every charge as lines that explain it.

Pure: no database, no clock, no floating point. `reading` makes a `Plan` of JSON, `timeline` cuts intervals where the
price changes, `charging` counts and explains, `bulk` does the same for a whole building's year.
"""
