"""How many rooms a machine carries until thresholds break, and what an operator needs for a given number of calls."""
