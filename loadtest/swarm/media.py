"""Media for the swarm: a man who talks, and speech, really encoded, once for this machine.

Clips are IVF files (VP80, H264 in Annex B form, OPUS) in a cache directory: `$XDG_CACHE_HOME/bridge-loadtest`, or
`~/.cache/bridge-loadtest`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import av
from av.audio.resampler import AudioResampler

from loadtest import clips
from loadtest.errors import InputError

_VERSION = 2
"""Of what is encoded how: another one leaves older clips alone."""
FRAME_RATE = 30
_FRAMES = 480
"""Sixteen seconds, played round and round: the film forwards and backwards, as it is shorter."""
_KEYFRAME_EVERY = 240
"""Frames. Whoever asks for a keyframe is sent the next one of the clip; the swarm plays on from there. Cameras send
none unasked, so that a clip should have few."""
_SAMPLE_RATE = 48_000
_SOUND_BITRATE = 32_000
_SIZES = ((150_000, (176, 144)), (700_000, (352, 288)), (10_000_000, (704, 576)))
"""Pictures of at most so many bit/s have this size."""
CODECS = {"vp8": (b"VP80", "libvpx"), "h264": (b"H264", "libx264")}


@dataclass(frozen=True)
class Frame:
    """An encoded frame."""

    time: int
    """In ticks of the clip."""
    data: bytes


def cache_folder() -> Path:
    """Where clips are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "bridge-loadtest" / f"clips-{_VERSION}"


def speech(folder: Path | None = None) -> Path:
    """A clip of speech in Opus. Raises `InputError` when it cannot be made."""
    folder = folder or cache_folder()
    tick = Fraction(1, _SAMPLE_RATE)
    return clips.made(
        folder / "speech-opus.ivf",
        lambda unfinished: _write(unfinished, b"OPUS", (0, 0), tick, _opus(folder)),
    )


def picture_size(bitrate: int) -> tuple[int, int]:
    """Width and height of pictures at a bitrate (bit/s)."""
    return next((size for most, size in _SIZES if bitrate <= most), _SIZES[-1][1])


def pictures(codec: str, bitrate: int, size: tuple[int, int] | None = None, folder: Path | None = None) -> Path:
    """A clip of a man who talks, in "vp8" or "h264" at a bitrate (bit/s). Raises `InputError` if it cannot be made."""
    if codec not in CODECS:
        raise InputError(f"codec: {codec!r} (expected one of {', '.join(CODECS)})")
    folder = folder or cache_folder()
    fourcc, encoder = CODECS[codec]
    width, height = size or picture_size(bitrate)
    name = f"talking-head-{codec}-{width}x{height}-{bitrate // 1000}k.ivf"
    tick = Fraction(1, FRAME_RATE)
    return clips.made(
        folder / name,
        lambda unfinished: _write(
            unfinished, fourcc, (width, height), tick, _encoded(encoder, bitrate, (width, height), folder)
        ),
    )


def _write(path: Path, fourcc: bytes, size: tuple[int, int], tick: Fraction, frames: Iterable[Frame]) -> None:
    """Writes an IVF file."""
    listed = list(frames)
    head = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, fourcc, *size, tick.denominator, tick.numerator, len(listed), 0)
    path.write_bytes(head + b"".join(struct.pack("<IQ", len(frame.data), frame.time) + frame.data for frame in listed))


def _encoded(encoder: str, bitrate: int, size: tuple[int, int], folder: Path) -> Iterator[Frame]:
    film = clips.film("talking-head", folder)
    assert film is not None
    context = av.CodecContext.create(encoder, "w")
    assert isinstance(context, av.VideoCodecContext)
    context.width, context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, FRAME_RATE)
    context.framerate = Fraction(FRAME_RATE)
    context.bit_rate = bitrate
    context.gop_size = _KEYFRAME_EVERY
    context.options = _options(encoder, bitrate)
    try:
        with av.open(str(film)) as source:
            shown = [picture.reformat(*size, format="yuv420p") for picture in source.decode(video=0)][:_FRAMES]
        turns = cycle([*shown, *shown[-2:0:-1]])
        for count, picture in enumerate(islice(turns, _FRAMES)):
            picture.pts, picture.time_base = count, context.time_base
            picture.pict_type = av.video.frame.PictureType.NONE
            yield from _frames(context.encode(picture))
        yield from _frames(context.encode(None))
    except (av.FFmpegError, OSError) as error:
        raise InputError(f"the film cannot be encoded by {encoder}: {error}") from None


def _options(encoder: str, bitrate: int) -> dict[str, str]:
    """As cameras' encoders are set: no look-ahead, no frames out of order, bursts of half a second at most."""
    rate = {"maxrate": str(bitrate), "bufsize": str(bitrate // 2)}
    if encoder == "libvpx":
        return {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0", **rate}
    return {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline", "x264-params": "annexb=1", **rate}


def _opus(folder: Path) -> Iterator[Frame]:
    recording = clips.recording("speech", folder)
    assert recording is not None
    context = av.CodecContext.create("libopus", "w")
    assert isinstance(context, av.AudioCodecContext)
    context.sample_rate = _SAMPLE_RATE
    context.layout = "stereo"
    context.format = av.AudioFormat("s16")
    context.bit_rate = _SOUND_BITRATE
    context.options = {"application": "voip", "frame_duration": "20"}
    samples = _SAMPLE_RATE // 50
    resampler = AudioResampler("s16", "stereo", _SAMPLE_RATE, frame_size=samples)
    count = 0
    with av.open(str(recording)) as source:
        for heard in source.decode(audio=0):
            for part in resampler.resample(heard):
                if part.samples != samples:
                    continue
                part.pts, part.time_base = count * samples, Fraction(1, _SAMPLE_RATE)
                yield from _frames(context.encode(part))
                count += 1


def _frames(packets: Iterable[av.Packet[Any]]) -> Iterator[Frame]:
    for packet in packets:
        if packet.size:
            yield Frame(max(0, packet.pts or 0), bytes(packet))
