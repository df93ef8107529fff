"""When a receiver changes over to what suits a thin line better, and back, without flapping.

What it gets on a good line is the rule, and what it gets on a thin one the exception: that begins soon, and is kept
for longer each time that leaving it was too soon.
"""

from __future__ import annotations

THIN_SECONDS = 3.0
"""For so long the line has to be too thin: publishers that can be told follow within two."""
UNHEEDED_SECONDS = 1.0
"""The same where nobody will follow: as long as a hiccup of a line may take."""
MIN_HOLD = 10.0
"""For so long it has to be good enough, before the rule holds again, …"""
MAX_HOLD = 120.0
"""… doubled up to this each time that it was as thin again within the seconds of `SOON`."""
SOON = 60.0


class Hysteresis:
    """The patience for one line. Pure: the clock is an argument, in seconds, and never goes back."""

    def __init__(self) -> None:
        self._since: float | None = None
        """Since when another choice would be better."""
        self._left: float | None = None
        """When the exception was left last, until it began again."""
        self._hold = MIN_HOLD

    def reset(self) -> None:
        """What there is is the best now."""
        self._since = None

    def is_time(self, now: float, *, leaves: bool, thin_seconds: float = THIN_SECONDS) -> bool:
        """Another choice is better now: whether it is time to change over. `leaves`: to what is the rule.

        `thin_seconds`: for how long the line has to be too thin.
        """
        if self._since is None:
            self._since = now
        if now - self._since < (self._hold if leaves else thin_seconds):
            return False
        self._since = None
        if leaves:
            self._left = now
        elif self._left is not None:
            again_soon = now - self._left < SOON
            self._hold = min(self._hold * 2, MAX_HOLD) if again_soon else MIN_HOLD
            self._left = None
        return True
