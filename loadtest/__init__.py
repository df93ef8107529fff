"""Load tests: many participants against a running bridge, and what they saw."""
