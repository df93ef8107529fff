"""Which streams a recording of a room has. This is the one place that knows the modes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from bridge.configuration import SettingsError
from bridge.room import MediaKind, Participant, Source, SourceName


@dataclass(frozen=True, slots=True)
class WantedStream:
    """A picture and the sound that belongs to it, by their producers; one of them may be missing."""

    name: str
    video: int | None
    audio: int | None


StreamsOf = Callable[[str, Sequence[Participant], Callable[[Participant], int]], list[WantedStream]]
"""The streams of a room now: its id, who is in it, and a number for each of them that stays the same in a recording."""


def streams_of_mode(mode: str, producer_of: Callable[[int], int | None]) -> StreamsOf:
    """What records rooms in this mode; `producer_of` gives the producer of a source.

    Raises `SettingsError` for a mode that this bridge cannot record in.
    """
    if mode != "tracks":
        raise SettingsError(
            "invalid_setting",
            f'recordings.mode = "{mode}": this bridge cannot record one composed picture yet.',
            field="recordings.mode",
            hint='"tracks" records a file for each participant',
        )

    def tracks(
        _room_id: str, participants: Sequence[Participant], number_of: Callable[[Participant], int]
    ) -> list[WantedStream]:
        return [
            stream
            for participant in participants
            for stream in _of_participant(f"track-{number_of(participant)}", participant.sources, producer_of)
        ]

    return tracks


def _of_participant(
    name: str, sources: Sequence[Source], producer_of: Callable[[int], int | None]
) -> Iterable[WantedStream]:
    """The camera with the microphone, and the screen with its sound; further ones are numbered."""
    for suffix, names in (("", (SourceName.CAMERA, SourceName.MICROPHONE)), ("-screen", (SourceName.SCREEN,))):
        produced = [
            (source.kind, producer)
            for source in sources
            if source.name in names and (producer := producer_of(source.id)) is not None
        ]
        pictures = [producer for kind, producer in produced if kind is MediaKind.VIDEO]
        sounds = [producer for kind, producer in produced if kind is MediaKind.AUDIO]
        for index, (video, audio) in enumerate(zip_longest(pictures, sounds), start=1):
            yield WantedStream(f"{name}{suffix}" if index == 1 else f"{name}{suffix}-{index}", video, audio)
