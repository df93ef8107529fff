"""The media of a call."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.signaling.calls.media_listener import MediaListener
from bridge.signaling.calls.ports import MediaSession
from bridge.signaling.calls.publishing import Publishing


@dataclass(frozen=True, slots=True)
class CallMedia:
    """What a call has while it is in the room, and has not in the lobby."""

    session: MediaSession
    listener: MediaListener
    publishing: Publishing
