"""What a client that comes (back) is told at once."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.room import LobbyView, Participant, Proposal, RoomState, Session, StillRequest
from bridge.signaling.calls.notices import AskedToConsent, Wrote
from bridge.signaling.calls.publishing import OwnSource


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A room as one client sees it."""

    session: Session
    others: tuple[Participant, ...]
    own_sources: tuple[OwnSource, ...]
    state: RoomState
    lobby: LobbyView | None
    """For one who waits, who sees nothing else of the room."""
    waiting: tuple[Participant, ...] | None
    """Who waits; None for those who do not decide about it."""
    chat: tuple[Wrote, ...]
    """What was written to the client so far."""
    consent: AskedToConsent | None
    proposals: tuple[Proposal, ...] | None
    """Whom somebody would have invited; None for those who do not decide about it."""
    video_consented: bool | None
    """What the client has answered, asked to consent to video."""
    stills: tuple[StillRequest, ...]
    """Pictures that the client asked for, or is asked for."""
