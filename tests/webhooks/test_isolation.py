"""Whoever is slow, or gone, holds up nobody else: rooms of one vendor, and vendors."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.audit import AuditStore, Entry, SealingKey
from bridge.signaling.server import HttpServer, ServerSettings
from bridge.webhooks import Endpoint, Outbox, WebhookSender, read_secret
from tests.support.patience import PATIENCE
from tests.support.places import Places

SECRET = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
VENDORS = ("clinic", "other")


class Vendors:
    """The servers of all vendors, which never answer about rooms called "hangs"."""

    def __init__(self, expected: int) -> None:
        self.told: dict[tuple[str, str], list[int]] = defaultdict(list)
        """Numbers of the messages as they came, by vendor and room."""
        self.all_told = asyncio.Event()
        """So many were told as are expected, those that hang left out."""
        self._left = expected

    async def __call__(self, request: Request) -> Response:
        data = (await request.json())["data"]
        self.told[request.path_params["vendor"], data["room"]].append(data["number"])
        if data["room"] == "hangs":
            await self.all_told.wait()
            return Response(status_code=500)
        self._left -= 1
        if not self._left:
            self.all_told.set()
        return Response(status_code=204)


def write(places: Places, data: Path, entries: list[Entry]) -> Outbox:
    """The outbox of both vendors with the events that these entries are."""
    outbox = Outbox(places.node(data), VENDORS, VENDORS)
    store = AuditStore(data, places.node(data), SealingKey.load(data), companion=outbox.add)
    outbox.open()
    store.append(entries)
    store.close()
    return outbox


def numbered(tenant: str, room: str, count: int) -> list[Entry]:
    return [Entry("participant_joined", tenant, room, details={"number": number}) for number in range(count)]


async def test_an_answer_that_is_waited_for_holds_up_its_own_room_only(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.webhooks.sender.TIMEOUT_SECONDS", 10 * PATIENCE)
    each = 5
    rooms = [("clinic", "hangs"), ("clinic", "a"), ("clinic", "b"), ("other", "c")]
    outbox = write(places, tmp_path, [entry for tenant, room in rooms for entry in numbered(tenant, room, each)])
    vendors = Vendors(each * 3)
    server = HttpServer(
        Starlette(routes=[Route("/{vendor}", vendors.__call__, methods=["POST"])]), ServerSettings(port=0)
    )
    await server.start()
    endpoints = [Endpoint(vendor, f"http://127.0.0.1:{server.port}/{vendor}", SECRET) for vendor in VENDORS]
    sender = WebhookSender(outbox, endpoints, poll=0.01)
    sender.start()
    try:
        async with asyncio.timeout(PATIENCE):
            await vendors.all_told.wait()
    finally:
        await sender.close()
        await server.close()
        outbox.close()
    assert vendors.told == {room: [0] if room[1] == "hangs" else list(range(each)) for room in rooms}


def test_a_vendor_whose_server_is_gone_takes_no_place_of_another(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.webhooks.outbox.MAX_DUE", 3)
    outbox = write(places, tmp_path, numbered("clinic", "a", 3))
    outbox.close()
    outbox = write(places, tmp_path, [*numbered("clinic", "b", 1), *numbered("other", "c", 1)])
    due = [json.loads(message.body)["data"]["room"] for vendor in VENDORS for message in outbox.due(vendor, 0.0, 10)]
    assert due == ["a", "c"]
    outbox.close()
