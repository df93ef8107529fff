"""Recordings by REST: a vendor's own, for keys that open them, decrypted part by part, and deleted for good."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

from bridge.transcode.recording import AudioTrack, VideoTrack, WebmWriter
from tests.signaling.test_rest import Vendors
from tests.transcode.recording.material import SIZE, feed, packets


@pytest.fixture
def vendors(tmp_path: Path) -> Vendors:
    return Vendors(tmp_path)


def record(vendors: Vendors, tenant: str, room: str, at: float = 0.0, codec: str = "vp8") -> str:
    """A recording of two seconds; its id."""
    with vendors.store.create(at, tenant=tenant, room=room) as recording:
        stream = recording.open("track-1", "video/webm")
        webm = WebmWriter(stream.write, video=VideoTrack(codec, *SIZE), audio=AudioTrack())
        for packet in packets(2, codec):
            feed(webm, packet)
        webm.flush()
    return recording.id


async def test_a_vendor_sees_its_own_page_by_page(vendors: Vendors) -> None:
    own = [record(vendors, "clinic", f"time-{number}", float(number)) for number in (1, 2, 3)]
    record(vendors, "other", "secret")
    async with vendors.client(vendors.clinic_key) as client:
        first = (await client.get("/v1/recordings", params={"limit": 2})).json()
        second = (await client.get("/v1/recordings", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [each["id"] for each in first["recordings"] + second["recordings"]] == own
    assert "next_cursor" not in second
    shown = first["recordings"][0]
    assert (shown["room"], shown["state"], shown["created_at"]) == ("time-1", "complete", 1)
    assert [stream["name"] for stream in shown["streams"]] == ["timeline", "track-1"]


async def test_a_stream_comes_decrypted_and_is_noted_first(vendors: Vendors) -> None:
    recording = record(vendors, "clinic", "time-1")
    async with vendors.client(vendors.clinic_key) as client:
        answer = await client.get(f"/v1/recordings/{recording}/streams/track-1")
        missing = await client.get(f"/v1/recordings/{recording}/streams/track-9")
    assert answer.headers["content-type"] == "video/webm"
    with av.open(io.BytesIO(answer.content), "r") as container:
        assert len(list(container.decode(video=0))) == 30
    assert (missing.status_code, missing.json()["code"]) == (404, "unknown_stream")
    (note,) = vendors.notes.kept
    assert note[:3] == ("recording_exported", "clinic", "time-1")
    assert note[5] == {"recording_id": recording, "stream": "track-1"}


async def test_a_stream_comes_as_mp4_where_its_codec_allows_it(vendors: Vendors) -> None:
    plays, plays_not = record(vendors, "clinic", "time-1", codec="vp9"), record(vendors, "clinic", "time-2")
    async with vendors.client(vendors.clinic_key) as client:
        answer = await client.get(f"/v1/recordings/{plays}/streams/track-1", params={"format": "mp4"})
        refused = await client.get(f"/v1/recordings/{plays_not}/streams/track-1", params={"format": "mp4"})
        unknown = await client.get(f"/v1/recordings/{plays}/streams/track-1", params={"format": "avi"})
        timeline = await client.get(f"/v1/recordings/{plays}/streams/timeline", params={"format": "mp4"})
    assert answer.headers["content-type"] == "video/mp4"
    assert f"{plays}-track-1.mp4" in answer.headers["content-disposition"]
    with av.open(io.BytesIO(answer.content), "r") as container:
        assert len(list(container.decode(video=0))) == 30
    assert (refused.status_code, refused.json()["code"]) == (409, "unsupported_codec")
    assert (unknown.status_code, unknown.json()["field"]) == (400, "format")
    assert timeline.headers["content-type"] == "application/jsonl"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_another_vendors_recording_is_not_there(vendors: Vendors, method: str) -> None:
    recording = record(vendors, "other", "secret")
    async with vendors.client(vendors.clinic_key) as client:
        answers = [await client.request(method, f"/v1/recordings/{recording}")]
        answers.append(await client.get(f"/v1/recordings/{recording}/streams/track-1"))
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "unknown_recording")}
    assert vendors.store.info(recording).room == "secret"


async def test_a_key_without_the_scope_opens_none(vendors: Vendors) -> None:
    recording = record(vendors, "clinic", "time-1")
    async with vendors.client(vendors.rooms_key) as client:
        paths = ("", f"/{recording}", f"/{recording}/streams/track-1")
        answers = [await client.get(f"/v1/recordings{path}") for path in paths]
        answers.append(await client.delete(f"/v1/recordings/{recording}"))
        assert (await client.get("/v1/rooms")).status_code == 200
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "scope_missing")}


async def test_it_is_deleted_for_good_but_not_while_it_is_made(vendors: Vendors) -> None:
    recording = record(vendors, "clinic", "time-1")
    running = vendors.store.create(0.0, tenant="clinic", room="time-2")
    async with vendors.client(vendors.clinic_key) as client:
        refused = await client.delete(f"/v1/recordings/{running.id}")
        assert (refused.status_code, refused.json()["code"]) == (409, "recording_in_progress")
        assert (await client.delete(f"/v1/recordings/{recording}")).status_code == 204
        assert (await client.delete(f"/v1/recordings/{recording}")).status_code == 404
    running.finish()
    assert [note[5] for note in vendors.notes.kept] == [{"recording_id": recording}], "what was refused is no deletion"
    assert [info.id for info in vendors.store.recordings()] == [running.id]


async def test_what_was_changed_on_the_disk_is_refused(vendors: Vendors, tmp_path: Path) -> None:
    recording = record(vendors, "clinic", "time-1")
    path = tmp_path / "recordings" / recording / "track-1.stream"
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(whole)
    async with vendors.client(vendors.clinic_key) as client:
        answer = await client.get(f"/v1/recordings/{recording}/streams/track-1")
    assert (answer.status_code, answer.json()["code"]) == (500, "recording_damaged")


async def test_without_the_audit_log_nothing_is_given_out(vendors: Vendors) -> None:
    recording = record(vendors, "clinic", "time-1")
    vendors.notes.full = True
    async with vendors.client(vendors.clinic_key) as client:
        exported = await client.get(f"/v1/recordings/{recording}/streams/track-1")
        deleted = await client.delete(f"/v1/recordings/{recording}")
        vendors.notes.full = False
        assert {exported.status_code, deleted.status_code} == {503}
        # What was refused takes no place.
        for _ in range(10):
            assert (await client.get(f"/v1/recordings/{recording}/streams/track-1")).status_code == 200
