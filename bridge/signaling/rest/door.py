"""The REST API: what a vendor's server may see and do, in its own rooms and no others. `/v1/rooms` itself is here.

Another vendor's room is answered for as one that is not there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.room import Participant as Present
from bridge.room import room_id
from bridge.signaling.calls import Calls
from bridge.signaling.incidents import internal_error
from bridge.signaling.problem import problem
from bridge.signaling.rate_limit import RateLimit
from bridge.signaling.rest.bodies import (
    Participant,
    ParticipantPage,
    Room,
    RoomPage,
    Source,
    Token,
    TokenRequest,
)
from bridge.signaling.rest.consents import ConsentResource
from bridge.signaling.rest.idempotency import Idempotency
from bridge.signaling.rest.invitations import Admission, InvitationResource
from bridge.signaling.rest.json import decode_json, json_response, read_json
from bridge.signaling.rest.openapi import Operation, document
from bridge.signaling.rest.paging import page, read_cursor, read_limit
from bridge.signaling.rest.paths import check_query, routes_of
from bridge.signaling.rest.ports import Auditor, Authenticator, Caller, Handler, RecordingArchive, TokenMinter
from bridge.signaling.rest.queues import Keeper, QueueResource
from bridge.signaling.rest.recordings import RecordingOperations

PER_SECOND, BURST = 50.0, 500
"""Requests of one tenant."""

_ROOM, _PARTICIPANTS = "/v1/rooms/{room}", "/v1/rooms/{room}/participants"


class RestDoor:
    """The routes."""

    def __init__(
        self,
        calls: Calls,
        callers: Authenticator,
        minter: TokenMinter,
        auditor: Auditor,
        admission: Admission,
        archive: RecordingArchive,
        queues: Keeper,
        *,
        version: str,
        public_url: str | None,
        clock: Callable[[], float],
        more: Mapping[Operation, Handler] | None = None,
    ) -> None:
        """`public_url` is where the page is; links lead to where the request went if it is None. `clock`: seconds.

        `more` are operations besides those on rooms.
        """
        self._calls = calls
        self._callers = callers
        self._minter = minter
        self._auditor = auditor
        self._public_url = public_url
        self._clock = clock
        self._limits: dict[str, RateLimit] = {}
        self._answers = Idempotency(clock)
        operations: dict[Operation, Handler] = {
            Operation("listRooms", "GET", "/v1/rooms", "Rooms that are open", 200, RoomPage, paged=True): self._list,
            Operation("getRoom", "GET", _ROOM, "One room", 200, Room, refusals=(404,)): self._get,
            Operation(
                "endRoom", "DELETE", _ROOM, "End a call for everyone, the lobby included", 204, refusals=(404,)
            ): self._end,
            Operation(
                "listParticipants",
                "GET",
                _PARTICIPANTS,
                "Who is in a room and in its lobby",
                200,
                ParticipantPage,
                paged=True,
                refusals=(404,),
            ): self._participants,
            Operation(
                "removeParticipant",
                "DELETE",
                f"{_PARTICIPANTS}/{{participant}}",
                "Take somebody out, and let none of their tokens in again",
                204,
                refusals=(404,),
            ): self._remove,
            Operation(
                "createToken",
                "POST",
                "/v1/rooms/{room}/tokens",
                "Sign a join token",
                201,
                Token,
                TokenRequest,
                refusals=(404, 408, 409, 413, 415, 422),
            ): self._mint,
            **RecordingOperations(archive, auditor).operations(),
            **(more or {}),
        }
        operations |= ConsentResource(calls, auditor).operations()
        operations |= QueueResource(calls, queues, auditor).operations()
        operations |= InvitationResource(admission, auditor, public_url).operations()
        self._operations = operations
        self._document = msgspec.json.encode(document(list(operations), version))

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here."""
        return [
            Route("/v1/openapi.json", self._describe, methods=["GET"]),
            *routes_of({each: self._guarded(each, run) for each, run in self._operations.items()}),
        ]

    async def _describe(self, request: Request) -> Response:
        return Response(self._document, media_type="application/json")

    def _guarded(self, operation: Operation, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Who is it, not too often, and not twice; refusals as problem documents."""

        async def handle(request: Request) -> Response:
            try:
                caller = await self._callers.authenticate(_bearer(request))
                # There are as many as the bridge serves vendors.
                limit = self._limits.setdefault(caller.tenant, RateLimit(PER_SECOND, BURST, self._clock))
                if not limit.take():
                    raise BridgeError("rate_limited", "There are too many requests of this vendor.")
                check_query(operation, request)
                key = request.headers.get("idempotency-key")
                if key is None or request.method != "POST":
                    return await handler(request, caller)
                return await self._once(request, caller, key, handler)
            except BridgeError as refusal:
                return problem(refusal)
            except Exception:
                return problem(internal_error("rest"))

        return handle

    async def _once(self, request: Request, caller: Caller, key: str, handler: Handler) -> Response:
        text = await read_json(request)
        known = self._answers.begin(caller.tenant, key, f"{request.url.path}\n{text}".encode())
        if known is not None:
            return known
        response = None
        try:
            response = await handler(request, caller)
        finally:
            self._answers.end(caller.tenant, key, response)
        return response

    # Rooms

    async def _list(self, request: Request, caller: Caller) -> Response:
        limit, after = read_limit(request.query_params.get("limit")), read_cursor(request.query_params.get("cursor"))
        prefix = f"{caller.tenant}/"
        own = (key.removeprefix(prefix) for key in self._calls.rooms.room_ids() if key.startswith(prefix))
        names, cursor = page(own, str, after, limit)
        rooms = [self._described(f"{prefix}{name}", name) for name in names]
        return json_response(RoomPage(rooms, msgspec.UNSET if cursor is None else cursor))

    async def _get(self, request: Request, caller: Caller) -> Response:
        key, name = self._room(request, caller)
        return json_response(self._described(key, name))

    async def _end(self, request: Request, caller: Caller) -> Response:
        key, name = self._room(request, caller)
        await self._auditor.record(
            "room_ended_by_vendor", tenant=caller.tenant, room=name, actor=caller.actor, identity=None, details={}
        )
        self._calls.rooms.owner.end_room(key)
        self._calls.arm()
        await self._calls.settled()
        return Response(status_code=204)

    # Participants

    async def _participants(self, request: Request, caller: Caller) -> Response:
        limit, after = read_limit(request.query_params.get("limit")), read_cursor(request.query_params.get("cursor"))
        key, _ = self._room(request, caller)
        inside, waiting = self._calls.rooms.participants(key), self._calls.rooms.waiting(key)
        everyone = [(each, False) for each in inside] + [(each, True) for each in waiting]
        chosen, cursor = page(everyone, lambda item: f"{item[0].order:020d}", after, limit)
        shown = [_shown(each, in_lobby) for each, in_lobby in chosen]
        return json_response(ParticipantPage(shown, msgspec.UNSET if cursor is None else cursor))

    async def _remove(self, request: Request, caller: Caller) -> Response:
        key, name = self._room(request, caller)
        participant = request.path_params["participant"]
        rooms = self._calls.rooms
        found = [each for each in (*rooms.participants(key), *rooms.waiting(key)) if each.id == participant]
        if not found:
            hint = "It is the `id` that GET …/participants tells, not the identity."
            message = "There is no such participant here."
            raise BridgeError("participant_not_found", message, field="participant", hint=hint)
        await self._auditor.record(
            "participant_removed_by_vendor",
            tenant=caller.tenant,
            room=name,
            actor=caller.actor,
            identity=found[0].identity,
            details={"participant": participant},
        )
        rooms.owner.remove_participant(key, participant)
        self._calls.arm()
        await self._calls.settled()
        return Response(status_code=204)

    # Tokens

    async def _mint(self, request: Request, caller: Caller) -> Response:
        name = request.path_params["room"]
        room_id(caller.tenant, name)
        body = decode_json(await read_json(request), TokenRequest)
        token, expires_at = await self._minter.mint_join_token(
            caller.tenant,
            name,
            identity=body.identity,
            role=body.role,
            ttl=body.ttl,
            name=body.name,
            grants=body.grants,
            enters=body.enters,
            level=body.level,
            video_consent=body.video_consent,
            consent_by=body.consent_by,
        )
        await self._auditor.record(
            "token_minted",
            tenant=caller.tenant,
            room=name,
            actor=caller.actor,
            identity=body.identity,
            details={"role": body.role},
        )
        base = self._public_url or f"{request.url.scheme}://{request.url.netloc}"
        # The fragment never reaches a server or its logs.
        return json_response(Token(token, int(expires_at), f"{base}/join#{token}"), 201)

    # Inside

    def _room(self, request: Request, caller: Caller) -> tuple[str, str]:
        """Id and name of the room in the path, which is there."""
        name = request.path_params["room"]
        key = room_id(caller.tenant, name)
        if key not in self._calls.rooms:
            raise BridgeError("room_not_found", "There is no such room now.", field="room")
        return key, name

    def _described(self, key: str, name: str) -> Room:
        rooms = self._calls.rooms
        return Room(name, len(rooms.participants(key)), len(rooms.waiting(key)), rooms.state(key).locked)


def _shown(present: Present, in_lobby: bool) -> Participant:
    return Participant(
        present.id,
        present.identity,
        present.role,
        present.level,
        sorted(present.grants),
        in_lobby,
        present.connected,
        [Source(source.name.value, source.kind.value, source.muted) for source in present.sources],
        present.consent_pending,
        "vendor" if present.consent_by_vendor else "participant",
    )


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BridgeError("unauthorized", "An API key is needed.", hint="Authorization: Bearer brk_…")
    return token.strip()
