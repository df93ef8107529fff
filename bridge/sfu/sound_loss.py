"""What the sound that a leg makes is laid out for, by what its receivers lose. Pure: time and figures are told.

Opus carries the frame before once more, smaller (forward error correction, RFC 6716 section 2.1.7), in bits that the
sound itself then lacks: wideband in place of fullband at 24 kbit/s. One encoder serves all who share a leg, so whoever
loses most decides.
"""

from __future__ import annotations

from bridge.sfu.redundancy import SmoothedLoss

LEVELS = (0, 10, 20)
"""Percent that encoders are laid out for."""

HOLD = 10.0
"""Seconds that less has to be enough: bursts come again, and each change is a new encoder."""


class SoundLoss:
    """Decides for one leg."""

    def __init__(self) -> None:
        self.percent: int | None = None
        """None until it is known: the leg lays out for some loss by itself."""
        self._lost: dict[object, SmoothedLoss] = {}
        self._less_since: float | None = None

    def follow(self, now: float, receiver: object, lost: float) -> int | None:
        """Takes in what a receiver loses (0–1); the percent to lay out for."""
        self._lost.setdefault(receiver, SmoothedLoss()).update(now, lost)
        worst = max(each.value for each in self._lost.values()) * 100
        wanted = next((level for level in LEVELS if worst <= level + 1), LEVELS[-1])
        if wanted > (self.percent or 0):
            self.percent, self._less_since = wanted, None
        elif wanted == self.percent:
            self._less_since = None
        elif self._less_since is None:
            self._less_since = now
        elif now - self._less_since >= HOLD:
            self.percent, self._less_since = wanted, None
        return self.percent

    def leave(self, receiver: object) -> None:
        """A receiver less. Idempotent."""
        self._lost.pop(receiver, None)
