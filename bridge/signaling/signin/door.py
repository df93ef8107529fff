"""`/signin/…`: from a link, by a sign-in at a provider or a guest's answer, to a join token.

The page asks with `fetch` and gets JSON; only `start` and `callback` are navigations, there and back from the provider.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from bridge.auth.admission import Admission, not_found
from bridge.auth.invitations import Invitation, InvitationError
from bridge.auth.levels import Level
from bridge.auth.oidc import Provider, RelyingParty, SignInError, unknown_state
from bridge.auth.sessions import Session, Sessions
from bridge.errors import BridgeError
from bridge.signaling.body import read_text
from bridge.signaling.csrf import check_same_origin
from bridge.signaling.problem import Handler, guarded
from bridge.signaling.rate_limit import RateLimit
from bridge.signaling.signin.cookie import COOKIE, check_csrf, clear_cookie, set_cookie
from bridge.signaling.signin.observer import (
    InvitationRefused,
    SignInDoorName,
    SignInEnded,
    SignInObserver,
    TokenGiven,
)

PAGE = "/signin"
MAX_BODY_BYTES = 4096
NO_STORE = {"Cache-Control": "no-store"}
STARTS_PER_SECOND, START_BURST = 50.0, 200
"""Sign-ins that may be started, by all together: each costs the provider and us a request or two."""
LINKS_PER_SECOND, LINK_BURST = 100.0, 500
"""Links that may be opened, by all together: at this rate, guessing one takes longer than the earth lasts."""


class SignInDoor:
    """The routes of the browser."""

    def __init__(
        self,
        providers: Mapping[str, RelyingParty],
        sessions: Sessions,
        admission: Admission,
        *,
        public_url: str | None,
        embedded: bool,
        observer: SignInObserver,
        clock: Callable[[], float],
    ) -> None:
        """`embedded`: vendors may show our pages in frames. `clock`: see `RateLimit`."""
        self._providers = providers
        self._sessions = sessions
        self._admission = admission
        self._public_url = public_url
        self._embedded = embedded
        self._observer = observer
        self._starts = RateLimit(STARTS_PER_SECOND, START_BURST, clock)
        self._links = RateLimit(LINKS_PER_SECOND, LINK_BURST, clock)

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here."""
        return [
            Route("/signin/session", self._guarded(self._describe), methods=["GET"]),
            Route("/signin/invitation", self._guarded(self._open), methods=["POST"]),
            Route("/signin/answer", self._guarded(self._answer), methods=["POST"]),
            Route("/signin/join", self._guarded(self._join), methods=["POST"]),
            Route("/signin/signout", self._guarded(self._sign_out), methods=["POST"]),
            Route("/signin/{provider}/start", self._guarded(self._start), methods=["GET"]),
            Route("/signin/{provider}/callback", self._guarded(self._callback), methods=["GET"]),
            Route("/signin/{provider}/logout", self._guarded(self._logged_out), methods=["GET"]),
        ]

    async def _describe(self, request: Request) -> Response:
        """What the page has to show: who signs people in, who has signed in, and what the link still takes."""
        return JSONResponse(await self._state(self._find(request)), headers=NO_STORE)

    async def _open(self, request: Request) -> Response:
        """The code of a link in; a session that holds its invitation out. Looking at a link does not use it up."""
        check_same_origin(request)
        if not self._links.take():
            raise SignInError("signin_busy", "Too many links are opened at the moment.", hint="Try again in a minute.")
        invitation = await self._admission.open(await _text_of(request, "code"))
        session, cookie = self._find(request), None
        if session is None:
            cookie, session = self._sessions.open()
        if session.invitation != invitation.id:
            session.invitation, session.answered = invitation.id, False
        response = JSONResponse(await self._state(session), headers=NO_STORE)
        if cookie is not None:
            set_cookie(response, cookie, embedded=self._embedded)
        return response

    async def _answer(self, request: Request) -> Response:
        """The answer to the link's question."""
        session = self._checked(request)
        answer = await _text_of(request, "answer")
        invitation = await self._invitation(session)
        with self._noting(invitation):
            await self._admission.answer(invitation, answer)
        session.answered = True
        return JSONResponse(await self._state(session), headers=NO_STORE)

    async def _join(self, request: Request) -> Response:
        """A join token, and where the page goes with it."""
        session = self._checked(request)
        invitation = await self._invitation(session)
        with self._noting(invitation):
            admitted = await self._admission.admit(invitation, session.id, session.signed_in, answered=session.answered)
        self._observer.on_token_given(
            TokenGiven(
                door=SignInDoorName.BROWSER,
                tenant=invitation.tenant,
                room=admitted.room,
                role=admitted.role,
                level=admitted.level.word,
                by=invitation.id,
                identity=admitted.identity,
            )
        )
        body = {
            "token": admitted.token,
            # The fragment never reaches a server or its logs.
            "location": f"/join#{quote(admitted.token)}",
            "room": admitted.room,
            "role": admitted.role,
            "level": admitted.level.word,
            "expires_at": int(admitted.expires_at),
        }
        return JSONResponse(body, headers=NO_STORE)

    async def _start(self, request: Request) -> Response:
        """Off to the provider, at the level that the link takes."""
        party = self._party(request)
        if not self._starts.take():
            raise SignInError("signin_busy", "Too many sign-ins start at the moment.", hint="Try again in a minute.")
        session, cookie = self._find(request), None
        if session is None:
            cookie, session = self._sessions.open()
        level = Level.LOW
        if session.invitation is not None:
            level = max(level, self._admission.needed(await self._invitation(session)))
        known = session.signed_in
        pending, url = await party.start(level, again=session.step_up or (known is not None and known.level < level))
        session.add_pending(pending)
        response = RedirectResponse(url, 303, headers=NO_STORE)
        if cookie is not None:
            set_cookie(response, cookie, embedded=self._embedded)
        return response

    async def _callback(self, request: Request) -> Response:
        """Back from the provider. Whatever becomes of it, the person sees our page."""
        party, session = self._party(request), self._find(request)
        response: Response
        try:
            if session is None:
                raise unknown_state()
            pending = session.pending.pop(request.query_params.get("state", ""), None)
            # Of this provider: an answer that comes to another one's address is a mix-up (RFC 9700 §4.4).
            if pending is None or pending.provider != party.provider.id:
                raise unknown_state()
            session.signed_in = await party.finish(pending, request.query_params)
            session.step_up = False
            await self._note_sign_in(session, party.provider.id, session.signed_in.level.word)
            response = RedirectResponse(PAGE, 303, headers=NO_STORE)
            set_cookie(response, self._sessions.renew(session), embedded=self._embedded)
        except SignInError as refusal:
            await self._note_sign_in(session, party.provider.id, refusal.code)
            if session is not None and refusal.code == "signin_level_too_low":
                session.step_up = True
            response = RedirectResponse(f"{PAGE}?{urlencode({'problem': refusal.code})}", 303, headers=NO_STORE)
        return response

    async def _sign_out(self, request: Request) -> Response:
        """Ends the session here; the answer says where to go to end it at the provider too."""
        session = self._checked(request)
        self._sessions.close(session)
        location = None
        if session.signed_in is not None and session.signed_in.provider in self._providers:
            party = self._providers[session.signed_in.provider]
            try:
                location = await party.end_session_url(f"{self._public_url}{PAGE}")
            except SignInError:
                # Signed out here all the same; the provider's own session ends by itself.
                location = None
        response = JSONResponse({"location": location or PAGE}, headers=NO_STORE)
        clear_cookie(response, embedded=self._embedded)
        return response

    async def _logged_out(self, request: Request) -> Response:
        """OpenID Connect Front-Channel Logout 1.0: the provider shows this in a hidden frame when somebody signs out.

        The frame has none of our cookies, so the session is found by the `sid` that only the provider and we know.
        """
        party = self._party(request)
        sid = request.query_params.get("sid")
        if request.query_params.get("iss") != party.provider.issuer or not sid:
            raise BridgeError("bad_request", "A provider signs people out by its `iss` and their `sid`.", field="sid")
        self._sessions.close_at(party.provider.id, sid)
        policy = f"default-src 'none'; frame-ancestors {_origin(party.provider.issuer)}"
        return Response(status_code=200, headers={**NO_STORE, "Content-Security-Policy": policy})

    def _guarded(self, handler: Handler) -> Handler:
        return guarded(handler, "signin", partial(self._observer.on_refused, SignInDoorName.BROWSER))

    @contextlib.contextmanager
    def _noting(self, invitation: Invitation) -> Iterator[None]:
        """Tells the observer of a link that does not let somebody in."""
        try:
            yield
        except BridgeError as refusal:
            self._observer.on_invitation_refused(
                InvitationRefused(invitation.tenant, invitation.room, invitation.id, refusal.code)
            )
            raise

    async def _note_sign_in(self, session: Session | None, provider: str, outcome: str) -> None:
        """Tells the observer how a sign-in ended, and for which room it was."""
        tenant = room = ""
        subject = None
        if session is not None:
            if session.signed_in is not None and session.signed_in.level.word == outcome:
                subject = session.signed_in.subject
            with contextlib.suppress(InvitationError):
                invitation = await self._invitation(session)
                tenant, room = invitation.tenant, invitation.room
        self._observer.on_sign_in(SignInEnded(provider, outcome, subject, tenant, room))

    def _party(self, request: Request) -> RelyingParty:
        party = self._providers.get(request.path_params["provider"])
        if party is None:
            raise SignInError("signin_unknown_provider", "There is no such provider here.")
        return party

    def _find(self, request: Request) -> Session | None:
        return self._sessions.find(request.cookies.get(COOKIE))

    def _checked(self, request: Request) -> Session:
        """The session of a request that changes something. Raises `BridgeError`."""
        session = self._find(request)
        if session is None:
            check_same_origin(request)
            raise InvitationError("signin_required", "The session has ended.", hint="Open the link again.")
        check_csrf(request, session)
        return session

    async def _invitation(self, session: Session) -> Invitation:
        if session.invitation is None:
            raise not_found()
        return await self._admission.find(session.invitation)

    async def _state(self, session: Session | None) -> dict[str, Any]:
        offered = [party.provider for party in self._providers.values()]
        state: dict[str, Any] = {"providers": _buttons(offered), "csrf": None, "signed_in": None, "invitation": None}
        if session is None:
            return state
        state["csrf"] = session.csrf
        if session.signed_in is not None:
            who = session.signed_in
            state["signed_in"] = {"provider": who.provider, "level": who.level.word, "name": who.name}
        try:
            invitation = await self._invitation(session)
        except InvitationError:
            return state
        needed = self._admission.needed(invitation)
        state["providers"] = _buttons(Provider.offered(offered, invitation.role, needed))
        state["invitation"] = {
            "role": invitation.role,
            "level": needed.word,
            "opens_at": int(invitation.opens_at),
            "expires_at": int(invitation.expires_at),
            "question": None if session.answered else invitation.question,
            "missing": self._admission.missing(invitation, session.signed_in, answered=session.answered),
        }
        return state


def _buttons(providers: Iterable[Provider]) -> list[dict[str, str]]:
    """As the page shows them, in the order of the settings."""
    return [{"id": each.id, "title": each.title, "kind": each.kind} for each in providers]


async def _text_of(request: Request, name: str) -> str:
    """The one text of a small JSON object."""
    try:
        document = json.loads(await read_text(request, MAX_BODY_BYTES))
    except (ValueError, RecursionError):
        document = None
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, str) or not value:
        raise BridgeError("bad_request", "The body is a JSON object with one text.", field=name)
    return value


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"
