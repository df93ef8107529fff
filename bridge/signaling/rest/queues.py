"""`/v1/queues`: vendors' servers make waiting lists that several rooms take from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from bridge.room import Queue as Defined
from bridge.room import Rooms, queue_not_found, room_id
from bridge.signaling.calls import Calls
from bridge.signaling.rest.bodies import Count, Name
from bridge.signaling.rest.json import decode_json, json_response, read_json
from bridge.signaling.rest.openapi import Operation
from bridge.signaling.rest.paging import page, read_cursor, read_limit
from bridge.signaling.rest.ports import Auditor, Caller

_PATH = "/v1/queues/{queue}"


class Keeper(Protocol):
    """Defines queues that outlive a restart. Raises `BridgeError`."""

    async def define(self, tenant: str, name: str, rooms: Sequence[str]) -> Defined:
        """Makes one, or changes its rooms."""

    async def remove(self, queue_id: str) -> None:
        """Ends one."""


class QueueRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A waiting list. The same name again changes its rooms; whoever waits goes on waiting."""

    queue: Annotated[Name, Meta(description="Its name, which join tokens and invitations have as `room`.")]
    rooms: Annotated[list[Name], Meta(min_length=1, max_length=50, description="Those whose hosts take from it.")]


class Queue(msgspec.Struct):
    """A waiting list, and how it stands now."""

    queue: Name
    rooms: list[Name]
    waiting: Count
    hosts: Annotated[int, Meta(ge=0, description="Rooms of it in which there is a host.")]


class QueuePage(msgspec.Struct, omit_defaults=True):
    """Queues, by name."""

    queues: list[Queue]
    next_cursor: Annotated[str, Meta(description="For the next page; absent on the last.")] | UnsetType = UNSET


class QueueResource:
    """The operations."""

    def __init__(self, calls: Calls, keeper: Keeper, auditor: Auditor) -> None:
        self._calls = calls
        self._keeper = keeper
        self._auditor = auditor

    def operations(self) -> dict[Operation, Callable[[Request, Caller], Awaitable[Response]]]:
        """What is done by whom."""
        return {
            Operation(
                "defineQueue",
                "POST",
                "/v1/queues",
                "Make a queue, or change the rooms that take from it",
                201,
                Queue,
                QueueRequest,
                refusals=(404, 408, 409, 413, 415, 422),
            ): self._define,
            Operation("listQueues", "GET", "/v1/queues", "Queues", 200, QueuePage, paged=True): self._list,
            Operation("getQueue", "GET", _PATH, "One queue", 200, Queue, refusals=(404,)): self._get,
            Operation(
                "removeQueue",
                "DELETE",
                _PATH,
                "End a queue, and the wait of everyone in it",
                204,
                refusals=(404,),
            ): self._remove,
        }

    async def _define(self, request: Request, caller: Caller) -> Response:
        body = decode_json(await read_json(request), QueueRequest)
        await self._record("queue_defined", caller, body.queue, {"rooms": ",".join(body.rooms)})
        queue = await self._keeper.define(caller.tenant, body.queue, body.rooms)
        self._calls.arm()
        return json_response(self._shown(queue), 201)

    async def _list(self, request: Request, caller: Caller) -> Response:
        limit, after = read_limit(request.query_params.get("limit")), read_cursor(request.query_params.get("cursor"))
        own = (each for each in self._rooms.queues.all() if each.id.startswith(f"{caller.tenant}/"))
        chosen, cursor = page(own, lambda queue: queue.id, after, limit)
        return json_response(QueuePage([self._shown(each) for each in chosen], UNSET if cursor is None else cursor))

    async def _get(self, request: Request, caller: Caller) -> Response:
        return json_response(self._shown(self._find(request, caller)))

    async def _remove(self, request: Request, caller: Caller) -> Response:
        queue = self._find(request, caller)
        await self._record("queue_removed", caller, _name(queue.id), {})
        await self._keeper.remove(queue.id)
        self._calls.arm()
        return Response(status_code=204)

    @property
    def _rooms(self) -> Rooms:
        return self._calls.rooms

    def _find(self, request: Request, caller: Caller) -> Defined:
        queue = self._rooms.queues.get(room_id(caller.tenant, request.path_params["queue"]))
        if queue is None:
            raise queue_not_found("queue")
        return queue

    def _shown(self, queue: Defined) -> Queue:
        return Queue(
            _name(queue.id),
            [_name(each) for each in queue.rooms],
            len(self._rooms.waiting(queue.id)),
            self._rooms.hosted(queue.rooms),
        )

    async def _record(self, kind: str, caller: Caller, name: str, details: dict[str, str]) -> None:
        await self._auditor.record(
            kind, tenant=caller.tenant, room=name, actor=caller.actor, identity=None, details=details
        )


def _name(room: str) -> str:
    return room.partition("/")[2]
