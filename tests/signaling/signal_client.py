"""A client of the WebSocket door that holds every message of both directions against `docs/protocol/`."""

from __future__ import annotations

import asyncio
import itertools
import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import websockets
from websockets.asyncio.client import ClientConnection

from tests.support.patience import PATIENCE

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol"
Message = dict[str, Any]


@cache
def validator(side: str) -> jsonschema.Draft202012Validator:
    """Holds messages that `side` ("client", "server") sends against their schema."""
    schema = json.loads((PROTOCOL / f"{side}-message.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


class SignalClient:
    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.joined: Message = {}
        self.set_aside: list[Message] = []
        self._ids = itertools.count(1)

    @classmethod
    async def connect(cls, url: str, **options: Any) -> SignalClient:
        return cls(await websockets.connect(url, open_timeout=PATIENCE, **options))

    async def send(self, type_: str, **fields: Any) -> int:
        """Sends a well-formed request; returns its id."""
        request_id = next(self._ids)
        message = {"type": type_, "id": request_id, **fields}
        validator("client").validate(message)
        await self.socket.send(json.dumps(message))
        return request_id

    async def receive(self) -> Message:
        """The next message, whatever it is."""
        async with asyncio.timeout(PATIENCE):
            message: Message = json.loads(await self.socket.recv())
        validator("server").validate(message)
        return message

    async def request(self, type_: str, **fields: Any) -> Message:
        """The reply to a request; notices that come before it are set aside."""
        request_id = await self.send(type_, **fields)
        while (message := await self.receive()).get("reply_to") != request_id:
            self.set_aside.append(message)
        return message

    async def join(self, token: str, **fields: Any) -> Message:
        self.joined = await self.request("join", token=token, **fields)
        assert self.joined["type"] == "joined", self.joined
        return self.joined

    async def expect(self, type_: str) -> Message:
        """The next message of a type, set aside or coming; what comes before it is dropped."""
        while self.set_aside:
            if (message := self.set_aside.pop(0))["type"] == type_:
                return message
        while (message := await self.receive())["type"] != type_:
            pass
        return message

    async def publish(self, *lines: tuple[str, str, str]) -> Message:
        """Publishes m-lines of (mid, kind, source)."""
        return await self.request(
            "publish",
            offer="\n".join(f"{mid} {kind}" for mid, kind, _ in lines),
            sources=[{"mid": mid, "source": source} for mid, _, source in lines],
        )

    async def answer(self, offer: Message) -> Message:
        return await self.request("subscribe_answer", negotiation=offer["negotiation"], answer="answer")

    async def closed(self) -> tuple[int, str]:
        """The close code and reason, once the bridge has closed; what comes before is set aside."""
        try:
            while True:
                self.set_aside.append(await self.receive())
        except websockets.ConnectionClosed:
            pass
        assert self.socket.close_code is not None
        return self.socket.close_code, self.socket.close_reason or ""

    async def vanish(self) -> None:
        """Goes as a lost network does: without a close frame."""
        self.socket.transport.abort()
        await self.socket.wait_closed()
