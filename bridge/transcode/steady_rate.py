"""The bitrate that pictures are laid out for: it follows what lasts, not what wavers.

Another size costs a keyframe, and with some encoders another bitrate as well.
"""

from __future__ import annotations

LESS, MORE = 0.05, 0.15
"""Changes up to these shares are none: what is sent too much has to wait, what is sent too little harms nobody."""
DOWN_SECONDS, UP_SECONDS = 1.0, 2.0
"""For so long a rate has to be lower, or higher: an estimate that lets a queue drain is lower for half a second, and
what is sent meanwhile waits less long than a keyframe would take."""
FALL, RISE = 0.6, 2.0
"""Below and above these shares of the rate it is followed at once: then the line is another one."""


class SteadyRate:
    """Of one encoding. Pure: the clock is an argument."""

    def __init__(self, bitrate: int) -> None:
        self.bitrate = bitrate
        """Bit/s that size and frame rate are for."""
        self.wanted = bitrate
        """Bit/s that the line carries now."""
        self._since: float | None = None
        self._least_change = bitrate

    def want(self, bitrate: int) -> None:
        """What the line carries from now on."""
        self.wanted = bitrate

    def follow(self, now: float) -> bool:
        """Takes in what is wanted at a time in seconds, which may leap; whether the rate is another one."""
        wanted, lower = self.wanted, self.wanted < self.bitrate
        if (1 - LESS) * self.bitrate <= wanted <= (1 + MORE) * self.bitrate:
            self._since = None
            return False
        if not FALL * self.bitrate <= wanted <= RISE * self.bitrate:
            return self._change(wanted)
        if self._since is None or now < self._since or lower is not (self._least_change < self.bitrate):
            self._since, self._least_change = now, wanted
        self._least_change = (max if lower else min)(self._least_change, wanted)
        if now - self._since < (DOWN_SECONDS if lower else UP_SECONDS):
            return False
        return self._change(self._least_change)

    def _change(self, bitrate: int) -> bool:
        self.bitrate, self._since = bitrate, None
        return True
