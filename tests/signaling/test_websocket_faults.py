"""What bad, greedy and slow clients of the WebSocket door get, and that nobody else notices."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import struct

import pytest
import websockets

from bridge.room import EndReason, RoomLimits
from bridge.signaling import protocols
from bridge.signaling.calls import join_rate
from bridge.signaling.websocket import WebSocketSettings
from tests.signaling.house import open_house
from tests.signaling.signal_client import SignalClient
from tests.support.patience import PATIENCE


async def refused(client: SignalClient, text: str | bytes) -> dict[str, object]:
    await client.socket.send(text)
    return await client.receive()


@pytest.mark.parametrize(
    ("first", "error", "close_code"),
    [
        ("{", "bad_json", 4400),
        ('"join"', "bad_message", 4400),
        ('{"type": "ping", "id": 1}', "join_first", 4400),
        ('{"type": "join", "id": 1}', "bad_message", 4400),
        ('{"type": "join", "id": 1, "token": "nonsense"}', "token_malformed", 4401),
        ('{"type": "join", "id": 1, "token": "room ola expired"}', "token_expired", 4401),
        ('{"type": "join", "id": 1, "token": "a/../b ola"}', "invalid_room", 4403),
        ('{"type": "resume", "id": 1, "session_id": "x", "secret": "y"}', "session_not_found", 4404),
    ],
)
async def test_who_is_not_let_in_is_told_why(first: str, error: str, close_code: int) -> None:
    async with open_house() as house:
        client = await house.client()
        reply = await refused(client, first)
        assert (reply["type"], reply["code"]) == ("error", error)
        closing = await client.receive()
        assert (closing["type"], closing["code"], closing["close_code"]) == ("closing", error, close_code)
        assert await client.closed() == (close_code, error)
        assert len(house.calls) == 0
        assert ("refused", "websocket", error) in house.observer.counted


async def test_a_full_room_and_a_full_bridge_are_told_apart() -> None:
    async with open_house(limits=RoomLimits(max_participants=1)) as house:
        await house.joined("ola")
        client = await house.client()
        assert (await client.request("join", token="room kari"))["code"] == "room_full"
        assert (await client.closed())[0] == 4403
        house.plane.full = True
        client = await house.client()
        assert (await client.request("join", token="other kari"))["code"] == "media_overloaded"
        assert (await client.closed())[0] == 4503
        assert house.rooms.participants("clinic/other") == []


async def test_who_says_nothing_is_closed() -> None:
    async with open_house(websocket=WebSocketSettings(first_message_timeout=0.01)) as house:
        client = await house.client()
        assert await client.closed() == (4408, "join_timeout")


async def test_bad_requests_are_refused_and_the_session_goes_on() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        cases: list[tuple[str | bytes, str, object]] = [
            (b"\x00\x01", "bad_json", None),
            ("[" * 100_000, "bad_message", None),
            ('{"type": "ping", "id": 6', "bad_json", None),
            (json.dumps({"type": "dance", "id": 7}), "bad_message", 7),
            (json.dumps({"type": "ping", "id": 8, "extra": 1}), "bad_message", 8),
            (json.dumps({"type": "ping", "id": 0}), "bad_message", None),
            (json.dumps({"type": "ping", "id": 10**30}), "bad_message", None),
            (json.dumps({"type": "subscribe", "id": 9, "source_ids": []}), "bad_message", 9),
            (json.dumps({"type": "join", "id": 10, "token": "room ola"}), "already_joined", 10),
            (json.dumps({"type": "update_source", "id": 11, "source_id": "²", "muted": True}), "source_not_found", 11),
        ]
        for text, code, reply_to in cases:
            reply = await refused(ola, text)
            assert (reply["type"], reply["code"], reply.get("reply_to")) == ("error", code, reply_to), text[:50]
        assert (await ola.request("ping"))["type"] == "pong"


async def test_what_is_sent_before_the_answer_to_join_is_carried_out_in_order() -> None:
    async with open_house() as house:
        ola = await house.client()
        await ola.send("join", token="room ola")
        await ola.send("join", token="room kari")
        await ola.send("publish", offer="0 audio", sources=[{"mid": "0", "source": "microphone"}])
        await ola.send("ping")
        replies = [await ola.receive() for _ in range(4)]
        assert [(reply["type"], reply["reply_to"]) for reply in replies] == [
            ("joined", 1),
            ("error", 2),
            ("published", 3),
            ("pong", 4),
        ]
        assert replies[1]["code"] == "already_joined"
        (own,) = replies[2]["sources"]
        kari = await house.joined("kari")
        (other,) = kari.joined["participants"]
        assert other["id"] == replies[0]["participant_id"]
        assert [source["id"] for source in other["sources"]] == [own["id"]]


async def test_who_publishes_before_joining_is_told_and_joins_by_another_connection() -> None:
    async with open_house() as house:
        ola = await house.client()
        await ola.send("publish", offer="0 audio", sources=[])
        await ola.send("join", token="room ola")
        error = await ola.receive()
        assert (error["code"], error["reply_to"], error["field"]) == ("join_first", 1, "type")
        assert await ola.closed() == (4400, "join_first")
        assert [message["type"] for message in ola.set_aside] == ["closing"]
        assert len(house.calls) == 0
        await house.joined("ola")


async def test_the_place_of_a_mistake_is_named() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        request = {"type": "publish", "id": 5, "offer": "0 audio", "sources": [{"mid": "0", "source": "webcam"}]}
        reply = await refused(ola, json.dumps(request))
        assert reply["field"] == "sources[0].source"
        request["sources"] = [{"mid": "0", "source": "camera"}, {"mid": "0", "source": "camera"}]
        assert (await refused(ola, json.dumps(request)))["field"] == "sources[1].mid"
        request |= {"offer": "garbage", "sources": []}
        assert (await refused(ola, json.dumps(request)))["field"] == "line 1"
        request |= {"sources": [{"mid": "0"}]}
        assert (await refused(ola, json.dumps(request)))["field"] == "sources[0].source"
        request |= {"sources": [], "ofer": ""}
        assert (await refused(ola, json.dumps(request)))["field"] == "ofer"
        request = {"type": "update_source", "id": 6, "source_id": "99", "muted": True}
        assert (await refused(ola, json.dumps(request)))["field"] == "source_id"


async def test_our_own_fault_gives_an_incident_and_no_traceback(caplog: pytest.LogCaptureFixture) -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        with caplog.at_level(logging.ERROR):
            reply = await ola.request("publish", offer="explode", sources=[])
        assert reply["code"] == "internal_error"
        assert "secret" not in json.dumps(reply)
        (record,) = [record for record in caplog.records if record.message == "Internal error"]
        assert vars(record)["incident"] in reply["message"]
        assert (await ola.request("ping"))["type"] == "pong"


async def test_too_many_faults_end_the_connection() -> None:
    async with open_house(websocket=WebSocketSettings(max_faults=3)) as house:
        ola = await house.joined("ola")
        for _ in range(3):
            await ola.socket.send("{")
        assert await ola.closed() == (4400, "bad_message")


async def test_who_waits_for_longest_makes_room_for_those_who_join() -> None:
    async with open_house(websocket=WebSocketSettings(max_waiting=2, max_connections=4)) as house:
        ola, kari = await house.joined("ola"), await house.joined("kari")
        first, _second = await house.client(), await house.client()
        third = await house.client()
        assert await first.closed() == (4408, "join_timeout")
        await third.join("room per")
        for client in (ola, kari, third):
            assert (await client.request("ping"))["type"] == "pong"


async def test_idle_connections_make_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "MAX_IDLE", 3)
    async with open_house() as house:
        idle = [await asyncio.open_connection("127.0.0.1", house.server.port) for _ in range(2)]
        for reader, writer in idle:
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        for _ in range(5):
            ola = await house.joined("ola")
        silent = [await asyncio.open_connection("127.0.0.1", house.server.port) for _ in range(3)]
        async with asyncio.timeout(PATIENCE):
            for reader, _ in idle:
                with contextlib.suppress(ConnectionError):
                    await reader.read()
        assert (await ola.request("ping"))["type"] == "pong"
        for _, writer in [*idle, *silent]:
            writer.close()


async def test_who_joins_again_and_again_is_turned_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(join_rate, "JOIN_BURST", 2)
    monkeypatch.setattr(join_rate, "JOINS_PER_SECOND", 0.0)
    async with open_house() as house:
        for _ in range(2):
            await house.joined("ola")
        client = await house.client()
        assert (await client.request("join", token="room ola"))["code"] == "rate_limited"
        assert (await client.expect("closing"))["retry"]
        assert await client.closed() == (4429, "rate_limited")
        await house.joined("kari")


async def test_negotiations_count_for_more_than_other_requests() -> None:
    settings = WebSocketSettings(requests_per_second=1e-9, request_burst=11, max_faults=2)
    async with open_house(websocket=settings) as house:
        ola = await house.joined("ola")
        for _ in range(2):
            assert (await ola.publish(("0", "audio", "microphone")))["type"] == "published"
        refused = await ola.request("publish", offer="0 audio", sources=[])
        assert (refused["type"], refused["code"]) == ("error", "rate_limited")
        await ola.send("ping")
        assert await ola.closed() == (4429, "rate_limited")


async def test_too_many_requests_are_refused_then_closed() -> None:
    settings = WebSocketSettings(requests_per_second=1e-9, request_burst=2, max_faults=2)
    async with open_house(websocket=settings) as house:
        ola = await house.joined("ola")
        assert [(await ola.request("ping"))["type"] for _ in range(2)] == ["pong", "pong"]
        sent = [await ola.send("ping") for _ in range(2)]
        assert await ola.closed() == (4429, "rate_limited")
        assert [message["code"] for message in ola.set_aside] == ["rate_limited"] * 3
        # Each by its number, or whoever asked would wait for ever.
        assert [message.get("reply_to") for message in ola.set_aside] == [*sent, None]


async def test_a_bridge_that_drains_says_so_and_that_to_try_again_may_help() -> None:
    async with open_house() as house:
        house.rooms.intake.draining = True
        client = await house.client()
        assert (await client.request("join", token="room kari"))["code"] == "draining"
        assert await client.closed() == (4503, "draining")


async def test_too_long_a_message_ends_the_connection() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        await ola.socket.send("x" * (256 * 1024 + 1))
        assert (await ola.closed())[0] == 1009


async def test_too_many_connections_are_turned_away() -> None:
    async with open_house(websocket=WebSocketSettings(max_connections=1)) as house:
        ola = await house.joined("ola")
        client = await house.client()
        assert await client.closed() == (4503, "too_many_connections")
        assert (await ola.request("ping"))["type"] == "pong"


class DeafClient:
    """A client that writes and never reads, with as little buffering on its side as the system allows."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, port: int) -> DeafClient:
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        raw.setblocking(False)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=raw, limit=1024)
        writer.write(
            b"GET /v1/signal HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
        return cls(reader, writer)

    def send(self, **message: object) -> None:
        """A text frame (RFC 6455 §5.2), masked with zeros."""
        self.frame(0x81, json.dumps(message).encode())

    def frame(self, first_byte: int, payload: bytes) -> None:
        """A frame whose first byte is given: 0x80 for the last piece, and the opcode."""
        if len(payload) < 126:
            self.writer.write(struct.pack("!BB4x", first_byte, 0x80 | len(payload)) + payload)
        else:
            self.writer.write(struct.pack("!BBQ4x", first_byte, 0xFF, len(payload)) + payload)


async def test_who_does_not_read_is_dropped_and_harms_nobody() -> None:
    async with open_house(websocket=WebSocketSettings(queue_bytes=300_000)) as house:
        ola = await house.joined("ola")
        deaf = await DeafClient.connect(house.server.port)
        deaf.send(type="join", id=1, token="room deaf")
        await ola.expect("participant_joined")
        # Each reply repeats the offer; the kernel holds a few megabytes of them before the queue begins to fill.
        offer = "0 audio\n1 nothing" + 200_000 * "!"
        for number in range(2, 62):
            deaf.send(type="publish", id=number, offer=offer, sources=[])
        assert (await ola.expect("source_added"))["source"]["source"] == "microphone"
        away = await ola.expect("participant_updated")
        assert away["participant"]["state"] == "reconnecting"
        assert ("refused", "websocket", "slow_reader") in house.observer.counted
        assert (await ola.request("ping"))["type"] == "pong"
        deaf.writer.transport.abort()


async def test_who_closes_and_does_not_read_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols, "LINGER", 0.01)
    async with open_house(websocket=WebSocketSettings(queue_bytes=100_000_000)) as house:
        ola = await house.joined("ola")
        before = asyncio.all_tasks()
        deaf = await DeafClient.connect(house.server.port)
        deaf.send(type="join", id=1, token="room deaf")
        await ola.expect("participant_joined")
        serving = asyncio.all_tasks() - before
        offer = "0 audio\n1 nothing" + 200_000 * "!"
        for number in range(2, 42):
            deaf.send(type="publish", id=number, offer=offer, sources=[])
        deaf.frame(0x88, b"")
        assert serving
        await asyncio.wait_for(asyncio.wait(serving), PATIENCE)
        deaf.writer.transport.abort()


@pytest.mark.parametrize("opcode", [0x89, 0x8A, 0x00], ids=["pings", "pongs", "pieces"])
async def test_a_flood_of_frames_that_are_no_messages_ends_the_connection(opcode: int) -> None:
    async with open_house() as house:
        deaf = await DeafClient.connect(house.server.port)
        if opcode == 0x00:
            deaf.frame(0x01, b"")
        for _ in range(1_000):
            deaf.frame(opcode, b"")
        async with asyncio.timeout(PATIENCE):
            with contextlib.suppress(ConnectionError):
                while await deaf.reader.read(65_536):
                    pass


async def test_the_end_of_the_bridge_is_announced() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        media = house.media_of(ola)
        await house.calls.close()
        closing = await ola.expect("closing")
        assert (closing["code"], closing["retry"]) == ("shutting_down", True)
        assert await ola.closed() == (1001, "shutting_down")
        assert media.closed
        late = await house.client()
        assert (await late.request("join", token="room kari"))["code"] == "shutting_down"


async def test_a_lost_worker_ends_its_calls() -> None:
    async with open_house() as house:
        ola = await house.joined("ola")
        house.media_of(ola).listener.on_closed("the worker stopped")
        closing = await ola.expect("closing")
        assert (closing["code"], closing["retry"]) == ("media_lost", True)
        assert (await ola.closed())[0] == 4410
        assert ("ended", "websocket", EndReason.MEDIA_LOST) in house.observer.counted


async def test_other_paths_are_no_door() -> None:
    async with open_house() as house:
        with pytest.raises(websockets.InvalidStatus) as refusal:
            await SignalClient.connect(house.signal_url.replace("signal", "sign"))
        assert refusal.value.response.status_code in (403, 404)
