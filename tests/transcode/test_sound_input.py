"""One voice on its way into a mix, in virtual time: it waits for no longer than its packets vary, and is not torn."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from bridge.transcode import rtp
from bridge.transcode.audio_codecs import AudioEncoder
from bridge.transcode.messages import CodecSpec
from bridge.transcode.mix import SAMPLE_RATE, Block, Mixer
from bridge.transcode.sound_input import BLOCK_SECONDS, SoundInput
from scripts.leg_benches import mixing

GOAL = 0.04
"""Seconds that sound is late by its mix on a clean line, whatever the codecs and wherever packets fall."""
CODEC_NAMES = ("opus", "g722", "pcmu", "pcma")
PHASES = (0.0139, 0.0141)
"""Seconds after a block of the mix: here there is the most and the least to be waited for."""
HERTZ = 700.0
OCTETS_A_SECOND = 8000
BEGUN = 3.0
LOUD = 0.1


class Voice:
    """A tone in mu-law through a jitter buffer, block by block."""

    def __init__(self, packet: float = 0.02, clock: float = 1.0, phase: float = 0.0151) -> None:
        """`packet` in seconds; by the sender's `clock`; `phase`: seconds after a block at which packets come."""
        self.source = SoundInput((CodecSpec("pcmu", 0, OCTETS_A_SECOND),), lambda _datagram: None)
        self._encoder, self._packet, self._clock, self._phase = AudioEncoder("pcmu"), packet, clock, phase
        self.blocks: list[Block | None] = []

    def hears(self, seconds: float, late: Callable[[int], float | None] = lambda _number: 0.0) -> None:
        """From the beginning; `late` says by how many seconds a packet is, and None of one that is lost."""
        octets = round(self._packet * OCTETS_A_SECOND)
        coming = []
        for number in range(int(seconds * self._clock / self._packet) + 1):
            behind, at = late(number), number * octets + np.arange(octets)
            samples = (np.sin(2 * np.pi * HERTZ * at / OCTETS_A_SECOND) * 8_000).astype(np.int16)
            datagram = rtp.write(0, number, number * octets, 7, self._encoder.encode(samples), marker=False)
            if behind is not None:
                coming.append((BEGUN + self._phase + number * self._packet / self._clock + behind, datagram))
        coming.sort()
        now = BEGUN
        for _ in range(int(seconds / BLOCK_SECONDS)):
            now += BLOCK_SECONDS
            while coming and coming[0][0] <= now:
                came, datagram = coming.pop(0)
                self.source.take(datagram, came, came)
                self.source.decode(came)
            self.blocks.append(self.source.block(now))

    @property
    def holes(self) -> list[int]:
        """Blocks without the tone at its loudness somewhere, after the first that was heard."""
        begins = next(number for number, block in enumerate(self.blocks) if block is not None)
        found = []
        for number, block in enumerate(self.blocks[begins + 1 :], begins + 1):
            quiet = block is None or min(np.abs(part).max() for part in block.reshape(4, -1)) < LOUD
            if quiet:
                found.append(number)
        return found


@pytest.mark.parametrize(("source", "target"), list(itertools.product(CODEC_NAMES, repeat=2)))
def test_a_clean_line_is_late_by_its_mix_no_more_than_the_goal(source: str, target: str) -> None:
    assert max(mixing.delay(source, target, phase) for phase in PHASES) <= GOAL


@pytest.mark.parametrize("packet", [0.01, 0.02, 0.04, 0.06])
def test_packets_of_any_length_wait_for_less_than_a_block_and_leave_no_hole(packet: float) -> None:
    voice = Voice(packet)
    voice.hears(10.0)
    assert voice.holes == []
    # From its first sample taken up, and so the length of the packet is in it.
    assert voice.source.delay <= packet + 1.5 * BLOCK_SECONDS


@pytest.mark.parametrize("clock", [1.002, 0.998])
def test_another_clock_is_no_hole_and_no_delay(clock: float) -> None:
    voice = Voice(clock=clock)
    voice.hears(60.0)
    assert voice.holes == []
    assert voice.source.delay <= 3 * BLOCK_SECONDS


def test_a_packet_that_is_lost_is_bridged_in_its_place() -> None:
    voice, without = Voice(), Voice()
    voice.hears(10.0, lambda number: None if number == 300 else 0.0)
    without.hears(10.0)
    assert voice.source.gaps == 1
    assert len(voice.holes) <= 2
    assert {number for number in voice.holes if not 300 <= number <= 303} == set()
    # What comes after it is where it had been otherwise.
    for block, other in zip(voice.blocks[310:], without.blocks[310:], strict=True):
        assert block is not None
        assert other is not None
        np.testing.assert_allclose(block, other, atol=0.01)


def test_who_came_too_late_once_is_waited_for_the_next_time() -> None:
    voice = Voice()
    voice.hears(10.0, lambda number: 0.05 if number in {300, 330, 350, 370} else 0.0)
    assert {number for number in voice.holes if not 300 <= number <= 306} == set()


def test_a_voice_that_stops_or_is_torn_goes_and_comes_without_a_step() -> None:
    voice, mixer = Voice(), Mixer(level=False)
    voice.hears(6.0, lambda number: None if 100 <= number < 200 or number == 250 else 0.0)
    mixer.add("a")
    mixed = []
    for block in voice.blocks:
        mixer.feed({"a": block})
        mixed.append(mixer.everyone())
    heard = np.concatenate(mixed)
    steepest = 2 * np.pi * HERTZ / SAMPLE_RATE * np.abs(heard).max()
    assert np.abs(np.diff(heard)).max() < 1.5 * steepest
    # Four seconds of six, but for what was learned of the line in the beginning.
    assert sum(np.abs(block).max() > LOUD for block in mixed) >= 195


@pytest.mark.parametrize("held", [0.5, 0.9, 3.0])
def test_what_a_line_held_up_is_caught_up_with_in_seconds(held: float) -> None:
    voice = Voice()
    stands, goes_on = 3.0, 3.0 + held
    # All that was held up comes at once.
    voice.hears(goes_on + 5.0, lambda number: max(0.0, goes_on - number * 0.02) if number * 0.02 > stands else 0.0)
    assert {number for number in voice.holes if number * BLOCK_SECONDS > goes_on + 0.1} == set()
    assert voice.source.delay <= 0.3
