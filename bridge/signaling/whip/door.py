"""WHIP at `/whip/{room}` and WHEP at `/whep/{room}`: POST an offer, PATCH and DELETE what it made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.room import in_lobby
from bridge.sfu import ComposedLayout, ConnectionKind, View
from bridge.signaling.bearer import bearer_token
from bridge.signaling.body import read_text
from bridge.signaling.calls import Call, Calls, Door, Ended, JoinClaims, Notice
from bridge.signaling.cors import CorsPolicy
from bridge.signaling.incidents import internal_error
from bridge.signaling.problem import problem
from bridge.signaling.rate_limit import RateLimit
from bridge.signaling.whip.bearer import Owner
from bridge.signaling.whip.negotiation import (
    SDP,
    SDP_FRAGMENT,
    check_accept,
    check_content_type,
    read_layout,
    read_view,
)
from bridge.signaling.whip.resources import Resource, Resources, new_etag
from bridge.signaling.whip.settings import WhipIceServer, WhipSettings

ENDPOINT_METHODS = ("POST", "OPTIONS")
RESOURCE_METHODS = ("PATCH", "DELETE", "OPTIONS")
ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

_Handler = Callable[[Request], Awaitable[Response]]


class WhipDoor:
    """Both doors: they differ in who offers to send."""

    def __init__(self, calls: Calls, settings: WhipSettings) -> None:
        self._calls = calls
        self._settings = settings
        self._resources = Resources()
        self._cors = CorsPolicy(settings.allowed_origins)
        self._links = [_link(server) for server in settings.ice_servers]
        self._joins = RateLimit(settings.max_joins_per_second, settings.join_burst, calls.clock)

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here. Every method comes here, so that 405 is ours to say."""
        return [
            Route(path, self._endpoint(door), methods=ANY_METHOD)
            for path, door in (("/whip/{room}", Door.WHIP), ("/whep/{room}", Door.WHEP))
        ] + [
            Route(path, self._resource(door), methods=ANY_METHOD)
            for path, door in (("/whip/{room}/{resource}", Door.WHIP), ("/whep/{room}/{resource}", Door.WHEP))
        ]

    def _endpoint(self, door: Door) -> _Handler:
        async def post(request: Request) -> Response:
            return await self._post(request, door)

        return self._guarded(door, {"POST": post}, ENDPOINT_METHODS, {"Accept-Post": SDP})

    def _resource(self, door: Door) -> _Handler:
        handlers: dict[str, _Handler] = {"PATCH": self._patch, "DELETE": self._delete}
        return self._guarded(door, handlers, RESOURCE_METHODS, {"Accept-Patch": SDP_FRAGMENT})

    def _guarded(
        self, door: Door, handlers: dict[str, _Handler], methods: Sequence[str], accepts: dict[str, str]
    ) -> _Handler:
        """Wraps handlers by method: OPTIONS, 405, refusals as problem documents, CORS on everything."""
        # A slash in a room's name, be it written %2F, leads to the path of a session.
        hint = f"An offer is POSTed to /{door.value}/ROOM; the Location of its answer takes PATCH and DELETE."

        async def handle(request: Request) -> Response:
            if request.method == "OPTIONS":
                headers = {"Allow": ", ".join(methods), **accepts, **self._cors.preflight_headers(request, methods)}
                return Response(status_code=204, headers=headers)
            handler = handlers.get(request.method)
            try:
                if handler is None:
                    raise BridgeError("method_not_allowed", "This method means nothing here.", hint=hint)
                response = await handler(request)
            except BridgeError as refusal:
                response = self._refused(door, refusal, methods, accepts)
            except Exception:
                response = self._refused(door, internal_error(door.value), methods, accepts)
            response.headers.update(self._cors.headers(request))
            return response

        return handle

    def _refused(self, door: Door, refusal: BridgeError, methods: Sequence[str], accepts: dict[str, str]) -> Response:
        self._calls.observer.on_refused(door, refusal.code)
        headers: dict[str, str] = {}
        if refusal.code == "method_not_allowed":
            headers["Allow"] = ", ".join(methods)
        elif refusal.code == "unsupported_media_type":
            headers.update(accepts)
        return problem(refusal, headers)

    async def _post(self, request: Request, door: Door) -> Response:
        """RFC 9725 §4.2: an offer in, a resource and an answer out."""
        token = bearer_token(request)
        claims = await self._calls.verify(token, room=request.path_params["room"])
        self._calls.count_join(claims)
        # Not before: who has no token, or joins all the time, must not use up what is left for the others.
        self._check_rate()
        check_content_type(request, SDP)
        check_accept(request, SDP)
        query = request.query_params
        view, layout = read_view(query.get("view")), read_layout(query.get("layout"), query.get("shape"))
        offer = await read_text(request, self._settings.max_body_bytes)
        call = self._calls.join(claims, door)
        if call.waiting:
            # There is no answer to give yet, and HTTP has no way to give it later: the client asks again.
            call.knock()
            raise in_lobby()
        try:
            answer = await self._negotiate(call, door, offer, query.get("participant"), view, layout)
        except BaseException:
            call.leave()
            raise
        resource = self._keep(call, claims, token, door)
        response = Response(
            answer,
            status_code=201,
            media_type=SDP,
            headers={
                "Location": f"/{door.value}/{claims.room}/{resource.id}",
                "ETag": resource.etag,
                "Accept-Patch": SDP_FRAGMENT,
                "Cache-Control": "no-store",
            },
        )
        for link in self._links:
            response.headers.append("Link", link)
        return response

    async def _negotiate(
        self, call: Call, door: Door, offer: str, participant_id: str | None, view: View | None, layout: ComposedLayout
    ) -> str:
        if door is Door.WHEP:
            return (await call.receiving.watch(offer, participant_id, view, layout)).answer
        published = await call.publish(offer, {})
        if not published.sources:
            reasons = {rejected.code: rejected.message for rejected in published.rejected}
            if "not_granted" in reasons:
                raise BridgeError("not_granted", reasons["not_granted"])
            raise BridgeError(
                "no_usable_media",
                "The offer has no media that can be published here.",
                hint=" ".join(reasons.values()) or "Offer at least one m-line that sends.",
            )
        return published.answer

    def _keep(self, call: Call, claims: JoinClaims, token: str, door: Door) -> Resource:
        connection = ConnectionKind.PUBLISH if door is Door.WHIP else ConnectionKind.SUBSCRIBE
        resource = Resource(call, Owner(claims, token), connection)
        if call.ended is not None:
            # Replaced, or shut down, while its answer was being made.
            raise BridgeError("session_not_found", "The session has ended already.")
        self._resources.add(resource)

        def on_notice(notice: Notice) -> None:
            if isinstance(notice, Ended):
                self._resources.remove(resource.id)

        call.attach(on_notice)
        return resource

    async def _patch(self, request: Request) -> Response:
        """RFC 9725 §4.3: candidates, which are not needed, or an ICE restart.

        MediaMTX's pages send candidates without a token, and begin anew where these are refused: they are taken with
        the ICE password, which only its client and the bridge know, and have no effect.
        """
        if "authorization" not in request.headers and await self._trickles(request):
            return Response(status_code=204)
        resource = await self._authorized(request)
        check_content_type(request, SDP_FRAGMENT)
        fragment = await read_text(request, self._settings.max_body_bytes)
        demanded = resource.demands_restart(request.headers.getlist("if-match"))
        answer = await resource.call.restart_ice(resource.connection, fragment, demanded=demanded)
        if answer is None:
            return Response(status_code=204)
        resource.etag = new_etag()
        headers = {"ETag": resource.etag, "Cache-Control": "no-store"}
        return Response(answer, media_type=SDP_FRAGMENT, headers=headers)

    async def _trickles(self, request: Request) -> bool:
        """Whether it brings candidates for a session, and its ICE credentials.

        Who it is from is told by the body alone, so that it is read from strangers too: no more than candidates need.
        """
        try:
            resource = self._resources.get(request.path_params["resource"])
            check_content_type(request, SDP_FRAGMENT)
            fragment = await read_text(request, self._settings.max_candidates_bytes)
            return resource.call.trickles(resource.connection, fragment)
        except BridgeError:
            # Whoever has no token is told nothing else.
            return False

    async def _delete(self, request: Request) -> Response:
        """RFC 9725 §4.2: the end of the session."""
        resource = await self._authorized(request)
        resource.call.leave()
        return Response(status_code=200)

    async def _authorized(self, request: Request) -> Resource:
        """The resource, if the request may have it. A stranger learns nothing about which ids exist."""
        token = bearer_token(request)
        try:
            resource = self._resources.get(request.path_params["resource"])
        except BridgeError:
            await self._calls.verify(token)
            raise
        await resource.owner.check(token, self._calls.verifier)
        return resource

    def _check_rate(self) -> None:
        if not self._joins.take():
            raise BridgeError("rate_limited", "Too many clients join at once.", hint="Try again in a moment.")


def _link(server: WhipIceServer) -> str:
    """A Link header value (RFC 8288) as RFC 9725 §4.6 has it."""
    parts = [f"<{server.url}>", 'rel="ice-server"']
    if server.username is not None and server.credential is not None:
        parts += [
            f"username={_quoted(server.username)}",
            f"credential={_quoted(server.credential)}",
            'credential-type="password"',
        ]
    return "; ".join(parts)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
