"""A leg that makes sound, in its process."""

from __future__ import annotations

import itertools
import os
import signal

from bridge.sfu.legs import LegCodec, LegSpec, MixSpec, SceneOutput, SoundScene
from bridge.transcode.supervisor import SEQUENCE_MARGIN
from tests.transcode.harness import SOURCE_TYPE, TARGET_SSRC, TARGET_TYPE, leg, supervisor, until
from tests.transcode.test_audio import repeats, voice

SPOKEN = 200
"""Packets."""


async def test_it_is_told_what_is_lost_and_so_is_its_successor() -> None:
    spec = LegSpec("audio", (LegCodec("pcma", SOURCE_TYPE, 8_000),), LegCodec("opus", TARGET_TYPE, 48_000), TARGET_SSRC)
    packets = voice(3 * SPOKEN)
    sent = 0
    async with supervisor(max=1) as legs:
        with leg(legs, spec) as under_test:

            def say() -> None:
                nonlocal sent
                under_test.send(packets[sent % len(packets)])
                sent += 1
                under_test.read()

            def plain() -> bool:
                """Whether nothing has been repeated lately: what was on its way was made before it was told."""
                lately = under_test.received[-SPOKEN:]
                return len(lately) == SPOKEN and not any(repeats(packet.payload) for packet in lately)

            # Laid out for some loss until anything is known of it.
            await until(lambda: any(repeats(packet.payload) for packet in under_test.received), say)
            under_test.leg.set_loss(0)
            await until(plain, say)
            before = under_test.leg.pid
            assert before is not None
            os.kill(before, signal.SIGKILL)
            await until(lambda: under_test.leg.pid not in (None, before), under_test.read)
            under_test.received.clear()
            await until(plain, say)


async def test_a_mix_that_does_not_send_silence_is_one_stream_though_its_process_is_killed() -> None:
    output = SceneOutput(TARGET_SSRC, LegCodec("opus", TARGET_TYPE, 48_000), None)
    async with supervisor(max=1) as legs:
        with leg(legs, MixSpec(), bitrate=50_000) as under_test:
            under_test.leg.set_scene(SoundScene((), (output,)))
            packets = under_test.received
            # Long enough for the process to say where it is.
            await until(lambda: len(packets) >= 40 and under_test.leg.stats != {}, under_test.read)
            before, known = under_test.leg.pid, len(packets)
            assert before is not None
            os.kill(before, signal.SIGKILL)
            await until(lambda: under_test.leg.pid not in (None, before), under_test.read)
            await until(lambda: len(packets) >= known + 40, under_test.read)
            steps = [(b.sequence - a.sequence) % (1 << 16) for a, b in itertools.pairwise(packets)]
            times = [(b.timestamp - a.timestamp) % (1 << 32) for a, b in itertools.pairwise(packets)]
    # It has left blocks out, and no number but where its successor began.
    assert max(times) > 960
    assert sorted(steps)[-2] == 1
    assert 1 < max(steps) <= SEQUENCE_MARGIN + 1
