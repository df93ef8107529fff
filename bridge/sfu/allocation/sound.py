"""Whether a line carries the sound that is for it as it comes. Where it does not, its publishers are asked for less.

Speech in frames of 20 ms takes 60 kbit/s with all headers: on a line of 64 kbit/s, with feedback and signalling beside
it, the queue stays full and a seventh is lost. Nothing can be left out of sound as it can of pictures, so what a line
does not carry is made smaller where it is made, if nobody's line carries it: speech at 12 kbit/s is still understood
well. Chromium puts on top what longer frames save in headers, and comes to twice that.

Where a thin line loses packets and sound is repeated for it, each of its bits goes twice or three times: it is made
smaller there, too, so that pictures keep theirs.
"""

from __future__ import annotations

SPEECH = 32_000
"""What browsers make of speech, in bit/s of RTP payload."""
HEADERS = 13_000
"""What 50 packets a second take beside it: RTP and its extensions, SRTP, UDP and IP."""
LESS = 12_000
"""What a publisher is asked for at most, in bit/s of RTP payload."""
REPEATED = 20_000
"""The same where it is repeated on a line that is not ample: fullband speech still, with a little less to spare."""
THIN, NOT_THIN = 450_000, 600_000
"""What a line carries, in bit/s, below which that is so, and from which on it no longer is."""
_REPEATED_HEADERS = 2_000
"""What the header of each earlier frame adds to that: five bytes."""
SHORT_SECONDS = 2.0
"""So long a line has to carry less than the sound that is for it, …"""
AMPLE = 1.6
"""… and so many times as much, …"""
AMPLE_SECONDS = 10.0
"""… for so long, before publishers are asked for all again."""


def on_the_wire(bitrate: int = SPEECH, repeated: int = 0) -> int:
    """What a voice of so many bit/s takes with all headers, and with so many earlier frames in each of its packets."""
    return HEADERS + bitrate * (1 + repeated) + _REPEATED_HEADERS * repeated


class SoundRoom:
    """One line's room for sound, with some patience each way."""

    def __init__(self) -> None:
        self.scarce = False
        """Whether the line does not carry the sound as it comes."""
        self.dear = False
        """Whether it is repeated on a thin line."""
        self._otherwise_since: float | None = None

    @property
    def bitrate(self) -> int | None:
        """What publishers are asked for at most, in bit/s of RTP payload; None for no bound."""
        if self.scarce:
            return LESS
        return REPEATED if self.dear else None

    def update(self, now: float, room: int | None, sound: int, *, repeated: bool = False) -> bool:
        """Takes in what the line carries (bit/s; None while unknown) and what sound takes; whether `bitrate` changed.

        `repeated`: whether each packet repeats earlier frames.
        """
        before = self.bitrate
        self.dear = repeated and room is not None and room < (NOT_THIN if self.dear else THIN)
        self._look(now, room, sound)
        return self.bitrate != before

    def _look(self, now: float, room: int | None, sound: int) -> None:
        says = room is not None and room < (sound * AMPLE if self.scarce else sound)
        if says is self.scarce:
            self._otherwise_since = None
            return
        if self._otherwise_since is None:
            self._otherwise_since = now
        if now - self._otherwise_since >= (SHORT_SECONDS if says else AMPLE_SECONDS):
            self.scarce, self._otherwise_since = says, None
