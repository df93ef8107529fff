"""How late packets of one sound come against the fastest of them: what has to be waited for, so that none is missed."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

MIN_MARGIN, MAX_MARGIN = 0.004, 0.16
"""Seconds after the fastest could have come that a packet is waited for, at least and at most."""
START_MARGIN = 0.02
"""While it is not known what the line does."""
LEARNED_SECONDS = 1
"""After which that is known."""
GUARD = 0.002
"""Seconds beyond what packets were late by: the latest of those that came is not the latest of those to come."""
FASTEST_SECONDS = 4
"""Through which the fastest is remembered, and no longer: clocks drift."""
LATEST_SECONDS = 20
"""Through which the latest is remembered."""
JUMP = 1.0
"""Seconds by which a sender's timestamps may be off before they are taken for those of another clock."""


@dataclass(slots=True)
class _Second:
    """What came in one."""

    number: int
    fastest: float
    latest: float
    """Seconds from being taken up, by the sender's clock, to having come, by ours."""
    late: float = 0.0
    """Of its latest, once it is over: seconds after the fastest there was."""


class Arrivals:
    """Of packets, whose clock and whose way are not known."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque()
        self._fastest = 0.0
        self._late = 0.0
        """Of all seconds that are over."""

    def note(self, came: float, ends: float, since: float | None = None) -> None:
        """A packet came, by our clock, that was complete at `ends` by the sender's, both in seconds.

        If it may have come any time `since`, because nobody looked, that is when it was due if that can be.
        """
        if since is not None and self._seconds:
            came = min(came, max(since, self.due(ends)))
        transit = came - ends
        if self._seconds and abs(transit - self._fastest) > JUMP:
            self._seconds.clear()
        number = int(came)
        if not self._seconds or self._seconds[-1].number != number:
            self._begin(number, transit)
        newest = self._seconds[-1]
        newest.latest = max(newest.latest, transit)
        newest.fastest = min(newest.fastest, transit)
        self._fastest = min(self._fastest, transit)

    def due(self, ends: float) -> float:
        """When a packet that is complete at `ends` comes by our clock if it is as fast as the fastest."""
        return ends + self._fastest

    @property
    def margin(self) -> float:
        """Seconds after it is due that a packet is to be waited for."""
        if not self._seconds:
            return START_MARGIN
        newest = self._seconds[-1]
        late = max(newest.latest - self._fastest, self._late)
        learned = newest.number - self._seconds[0].number > LEARNED_SECONDS
        return min(MAX_MARGIN, max(late + GUARD, MIN_MARGIN if learned else START_MARGIN))

    def _begin(self, number: int, transit: float) -> None:
        if self._seconds:
            newest = self._seconds[-1]
            newest.late = newest.latest - self._fastest
        self._seconds.append(_Second(number, transit, transit))
        while self._seconds[0].number <= number - LATEST_SECONDS:
            self._seconds.popleft()
        self._late = max(each.late for each in self._seconds)
        self._fastest = min(each.fastest for each in self._seconds if each.number > number - FASTEST_SECONDS)
