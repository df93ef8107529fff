"""How good a call is over one line, as an estimate from what the bridge counts. Pure: figures in, ratings out.

Sound is rated by the E-model (ITU-T G.107) in the short form of Cole and Rosenbluth (2001): delay and loss take away
from a transmission factor R, which gives a mean opinion score. G.107 has no constants for Opus; the one here is chosen
so that sound without repair is no longer excellent at 2 % loss, and poor at 3 %. So it is an estimate: good for
comparing lines and for telling a bad one, not a measurement of speech.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bridge.sfu.types import MediaKind, QualityLevel, QualityReport

if TYPE_CHECKING:
    from bridge._core import TransportStats


R_MAX = 93.2
"""Transmission factor of a perfect line with the default values of G.107."""
LOSS_ROBUSTNESS = 10.0
"""Packet-loss robustness factor (Bpl) of Opus with concealment."""
CODEC_DELAY = 0.0665
"""Seconds that sound waits apart from the line: a frame of 20 ms, 6.5 ms of look-ahead, and 40 ms of jitter buffer."""
DELAY_KNEE = 0.1773
"""One-way delay from which a conversation suffers, in seconds."""
DEFAULT_ROUND_TRIP = 0.1
"""Seconds, where nobody has measured it."""
IN_TIME = 0.15
"""Round trip up to which a retransmission of sound comes before its turn, in seconds."""

SOUND_LEVELS = (3.6, 4.0)
"""Mean opinion scores from which a line is good, and excellent (ITU-T G.109: medium and high)."""
PICTURE_LEVELS = (0.05, 0.01)
"""Loss after repair up to which the picture is good, and excellent."""

WORSE_AFTER = 2
BETTER_AFTER = 3
"""Samples in a row that have to say so before a rating changes."""


@dataclass(frozen=True)
class Stream:
    """What was counted of a stream of sound or picture since the last sample."""

    kind: MediaKind
    lost: float
    """Share of the packets that were lost on the line, 0–1."""
    jitter: float
    """Seconds."""
    round_trip: float | None
    """Seconds."""
    repeated: int = 0
    """Earlier frames that each packet repeats (RFC 2198)."""
    resends: bool = False
    """Whether what was lost is asked for again."""


def residual_loss(stream: Stream) -> float:
    """The share that is still missing when it is played, where losses are independent of one another."""
    lost = min(1.0, max(0.0, stream.lost))
    round_trip = DEFAULT_ROUND_TRIP if stream.round_trip is None else stream.round_trip
    if stream.resends and (stream.kind == "video" or round_trip <= IN_TIME):
        lost *= lost
    return float(lost ** (1 + stream.repeated))


def transmission_factor(stream: Stream) -> float:
    """R of the E-model, 0–93.2."""
    round_trip = DEFAULT_ROUND_TRIP if stream.round_trip is None else stream.round_trip
    # A jitter buffer holds about two mean deviations.
    delay = round_trip / 2 + 2 * stream.jitter + CODEC_DELAY
    delay_impairment = 24 * delay + 110 * max(0.0, delay - DELAY_KNEE)
    percent = 100 * residual_loss(stream)
    loss_impairment = 95 * percent / (percent + LOSS_ROBUSTNESS)
    return max(0.0, R_MAX - delay_impairment - loss_impairment)


def opinion_score(factor: float) -> float:
    """The mean opinion score for a transmission factor (G.107, annex B), 1–4.5."""
    if factor <= 0:
        return 1.0
    if factor >= 100:
        return 4.5
    return max(1.0, 1 + 0.035 * factor + factor * (factor - 60) * (100 - factor) * 7e-6)


def level_of(stream: Stream) -> QualityLevel:
    """The rating of one stream."""
    if stream.kind == "audio":
        score = opinion_score(transmission_factor(stream))
        return QualityLevel(QualityLevel.POOR + sum(score >= bound for bound in SOUND_LEVELS))
    missing = residual_loss(stream)
    return QualityLevel(QualityLevel.POOR + sum(missing <= bound for bound in PICTURE_LEVELS))


@dataclass(frozen=True)
class Sample:
    """What one direction of a session is like; None where it is unknown."""

    codecs: frozenset[str] = frozenset()
    """Names of the codecs in use."""
    lost: float | None = None
    """Share of the packets that were lost on the line, 0–1: the mean of its streams."""
    jitter: float | None = None
    """Seconds, of the worst stream."""
    round_trip: float | None = None
    """Seconds."""
    score: float | None = None
    """Mean opinion score of the worst sound, an estimate."""


def sample_of(streams: Sequence[Stream], codecs: frozenset[str]) -> Sample:
    """Sums up the streams of one direction."""
    if not streams:
        return Sample(codecs)
    scores = [opinion_score(transmission_factor(stream)) for stream in streams if stream.kind == "audio"]
    return Sample(
        codecs,
        sum(stream.lost for stream in streams) / len(streams),
        max(stream.jitter for stream in streams),
        min((stream.round_trip for stream in streams if stream.round_trip is not None), default=None),
        min(scores, default=None),
    )


@dataclass
class Rating:
    """A rating that does not flicker."""

    level: QualityLevel | None = None
    _candidate: QualityLevel | None = None
    _count: int = 0

    def update(self, level: QualityLevel) -> bool:
        """Takes in the rating of a sample; whether the rating changes with it."""
        if level == self.level:
            self._candidate = None
            return False
        if self.level is None or level == QualityLevel.LOST:
            self.level, self._candidate = level, None
            return True
        if self._candidate is None or (level < self.level) != (self._candidate < self.level):
            self._candidate, self._count = level, 0
        # Of several on the same side, the one nearest to what holds now is believed.
        nearer = max if level < self.level else min
        self._candidate = nearer(self._candidate, level)
        self._count += 1
        if self._count < (WORSE_AFTER if level < self.level else BETTER_AFTER):
            return False
        self.level, self._candidate = self._candidate, None
        return True


@dataclass
class LegQuality:
    """One direction of one participant's media."""

    rating: Rating = field(default_factory=Rating)
    score: float | None = None
    """Mean opinion score of the sound lately, an estimate; None where there is none."""
    streams: tuple[Stream, ...] = ()
    """Of the last sample."""
    _last: dict[int, tuple[int, int]] = field(default_factory=dict)

    def update(self, streams: Iterable[Stream]) -> bool:
        """Takes in a sample of all streams; whether the rating changes. Without streams nothing does."""
        found = self.streams = tuple(streams)
        scores = [opinion_score(transmission_factor(stream)) for stream in found if stream.kind == "audio"]
        self.score = min(scores, default=self.score)
        return bool(found) and self.rating.update(min(level_of(stream) for stream in found))

    def loss_since(self, key: int, packets: int, lost: int) -> float | None:
        """The share lost since the last sample of this stream, from its counters; None where nothing came."""
        packets_before, lost_before = self._last.get(key, (0, 0))
        self._last[key] = (packets, lost)
        came, missing = packets - packets_before, max(0, lost - lost_before)
        return missing / (came + missing) if came > 0 else None

    def keep(self, keys: Iterable[int]) -> None:
        """Forgets the counters of streams that are gone."""
        self._last = {key: self._last[key] for key in keys if key in self._last}


class SessionQuality:
    """Rates both directions of one session from the core's statistics."""

    def __init__(self) -> None:
        self.publish = LegQuality()
        self.subscribe = LegQuality()

    def update(
        self,
        publish: TransportStats | None,
        subscribe: TransportStats | None,
        kinds: Mapping[int, MediaKind],
        repeated: int,
    ) -> bool:
        """Takes in `TransportStats` of both connections; whether a rating changes.

        `kinds` says what each producer is, `repeated` how many earlier frames the bridge repeats towards the receiver.
        """
        round_trip = _round_trip(subscribe)
        sent = self.publish.update(self._received(publish, kinds, round_trip))
        received = self.subscribe.update(self._sent(subscribe, kinds, repeated))
        return sent or received

    def lost(self, *, publish: bool) -> bool:
        """A connection is gone; whether its rating changes."""
        return (self.publish if publish else self.subscribe).rating.update(QualityLevel.LOST)

    def report(self) -> QualityReport:
        """What holds now."""
        return QualityReport(
            self.publish.rating.level, self.subscribe.rating.level, self.publish.score, self.subscribe.score
        )

    def _received(
        self, stats: TransportStats | None, kinds: Mapping[int, MediaKind], rtt: float | None
    ) -> list[Stream]:
        producers = [] if stats is None else stats["producers"]
        self.publish.keep([each["producer_id"] for each in producers])
        streams: list[Stream] = []
        for each in producers:
            kind = kinds.get(each["producer_id"])
            lost = self.publish.loss_since(each["producer_id"], each["packets"], each["packets_lost"])
            if kind is not None and lost is not None:
                # The core counts as lost what retransmissions did not bring back.
                streams.append(Stream(kind, lost, each["jitter"], rtt))
        return streams

    def _sent(self, stats: TransportStats | None, kinds: Mapping[int, MediaKind], repeated: int) -> list[Stream]:
        consumers = [] if stats is None else stats["consumers"]
        self.subscribe.keep([each["consumer_id"] for each in consumers])
        streams: list[Stream] = []
        for each in consumers:
            kind = kinds.get(each["producer_id"])
            came = self.subscribe.loss_since(each["consumer_id"], each["packets"], 0)
            if kind is None or came is None:
                continue
            lost, jitter, rtt = each["fraction_lost"], each["jitter"], each["round_trip_time"]
            resends = kind == "video" or each["retransmissions"] > 0
            streams.append(Stream(kind, lost, jitter, rtt, repeated if kind == "audio" else 0, resends))
        return streams


def _round_trip(stats: TransportStats | None) -> float | None:
    known = [] if stats is None else [each["round_trip_time"] for each in stats["consumers"]]
    return min((each for each in known if each is not None), default=None)
