"""Who was there and what happened, beside the pictures: a line of JSON for each event, encrypted like the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from bridge.transcode.recording.errors import RecordingError

STREAM = "timeline"
MEDIA_TYPE = "application/jsonl"
EVENTS = (
    "started",
    "stream",
    "joined",
    "left",
    "muted",
    "unmuted",
    "consented",
    "withdrew",
    "paused",
    "resumed",
    "no_space",
    "stopped",
)


class TimelineEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something that happened during a recording."""

    at: float
    """Seconds from the recording's beginning, on the clock of its time stamps."""
    event: str
    """One of `EVENTS`."""
    participant: str | None = None
    """The pseudonym of whom it concerns, as in the audit log."""
    name: str | None = None
    role: str | None = None
    source: str | None = None
    """With "muted" and "unmuted": "camera", "microphone" or "screen"."""
    stream: str | None = None
    """With "stream": which one begins here, so that its own time 0 is `at`; with "joined": whose streams these are,
    "track-1" and those whose names begin so."""
    room: str | None = None
    """With "started"."""
    reason: str | None = None
    """With "stopped"."""


def encode_event(event: TimelineEvent) -> bytes:
    """A line. Raises `RecordingError` for an event that there is none of."""
    if event.event not in EVENTS:
        raise RecordingError("unknown_event", f"There is no event {event.event!r}.", field="event")
    return msgspec.json.encode(event) + b"\n"


def decode_events(chunks: Iterable[bytes]) -> Iterator[TimelineEvent]:
    """The events of a time line. Raises `RecordingError`."""
    for chunk in chunks:
        for line in chunk.splitlines():
            try:
                yield msgspec.json.decode(line, type=TimelineEvent)
            except msgspec.MsgspecError:
                raise RecordingError("recording_damaged", "The time line of the recording cannot be read.") from None
