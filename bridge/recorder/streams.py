"""Which streams a recording of a room has. This is the one place that knows the modes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Protocol

from bridge.room import MediaKind, Participant, Source, SourceName
from bridge.sfu.router import PublishedProducer
from bridge.transcode.recording import COMPOSED


@dataclass(frozen=True, slots=True)
class WantedStream:
    """A picture and the sound that belongs to it, by their producers; one of them may be missing."""

    name: str
    video: int | None
    audio: int | None


class Streams(Protocol):
    """What one recording has."""

    def wanted(self, participants: Sequence[Participant]) -> list[WantedStream]:
        """The streams now, with these in the room."""

    def name_of(self, participant: Participant) -> str | None:
        """How the streams of somebody begin, in every file of the recording; None where nobody has any of their own."""

    def close(self) -> None:
        """Lets go of what was opened for it."""


class Composition(Protocol):
    """A room as one picture and one sound, made by legs for as long as it is open."""

    @property
    def video(self) -> PublishedProducer:
        """The picture."""

    @property
    def audio(self) -> PublishedProducer:
        """Everybody's voices."""

    def close(self) -> None:
        """Lets go of both."""


OpenStreams = Callable[[str, Callable[[], None]], Streams]
"""Begins a room's streams; the callable is called when they end by themselves. Raises `BridgeError`."""
Compose = Callable[[str, Callable[[], None]], Composition]
"""Opens the composition of a room likewise, as `Sfu.open_composition` does."""


def streams_of_mode(mode: str, *, producer_of: Callable[[int], int | None], compose: Compose) -> OpenStreams:
    """What rooms are recorded as: "tracks" or "composed"; `producer_of` gives the producer of a source."""
    if mode == "composed":
        return lambda room_id, on_ended: Composed(compose(room_id, on_ended))
    return lambda _room_id, _on_ended: Tracks(producer_of)


class Composed:
    """Everyone in one picture."""

    def __init__(self, composition: Composition) -> None:
        self._composition = composition

    def wanted(self, participants: Sequence[Participant]) -> list[WantedStream]:  # noqa: D102
        made = self._composition
        return [WantedStream(COMPOSED, made.video.producer.producer_id, made.audio.producer.producer_id)]

    def name_of(self, participant: Participant) -> str | None:  # noqa: D102
        return None

    def close(self) -> None:  # noqa: D102
        self._composition.close()


class Tracks:
    """The camera with the microphone of each, and the screen with its sound; further ones are numbered."""

    def __init__(self, producer_of: Callable[[int], int | None]) -> None:
        self._producer_of = producer_of
        self._numbers: dict[str, int] = {}
        """Of identities: who reloads keeps theirs."""

    def wanted(self, participants: Sequence[Participant]) -> list[WantedStream]:  # noqa: D102
        return [stream for participant in participants for stream in self._of(participant)]

    def name_of(self, participant: Participant) -> str | None:  # noqa: D102
        return f"track-{self._numbers.setdefault(participant.identity, len(self._numbers) + 1)}"

    def close(self) -> None:
        """Nothing was opened."""

    def _of(self, participant: Participant) -> Iterable[WantedStream]:
        name = self.name_of(participant)
        for suffix, names in (("", (SourceName.CAMERA, SourceName.MICROPHONE)), ("-screen", (SourceName.SCREEN,))):
            sent = [source for source in participant.sources if source.name in names]
            pictures, sounds = (self._producers(sent, kind) for kind in (MediaKind.VIDEO, MediaKind.AUDIO))
            for index, (video, audio) in enumerate(zip_longest(pictures, sounds), start=1):
                yield WantedStream(f"{name}{suffix}" if index == 1 else f"{name}{suffix}-{index}", video, audio)

    def _producers(self, sources: Sequence[Source], kind: MediaKind) -> list[int]:
        found = (self._producer_of(source.id) for source in sources if source.kind is kind)
        return [producer for producer in found if producer is not None]
