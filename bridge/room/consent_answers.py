"""Answers of those who are asked for consent: their own, and those that their vendor's system hands in."""

from __future__ import annotations

from bridge.room.errors import RoomError, consent_not_by_vendor, participant_not_found
from bridge.room.events import ConsentAnswered, RoomListener, VideoConsentAnswered
from bridge.room.member import Member
from bridge.room.model import Consent, ConsentKind, ConsentRequest
from bridge.room.moderation import Access
from bridge.room.room import Room


class ConsentAnswers:
    """What follows from an answer; the room draws its conclusions when what happened is told."""

    def __init__(self, emit: RoomListener) -> None:
        self._emit = emit

    def take(
        self,
        room: Room,
        member: Member,
        request: ConsentRequest,
        *,
        consents: bool,
        text_version: str | None = None,
        by_vendor: bool = False,
    ) -> None:
        """An answer to the recording at hand, by the text of its asking unless another is named.

        A no ends the recording, or the asking for it, at once; of somebody who waits it only keeps them outside.
        """
        if consents:
            room.consent.give(member.identity, by_vendor=by_vendor)
        else:
            room.consent.take_back(member.identity)
        version = request.text_version if text_version is None else text_version
        self._emit(ConsentAnswered(room.id, member.id, request, consents, version, by_vendor))
        if not consents and member.consent_pending:
            room.forget_admission(member)
        elif not consents and not member.waiting:
            room.consent.stop()

    def take_video(
        self, room: Room, member: Member, *, consents: bool, text_version: str, by_vendor: bool = False
    ) -> None:
        """An answer about video: without consent a camera goes at once.

        Raises `consent_not_asked` where the room does not ask for it.
        """
        if not room.video_consent.needed:
            raise RoomError("consent_not_asked", "This room does not ask for consent to video.")
        room.video_consent.answer(member.identity, consents, by_vendor=by_vendor)
        self._emit(VideoConsentAnswered(room.id, member.id, text_version, consents, by_vendor))
        room.sources.stop_camera_without_consent(member)


class VendorConsents:
    """Answers that a vendor's system hands in for those whom it asks, as their tokens say.

    Methods raise `RoomError`: `room_not_found`, `participant_not_found`, and as each says.
    """

    def __init__(self, access: Access, answers: ConsentAnswers) -> None:
        self._access = access
        self._answers = answers

    def of(self, room_id: str, participant_id: str) -> tuple[Consent, ...]:
        """How it stands with the consents of somebody, in the room or in its lobby."""
        room, member = self._find(room_id, participant_id)
        given, seen = room.consent.has(member.identity), room.video_consent.given(member.identity)
        request = room.consent.request if member.consents else None
        return (
            Consent(
                ConsentKind.RECORDING,
                request is not None,
                True if given and request is not None else None,
                room.consent.given_by_vendor(member.identity),
                request,
            ),
            Consent(
                ConsentKind.VIDEO,
                room.video_consent.needed and member.consents,
                seen,
                room.video_consent.given_by_vendor(member.identity),
                None,
            ),
        )

    def check(self, room_id: str, participant_id: str, request_id: str | None) -> None:
        """Raises what an answer would: to the recording `request_id`, or to video where that is None.

        That is `consent_not_by_vendor` for somebody who answers in their own client, and `consent_not_asked`.
        """
        room, member = self._find(room_id, participant_id)
        if not member.consent_by_vendor:
            raise consent_not_by_vendor()
        if not member.consents:
            raise RoomError("consent_not_asked", "Nobody of this role is asked.", field="participant")
        if request_id is None:
            if not room.video_consent.needed:
                raise RoomError("consent_not_asked", "This room does not ask for consent to video.", field="kind")
        elif room.consent.request is None or room.consent.request.id != request_id:
            raise RoomError(
                "consent_not_asked",
                "This recording is not asked for (any more).",
                field="recording",
                hint="GET the consents of the participant for the one that is.",
            )

    def answer(
        self, room_id: str, participant_id: str, request_id: str | None, *, consents: bool, text_version: str
    ) -> None:
        """Takes an answer: to the recording `request_id`, or to video where that is None. Raises as `check` does.

        Whoever waits may have answered before they are let in: then nothing waits for them.
        """
        self.check(room_id, participant_id, request_id)
        room, member = self._find(room_id, participant_id)
        if request_id is None:
            self._answers.take_video(room, member, consents=consents, text_version=text_version, by_vendor=True)
        elif room.consent.request is not None:
            self._answers.take(
                room, member, room.consent.request, consents=consents, text_version=text_version, by_vendor=True
            )
        self._access.finish()

    def _find(self, room_id: str, participant_id: str) -> tuple[Room, Member]:
        room = self._access.look_up(room_id)
        if room is None:
            raise RoomError("room_not_found", "There is no such room now.", field="room")
        member = room.members.get(participant_id)
        if member is None:
            raise participant_not_found()
        return room, member
