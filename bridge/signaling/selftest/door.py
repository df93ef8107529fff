"""The self-test by HTTP: `POST /v1/selftest` offers what is sent, `POST /v1/selftest/{id}` what is received.

A join token says who tests. The room that it opens is not touched: nobody is told, and nobody's media comes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.signaling.bearer import bearer_token
from bridge.signaling.body import read_text
from bridge.signaling.calls import Calls, JoinClaims
from bridge.signaling.cors import CorsPolicy
from bridge.signaling.incidents import internal_error
from bridge.signaling.problem import problem
from bridge.signaling.selftest.tests import SelfTest, SelfTests, SelfTestSettings

SDP = "application/sdp"
PATH = "/v1/selftest"
ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_Handler = Callable[[Request, JoinClaims], Awaitable[Response]]


class SelfTestDoor:
    """Lets whoever is about to join send media to the bridge and get it back."""

    def __init__(self, calls: Calls, settings: SelfTestSettings) -> None:
        self._calls = calls
        self._settings = settings
        self._cors = CorsPolicy(settings.allowed_origins)
        self.tests = SelfTests(calls.media, settings, calls.spawn)

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here. Every method comes here, so that 405 is ours to say."""
        begin: dict[str, _Handler] = {"POST": self._begin}
        go_on: dict[str, _Handler] = {"POST": self._echo, "GET": self._measure, "DELETE": self._end}
        return [
            Route(PATH, self._guarded(begin), methods=ANY_METHOD),
            Route(f"{PATH}/{{test_id}}", self._guarded(go_on), methods=ANY_METHOD),
        ]

    def _guarded(self, handlers: Mapping[str, _Handler]) -> Callable[[Request], Awaitable[Response]]:
        methods = (*handlers, "OPTIONS")

        async def handle(request: Request) -> Response:
            if request.method == "OPTIONS":
                headers = {"Allow": ", ".join(methods), **self._cors.preflight_headers(request, methods)}
                return Response(status_code=204, headers=headers)
            handler = handlers.get(request.method)
            try:
                if handler is None:
                    raise BridgeError("method_not_allowed", "This method means nothing here.")
                claims = await self._calls.verify(bearer_token(request))
                response = await handler(request, claims)
            except BridgeError as refusal:
                response = problem(refusal, {"Allow": ", ".join(methods)} if handler is None else None)
            except Exception:
                response = problem(internal_error("selftest"))
            response.headers.update(self._cors.headers(request))
            response.headers["Cache-Control"] = "no-store"
            return response

        return handle

    async def _begin(self, request: Request, claims: JoinClaims) -> Response:
        self._calls.count_join(claims)
        offer = await self._offer(request)
        test = self.tests.start(claims)
        try:
            answer = await test.publish(offer)
        except BaseException:
            self.tests.end(test)
            raise
        return Response(answer, 201, {"Location": f"{PATH}/{test.id}"}, media_type=SDP)

    async def _echo(self, request: Request, claims: JoinClaims) -> Response:
        test = self._test(request, claims)
        return Response(await test.echo(await self._offer(request)), media_type=SDP)

    async def _measure(self, request: Request, claims: JoinClaims) -> Response:
        """What the bridge knows of the line towards the client, and the client does not."""
        received = (await self._test(request, claims).media.stats())["subscribe"]
        return JSONResponse({"estimate": None if received is None else received["estimate"]})

    async def _end(self, request: Request, claims: JoinClaims) -> Response:
        test = self.tests.get(request.path_params["test_id"], claims)
        if test is not None:
            self.tests.end(test)
        # One whose connections were closed has ended by itself.
        return Response(status_code=204)

    def _test(self, request: Request, claims: JoinClaims) -> SelfTest:
        return self.tests.find(request.path_params["test_id"], claims)

    async def _offer(self, request: Request) -> str:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != SDP:
            raise BridgeError("unsupported_media_type", f"The body has to be {SDP}.", field="Content-Type")
        return await read_text(request, self._settings.max_body_bytes)
