"""Fills with silence what is missing of a recording's sound, while it is read to be given out.

Chromium plays packets of sound one behind the other, whatever their times are: after a microphone that was paused for
three seconds, sound would be three seconds before its picture until the end, and each lost packet would add to that.
On the disk stands what came; so recordings that were made earlier are given out in step as well.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from bridge.transcode.recording import ebml
from bridge.transcode.recording.elements import elements, time_and_blocks
from bridge.transcode.recording.webm import AUDIO_TRACK, CLUSTER, TIMESTAMP, encode_block, live_head

SILENT = b"\xf8\xff\xfe"
"""A packet of Opus of 20 ms in which nothing is heard, and which depends on nothing before it (RFC 6716)."""
SILENT_MS = 20
SAMPLES_PER_MS = 48
CLUSTER_PACKETS = 50
"""Of silence, at most: a second."""
_SILK_SAMPLES = (480, 960, 1920, 2880)
_HYBRID_SAMPLES = (480, 960)
_CELT_SAMPLES = (120, 240, 480, 960)
_HYBRID, _CELT = 12, 16
"""The first configuration of each kind."""


class _Gap(NamedTuple):
    """What is missing between two packets."""

    begins: int
    """In milliseconds of the recording."""
    packets: int
    """Of silence that fit."""


class _Packet(NamedTuple):
    """The newest one."""

    cluster: int
    """The number of the cluster that it is in."""
    timestamp: int
    """In milliseconds of the recording."""


class _Lasting(NamedTuple):
    """One that goes on into another cluster."""

    gap: _Gap
    until: int
    """The number of the cluster in which sound comes again."""


class SilenceFilled:
    """A recording as it is given out; each call gives it from its beginning, and the same even if it grows."""

    def __init__(self, chunks: Callable[[], Iterable[bytes]]) -> None:
        """`chunks` gives the recording from its beginning each time it is called."""
        self._chunks = chunks
        self._clusters: int | None = None
        """How many there are; None until they have been looked through."""
        self._within: dict[int, list[_Gap]] = {}
        """By the number of the cluster that holds what is before and behind them."""
        self._after: dict[int, _Lasting] = {}
        """By the number of the cluster that holds what is before them."""

    def __call__(self) -> Iterator[bytes]:
        """Its parts. Raises `RecordingError` for what was not written by `WebmWriter`."""
        if self._clusters is None:
            self._clusters = self._look_through()
        return self._parts(self._clusters)

    def _look_through(self) -> int:
        number = 0
        last: _Packet | None = None
        covered = 0
        """Samples until which sound lasts if packets are played one behind the other."""
        for identity, whole, body in elements(self._chunks()):
            if identity != CLUSTER:
                continue
            for block in time_and_blocks(whole, body)[1]:
                if block.track != AUDIO_TRACK:
                    continue
                begins = block.timestamp * SAMPLES_PER_MS
                if last is None:
                    covered = begins
                elif (missing := (begins - covered) // (SILENT_MS * SAMPLES_PER_MS)) > 0:
                    gap = _Gap(max(covered // SAMPLES_PER_MS, last.timestamp), missing)
                    covered += missing * SILENT_MS * SAMPLES_PER_MS
                    if last.cluster == number:
                        self._within.setdefault(number, []).append(gap)
                    else:
                        self._after[last.cluster] = _Lasting(gap, number)
                covered += opus_samples(whole[block.data : block.ends])
                last = _Packet(number, block.timestamp)
            number += 1
        return number

    def _parts(self, clusters: int) -> Iterator[bytes]:
        number = until = 0
        waiting: deque[tuple[int, bytes]] = deque()
        yield live_head()
        for identity, whole, body in elements(self._chunks()):
            if identity != CLUSTER:
                yield whole
                continue
            if number == clusters:
                return
            gaps = self._within.get(number)
            timestamp, blocks = time_and_blocks(whole, body) if waiting or gaps else (0, [])
            # In the order of time, but in any case before the sound that comes behind it.
            while waiting and (number == until or waiting[0][0] <= timestamp):
                yield waiting.popleft()[1]
            if gaps is None:
                yield whole
            else:
                timed = [(block.timestamp, whole[block.begins : block.ends]) for block in blocks]
                timed += (each for gap in gaps for each in _silence(gap, timestamp))
                timed.sort(key=lambda each: each[0])
                yield _cluster(timestamp, (block for _, block in timed))
            if number in self._after:
                gap, until = self._after[number]
                waiting.extend(_clusters(gap))
            number += 1


def opus_samples(packet: bytes) -> int:
    """How long a packet of Opus lasts, in samples at 48 kHz (RFC 6716, section 3.1); 0 for what makes no sense."""
    if not packet:
        return 0
    configuration, code = packet[0] >> 3, packet[0] & 3
    if configuration < _HYBRID:
        samples = _SILK_SAMPLES[configuration % 4]
    elif configuration < _CELT:
        samples = _HYBRID_SAMPLES[configuration % 2]
    else:
        samples = _CELT_SAMPLES[configuration % 4]
    if code < 3:
        return samples * (1 if code == 0 else 2)
    return samples * (packet[1] & 0x3F) if len(packet) > 1 else 0


def _silence(gap: _Gap, cluster: int) -> Iterator[tuple[int, bytes]]:
    """Blocks for a cluster of this time, each with its own."""
    for index in range(gap.packets):
        at = gap.begins + index * SILENT_MS
        yield at, encode_block(AUDIO_TRACK, at - cluster, SILENT, keyframe=True)


def _clusters(gap: _Gap) -> Iterator[tuple[int, bytes]]:
    for first in range(0, gap.packets, CLUSTER_PACKETS):
        begins = gap.begins + first * SILENT_MS
        part = _Gap(begins, min(CLUSTER_PACKETS, gap.packets - first))
        yield begins, _cluster(begins, (block for _, block in _silence(part, begins)))


def _cluster(timestamp: int, blocks: Iterable[bytes]) -> bytes:
    return ebml.element(CLUSTER, ebml.unsigned(TIMESTAMP, timestamp), *blocks)
