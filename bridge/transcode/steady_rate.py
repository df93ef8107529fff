"""The bitrate that pictures are laid out for: it follows what lasts, not what wavers.

Another size costs a keyframe, and with some encoders another bitrate as well.
"""

from __future__ import annotations

LESS, MORE = 0.05, 0.15
"""Changes up to these shares are none: what is sent too much has to wait, what is sent too little harms nobody."""
DOWN_SECONDS, UP_SECONDS = 1.0, 2.0
"""For so long a rate has to be lower, or higher: an estimate that lets a queue drain is lower for half a second, and
what is sent meanwhile waits less long than a keyframe would take."""
SOON_SECONDS = 10.0
"""A rate that falls again so soon after it rose has risen too early: the next time it has to be higher for twice as
long, up to `MAX_UP_SECONDS`."""
MAX_UP_SECONDS = 16.0
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
        self._up_seconds = UP_SECONDS
        self._rose: float | None = None
        """When it last rose after a while, if it has not fallen since."""
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
            return self._change(wanted, now, None)
        if self._since is None or now < self._since or lower is not (self._least_change < self.bitrate):
            self._since, self._least_change = now, wanted
        self._least_change = (max if lower else min)(self._least_change, wanted)
        if now - self._since < (DOWN_SECONDS if lower else self._up_seconds):
            return False
        return self._change(self._least_change, now, None if lower else now)

    def _change(self, bitrate: int, now: float, rose: float | None) -> bool:
        if bitrate < self.bitrate and self._rose is not None:
            too_early = 0 <= now - self._rose < SOON_SECONDS
            self._up_seconds = min(2 * self._up_seconds, MAX_UP_SECONDS) if too_early else UP_SECONDS
        self.bitrate, self._since, self._rose = bitrate, None, rose
        return True
