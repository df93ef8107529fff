"""How late sound in a mix is, and how much of it is not what was sent, in virtual time.

There is a voice, its line, and one who listens. All that is looked at is what comes out: where in what was sent a part
of it is found again, and whether it is at all.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from bridge.transcode import rtp
from bridge.transcode.audio_codecs import CODECS, AudioDecoder, AudioEncoder, Samples
from bridge.transcode.messages import CodecSpec, Mix, MixOutput, Sound, Voice, Voices
from bridge.transcode.mixing import SoundMixer

DELAY_HEAD = "| from | to | delay, ms, in the best phase | in the worst | mean |\n|---|---|---|---|---|"
LINE_HEAD = (
    "| line | loss, % | made up, of 1000 | beyond what was lost | delay p50, ms | p95, ms |\n|---|---|---|---|---|---|"
)
PACKET = 0.02
RATE = 48_000
PHASES = (0.00001, *(number / 1000 for number in range(1, 20)), 0.01999)
"""Seconds after a block of the mix at which packets come."""
SETTLED = 10.0
"""Seconds after which a clean line is looked at."""
SECONDS = 120.0
"""Of each line with jitter."""
SKIPPED = 250
"""Packets of a line with jitter at which nobody looks: 5 s."""
LONGEST = 0.4
"""Seconds back in which a packet is looked for."""
ALIKE = 0.8
"""Correlation from which what is heard is what was said."""
BEFORE = 0.0071
"""Seconds from a block of the mix to the fastest packet of a line with jitter."""
BEGUN = 1000.0
JITTERS = (0, 5, 20, 50)
LOSSES = (0, 3)

Line = Callable[[random.Random], float]
"""Seconds that a packet is later than the fastest."""


@lru_cache(1)
def speech(seconds: float) -> Samples:
    """Noise in the band of a telephone, at 48 kHz: no part of it is like another."""
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(hertz < 300) | (hertz > 3000)] = 0
    noise = np.fft.irfft(spectrum, count)
    samples: Samples = (noise / noise.std() * 3000).clip(-32_000, 32_000).astype(np.int16)
    return samples


@lru_cache(len(CODECS))
def payloads(codec: str, seconds: float) -> list[bytes]:
    """The same in packets."""
    encoder = AudioEncoder(codec)
    sound = at_rate(speech(seconds).astype(np.float64), RATE, encoder.codec.rate).astype(np.int16)
    return [
        encoder.encode(block)
        for block in sound[: sound.size // encoder.samples * encoder.samples].reshape(-1, encoder.samples)
    ]


def at_rate(samples: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """Without any delay."""
    count = samples.size * wanted // rate
    return np.fft.irfft(np.fft.rfft(samples)[: count // 2 + 1], count) * (count / samples.size)


class Heard:
    """One voice through a mixer, and what comes of it."""

    def __init__(self, source: str, target: str, seconds: float, arrivals: Sequence[tuple[float, int]]) -> None:
        """`arrivals`: when which packet comes, in seconds after `BEGUN`, in that order."""
        sent: list[bytes] = []
        mixer = SoundMixer(Mix(300_000, 40, 0), sent.append)
        voice = Voice("a", (Sound(7, (CodecSpec(source, 100, CODECS[source].clock),)),))
        mixer.follow(Voices((voice,), (MixOutput(55, CodecSpec(target, 101, CODECS[target].clock), None),)))
        said, clock = payloads(source, seconds), CODECS[source].clock
        decoder = AudioDecoder(target)
        self.rate = decoder.codec.rate
        self.blocks: list[Samples] = []
        self.times: list[float] = []
        """When each was sent."""
        coming = iter([(BEGUN + at, number) for at, number in arrivals])
        upcoming = next(coming, None)
        now = BEGUN
        while upcoming is not None:
            # As the loop of a leg does: it wakes for what comes, and for the next block.
            block = now + mixer.next_step(now) if mixer.next_step(now) else now + 1e-6
            now = min(upcoming[0], block + 1e-6)
            datagrams = []
            while upcoming is not None and upcoming[0] <= now:
                number = upcoming[1]
                stamp = round(number * PACKET * clock)
                datagrams.append(rtp.write(100, number & 0xFFFF, stamp, 7, said[number], marker=number == 0))
                upcoming = next(coming, None)
            mixer.handle(datagrams, now)
            for datagram in sent:
                if not rtp.is_rtcp(datagram):
                    self.blocks.append(decoder.decode(rtp.parse(datagram).payload))
                    self.times.append(now - BEGUN)
            sent.clear()


def delay(source: str, target: str, phase: float) -> float:
    """Seconds from a packet's arrival to the mix with it, on a clean line."""
    seconds = SETTLED + 2
    arrivals = [(phase + number * PACKET, number) for number in range(len(payloads(source, seconds)))]
    heard = Heard(source, target, seconds, arrivals)
    last = at_rate(np.concatenate(heard.blocks[-50:]).astype(np.float64), heard.rate, RATE)
    said = speech(seconds).astype(np.float64)
    size = 2 * said.size
    alike = np.fft.irfft(np.fft.rfft(said, size) * np.conj(np.fft.rfft(last, size)), size)[: said.size]
    # A packet that comes, or goes, at a time ends there.
    return heard.times[-1] - last.size / RATE - (int(alike.argmax()) / RATE + phase - PACKET)


def delays(names: Iterable[str] = ("opus", "g722", "pcmu")) -> Iterator[str]:
    """A line of the table for each way."""
    for source, target in itertools.product(names, repeat=2):
        found = [1000 * delay(source, target, phase) for phase in PHASES]
        yield f"| {source} | {target} | {min(found):.1f} | {max(found):.1f} | {sum(found) / len(found):.1f} |"


def uniform(spread: float) -> Line:
    """Anything up to so many seconds, each as likely."""
    return lambda chance: chance.uniform(0, spread)


def exponential(mean: float) -> Line:
    """Mostly little, and now and then much more."""
    return lambda chance: chance.expovariate(1 / mean) if mean else 0.0


def line(name: str, late: Line, loss: float, *, ordered: bool, seconds: float = SECONDS, seed: int = 3) -> str:
    """A line of the table: mu-law both ways, which leaves a wave as it was."""
    chance = random.Random(seed)
    arrivals, before = [], 0.0
    for number in range(len(payloads("pcmu", seconds))):
        at = number * PACKET + BEFORE + late(chance)
        before = at = max(before, at) if ordered else at
        if chance.random() >= loss:
            arrivals.append((at, number))
    heard = Heard("pcmu", "pcmu", seconds, sorted(arrivals))
    said = at_rate(speech(seconds).astype(np.float64), RATE, 8000)
    found, count, heard_until = [], 0, 0
    for block, at in zip(heard.blocks[SKIPPED:], heard.times[SKIPPED:], strict=True):
        # In the time of what was sent: the packet that was the fastest ends when it comes.
        end = round((at - BEFORE + PACKET) * 8000)
        for half, wanted in enumerate(np.split(block.astype(np.float64), 2)):
            count += 1
            begin = max(0, end - round(LONGEST * 8000))
            window = said[begin:end]
            power = np.convolve(window**2, np.ones(wanted.size), "valid")
            likeness = np.correlate(window, wanted, "valid") / np.sqrt(power * (wanted**2).sum() + 1e-9)
            best = int(likeness.argmax())
            # What was heard before, and comes again, is made up.
            if likeness[best] >= ALIKE and begin + best >= heard_until:
                heard_until = begin + best + wanted.size - 1
                found.append(1000 * (end - begin - best - (2 - half) * wanted.size) / 8000)
    p50, p95 = np.percentile(found, [50, 95])
    lost = 1 - len(arrivals) / len(payloads("pcmu", seconds))
    share = 1000 * (1 - len(found) / count)
    return f"| {name} | {100 * lost:.1f} | {share:.1f} | {share - 1000 * lost:.1f} | {p50:.1f} | {p95:.1f} |"


def lines() -> Iterator[str]:
    """Jitter without and with loss."""
    for loss in LOSSES:
        for jitter in JITTERS:
            yield line(f"0 to {jitter} ms, out of order", uniform(jitter / 1000), loss / 100, ordered=False)
        for jitter in JITTERS[1:]:
            yield line(f"0 to {jitter} ms, in order", uniform(jitter / 1000), loss / 100, ordered=True)
            yield line(
                f"exponential, mean {jitter / 2:g} ms, in order", exponential(jitter / 2000), loss / 100, ordered=True
            )
