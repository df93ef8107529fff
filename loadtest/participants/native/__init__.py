"""Participants that are no browsers but a process each of the native swarm: many fit beside a real browser."""
