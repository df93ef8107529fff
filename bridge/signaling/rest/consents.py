"""The consents of a participant: vendors' servers hand in what the people whom they ask have answered."""

from __future__ import annotations

import contextlib
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response

from bridge.errors import BridgeError
from bridge.room import Consent as Standing
from bridge.room import ConsentKind, room_id
from bridge.signaling.calls import Calls
from bridge.signaling.rest.bodies import Consent, ConsentAnswer, ConsentList
from bridge.signaling.rest.json import decode_json, json_response, read_json
from bridge.signaling.rest.openapi import Operation
from bridge.signaling.rest.ports import Auditor, Caller, Handler

_CONSENTS = "/v1/rooms/{room}/participants/{participant}/consents"


class ConsentResource:
    """The operations."""

    def __init__(self, calls: Calls, auditor: Auditor) -> None:
        self._calls = calls
        self._auditor = auditor

    def operations(self) -> dict[Operation, Handler]:
        """What is done by whom."""
        return {
            Operation(
                "listConsents",
                "GET",
                _CONSENTS,
                "What somebody is asked to consent to, and has answered",
                200,
                ConsentList,
                refusals=(404,),
            ): self._list,
            Operation(
                "answerConsent",
                "PUT",
                f"{_CONSENTS}/{{kind}}",
                "Hand in what somebody has answered to your system",
                200,
                Consent,
                ConsentAnswer,
                refusals=(403, 404, 408, 409, 413, 415),
            ): self._answer,
        }

    async def _list(self, request: Request, caller: Caller) -> Response:
        key, _, participant = _place(request, caller)
        return json_response(
            ConsentList([_shown(each) for each in self._calls.rooms.vendor_consents.of(key, participant)])
        )

    async def _answer(self, request: Request, caller: Caller) -> Response:
        key, name, participant = _place(request, caller)
        kind = _kind(request.path_params["kind"])
        body = decode_json(await read_json(request), ConsentAnswer)
        if (body.recording is not None) != (kind is ConsentKind.RECORDING):
            raise BridgeError(
                "invalid_request",
                "A consent to a recording names which, and one to video names none.",
                field="recording",
                hint="GET the consents of the participant for the recording that is asked for.",
            )
        consents = self._calls.rooms.vendor_consents
        consents.check(key, participant, body.recording)
        rooms = self._calls.rooms
        identity = next(
            each.identity for each in (*rooms.participants(key), *rooms.waiting(key)) if each.id == participant
        )
        details = {
            "participant": participant,
            "kind": kind.value,
            "answer": body.answer,
            "text_version": body.text_version,
        }
        if body.answer == "yes":
            # What cannot be written down does not count; a no counts at once, whatever the disk says.
            await self._record(caller, name, identity, details)
        # Asked anew: who was here before the disk was may have gone meanwhile.
        consents.answer(key, participant, body.recording, consents=body.answer == "yes", text_version=body.text_version)
        self._calls.arm()
        if body.answer != "yes":
            # It has counted already, and the room's own entry of it waits to be written.
            with contextlib.suppress(BridgeError):
                await self._record(caller, name, identity, details)
        found = [each for each in consents.of(key, participant) if each.kind is kind]
        return json_response(_shown(found[0]))

    async def _record(self, caller: Caller, room: str, identity: str, details: dict[str, str]) -> None:
        await self._auditor.record(
            "consent_handed_in", tenant=caller.tenant, room=room, actor=caller.actor, identity=identity, details=details
        )


def _place(request: Request, caller: Caller) -> tuple[str, str, str]:
    """Id and name of the room in the path, and the participant's id."""
    name = request.path_params["room"]
    return room_id(caller.tenant, name), name, request.path_params["participant"]


def _kind(text: str) -> ConsentKind:
    try:
        return ConsentKind(text)
    except ValueError:
        raise BridgeError(
            "not_found", "There is no such consent.", field="kind", hint="It is recording or video."
        ) from None


def _shown(of: Standing) -> Consent:
    answer: dict[bool | None, Literal["yes", "no"] | None] = {True: "yes", False: "no", None: None}
    given_by: Literal["participant", "vendor"] | None = None
    if of.answer:
        given_by = "vendor" if of.by_vendor else "participant"
    asked_with = of.request
    return Consent(
        of.kind.value,
        of.asked,
        answer[of.answer],
        given_by,
        None if asked_with is None else asked_with.id,
        None if asked_with is None else asked_with.text_version,
    )
