"""Times as sender reports tell them (RFC 3550, section 4): in 2^-32 s since 1900."""

from __future__ import annotations

import time

_EPOCH = 2_208_988_800
"""Seconds from 1900 to 1970."""


def ntp_now() -> int:
    """The time by the wall clock."""
    return round((time.time() + _EPOCH) * (1 << 32))


def ntp_seconds(seconds: float) -> int:
    """A span of time."""
    return round(seconds * (1 << 32))
