"""Runs of scenarios: who is started when, what is recorded, and the figures of it."""
