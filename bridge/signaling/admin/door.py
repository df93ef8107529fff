"""`/admin`: operators sign in by a key of theirs or at a provider, see what the bridge does, and have it drain.

The page asks with `fetch` and gets JSON. No answer holds a name, an identity, an address or a token.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.auth.operator_keys import DRAIN, OperatorKeys
from bridge.auth.operator_sessions import OperatorSession, OperatorSessions
from bridge.auth.operators import Operator
from bridge.errors import BridgeError
from bridge.signaling.admin.attempts import Attempts
from bridge.signaling.admin.cookie import COOKIE, NO_STORE, forget_session, set_session
from bridge.signaling.admin.ports import AdminDoorName, Drain, OperatorObserver, Overview
from bridge.signaling.admin.signin import OperatorSignIn, SignInHandlers
from bridge.signaling.body import read_text
from bridge.signaling.csrf import CSRF_HEADER, CsrfError, check_same_origin
from bridge.signaling.networks import Network, comes_from
from bridge.signaling.problem import Handler, guarded
from bridge.signaling.rate_limit import RateLimit

MAX_BODY_BYTES = 1024
MAX_FIND = 257
"""Characters of a room's id, at most."""
LOOKS_PER_SECOND, LOOK_BURST = 20.0, 60
"""Of all operators together: each takes a millisecond or two of the event loop that calls are on."""


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """Who gets in."""

    keys: OperatorKeys
    sessions: OperatorSessions
    networks: Sequence[Network]
    """Where operators are."""
    signin: OperatorSignIn
    """Providers that they sign in at."""


class AdminDoor:
    """The routes of operators."""

    def __init__(
        self,
        access: AdminAccess,
        overview: Overview,
        drain: Drain,
        page: Handler,
        *,
        observer: OperatorObserver,
        clock: Callable[[], float],
    ) -> None:
        """`page` gives the page itself. `clock`: see `RateLimit`."""
        self._keys = access.keys
        self._sessions = access.sessions
        self._networks = tuple(access.networks)
        self._overview = overview
        self._drain = drain
        self._page = page
        self._observer = observer
        self._attempts = Attempts(clock)
        self._signin = SignInHandlers(access.signin, access.sessions, observer, self._attempts)
        self._looks = RateLimit(LOOKS_PER_SECOND, LOOK_BURST, clock)

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here."""
        return [
            Route("/admin", self._guarded(self._page), methods=["GET"]),
            Route("/admin/session", self._guarded(self._session), methods=["GET", "POST", "DELETE"]),
            Route("/admin/providers", self._guarded(self._signin.list), methods=["GET"]),
            Route("/admin/signin/{provider}", self._guarded(self._signin.start), methods=["GET"]),
            Route("/admin/signin/{provider}/callback", self._guarded(self._signin.callback), methods=["GET"]),
            Route("/admin/signin/{provider}/logout", self._guarded(self._signin.logged_out), methods=["GET"]),
            Route("/admin/overview", self._guarded(self._look), methods=["GET"]),
            Route("/admin/drain", self._guarded(self._set_draining), methods=["POST"]),
        ]

    async def _session(self, request: Request) -> Response:
        """Who has signed in; signs in and out."""
        if request.method == "POST":
            return await self._sign_in(request)
        if request.method == "DELETE":
            return await self._sign_out(request)
        return _described(*self._signed_in(request))

    async def _sign_in(self, request: Request) -> Response:
        check_same_origin(request)
        if not self._attempts.take("" if request.client is None else request.client.host):
            raise BridgeError("rate_limited", "Too many attempts to sign in.", hint="Try again in a minute.")
        text = await _field(request, "key", str)
        key = self._keys.find(text.strip())
        if key is None:
            self._observer.on_not_signed_in({})
            raise BridgeError(
                "operator_key_refused",
                "This key lets nobody in: it is mistyped, or was revoked.",
                field="key",
                hint="`bridge operator create` makes one.",
            )
        await self._observer.on_signed_in(key.id, {})
        cookie, session = self._sessions.open(key.id)
        response = _described(session, Operator(key.id, key.label, frozenset(key.rights)))
        set_session(response, cookie)
        return response

    async def _sign_out(self, request: Request) -> Response:
        """Ends the session; where the browser has to go on to end the provider's, the answer says so."""
        session, operator = self._checked(request)
        self._sessions.close(session)
        self._observer.on_signed_out(operator.id)
        location = await self._signin.end_session_url(session)
        response = Response(status_code=204, headers=NO_STORE)
        if location is not None:
            response = JSONResponse({"location": location}, headers=NO_STORE)
        forget_session(response)
        return response

    async def _look(self, request: Request) -> Response:
        self._signed_in(request)
        if not self._looks.take():
            raise BridgeError("rate_limited", "Too many operators look at once.", hint="The page asks again by itself.")
        query = request.query_params
        shown = self._overview.describe(
            revision=int(_number(query.get("revision", "0"), "revision")),
            sampled=_number(query.get("sampled", "0"), "sampled"),
            find=query.get("find", "")[:MAX_FIND],
        )
        return JSONResponse(shown, headers=NO_STORE)

    async def _set_draining(self, request: Request) -> Response:
        _, operator = self._checked(request)
        if DRAIN not in operator.rights:
            raise BridgeError(
                "right_missing",
                "This takes the right to drain, which you have not.",
                hint="A key has it by `bridge operator create --right drain`, a sign-in by admin.providers.operators.",
            )
        draining = await _field(request, "draining", bool)
        await self._drain.set(draining, f"operator:{operator.id}")
        return JSONResponse({"draining": draining}, headers=NO_STORE)

    def _signed_in(self, request: Request) -> tuple[OperatorSession, Operator]:
        """Whose request it is. Raises `BridgeError` (`operator_signin_required`)."""
        session = self._sessions.find(request.cookies.get(COOKIE))
        if session is not None and session.operator is not None:
            return session, session.operator
        key = None if session is None else self._keys.active(session.key_id)
        if session is not None and key is not None:
            return session, Operator(key.id, key.label, frozenset(key.rights))
        if session is not None:
            # The key was revoked meanwhile.
            self._sessions.close(session)
        raise BridgeError("operator_signin_required", "Nobody is signed in, or the session has ended.")

    def _checked(self, request: Request) -> tuple[OperatorSession, Operator]:
        """Whose request it is that changes something. Raises `BridgeError`."""
        check_same_origin(request)
        session, operator = self._signed_in(request)
        if not session.check_csrf(request.headers.get(CSRF_HEADER)):
            raise CsrfError(f"{CSRF_HEADER} has to hold the `csrf` of /admin/session.")
        return session, operator

    def _guarded(self, handler: Handler) -> Handler:
        """Only for operators' networks; refusals as problem documents, what nobody expected as an incident."""

        async def handle(request: Request) -> Response:
            if not comes_from(request, self._networks):
                raise BridgeError("not_granted", "The operators' page is not shown to this address.")
            return await handler(request)

        return guarded(handle, "admin", partial(self._observer.on_refused, AdminDoorName.ADMIN))


def _described(session: OperatorSession, operator: Operator) -> JSONResponse:
    body = {
        "key": session.key_id or None,
        "provider": session.provider or None,
        "label": operator.label,
        "rights": sorted(operator.rights),
        "csrf": session.csrf,
    }
    return JSONResponse(body, headers=NO_STORE)


async def _field(request: Request, name: str, kind: type[Any]) -> Any:
    """The one value of a small JSON object. Raises `BridgeError`."""
    try:
        document = json.loads(await read_text(request, MAX_BODY_BYTES))
    except (ValueError, RecursionError):
        document = None
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        word = {str: "text", bool: "true or false"}[kind]
        raise BridgeError("bad_request", f"The body is a JSON object; {name} is {word}.", field=name)
    return value


def _number(text: str, field: str) -> float:
    """A number of a query. Raises `BridgeError`."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < 1e15:
        raise BridgeError("bad_request", f"{field} is a number that an answer gave.", field=field)
    return number
