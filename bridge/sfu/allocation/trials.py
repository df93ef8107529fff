"""When to send pictures that an estimate does not carry, to receivers whose lines nothing else can try out.

Probes go into the stream of retransmissions (RFC 4588): to a receiver that has none, as webrtc-rs, nothing can be sent
but media. An estimate that does not carry the picture would stay as it is for good, since nothing is sent that shows
more. So the picture itself is the probe: at first, and again after a while when it turned out to be too much.
"""

from __future__ import annotations

FIRST_WAIT = 5.0
"""Seconds from a trial that failed to the next one, …"""
LONGEST_WAIT = 80.0
"""… which doubles with each up to this."""


class Trials:
    """The trials of one line. One begins with it."""

    def __init__(self) -> None:
        self._again_at: float | None = None
        """When the next one begins; None while one is on."""
        self._wait = FIRST_WAIT

    def is_on(self, now: float) -> bool:
        """Whether pictures are sent whatever the estimate says."""
        if self._again_at is not None and now >= self._again_at:
            self._again_at = None
        return self._again_at is None

    def failed(self, now: float) -> None:
        """The estimate fell below what is sent: what was tried is too much."""
        if self.is_on(now):
            self._again_at = now + self._wait
            self._wait = min(self._wait * 2, LONGEST_WAIT)
