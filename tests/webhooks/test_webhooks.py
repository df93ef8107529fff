"""What happens reaches the vendor: signed, in order within a room, at least once."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.audit import AuditStore, Entry, SealingKey
from bridge.errors import BridgeError
from bridge.signaling.server import HttpServer, ServerSettings
from bridge.webhooks import Endpoint, EventLog, Outbox, WebhookSender, read_secret, signature
from tests.support.patience import PATIENCE
from tests.support.places import Places

SECRET = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")


def test_signatures_are_those_of_the_specification() -> None:
    body = '{"test": 2432232314}'
    assert (
        signature(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )
    for wrong in ("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!", "whsec_AAAA"):
        with pytest.raises(ValueError, match=r"secret|Base64"):
            read_secret(wrong)


class Receiver:
    """A vendor's server that fails as `fails` says."""

    def __init__(self, fails: Callable[[], bool]) -> None:
        self.fails = fails
        self.taken: list[dict[str, Any]] = []
        self.ids: set[str] = set()

    async def __call__(self, request: Request) -> Response:
        body = (await request.body()).decode()
        told = request.headers
        timestamp = int(told["webhook-timestamp"])
        assert told["webhook-signature"] == signature(SECRET, told["webhook-id"], timestamp, body)
        if self.fails():
            return Response(status_code=500)
        if told["webhook-id"] not in self.ids:
            self.ids.add(told["webhook-id"])
            self.taken.append(json.loads(body))
        return Response(status_code=204)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        app = Starlette(routes=[Route("/hook", self.__call__, methods=["POST"])])
        server = HttpServer(app, ServerSettings(port=0))
        await server.start()
        try:
            yield f"http://127.0.0.1:{server.port}/hook"
        finally:
            await server.close()


def write(places: Places, data: Path, entries: list[Entry]) -> None:
    outbox = Outbox(places.node(data), ["clinic", "other"], ["clinic"])
    store = AuditStore(data, places.node(data), SealingKey.load(data), companion=outbox.add)
    outbox.open()
    store.append(entries)
    store.close()
    outbox.close()


@asynccontextmanager
async def sending(places: Places, data: Path, url: str, back_off: tuple[float, ...]) -> AsyncIterator[Outbox]:
    outbox = Outbox(places.node(data), ["clinic", "other"], ["clinic"])
    outbox.open()
    sender = WebhookSender(outbox, [Endpoint("clinic", url, SECRET)], back_off=back_off, poll=0.01)
    sender.start()
    try:
        yield outbox
    finally:
        await sender.close()
        outbox.close()


async def until_empty(outbox: Outbox, within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while await asyncio.to_thread(len, outbox):  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.02)


async def test_all_are_told_in_order_though_the_receiver_fails_and_the_sender_is_replaced(
    places: Places, tmp_path: Path
) -> None:
    rooms, each = 10, 20
    write(
        places,
        tmp_path,
        [
            Entry("participant_joined", "clinic", f"room-{room}", details={"number": number}, identity="kari")
            for number in range(each)
            for room in range(rooms)
        ],
    )
    chance = random.Random(6)
    receiver = Receiver(lambda: chance.random() < 0.3)
    async with receiver.serve() as url:
        async with sending(places, tmp_path, url, (0.0,) * 50):
            while len(receiver.taken) < 50:  # noqa: ASYNC110 - there is no event for it
                await asyncio.sleep(0.01)
        # Cancelled in the middle: what was on its way is told again, and known by its id.
        async with sending(places, tmp_path, url, (0.0,) * 50) as outbox:
            await until_empty(outbox)
    for room in range(rooms):
        told = [message["data"] for message in receiver.taken if message["data"]["room"] == f"room-{room}"]
        assert [data["number"] for data in told] == list(range(each))
    assert receiver.taken[0]["type"] == "participant.joined"
    assert receiver.taken[0]["data"]["identity"] == "kari"


async def test_a_message_is_given_up_in_the_end_and_the_next_is_told(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [Entry("room_opened", "clinic", "a"), Entry("room_closed", "clinic", "a")])
    answers = iter([True, True, True, False])
    receiver = Receiver(lambda: next(answers))
    async with receiver.serve() as url, sending(places, tmp_path, url, (0.0, 0.0)) as outbox:
        await until_empty(outbox)
    assert [message["type"] for message in receiver.taken] == ["room.ended"]


def test_only_vendors_with_an_endpoint_are_told_and_only_of_some_kinds(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [Entry("room_opened", "other", "a"), Entry("token_minted", "clinic", "a")])
    write(places, tmp_path, [Entry("room_opened", "clinic", "a")])
    outbox = Outbox(places.node(tmp_path), ["clinic", "other"], ["clinic"])
    outbox.open()
    assert len(outbox) == 1
    assert [json.loads(message.body)["type"] for message in outbox.due("clinic", 0.0, 10)] == ["room.started"]
    outbox.close()
    nobody = Outbox(places.node(tmp_path), ["clinic"], [])
    nobody.open()
    assert len(nobody) == 0
    nobody.close()


async def test_events_are_read_on_from_a_cursor_by_their_own_vendor(places: Places, tmp_path: Path) -> None:
    write(places, tmp_path, [Entry("room_opened", tenant, room) for room in "abc" for tenant in ("clinic", "other")])
    outbox = Outbox(places.node(tmp_path), ["clinic", "other"], ["clinic"])
    outbox.open()
    events = EventLog(outbox)
    first = await events.read("other", None, 2, room=None, type_=None)
    assert [each.data["room"] for each in first] == ["a", "b"]
    rest = await events.read("other", first[-1].id, 2, room=None, type_=None)
    assert [each.data["room"] for each in rest] == ["c"]
    assert [each.data["room"] for each in await events.read("other", None, 9, room="b", type_="room.started")] == ["b"]
    assert await events.read("other", None, 9, room="b", type_="room.ended") == []
    with pytest.raises(BridgeError) as foreign:
        await events.read("clinic", first[0].id, 9, room=None, type_=None)
    assert foreign.value.code == "cursor_expired"
    # Those that are due stay.
    assert outbox.forget(2**33) == 3
    assert len(await events.read("clinic", None, 9, room=None, type_=None)) == 3
    with pytest.raises(BridgeError) as expired:
        await events.read("other", first[0].id, 9, room=None, type_=None)
    assert expired.value.code == "cursor_expired"
    outbox.close()


async def test_what_was_given_up_is_told_again_in_order_and_within_bounds(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = ["room_opened", "participant_joined", "participant_left", "room_closed"]
    write(places, tmp_path, [Entry(kind, "clinic", "a") for kind in kinds])
    fails = True
    receiver = Receiver(lambda: fails)
    async with receiver.serve() as url, sending(places, tmp_path, url, ()) as outbox:
        await until_empty(outbox)
        assert receiver.taken == []
        fails = False
        ids = [each.id for each in await EventLog(outbox).read("clinic", None, 9, room=None, type_=None)]
        assert await asyncio.to_thread(outbox.replay, "clinic", ids[1], ids[2], "a") == 2
        await until_empty(outbox)
        assert [each["type"] for each in receiver.taken] == ["participant.joined", "participant.left"]
        monkeypatch.setattr("bridge.webhooks.outbox.MAX_REPLAY", 3)
        for arguments, code in (
            (("clinic", ids[0], None, None), "replay_too_large"),
            (("clinic", "msg_0", None, None), "event_not_found"),
            (("other", ids[0], None, None), "no_webhook_endpoint"),
        ):
            with pytest.raises(BridgeError) as refused:
                outbox.replay(*arguments)
            assert refused.value.code == code


def test_a_vendor_that_is_busy_keeps_no_more_than_its_share(
    places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bridge.webhooks.outbox.MAX_KEPT", 20)
    monkeypatch.setattr("bridge.webhooks.outbox.TRIM_EVERY", 10)
    outbox = Outbox(places.node(tmp_path), ["other"], [])
    store = AuditStore(tmp_path, places.node(tmp_path), SealingKey.load(tmp_path), companion=outbox.add)
    outbox.open()
    for _ in range(10):
        store.append([Entry("room_opened", "other", "a") for _ in range(7)])
    database = places.node(tmp_path).snapshot()
    assert database.execute("SELECT count(*), max(seq) FROM events").first == (20, 70)
    database.close()
    store.close()
    outbox.close()
