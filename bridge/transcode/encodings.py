"""What a leg makes of pictures for lines of different width: a main encoding, and while it is asked for a thin one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from bridge.transcode.messages import Thin
from bridge.transcode.picture_output import PictureOutput


class Encoding(Protocol):
    """One of them."""

    output: PictureOutput

    @property
    def bitrate(self) -> int:
        """Bits per second of payload that may be sent."""

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels of the last picture."""

    def set_bitrate(self, bitrate: int) -> None:
        """Bits per second of payload from now on."""


E = TypeVar("E", bound=Encoding)


class Encodings(Generic[E]):
    """The main encoding, and the thin one: that is one stream, however often it ends and begins again."""

    def __init__(
        self, make: Callable[[int, int, int], E], ssrc: int, sequence: int, bitrate: int, thin: Thin | None
    ) -> None:
        """`make` is given SSRC, first sequence number and bitrate. Without `thin` no second encoding is ever made."""
        self._make = make
        self.main = make(ssrc, sequence, bitrate)
        self._thin_ssrc = 0 if thin is None else thin.ssrc
        self._thin_sequence = 0 if thin is None else thin.sequence
        self._thin: E | None = None
        self._octets_gone = 0
        self.set_bitrate(bitrate, 0 if thin is None else thin.bitrate)

    def __iter__(self) -> Iterator[E]:
        yield self.main
        if self._thin is not None:
            yield self._thin

    def set_bitrate(self, bitrate: int, thin: int) -> None:
        """Of each, in bit/s; 0 ends the thin one."""
        self.main.set_bitrate(bitrate)
        if thin and self._thin is not None:
            self._thin.set_bitrate(thin)
        elif thin and self._thin_ssrc:
            self._thin = self._make(self._thin_ssrc, self._thin_sequence, thin)
        elif self._thin is not None:
            output, self._thin = self._thin.output, None
            self._thin_sequence = output.sequence
            self._octets_gone += output.octets
            output.close()

    def want_keyframe(self, ssrc: int) -> None:
        """A receiver of this stream asks for one."""
        for each in self:
            each.output.keyframe_wanted |= each.output.ssrc == ssrc

    @property
    def octets(self) -> int:
        """Of payload that were sent of both."""
        return self._octets_gone + sum(each.output.octets for each in self)

    @property
    def thin_sequence(self) -> int:
        """The next sequence number of the thin one."""
        return self._thin_sequence if self._thin is None else self._thin.output.sequence

    def close(self) -> None:
        """Frees the encoders."""
        for each in self:
            each.output.close()


class MakesEncodings(Generic[E]):
    """What whoever sends pictures from a leg tells of its encodings, and how it is told to make them."""

    _encodings: Encodings[E]

    @property
    def frames_out(self) -> int:
        """That were sent of the main encoding."""
        return self._encodings.main.output.frames

    @property
    def octets(self) -> int:
        """Of payload that were sent."""
        return self._encodings.octets

    @property
    def sequence(self) -> int:
        """The next sequence number of the main encoding."""
        return self._encodings.main.output.sequence

    @property
    def thin_sequence(self) -> int:
        """The next sequence number of the second encoding."""
        return self._encodings.thin_sequence

    @property
    def bitrate(self) -> int:
        """What may be sent of the main encoding, in bit/s of payload."""
        return self._encodings.main.bitrate

    @property
    def size(self) -> tuple[int, int]:
        """Of the main encoding."""
        return self._encodings.main.size

    def set_bitrate(self, bitrate: int, thin: int = 0) -> None:
        """Bits per second of payload from now on, and of the second encoding; 0 for none."""
        self._encodings.set_bitrate(bitrate, thin)
