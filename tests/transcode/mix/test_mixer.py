"""Everyone hears everyone but themselves, without clipping and without clicks."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.transcode.mix import BLOCK, CEILING, SAMPLE_RATE, Block, Limiter, Mixer, MixError, decibels, silence
from bridge.transcode.mix.limiter import STEP
from bridge.transcode.mix.mixer import RAMP


def tone(hertz: float, blocks: int, amplitude: float = 0.1) -> list[Block]:
    at = np.arange(blocks * BLOCK) / SAMPLE_RATE
    return list((amplitude * np.sin(2 * np.pi * hertz * at)).astype(np.float32).reshape(blocks, BLOCK))


def power_at(samples: Block, hertz: float) -> float:
    """Share of the samples' amplitude at a frequency."""
    at = np.arange(len(samples)) / SAMPLE_RATE
    return float(2 * abs(np.dot(samples, np.exp(-2j * np.pi * hertz * at))) / len(samples))


def loudest_step(samples: Block) -> float:
    return float(np.abs(np.diff(samples)).max())


def test_each_hears_the_others_at_their_level_and_not_itself() -> None:
    tones = {"doctor": 500.0, "patient": 800.0, "interpreter": 1300.0}
    voices = {name: tone(hertz, 10) for name, hertz in tones.items()}
    mixer = Mixer(level=False)
    heard: dict[str, list[Block]] = {name: [] for name in tones}
    everyone = []
    for name in tones:
        mixer.add(name)
    for index in range(10):
        mixer.feed({name: voice[index] for name, voice in voices.items()})
        everyone.append(mixer.everyone())
        for name, mixes in heard.items():
            mixes.append(mixer.without(name))
    for name, mixes in heard.items():
        # The first block holds the ramps.
        samples = np.concatenate(mixes[1:])
        for other, hertz in tones.items():
            level = power_at(samples, hertz)
            assert level < 1e-6 if other == name else level == pytest.approx(0.1, rel=1e-3)
    assert all(
        power_at(np.concatenate(everyone[1:]), hertz) == pytest.approx(0.1, rel=1e-3) for hertz in tones.values()
    )


blocks_of_noise = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).uniform(-1.0, 1.0, BLOCK).astype(np.float32)
)


@settings(max_examples=50, deadline=None)
@given(
    voices=st.lists(st.lists(blocks_of_noise, min_size=3, max_size=3), min_size=1, max_size=8),
    scale=st.floats(0.001, 4),
)
def test_own_voice_is_absent_energy_is_conserved_and_nothing_clips(voices: list[list[Block]], scale: float) -> None:
    names = [str(index) for index in range(len(voices))]
    mixer = Mixer(level=False)
    for name in names:
        mixer.add(name)
    for index in range(3):
        blocks = {name: voice[index] * np.float32(scale) for name, voice in zip(names, voices, strict=True)}
        mixer.feed(blocks)
        for name in names:
            mix = mixer.without(name)
            assert float(np.abs(mix).max()) <= CEILING + 1e-6
            others = sum((block for other, block in blocks.items() if other != name), silence())
            if index > 0 and scale * len(voices) <= CEILING:
                # Nothing had to be limited: the mix is the plain sum of the others, to the rounding of float32.
                np.testing.assert_allclose(mix, others, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(blocks=st.lists(blocks_of_noise, min_size=1, max_size=5), gain=st.floats(0.01, 100))
def test_the_limiter_never_lets_more_than_its_ceiling_through(blocks: list[Block], gain: float) -> None:
    limiter = Limiter()
    for block in blocks:
        limited = limiter.process(block * np.float32(gain))
        assert float(np.abs(limited).max()) <= CEILING + 1e-6
        assert 0.0 < limiter.gain <= 1.0


def test_a_limited_tone_stays_a_tone() -> None:
    limiter = Limiter()
    limited = np.concatenate([limiter.process(block) for block in tone(500.0, 50, amplitude=3.0)])[10 * BLOCK :]
    level = power_at(limited, 500.0)
    rest = limited - level * np.sin(2 * np.pi * 500.0 * np.arange(len(limited)) / SAMPLE_RATE)
    assert level == pytest.approx(CEILING, rel=0.03)
    # A clipped sine of this size would have some 25 % of distortion.
    assert math.sqrt(float(np.mean(rest**2))) / (level / math.sqrt(2)) < 0.02


def test_the_limiter_leaves_quiet_sound_alone_and_comes_back() -> None:
    limiter = Limiter()
    quiet = tone(500.0, 1)[0]
    assert limiter.process(quiet) is quiet
    limiter.process(quiet * 30)
    assert limiter.gain < 0.5
    for _ in range(150):
        limiter.process(quiet)
    assert limiter.gain == 1.0
    with pytest.raises(ValueError, match="no multiple"):
        limiter.process(silence(STEP + 1))


def test_voices_come_and_go_without_a_click() -> None:
    """The samples change from one to the next no faster than the tone itself does, whatever happens to it."""
    voice = tone(300.0, 12, amplitude=0.5)
    # A cosine, so that every border of a block is a step from its very top.
    voice = list(np.roll(np.concatenate(voice), SAMPLE_RATE // 1200).reshape(12, BLOCK))
    mixer = Mixer(level=False)
    mixer.add("listener")
    out = []
    for index, block in enumerate(voice):
        if index == 2:
            mixer.add("voice")
        if index == 9:
            mixer.remove("voice")
        given = {"voice": None if index == 5 else block} if 2 <= index < 9 else {}
        mixer.feed(given)
        out.append(mixer.without("listener"))
    samples = np.concatenate(out)
    natural = loudest_step(np.concatenate(voice)[BLOCK:])
    assert loudest_step(samples) <= natural + 0.5 / RAMP + 1e-6
    assert decibels(out[0]) == -math.inf
    assert decibels(out[11]) == -math.inf
    assert decibels(out[4]) == pytest.approx(decibels(voice[4]), abs=0.1)


def test_a_voice_of_no_numbers_is_silence() -> None:
    mixer = Mixer(level=False)
    mixer.add("broken")
    mixer.feed({"broken": np.full(BLOCK, np.nan, dtype=np.float32)})
    assert decibels(mixer.everyone()) == -math.inf


def test_what_it_cannot_do_is_refused() -> None:
    mixer = Mixer()
    with pytest.raises(MixError) as unknown:
        mixer.without("nobody")
    assert unknown.value.code == "unknown_source"
    mixer.add("one")
    with pytest.raises(MixError) as shape:
        mixer.feed({"one": silence(480)})
    assert (shape.value.code, shape.value.field) == ("bad_block", "blocks['one']")
    for index in range(127):
        mixer.add(str(index))
    with pytest.raises(MixError) as full:
        mixer.add("one too many")
    assert full.value.code == "too_many_sources"
    with pytest.raises(MixError):
        Mixer(100)


def test_blocks_of_ten_milliseconds_do_as_well() -> None:
    mixer = Mixer(480, level=False)
    mixer.add("one")
    mixer.feed({"one": np.full(480, 0.1, dtype=np.float32)})
    assert mixer.everyone().shape == (480,)
