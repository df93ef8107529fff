"""What the swarm saw: its report's lines, and figures over a window of the run."""

from __future__ import annotations

from dataclasses import dataclass, field

from loadtest.measure import percentile
from loadtest.swarm.native import Line

Buckets = dict[float, int]
"""Delays: how many by the upper end of their bucket, in seconds."""

_FEWEST_VOICES = 2
"""A bridge may forward the three loudest only; each of these three hears the two others."""


@dataclass(frozen=True)
class Figures:
    """Of all participants over a window. Seconds, unless the name says otherwise; None where nothing was seen."""

    participants: int
    connected: int
    """Whose media paths stood at the end."""
    silent_streams: int
    """Streams that should have been received by those who were connected, and were not."""
    failures: list[str]
    join_p50: float | None
    join_p95: float | None
    first_frame_p50: float | None
    first_frame_p95: float | None
    packets_up_per_second: float
    packets_down_per_second: float
    bitrate_up: float
    """Bit/s of a participant on average, both connections, without headers of IP and UDP."""
    bitrate_down: float
    residual_loss: float
    """Share of media packets that never came, retransmissions counted as come."""
    audio_delay_p50: float | None
    audio_delay_p95: float | None
    audio_delay_p99: float | None
    video_delay_p50: float | None
    video_delay_p95: float | None
    video_delay_p99: float | None
    frames_per_second: float
    """Of each received picture."""
    freezes: int
    frozen_share: float
    """Of the window, over all pictures."""
    longest_freeze: float
    audio_gaps: int
    late: float
    """How far the swarm itself fell behind its timetable at most."""
    swarm_cpu: float
    """CPU seconds of the swarm per second."""


@dataclass
class Outcome:
    """Gathers lines as they come."""

    size: int
    """Participants of a room, each of whom is to receive sound and pictures of all others."""
    names: set[str] = field(default_factory=set)
    participants: dict[str, list[Line]] = field(default_factory=dict)
    """Each one's lines, the last one last."""
    threads: dict[int, list[Line]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def note(self, line: Line) -> None:
        """Takes a line."""
        if line["type"] == "participant":
            self.participants.setdefault(line["name"], []).append(line)
        elif line["type"] == "thread":
            self.threads.setdefault(line["thread"], []).append(line)
        elif line["type"] == "failure":
            self.failures[line["name"]] = line["message"]
        elif line["type"] == "ended":
            self.interrupted = line["interrupted"]

    @property
    def connected(self) -> int:
        """Participants whose media paths stand now."""
        return sum(lines[-1]["connected"] for lines in self.threads.values())

    def figures(self, begin: float = 0.0) -> Figures:
        """Figures from `begin` (seconds after the start) to the end."""
        ends = [(_at(lines, begin), lines[-1]) for lines in self.participants.values()]
        seconds = max((last["at"] - first["at"] for first, last in ends), default=0.0) or 1.0
        joined = [last for _, last in ends if last["connect_time"] is not None]

        def grown(part: str, name: str) -> float:
            return float(sum(last[part][name] - first[part][name] for first, last in ends))

        expected, received = grown("down", "expected"), grown("down", "received")
        pictures = sum(last["down"]["pictures"] for last in joined)
        audio, video = self._delays("audio_delays", begin), self._delays("video_delays", begin)
        joins = sorted(last["connect_time"] for last in joined)
        firsts = sorted(first for last in joined if (first := _first_frame(last)) is not None)
        threads = [(_at(lines, begin), lines[-1]) for lines in self.threads.values()]
        return Figures(
            participants=len(ends),
            connected=self.connected,
            silent_streams=sum(self._silent(last["down"]) for last in joined),
            failures=[f"{name}: {message}" for name, message in sorted(self.failures.items())],
            join_p50=_percentile(joins, 50),
            join_p95=_percentile(joins, 95),
            first_frame_p50=_percentile(firsts, 50),
            first_frame_p95=_percentile(firsts, 95),
            packets_up_per_second=grown("up", "packets") / seconds,
            packets_down_per_second=grown("down", "packets") / seconds,
            bitrate_up=grown("up", "bytes") * 8 / seconds / max(1, len(ends)),
            bitrate_down=grown("down", "bytes") * 8 / seconds / max(1, len(ends)),
            residual_loss=max(0.0, 1 - received / expected) if expected else 0.0,
            audio_delay_p50=quantile(audio, 0.5),
            audio_delay_p95=quantile(audio, 0.95),
            audio_delay_p99=quantile(audio, 0.99),
            video_delay_p50=quantile(video, 0.5),
            video_delay_p95=quantile(video, 0.95),
            video_delay_p99=quantile(video, 0.99),
            frames_per_second=grown("down", "frames") / seconds / pictures if pictures else 0.0,
            freezes=round(grown("down", "freezes")),
            frozen_share=grown("down", "frozen") / seconds / pictures if pictures else 0.0,
            longest_freeze=max((last["down"]["longest_freeze"] for _, last in ends), default=0.0),
            audio_gaps=round(grown("down", "audio_gaps")),
            late=max(
                (line["late"] for lines in self.threads.values() for line in lines if line["at"] > begin), default=0.0
            ),
            swarm_cpu=sum(last["cpu"] - first["cpu"] for first, last in threads) / seconds,
        )

    def _silent(self, down: Line) -> int:
        pictures, sounds = self.size - 1, min(self.size - 1, _FEWEST_VOICES)
        return max(0, pictures - int(down["pictures"])) + max(0, sounds - int(down["sounds"]))

    def _delays(self, name: str, begin: float) -> Buckets:
        buckets: Buckets = {}
        for lines in self.threads.values():
            for line in lines:
                for upper, count in line[name] if line["at"] > begin else ():
                    buckets[upper] = buckets.get(upper, 0) + count
        return buckets


def quantile(buckets: Buckets, share: float) -> float | None:
    """The upper end of the bucket below which the share (0 to 1) of all lies."""
    wanted = sum(buckets.values()) * share
    seen = 0
    for upper, count in sorted(buckets.items()):
        seen += count
        if seen >= wanted and count:
            return upper
    return None


def _first_frame(line: Line) -> float | None:
    """The first picture, or the first sound where there was no picture."""
    first: float | None = line["first_picture"] if line["first_picture"] is not None else line["first_sound"]
    return first


def _at(lines: list[Line], begin: float) -> Line:
    """The last line until `begin`, or the first one."""
    return next((line for line in reversed(lines) if line["at"] <= begin), lines[0])


def _percentile(values: list[float], percent: float) -> float | None:
    return percentile(values, percent) if values else None
