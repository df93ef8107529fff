"""Decoders and encoders of sound, by FFmpeg: Opus (libopus), G.711 and G.722."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.messages import START_LOSS

Samples = NDArray[np.int16]
"""Mono, one dimension."""

FRAME_MILLISECONDS = 20
"""Length of the packets that legs send."""
MAX_PACKET_SAMPLES = 120 * 48
"""A packet of Opus lasts 120 ms at most (RFC 6716, section 2.1.4)."""


@dataclass(frozen=True, slots=True)
class AudioCodec:
    """What FFmpeg calls a codec, and its two clocks."""

    decoder: str
    encoder: str
    rate: int
    """Samples per second."""
    clock: int
    """Of RTP timestamps; G.722 has 8000 by an old mistake (RFC 3551, section 4.5.2)."""


CODECS = {
    "opus": AudioCodec("libopus", "libopus", 48_000, 48_000),
    "pcmu": AudioCodec("pcm_mulaw", "pcm_mulaw", 8_000, 8_000),
    "pcma": AudioCodec("pcm_alaw", "pcm_alaw", 8_000, 8_000),
    "g722": AudioCodec("g722", "g722", 16_000, 8_000),
}


def codec_named(name: str) -> AudioCodec:
    """A codec by its name in small letters. Raises `CodecUnavailableError`."""
    codec = CODECS.get(name)
    if codec is None:
        raise CodecUnavailableError(name, "there is no decoder or encoder for it")
    return codec


class AudioDecoder:
    """Packets in, mono samples at the codec's rate out."""

    def __init__(self, name: str) -> None:
        self.codec = codec_named(name)
        self._context = cast(AudioCodecContext, av.CodecContext.create(self.codec.decoder, "r"))
        self._context.sample_rate = self.codec.rate
        # Opus says itself whether it is stereo, and libopus decodes either to both channels.
        self._context.layout = "stereo" if name == "opus" else "mono"
        if self.codec.decoder != "g722":
            self._context.format = "s16"

    def decode(self, payload: bytes) -> Samples:
        """The samples of a packet. Raises `av.error.FFmpegError`."""
        parts = []
        for frame in self._context.decode(av.Packet(payload)):
            channels = len(frame.layout.channels)
            samples = frame.to_ndarray().reshape(-1, channels)
            parts.append(samples[:, 0] if channels == 1 else samples.mean(axis=1, dtype=np.float32).astype(np.int16))
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)


class AudioEncoder:
    """Blocks of `samples` mono samples at the codec's rate in, packets out."""

    def __init__(self, name: str, *, bitrate: int = 24_000, loss: int = START_LOSS) -> None:
        """`bitrate` (bit/s) and `loss` (percent) are of Opus."""
        self.codec = codec_named(name)
        self.samples = self.codec.rate * FRAME_MILLISECONDS // 1000
        """Of each block."""
        self.ticks = self.codec.clock * FRAME_MILLISECONDS // 1000
        """Of the RTP clock in each block."""
        self.open(bitrate, loss)

    def open(self, bitrate: int, loss: int) -> None:
        """Begins anew."""
        self._context = cast(AudioCodecContext, av.CodecContext.create(self.codec.encoder, "w"))
        self._context.sample_rate = self.codec.rate
        self._context.layout = "mono"
        self._context.format = "s16"
        if self.codec.encoder == "libopus":
            self._context.bit_rate = bitrate
            self._context.options = {"application": "voip", "frame_duration": str(FRAME_MILLISECONDS), "fec": "1"}
            self._context.options |= {"packet_loss": str(loss), "compression_level": "5"}
        self._position = 0

    def encode(self, samples: Samples) -> bytes:
        """A packet's payload; empty while the encoder waits for more."""
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self.codec.rate
        frame.pts = self._position
        self._position += samples.size
        return b"".join(bytes(packet) for packet in self._context.encode(frame))


class Resampler:
    """Mono samples from one rate to another, by libswresample, as many as there is time in them.

    It looks ahead by 1 to 2 ms, so that the first samples are fewer. These are made up for by silence before them: what
    fills a packet that comes in fills one that goes out, which would wait for the next packet otherwise.
    """

    def __init__(self, source: int, target: int) -> None:
        self._same = source == target
        self._source, self._target = source, target
        self._begins = True
        self._resampler = AudioResampler(format="s16", layout="mono", rate=target)

    def resample(self, samples: Samples) -> Samples:
        """What comes of these samples now."""
        if self._same or not samples.size:
            return samples
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._source
        parts = [each.to_ndarray().reshape(-1) for each in self._resampler.resample(frame)]
        if self._begins:
            self._begins = False
            lacking = samples.size * self._target // self._source - sum(part.size for part in parts)
            parts.insert(0, np.zeros(max(0, lacking), np.int16))
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)
