"""What of a room's life goes into the audit log: a listener of `Rooms` that writes events down as entries.

Identities become pseudonyms here; names and texts are left out. Media is no matter of the audit log.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bridge.audit.chain import Detail, Entry
from bridge.errors import BridgeError
from bridge.room import (
    ConsentAnswered,
    ConsentAsked,
    HostDecided,
    InvitationProposed,
    Participant,
    ParticipantJoined,
    ParticipantLeft,
    ParticipantUpdated,
    Recording,
    RoomChanged,
    RoomClosed,
    RoomEvent,
    RoomOpened,
    SentBack,
    StillAnswered,
    StillAsked,
    StillEnded,
    VideoConsentAnswered,
    WaitingJoined,
    WaitingLeft,
    WaitingUpdated,
)

if TYPE_CHECKING:
    from bridge.signaling.calls import JoinClaims


class Trail:
    """Knows who is in which room, as pseudonyms, for as long as they are."""

    def __init__(self, append: Callable[[Entry], None], pseudonym: Callable[[str, str], str]) -> None:
        """`pseudonym(tenant, identity)` stands in for an identity."""
        self._append = append
        self._pseudonym = pseudonym
        self._present: dict[str, tuple[str, str]] = {}
        """Pseudonyms and identities by participant id."""
        self._asked_by_vendor: set[str] = set()
        """Ids of participants whose vendor's system asks them for consent."""
        self._recording: dict[str, Recording] = {}
        """Of rooms in which it is not off."""

    def on_denied(self, claims: JoinClaims, door: str, error: BridgeError) -> None:
        """Someone with a valid token was not let in."""
        details: dict[str, Detail] = {"code": error.code, "door": door, "role": claims.role, "level": claims.level}
        subject = self._pseudonym(claims.tenant, claims.identity)
        self._append(Entry("join_denied", claims.tenant, claims.room, subject=subject, details=details))

    def __call__(self, event: RoomEvent) -> None:
        """Writes down what is of interest."""
        match event:
            case RoomOpened():
                self._note(event, "room_opened")
            case RoomClosed(reason=reason):
                self._recording.pop(event.room_id, None)
                self._note(event, "room_closed", reason=reason.value)
            case ParticipantJoined(participant=participant):
                self._came(event, "participant_joined", participant)
            case WaitingJoined(participant=participant):
                self._came(event, "waiting_joined", participant)
            case ParticipantUpdated(participant=participant) | WaitingUpdated(participant=participant):
                self._follow(participant)
            case ParticipantLeft(participant_id=who, reason=reason):
                self._note(event, "participant_left", who, participant=who, reason=reason.value)
                self._gone(who)
            case WaitingLeft(participant_id=who, reason=reason):
                if reason is None:
                    self._note(event, "admitted", who, participant=who)
                else:
                    self._note(event, "waiting_left", who, participant=who, reason=reason.value)
                    self._gone(who)
            case SentBack(participant_id=who):
                self._note(event, "sent_back", who, participant=who)
            case HostDecided(by=by, decision=decision, participant_id=whom):
                self._note(event, "host_decided", whom, by=by, decision=decision, participant=whom)
            case InvitationProposed(proposal=proposal):
                # Role and name are what somebody wrote: they stay in the room.
                self._note(event, "invitation_proposed", by=proposal.participant_id, proposal=proposal.id)
            case ConsentAsked(recipients=recipients, request=request):
                for who in sorted(recipients & self._asked_by_vendor):
                    self._note(
                        event,
                        "consent_asked",
                        who,
                        participant=who,
                        recording=request.id,
                        text_version=request.text_version,
                    )
            case ConsentAnswered(participant_id=who, request=request, consents=consents):
                self._note(
                    event,
                    "consent_given" if consents else "consent_refused",
                    by=who,
                    recording=request.id,
                    text_version=event.text_version,
                    by_vendor=event.by_vendor or None,
                )
            case StillAsked(request=still):
                self._note(event, "still_asked", still.of, by=still.by, still=still.id)
            case StillAnswered(request=still, consents=consents, text_version=text_version):
                kind = "still_consented" if consents else "still_refused"
                self._note(event, kind, by=still.of, still=still.id, text_version=text_version)
            case StillEnded(request=still, reason=end):
                self._note(event, "still_ended", still.of, by=still.by, still=still.id, reason=end.value)
            case VideoConsentAnswered(participant_id=who, text_version=version, consents=consents):
                kind = "video_consent_given" if consents else "video_consent_refused"
                self._note(event, kind, by=who, text_version=version, by_vendor=event.by_vendor or None)
            case RoomChanged(state=state):
                if self._recording.get(event.room_id, Recording.OFF) is not state.recording:
                    self._recording[event.room_id] = state.recording
                    if state.recording is Recording.OFF:
                        del self._recording[event.room_id]
                    self._note(event, "recording_changed", state=state.recording.value)
            case _:
                pass

    def _came(self, event: RoomEvent, kind: str, participant: Participant) -> None:
        tenant = event.room_id.partition("/")[0]
        self._present[participant.id] = self._pseudonym(tenant, participant.identity), participant.identity
        self._follow(participant)
        self._note(
            event,
            kind,
            participant.id,
            participant=participant.id,
            role=participant.role,
            level=participant.level,
            grants=",".join(sorted(participant.grants)),
        )

    def _follow(self, participant: Participant) -> None:
        if participant.consent_by_vendor:
            self._asked_by_vendor.add(participant.id)
        else:
            self._asked_by_vendor.discard(participant.id)

    def _gone(self, participant_id: str) -> None:
        self._asked_by_vendor.discard(participant_id)
        self._present.pop(participant_id, None)

    def _note(
        self, event: RoomEvent, kind: str, whom: str | None = None, *, by: str | None = None, **details: Detail
    ) -> None:
        tenant, _, room = event.room_id.partition("/")
        actor, acting = self._present.get(by or "", ("", ""))
        subject, identity = self._present.get(whom or "", ("", ""))
        self._append(
            Entry(
                kind,
                tenant,
                room,
                actor=actor,
                subject=subject,
                details={name: value for name, value in details.items() if value is not None},
                identity=identity or acting,
            )
        )
