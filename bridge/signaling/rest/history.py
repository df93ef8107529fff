"""`/v1/events`, `/v1/webhooks` and `/v1/records`: what happened in a vendor's rooms, and what it came to."""

from __future__ import annotations

import re

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from bridge.errors import BridgeError
from bridge.room import room_id
from bridge.signaling.near import near
from bridge.signaling.rest.bodies import Event, EventPage, RecordPage, Replay, ReplayRequest
from bridge.signaling.rest.json import decode_json, json_response, read_json
from bridge.signaling.rest.openapi import Operation
from bridge.signaling.rest.paging import read_limit
from bridge.signaling.rest.ports import Auditor, Caller, EventStore, Handler, RecordArchive
from bridge.timestamps import check_span, parse_instant

_EVENT_ID = re.compile(r"msg_[0-9a-f]{32}")
_RECORD_ID = re.compile(r"rec_[0-9a-f]{32}")


class HistoryOperations:
    """The operations on what has happened."""

    def __init__(self, events: EventStore, records: RecordArchive, auditor: Auditor) -> None:
        self._events = events
        self._records = records
        self._auditor = auditor

    def operations(self) -> dict[Operation, Handler]:
        """For `RestDoor`."""
        return {
            Operation(
                "listEvents",
                "GET",
                "/v1/events",
                "What happened lately, oldest first, to be read on from a cursor",
                200,
                EventPage,
                paged=True,
                filters=("room", "type"),
                refusals=(404, 410),
            ): self._list,
            Operation(
                "replayWebhooks",
                "POST",
                "/v1/webhooks/replay",
                "Have events told again by webhooks",
                202,
                Replay,
                ReplayRequest,
                refusals=(404, 408, 409, 413, 415, 422),
            ): self._replay,
            Operation(
                "listRecords",
                "GET",
                "/v1/records",
                "What calls and sessions came to, oldest first",
                200,
                RecordPage,
                paged=True,
                filters=("room", "record", "from", "to"),
                refusals=(404, 410),
            ): self._list_records,
        }

    async def _list(self, request: Request, caller: Caller) -> Response:
        # A cursor is the id of the last event that was read: so is any `webhook-id`.
        limit, cursor, room = _place(request, caller, _EVENT_ID)
        type_ = request.query_params.get("type")
        if type_ is not None and type_ not in self._events.types:
            hint = near(type_, self._events.types)
            raise BridgeError("invalid_request", "This is no type of events.", field="type", hint=hint)
        found = await self._events.read(caller.tenant, cursor, limit, room=room, type_=type_)
        events = [Event(each.id, each.type, each.timestamp, dict(each.data)) for each in found]
        last = events[-1].id if events else cursor
        return json_response(EventPage(events, msgspec.UNSET if last is None else last))

    async def _replay(self, request: Request, caller: Caller) -> Response:
        body = decode_json(await read_json(request), ReplayRequest)
        await self._auditor.record(
            "webhooks_replayed",
            tenant=caller.tenant,
            room=body.room or "",
            actor=caller.actor,
            identity=None,
            details={"first": body.first, "last": body.last or ""},
        )
        count = await self._events.replay(caller.tenant, body.first, body.last, body.room)
        return json_response(Replay(count), 202)

    async def _list_records(self, request: Request, caller: Caller) -> Response:
        query = request.query_params
        limit, cursor, room = _place(request, caller, _RECORD_ID)
        kind = query.get("record")
        if kind not in (None, "call", "session"):
            raise BridgeError("invalid_request", "Records are of calls and sessions.", field="record")
        since, until = (
            parse_instant(query[name], name) if query.get(name) is not None else None for name in ("from", "to")
        )
        check_span(since, until, "to")
        found = await self._records.page(caller.tenant, cursor, limit, room=room, kind=kind, since=since, until=until)
        last = found[-1]["id"] if found else cursor
        return json_response(RecordPage([dict(each) for each in found], msgspec.UNSET if last is None else str(last)))


def _place(request: Request, caller: Caller, cursors: re.Pattern[str]) -> tuple[int, str | None, str | None]:
    """Limit, cursor and room that are asked for. Raises `BridgeError`."""
    query = request.query_params
    limit, cursor, room = read_limit(query.get("limit")), query.get("cursor"), query.get("room")
    if cursor is not None and not cursors.fullmatch(cursor):
        raise BridgeError(
            "invalid_request", "This is no cursor of ours.", field="cursor", hint="Take next_cursor as it is."
        )
    if room is not None:
        room_id(caller.tenant, room)
    return limit, cursor, room
