"""Encoders of sound, as a leg uses them: what they are laid out for may change, and silence may need no packet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bridge.transcode import libopus
from bridge.transcode.audio_codecs import FRAME_MILLISECONDS, AudioCodec, AudioEncoder, Samples, codec_named
from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.messages import START_LOSS

OPUS_BITRATE = 24_000
"""Wideband speech that is as good as it gets, in bit/s."""
OPUS_THIN_BITRATE = 14_000
THIN_BITRATE = 100_000
"""Receivers with less than this get the smaller Opus, and no packets of silence."""
QUIET = 104
"""Samples (root mean square) up to which sound may be left out: −50 dB of full scale. What is louder is never taken for
silence: libopus takes a steady tone, such as an instrument's, for noise after a second."""


@dataclass(frozen=True, slots=True)
class OpusLayout:
    """What Opus is laid out for; of no meaning to other codecs."""

    bitrate: int = OPUS_BITRATE
    """In bit/s."""
    loss: int = START_LOSS
    """Percent that is lost of it."""
    dtx: bool = False
    """Whether silence is not sent (discontinuous transmission; RFC 7587, section 3.1.3)."""

    @classmethod
    def of_line(cls, line: int, loss: int, dtx: bool) -> OpusLayout:
        """For receivers whose thinnest line carries so many bit/s; `dtx`: all of them prefer it."""
        thin = line < THIN_BITRATE
        return cls(OPUS_THIN_BITRATE if thin else OPUS_BITRATE, loss, thin or dtx)


class SoundEncoder(Protocol):
    """Blocks of `samples` mono samples at the codec's rate in, packets out."""

    codec: AudioCodec
    samples: int
    """Of each block."""
    ticks: int
    """Of the RTP clock in each block."""

    @property
    def silent(self) -> bool:
        """Whether the last block was left out as silence; a packet of it only tells what the silence sounds like."""

    def adapt(self, layout: OpusLayout) -> None:
        """From the next block on."""

    def encode(self, samples: Samples) -> bytes:
        """A packet's payload; empty where there is nothing to be sent."""


def sound_encoder(name: str, layout: OpusLayout) -> SoundEncoder:
    """An encoder of a codec by its name in small letters. Raises `CodecUnavailableError`.

    Where libopus cannot be called, Opus is FFmpeg's, which sends silence like anything else.
    """
    if codec_named(name).encoder != "libopus":
        return _Plain(name)
    try:
        return OpusEncoder(layout)
    except CodecUnavailableError:
        return _FfmpegOpus(layout)


class OpusEncoder:
    """Opus by libopus itself: it goes on as it is laid out anew, and needs no packets for silence."""

    def __init__(self, layout: OpusLayout) -> None:
        """Raises `CodecUnavailableError`."""
        self.codec = codec_named("opus")
        self.samples = self.ticks = self.codec.rate * FRAME_MILLISECONDS // 1000
        self._state = libopus.OpusState(libopus.library())
        self._rests = False
        """Whether the receiver knows that nothing comes."""
        self._dtx = False
        self.silent = False
        self.adapt(layout)

    def adapt(self, layout: OpusLayout) -> None:
        """From the next block on."""
        self._layout = layout
        self._state.set_bitrate(layout.bitrate)
        self._state.set_loss(layout.loss)

    def encode(self, samples: Samples) -> bytes:
        """A packet's payload; empty where there is nothing to be sent.

        Of a silence the first packet without sound is sent, as browsers do: it tells a decoder that what follows is no
        loss. So are the updates that libopus makes of the noise behind it, every 400 ms.
        """
        dtx = self._layout.dtx and _loudness(samples) <= QUIET
        if dtx is not self._dtx:
            self._dtx = dtx
            self._state.set_dtx(dtx)
        payload = self._state.encode(samples)
        self.silent = dtx and self._state.in_dtx
        if len(payload) > libopus.NOTHING:
            self._rests = False
            return payload
        told, self._rests = self._rests, True
        return b"" if told else payload


class _Plain(AudioEncoder):
    """A codec that has nothing to be laid out."""

    silent = False

    def adapt(self, _layout: OpusLayout) -> None:
        """It stays as it is."""


class _FfmpegOpus(AudioEncoder):
    """Opus by FFmpeg: another layout is another encoder in the same stream."""

    silent = False

    def __init__(self, layout: OpusLayout) -> None:
        super().__init__("opus", bitrate=layout.bitrate, loss=layout.loss)

    def adapt(self, layout: OpusLayout) -> None:
        """From the next block on."""
        self.open(layout.bitrate, layout.loss)


def _loudness(samples: Samples) -> float:
    """Root mean square."""
    wide = samples.astype(np.float32)
    return float(np.sqrt(np.mean(wide * wide)))
