"""How the pictures came that one participant saw of another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from loadtest.figures.presence import Span
from loadtest.participants.samples import FrameSeen

GAP = 0.5
"""Seconds between two new pictures from which on people take the picture for still."""
_SETTLING = 0.9
"""Share of the lines that a picture has to have to be back."""


class Pictures:
    """The new pictures of one source of one sender, of which those are counted that were due.

    A picture whose time code was seen before is not new: a decoder may hand on the same one twice.
    """

    def __init__(self, frames: Sequence[FrameSeen], due: Sequence[Span]) -> None:
        self.due = due
        self.seconds = sum(span.length for span in due)
        self.all: list[FrameSeen] = []
        newest = 0.0
        for frame in frames:
            if frame.sent is None or frame.sent > newest:
                self.all.append(frame)
                newest = frame.sent or newest

    def during(self, span: Span) -> list[FrameSeen]:
        """Those seen in a time."""
        return [frame for frame in self.all if span.begin <= frame.at < span.end]

    @property
    def seen(self) -> list[FrameSeen]:
        """Those seen while they were due."""
        return [frame for span in self.due for frame in self.during(span)]

    def gap_spans(self) -> list[tuple[float, float]]:
        """All times without a new picture that are longer than `GAP`: from when to when."""
        gaps = []
        for span in self.due:
            times = [span.begin, *(frame.at for frame in self.during(span)), span.end]
            gaps += [(before, after) for before, after in itertools.pairwise(times) if after - before > GAP]
        return gaps

    def gaps(self) -> list[float]:
        """Their lengths, in seconds."""
        return [end - begin for begin, end in self.gap_spans()]

    def first(self) -> float | None:
        """Seconds from when it was due to the first picture; None if none came."""
        if not self.due:
            return None
        frames = self.during(Span(self.due[0].begin, self.due[-1].end))
        return frames[0].at - self.due[0].begin if frames else None

    def fresh(self) -> float | None:
        """Seconds from when it was due until a picture came that was taken since; None if none came."""
        if not self.due:
            return None
        begin = self.due[0].begin
        return next((frame.at - begin for frame in self.seen if frame.sent is not None and frame.sent >= begin), None)

    def delays(self) -> list[float]:
        """Seconds from camera to screen of each picture that tells."""
        return [frame.at - frame.sent for frame in self.seen if frame.sent is not None]

    def height(self) -> float | None:
        """Lines, as the mean over the time for which each picture stood; None without two pictures."""
        total = weight = 0.0
        for frame, after in itertools.pairwise(self.seen):
            total += frame.height * (after.at - frame.at)
            weight += after.at - frame.at
        return total / weight if weight else None

    def size_back(self) -> float | None:
        """Seconds from when it was due until it has nearly the most lines that it gets."""
        most = max((frame.height for frame in self.seen), default=0)
        if not self.due or not most:
            return None
        return next(frame.at for frame in self.seen if frame.height >= _SETTLING * most) - self.due[0].begin

    def switches(self) -> int:
        """How often the size changed."""
        return sum((a.width, a.height) != (b.width, b.height) for a, b in itertools.pairwise(self.seen))
