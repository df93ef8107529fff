"""The first reply of every connection."""

from __future__ import annotations

from msgspec import UNSET

from bridge.signaling.calls import Snapshot
from bridge.signaling.websocket import encoding
from bridge.signaling.websocket.messages import parts, server
from bridge.signaling.websocket.settings import WebSocketSettings
from bridge.signaling.websocket.stills import still


class Welcome:
    """Knows what is the same in all of them: the server, its limits, ICE servers."""

    def __init__(self, settings: WebSocketSettings, *, version: str, grace: float) -> None:
        """`grace` in seconds, as the rooms have it."""
        self._grace = grace
        self._server = parts.Server("bridge", version)
        self._limits = parts.Limits(
            message_bytes=parts.MESSAGE_BYTES_LIMIT,
            requests_per_second=settings.requests_per_second,
            request_burst=settings.request_burst,
        )
        self._ice_servers = [
            parts.IceServer(
                list(each.urls),
                UNSET if each.username is None else each.username,
                UNSET if each.credential is None else each.credential,
            )
            for each in settings.ice_servers
        ]

    def joined(self, snapshot: Snapshot, reply_to: int, *, resumed: bool, token: str | None) -> server.Joined:
        """The reply to `join` and `resume`, with a fresh token if there is one."""
        session = snapshot.session
        return server.Joined(
            reply_to=reply_to,
            resumed=resumed,
            session=parts.Session(session.id, session.secret, self._grace),
            participant_id=session.participant_id,
            grants=sorted(session.grants),
            participants=[encoding.participant(other) for other in snapshot.others],
            own_sources=encoding.own_sources(snapshot.own_sources),
            ice_servers=self._ice_servers,
            server=self._server,
            limits=self._limits,
            room=encoding.room(snapshot.state),
            chat=[encoding.chat_message(wrote) for wrote in snapshot.chat],
            video_consented=UNSET if snapshot.video_consented is None else snapshot.video_consented,
            consent=UNSET if snapshot.consent is None else encoding.consent_request(snapshot.consent),
            lobby=UNSET if snapshot.lobby is None else encoding.lobby(snapshot.lobby),
            waiting=encoding.waiting(snapshot.waiting),
            stills=[still(each, session.id) for each in snapshot.stills],
            proposals=encoding.proposals(snapshot.proposals),
            token=UNSET if token is None else token,
        )
