"""Scenarios: a call, the line of everyone in it over time, and what must hold. `docs/loadtest.md` has the format."""
