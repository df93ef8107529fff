"""What each act of a participant does."""

from __future__ import annotations

from msgspec import UNSET

from bridge.room import ChatLane
from bridge.signaling.calls import Call
from bridge.signaling.websocket.messages import acts


def act(call: Call, request: acts.Act) -> None:
    """Carries out what a participant asks for. Raises `BridgeError`; then nothing has changed."""
    participation, session_id = call.participation, call.session.id
    match request:
        case acts.Say():
            to = None if request.to is UNSET else request.to
            participation.say(session_id, request.text, lane=ChatLane(request.lane), to=to)
        case acts.RaiseHand():
            participation.raise_hand(session_id, request.raised)
        case acts.SetCompanions():
            participation.set_companions(session_id, request.names)
        case acts.ProposeInvitation():
            call.rooms.inviting.propose(session_id, request.role, request.name)
        case acts.DeclineProposal():
            call.rooms.inviting.decline(session_id, request.proposal_id)
        case acts.AskToRecord():
            participation.ask_to_record(session_id, request.text_version)
        case acts.StopRecording():
            participation.stop_recording(session_id)
        case acts.AnswerVideoConsent():
            participation.answer_video_consent(session_id, request.text_version, request.consents)
        case acts.AnswerConsent():
            version = None if request.text_version is UNSET else request.text_version
            participation.answer_consent(session_id, request.consent_id, request.consents, text_version=version)
    call.decided()
