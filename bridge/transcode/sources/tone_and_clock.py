"""A picture with a time code and a clock, and a tone that beeps when the picture flashes: once a second, for 100 ms.

Pure functions of time, so that whoever measures knows what was shown and played at any moment.
"""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.video.reformatter import ColorRange

from bridge.transcode.compose.geometry import Rect, even
from bridge.transcode.compose.lettering import text_mask
from bridge.transcode.compose.planes import BLACK, WHITE, Planes
from bridge.transcode.mix.blocks import BLOCK, SAMPLE_RATE, Block
from bridge.transcode.sources.time_code import SHARE, draw_time_code

VIDEO_CLOCK = 90_000
FLASH = 0.1
"""Seconds from each full second in which the picture flashes and the beep sounds."""
BEEP = 1000.0
TONE = 400.0
"""Hz of the beep, and of the quiet tone between beeps."""
LOUD, QUIET = 0.5, 0.05


class ToneAndClock:
    """The generator. Times are in seconds from its beginning and may be asked for in any order."""

    def __init__(self, width: int = 640, height: int = 360) -> None:
        """Width and height in pixels, even."""
        self._size = width, height

    def picture(self, at: float) -> av.VideoFrame:
        """The picture of a moment, yuv420p: the time code above, the flash and the clock below."""
        width, height = self._size
        picture = Planes.blank(width, height)
        draw_time_code(picture.y, round(at * 1000))
        top = even(height * SHARE) + 2
        below = picture.part(Rect(0, top, width, height - top))
        below.part(Rect(0, 0, even(width / 4), below.height)).fill(WHITE if _beeping(at) else BLACK)
        letters = text_mask(clock(at), max(below.height // 3, 8), width * 3 // 4)
        below.stamp(letters, even(width / 4) + 4, max(even((below.height - letters.shape[0]) / 2), 0), WHITE)
        frame = av.VideoFrame(width, height, "yuv420p")
        Planes.of(frame).put(picture)
        frame.color_range = ColorRange.MPEG
        frame.pts, frame.time_base = round(at * VIDEO_CLOCK), Fraction(1, VIDEO_CLOCK)
        return frame

    def block(self, index: int, samples: int = BLOCK) -> Block:
        """The block of sound that begins `index` blocks from the beginning. Tones go on without a step."""
        at = (index * samples + np.arange(samples)) / SAMPLE_RATE
        beeping = at % 1.0 < FLASH
        sound = np.where(beeping, LOUD * np.sin(2 * np.pi * BEEP * at), QUIET * np.sin(2 * np.pi * TONE * at))
        return sound.astype(np.float32)


def clock(at: float) -> str:
    """How a time stands in the picture: minutes, seconds and milliseconds, with hours before them from one hour on."""
    milliseconds = round(at * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{f'{hours:02d}:' if hours else ''}{minutes:02d}:{rest / 1000:06.3f}"


def flashes(frame: av.VideoFrame) -> bool:
    """Whether the picture, in any size, shows the flash."""
    planes = Planes.of(frame if frame.format.name == "yuv420p" else frame.reformat(format="yuv420p"))
    height, width = planes.y.shape
    return float(planes.y[height * 6 // 10 : height * 9 // 10, width // 20 : width // 5].mean()) > 125


def beeps(block: Block) -> bool:
    """Whether most of a block is the beep, at whatever level it comes."""
    spectrum = np.abs(np.fft.rfft(block))
    at = round(BEEP * len(block) / SAMPLE_RATE), round(TONE * len(block) / SAMPLE_RATE)
    return bool(spectrum[at[0]] > 2 * spectrum[at[1]] and spectrum[at[0]] > 1e-3 * len(block))


def _beeping(at: float) -> bool:
    return at % 1.0 < FLASH
