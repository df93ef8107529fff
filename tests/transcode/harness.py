"""A leg in its process with a test in the place of the core: packets in by UDP on loopback, packets out."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from bridge.sfu.legs import AnyLegSpec, LegCodec, LegSpec
from bridge.transcode import rtp
from bridge.transcode.assembly import FrameAssembler
from bridge.transcode.payload import DEPACKETISE, MAX_PAYLOAD, h263, h264, vp8
from bridge.transcode.supervisor import LegSettings, LegSupervisor, SupervisedLeg
from bridge.transcode.video_codecs import decoder
from tests.support.media import Identity
from tests.support.patience import PATIENCE
from tests.transcode.svt_av1 import go_like_others

SOURCE_SSRC = 1111
TARGET_SSRC = 2222
SOURCE_TYPE = 100
TARGET_TYPE = 101
FRAME_TICKS = 3600


def video(name: str) -> LegCodec:
    """A picture's codec as a source."""
    return LegCodec(name, SOURCE_TYPE, 90_000)


def spec(source: str, target: str, mode: int = 1, profile: str = "") -> LegSpec:
    """A leg for pictures."""
    made = LegCodec(target, TARGET_TYPE, 90_000, packetization_mode=mode, profile=profile)
    return LegSpec("video", (video(source),), made, TARGET_SSRC)


class Ended:
    """A `LegListener` that remembers."""

    def __init__(self) -> None:
        self.code: str | None = None

    def on_leg_ended(self, code: str) -> None:
        self.code = code


@dataclass
class LegUnderTest:
    """One leg and the socket that stands for its transport."""

    core: socket.socket
    media: socket.socket
    leg: SupervisedLeg
    ended: Ended
    sequence: int = 1000
    timestamp: int = 5000
    received: list[rtp.RtpPacket] = field(default_factory=list)
    requests: int = 0
    """Keyframe requests that came."""

    def send_frame(self, payloads: list[bytes], *, ticks: int = FRAME_TICKS) -> None:
        """A frame as a publisher sends it."""
        self.timestamp = (self.timestamp + ticks) % (1 << 32)
        for index, payload in enumerate(payloads):
            marker = index == len(payloads) - 1
            self.send(rtp.write(SOURCE_TYPE, self.sequence, self.timestamp, SOURCE_SSRC, payload, marker=marker))
            self.sequence += 1

    def send(self, datagram: bytes) -> None:
        """Anything at all."""
        with contextlib.suppress(ConnectionRefusedError):
            self.core.send(datagram)

    def read(self) -> None:
        """Takes in what has come."""
        while True:
            try:
                datagram = self.core.recv(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            if not rtp.is_rtcp(datagram):
                self.received.append(rtp.parse(datagram))
            else:
                self.requests += sum(isinstance(each, rtp.KeyframeRequest) for each in rtp.parse_rtcp(datagram))


@contextlib.asynccontextmanager
async def supervisor(
    max: int,  # noqa: A002 - as the setting is called
    cpus: frozenset[int] | None = None,
) -> AsyncIterator[LegSupervisor]:
    """Legs of a bridge without the bridge."""
    made = LegSupervisor(LegSettings(max=max, cpus=cpus))
    made.start()
    try:
        yield made
    finally:
        made.close()


@contextlib.contextmanager
def leg(legs: LegSupervisor, what: AnyLegSpec, bitrate: int = 300_000) -> Iterator[LegUnderTest]:
    """A leg that runs."""
    with socket.socket(type=socket.SOCK_DGRAM) as core, socket.socket(type=socket.SOCK_DGRAM) as media:
        for one in (core, media):
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            one.bind(("127.0.0.1", 0))
        core.connect(media.getsockname())
        media.connect(core.getsockname())
        core.setblocking(False)
        ended = Ended()
        made = legs.reserve(what, bitrate, ended)
        assert isinstance(made, SupervisedLeg)
        made.connect(media)
        try:
            yield LegUnderTest(core, media, made, ended)
        finally:
            made.stop()


async def until(condition: Callable[[], bool], each: Callable[[], None], guard: float = PATIENCE) -> None:
    """Does `each` about 50 times a second until `condition` is true; `guard` only keeps a broken test from hanging."""
    async with asyncio.timeout(guard):
        while not condition():
            each()
            await asyncio.sleep(0.02)


def picture(identity: Identity, count: int, width: int = 320, height: int = 240) -> av.VideoFrame:
    """A plain picture in the identity's colour with a moving bar, yuv420p."""
    pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = identity.colour
    x = count * 4 % (width - 16)
    pixels[:16, x : x + 16] = 255
    return av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")


_ENCODERS = {
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "vp9": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "h264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}),
    "h263-1998": ("h263", {}),
    # What FFmpeg says of where packets may begin; it is a table that the packetiser is given.
    "h263": ("h263", {"mb_info": "100"}),
    # Of another size than old equipment has.
    "h263+": ("h263p", {}),
    "av1": ("libsvtav1", {"preset": "12", "svtav1-params": "pred-struct=1:lookahead=0:lp=1"}),
}


class Camera:
    """An encoder that none of our code is part of, and the payloads of its frames."""

    def __init__(self, codec: str, identity: Identity, width: int = 320, height: int = 240) -> None:
        name, options = _ENCODERS[codec]
        if name == "h263":
            # It has few sizes.
            width, height = 352, 288
        self.codec, self.identity, self.size = codec, identity, (width, height)
        self.context = av.CodecContext.create(name, "w")
        assert isinstance(self.context, av.VideoCodecContext)
        self.context.width, self.context.height, self.context.pix_fmt = width, height, "yuv420p"
        self.context.framerate = Fraction(25)
        if codec != "av1":
            # SVT-AV1 in its low-delay mode wants none.
            self.context.bit_rate = 200_000
        self.context.gop_size = 10
        self.context.options = options
        if name.startswith("h263"):
            self.context.time_base = Fraction(1, 25)
        if codec == "av1":
            self.context.open()
            go_like_others()
        self.count = 0
        self.blocks: list[h263.Block] = []
        """Where packets may begin in the last frame of H.263."""

    def frame(self) -> bytes:
        """The next frame; empty while the encoder waits for more."""
        assert isinstance(self.context, av.VideoCodecContext)
        shown = picture(self.identity, self.count, *self.size)
        shown.pts, shown.time_base = self.count, Fraction(1, 25)
        self.count += 1
        packets = self.context.encode(shown)
        for packet in packets:
            told = packet.get_sidedata("h263_mb_info") if packet.has_sidedata("h263_mb_info") else b""
            self.blocks = h263.Block.parse_all(bytes(told))
        return b"".join(bytes(packet) for packet in packets)

    def payloads(self) -> list[bytes]:
        """The next frame as it rides in packets."""
        return packetise(self.codec, self.frame(), self.blocks)


def packetise(codec: str, frame: bytes, blocks: Sequence[h263.Block] = ()) -> list[bytes]:
    """A frame in payloads, as publishers do it."""
    if not frame:
        return []
    match codec:
        case "h263":
            return h263.packetise_2190(frame, blocks, MAX_PAYLOAD)
        case "h263-1998" | "h263+":
            return h263.packetise(frame, MAX_PAYLOAD)
        case "vp8":
            return vp8.packetise(frame, 7, MAX_PAYLOAD)
        case "h264":
            return h264.packetise(frame, MAX_PAYLOAD, fragments=True)
        case "vp9":
            parts = [frame[at : at + MAX_PAYLOAD] for at in range(0, len(frame), MAX_PAYLOAD)]
            marks = [0x08 * (i == 0) | 0x04 * (i == len(parts) - 1) for i in range(len(parts))]
            return [bytes([mark]) + part for mark, part in zip(marks, parts, strict=True)]
        case _:
            return _av1(frame)


def _av1(frame: bytes) -> list[bytes]:
    """One element, cut into fragments, without the temporal delimiter; OBUs keep their sizes, which is allowed."""
    obus = list(_obus(frame))
    payloads = []
    for obu in obus:
        parts = [obu[at : at + MAX_PAYLOAD] for at in range(0, len(obu), MAX_PAYLOAD)]
        for index, part in enumerate(parts):
            flags = 0x80 * (index > 0) | 0x40 * (index < len(parts) - 1) | 0x10
            payloads.append(bytes([flags]) + part)
    return payloads


def _obus(frame: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(frame):
        begin, size, shift = at, 0, 0
        at += 2 if frame[at] & 4 else 1
        while True:
            size |= (frame[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not frame[at - 1] & 0x80:
                break
        at += size
        if frame[begin] >> 3 & 15 != 2:
            yield frame[begin:at]


class Screen:
    """What a receiver sees: packets in, whose picture it is out."""

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self._decoder = decoder(codec)
        self._assembler = FrameAssembler()
        self.pictures: list[av.VideoFrame] = []

    def show(self, packets: list[rtp.RtpPacket]) -> None:
        """Decodes all of them, in order."""
        for now, packet in enumerate(packets):
            self._assembler.push(packet, float(now))
            for frame in self._assembler.frames(float(now)):
                with contextlib.suppress(av.error.FFmpegError):
                    self.pictures += self._decoder.decode(av.Packet(DEPACKETISE[self.codec](frame.payloads)))
        packets.clear()
