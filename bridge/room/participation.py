"""What participants do besides sending media: write, raise a hand, say who sits beside them, consent to a recording."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bridge.room.chat import TEXT_LIMIT
from bridge.room.consent_answers import ConsentAnswers
from bridge.room.errors import RoomError
from bridge.room.events import ChatSaid, RecordingFailed, RoomListener
from bridge.room.grants import Grant
from bridge.room.member import Member
from bridge.room.model import ChatLane, ChatMessage, ConsentRequest
from bridge.room.moderation import Access
from bridge.room.room import Room
from bridge.room.texts import checked_text

MAX_COMPANIONS = 4
NAME_LIMIT = 200
"""Characters of a companion's name."""
CONSENT_ID_BYTES = 9


class Participation:
    """Acts of participants. Each names the session that acts, and raises `RoomError`.

    That is: `session_not_found`, `in_lobby` for one that waits, `not_granted` for one that may not, and as each method
    says.
    """

    def __init__(
        self,
        access: Access,
        answers: ConsentAnswers,
        emit: RoomListener,
        clock: Callable[[], float],
        new_id: Callable[[], int],
        new_token: Callable[[int], str],
        *,
        can_record: bool,
    ) -> None:
        """`can_record`: whether somebody listens who records when told to."""
        self._access = access
        self._answers = answers
        self._emit = emit
        self._clock = clock
        self._new_id = new_id
        self._new_token = new_token
        self._can_record = can_record

    def say(
        self, session_id: str, text: str, *, lane: ChatLane = ChatLane.MESSAGE, to: str | None = None
    ) -> ChatMessage:
        """Writes to everyone in the room, or to one of them. Takes the grant `chat`, or `caption` for that lane.

        Raises `bad_text`, `too_many_messages`, `participant_not_found`.
        """
        room, member = self._act(session_id, Grant.CAPTION if lane is ChatLane.CAPTION else Grant.CHAT)
        text = checked_text(text, TEXT_LIMIT)
        inside = [each for each in room.members.values() if not each.waiting]
        if to is not None:
            inside = [each for each in inside if each.id in (to, member.id)]
            if to == member.id or all(each.id != to for each in inside):
                raise RoomError("participant_not_found", "There is no such other participant here.", field="to")
        now = self._clock()
        room.chat.check_rate(member.identity, now)
        message = ChatMessage(self._new_id(), member.id, member.name, lane, text, to, now)
        room.chat.keep(message, frozenset(each.identity for each in inside))
        self._emit(ChatSaid(room.id, frozenset(each.id for each in inside), message))
        self._access.finish()
        return message

    def raise_hand(self, session_id: str, raised: bool) -> None:
        """Shows everyone that one would like to speak, or no longer."""
        room, member = self._act(session_id)
        before = member.snapshot(room.id)
        member.hand_raised = raised
        room.tell_update(member, before)
        self._access.finish()

    def set_companions(self, session_id: str, names: Sequence[str]) -> None:
        """Says who sits at the same camera: they stand in the roster as everyone does. Raises `bad_text`."""
        room, member = self._act(session_id)
        if len(names) > MAX_COMPANIONS:
            raise RoomError("bad_text", f"There are {MAX_COMPANIONS} companions at most.", field="names")
        before = member.snapshot(room.id)
        member.companions = tuple(
            checked_text(name, NAME_LIMIT, field=f"names[{index}]") for index, name in enumerate(names)
        )
        room.tell_update(member, before)
        self._access.finish()

    def answer_video_consent(self, session_id: str, text_version: str, consents: bool) -> None:
        """Consents to being seen, or does not, or takes it back; also while one waits.

        `text_version` names the text of the question. Without consent there is sound only: a camera goes at once.
        Raises `consent_not_asked` where the room does not ask for it.
        """
        room = self._access.begin(session_id)
        member = room.member(session_id)
        self._answers.take_video(room, member, consents=consents, text_version=text_version)
        self._access.finish()

    # Recording

    def ask_to_record(self, session_id: str, text_version: str) -> None:
        """Asks everyone in the room for their consent; whoever asks has consented. Takes the grant `record`.

        `text_version` names the text that clients ask with. Raises `recording_unavailable` where nothing records,
        `recording_at_hand` where it was asked for already, `consent_impossible` where somebody cannot be asked.
        """
        room, member = self._act(session_id, Grant.RECORD)
        if not self._can_record:
            raise RoomError("recording_unavailable", "This bridge does not record.")
        if room.consent.request is not None:
            raise RoomError("recording_at_hand", "A recording was asked for already.", hint="Stop it first.")
        room.check_can_answer(each for each in room.members.values() if not each.waiting)
        request = ConsentRequest(self._new_token(CONSENT_ID_BYTES), text_version, member.id)
        room.consent.ask(request)
        self._answers.take(room, member, request, consents=True)
        room.ask_consent(each for each in room.members.values() if not each.waiting)
        self._access.finish()

    def stop_recording(self, session_id: str) -> None:
        """Ends a recording, or the asking for it. Takes the grant `record`; ignored where there is none."""
        room, _ = self._act(session_id, Grant.RECORD)
        room.consent.stop()
        room.settle(self._clock())
        self._access.finish()

    def answer_consent(
        self, session_id: str, request_id: str, consents: bool, *, text_version: str | None = None
    ) -> None:
        """Consents to the recording at hand, or not, or takes it back, which ends it at once.

        `text_version` names the text of the question where it is not the one of who asked: clients differ. Someone who
        was let in and does not consent stays in the lobby. Raises `consent_not_asked` where there is no such recording
        (any more), or the session is not asked.
        """
        room = self._access.begin(session_id)
        member = room.member(session_id)
        request = room.consent.request
        if request is None or request.id != request_id or (member.waiting and not member.consent_pending):
            raise RoomError("consent_not_asked", "This consent is not asked for (any more).", field="request_id")
        self._answers.take(room, member, request, consents=consents, text_version=text_version)
        self._access.finish()

    def recording_failed(self, room_id: str, code: str) -> None:
        """Told by whoever records: it cannot go on, for the reason that `code` names. Ignored where nothing is asked.

        Everyone is told, and the recording is over.
        """
        room = self._access.look_up(room_id)
        if room is None or room.consent.request is None:
            return
        self._emit(RecordingFailed(room.id, code))
        room.consent.stop()
        room.settle(self._clock())
        self._access.finish()

    # Inside

    def _act(self, session_id: str, grant: Grant | None = None) -> tuple[Room, Member]:
        room = self._access.begin(session_id)
        return room, room.acting(session_id, grant)
