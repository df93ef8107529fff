"""Frames of any codec become blocks and back, at their pitch and level."""

import av
import numpy as np
import pytest

from bridge.transcode.mix import BLOCK, SAMPLE_RATE, BlockBuffer, FromBlocks, ToBlocks, from_int16, to_int16


def frame_of(samples: np.ndarray, rate: int, layout: str = "mono") -> av.AudioFrame:
    frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
    frame.sample_rate = rate
    return frame


def pitch(samples: np.ndarray, rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("layout", ["mono", "stereo"])
def test_a_tone_keeps_pitch_and_level(rate: int, layout: str) -> None:
    made = ToBlocks()
    blocks = []
    channels = 2 if layout == "stereo" else 1
    samples = rate // 50
    for index in range(50):
        at = (index * samples + np.arange(samples)) / rate
        mono = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
        blocks += made.push(frame_of(np.repeat(mono, channels).reshape(1, -1), rate, layout))
    blocks += made.flush()
    out = np.concatenate(blocks)[: SAMPLE_RATE - BLOCK]
    assert all(block.shape == (BLOCK,) and block.dtype == np.float32 for block in blocks)
    assert pitch(out, SAMPLE_RATE) == pytest.approx(440, abs=2)
    assert float(np.abs(out[BLOCK:-BLOCK]).max()) == pytest.approx(8000 / 32767, rel=0.02)


def test_a_stream_may_change_its_rate() -> None:
    made = ToBlocks()
    blocks = []
    for rate in (8_000, 48_000, 16_000):
        for _ in range(10):
            blocks += made.push(frame_of(np.ones((1, rate // 50), dtype=np.int16), rate))
    assert 28 <= len(blocks) + 1 <= 30 + 1


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
def test_blocks_become_frames_for_an_encoder(rate: int) -> None:
    made = FromBlocks(rate=rate)
    frames = []
    for index in range(50):
        at = (index * BLOCK + np.arange(BLOCK)) / SAMPLE_RATE
        frames += made.push((0.25 * np.sin(2 * np.pi * 440 * at)).astype(np.float32))
    samples = np.concatenate([frame.to_ndarray().reshape(-1) for frame in frames])
    assert pitch(samples.astype(float), rate) == pytest.approx(440, abs=2)
    assert [frame.pts for frame in frames] == list(np.cumsum([0] + [frame.samples for frame in frames[:-1]]))


def test_the_buffer_cuts_blocks_and_is_bounded() -> None:
    buffer = BlockBuffer(100)
    buffer.push(np.arange(30, dtype=np.float32))
    assert buffer.pop() is None
    buffer.push(np.arange(30, 250, dtype=np.float32))
    first, second = buffer.pop(), buffer.pop()
    assert first is not None
    assert second is not None
    np.testing.assert_array_equal(np.concatenate([first, second]), np.arange(200, dtype=np.float32))
    for _ in range(100):
        buffer.push(np.zeros(1000, dtype=np.float32))
    assert len(buffer) <= SAMPLE_RATE
    assert buffer.dropped > 0


def test_samples_survive_the_way_to_sixteen_bits_and_back() -> None:
    samples = np.arange(-32767, 32768, dtype=np.int16)
    np.testing.assert_array_equal(to_int16(from_int16(samples)), samples)
    np.testing.assert_array_equal(to_int16(np.array([-2.0, 2.0], dtype=np.float32)), [-32767, 32767])
