"""The resources under `/v1`. A vendor sees and decides about the rooms of its own tenant, and of no other."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Protocol

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.auth.api_keys import Authenticator
from bridge.errors import BridgeError
from bridge.room import Participant, Rooms, room_id
from bridge.signaling.problem import problem
from bridge.signaling.rest import resources
from bridge.signaling.rest.event_log import EventLog
from bridge.signaling.rest.guard import Guard
from bridge.signaling.rest.openapi import document
from bridge.signaling.rest.parameters import body_of, limit_of

NOT_BUILT = {
    "recordings": "This bridge does not store recordings yet.",
    "queues": "This bridge has no waiting list over several rooms yet.",
    "webhooks": "This bridge does not send webhooks yet: read /v1/events.",
}
"""Resources that the API has names for and this bridge does not serve."""


class TokenMinter(Protocol):
    """Signs join tokens for a tenant's rooms."""

    async def mint(self, tenant: str, request: resources.TokenRequest) -> resources.Token:
        """A token that the doors take. Raises `BridgeError` (`invalid_body`)."""


class RestDoor:
    """The routes of the vendors' API."""

    def __init__(
        self,
        vendors: Authenticator,
        rooms: Rooms,
        events: EventLog,
        minter: TokenMinter,
        *,
        version: str,
        changed: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """`changed` is called after rooms were changed, for their deadlines to be kept; `clock`: see `RateLimit`."""
        self._rooms = rooms
        self._events = events
        self._minter = minter
        self._changed = changed
        self._guard = Guard(vendors, clock)
        self._openapi = msgspec.json.encode(document(version))

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here."""
        guard = self._guard
        return [
            Route("/v1/openapi.json", self._document, methods=["GET"]),
            Route("/v1/rooms", guard(self._list), methods=["GET"]),
            Route("/v1/rooms/{room}", guard(self._room), methods=["GET"]),
            Route("/v1/rooms/{room}", guard(self._end), methods=["DELETE"]),
            Route("/v1/rooms/{room}/participants", guard(self._participants), methods=["GET"]),
            Route("/v1/rooms/{room}/participants/{participant}", guard(self._remove), methods=["DELETE"]),
            Route("/v1/tokens", guard(self._token), methods=["POST"]),
            Route("/v1/events", guard(self._read_events), methods=["GET"]),
            *(
                Route(f"/v1/{name}{rest}", guard(self._not_built), methods=["GET", "POST", "DELETE"])
                for name in NOT_BUILT
                for rest in ("", "/{id}")
            ),
        ]

    async def _document(self, request: Request) -> Response:
        return Response(self._openapi, media_type="application/json")

    async def _list(self, request: Request, tenant: str) -> Response:
        limit, after = limit_of(request), _name_of(request.query_params.get("after"))
        prefix = f"{tenant}/"
        names = sorted(key.removeprefix(prefix) for key in self._rooms.room_ids() if key.startswith(prefix))
        behind = [name for name in names if after is None or name > after]
        page = behind[:limit]
        following = _cursor_of(page[-1]) if len(behind) > limit else None
        return _answer(resources.Rooms([self._described(tenant, name) for name in page], following))

    async def _room(self, request: Request, tenant: str) -> Response:
        name = self._open(request, tenant)
        return _answer(self._described(tenant, name))

    async def _end(self, request: Request, tenant: str) -> Response:
        """Ends the call for everyone. The room itself closes a little later, when nobody came back."""
        self._rooms.end_room(room_id(tenant, request.path_params["room"]))
        self._changed()
        return Response(status_code=204)

    async def _participants(self, request: Request, tenant: str) -> Response:
        key = room_id(tenant, self._open(request, tenant))
        inside = [_participant(someone, "room") for someone in self._rooms.participants(key)]
        waiting = [_participant(someone, "lobby") for someone in self._rooms.waiting(key)]
        return _answer(resources.Participants(inside + waiting))

    async def _remove(self, request: Request, tenant: str) -> Response:
        room = room_id(tenant, request.path_params["room"])
        self._rooms.remove_participant(room, request.path_params["participant"])
        self._changed()
        return Response(status_code=204)

    async def _token(self, request: Request, tenant: str) -> Response:
        wanted = await body_of(request, resources.TokenRequest)
        room_id(tenant, wanted.room)
        return _answer(await self._minter.mint(tenant, wanted), 201)

    async def _read_events(self, request: Request, tenant: str) -> Response:
        return _answer(self._events.after(tenant, request.query_params.get("after"), limit_of(request)))

    async def _not_built(self, request: Request, tenant: str) -> Response:
        return problem(BridgeError("not_built", NOT_BUILT[request.url.path.split("/")[2]]))

    def _open(self, request: Request, tenant: str) -> str:
        """The name of the room that is asked for, if it is open."""
        name: str = request.path_params["room"]
        if room_id(tenant, name) not in self._rooms.room_ids():
            raise BridgeError("room_not_found", "There is no such room, or it has ended.", field="room")
        return name

    def _described(self, tenant: str, name: str) -> resources.Room:
        key = room_id(tenant, name)
        return resources.Room(
            name,
            len(self._rooms.participants(key)),
            len(self._rooms.waiting(key)),
            self._rooms.state(key).locked,
        )


def _participant(someone: Participant, place: str) -> resources.Participant:
    return msgspec.convert(
        {
            "id": someone.id,
            "role": someone.role,
            "level": someone.level,
            "place": place,
            "connected": someone.connected,
            "hand_raised": someone.hand_raised,
            "sources": [
                {"name": source.name.value, "kind": source.kind.value, "muted": source.muted}
                for source in someone.sources
            ],
        },
        resources.Participant,
    )


def _answer(body: msgspec.Struct, status: int = 200) -> Response:
    return Response(msgspec.json.encode(body), status, {"Cache-Control": "no-store"}, media_type="application/json")


def _cursor_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _name_of(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise BridgeError(
            "invalid_cursor", "This is no cursor.", field="after", hint="Send `next` of the last answer back."
        ) from None
