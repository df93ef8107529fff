"""Operators sign in at an OpenID provider: off to it, back from it, and out of it.

Browsers do not send the session's cookie (`SameSite=Strict`) with what another site leads them to, so that a sign-in
under way has one of its own, which is good for nothing else and gone after ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from bridge.auth.oidc import SignInError, unknown_state
from bridge.auth.operator_sessions import OperatorSession, OperatorSessions
from bridge.auth.operators import OperatorProvider
from bridge.auth.sessions import Session, Sessions
from bridge.errors import BridgeError
from bridge.signaling.admin.attempts import Attempts
from bridge.signaling.admin.cookie import NO_STORE, PENDING_COOKIE, forget_pending, set_pending, set_session
from bridge.signaling.admin.ports import OperatorObserver

PAGE = "/admin"


@dataclass(frozen=True, slots=True)
class OperatorSignIn:
    """What operators' providers take; without any of them there is nothing to sign in at."""

    providers: Mapping[str, OperatorProvider]
    pending: Sessions
    """Browsers in which a sign-in is under way."""
    public_url: str


class SignInHandlers:
    """The handlers, for the door to route and to guard."""

    def __init__(
        self, signin: OperatorSignIn, sessions: OperatorSessions, observer: OperatorObserver, attempts: Attempts
    ) -> None:
        self._providers = signin.providers
        self._pending = signin.pending
        self._public_url = signin.public_url
        self._sessions = sessions
        self._observer = observer
        self._attempts = attempts

    async def list(self, request: Request) -> Response:
        """The buttons of the page, in the order of the settings."""
        offered = [each.party.provider for each in self._providers.values()]
        return JSONResponse({"providers": [{"id": each.id, "title": each.title} for each in offered]}, headers=NO_STORE)

    async def start(self, request: Request) -> Response:
        """Off to the provider. Somebody sees the page, whatever becomes of it."""
        try:
            provider = self._provider(request)
            if not self._attempts.take("" if request.client is None else request.client.host):
                raise BridgeError("rate_limited", "Too many attempts to sign in.", hint="Try again in a minute.")
            session, cookie = self._browser(request), None
            if session is None:
                cookie, session = self._pending.open()
            pending, url = await provider.party.start(provider.level, again=session.step_up)
            session.add_pending(pending)
        except BridgeError as refusal:
            return _to_page(refusal.code)
        response = RedirectResponse(url, 303, headers=NO_STORE)
        if cookie is not None:
            set_pending(response, cookie)
        return response

    async def callback(self, request: Request) -> Response:
        """Back from the provider: in, or with a reason to the page."""
        name = request.path_params["provider"]
        browser = self._browser(request)
        try:
            provider = self._provider(request)
            if browser is None:
                raise unknown_state()
            pending = browser.pending.pop(request.query_params.get("state", ""), None)
            # Of this provider: an answer that comes to another one's address is a mix-up (RFC 9700 §4.4).
            if pending is None or pending.provider != provider.party.provider.id:
                raise unknown_state()
            who = await provider.party.finish(pending, request.query_params)
            operator = provider.operator(who)
            await self._observer.on_signed_in(operator.id, {"provider": name, "level": who.level.word})
        except BridgeError as refusal:
            if isinstance(refusal, SignInError):
                self._observer.on_not_signed_in({"provider": name[:32], "code": refusal.code})
            if browser is not None and refusal.code in ("signin_level_too_low", "operator_not_allowed"):
                # Asked again, the provider would answer the same without asking anybody.
                browser.step_up = True
            return _to_page(refusal.code)
        self._pending.close(browser)
        cookie, _ = self._sessions.open_for(operator, provider=name, sid=who.sid)
        response = RedirectResponse(PAGE, 303, headers=NO_STORE)
        set_session(response, cookie)
        forget_pending(response)
        return response

    async def logged_out(self, request: Request) -> Response:
        """OpenID Connect Front-Channel Logout 1.0: the provider shows this in a hidden frame when somebody signs out.

        The frame has none of our cookies, so the session is found by the `sid` that only the provider and we know.
        """
        issuer = self._provider(request).party.provider.issuer
        sid = request.query_params.get("sid")
        if request.query_params.get("iss") != issuer or not sid:
            raise BridgeError("bad_request", "A provider signs people out by its `iss` and their `sid`.", field="sid")
        for session in self._sessions.close_at(request.path_params["provider"], sid):
            self._observer.on_signed_out("" if session.operator is None else session.operator.id)
        parts = urlsplit(issuer)
        policy = f"default-src 'none'; frame-ancestors {parts.scheme}://{parts.netloc}"
        return Response(status_code=200, headers={**NO_STORE, "Content-Security-Policy": policy})

    async def end_session_url(self, session: OperatorSession) -> str | None:
        """Where the browser goes to be signed out at the provider too; None where there is no such place."""
        provider = self._providers.get(session.provider or "")
        if provider is None:
            return None
        try:
            return await provider.party.end_session_url(f"{self._public_url}{PAGE}")
        except SignInError:
            # Signed out here all the same; the provider's own session ends by itself.
            return None

    def _provider(self, request: Request) -> OperatorProvider:
        provider = self._providers.get(request.path_params["provider"])
        if provider is None:
            raise SignInError("signin_unknown_provider", "There is no such provider here.")
        return provider

    def _browser(self, request: Request) -> Session | None:
        return self._pending.find(request.cookies.get(PENDING_COOKIE))


def _to_page(problem: str) -> Response:
    return RedirectResponse(f"{PAGE}?{urlencode({'problem': problem})}", 303, headers=NO_STORE)
