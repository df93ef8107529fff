"""Which size and frame rate a composed picture has at a bitrate."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the ladder."""

    bitrate: int
    """Bit/s of video from which it is taken."""
    width: int
    height: int
    frame_rate: int
    """Frames a second."""

    def upright(self) -> Rung:
        """The same for a screen that is held upright."""
        return Rung(self.bitrate, self.height, self.width, self.frame_rate)


RUNGS = (
    Rung(0, 256, 144, 5),
    Rung(60_000, 256, 144, 8),
    Rung(90_000, 320, 180, 10),
    Rung(150_000, 320, 180, 15),
    Rung(220_000, 480, 270, 12),
    Rung(320_000, 480, 270, 15),
    Rung(450_000, 640, 360, 15),
    Rung(700_000, 640, 360, 25),
    Rung(1_100_000, 960, 540, 25),
    Rung(2_000_000, 1280, 720, 25),
)
"""By bitrate. Sizes are 16:9; a composed picture has many edges and letters, so it moves to more pixels earlier than to
more frames."""
HEADROOM = 1.15
"""A higher rung is taken only when there is so much more than it needs: an estimate that wavers changes nothing."""


def choose_rung(bitrate: float, current: Rung | None = None) -> Rung:
    """The rung for a bitrate in bit/s: at once a lower one than the current, a higher one only with headroom."""
    fitting = [rung for rung in RUNGS if rung.bitrate <= bitrate] or [RUNGS[0]]
    if current is None or fitting[-1].bitrate <= current.bitrate:
        return fitting[-1]
    comfortable = [rung for rung in fitting if rung.bitrate * HEADROOM <= bitrate]
    return comfortable[-1] if comfortable and comfortable[-1].bitrate > current.bitrate else current
