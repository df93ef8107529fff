"""A leg that makes sound, in its process."""

from __future__ import annotations

import os
import signal

from bridge.sfu.legs import LegCodec, LegSpec
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
