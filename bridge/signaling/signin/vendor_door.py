"""`/v1/invitations`: vendors' servers make invitations and take them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.auth.admission import MAX_ANSWER_LENGTH, Admission, InvitationRequest
from bridge.auth.invitations import InvitationError
from bridge.auth.levels import WORDS
from bridge.auth.vendors import VendorAuthenticator
from bridge.errors import BridgeError
from bridge.room import room_id
from bridge.signaling.body import read_text
from bridge.signaling.incidents import internal_error
from bridge.signaling.problem import problem
from bridge.signaling.rate_limit import RateLimit
from bridge.signaling.signin.observer import SignInDoorName, SignInObserver

MAX_BODY_BYTES = 8192
PER_SECOND, BURST = 20.0, 200
"""Invitations that one vendor may make."""

_Handler = Callable[[Request, str], Awaitable[Response]]
_Name = Annotated[str, Meta(min_length=1, max_length=128)]


class InvitationBody(msgspec.Struct, forbid_unknown_fields=True):
    """What a vendor sends. Durations in seconds."""

    room: _Name
    role: _Name
    lifetime: Annotated[int, Meta(gt=0)]
    opens_in: Annotated[int, Meta(ge=0)] = 0
    identity: _Name | None = None
    name: Annotated[str, Meta(max_length=200)] = ""
    level: Literal["none", "low", "substantial", "high"] | None = None
    person: Annotated[str, Meta(pattern=r"^\d{11}$")] | None = None
    hpr_number: Annotated[str, Meta(pattern=r"^\d{1,12}$")] | None = None
    question: Literal["name", "birth_date"] | None = None
    answer: Annotated[str, Meta(min_length=1, max_length=MAX_ANSWER_LENGTH)] | None = None


class VendorDoor:
    """The routes of vendors' servers."""

    def __init__(
        self,
        vendors: VendorAuthenticator,
        admission: Admission,
        *,
        public_url: str | None,
        observer: SignInObserver,
        clock: Callable[[], float],
    ) -> None:
        """`clock`: see `RateLimit`."""
        self._vendors = vendors
        self._admission = admission
        self._public_url = public_url
        self._observer = observer
        self._clock = clock
        self._limits: dict[str, RateLimit] = {}

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here."""
        return [
            Route("/v1/invitations", self._guarded(self._invite), methods=["POST"]),
            Route("/v1/invitations/{invitation}", self._guarded(self._revoke), methods=["DELETE"]),
        ]

    def _guarded(self, handler: _Handler) -> Callable[[Request], Awaitable[Response]]:
        """Who is it, and not too often; refusals as problem documents."""

        async def handle(request: Request) -> Response:
            try:
                tenant = await self._vendors.authenticate(_bearer(request))
                # There are as many as the settings have vendors.
                limit = self._limits.setdefault(tenant, RateLimit(PER_SECOND, BURST, self._clock))
                if not limit.take():
                    raise BridgeError("rate_limited", "There are too many requests of this vendor.")
                return await handler(request, tenant)
            except BridgeError as error:
                refusal = error
            except Exception:
                refusal = internal_error("invitations")
            self._observer.on_refused(SignInDoorName.VENDOR, refusal.code)
            return problem(refusal)

        return handle

    async def _invite(self, request: Request, tenant: str) -> Response:
        """An invitation; its link is told this once."""
        body = _decode(await read_text(request, MAX_BODY_BYTES))
        room_id(tenant, body.room)
        invitation, code = await self._admission.invite(
            tenant,
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
            ),
        )
        base = self._public_url or f"{request.url.scheme}://{request.url.netloc}"
        answer = {
            "id": invitation.id,
            # The fragment never reaches a server or its logs.
            "link": f"{base}/signin#{code}",
            "level": invitation.level.word,
            "opens_at": int(invitation.opens_at),
            "expires_at": int(invitation.expires_at),
        }
        return JSONResponse(answer, 201, {"Cache-Control": "no-store"})

    async def _revoke(self, request: Request, tenant: str) -> Response:
        """Takes an invitation back."""
        await self._admission.revoke(tenant, request.path_params["invitation"])
        return Response(status_code=204)


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BridgeError("unauthorized", "A token of the vendor's server is needed.", hint="Authorization: Bearer …")
    return token.strip()


def _decode(text: str) -> InvitationBody:
    try:
        return msgspec.json.decode(text, type=InvitationBody)
    except msgspec.ValidationError as error:
        # "Expected `int`, got `str` - at `$.lifetime`": no value of the input is in it.
        message, _, place = str(error).partition(" - at `$.")
        raise InvitationError("invalid_invitation", f"{message}.", field=place.rstrip("`") or None) from None
    except msgspec.DecodeError:
        raise BridgeError("bad_request", "The body is a JSON object.") from None
