"""Voices come to one loudness; pauses, noise and extremes do not drive the gain."""

import numpy as np
import pytest

from bridge.transcode.mix import BLOCK, SAMPLE_RATE, Block, Leveller, decibels, silence
from bridge.transcode.mix.levelling import FALL, MAX_GAIN, MIN_GAIN, RISE, TARGET


def speech(level: float, seconds: float, seed: int = 1) -> list[Block]:
    """Noise of this level (dB) that comes and goes as syllables do, with pauses that let the background be known."""
    generator = np.random.default_rng(seed)
    blocks = []
    for index in range(int(seconds * SAMPLE_RATE / BLOCK)):
        loud = index % 25 < 17
        block = generator.normal(size=BLOCK).astype(np.float32)
        blocks.append(block * np.float32(10 ** ((level if loud else -70.0) / 20.0)))
    return blocks


def after(leveller: Leveller, blocks: list[Block]) -> Block:
    return [leveller.process(block) for block in blocks][10]


@pytest.mark.parametrize("level", [-34.0, -28.0, -23.0, -15.0, -9.0])
def test_a_voice_comes_to_the_target(level: float) -> None:
    leveller = Leveller()
    after(leveller, speech(level, 15))
    out = after(leveller, speech(level, 1, seed=2))
    assert decibels(out) == pytest.approx(TARGET, abs=1.5)


def test_the_gain_is_bounded() -> None:
    quiet, loud = Leveller(), Leveller()
    after(quiet, speech(-45.0, 20))
    after(loud, speech(-1.0, 20))
    assert quiet.gain == pytest.approx(MAX_GAIN)
    assert loud.gain == pytest.approx(MIN_GAIN)


def test_it_moves_slowly() -> None:
    leveller = Leveller()
    gains = [0.0]
    for block in speech(-40.0, 4) + speech(-10.0, 4):
        leveller.process(block)
        gains.append(leveller.gain)
    steps = np.diff(gains) * SAMPLE_RATE / BLOCK
    assert steps.max() <= RISE + 1e-9
    assert steps.min() >= -FALL - 1e-9


def test_pauses_and_steady_noise_change_nothing() -> None:
    leveller = Leveller()
    after(leveller, speech(-30.0, 10))
    gain = leveller.gain
    for _ in range(500):
        assert not leveller.process(silence()).any()
    fan = np.random.default_rng(3).normal(size=BLOCK).astype(np.float32) * np.float32(0.01)
    noisy = Leveller()
    for _ in range(1500):
        noisy.process(fan)
    assert leveller.gain == gain
    assert noisy.gain < 3.0


def test_the_gain_has_no_steps() -> None:
    leveller = Leveller()
    out = np.concatenate(
        [leveller.process(np.full(BLOCK, level, dtype=np.float32)) for level in [0.001] * 5 + [0.02] * 50]
    )
    assert float(np.abs(np.diff(out[6 * BLOCK :])).max()) < 1e-4
