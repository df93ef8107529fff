"""What happened in a tenant's rooms lately, to be read on from a cursor.

It is kept in memory and bounded. A reader that was away for too long, or across a restart of the bridge, is told so
(`cursor_expired`) instead of missing something without knowing.
"""

from __future__ import annotations

import re
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bridge.errors import BridgeError
from bridge.room import events as room
from bridge.signaling.rest.resources import Event, Events

KEPT = 10_000
"""Events of one tenant."""

_CURSOR = re.compile(r"([0-9a-f]{8})-([0-9]{1,15})")

Facts = Mapping[str, Any]
"""Fields of `Event` beyond those that every event has."""


def _who(event: room.ParticipantJoined | room.WaitingJoined) -> Facts:
    someone = event.participant
    return {"participant": someone.id, "role": someone.role, "level": someone.level or None}


def _source(event: room.SourceAdded | room.SourceRemoved | room.SourceMuted | room.SourceStopped) -> Facts:
    return {"participant": event.participant_id, "source": event.source.name.value}


TOLD: Mapping[type, tuple[str, Callable[[Any], Facts]]] = {
    room.RoomOpened: ("room.started", lambda event: {}),
    room.RoomClosed: ("room.ended", lambda event: {"reason": event.reason.value}),
    room.RoomChanged: ("room.changed", lambda event: {"locked": event.state.locked}),
    room.WaitingJoined: ("participant.waiting", _who),
    room.WaitingLeft: (
        "participant.stopped_waiting",
        lambda event: {
            "participant": event.participant_id,
            "reason": None if event.reason is None else event.reason.value,
        },
    ),
    room.Admitted: ("participant.admitted", lambda event: {"participant": event.participant_id}),
    room.SentBack: ("participant.sent_back", lambda event: {"participant": event.participant_id}),
    room.ParticipantJoined: ("participant.joined", _who),
    room.ParticipantLeft: (
        "participant.left",
        lambda event: {"participant": event.participant_id, "reason": event.reason.value},
    ),
    room.SourceAdded: ("source.added", _source),
    room.SourceRemoved: ("source.removed", _source),
    room.SourceMuted: ("source.muted_by_host", _source),
    room.SourceStopped: ("source.stopped_by_host", _source),
}
"""Which of the rooms' events vendors are told, as what, with what. An event that is not here is not told."""


class EventLog:
    """The events of all tenants; each sees its own. A listener of `Rooms`."""

    def __init__(self, tenants: Iterable[str], *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives seconds since the epoch."""
        self._clock = clock
        self._life = secrets.token_hex(4)
        self._kept: dict[str, deque[tuple[int, Event]]] = {tenant: deque(maxlen=KEPT) for tenant in tenants}
        # Each tenant counts for itself: a number says nothing of how busy the others are.
        self._last = dict.fromkeys(self._kept, 0)
        self._dropped = dict.fromkeys(self._kept, 0)
        """Number of the last event of the tenant that is no longer kept."""

    def on_room_event(self, event: room.RoomEvent) -> None:
        """Keeps it, if vendors are told such."""
        told = TOLD.get(type(event))
        tenant, _, name = event.room_id.partition("/")
        kept = self._kept.get(tenant)
        if told is None or kept is None:
            return
        self._last[tenant] = number = self._last[tenant] + 1
        kind, facts = told
        if len(kept) == KEPT:
            self._dropped[tenant] = kept[0][0]
        at = datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        kept.append((number, Event(self._cursor(number), kind, at, name, **facts(event))))

    def after(self, tenant: str, cursor: str | None, limit: int) -> Events:
        """The next `limit` events behind `cursor`, or the oldest. Raises `invalid_cursor`, `cursor_expired`."""
        kept = self._kept.get(tenant, deque())
        last = self._dropped.get(tenant, 0) if cursor is None else self._read(cursor, tenant)
        page = []
        # Readers are mostly close behind: walk from the newest to where they are.
        for number, event in reversed(kept):
            if number <= last:
                break
            page.append((number, event))
        page = page[::-1][:limit]
        end = page[-1][0] if page else last
        return Events([event for _, event in page], self._cursor(end))

    def _cursor(self, number: int) -> str:
        return f"{self._life}-{number}"

    def _read(self, cursor: str, tenant: str) -> int:
        parts = _CURSOR.fullmatch(cursor)
        if parts is None:
            raise BridgeError(
                "invalid_cursor", "This is no cursor.", field="after", hint="Send `next` of the last answer back."
            )
        number = int(parts[2])
        if parts[1] != self._life or number < self._dropped.get(tenant, 0) or number > self._last.get(tenant, 0):
            raise BridgeError(
                "cursor_expired",
                "What came behind this cursor is not all kept any more.",
                field="after",
                hint="Read the rooms as they are now, and go on without a cursor.",
            )
        return number
