"""What a room refuses, and the codes it does so with."""

from __future__ import annotations

from bridge.errors import BridgeError


class RoomError(BridgeError):
    """A room's refusal. Nothing has changed when it is raised.

    Codes: `invalid_room`, `room_full`, `lobby_full`, `room_locked`, `room_not_open`, `room_over`, `room_not_found`,
    `too_many_rooms`, `session_not_found`, `participant_not_found`, `source_not_found`, `too_many_sources`,
    `wrong_kind`, `not_granted`, `in_lobby`, `banned`, `may_not_host`, `last_host`, `bad_text`, `too_many_messages`,
    `video_not_consented`, `invalid_queue`, `too_many_queues`, `room_in_use`, `queue_not_found`, `queue_empty`,
    `queue_is_no_room`, `proposal_not_found`, `too_many_proposals`, `too_many_invitations`, `invitation_not_found`,
    `recording_unavailable`, `recording_at_hand`, `consent_not_asked`, `consent_impossible`,
    `consent_not_by_vendor`, `draining`, `shutting_down`, `records_unavailable`, `still_at_hand`, `still_not_found`.
    """


class NotGrantedError(RoomError):
    """What was tried takes a grant that the one who tried has not (`not_granted`); `grant` is the one."""

    def __init__(self, grant: str, *, field: str | None = None) -> None:
        super().__init__(
            "not_granted",
            f"This takes the grant {grant}.",
            field=field,
            hint="The role or the token's own list of grants leaves it out.",
        )
        self.grant = grant


def session_not_found() -> RoomError:
    """For sessions that have ended, or never were; which is not told."""
    return RoomError(
        "session_not_found",
        "There is no such session, or it has ended.",
        field="session",
        hint="Join again with a token.",
    )


def participant_not_found() -> RoomError:
    """For ids of nobody who is there."""
    return RoomError("participant_not_found", "There is no such participant here.", field="participant_id")


def queue_not_found(field: str = "queue_id") -> RoomError:
    """For queues that are not there, or that a room does not take from."""
    return RoomError("queue_not_found", "There is no such queue here.", field=field)


def consent_impossible() -> RoomError:
    """For recordings with somebody who cannot be asked."""
    return RoomError(
        "consent_impossible",
        "A recording takes everyone's consent, and a client of WHIP or WHEP cannot be asked.",
        hint="Their vendor may ask them and say so in their tokens (consent_by), or record without them.",
    )


def consent_not_by_vendor() -> RoomError:
    """For answers of somebody whom their vendor's system does not ask."""
    return RoomError(
        "consent_not_by_vendor",
        "This participant answers in their own client.",
        field="participant",
        hint='Whom your system asks comes by a token with "consent_by": "vendor".',
    )


def in_lobby() -> RoomError:
    """For what only those in the room may do."""
    return RoomError("in_lobby", "This is not possible in the lobby.", hint="Wait until a host lets you in.")
