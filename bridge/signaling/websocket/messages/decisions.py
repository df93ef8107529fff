"""What hosts ask for. Every one takes the grant `host`, and is answered by `done` unless it says otherwise."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from bridge.signaling.websocket.messages.parts import LobbyNoticeName, ParticipantId, QueueId, Request, SourceId

WAITING_LIMIT = 256
"""Most who wait that one request may name."""


class Admit(Request, tag="admit"):
    """Lets those in who wait: these, or all where none are named; all of them or nobody."""

    participant_ids: Annotated[list[ParticipantId], Meta(min_length=1, max_length=WAITING_LIMIT)] | UnsetType = UNSET


class Take(Request, tag="take"):
    """Lets the next one of a queue into one's own room, or a certain one. Two hosts never get the same one."""

    queue_id: Annotated[QueueId, Meta(description="Left out for the room's only queue.")] | UnsetType = UNSET
    participant_id: ParticipantId | UnsetType = UNSET


class Refuse(Request, tag="refuse"):
    """Ends somebody's wait without letting them in."""

    participant_id: ParticipantId
    queue_id: Annotated[QueueId, Meta(description="For somebody who waits in this queue.")] | UnsetType = UNSET


class SendToLobby(Request, tag="send_to_lobby"):
    """Has somebody in the room wait again."""

    participant_id: ParticipantId


class MessageLobby(Request, tag="message_lobby"):
    """Writes to those who wait, or to one of them."""

    notice: LobbyNoticeName
    text: Annotated[str, Meta(max_length=500, description="Needed for `text`; may go with the others.")] = ""
    minutes: Annotated[int, Meta(ge=1, le=600, description="For `delayed` only, which needs it.")] | UnsetType = UNSET
    participant_id: ParticipantId | UnsetType = UNSET
    queue_id: Annotated[QueueId, Meta(description="For those who wait in this queue.")] | UnsetType = UNSET


class Remove(Request, tag="remove"):
    """Takes somebody out, of the room or of the lobby. Their token does not let them in again."""

    participant_id: ParticipantId
    queue_id: Annotated[QueueId, Meta(description="For somebody who waits in this queue.")] | UnsetType = UNSET


class Mute(Request, tag="mute"):
    """Forwards nothing more of somebody's source until its owner unmutes it."""

    source_id: SourceId


class AskToUnmute(Request, tag="ask_to_unmute"):
    """Asks somebody to unmute their microphone. Nobody's is opened from afar."""

    participant_id: ParticipantId


class StopScreen(Request, tag="stop_screen"):
    """Stops what somebody shows of their screen."""

    participant_id: ParticipantId


class Lock(Request, tag="lock"):
    """Lets nobody new join or wait, or anybody again."""

    locked: bool


class PinForAll(Request, tag="pin_for_all"):
    """Has everybody see somebody best, such as a sign-language interpreter, in place of whom it was before."""

    participant_id: Annotated[ParticipantId | None, Meta(description="null: nobody any more.")]


class HandOver(Request, tag="hand_over"):
    """Gives the grant `host` to somebody whose role may have it, and gives it up."""

    participant_id: ParticipantId


class EndCall(Request, tag="end_call"):
    """Ends the call for everyone in the room; those in the lobby go on waiting.

    The host's own session ends, too: the answer is `closing` with the code `ended`, as for everyone else.
    """


Decision = (
    Admit
    | Take
    | Refuse
    | SendToLobby
    | MessageLobby
    | Remove
    | Mute
    | AskToUnmute
    | StopScreen
    | Lock
    | PinForAll
    | HandOver
    | EndCall
)
