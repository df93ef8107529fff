"""One WebSocket from handshake to close: reads requests, carries them out in order, writes what there is to tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from bridge.errors import BridgeError
from bridge.signaling.calls import Call, Calls, Door, Notice
from bridge.signaling.incidents import internal_error
from bridge.signaling.rate_limit import RateLimit
from bridge.signaling.websocket import close_codes, encoding, requests
from bridge.signaling.websocket.close_codes import Farewell
from bridge.signaling.websocket.decoding import BadMessageError, decode, request_id_of
from bridge.signaling.websocket.messages import client, server
from bridge.signaling.websocket.outbox import Outbox, OutboxFullError
from bridge.signaling.websocket.settings import NEGOTIATION_COST, WebSocketSettings
from bridge.signaling.websocket.welcome import Welcome

Drop = Callable[[int, str], None]
"""Ends a connection with a close code and a reason at once, whether the client reads or not."""


class Connection:
    """A client of the WebSocket door. `run` returns when it is over, whatever the client did."""

    def __init__(
        self,
        websocket: WebSocket,
        calls: Calls,
        settings: WebSocketSettings,
        welcome: Welcome,
        drop: Drop,
        on_joined: Callable[[Connection], None],
    ) -> None:
        """The WebSocket has been accepted. `on_joined` is called once its client is in a call."""
        self._websocket = websocket
        self._calls = calls
        self._settings = settings
        self._welcome = welcome
        self._drop = drop
        self._on_joined = on_joined
        self._outbox = Outbox(settings.queue_messages, settings.queue_bytes)
        self._rate = RateLimit(settings.requests_per_second, settings.request_burst, asyncio.get_running_loop().time)
        self._faults = 0
        self._call: Call | None = None
        self._attachment = 0
        self._farewell: Farewell | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._renewing: asyncio.TimerHandle | None = None
        # One bound method, so that the call can tell this listener from a later one.
        self._listener: Callable[[Notice], None] = self._on_notice

    async def run(self) -> None:
        """Serves the client until either side ends it."""
        writer = asyncio.create_task(self._write())
        try:
            await self._serve()
        except WebSocketDisconnect:
            pass
        except Exception:
            problem = internal_error("websocket")
            self._tell_and_close(encoding.error(problem, None), close_codes.refused(problem))
        finally:
            if self._call is not None:
                self._call.detach(self._listener, self._attachment)
            if self._renewing is not None:
                self._renewing.cancel()
            self._outbox.finish()
            await writer
            if self._patience is not None:
                self._patience.cancel()

    def close(self, farewell: Farewell) -> None:
        """Ends the connection in good order: what waits is sent first, then why it ends."""
        if self._farewell is None:
            self._farewell = farewell
            self._put(encoding.closing(farewell))
            self._outbox.finish()
            self._patience = asyncio.get_running_loop().call_later(
                self._settings.close_timeout, self._drop, farewell.close_code, farewell.code
            )

    def cut(self, farewell: Farewell) -> None:
        """Ends the connection at once, whether its client reads or not."""
        self._farewell = farewell
        self._outbox.finish()
        self._drop(farewell.close_code, farewell.code)

    # Reading

    async def _serve(self) -> None:
        try:
            async with asyncio.timeout(self._settings.first_message_timeout):
                first = await self._receive()
        except TimeoutError:
            self.close(close_codes.JOIN_TIMED_OUT)
        else:
            await self._begin(first)
        while True:
            # After `close`, too: until the client has answered it or is gone.
            await self._handle(await self._receive())

    async def _receive(self) -> str | None:
        """The next text frame, None for a binary one. Raises `WebSocketDisconnect`."""
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event.get("code", 1005))
        text: str | None = event.get("text")
        return text

    async def _begin(self, text: str | None) -> None:
        """The first message: it lets the client in, or ends the connection."""
        request_id = None
        try:
            request = _decode(text)
            request_id = request.id
            match request:
                case client.Join():
                    claims = await self._calls.verify(request.token)
                    self._calls.count_join(claims)
                    call = self._calls.join(claims, Door.WEBSOCKET, subscribe=request.subscribe == "all")
                case client.Resume():
                    call = self._calls.resume(request.session_id, request.secret)
                case _:
                    raise BridgeError("join_first", "The first message has to be join or resume.", field="type")
        except BridgeError as problem:
            if isinstance(problem, BadMessageError):
                request_id = problem.request_id
            self._calls.observer.on_refused(Door.WEBSOCKET, problem.code)
            self._tell_and_close(encoding.error(problem, request_id), close_codes.refused(problem))
            return
        self._on_joined(self)
        self._call = call
        self._attachment = call.session.attachment
        resumed = isinstance(request, client.Resume)
        token = self._calls.renew_token(call.session.id)
        self._put(self._welcome.joined(call.snapshot(), request.id, resumed=resumed, token=token))
        call.attach(self._listener)
        self._await_renewal()

    def _await_renewal(self) -> None:
        if self._calls.renewal is not None:
            loop = asyncio.get_running_loop()
            self._renewing = loop.call_later(self._calls.renewal.interval, self._renew)

    def _renew(self) -> None:
        """Hands out the next fresh token, as long as there are any."""
        token = None if self._call is None else self._calls.renew_token(self._call.session.id)
        if token is not None and self._farewell is None:
            self._put(server.TokenRenewed(token=token))
            self._await_renewal()

    async def _handle(self, text: str | None) -> None:
        """A later message."""
        if self._farewell is not None or self._call is None:
            return
        if not self._rate.take():
            # It is answered by its number, as every request is: its sender would wait for ever.
            self._fault(_too_many_requests(), request_id_of(text), close_codes.TOO_MANY_REQUESTS)
            return
        try:
            request = _decode(text)
        except BadMessageError as problem:
            self._fault(problem, problem.request_id, close_codes.TOO_MANY_FAULTS)
            return
        if isinstance(request, client.Publish | client.RestartIce) and not self._rate.take(NEGOTIATION_COST - 1):
            self._fault(_too_many_requests(), request.id, close_codes.TOO_MANY_REQUESTS)
            return
        if isinstance(request, client.Leave):
            self._put(server.Done(reply_to=request.id))
            self._call.leave()
            return
        self._put(await self._carry_out(self._call, request))

    async def _carry_out(self, call: Call, request: client.ClientMessage) -> server.ServerMessage:
        try:
            return await requests.carry_out(call, request, self._origin())
        except BridgeError as refusal:
            problem = refusal
        except Exception:
            problem = internal_error("websocket request")
        self._calls.observer.on_refused(Door.WEBSOCKET, problem.code)
        return encoding.error(problem, request.id)

    def _origin(self) -> str:
        """Where links lead to: the bridge's own address, or the one that the client has reached it by."""
        url = self._websocket.url
        scheme = "https" if url.scheme == "wss" else "http"
        return self._settings.public_url or f"{scheme}://{url.netloc}"

    def _fault(self, problem: BridgeError, request_id: int | None, at_last: Farewell) -> None:
        """Refuses a message; a client that does nothing but send such is closed."""
        self._calls.observer.on_refused(Door.WEBSOCKET, problem.code)
        self._faults += 1
        self._put(encoding.error(problem, request_id))
        if self._faults >= self._settings.max_faults:
            self.close(at_last)

    # Writing

    def _on_notice(self, notice: Notice) -> None:
        told = encoding.notified(notice)
        if isinstance(told, Farewell):
            self.close(told)
        else:
            self._put(told)

    def _tell_and_close(self, message: server.ServerMessage, farewell: Farewell) -> None:
        self._put(message)
        self.close(farewell)

    def _put(self, message: server.ServerMessage) -> None:
        try:
            self._outbox.put(message)
        except OutboxFullError:
            self._drop_client()

    def _drop_client(self) -> None:
        """The client does not read. It may resume, and then starts from a snapshot."""
        self._calls.observer.on_refused(Door.WEBSOCKET, close_codes.TOO_SLOW.code)
        self.cut(close_codes.TOO_SLOW)

    async def _write(self) -> None:
        """Sends what waits, then the close frame. Ends when the client is gone."""
        try:
            while (text := await self._outbox.get()) is not None:
                await self._websocket.send_text(text)
            farewell = self._farewell or close_codes.LEFT
            await self._websocket.close(farewell.close_code, farewell.code)
        except (WebSocketDisconnect, RuntimeError, OSError):
            # The client went first; the reader has been, or will be, told so.
            return


def _too_many_requests() -> BridgeError:
    return BridgeError("rate_limited", "Too many requests.", hint="Send fewer, or wait a little.")


def _decode(text: str | None) -> client.ClientMessage:
    if text is None:
        raise BadMessageError(
            "bad_json", "The message is a binary frame.", hint="Send one JSON object in a text frame."
        )
    return decode(text)
