"""What a store says of its recordings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    """How a recording is."""

    RECORDING = "recording"
    """It is being made."""
    COMPLETE = "complete"
    TRUNCATED = "truncated"
    """Its end is missing, as after a crash; all before it can be played."""
    DAMAGED = "damaged"
    """Some of it is not as it was written."""
    SHREDDED = "shredded"
    """Its key is gone: it was being deleted, and nobody can read it."""


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """A stream of a recording."""

    name: str
    media_type: str
    bytes: int
    """Of plaintext, about."""


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """A recording in a list. It says nothing of who is in it: that stands in the time line, encrypted."""

    id: str
    created: float
    expires: float
    """Seconds since the epoch."""
    state: State
    key_id: str | None
    """Of the operator's key that opens it."""
    streams: tuple[StreamInfo, ...]
    tenant: str = ""
    """The vendor whose it is."""
    room: str = ""
    """Its room's name within the tenant."""

    @property
    def state_name(self) -> str:
        """The state in a word."""
        return self.state.value
