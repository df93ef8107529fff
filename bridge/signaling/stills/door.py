"""Still pictures by HTTP: `PUT /v1/stills/{id}` brings one, `GET` fetches it, each by a ticket that is good for that.

Pictures are in memory only, a bounded number of bounded size, from their arrival until they were fetched or their
request is over, whichever comes first. They are never logged and never written anywhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bridge.errors import BridgeError
from bridge.room import RoomEvent, StillEnded, StillPicture
from bridge.room.stills import still_not_found
from bridge.signaling.bearer import bearer_token
from bridge.signaling.calls import STILL_BYTES_LIMIT, Calls
from bridge.signaling.cors import CorsPolicy
from bridge.signaling.incidents import internal_error
from bridge.signaling.problem import problem
from bridge.signaling.stills.picture import CONTENT_TYPES, Picture, read_picture

METHODS = ("PUT", "GET", "OPTIONS")
ANY_METHOD = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
CHUNK = 64 * 1024
"""Bytes handed to the connection at a time: what a slow reader leaves waits here, where it is bounded."""
_HEADERS = {
    "Cache-Control": "no-store",
    # Were it ever opened by itself: an image, without scripts and without anything from elsewhere.
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "attachment",
}


@dataclass(frozen=True, slots=True)
class StillSettings:
    """Bounds of the door."""

    max_bytes: int = STILL_BYTES_LIMIT
    """Of one picture."""
    capacity: int = 16
    """Pictures at a time, those that are on their way included."""
    upload_timeout: float = 120.0
    """Seconds for a whole picture to arrive: 4 MiB at 300 kbit/s."""
    idle_timeout: float = 15.0
    """Seconds without a byte of it."""
    allowed_origins: tuple[str, ...] = ("*",)


class StillDoor:
    """Takes and hands out the pictures that `Rooms.stills` says are asked for."""

    def __init__(self, calls: Calls, settings: StillSettings) -> None:
        self._stills = calls.rooms.stills
        self._arm = calls.arm
        self._settings = settings
        self._cors = CorsPolicy(settings.allowed_origins)
        self._pictures: dict[str, Picture] = {}
        self._coming: set[str] = set()
        calls.rooms.add_listener(self._on_room_event)

    def routes(self) -> list[Route]:
        """What the HTTP server has to route here. Every method comes here, so that 405 is ours to say."""
        return [Route("/v1/stills/{still_id}", self._serve, methods=ANY_METHOD)]

    @property
    def held(self) -> int:
        """How many pictures are in memory, or on their way into it."""
        return len(self._pictures) + len(self._coming)

    async def _serve(self, request: Request) -> Response:
        if request.method == "OPTIONS":
            headers = {"Allow": ", ".join(METHODS), **self._cors.preflight_headers(request, METHODS)}
            return Response(status_code=204, headers=headers)
        handlers: dict[str, Callable[[Request], Awaitable[Response]]] = {"PUT": self._put, "GET": self._get}
        handler = handlers.get(request.method)
        try:
            if handler is None:
                raise BridgeError("method_not_allowed", "This method means nothing here.")
            response = await handler(request)
        except BridgeError as refusal:
            response = problem(refusal, {"Allow": ", ".join(METHODS)} if handler is None else None)
        except Exception:
            response = problem(internal_error("stills"))
        response.headers.update(self._cors.headers(request))
        return response

    async def _put(self, request: Request) -> Response:
        still_id = request.path_params["still_id"]
        self._stills.upload(still_id, bearer_token(request))
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if content_type not in CONTENT_TYPES:
            raise BridgeError(
                "unsupported_media_type", "The picture is JPEG or PNG.", field="Content-Type", hint="image/jpeg"
            )
        if still_id in self._coming:
            raise BridgeError("request_in_progress", "This picture is on its way already.")
        if self.held >= self._settings.capacity:
            raise BridgeError("too_many_stills", "As many pictures are under way as may be.", hint="Try again shortly.")
        self._coming.add(still_id)
        try:
            # It takes a look at every byte: not on the event loop.
            picture = await asyncio.to_thread(read_picture, await self._read(request, still_id))
            about = StillPicture(picture.content_type, len(picture.data), picture.width, picture.height)
            self._pictures[still_id] = picture
            try:
                self._stills.ready(still_id, about)
            except BridgeError:
                # Whoever asked has gone meanwhile.
                del self._pictures[still_id]
                raise
        finally:
            self._coming.discard(still_id)
        self._arm()
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    async def _read(self, request: Request, still_id: str) -> bytes:
        """The body. Stops as soon as it is too large, too slow, or of no use any more."""
        most = self._settings.max_bytes
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > most:
            raise _too_large(most)
        body = bytearray()
        try:
            async with asyncio.timeout(self._settings.upload_timeout), asyncio.timeout(None) as idle:
                loop = asyncio.get_running_loop()
                idle.reschedule(loop.time() + self._settings.idle_timeout)
                async for chunk in request.stream():
                    idle.reschedule(loop.time() + self._settings.idle_timeout)
                    if len(body) + len(chunk) > most:
                        raise _too_large(most)
                    if not self._stills.is_awaited(still_id):
                        raise still_not_found()
                    body += chunk
        except TimeoutError:
            raise BridgeError("request_timeout", "The picture did not arrive in time.") from None
        except ClientDisconnect:
            raise BridgeError("request_timeout", "The client went before its picture had arrived.") from None
        return bytes(body)

    async def _get(self, request: Request) -> Response:
        still_id = request.path_params["still_id"]
        self._stills.download(still_id, bearer_token(request))
        picture = self._pictures[still_id]
        headers = {**_HEADERS, "Content-Length": str(len(picture.data))}
        return StreamingResponse(self._hand_out(still_id, picture), media_type=picture.content_type, headers=headers)

    async def _hand_out(self, still_id: str, picture: Picture) -> AsyncIterator[bytes]:
        view = memoryview(picture.data)
        for start in range(0, len(view), CHUNK):
            yield bytes(view[start : start + CHUNK])
        # Not reached by whoever was cut off: they may ask again, for as long as the picture is kept.
        self._stills.delivered(still_id)
        self._arm()

    def _on_room_event(self, event: RoomEvent) -> None:
        if isinstance(event, StillEnded):
            self._pictures.pop(event.request.id, None)


def _too_large(most: int) -> BridgeError:
    return BridgeError("body_too_large", f"A picture may have {most} bytes at most.", field="body")
