"""Plays a file over and over, picture and sound in step, on a clock that is handed in."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import av

from bridge.errors import BridgeError
from bridge.transcode.mix.blocks import BLOCK, SAMPLE_RATE, Block, silence
from bridge.transcode.mix.resampling import ToBlocks

_BLOCK_SECONDS = BLOCK / SAMPLE_RATE
MAX_AHEAD = 500
"""Pictures or blocks that are decoded ahead of the other kind at most: where a file has a gap, that kind waits."""


class FilePlayerError(BridgeError):
    """The file cannot be played. Code: `unplayable_file`."""


@dataclass(slots=True)
class Due:
    """What is to be shown and played by now, in order."""

    pictures: list[av.VideoFrame] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)


class FilePlayer:
    """A file as a source. A round is as long as the longer of picture and sound; sound is filled up with silence."""

    def __init__(self, path: Path) -> None:
        """Raises `FilePlayerError` for what FFmpeg cannot read or what has neither picture nor sound."""
        self._path = path
        self._pictures: deque[tuple[float, av.VideoFrame]] = deque()
        self._blocks: deque[Block] = deque()
        self._played = 0
        self._decoded = self._rounds()
        self._until = 0.0
        self._step()

    def due(self, now: float) -> Due:
        """What has become due by `now`, seconds since the beginning that never go back."""
        while self._until <= now + _BLOCK_SECONDS and max(len(self._pictures), len(self._blocks)) < MAX_AHEAD:
            self._step()
        due = Due()
        while self._pictures and self._pictures[0][0] <= now:
            due.pictures.append(self._pictures.popleft()[1])
        while self._blocks and self._played * _BLOCK_SECONDS <= now:
            due.blocks.append(self._blocks.popleft())
            self._played += 1
        return due

    def _step(self) -> None:
        self._until = next(self._decoded)

    def _rounds(self) -> Iterator[float]:
        """Decodes for ever; gives up to when both kinds are there, in seconds from the beginning."""
        begin = 0.0
        while True:
            end = begin
            for at in self._round(begin):
                end = max(end, at)
                yield at
            if end <= begin:
                raise FilePlayerError("unplayable_file", "The file has neither pictures nor sound.", field="file")
            begin = math.ceil(round(end / _BLOCK_SECONDS, 6)) * _BLOCK_SECONDS
            while (self._played + len(self._blocks)) * _BLOCK_SECONDS < begin - _BLOCK_SECONDS / 2:
                self._blocks.append(silence())

    def _round(self, begin: float) -> Iterator[float]:
        to_blocks = ToBlocks()
        try:
            with av.open(str(self._path), "r") as container:
                streams = [*container.streams.video[:1], *container.streams.audio[:1]]
                reached = dict.fromkeys((stream.type for stream in streams), begin)
                for packet in container.demux(streams) if streams else ():
                    for frame in packet.decode():
                        if isinstance(frame, av.VideoFrame):
                            at = begin + (frame.time or 0.0)
                            self._pictures.append((at, frame))
                            rate = packet.stream.average_rate or 25
                            reached["video"] = at + 1.0 / float(rate)
                        elif isinstance(frame, av.AudioFrame):
                            self._blocks += to_blocks.push(frame)
                            reached["audio"] = (self._played + len(self._blocks)) * _BLOCK_SECONDS
                        yield min(reached.values())
                self._blocks += to_blocks.flush()
                yield max([*reached.values(), (self._played + len(self._blocks)) * _BLOCK_SECONDS])
        except (av.error.FFmpegError, OSError, ValueError) as error:
            why = type(error).__name__ if not isinstance(error, OSError) else error.strerror
            raise FilePlayerError("unplayable_file", f"The file cannot be played: {why}.", field="file") from None
