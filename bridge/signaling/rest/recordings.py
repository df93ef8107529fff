"""`/v1/recordings`: a vendor's own recordings, for those whose key opens them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bridge.errors import BridgeError
from bridge.signaling.rest.bodies import Recording, RecordingPage, Stream
from bridge.signaling.rest.json import NO_STORE, json_response
from bridge.signaling.rest.openapi import Operation
from bridge.signaling.rest.paging import page, read_cursor, read_limit
from bridge.signaling.rest.ports import Auditor, Caller, RecordingArchive, StoredRecording

SCOPE = "recordings"
MAX_EXPORTS = 4
"""Exports at the same time, of all vendors: each keeps a thread and the disk busy."""
EXPORT_SECONDS = 3600.0
"""How long one may take: a client that takes it slower than that does not want it."""
TIMELINE = "application/jsonl"
MEDIA_TYPES = ("video/webm", "audio/webm", "video/mp4", "audio/mp4", TIMELINE)
CONTAINERS = ("webm", "mp4")

_RECORDING = "/v1/recordings/{recording}"


class RecordingOperations:
    """What may be asked of recordings."""

    def __init__(self, archive: RecordingArchive, auditor: Auditor) -> None:
        self._archive = archive
        self._auditor = auditor
        self._exports = 0

    def operations(self) -> dict[Operation, Callable[[Request, Caller], Awaitable[Response]]]:
        """The operations and what carries them out."""
        return {
            Operation(
                "listRecordings",
                "GET",
                "/v1/recordings",
                "Recordings that are kept or being made",
                200,
                RecordingPage,
                paged=True,
                refusals=(403,),
            ): self._list,
            Operation(
                "getRecording", "GET", _RECORDING, "One recording", 200, Recording, refusals=(403, 404)
            ): self._get,
            Operation(
                "exportStream",
                "GET",
                f"{_RECORDING}/streams/{{stream}}",
                "A stream of a recording, decrypted",
                200,
                filters=("format",),
                media_types=MEDIA_TYPES,
                refusals=(403, 404, 409, 500),
            ): self._export,
            Operation(
                "deleteRecording", "DELETE", _RECORDING, "Delete a recording for good", 204, refusals=(403, 404, 409)
            ): self._delete,
        }

    async def _list(self, request: Request, caller: Caller) -> Response:
        _check(caller)
        limit, after = read_limit(request.query_params.get("limit")), read_cursor(request.query_params.get("cursor"))
        kept = await asyncio.to_thread(self._archive.of_tenant, caller.tenant)
        chosen, cursor = page(kept, lambda each: f"{each.created:020.6f} {each.id}", after, limit)
        shown = [_shown(each) for each in chosen]
        return json_response(RecordingPage(shown) if cursor is None else RecordingPage(shown, cursor))

    async def _get(self, request: Request, caller: Caller) -> Response:
        return json_response(_shown(await self._find(request, caller)))

    async def _export(self, request: Request, caller: Caller) -> Response:
        container = _container(request)
        recording = await self._find(request, caller)
        name = request.path_params["stream"]
        stream = next((each for each in recording.streams if each.name == name), None)
        if stream is None:
            names = ", ".join(each.name for each in recording.streams) or "none"
            raise BridgeError("unknown_stream", "The recording has no such stream.", field="stream", hint=names)
        if self._exports >= MAX_EXPORTS:
            raise BridgeError("exports_busy", "As many recordings are being given out as may be at a time.")
        self._exports += 1
        try:
            await self._note("recording_exported", caller, recording, stream.name)
            parts = await asyncio.to_thread(self._archive.export, caller.tenant, recording.id, stream.name, container)
            # What is wrong from the start is told as a problem, while there is still a status to tell it by.
            first = await asyncio.to_thread(next, parts, b"")
        except BaseException:
            self._exports -= 1
            raise
        media_type, suffix = stream.media_type, "jsonl"
        if media_type != TIMELINE:
            media_type, suffix = f"{media_type.partition('/')[0]}/{container}", container
        headers = {
            **NO_STORE,
            "Content-Disposition": f'attachment; filename="{recording.id}-{stream.name}.{suffix}"',
        }
        return _Export(_parts(first, parts), self._exported, headers=headers, media_type=media_type)

    async def _delete(self, request: Request, caller: Caller) -> Response:
        recording = await self._find(request, caller)
        # What is refused must not stand in the log as done.
        await asyncio.to_thread(self._archive.need_ended, caller.tenant, recording.id)
        await self._note("recording_deleted", caller, recording, None)
        await asyncio.to_thread(self._archive.delete, caller.tenant, recording.id)
        return Response(status_code=204)

    async def _find(self, request: Request, caller: Caller) -> StoredRecording:
        _check(caller)
        return await asyncio.to_thread(self._archive.find, caller.tenant, request.path_params["recording"])

    async def _note(self, kind: str, caller: Caller, recording: StoredRecording, stream: str | None) -> None:
        details = {"recording_id": recording.id, **({} if stream is None else {"stream": stream})}
        await self._auditor.record(
            kind, tenant=caller.tenant, room=recording.room, actor=caller.actor, identity=None, details=details
        )

    def _exported(self) -> None:
        self._exports -= 1


class _Export(StreamingResponse):
    """Says when it is over, however it ends."""

    def __init__(
        self, parts: AsyncIterator[bytes], done: Callable[[], None], *, headers: Mapping[str, str], media_type: str
    ) -> None:
        super().__init__(parts, headers=headers, media_type=media_type)
        self._done = done

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends it."""
        try:
            async with asyncio.timeout(EXPORT_SECONDS):
                await super().__call__(scope, receive, send)
        finally:
            self._done()


async def _parts(first: bytes, parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Part by part, as fast as they are taken. What breaks underway ends the connection before the end."""
    every = itertools.chain([first], parts)
    while part := await asyncio.to_thread(next, every, b""):
        yield part


def _container(request: Request) -> str:
    wanted = request.query_params.get("format", CONTAINERS[0])
    if wanted not in CONTAINERS:
        raise BridgeError(
            "invalid_request", "This is no format that recordings are exported in.", field="format", hint="webm or mp4"
        )
    return wanted


def _check(caller: Caller) -> None:
    if SCOPE not in caller.scopes:
        raise BridgeError(
            "scope_missing",
            "This key opens no recordings.",
            hint="The operator makes one that does: bridge apikey create --scope recordings.",
        )


def _shown(stored: StoredRecording) -> Recording:
    streams = [Stream(each.name, each.media_type, each.bytes) for each in stored.streams]
    state: str = stored.state_name
    return Recording(stored.id, stored.room, int(stored.created), int(stored.expires), state, streams)  # type: ignore[arg-type]
