"""`POST /v1/token/{exchange}`: token exchange (RFC 8693), with the answers that OAuth's libraries know."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.auth.exchange import ALGORITHMS, JWT, Exchange, ExchangeError, Nonces, Presented
from bridge.auth.oidc import SignInError
from bridge.errors import BridgeError
from bridge.room import room_id
from bridge.signaling.body import read_text
from bridge.signaling.incidents import internal_error
from bridge.signaling.rate_limit import RateLimit
from bridge.signaling.signin.observer import SignInDoorName, SignInObserver, TokenGiven

MAX_BODY_BYTES = 32 * 1024
MAX_FIELDS = 20
PER_SECOND, BURST = 50.0, 200
"""Exchanges of one portal."""


class TokenDoor:
    """The endpoints, one for each portal: which scheme an endpoint takes is not for its client to choose."""

    def __init__(
        self,
        exchanges: Mapping[str, Exchange],
        nonces: Nonces,
        *,
        public_url: str | None,
        observer: SignInObserver,
        clock: Callable[[], float],
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock`: see `RateLimit`. `wall_clock`: seconds since the epoch."""
        self._exchanges = exchanges
        self._nonces = nonces
        self._public_url = public_url
        self._observer = observer
        self._wall_clock = wall_clock
        self._limits = {name: RateLimit(PER_SECOND, BURST, clock) for name in exchanges}

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here."""
        return [Route(f"/v1/token/{name}", self._endpoint(name), methods=["POST"]) for name in self._exchanges]

    def _endpoint(self, name: str) -> Callable[[Request], object]:
        exchange = self._exchanges[name]

        async def handle(request: Request) -> Response:
            try:
                if not self._limits[name].take():
                    raise SignInError("signin_busy", "There are too many requests of this portal.")
                response = await self._exchange(exchange, request)
            except BridgeError as error:
                response = self._refused(error, request)
            except Exception:
                response = self._refused(internal_error("exchange"), request)
            if exchange.portal.scheme == "dpop":
                response.headers["DPoP-Nonce"] = self._nonces.current(self._wall_clock())
            return response

        return handle

    def _refused(self, refusal: BridgeError, request: Request) -> Response:
        self._observer.on_refused(SignInDoorName.PORTAL, refusal.code)
        response = _refusal(refusal)
        if "dpop" in refusal.code and "authorization" in request.headers:
            # RFC 9449 §7.1: as a client expects it that treats this endpoint as any resource.
            response.status_code = 401
            response.headers["WWW-Authenticate"] = f'DPoP error="{refusal.code}", algs="{" ".join(ALGORITHMS)}"'
        return response

    async def _exchange(self, exchange: Exchange, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/x-www-form-urlencoded":
            raise ExchangeError("invalid_request", "The body is a form.", field="Content-Type")
        form = _parse(await read_text(request, MAX_BODY_BYTES))
        if form.get("room"):
            room_id(exchange.portal.tenant, form["room"])
        proofs = request.headers.getlist("dpop")
        if len(proofs) > 1:
            raise ExchangeError("invalid_dpop_proof", "There is more than one proof.", field="DPoP")
        presented = Presented(
            method=request.method,
            url=f"{self._public_url}/v1/token/{exchange.portal.id}",
            proof=proofs[0] if proofs else None,
            authorization=request.headers.get("authorization"),
        )
        admitted = await exchange.exchange(form, presented)
        self._observer.on_token_given(
            TokenGiven(
                door=SignInDoorName.PORTAL,
                tenant=exchange.portal.tenant,
                room=admitted.room,
                role=admitted.role,
                level=admitted.level.word,
                by=exchange.portal.id,
                identity=admitted.identity,
            )
        )
        body = {
            "access_token": admitted.token,
            "issued_token_type": JWT,
            # RFC 8693 §2.2.1: what is no access token has no type as one.
            "token_type": "N_A",
            "expires_in": max(0, int(admitted.expires_at - self._wall_clock())),
            "room": admitted.room,
            "role": admitted.role,
            "level": admitted.level.word,
        }
        return JSONResponse(body, headers={"Cache-Control": "no-store"})


def _parse(body: str) -> dict[str, str]:
    """A form. Raises `ExchangeError`; each parameter may stand there once (RFC 6749 §3.2)."""
    try:
        pairs = parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MAX_FIELDS)
    except ValueError:
        raise ExchangeError("invalid_request", "The body is no form.") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise ExchangeError("invalid_request", "A parameter stands there twice.")
    return form


def _refusal(refusal: BridgeError) -> Response:
    """RFC 6749 §5.2. What is not the client's fault says so by its status."""
    status, error = 400, refusal.code
    if not isinstance(refusal, ExchangeError):
        unavailable = refusal.code in ("signin_unavailable", "signin_busy")
        status = 503 if unavailable else 500 if refusal.code == "internal_error" else 400
        error = "temporarily_unavailable" if unavailable else "server_error" if status == 500 else "invalid_request"
    body = {"error": error, "error_description": refusal.message}
    if refusal.field is not None:
        body["field"] = refusal.field
    if refusal.hint is not None:
        body["hint"] = refusal.hint
    return JSONResponse(body, status, headers={"Cache-Control": "no-store"})
