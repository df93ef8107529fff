"""Why the bridge closes a WebSocket: close codes (RFC 6455 §7.4) and the last message before them."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.errors import BridgeError
from bridge.room import EndReason

NORMAL = 1000
GOING_AWAY = 1001
INTERNAL_ERROR = 1011
BAD_MESSAGE = 4400
TOKEN_REFUSED = 4401
NOT_LET_IN = 4403
SESSION_NOT_FOUND = 4404
JOIN_TIMEOUT = 4408
TAKEN_OVER = 4409
REMOVED = 4410
SLOW_READER = 4420
RATE_LIMITED = 4429
OVERLOADED = 4503


@dataclass(frozen=True, slots=True)
class Farewell:
    """How a connection ends."""

    close_code: int
    code: str
    message: str
    retry: bool = False
    """Whether joining again may work."""


LEFT = Farewell(NORMAL, "left", "You have left the room.")
RESUMED_ELSEWHERE = Farewell(TAKEN_OVER, "resumed", "Another connection has taken this session up.")
JOIN_TIMED_OUT = Farewell(
    JOIN_TIMEOUT,
    "join_timeout",
    "No join or resume came in time; the token is a part of join, not of the URL.",
    retry=True,
)
TOO_MANY_FAULTS = Farewell(BAD_MESSAGE, "bad_message", "Too many messages that could not be used.")
TOO_MANY_REQUESTS = Farewell(RATE_LIMITED, "rate_limited", "Too many requests.", retry=True)
TOO_SLOW = Farewell(SLOW_READER, "slow_reader", "What the bridge sent was not read.", retry=True)
TOO_MANY_CONNECTIONS = Farewell(OVERLOADED, "too_many_connections", "The bridge has no place for another connection.")

_ENDED = {
    EndReason.LEFT: LEFT,
    EndReason.REPLACED: Farewell(TAKEN_OVER, "replaced", "The same participant has joined anew."),
    EndReason.TIMED_OUT: Farewell(REMOVED, "timed_out", "The session was not resumed in time.", retry=True),
    EndReason.MEDIA_LOST: Farewell(REMOVED, "media_lost", "The media connection was lost.", retry=True),
    EndReason.REFUSED: Farewell(NOT_LET_IN, "refused", "A host did not let you in."),
    EndReason.REMOVED: Farewell(REMOVED, "removed", "A host took you out of the room."),
    EndReason.ENDED: Farewell(REMOVED, "ended", "A host ended the call."),
    EndReason.SENT_BACK: Farewell(REMOVED, "timed_out", "The session is over.", retry=True),
    EndReason.TIME_IS_UP: Farewell(REMOVED, "time_is_up", "The time of this room is over."),
    EndReason.EMPTY: Farewell(REMOVED, "timed_out", "The room is closed.", retry=True),
    EndReason.SHUTTING_DOWN: Farewell(GOING_AWAY, "shutting_down", "The bridge is shutting down.", retry=True),
}

_REFUSED = {
    "session_not_found": SESSION_NOT_FOUND,
    "internal_error": INTERNAL_ERROR,
    "media_overloaded": OVERLOADED,
    "too_many_rooms": OVERLOADED,
    "records_unavailable": OVERLOADED,
    "draining": OVERLOADED,
    "token_keys_unavailable": OVERLOADED,
    "shutting_down": GOING_AWAY,
    "rate_limited": RATE_LIMITED,
    "bad_json": BAD_MESSAGE,
    "bad_message": BAD_MESSAGE,
    "join_first": BAD_MESSAGE,
}


def ended(reason: EndReason) -> Farewell:
    """For a call that is over."""
    return _ENDED[reason]


def refused(error: BridgeError) -> Farewell:
    """For a client that was not let in."""
    default = TOKEN_REFUSED if error.code.startswith("token_") else NOT_LET_IN
    close_code = _REFUSED.get(error.code, default)
    retry = close_code in (INTERNAL_ERROR, OVERLOADED, GOING_AWAY, SESSION_NOT_FOUND, RATE_LIMITED) or error.code in (
        "room_full",
        "lobby_full",
        "room_locked",
        "room_not_open",
    )
    return Farewell(close_code, error.code, error.message, retry=retry)
