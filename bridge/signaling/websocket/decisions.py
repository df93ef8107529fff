"""What each decision of a host does."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from bridge.room import LobbyNotice
from bridge.signaling.calls import Call
from bridge.signaling.websocket.messages import decisions
from bridge.signaling.websocket.numbers import source_number


def decide(call: Call, request: decisions.Decision) -> None:
    """Carries out what a host asks for. Raises `BridgeError`; then nothing has changed."""
    moderation, session_id = call.moderation, call.session.id
    match request:
        case decisions.Admit(participant_ids=participant_ids):
            moderation.admit(session_id, None if participant_ids is UNSET else participant_ids)
        case decisions.Take():
            moderation.take(
                session_id,
                _queue(call, request.queue_id),
                None if request.participant_id is UNSET else request.participant_id,
            )
        case decisions.Refuse():
            moderation.refuse(session_id, request.participant_id, queue_id=_queue(call, request.queue_id))
        case decisions.SendToLobby():
            moderation.send_to_lobby(session_id, request.participant_id)
        case decisions.MessageLobby():
            moderation.message_lobby(
                session_id,
                LobbyNotice(request.notice),
                text=request.text,
                minutes=None if request.minutes is UNSET else request.minutes,
                participant_id=None if request.participant_id is UNSET else request.participant_id,
                queue_id=_queue(call, request.queue_id),
            )
        case decisions.Remove():
            moderation.remove(session_id, request.participant_id, queue_id=_queue(call, request.queue_id))
        case decisions.Mute():
            moderation.mute(session_id, source_number(request.source_id, "source_id"))
        case decisions.AskToUnmute():
            moderation.ask_to_unmute(session_id, request.participant_id)
        case decisions.StopScreen():
            moderation.stop_screen(session_id, request.participant_id)
        case decisions.Lock():
            moderation.lock(session_id, request.locked)
        case decisions.PinForAll():
            moderation.pin_for_all(session_id, request.participant_id)
        case decisions.HandOver():
            moderation.hand_over(session_id, request.participant_id)
        case decisions.EndCall():
            moderation.end(session_id)
    call.decided()


def _queue(call: Call, name: str | UnsetType) -> str | None:
    """The id of a queue, which stands among the rooms of the same tenant."""
    return None if isinstance(name, UnsetType) else f"{call.session.room_id.partition('/')[0]}/{name}"
