"""Test legs: an echo, a player and a clock that join a room as clients of the bridge's own door.

`client` is one session in a room, `process` what runs it where vendors start it by REST, `runner` the bridge's side of
those processes, `messages` what the two say to each other.
"""
