"""Where packets lie on a recording's time: by their RTP timestamps, and a publisher's sound and picture in step."""

from __future__ import annotations

from collections.abc import Collection

MAX_DRIFT = 2.0
"""Seconds by which a track's timestamps may run away from when its packets come: then they are another beginning."""
LATE_SECONDS = 4.0
"""For how long packets may come later than that one behind the other: a line that stood still gives out all at once, or
little by little, what it held up, and that lies where it was taken up. After that the sender's clock stood still."""
MAX_CORRECTION = 1.5
"""Seconds that sender reports may move a picture by: what says more is not believed."""


class TrackClock:
    """The time of one track. Seconds are those of the recording."""

    def __init__(self, rate: int) -> None:
        """`rate` is that of its RTP timestamps, in Hz."""
        self._rate = rate
        self._timestamp: int | None = None
        """One that is known to lie at `_at`."""
        self._at = 0.0
        self._latest = 0
        self._late_since: float | None = None
        self._report: tuple[int, float] | None = None

    def at(self, timestamp: int, arrived: float) -> float:
        """Where a timestamp, counted on past its 32 bits, lies; `arrived` is when its packet came."""
        before, self._latest = self._latest, timestamp
        if self._timestamp is not None:
            at = self._place(timestamp)
            if abs(at - arrived) <= MAX_DRIFT:
                self._late_since = None
                return at
            if at < arrived and timestamp >= before and self._late_for(arrived) < LATE_SECONDS:
                return at
        self._timestamp, self._at = timestamp, arrived
        self._report = self._late_since = None
        return arrived

    def _late_for(self, now: float) -> float:
        if self._late_since is None:
            self._late_since = now
        return now - self._late_since

    def report(self, ntp: int, timestamp: int) -> None:
        """Takes in a sender report: NTP time in 2^-32 s, and the RTP timestamp (32 bits) that it is the time of."""
        if self._timestamp is not None:
            nearest = self._latest + ((timestamp - self._latest + (1 << 31)) % (1 << 32)) - (1 << 31)
            self._report = nearest, ntp / (1 << 32)

    @property
    def offset(self) -> float | None:
        """What is added to the publisher's clock for the recording's time; None while there is no report."""
        if self._report is None:
            return None
        timestamp, ntp = self._report
        return self._place(timestamp) - ntp

    def move(self, seconds: float) -> None:
        """Has everything lie so much later."""
        self._at += seconds

    def forget(self) -> None:
        """The next packet is another beginning: the recording was paused."""
        self._timestamp = self._report = self._late_since = None

    def _place(self, timestamp: int) -> float:
        return self._at + (timestamp - (self._timestamp or 0)) / self._rate


def bring_in_step(leader: TrackClock, followers: Collection[TrackClock]) -> None:
    """Moves pictures to where the sound of the same publisher says, as far as sender reports are there."""
    of_leader = leader.offset
    for follower in followers:
        of_follower = follower.offset
        if of_leader is not None and of_follower is not None:
            correction = of_leader - of_follower
            if abs(correction) <= MAX_CORRECTION:
                follower.move(correction)
