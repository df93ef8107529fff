"""What is asked for and told about still pictures."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from bridge.room import StillRequest, StillStep
from bridge.signaling.calls import STILL_BYTES_LIMIT, Call, StillNotice, StillOver
from bridge.signaling.websocket.messages import server, stills
from bridge.signaling.websocket.numbers import source_number


def carry_out_still(call: Call, request: stills.StillRequests) -> server.ServerMessage:
    """Does what is asked and returns the reply. Raises `BridgeError`; then nothing has changed."""
    session_id, reply_to = call.session.id, request.id
    reply: server.ServerMessage = server.Done(reply_to=reply_to)
    match request:
        case stills.AskForStill():
            asked = call.stills.ask(session_id, source_number(request.source_id, "source_id"))
            reply = stills.StillRequested(reply_to=reply_to, still=still(asked, session_id))
        case stills.AnswerStill():
            answered = call.stills.answer(session_id, request.still_id, request.consents, request.text_version)
            if request.consents:
                path, ticket = _path(answered), answered.upload_ticket
                reply = stills.StillTicket(reply_to=reply_to, path=path, ticket=ticket, max_bytes=STILL_BYTES_LIMIT)
        case stills.CancelStill():
            call.stills.cancel(session_id, request.still_id)
    call.decided()
    return reply


def still_notified(notice: StillNotice | StillOver) -> server.ServerMessage:
    """What to tell the client."""
    match notice:
        case StillNotice(request=request):
            if request.step is StillStep.READY:
                return stills.StillReady(still=still(request, request.by_session))
            return stills.StillAsked(still=still(request, request.of_session))
        case StillOver():
            return stills.StillEnded(still_id=notice.still_id, reason=notice.reason.value)


def still(of: StillRequest, session_id: str) -> stills.Still:
    """A picture as a session sees it that asked for it, or is asked for it."""
    file: stills.StillFile | UnsetType = UNSET
    if of.picture is not None and of.by_session == session_id:
        picture = of.picture
        file = stills.StillFile(
            path=_path(of),
            ticket=of.download_ticket,
            content_type=picture.content_type,
            bytes=picture.size,
            width=picture.width,
            height=picture.height,
        )
    return stills.Still(of.id, of.by, of.of, str(of.source_id), of.step.value, file)


def _path(of: StillRequest) -> str:
    """Beside `/v1/signal`, also behind a path prefix."""
    return f"stills/{of.id}"
