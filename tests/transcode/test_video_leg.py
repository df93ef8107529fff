"""Legs for pictures: every codec in, and out; hostile media ends at most the leg that it went to."""

from __future__ import annotations

import contextlib
import gc
import os
import random
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import av
import pytest

from bridge.errors import BridgeError
from bridge.leg_cpus import AUTO, choose_cpus
from bridge.transcode import rtp, video_codecs
from bridge.transcode.messages import CodecSpec, Start
from bridge.transcode.picture_input import PictureInput
from bridge.transcode.video import VideoTranscoder
from tests.support.media import BLUE, GREEN, identity_of_picture
from tests.support.processes import children, cpus, libraries, open_files
from tests.transcode.harness import (
    SOURCE_TYPE,
    TARGET_SSRC,
    Camera,
    LegUnderTest,
    Screen,
    leg,
    packetise,
    spec,
    supervisor,
    until,
)

THIN_SSRC = 3333


async def shows(under_test: LegUnderTest, camera: Camera, screen: Screen, pictures: int = 5) -> None:
    """Waits until so many pictures of the camera's colour have come out of the leg, one after the other."""

    def recent() -> bool:
        last = screen.pictures[-pictures:]
        return len(last) == pictures and all(identity_of_picture(one) is camera.identity for one in last)

    def step() -> None:
        payloads = camera.payloads()
        if payloads:
            under_test.send_frame(payloads)
        if not screen.pictures:
            # As every receiver does that begins to watch.
            under_test.send(rtp.write_keyframe_request(1, TARGET_SSRC))
        under_test.read()
        screen.show(under_test.received)

    screen.pictures.clear()
    await until(recent, step)


@pytest.mark.parametrize("source", ["vp8", "vp9", "h264", "av1"])
@pytest.mark.parametrize("target", ["vp8", "vp9", "h264", "av1"])
async def test_every_codec_comes_out_in_every_one(source: str, target: str) -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec(source, target)) as under_test:
            await shows(under_test, Camera(source, GREEN), Screen(target))
            assert legs.restarts == 0


@pytest.mark.parametrize("target", ["vp8", "vp9", "h264", "av1"])
async def test_no_thread_of_an_encoder_leaves_the_cpus_of_legs(target: str) -> None:
    wanted = choose_cpus(AUTO, 1)
    async with supervisor(max=1, cpus=wanted) as legs:
        with leg(legs, spec("h264", target)) as under_test:
            await shows(under_test, Camera("h264", GREEN), Screen(target))
            assert under_test.leg.pid is not None
            assert cpus(under_test.leg.pid) == {wanted}
            assert legs.cpus == len(wanted)


@pytest.mark.parametrize("codec", ["h263-1998", "h263"])
async def test_old_equipments_pictures_go_in_and_out(codec: str) -> None:
    async with supervisor(max=1) as legs:
        for source, target in ((codec, "vp8"), ("vp8", codec)):
            with leg(legs, spec(source, target, profile="cif")) as under_test:
                screen = Screen(target)
                await shows(under_test, Camera(source, GREEN, 640, 480), screen)
                # Pixels that are not square become so.
                expected = (352, 288) if target == codec else (384, 288)
                assert (screen.pictures[-1].width, screen.pictures[-1].height) == expected


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264", "av1"])
def test_a_picture_that_is_too_large_is_no_end_of_those_that_are_not(
    codec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_codecs, "MAX_PIXELS", 320 * 240)
    decoded = PictureInput((CodecSpec(codec, SOURCE_TYPE, 90_000),), lambda _datagram: None)
    sequence, shown = 0, list[av.VideoFrame]()
    for count, size in enumerate([(320, 240), (640, 480), (640, 480), (320, 240)]):
        camera, payloads = Camera(codec, GREEN, *size), list[bytes]()
        while not payloads:
            # A keyframe each time.
            payloads = camera.payloads()
        for index, payload in enumerate(payloads):
            marker = index == len(payloads) - 1
            decoded.take(rtp.write(SOURCE_TYPE, sequence, count * 3600, 1, payload, marker=marker), count / 25)
            sequence += 1
        shown += [each.picture for each in decoded.pictures(count / 25)]
    assert [(picture.width, picture.height) for picture in shown] == [(320, 240)] * 2
    assert decoded.errors == 2


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264"])
def test_a_shared_screen_of_many_pixels_is_decoded(codec: str) -> None:
    decoded = PictureInput((CodecSpec(codec, SOURCE_TYPE, 90_000),), lambda _datagram: None)
    camera, payloads = Camera(codec, GREEN, 3840, 2160), list[bytes]()
    while not payloads:
        payloads = camera.payloads()
    for sequence, payload in enumerate(payloads):
        marker = sequence == len(payloads) - 1
        decoded.take(rtp.write(SOURCE_TYPE, sequence, 0, 1, payload, marker=marker), 0.0)
    assert [(each.picture.width, each.picture.height) for each in decoded.pictures(0.0)] == [(3840, 2160)]


async def test_h263_of_another_size_is_not_taken() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("h263-1998", "vp8")) as under_test:
            camera = Camera("h263+", GREEN)

            def step() -> None:
                under_test.send_frame(camera.payloads())
                under_test.read()

            await until(lambda: under_test.leg.stats.get("errors", 0) > 5, step)
            assert not under_test.received


@pytest.mark.parametrize("target", ["vp8", "vp9", "h264", "av1"])
async def test_a_picture_of_a_few_pixels_comes_out(target: str) -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", target)) as under_test:
            camera, screen = Camera("vp8", GREEN, 32, 18), Screen(target)

            def step() -> None:
                under_test.send_frame(camera.payloads())
                under_test.read()
                screen.show(under_test.received)

            await until(lambda: len(screen.pictures) > 2, step)


async def test_high_profile_is_what_it_says() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", "h264", profile="high")) as under_test:
            camera, sets = Camera("vp8", GREEN, 640, 480), list[bytes]()

            def step() -> None:
                under_test.send_frame(camera.payloads())
                under_test.read()
                sets.extend(packet.payload for packet in under_test.received if packet.payload[0] & 31 == 24)

            await until(lambda: bool(sets), step)
            # In the first unit of the aggregated ones: profile_idc of a sequence parameter set.
            assert (sets[0][3] & 31, sets[0][4]) == (7, 100)
            await shows(under_test, camera, Screen("h264"))


async def test_packets_of_mode_0_are_whole_slices() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", "h264", mode=0), bitrate=1_000_000) as under_test:
            camera, kinds = Camera("vp8", GREEN, 640, 480), set[int]()

            def step() -> None:
                under_test.send_frame(camera.payloads())
                under_test.read()
                kinds.update(packet.payload[0] & 31 for packet in under_test.received)

            await until(lambda: len(under_test.received) > 50, step)
            assert kinds <= {1, 5, 6, 7, 8}


async def test_a_lost_packet_is_asked_for_and_then_a_keyframe() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("h264", "vp8")) as under_test:
            camera, screen = Camera("h264", GREEN), Screen("vp8")
            camera.context.gop_size = 1000  # type: ignore[attr-defined]
            await shows(under_test, camera, screen)
            under_test.requests = 0
            under_test.sequence += 1
            camera.payloads()

            def step() -> None:
                under_test.send_frame(camera.payloads())
                under_test.read()

            await until(lambda: under_test.requests > 0, step)


@pytest.mark.parametrize("target", ["vp9", "h264", "av1"])
async def test_the_size_follows_the_bitrate_in_the_same_stream(target: str) -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", target), bitrate=800_000) as under_test:
            camera, screen = Camera("vp8", GREEN, 640, 360), Screen(target)
            await shows(under_test, camera, screen)
            assert screen.pictures[-1].width == 640
            ssrcs = set[int]()
            under_test.leg.set_bitrate(100_000)

            def step() -> None:
                under_test.send_frame(camera.payloads())
                under_test.read()
                ssrcs.update(packet.ssrc for packet in under_test.received)
                screen.show(under_test.received)

            await until(lambda: screen.pictures[-1].width == 320, step)
            assert ssrcs == {TARGET_SSRC}
            under_test.leg.set_bitrate(800_000)
            await until(lambda: screen.pictures[-1].width == 640, step)


async def test_a_thin_encoding_comes_beside_the_main_one_and_is_one_stream_though_the_leg_is_killed() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, replace(spec("vp8", "vp8"), thin_ssrc=THIN_SSRC), bitrate=800_000) as under_test:
            camera, main, thin = Camera("vp8", GREEN, 640, 360), Screen("vp8"), Screen("vp8")
            await shows(under_test, camera, main)
            sequences: dict[int, list[int]] = {TARGET_SSRC: [], THIN_SSRC: []}

            def step() -> None:
                under_test.send_frame(camera.payloads())
                under_test.read()
                for packet in under_test.received:
                    sequences[packet.ssrc].append(packet.sequence)
                main.show([each for each in under_test.received if each.ssrc == TARGET_SSRC])
                thin.show([each for each in under_test.received if each.ssrc == THIN_SSRC])
                under_test.received.clear()

            # The keyframes that were asked for to begin with have come.
            await until(
                lambda: len(main.pictures) > 15 and not any(each.key_frame for each in main.pictures[-8:]), step
            )
            before = len(main.pictures)
            under_test.leg.set_bitrate(800_000, 80_000)
            await until(lambda: len(thin.pictures) > 5, step)
            assert {(each.width, each.height) for each in thin.pictures} == {(320, 180)}
            # Who has the main encoding notices nothing of it: not a keyframe, not a gap, not another size.
            assert not any(each.key_frame for each in main.pictures[before:])
            assert main.pictures[-1].width == 640
            first, *_, last = sequences[TARGET_SSRC]
            assert sequences[TARGET_SSRC] == list(range(first, last + 1))
            under_test.leg.set_bitrate(800_000)
            await until(lambda: under_test.leg.stats.get("thin_sequence", 0) > sequences[THIN_SSRC][-1], step)
            assert under_test.leg.pid is not None
            os.kill(under_test.leg.pid, signal.SIGKILL)
            under_test.leg.set_bitrate(800_000, 80_000)
            before = len(sequences[THIN_SSRC])
            await until(lambda: len(sequences[THIN_SSRC]) > before + 5, step)
            assert sequences[THIN_SSRC] == sorted(set(sequences[THIN_SSRC]))


def mutated(payload: bytes, chance: random.Random) -> bytes:
    """A payload with some of its bytes changed, cut off, or doubled."""
    data = bytearray(payload)
    for _ in range(chance.randrange(1, 20)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    end = chance.choice((len(data), chance.randrange(1, len(data) + 1)))
    return bytes(data[:end]) * chance.choice((1, 1, 1, 2))


def hostile_frames(codec: str, camera: Camera, chance: random.Random) -> Callable[[LegUnderTest], None]:
    """What an attacker might send next, in the form of a step."""

    def step(under_test: LegUnderTest) -> None:
        frame = camera.frame()
        match chance.randrange(8):
            case 0:
                under_test.send(chance.randbytes(chance.randrange(0, 300)))
            case 1:
                under_test.send_frame([b""])
            case 2:
                under_test.send_frame([chance.randbytes(chance.randrange(1, 1100)) for _ in range(3)])
            case 3:
                # A keyframe of 16,383 × 16,383 pixels, by VP8's frame header; to the others it is noise.
                absurd = bytes([0x10, 0x02, 0x00, 0x9D, 0x01, 0x2A, 0xFF, 0x3F, 0xFF, 0x3F]) + frame[10:]
                under_test.send_frame(packetise("vp8", absurd), ticks=chance.choice((3600, -900_000, 1 << 30)))
            case 4:
                under_test.sequence += chance.choice((1, 500, 30_000))
            case _ if frame:
                under_test.send_frame([mutated(payload, chance) for payload in packetise(codec, frame, camera.blocks)])

    return step


@pytest.mark.parametrize("codec", ["vp8", "vp9", "h264", "av1", "h263-1998", "h263"])
async def test_hostile_media_ends_at_most_its_own_leg(codec: str) -> None:
    async with supervisor(max=2) as legs:
        with leg(legs, spec(codec, "vp8")) as victim, leg(legs, spec("vp8", "h264")) as other:
            other_camera, other_screen = Camera("vp8", BLUE), Screen("h264")
            await shows(other, other_camera, other_screen)
            camera, chance, steps = Camera(codec, GREEN), random.Random(5), 0
            hostile = hostile_frames(codec, camera, chance)

            def step() -> None:
                nonlocal steps
                steps += 1
                for _ in range(10):
                    hostile(victim)
                victim.read()
                other.send_frame(other_camera.payloads())
                other.read()
                other_screen.show(other.received)

            await until(lambda: steps >= 60, step)
            victim.received.clear()
            assert other.leg.restarts == 0
            await shows(other, other_camera, other_screen)
            if victim.ended.code is None:
                await shows(victim, Camera(codec, GREEN), Screen("vp8"))


@pytest.mark.parametrize("target", ["vp8", "vp9", "h264", "av1", "h263-1998"])
async def test_a_senders_clock_that_leaps_ends_nothing(target: str) -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", target)) as under_test:
            camera, screen = Camera("vp8", GREEN), Screen(target)
            await shows(under_test, camera, screen)
            for leap in (-(1 << 30), 1 << 30, (1 << 31) - 1, -90_000):
                under_test.timestamp = (under_test.timestamp + leap) % (1 << 32)
                await shows(under_test, camera, screen)
            assert under_test.leg.restarts == 0


async def test_a_leg_that_dies_again_and_again_is_given_up() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", "h264")) as under_test:
            killed = set[int]()

            def kill() -> None:
                pid = under_test.leg.pid
                if pid is not None and pid not in killed:
                    killed.add(pid)
                    os.kill(pid, signal.SIGKILL)

            await until(lambda: under_test.ended.code is not None, kill)
            assert under_test.ended.code == "leg_failed"
            assert (legs.failures, legs.running) == (1, 0)


async def test_a_decoder_that_hangs_is_ended() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", "h264")) as under_test:
            await until(lambda: under_test.leg.pid is not None, lambda: None)
            assert under_test.leg.pid is not None
            os.kill(under_test.leg.pid, signal.SIGPROF)
            await until(lambda: under_test.leg.restarts == 1, lambda: None)
            await shows(under_test, Camera("vp8", GREEN), Screen("h264"))


async def test_a_launcher_that_is_killed_is_there_again_for_the_next_leg() -> None:
    async with supervisor(max=2) as legs:
        with leg(legs, spec("vp8", "h264")) as first:
            await shows(first, Camera("vp8", GREEN), Screen("h264"))
            assert legs.launcher_pid is not None
            os.kill(legs.launcher_pid, signal.SIGKILL)
            with leg(legs, spec("vp8", "h264")) as second:
                await shows(second, Camera("vp8", BLUE), Screen("h264"))
            await shows(first, Camera("vp8", GREEN), Screen("h264"))
            assert first.leg.restarts == 0


async def test_what_legs_load_is_loaded_once() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", "h264")) as under_test:
            await shows(under_test, Camera("vp8", GREEN), Screen("h264"))
        assert legs.launcher_pid is not None
        assert any(name.startswith("libopenh264") for name in libraries(legs.launcher_pid))


async def test_signals_that_are_for_the_bridge_end_no_leg() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", "h264")) as under_test:
            await shows(under_test, Camera("vp8", GREEN), Screen("h264"))
            for pid in (legs.launcher_pid, under_test.leg.pid):
                assert pid is not None
                for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                    os.kill(pid, number)
            await shows(under_test, Camera("vp8", GREEN), Screen("h264"))
            assert under_test.leg.restarts == 0


def all_run(every: list[LegUnderTest]) -> bool:
    return all(each.leg.pid is not None for each in every)


async def test_twenty_times_four_legs_leave_nothing_behind() -> None:
    # What tests before this one have not let go of yet.
    gc.collect()
    async with supervisor(max=4) as legs:
        assert legs.launcher_pid is not None
        ours, launcher = os.getpid(), legs.launcher_pid
        after_first: dict[int, int] = {}

        def as_after_the_first() -> bool:
            return all(open_files(pid) <= count for pid, count in after_first.items())

        for _ in range(20):
            with contextlib.ExitStack() as running:
                four = [running.enter_context(leg(legs, spec("vp8", "h264"))) for _ in range(4)]
                await until(partial(all_run, four), lambda: None)
            await until(lambda: not children(launcher), lambda: None)
            after_first = after_first or {pid: open_files(pid) for pid in (ours, launcher)}
            # The launcher may be about to close what it has handed on.
            await until(as_after_the_first, lambda: None)
        assert (legs.started, legs.restarts, legs.running) == (80, 0, 0)


async def test_the_budget_refuses_what_is_beyond_it() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("vp8", "h264")):
            with pytest.raises(BridgeError) as refused, leg(legs, spec("vp8", "h264")):
                pass
            assert refused.value.code == "legs_exhausted"
        with leg(legs, spec("vp8", "h264")) as again:
            await shows(again, Camera("vp8", GREEN), Screen("h264"))


async def test_a_codec_that_nobody_has_is_said() -> None:
    async with supervisor(max=1) as legs:
        with leg(legs, spec("theora", "vp8")) as under_test:
            await until(lambda: under_test.ended.code is not None, lambda: None)
            assert under_test.ended.code == "codec_unavailable"


def test_reports_keep_sound_and_picture_in_step() -> None:
    sent: list[bytes] = []
    source, target = CodecSpec("vp8", 100, 90_000), CodecSpec("h264", 101, 90_000)
    transcoder = VideoTranscoder(Start("video", (source,), target, 2222, 300_000, 1, timestamp_offset=70), sent.append)
    report = rtp.write_sender_report(rtp.SenderReport(1111, 77 << 32, 3000), 1, 1)
    frame = [
        rtp.write(100, number, 3600, 1111, payload, marker=False)
        for number, payload in enumerate(Camera("vp8", GREEN).payloads())
    ]
    # The next frame's beginning is the end of this one, too.
    transcoder.handle([report, *frame, rtp.write(100, len(frame), 7200, 1111, b"", marker=True)], 0.0)
    transcoder.handle([report], 0.0)
    packets = [rtp.parse(datagram) for datagram in sent if not rtp.is_rtcp(datagram)]
    reports = [each for datagram in sent if rtp.is_rtcp(datagram) for each in rtp.parse_rtcp(datagram)]
    assert {packet.timestamp for packet in packets} == {3670}
    # None before there is a stream to report of.
    assert reports == [rtp.SenderReport(2222, 77 << 32, 3070)]
