"""What a bridge tells of a call that is over: webhooks, records, recordings and the audit log."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import subprocess
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.signaling.server import HttpServer, ServerSettings
from bridge.webhooks.outbox import TYPES
from tests.signaling.signin.house import Vendor
from tests.support.bridge import BRIDGE, Bridge
from tests.support.patience import PATIENCE

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass
class Receiver:
    """A vendor's server that takes webhooks by the letter of Standard Webhooks, whatever the bridge thinks of it."""

    told: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    _ids: set[str] = field(default_factory=set)

    async def __call__(self, request: Request) -> Response:
        """Takes a message whose signature and time are right, once."""
        body, headers = await request.body(), request.headers
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        key = base64.b64decode(SECRET.removeprefix("whsec_"))
        right = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
        known = [value for version, _, value in (each.partition(",") for each in headers["webhook-signature"].split())]
        late = abs(time.time() - int(headers["webhook-timestamp"])) > 300
        if late or not any(hmac.compare_digest(right, each) for each in known):
            self.refused += 1
            return Response(status_code=401)
        if headers["webhook-id"] not in self._ids:
            self._ids.add(headers["webhook-id"])
            self.told.append(json.loads(body))
        return Response(status_code=204)

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Its URL."""
        server = HttpServer(Starlette(routes=[Route("/hook", self.__call__, methods=["POST"])]), ServerSettings(port=0))
        await server.start()
        try:
            yield f"http://127.0.0.1:{server.port}/hook"
        finally:
            await server.close()


@dataclass
class Story:
    """One call, from all who tell of it."""

    room: str
    messages: list[dict[str, Any]]
    """By webhooks, in order."""
    entries: list[dict[str, Any]]
    """Of the audit log."""
    exported: str
    records: list[dict[str, Any]]
    streams: list[str]
    """Of its one recording."""

    @classmethod
    async def read(cls, bridge: Bridge, room: str, receiver: Receiver) -> Story:
        """Reads it all, and has the audit log verified."""
        assert receiver.refused == 0
        headers = {"Authorization": f"Bearer {Vendor(bridge.url, bridge.data).token(scope='recordings')}"}
        async with httpx.AsyncClient(base_url=bridge.url, headers=headers, timeout=PATIENCE) as vendor:
            records = (await vendor.get("/v1/records", params={"room": room})).json()["records"]
            (recording,) = (await vendor.get("/v1/recordings")).json()["recordings"]
        assert recording["state"] == "complete"
        await audit(bridge, "verify")
        exported = await audit(bridge, "export")
        lines = [json.loads(line) for line in exported.splitlines()]
        entries = [line for line in lines if line["type"] == "entry" and line["room"] == room]
        messages = [each for each in receiver.told if each["data"]["room"] == room]
        streams = [stream["name"] for stream in recording["streams"]]
        return cls(room, messages, entries, exported, records, streams)

    def role(self, data: dict[str, Any]) -> str:
        """Of whom a message is about."""
        who = [each["data"] for each in self.messages if each["type"] in ("participant.waiting", "participant.joined")]
        return next(str(each["role"]) for each in who if each["identity"] == data["identity"])

    def person(self, role: str) -> str:
        """The pseudonym of the one in a role."""
        (found,) = {
            str(entry["subject"])
            for entry in self.entries
            if entry["kind"] == "participant_joined" and entry["details"]["role"] == role
        }
        return found

    def lives(self) -> dict[str, list[str]]:
        """What became of each, by role, as the vendor was told."""
        found: dict[str, list[str]] = {}
        for each in self.messages:
            kind, _, what = each["type"].partition(".")
            if kind == "participant":
                reason = each["data"].get("reason")
                found.setdefault(self.role(each["data"]), []).append(f"{what}: {reason}" if reason else what)
        return found

    def recording(self) -> list[str]:
        """How it came to the recording, and what came of it, as the vendor was told."""
        found = []
        for each in self.messages:
            kind, _, what = each["type"].partition(".")
            data = each["data"]
            if kind == "consent":
                found.append(f"{what}: {self.role(data)}")
            elif kind == "recording":
                found.append(f"{what}: {data.get('state') or data['reason']}")
        return found

    def written(self) -> list[tuple[str, dict[str, Any]]]:
        """Type and details of whatever of the audit log vendors are told."""
        return [(TYPES[each["kind"]], each["details"]) for each in self.entries if each["kind"] in TYPES]

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """The same of what the vendor was told, without what only the vendor is told."""
        details = [each["details"] for each in self.entries if each["kind"] in TYPES]
        return [
            (each["type"], {name: each["data"].get(name) for name in known})
            for each, known in zip(self.messages, details, strict=True)
        ]

    def decisions(self) -> list[str]:
        """What the doctor decided about whom; those who were let in at once in alphabetical order."""
        roles = {self.person(each): each for each in self.lives()}
        found: list[str] = []
        for entry in self.entries:
            if entry["kind"] == "host_decided":
                assert roles[entry["actor"]] == "fastlege"
                decision, subject = entry["details"]["decision"], entry["subject"]
                found.append(f"{decision}: {roles[subject]}" if subject else decision)
        last = max(index for index, decision in enumerate(found) if decision.startswith("admit"))
        return [*found[: last - 2], *sorted(found[last - 2 : last + 1]), *found[last + 1 :]]

    def of(self, kind: str, *names: str) -> set[tuple[Any, ...]]:
        """These details of all entries of a kind."""
        return {tuple(each["details"][name] for name in names) for each in self.entries if each["kind"] == kind}

    def kinds(self, prefix: str) -> list[str]:
        """Kinds of entries that begin so."""
        return [each["kind"] for each in self.entries if each["kind"].startswith(prefix)]


async def audit(bridge: Bridge, command: str) -> str:
    """What `bridge audit` prints; raises `CalledProcessError` where it is not content."""
    arguments = [str(BRIDGE), "audit", command, "--data", str(bridge.data)]
    output: bytes = await asyncio.to_thread(subprocess.check_output, arguments)
    return output.decode()
