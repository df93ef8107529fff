"""The REST API: a vendor sees and changes its own rooms, and nothing that anybody sends makes it fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from bridge.audit import AuditStore, Entry, Row, SealingKey
from bridge.auth import ClaimRules, Issuer, StaticKey, TokenVerifier
from bridge.auth.admission import Admission, Minter
from bridge.auth.api_keys import ApiKeys
from bridge.auth.callers import Callers
from bridge.auth.levels import Level
from bridge.auth.pseudonyms import Pseudonyms
from bridge.auth.vendors import VendorAuthenticator
from bridge.errors import BridgeError
from bridge.queues import QueueKeeper
from bridge.recorder import TenantArchive
from bridge.records import RecordArchive, RecordStore
from bridge.rest import VendorTokens
from bridge.room import DEFAULT_ROLES, RoomLimits, Rooms
from bridge.signaling.calls import Calls, Door
from bridge.signaling.http import application
from bridge.signaling.rest import RestDoor, test_legs
from bridge.signaling.rest.history import HistoryOperations
from bridge.signin import SettingsLevels
from bridge.storage import Database, SqlitePlace
from bridge.storage.choice import NODE_FILE
from bridge.transcode.recording import KeyRing, RecordingStore, StoreSettings, new_key_line
from bridge.webhooks import EventLog, Outbox
from tests.signaling.fake_media import FakeMediaPlane
from tests.signaling.house import Claims
from tests.support.invitations import invitations_in_memory

SECRET = b"0123456789abcdef0123456789abcdef"
Recorded = tuple[str, str, str, str, str | None, Mapping[str, str]]


@dataclass
class Notes:
    """An audit log on paper."""

    kept: list[Recorded] = field(default_factory=list)
    full: bool = False

    async def record(
        self, kind: str, *, tenant: str, room: str, actor: str, identity: str | None, details: Mapping[str, str]
    ) -> None:
        if self.full:
            raise BridgeError("audit_unavailable", "The bridge cannot keep its audit log at the moment.")
        self.kept.append((kind, tenant, room, actor, identity, details))


@dataclass
class FakeTestLeg:
    id: str
    room_id: str
    kind: str
    clip: str | None
    identity: str
    seconds: float
    participant_id: str = "somebody"
    ends_at: float = 1_800_000_000.5


class FakeTestLegs:
    """Programs that are nowhere."""

    lifetime = 600.0
    max = 2

    def __init__(self) -> None:
        self.running: list[FakeTestLeg] = []
        self.refusal: BridgeError | None = None

    def new_id(self) -> str:
        return f"{len(self.running):016x}"

    def in_room(self, room_id: str) -> list[FakeTestLeg]:
        return [leg for leg in self.running if leg.room_id == room_id]

    def check(self, clip: str | None) -> None:
        if len(self.running) >= self.max:
            raise BridgeError("too_many_test_legs", "All test legs are in use.")
        if clip not in (None, "film.webm"):
            raise BridgeError("unknown_clip", "There is no such clip.", field="clip")

    async def start(
        self, id_: str, room_id: str, kind: str, clip: str | None, *, identity: str, token: str, seconds: float
    ) -> FakeTestLeg:
        if self.refusal is not None:
            raise self.refusal
        assert token.count(".") == 2
        self.running.append(FakeTestLeg(id_, room_id, kind, clip, identity, seconds))
        return self.running[-1]

    async def end(self, room_id: str, id_: str) -> None:
        found = [leg for leg in self.in_room(room_id) if leg.id == id_]
        if not found:
            raise BridgeError("test_leg_not_found", "There is no such test leg.", field="test_leg")
        self.running.remove(found[0])


class Vendors:
    """Two vendors, `clinic` and `other`, with a key each."""

    def __init__(self, data: Path) -> None:
        self.now = 0.0
        self.keys = ApiKeys(data)
        self.clinic, self.clinic_key = self.keys.create("clinic", "journal", scopes=["recordings", "test-legs"])
        self.other, self.other_key = self.keys.create("other", "", scopes=["recordings", "test-legs"])
        _, self.rooms_key = self.keys.create("clinic", "opens no recordings")
        (data / "recording-keys").write_text(new_key_line("1") + "\n")
        self.store = RecordingStore(StoreSettings(data / "recordings", 1e6), KeyRing.read(data / "recording-keys"))
        tenants = ("clinic", "other")
        self.verifier = TokenVerifier(
            [Issuer(Minter.issuer_of(tenant), tenant, (StaticKey.from_secret(SECRET),)) for tenant in tenants],
            ClaimRules("bridge", 3600.0, 30.0, DEFAULT_ROLES),
        )
        self.rooms = Rooms(RoomLimits(), can_record=True)
        self.calls = Calls(self.verifier, self.rooms, FakeMediaPlane())
        self.test_legs = FakeTestLegs()
        self.notes = Notes()
        self.admission = Admission(
            invitations_in_memory(max_per_tenant=1000, max_total=1000),
            SettingsLevels({"pasient": Level.HIGH}, ()),
            Minter(SECRET, "bridge", 600.0),
            Pseudonyms(SECRET),
            DEFAULT_ROLES,
        )
        place = SqlitePlace(data / NODE_FILE)
        self.outbox = Outbox(place, tenants, ["clinic"])
        self.records = RecordStore(place)
        self.audit = AuditStore(data, place, SealingKey.load(data), companion=self.write_along)
        self.queues = QueueKeeper(place, self.rooms)
        self.outbox.open()
        self.records.open()
        self.queues.load()
        minter = VendorTokens(Minter(SECRET, "bridge", 600.0), self.verifier)
        door = RestDoor(
            self.calls,
            Callers(self.keys, VendorAuthenticator(self.verifier, "bridge", 30.0), tenants),
            minter,
            self.notes,
            self.admission,
            TenantArchive(self.store),
            self.queues,
            version="1",
            public_url="https://bridge.example",
            clock=lambda: self.now,
            more={
                **HistoryOperations(EventLog(self.outbox), RecordArchive(self.records), self.notes).operations(),
                **test_legs.TestLegResource(self.test_legs, minter, self.notes).operations(),
            },
        )
        self.app: Starlette = application(door.routes())

    def client(self, key: str | None) -> httpx.AsyncClient:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app), base_url="http://bridge.example", headers=headers
        )

    def write_along(self, database: Database, rows: Sequence[tuple[Row, Entry]]) -> None:
        self.outbox.add(database, rows)
        self.records.add(database, rows)

    async def close(self) -> None:
        await self.calls.close()
        self.queues.close()
        self.records.close()
        self.outbox.close()
        self.audit.close()

    def join(self, room: str, identity: str, tenant: str = "clinic", enters: str = "direct") -> str:
        claims = Claims(tenant, room, identity, "Kari", "pasient", frozenset(), enters, token_id=f"token {identity}")
        return self.calls.join(claims, Door.WEBSOCKET).session.participant_id


@pytest.fixture
async def vendors(tmp_path: Path) -> AsyncIterator[Vendors]:
    vendors = Vendors(tmp_path)
    yield vendors
    await vendors.close()


@pytest.fixture
async def clinic(vendors: Vendors) -> AsyncIterator[httpx.AsyncClient]:
    async with vendors.client(vendors.clinic_key) as client:
        yield client


@pytest.fixture
async def other(vendors: Vendors) -> AsyncIterator[httpx.AsyncClient]:
    async with vendors.client(vendors.other_key) as client:
        yield client


def refusal(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


async def test_rooms_are_listed_page_by_page(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    for name in ("c", "a", "b"):
        vendors.join(name, "kari")
    vendors.join("a", "ola", enters="lobby")
    first = (await clinic.get("/v1/rooms", params={"limit": 2})).json()
    assert first["rooms"] == [
        {"room": "a", "participants": 1, "waiting": 1, "locked": False},
        {"room": "b", "participants": 1, "waiting": 0, "locked": False},
    ]
    second = (await clinic.get("/v1/rooms", params={"limit": 2, "cursor": first["next_cursor"]})).json()
    assert [room["room"] for room in second["rooms"]] == ["c"]
    assert "next_cursor" not in second
    assert (await clinic.get("/v1/rooms/a")).json() == first["rooms"][0]
    for query in ({"limit": "0"}, {"limit": "x"}, {"cursor": "!"}, {"limit": "9999"}, {"cursor": "/w=="}):
        assert refusal(await clinic.get("/v1/rooms", params=query)) == (400, "invalid_request")


async def test_a_query_parameter_that_is_not_known_is_refused_with_the_nearest_one(clinic: httpx.AsyncClient) -> None:
    for path, parameter, hint in (
        ("/v1/rooms?limt=5", "limt", "Did you mean limit?"),
        ("/v1/events?rom=time-1", "rom", "Did you mean room?"),
        ("/v1/records?since=2026-01-01", "since", "Known here: limit, cursor, room, record, from, to."),
        ("/v1/rooms/a?expand=participants", "expand", "None is known here."),
    ):
        refused = await clinic.get(path)
        assert refusal(refused) == (400, "invalid_request")
        assert (refused.json()["field"], refused.json()["hint"]) == (parameter, hint)
    twice = await clinic.get("/v1/rooms?limit=5&limit=7")
    assert refusal(twice) == (400, "invalid_request")
    assert twice.json()["field"] == "limit"


async def test_a_method_that_is_not_taken_is_answered_with_those_that_are(clinic: httpx.AsyncClient) -> None:
    refused = await clinic.patch("/v1/rooms/a")
    assert refusal(refused) == (405, "method_not_allowed")
    assert refused.headers["allow"] == "GET, DELETE, HEAD"
    assert refused.json()["hint"] == "GET: One room. DELETE: End a call for everyone, the lobby included."
    for made in (await clinic.post("/v1/rooms", json={"room": "a"}), await clinic.put("/v1/rooms/a", json={})):
        assert refusal(made) == (405, "method_not_allowed")
        assert "open when the first participant joins" in made.json()["hint"]
        assert "POST /v1/rooms/{room}/tokens" in made.json()["hint"]
    assert (await clinic.head("/v1/rooms")).status_code == 200


async def test_a_body_that_is_not_understood_is_told_what_may_have_been_meant(clinic: httpx.AsyncClient) -> None:
    misspelt = await clinic.post("/v1/rooms/a/tokens", json={"identity": "kari", "rol": "pasient"})
    assert refusal(misspelt) == (400, "invalid_request")
    assert (misspelt.json()["field"], misspelt.json()["hint"]) == ("rol", "Did you mean role?")
    empty = await clinic.post("/v1/rooms/a/tokens", headers={"Content-Type": "application/json"})
    assert refusal(empty) == (400, "invalid_request")
    assert "empty" in empty.json()["detail"]


async def test_a_byte_order_mark_before_json_is_passed_over(clinic: httpx.AsyncClient) -> None:
    body = '\ufeff{"identity": "kari", "role": "pasient"}'
    headers = {"Content-Type": "application/json"}
    assert (await clinic.post("/v1/rooms/a/tokens", headers=headers, content=body)).status_code == 201


async def test_participants_are_shown_without_their_names(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    vendors.join("a", "kari")
    vendors.join("a", "ola", enters="lobby")
    answer = await clinic.get("/v1/rooms/a/participants")
    shown = answer.json()["participants"]
    assert [(each["identity"], each["waiting"]) for each in shown] == [("kari", False), ("ola", True)]
    assert "Kari" not in answer.text


async def test_somebody_is_removed_and_their_token_with_them(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    kari = vendors.join("a", "kari")
    vendors.join("a", "ola")
    assert (await clinic.delete(f"/v1/rooms/a/participants/{kari}")).status_code == 204
    assert [each.identity for each in vendors.rooms.participants("clinic/a")] == ["ola"]
    with pytest.raises(BridgeError) as banned:
        vendors.join("a", "kari")
    assert banned.value.code == "banned"
    assert vendors.notes.kept == [
        (
            "participant_removed_by_vendor",
            *("clinic", "a", f"api:{vendors.clinic.id}", "kari", {"participant": kari}),
        )
    ]
    assert refusal(await clinic.delete(f"/v1/rooms/a/participants/{kari}")) == (404, "participant_not_found")


async def test_a_room_is_ended_with_its_lobby(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    vendors.join("a", "kari")
    vendors.join("a", "ola", enters="lobby")
    assert (await clinic.delete("/v1/rooms/a")).status_code == 204
    assert vendors.rooms.participants("clinic/a") == vendors.rooms.waiting("clinic/a") == []
    assert refusal(await clinic.delete("/v1/rooms/none")) == (404, "room_not_found")


async def test_nothing_happens_that_cannot_be_taken_down(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    kari = vendors.join("a", "kari")
    vendors.notes.full = True
    for path in ("/v1/rooms/a", f"/v1/rooms/a/participants/{kari}"):
        assert refusal(await clinic.delete(path)) == (503, "audit_unavailable")
    asked = await clinic.post("/v1/rooms/a/tokens", json={"identity": "ola", "role": "pasient"})
    assert refusal(asked) == (503, "audit_unavailable")
    assert len(vendors.rooms.participants("clinic/a")) == 1


async def test_another_vendor_sees_and_touches_nothing(vendors: Vendors, other: httpx.AsyncClient) -> None:
    kari = vendors.join("a", "kari")
    assert (await other.get("/v1/rooms")).json() == {"rooms": []}
    for method, path in (
        ("GET", "/v1/rooms/a"),
        ("DELETE", "/v1/rooms/a"),
        ("GET", "/v1/rooms/a/participants"),
        ("DELETE", f"/v1/rooms/a/participants/{kari}"),
    ):
        there, nowhere = await other.request(method, path), await other.request(method, path.replace("/a", "/b", 1))
        assert (there.status_code, there.json()) == (nowhere.status_code, nowhere.json())
        assert there.status_code == 404
    for room in ("clinic%2Fa", "..%2Fclinic%2Fa", "clinic/a"):
        assert (await other.get(f"/v1/rooms/{room}")).status_code == 404
    token = (await other.post("/v1/rooms/a/tokens", json={"identity": "eve", "role": "pasient"})).json()["token"]
    assert (await vendors.verifier.verify(token)).tenant == "other"
    assert len(vendors.rooms.participants("clinic/a")) == 1


async def test_a_token_is_signed_that_lets_in(vendors: Vendors, clinic: httpx.AsyncClient) -> None:
    body = {"identity": "kari", "role": "pasient", "ttl": 60, "name": "Kari", "level": "idporten-loa-high"}
    answer = await clinic.post("/v1/rooms/a/tokens", json=body)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["link"] == f"https://bridge.example/join#{answer.json()['token']}"
    claims = await vendors.verifier.verify(answer.json()["token"], room="a")
    assert (claims.tenant, claims.identity, claims.level) == ("clinic", "kari", "idporten-loa-high")
    assert vendors.notes.kept[0][0] == "token_minted"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": "king"}, "role"),
        ({"grants": ["host"]}, "grants[0]"),
        ({"ttl": 5}, "ttl"),
        ({"ttl": 86_400}, "ttl"),
        ({"identity": ""}, "identity"),
        ({"identity": "\u202e"}, "identity"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
async def test_a_token_that_would_not_let_in_is_refused(
    clinic: httpx.AsyncClient, change: dict[str, Any], field: str
) -> None:
    answer = await clinic.post("/v1/rooms/a/tokens", json={"identity": "kari", "role": "pasient", **change})
    assert refusal(answer) == (400, "invalid_request")
    assert answer.json()["field"] == field


async def test_the_same_request_again_gets_the_same_answer(
    vendors: Vendors, clinic: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    headers, body = {"Idempotency-Key": "one"}, {"identity": "kari", "role": "pasient"}
    first = await clinic.post("/v1/rooms/a/tokens", json=body, headers=headers)
    again = await clinic.post("/v1/rooms/a/tokens", json=body, headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"
    assert len(vendors.notes.kept) == 1
    changed = await clinic.post("/v1/rooms/b/tokens", json=body, headers=headers)
    assert refusal(changed) == (422, "idempotency_key_reused")
    assert (await other.post("/v1/rooms/a/tokens", json=body, headers=headers)).json() != first.json()
    vendors.now = 86_401.0
    assert (await clinic.post("/v1/rooms/b/tokens", json=body, headers=headers)).status_code == 201
    # What was refused may be tried again.
    vendors.notes.full, second = True, {"Idempotency-Key": "two"}
    assert (await clinic.post("/v1/rooms/b/tokens", json=body, headers=second)).status_code == 503
    vendors.notes.full = False
    assert (await clinic.post("/v1/rooms/b/tokens", json=body, headers=second)).status_code == 201


async def test_who_has_no_key_is_told_so(vendors: Vendors) -> None:
    vendors.keys.revoke(vendors.other.id)
    strangers = [None, "brk_", vendors.other_key, vendors.clinic_key[:-1] + "!", f"brk_{'0' * 12}_{'A' * 43}", "eyJ"]
    for key in strangers:
        async with vendors.client(key) as client:
            answer = await client.get("/v1/rooms")
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert key is None or key not in answer.text


async def test_one_vendor_cannot_use_up_what_is_there_for_the_others(
    vendors: Vendors, clinic: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    answers = [await clinic.get("/v1/rooms") for _ in range(501)]
    assert refusal(answers[-1]) == (429, "rate_limited")
    assert "retry-after" in answers[-1].headers
    assert (await other.get("/v1/rooms")).status_code == 200


def test_keys_are_kept_as_hashes_for_the_owner_only(tmp_path: Path) -> None:
    vendors_keys = ApiKeys(tmp_path)
    key, text = vendors_keys.create("clinic", "journal")
    file = tmp_path / "api-keys.json"
    assert text not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    elsewhere = ApiKeys(tmp_path)
    assert elsewhere.find(text) == key
    vendors_keys.revoke(key.id)
    assert elsewhere.find(text) is None
    for wrong in (lambda: elsewhere.revoke("none"), lambda: elsewhere.create("clinic", "a\nb")):
        with pytest.raises(BridgeError):
            wrong()


async def test_what_happened_is_shown_to_its_own_vendor(
    vendors: Vendors, clinic: httpx.AsyncClient, other: httpx.AsyncClient
) -> None:
    opened = Entry("room_opened", "clinic", "a")
    ended = Entry("call_ended", "clinic", "a", details={"seconds": 61.5}, attachment={"mos": 4.1})
    vendors.audit.append([opened, ended])
    events = (await clinic.get("/v1/events")).json()
    assert [(each["type"], each["data"]["room"]) for each in events["events"]] == [
        ("room.started", "a"),
        ("call.ended", "a"),
    ]
    assert events["events"][1]["data"] == {"room": "a", "seconds": 61.5, "mos": 4.1}
    assert events["next_cursor"] == events["events"][-1]["id"]
    nothing_new = (await clinic.get("/v1/events", params={"cursor": events["next_cursor"]})).json()
    assert nothing_new == {"events": [], "next_cursor": events["next_cursor"]}
    records = (await clinic.get("/v1/records", params={"record": "call", "from": "2020-01-01"})).json()
    assert [(each["room"], each["seconds"], each["mos"]) for each in records["records"]] == [("a", 61.5, 4.1)]
    assert (await other.get("/v1/events")).json() == {"events": []}
    assert (await other.get("/v1/records")).json() == {"records": []}
    for path, cursor in (("/v1/events", events["next_cursor"]), ("/v1/records", records["next_cursor"])):
        assert refusal(await other.get(path, params={"cursor": cursor})) == (410, "cursor_expired")
        assert refusal(await other.get(path, params={"cursor": "x"})) == (400, "invalid_request")
    first = {"first": events["next_cursor"]}
    assert refusal(await other.post("/v1/webhooks/replay", json=first)) == (409, "no_webhook_endpoint")
    assert (await clinic.post("/v1/webhooks/replay", json=first)).json() == {"events": 1}
    assert vendors.notes.kept[-1][:4] == ("webhooks_replayed", "clinic", "", f"api:{vendors.clinic.id}")
    slip = (await clinic.get("/v1/events", params={"type": "participant.joint"})).json()
    assert (slip["field"], slip["hint"]) == ("type", "Did you mean participant.joined?")
    only = (await clinic.get("/v1/events", params={"type": "call.ended"})).json()["events"]
    assert [each["type"] for each in only] == ["call.ended"]
    for query in ({"from": "yesterday"}, {"to": "2026-01-01T12:00:00"}, {"record": "room"}, {"type": "A"}):
        path = "/v1/events" if "type" in query else "/v1/records"
        assert refusal(await clinic.get(path, params=query)) == (400, "invalid_request")
