"""How large a picture is worth sending in so many bits, and how often."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PictureRate:
    """Bounds of what is sent."""

    pixels: int
    """Width times height at most."""
    frame_rate: float
    """Pictures per second at most."""


_STEPS: tuple[tuple[int, PictureRate], ...] = (
    (0, PictureRate(320 * 180, 8)),
    (60_000, PictureRate(320 * 180, 15)),
    (100_000, PictureRate(320 * 240, 20)),
    (180_000, PictureRate(480 * 270, 30)),
    (250_000, PictureRate(640 * 360, 30)),
    (450_000, PictureRate(640 * 480, 30)),
    (650_000, PictureRate(960 * 540, 30)),
    (1_000_000, PictureRate(1280 * 720, 30)),
)
"""From this bitrate on, this much: faces in a consultation, which move little."""
_UP = 1.15
"""A step up is taken when the bitrate is so many times what it needs, so that sizes do not flap."""
_SCALES = ((1, 1), (3, 4), (2, 3), (1, 2), (3, 8), (1, 3), (1, 4), (1, 6), (1, 8))
"""Steps that scale well; each keeps the picture's shape."""


class PictureSizer:
    """Follows a bitrate with hysteresis."""

    def __init__(self, bitrate: int) -> None:
        self._step = _step_at(bitrate)

    def follow(self, bitrate: int) -> None:
        """Takes in a new bitrate: down at once, up when there is some to spare."""
        down, up = _step_at(bitrate), _step_at(bitrate / _UP)
        self._step = min(max(self._step, up), down)

    @property
    def rate(self) -> PictureRate:
        """What is sent now."""
        return _STEPS[self._step][1]

    def size(self, width: int, height: int) -> tuple[int, int]:
        """The size that a picture is sent in; even numbers, as 4:2:0 wants it."""
        for numerator, denominator in _SCALES:
            scaled = _even(width * numerator / denominator), _even(height * numerator / denominator)
            if scaled[0] * scaled[1] <= self.rate.pixels:
                break
        return scaled


def _step_at(bitrate: float) -> int:
    return max(index for index, (needed, _) in enumerate(_STEPS) if bitrate >= needed)


def _even(value: float) -> int:
    return max(16, round(value / 2) * 2)
