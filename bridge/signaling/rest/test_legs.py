"""`/v1/rooms/{room}/test-legs`: programs that join a vendor's room to try it out, for those whose key opens them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response

from bridge.errors import BridgeError
from bridge.room import room_id
from bridge.signaling.rest.bodies import TestLeg, TestLegList, TestLegRequest
from bridge.signaling.rest.json import decode_json, json_response, read_json
from bridge.signaling.rest.openapi import Operation
from bridge.signaling.rest.ports import Auditor, Caller, Handler, TokenMinter

SCOPE = "test-legs"
GRANTS = ("publish_camera", "publish_microphone", "subscribe")
"""What it may of what its role may."""
TOKEN_SECONDS = 60.0
"""How long its join token may be used: it joins at once, and never again."""

_TEST_LEGS = "/v1/rooms/{room}/test-legs"


class RunningTestLeg(Protocol):
    """One that is in its room."""

    @property
    def id(self) -> str:
        """Within the bridge."""

    @property
    def kind(self) -> str:
        """One of: echo, clock, player."""

    @property
    def clip(self) -> str | None:
        """What a player plays."""

    @property
    def participant_id(self) -> str:
        """As the room knows it."""

    @property
    def identity(self) -> str:
        """As its token said."""

    @property
    def ends_at(self) -> float:
        """Seconds since the epoch."""


class TestLegRunner(Protocol):
    """Runs them."""

    @property
    def lifetime(self) -> float:
        """Seconds that each may last at most."""

    def new_id(self) -> str:
        """For the next."""

    def in_room(self, room_id: str) -> Sequence[RunningTestLeg]:
        """Oldest first."""

    def check(self, clip: str | None) -> None:
        """Raises `BridgeError` (`too_many_test_legs`, `unknown_clip`) for what `start` would refuse."""

    async def start(
        self, id_: str, room_id: str, kind: str, clip: str | None, *, identity: str, token: str, seconds: float
    ) -> RunningTestLeg:
        """Returns when it sends in the room. Raises `BridgeError`: as `check`, `test_leg_failed`, or as the door."""

    async def end(self, room_id: str, id_: str) -> None:
        """Has it leave. Raises `BridgeError` (`test_leg_not_found`)."""


class TestLegResource:
    """The operations."""

    def __init__(self, runner: TestLegRunner, minter: TokenMinter, auditor: Auditor) -> None:
        self._runner = runner
        self._minter = minter
        self._auditor = auditor

    def operations(self) -> dict[Operation, Handler]:
        """What is done by whom."""
        return {
            Operation(
                "listTestLegs", "GET", _TEST_LEGS, "Programs that are in a room", 200, TestLegList, refusals=(403, 404)
            ): self._list,
            Operation(
                "startTestLeg",
                "POST",
                _TEST_LEGS,
                "Have a program join a room: an echo, a clock or a player",
                201,
                TestLeg,
                TestLegRequest,
                refusals=(403, 404, 408, 409, 413, 415, 422),
            ): self._start,
            Operation(
                "endTestLeg",
                "DELETE",
                f"{_TEST_LEGS}/{{test_leg}}",
                "Have a program leave",
                204,
                refusals=(403, 404),
            ): self._end,
        }

    async def _list(self, request: Request, caller: Caller) -> Response:
        key, _ = _room(request, caller)
        return json_response(TestLegList([_shown(each) for each in self._runner.in_room(key)]))

    async def _start(self, request: Request, caller: Caller) -> Response:
        key, name = _room(request, caller)
        body = decode_json(await read_json(request), TestLegRequest)
        if (body.clip is not None) != (body.kind == "player"):
            raise BridgeError("invalid_request", "A player plays a clip; an echo and a clock play none.", field="clip")
        if body.seconds > self._runner.lifetime:
            longest = f"{self._runner.lifetime:.0f}"
            raise BridgeError(
                "invalid_request", f"A test leg lasts {longest} seconds here at most.", field="seconds", hint=longest
            )
        self._runner.check(body.clip)
        id_ = self._runner.new_id()
        identity = f"test-leg-{id_}"
        token, _ = await self._minter.mint_join_token(
            caller.tenant,
            name,
            identity=identity,
            role=body.role,
            ttl=TOKEN_SECONDS,
            name=body.name,
            grants=GRANTS,
            # It cannot wait: nothing is sent from a lobby.
            enters="direct",
            level=None,
            video_consent=False,
            consent_by=None,
        )
        await self._record("test_leg_started", caller, name, identity, {"kind": body.kind, "role": body.role})
        leg = await self._runner.start(
            id_, key, body.kind, body.clip, identity=identity, token=token, seconds=body.seconds
        )
        return json_response(_shown(leg), 201)

    async def _end(self, request: Request, caller: Caller) -> Response:
        key, name = _room(request, caller)
        id_ = request.path_params["test_leg"]
        found = next((each for each in self._runner.in_room(key) if each.id == id_), None)
        if found is not None:
            await self._record("test_leg_ended", caller, name, found.identity, {"kind": found.kind})
        await self._runner.end(key, id_)
        return Response(status_code=204)

    async def _record(self, kind: str, caller: Caller, room: str, identity: str, details: dict[str, str]) -> None:
        await self._auditor.record(
            kind, tenant=caller.tenant, room=room, actor=caller.actor, identity=identity, details=details
        )


def _room(request: Request, caller: Caller) -> tuple[str, str]:
    """Id and name of the room in the path, for a caller who may. It need not be open: whoever joins first opens it."""
    if SCOPE not in caller.scopes:
        raise BridgeError(
            "scope_missing",
            "This key starts no test legs.",
            hint="The operator makes one that does: bridge apikey create --scope test-legs.",
        )
    name = request.path_params["room"]
    return room_id(caller.tenant, name), name


def _shown(leg: RunningTestLeg) -> TestLeg:
    kind: str = leg.kind
    return TestLeg(leg.id, kind, leg.clip, leg.participant_id, leg.identity, int(leg.ends_at))  # type: ignore[arg-type]
