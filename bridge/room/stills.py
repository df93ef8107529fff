"""Still pictures on demand: somebody asks for one of another's camera, and its owner consents to each, or does not.

Here is who has asked whom and how far that has come. The pictures themselves are nobody's here: the door that takes
them holds them, and lets go of them at `StillEnded`.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import replace

from bridge.room.alarms import Alarms
from bridge.room.errors import RoomError
from bridge.room.events import (
    RoomEvent,
    RoomListener,
    SentBack,
    SessionEnded,
    SourceRemoved,
    StillAnswered,
    StillAsked,
    StillEnded,
    StillReady,
)
from bridge.room.grants import Grant
from bridge.room.model import SourceName, StillEnd, StillPicture, StillRequest, StillStep
from bridge.room.moderation import Access
from bridge.room.room import Room

ANSWER_TIME = 120.0
"""Seconds to answer in."""
UPLOAD_TIME = 180.0
"""Seconds from the consent to the picture: it has to be taken, looked at, and carried by a line that may be thin."""
KEEP_TIME = 60.0
"""Seconds that a picture is kept for whoever asked for it."""
STILL_ID_BYTES = 9
TICKET_BYTES = 24


class Stills:
    """The requests for pictures that are at hand, one at a time for each camera. Each method raises `RoomError`.

    That is: `session_not_found`, and `still_not_found` for a request that is over or another's.
    """

    def __init__(
        self, access: Access, emit: RoomListener, clock: Callable[[], float], new_token: Callable[[int], str]
    ) -> None:
        self._access = access
        self._emit = emit
        self._clock = clock
        self._new_token = new_token
        self._at_hand: dict[str, StillRequest] = {}
        self._due = Alarms()

    # What participants do

    def ask(self, session_id: str, source_id: int) -> StillRequest:
        """Asks the owner of a camera for a picture. Takes the grant `still`.

        Raises `not_granted`, `in_lobby`, `source_not_found`, `wrong_kind` for what is no camera of another's, and
        `still_at_hand` while another request for that camera waits.
        """
        room = self._access.begin(session_id)
        room.acting(session_id, Grant.STILL)
        request = self._request(room, session_id, source_id)
        if any(held.source_id == source_id for held in self._at_hand.values()):
            raise RoomError("still_at_hand", "A picture of this camera was asked for already.", field="source_id")
        self._set(request, ANSWER_TIME)
        self._emit(StillAsked(room.id, request))
        self._access.finish()
        return request

    def answer(self, session_id: str, still_id: str, consents: bool, text_version: str) -> StillRequest:
        """The owner consents to this one picture, which opens the door for it, or does not.

        They may take it back until it is delivered. `text_version` names the text that they were asked with.
        """
        room = self._access.begin(session_id)
        request = self._held(still_id)
        if request.of_session != session_id:
            raise still_not_found()
        if request.step is StillStep.ASKED or not consents:
            self._emit(StillAnswered(room.id, request, consents, text_version))
        if not consents:
            self._end(request, StillEnd.REFUSED)
        elif request.step is StillStep.ASKED:
            request = replace(request, step=StillStep.CONSENTED)
            self._set(request, UPLOAD_TIME)
        self._access.finish()
        return request

    def cancel(self, session_id: str, still_id: str) -> None:
        """Whoever asked has no need of the picture any more."""
        self._access.begin(session_id)
        request = self._held(still_id)
        if request.by_session != session_id:
            raise still_not_found()
        self._end(request, StillEnd.CANCELLED)
        self._access.finish()

    def of(self, session_id: str) -> tuple[StillRequest, ...]:
        """What a session has asked for, and what it is asked for."""
        return tuple(held for held in self._at_hand.values() if session_id in (held.by_session, held.of_session))

    # What the door does that the pictures go through

    def upload(self, still_id: str, ticket: str) -> StillRequest:
        """Who may bring the picture: whoever was given the ticket for it, once."""
        return self._ticketed(still_id, ticket, StillStep.CONSENTED)

    def is_awaited(self, still_id: str) -> bool:
        """Whether the picture may still come."""
        request = self._at_hand.get(still_id)
        return request is not None and request.step is StillStep.CONSENTED

    def ready(self, still_id: str, picture: StillPicture) -> None:
        """The picture has come: whoever asked for it may fetch it."""
        request = self._held(still_id)
        if request.step is not StillStep.CONSENTED:
            raise still_not_found()
        request = replace(request, step=StillStep.READY, picture=picture)
        self._set(request, KEEP_TIME)
        self._emit(StillReady(request.room_id, request))
        self._access.finish()

    def download(self, still_id: str, ticket: str) -> StillRequest:
        """Who may fetch the picture: whoever was given the ticket for it."""
        return self._ticketed(still_id, ticket, StillStep.READY)

    def delivered(self, still_id: str) -> None:
        """It has been fetched, and need not be kept any longer. Ignored where it is over already."""
        request = self._at_hand.get(still_id)
        if request is not None and request.step is StillStep.READY:
            self._end(request, StillEnd.DELIVERED)
            self._access.finish()

    # For `Rooms`

    def next_due(self) -> float | None:
        """When, by the clock, the first request runs out."""
        return self._due.next()

    def expire(self, now: float) -> None:
        """Ends what has run out."""
        while (still_id := self._due.pop_due(now)) is not None:
            self._end(self._at_hand[still_id], StillEnd.TIMED_OUT)

    def follow(self, event: RoomEvent) -> None:
        """Ends what lost its asker or its camera by an event."""
        match event:
            case SessionEnded(session_id=gone):
                over = [held for held in self._at_hand.values() if gone in (held.by_session, held.of_session)]
            case SourceRemoved(source=source):
                over = [held for held in self._at_hand.values() if held.source_id == source.id]
            case SentBack(participant_id=back):
                over = [held for held in self._at_hand.values() if back in (held.by, held.of)]
            case _:
                return
        for held in over:
            self._end(held, StillEnd.GONE)

    # Inside

    def _request(self, room: Room, session_id: str, source_id: int) -> StillRequest:
        owner = next((member for member in room.members.values() if source_id in member.sources), None)
        if owner is None:
            raise RoomError("source_not_found", "There is no such source in this room.", field="source_id")
        source, asker = owner.sources[source_id], room.member(session_id)
        if source.name is not SourceName.CAMERA or owner is asker:
            raise RoomError("wrong_kind", "A picture can be asked for of somebody else's camera.", field="source_id")
        return StillRequest(
            id=self._new_token(STILL_ID_BYTES),
            room_id=room.id,
            by=asker.id,
            by_session=session_id,
            of=owner.id,
            of_session=source.session_id,
            source_id=source_id,
            upload_ticket=self._new_token(TICKET_BYTES),
            download_ticket=self._new_token(TICKET_BYTES),
        )

    def _set(self, request: StillRequest, seconds: float) -> None:
        self._at_hand[request.id] = request
        self._due.set(request.id, self._clock() + seconds)

    def _end(self, request: StillRequest, reason: StillEnd) -> None:
        del self._at_hand[request.id]
        self._due.cancel(request.id)
        self._emit(StillEnded(request.room_id, request, reason))

    def _held(self, still_id: str) -> StillRequest:
        request = self._at_hand.get(still_id)
        if request is None:
            raise still_not_found()
        return request

    def _ticketed(self, still_id: str, ticket: str, step: StillStep) -> StillRequest:
        self.expire(self._clock())
        self._access.finish()
        request = self._held(still_id)
        right = request.upload_ticket if step is StillStep.CONSENTED else request.download_ticket
        if request.step is not step or not hmac.compare_digest(ticket.encode(), right.encode()):
            # The same whatever is wrong: whoever guesses learns nothing.
            raise still_not_found()
        return request


def still_not_found() -> RoomError:
    """For requests that are over, or that are not the asker's business."""
    return RoomError("still_not_found", "This picture is not asked for, or not any more.", field="still_id")
