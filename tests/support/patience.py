"""How long tests wait for what has to happen, before they give up on it."""

PATIENCE = 120.0
"""Seconds. Nobody waits for so long where things are in order: a busy machine is not to look like a broken bridge.

Whatever tests start takes a second or two of a core, of which they may have a tenth. It stays below the limit that a
whole test has (`timeout` in pyproject.toml), so that what did not happen is named.
"""
