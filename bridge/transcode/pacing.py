"""How often a leg looks at the time by itself, in seconds."""

TICK_SECONDS = 0.01
"""While a packet is missing."""
IDLE_SECONDS = 1.0
"""While nothing is to be done before a packet comes."""
