"""Whose video goes first where a line does not carry everything; also the order in which the pacer sends."""

ACTIVE = 1
"""The one who speaks, or spoke last."""
SCREEN = 2
"""A shared screen: what the talk is about."""
INTERPRETER = 3
"""A sign-language interpreter: whoever needs one hears by it."""
PINNED = 4
"""Whom the receiver, or a host for everyone, has pinned."""
