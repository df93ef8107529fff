"""The process that records, with a test in the place of the core: packets in by UDP, encrypted WebM out."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import random
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import av
import pytest

from bridge.transcode import rtp
from bridge.transcode.messages import CodecSpec
from bridge.transcode.payload import vp8
from bridge.transcode.recorder.leg import RecorderLeg
from bridge.transcode.recorder.messages import AddTrack
from bridge.transcode.recording import KeyRing, Recording, RecordingStore, StoreSettings, new_key_line
from tests.transcode.harness import supervisor, until
from tests.transcode.recording.material import FRAME_RATE, packets

PICTURE, SOUND = 1111, 2222
VP8, OPUS = CodecSpec("vp8", 96, 90_000), CodecSpec("opus", 111, 48_000, 2)
SECONDS = 4


@dataclass
class UnderTest:
    """A leg, and the socket that stands for its transport."""

    core: socket.socket
    leg: RecorderLeg
    store: RecordingStore
    recording: Recording
    streams: list[str] = field(default_factory=list)
    ended: str | None = None
    requests: int = 0
    sequences: dict[int, int] = field(default_factory=lambda: {PICTURE: 100, SOUND: 200})

    def on_stream(self, stream: str, name: str, at: float) -> None:
        self.streams.append(name)

    def on_recorder_ended(self, code: str) -> None:
        self.ended = code

    turned: int | None = None
    """The video orientation that pictures come with."""

    def send(self, ssrc: int, payload_type: int, timestamp: int, payloads: list[bytes]) -> None:
        extension = None if self.turned is None or ssrc != PICTURE else (1, bytes([self.turned]))
        for index, payload in enumerate(payloads):
            last = index == len(payloads) - 1
            sequence = self.sequences[ssrc]
            said = extension if last else None
            self.core.send(rtp.write(payload_type, sequence, timestamp, ssrc, payload, marker=last, extension=said))
            self.sequences[ssrc] += 1

    def read(self) -> None:
        with contextlib.suppress(BlockingIOError, ConnectionRefusedError):
            while datagram := self.core.recv(2048):
                self.requests += sum(isinstance(each, rtp.KeyframeRequest) for each in rtp.parse_rtcp(datagram))

    def pictures(self, stream: str) -> int:
        """Pictures that FFmpeg decodes of a stream."""
        content = b"".join(self.store.export(self.recording.id, stream))
        with av.open(io.BytesIO(content), "r") as container:
            return len(list(container.decode(video=0))) if container.streams.video else 0


@contextlib.asynccontextmanager
async def recording(folder: Path) -> AsyncIterator[UnderTest]:
    (folder / "keys").write_text(new_key_line("1") + "\n")
    store = RecordingStore(StoreSettings(folder / "recordings", 1e6), KeyRing.read(folder / "keys"))
    async with supervisor(max=2) as legs:
        with (
            socket.socket(type=socket.SOCK_DGRAM) as core,
            socket.socket(type=socket.SOCK_DGRAM) as media,
            store.create(0.0) as made,
        ):
            for one in (core, media):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
                one.bind(("127.0.0.1", 0))
            core.connect(media.getsockname())
            media.connect(core.getsockname())
            core.setblocking(False)
            listener = UnderTest(core, None, store, made)  # type: ignore[arg-type]
            listener.leg = RecorderLeg(legs, made, media, listener, time.monotonic())
            try:
                yield listener
            finally:
                await listener.leg.finish()


def feeder(test: UnderTest, kinds: tuple[str, ...] = ("video", "audio"), begin: float = 0.0) -> Callable[[], None]:
    """Sends the material in real time, over and over, each time that it is called as much as is due.

    There is no end to it: on a busy machine the process is there when a few seconds of it would be over.
    """
    material = [packet for packet in packets(SECONDS) if packet.kind in kinds]
    rounds = ((number, packet) for number in itertools.count() for packet in material)
    number, packet = next(rounds)
    zero = time.monotonic()
    pictures = 0

    def feed() -> None:
        nonlocal number, packet, pictures
        while (at := number * SECONDS + packet.timestamp) <= time.monotonic() - zero:
            if packet.kind == "video":
                payloads = vp8.packetise(packet.data, pictures, 1100)
                test.send(PICTURE, 96, round((begin + at) * 90_000), payloads)
                pictures += 1
            else:
                test.send(SOUND, 111, round((begin + at) * 48_000), [packet.data])
            number, packet = next(rounds)
        test.read()

    return feed


def written(test: UnderTest, count: int) -> Callable[[], bool]:
    """Whether so many units were recorded, by the leg's own word."""
    return lambda: test.leg.report is not None and test.leg.report.frames >= count


async def test_a_picture_and_its_sound_are_recorded_into_one_file_and_it_asks_for_a_keyframe(tmp_path: Path) -> None:
    async with recording(tmp_path) as test:
        test.leg.add_track(AddTrack("track-1", "video", PICTURE, (VP8,)))
        test.leg.add_track(AddTrack("track-1", "audio", SOUND, (OPUS,)))
        await until(lambda: test.requests > 0, test.read)
        await until(written(test, SECONDS * FRAME_RATE // 2 + 60), feeder(test))
        await test.leg.finish()
        assert test.streams == ["track-1"]
        assert test.pictures("track-1") > SECONDS * FRAME_RATE // 4
        assert test.leg.restarts == 0


async def test_a_camera_that_comes_later_begins_a_file_with_both(tmp_path: Path) -> None:
    async with recording(tmp_path) as test:
        test.leg.add_track(AddTrack("track-1", "audio", SOUND, (OPUS,)))
        feed = feeder(test)
        await until(lambda: test.streams == ["track-1"], feed)
        test.leg.add_track(AddTrack("track-1", "video", PICTURE, (VP8,)))
        await until(lambda: len(test.streams) == 2, feed)
        await until(written(test, 80), feed)
        await test.leg.finish()
        assert test.streams == ["track-1", "track-1-part-2"]
        assert test.pictures("track-1") == 0
        assert test.pictures("track-1-part-2") > 0


async def test_a_sound_that_comes_later_begins_a_file_with_both_and_leaves_no_picture_out(tmp_path: Path) -> None:
    async with recording(tmp_path) as test:
        test.leg.add_track(AddTrack("track-1", "video", PICTURE, (VP8,)))
        test.leg.add_track(AddTrack("track-1", "audio", SOUND, (OPUS,)))
        # A microphone that is muted sends nothing.
        await until(lambda: test.streams == ["track-1"], feeder(test, ("video",)))
        asked = test.requests
        feed = feeder(test, begin=60.0)
        await until(lambda: len(test.streams) == 2, feed)
        assert test.requests > asked, "another file begins with a keyframe"
        await until(written(test, 200), feed)
        await test.leg.finish()
        assert test.leg.report is not None
        assert (test.streams, test.leg.restarts) == (["track-1", "track-1-part-2"], 0)
        second = b"".join(test.store.export(test.recording.id, "track-1-part-2"))
        with av.open(io.BytesIO(second), "r") as container:
            kinds = {frame.stream.type for frame in container.demux() if frame.size}
        assert kinds == {"video", "audio"}


async def test_a_phone_that_is_turned_begins_a_file_that_says_so(tmp_path: Path) -> None:
    async with recording(tmp_path) as test:
        test.leg.add_track(AddTrack("track-1", "video", PICTURE, (VP8,), 1))
        feed = feeder(test, ("video",))
        await until(lambda: test.streams == ["track-1"], feed)
        test.turned = 1
        await until(lambda: len(test.streams) == 2, feed)
        await test.leg.finish()
        turns = []
        for name in test.streams:
            with av.open(io.BytesIO(b"".join(test.store.export(test.recording.id, name))), "r") as container:
                turns.append(next(container.decode(video=0)).rotation)
        # FFmpeg counts counter-clockwise.
        assert turns == [0, -90]


async def test_whatever_comes_ends_at_worst_nothing(tmp_path: Path) -> None:
    source = random.Random(7)
    async with recording(tmp_path) as test:
        test.leg.add_track(AddTrack("track-1", "video", PICTURE, (VP8,)))
        test.leg.add_track(AddTrack("track-1", "audio", SOUND, (OPUS,)))
        await until(lambda: test.requests > 0, test.read)
        for _ in range(300):
            test.core.send(source.randbytes(source.randrange(1, 300)))
            test.send(PICTURE, 96, source.getrandbits(32), [bytes([0x90]) + source.randbytes(40)])
            test.send(SOUND, 111, source.getrandbits(32), [source.randbytes(source.randrange(0, 40))])
            forged = rtp.SenderReport(source.choice([PICTURE, SOUND]), source.getrandbits(64), source.getrandbits(32))
            test.core.send(rtp.write_sender_report(forged, 1, 1))
        test.sequences = {PICTURE: 30_000, SOUND: 30_000}
        await until(written(test, 200), feeder(test))
        await until(lambda: any(name.startswith("track-1") for name in test.streams), test.read)
        await test.leg.finish()
        assert test.leg.restarts == 0
        assert sum(test.pictures(name) for name in test.streams) > 0


async def test_without_room_it_ends_and_what_was_recorded_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with recording(tmp_path) as test:
        test.leg.add_track(AddTrack("track-1", "video", PICTURE, (VP8,)))
        feed = feeder(test, ("video",))
        await until(written(test, 20), feed)
        # A successor of the process is told anew how much has to be left: more than any disk has.
        monkeypatch.setattr(test.recording, "minimum_free", 1 << 60)
        assert test.leg.pid is not None

        os.kill(test.leg.pid, signal.SIGKILL)
        feed = feeder(test, ("video",), begin=60.0)
        await until(lambda: test.ended is not None, feed)
        assert test.ended == "recording_no_space"
        assert test.pictures("track-1") > 0
