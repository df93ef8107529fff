"""How often sound is repeated towards a receiver that loses packets (RFC 2198). Pure: time and figures are told.

Loss that the receiver reports decides. One earlier frame in each packet hides single losses, two hide most pairs; more
would come too late to be heard. What that costs is taken from the same thin line, so it is bounded by the estimate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bridge.sfu.allocation import sound

MAX_FRAMES = 2
"""Earlier frames in a packet at most."""

UP = (0.025, 0.10)
"""Loss from which one frame is repeated, and two."""

DOWN = (0.010, 0.06)
"""Loss below which it is one frame fewer again."""

HOLD = 10.0
"""Seconds that loss has to stay low before there is less redundancy: bursts come again."""

FULL = 0.1
"""Seconds that packets wait in a queue which is taken to lose them by being full: repetitions would fill it, too."""

AFTERMATH = 4.0
"""Seconds for which the loss that is reported may still be that of such a queue."""

PATIENCE = 8.0
"""Seconds after which it counts all the same: then somebody else keeps the queue full."""

MEMORY = 2.0
"""Seconds after which an old figure of the loss counts for a third."""

SHARE_BESIDE_VIDEO = 0.4
SHARE_ALONE = 0.8
"""Part of the estimate that sound with its repetitions may take; more where there is nothing but sound, since the
estimate then knows of little more than what is sent."""


@dataclass
class SmoothedLoss:
    """The loss that a receiver reports (0–1), over the last seconds."""

    value: float = 0.0
    _told: float | None = None

    def update(self, now: float, lost: float) -> None:
        """Takes in what is reported now."""
        lost = min(1.0, max(0.0, lost))
        if self._told is None or lost > self.value:
            # A rise is believed sooner than a fall: what it costs to be wrong is a few kilobits.
            self.value += (lost - self.value) * (0.5 if self._told is not None else 1.0)
        else:
            age = max(0.0, now - self._told)
            self.value += (lost - self.value) * (1 - (1 / 3) ** (age / MEMORY))
        self._told = now


@dataclass
class RedundancyPolicy:
    """Decides for one receiver."""

    frames: int = 0
    """Earlier frames in each packet now."""
    _level: int = 0
    """What the loss alone asks for."""
    _loss: SmoothedLoss = field(default_factory=SmoothedLoss)
    _low_since: list[float | None] = field(default_factory=lambda: [None] * MAX_FRAMES)
    """Since when loss has been too low for each frame."""
    _full: tuple[float, float] | None = None
    """When the queue was first and last seen full, of the times that lie close together."""

    def update(
        self,
        now: float,
        *,
        lost: float,
        bitrate: int,
        voices: int,
        beside_video: bool = True,
        queue: float | None = None,
    ) -> int:
        """Takes in the loss that is reported now (0–1) and the estimate in bit/s; returns the frames to repeat.

        `voices` is how many speak at the same time; silence costs nothing to repeat. `beside_video` says whether the
        receiver gets any, `queue` for how many seconds packets wait on its line.
        """
        self._loss.update(now, min(lost, self._loss.value) if self._overflows(now, queue) else lost)
        wanted = self._wanted(now)
        share = SHARE_BESIDE_VIDEO if beside_video else SHARE_ALONE
        plain = sound.on_the_wire()
        affordable = (bitrate * share / max(1, voices) - plain) / (sound.on_the_wire(repeated=1) - plain)
        self.frames = min(wanted, max(0, int(affordable)), MAX_FRAMES)
        return self.frames

    def _overflows(self, now: float, queue: float | None) -> bool:
        """Whether what is lost is likely to be what a line dropped that has just become too thin for what is sent."""
        if queue is not None and queue > FULL:
            again = self._full is not None and now - self._full[1] <= AFTERMATH
            self._full = (self._full[0] if again and self._full is not None else now, now)
        if self._full is None:
            return False
        first, last = self._full
        return now - last <= AFTERMATH and last - first <= PATIENCE

    def _wanted(self, now: float) -> int:
        rising = sum(self._loss.value >= threshold for threshold in UP)
        for index, threshold in enumerate(DOWN):
            if self._loss.value >= threshold:
                self._low_since[index] = None
            elif self._low_since[index] is None:
                self._low_since[index] = now
        lasting = sum(since is None or now - since < HOLD for since in self._low_since)
        self._level = max(rising, min(self._level, lasting))
        return self._level
