"""What encoders have in common that are called by their own interface: each picture size takes another one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

import av


class LibraryEncoder(Protocol):
    """One encoder of a library, for pictures of one size."""

    def set_bitrate(self, bitrate: int) -> None:
        """Bit/s from the next picture on."""

    def close(self) -> None:
        """Frees it. Idempotent."""


E = TypeVar("E", bound=LibraryEncoder)


class SizedEncoder(ABC, Generic[E]):
    """Another size is another encoder, another bitrate is not."""

    follows = True

    def __init__(self, bitrate: int, frame_rate: float) -> None:
        self._bitrate, self._frame_rate = bitrate, frame_rate
        self._encoder: E | None = None
        self._size = (0, 0)

    def set_rate(self, bitrate: int, frame_rate: float) -> None:  # noqa: D102
        if self._encoder is not None and bitrate != self._bitrate:
            self._encoder.set_bitrate(bitrate)
        self._bitrate, self._frame_rate = bitrate, frame_rate

    def close(self) -> None:  # noqa: D102
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None

    def _encoder_of(self, frame: av.VideoFrame) -> E:
        """The one for pictures of this size."""
        if self._encoder is None or self._size != (frame.width, frame.height):
            self.close()
            self._size = (frame.width, frame.height)
            self._encoder = self._make(*self._size)
        return self._encoder

    @abstractmethod
    def _make(self, width: int, height: int) -> E:
        """One for pictures of this size, at the rates of now."""
