"""Links from inside a call over the WebSocket door: who may have one made, who proposes, who is told."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.errors import BridgeError
from bridge.signaling.calls import Invited
from tests.signaling.house import House, open_house
from tests.signaling.signal_client import SignalClient


class FakeInviter:
    """Takes down who asked for what."""

    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []
        self.revoked: list[str] = []
        self.refusal: BridgeError | None = None

    async def invite(
        self, tenant: str, room: str, *, role: str, name: str, minutes: int, host: str, identity: str
    ) -> Invited:
        if self.refusal is not None:
            raise self.refusal
        self.made.append({"room": f"{tenant}/{room}", "role": role, "name": name, "minutes": minutes, "by": identity})
        return Invited(f"inv-{len(self.made)}", "secret", role, "none", minutes * 60.0)

    async def revoke(self, tenant: str, room: str, invitation_id: str, *, host: str, identity: str) -> None:
        self.revoked.append(invitation_id)


async def call_of(house: House) -> tuple[SignalClient, SignalClient]:
    """A doctor, and a patient who was let in."""
    doctor, patient = await house.joined("doctor"), await house.patient("kari")
    await doctor.request("admit")
    await patient.expect("admitted")
    return doctor, patient


async def test_a_host_has_a_link_made_and_taken_back() -> None:
    inviter = FakeInviter()
    async with open_house(inviter=inviter) as house:
        doctor, _ = await call_of(house)
        made = await doctor.request("create_invitation", role="tolk", name="Tone", minutes=30)
        assert made["type"] == "invitation"
        assert made["link"] == f"{house.url}/signin#secret"
        assert (made["role"], made["level"], made["expires_seconds"]) == ("tolk", "none", 1800)
        assert {len(row) for row in made["qr"]} == {len(made["qr"])}
        assert {*"".join(made["qr"])} == {"0", "1"}
        assert inviter.made == [
            {"room": "clinic/room", "role": "tolk", "name": "Tone", "minutes": 30, "by": "doctor"},
        ]
        assert (await doctor.request("revoke_invitation", invitation_id="inv-1"))["type"] == "done"
        assert inviter.revoked == ["inv-1"]
        other = await doctor.request("revoke_invitation", invitation_id="of-another-room")
        assert other["code"] == "invitation_not_found"
        assert inviter.revoked == ["inv-1"]


async def test_whoever_has_not_the_grant_may_only_propose() -> None:
    inviter = FakeInviter()
    async with open_house(inviter=inviter) as house:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        assert (await patient.request("propose_invitation", role="parorende", name="Per"))["code"] == "in_lobby"
        await doctor.request("admit")
        await patient.expect("admitted")
        watcher = await house.client()
        await watcher.join("room other subscribe")
        for refused in (
            await watcher.request("create_invitation", role="parorende"),
            await watcher.request("revoke_invitation", invitation_id="inv-1"),
            await watcher.request("decline_proposal", proposal_id="1"),
        ):
            assert (refused["code"], refused["grant"]) == ("not_granted", "invite")
        refused = await watcher.request("propose_invitation", role="parorende", name="Per")
        assert (refused["code"], refused["grant"]) == ("not_granted", "propose")
        assert inviter.made == []
        await patient.request("propose_invitation", role="parorende", name="Per, broren min")
        proposal = (await doctor.expect("invitation_proposed"))["proposal"]
        assert (proposal["by"], proposal["role"], proposal["name"]) == ("Name of kari", "parorende", "Per, broren min")
        await watcher.request("ping")
        assert "invitation_proposed" not in {message["type"] for message in watcher.set_aside}


async def test_a_proposal_becomes_a_link_once_and_its_author_is_told() -> None:
    inviter = FakeInviter()
    async with open_house(inviter=inviter) as house:
        doctor, patient = await call_of(house)
        for name in ("Per", "Pål"):
            await patient.request("propose_invitation", role="parorende", name=name)
        per, pål = [(await doctor.expect("invitation_proposed"))["proposal"]["id"] for _ in range(2)]
        late = await house.joined("late")
        assert [each["id"] for each in late.joined["proposals"]] == [per, pål]
        assert "proposals" not in patient.joined
        assert (await doctor.request("create_invitation", role="parorende", proposal_id=per))["type"] == "invitation"
        answered = await patient.expect("proposal_answered")
        assert (answered["proposal"]["name"], answered["accepted"]) == ("Per", True)
        assert (await late.expect("proposal_answered"))["proposal"]["id"] == per
        again = await late.request("create_invitation", role="parorende", proposal_id=per)
        assert again["code"] == "proposal_not_found"
        assert len(inviter.made) == 1
        await late.request("decline_proposal", proposal_id=pål)
        assert (await patient.expect("proposal_answered"))["accepted"] is False


async def test_a_link_that_cannot_be_made_leaves_the_proposal_open() -> None:
    inviter = FakeInviter()
    inviter.refusal = BridgeError("audit_unavailable", "The bridge cannot keep its audit log at the moment.")
    async with open_house(inviter=inviter) as house:
        doctor, patient = await call_of(house)
        await patient.request("propose_invitation", role="parorende", name="Per")
        proposal_id = (await doctor.expect("invitation_proposed"))["proposal"]["id"]
        refused = await doctor.request("create_invitation", role="parorende", proposal_id=proposal_id)
        assert refused["code"] == "audit_unavailable"
        inviter.refusal = None
        assert (await doctor.request("create_invitation", role="parorende", proposal_id=proposal_id))["type"] == (
            "invitation"
        )


async def test_proposals_that_wait_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.room.chat.PER_SECOND", 0.0)
    async with open_house() as house:
        doctor, patient = await call_of(house)
        codes = []
        for number in range(12):
            answer = await patient.request("propose_invitation", role="parorende", name=f"Per {number}")
            codes.append(answer.get("code"))
        assert codes[:10] == [None] * 10
        assert "too_many_messages" in codes
        assert (await doctor.request("create_invitation", role="tolk"))["code"] == "invitations_unavailable"
