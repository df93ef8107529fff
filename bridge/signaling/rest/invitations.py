"""`/v1/invitations`: vendors' servers make links into their rooms, look at them, and take them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.requests import Request
from starlette.responses import Response

from bridge.auth.admission import MAX_ANSWER_LENGTH, MAX_LIFETIME, InvitationRequest
from bridge.auth.invitations import Invitation as Kept
from bridge.auth.levels import WORDS
from bridge.errors import BridgeError
from bridge.room import room_id
from bridge.signaling.rest.bodies import Instant, Name
from bridge.signaling.rest.json import decode_json, json_response, read_json
from bridge.signaling.rest.openapi import Operation
from bridge.signaling.rest.paging import encode_cursor, read_cursor, read_limit
from bridge.signaling.rest.ports import Auditor, Caller

_PATH = "/v1/invitations/{invitation}"

_Identity = Annotated[str, Meta(min_length=1, max_length=128)]


class Admission(Protocol):
    """Makes and keeps invitations; see `bridge.auth.admission.Admission`. Raises `InvitationError`."""

    async def invite(self, tenant: str, request: InvitationRequest, *, made_by: str) -> tuple[Kept, str]:
        """An invitation, and the secret of its link."""

    async def revoke(self, tenant: str, invitation_id: str) -> None:
        """Ends one."""

    async def find_of(self, tenant: str, invitation_id: str) -> Kept:
        """One that can still be used."""

    async def list_of(self, tenant: str, room: str | None, after: tuple[float, str], limit: int) -> Sequence[Kept]:
        """Those that can still be used."""


class InvitationRequestBody(msgspec.Struct, forbid_unknown_fields=True):
    """Whom an invitation is for, where to, and what it takes to use it. Durations in seconds from now."""

    room: Name
    role: Annotated[str, Meta(min_length=1, max_length=128)]
    lifetime: Annotated[int, Meta(gt=0, le=int(MAX_LIFETIME), description="After which the link ends.")]
    opens_in: Annotated[int, Meta(ge=0, description="Before which nobody gets in by it.")] = 0
    identity: Annotated[_Identity, Meta(description="The join token's `sub`; one is made up if left out.")] | None = (
        None
    )
    name: Annotated[str, Meta(max_length=200, description="Shown to the others.")] = ""
    level: Annotated[
        Literal["none", "low", "substantial", "high"] | None,
        Meta(description="The sign-in that it takes; left out for what the role and the room take."),
    ] = None
    person: Annotated[str, Meta(pattern=r"^\d{11}$", description="A national identity number.")] | None = None
    hpr_number: Annotated[str, Meta(pattern=r"^\d{1,12}$", description="Of health personnel.")] | None = None
    question: Literal["name", "birth_date"] | None = None
    answer: Annotated[str, Meta(min_length=1, max_length=MAX_ANSWER_LENGTH)] | None = None
    enters: Annotated[Literal["lobby"] | None, Meta(description="Waits to be let in, whatever the role.")] = None


class Invitation(msgspec.Struct):
    """A link into one room, for one person. Numbers and answers are never shown again."""

    id: str
    room: Name
    role: str
    identity: str
    name: str
    level: Literal["none", "low", "substantial", "high"]
    question: Literal["name", "birth_date"] | None
    opens_at: Instant
    expires_at: Instant
    used: Annotated[bool, Meta(description="Somebody got in by it, and may come again by the same browser.")]
    made_by: Annotated[str, Meta(description="`vendor`, `api:` and a key's id, or `host:` and a participant's.")]


class NewInvitation(Invitation):
    """An invitation with its link, which is told this once."""

    link: str


class InvitationPage(msgspec.Struct, omit_defaults=True):
    """Invitations, in order of being made. Those that have ended are not there any more."""

    invitations: list[Invitation]
    next_cursor: Annotated[str, Meta(description="For the next page; absent on the last.")] | UnsetType = UNSET


class InvitationResource:
    """The operations."""

    def __init__(self, admission: Admission, auditor: Auditor, public_url: str | None) -> None:
        """`public_url` is where the page is; links lead to where the request went if it is None."""
        self._admission = admission
        self._auditor = auditor
        self._public_url = public_url

    def operations(self) -> dict[Operation, Callable[[Request, Caller], Awaitable[Response]]]:
        """What is done by whom."""
        return {
            Operation(
                "createInvitation",
                "POST",
                "/v1/invitations",
                "Make a link into a room, for one person",
                201,
                NewInvitation,
                InvitationRequestBody,
                refusals=(404, 408, 409, 413, 415, 422),
            ): self._create,
            Operation(
                "listInvitations",
                "GET",
                "/v1/invitations",
                "Invitations that can still be used",
                200,
                InvitationPage,
                paged=True,
                filters=("room",),
                refusals=(404,),
            ): self._list,
            Operation("getInvitation", "GET", _PATH, "One invitation", 200, Invitation, refusals=(404,)): self._get,
            Operation(
                "revokeInvitation",
                "DELETE",
                _PATH,
                "Take an invitation back; whoever is in the room stays",
                204,
                refusals=(404,),
            ): self._revoke,
        }

    async def _create(self, request: Request, caller: Caller) -> Response:
        body = decode_json(await read_json(request), InvitationRequestBody)
        room_id(caller.tenant, body.room)
        made, code = await self._admission.invite(
            caller.tenant,
            InvitationRequest(
                room=body.room,
                role=body.role,
                lifetime=body.lifetime,
                opens_in=body.opens_in,
                identity=body.identity,
                name=body.name,
                level=None if body.level is None else WORDS[body.level],
                person=body.person,
                professional=body.hpr_number,
                question=body.question,
                answer=body.answer,
                enters=body.enters,
            ),
            made_by=caller.actor,
        )
        try:
            await self._record("invitation_created", made, caller)
        except BridgeError:
            # Without a trace there is no link.
            await self._admission.revoke(caller.tenant, made.id)
            raise
        base = self._public_url or f"{request.url.scheme}://{request.url.netloc}"
        # The fragment never reaches a server or its logs.
        shown = NewInvitation(**msgspec.structs.asdict(_shown(made)), link=f"{base}/signin#{code}")
        return json_response(shown, 201)

    async def _list(self, request: Request, caller: Caller) -> Response:
        limit = read_limit(request.query_params.get("limit"))
        after = _read_place(read_cursor(request.query_params.get("cursor")))
        room = request.query_params.get("room")
        if room is not None:
            room_id(caller.tenant, room)
        found = list(await self._admission.list_of(caller.tenant, room, after, limit + 1))
        cursor = encode_cursor(f"{found[limit - 1].made_at!r} {found[limit - 1].id}") if len(found) > limit else UNSET
        return json_response(InvitationPage([_shown(each) for each in found[:limit]], cursor))

    async def _get(self, request: Request, caller: Caller) -> Response:
        return json_response(_shown(await self._admission.find_of(caller.tenant, request.path_params["invitation"])))

    async def _revoke(self, request: Request, caller: Caller) -> Response:
        found = await self._admission.find_of(caller.tenant, request.path_params["invitation"])
        await self._record("invitation_revoked", found, caller)
        await self._admission.revoke(caller.tenant, found.id)
        return Response(status_code=204)

    async def _record(self, kind: str, invitation: Kept, caller: Caller) -> None:
        await self._auditor.record(
            kind,
            tenant=caller.tenant,
            room=invitation.room,
            actor=caller.actor,
            identity=invitation.identity,
            details={"invitation": invitation.id, "role": invitation.role, "level": invitation.level.word},
        )


def _shown(kept: Kept) -> Invitation:
    return Invitation(
        id=kept.id,
        room=kept.room,
        role=kept.role,
        identity=kept.identity,
        name=kept.name,
        level=kept.level.word,  # type: ignore[arg-type]
        question=kept.question,
        opens_at=int(kept.opens_at),
        expires_at=int(kept.expires_at),
        used=kept.taken_by is not None,
        made_by=kept.made_by,
    )


def _read_place(cursor: str) -> tuple[float, str]:
    """Behind which invitation a page begins. Raises `BridgeError` (`invalid_request`)."""
    if not cursor:
        return 0.0, ""
    made_at, _, invitation_id = cursor.partition(" ")
    try:
        return float(made_at), invitation_id
    except ValueError:
        raise BridgeError(
            "invalid_request", "This is no cursor of ours.", field="cursor", hint="Take next_cursor as it is."
        ) from None
