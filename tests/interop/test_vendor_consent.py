"""Who comes by WHIP is recorded once their vendor's system has handed their consent in, and no longer."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

from tests.interop.test_recordings import audited, is_told
from tests.support.bridge import Bridge, eventually
from tests.support.legs import legs, no_legs
from tests.support.media import BLUE, GREEN, ColourTrack, ToneTrack
from tests.support.participant import Participant
from tests.support.patience import PATIENCE
from tests.support.recorded import store_of, tracks
from tests.support.webrtc_http import Publisher


class VendorSystem:
    """The server of the vendor that NAV's people use: it asks them, and hands in what they say."""

    def __init__(self, client: httpx.AsyncClient, room: str) -> None:
        self.client = client
        self.path = f"/v1/rooms/{room}"

    async def token(self, identity: str) -> str:
        body = {"identity": identity, "role": "nav", "consent_by": "vendor"}
        answered = await self.client.post(f"{self.path}/tokens", json=body)
        assert answered.status_code == 201, answered.text
        return str(answered.json()["token"])

    async def participant(self, identity: str) -> dict[str, Any]:
        everyone = (await self.client.get(f"{self.path}/participants")).json().get("participants", [])
        return next((each for each in everyone if each["identity"] == identity), {})

    async def waits(self, identity: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while not (await self.participant(identity)).get("waiting"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.05)

    async def hand_in(self, identity: str, said: str) -> httpx.Response:
        path = f"{self.path}/participants/{(await self.participant(identity))['id']}/consents"
        (asked, _) = (await self.client.get(path)).json()["consents"]
        body = {"answer": said, "text_version": "nav-3", "recording": asked["recording"] or "none"}
        return await self.client.put(f"{path}/recording", json=body)


@contextlib.asynccontextmanager
async def vendor_system(bridge: Bridge, room: str) -> AsyncIterator[VendorSystem]:
    headers = {"Authorization": f"Bearer {bridge.api_key()}"}
    async with httpx.AsyncClient(base_url=bridge.url, headers=headers, timeout=PATIENCE) as client:
        yield VendorSystem(client, room)


async def test_who_comes_by_whip_is_recorded_by_the_consent_that_its_vendor_hands_in(bridge: Bridge, room: str) -> None:
    await no_legs(bridge)
    for info in store_of(bridge).recordings():
        store_of(bridge).delete(info.id)
    doctor = Participant(bridge.ws_url, bridge.token(room, "doctor"))
    async with vendor_system(bridge, room) as system:
        first = Publisher(f"{bridge.url}/whip/{room}", await system.token("nav"))
        second = Publisher(f"{bridge.url}/whip/{room}", await system.token("tax"))
        try:
            await doctor.join()
            coming = asyncio.ensure_future(first.publish([ToneTrack(GREEN), ColourTrack(GREEN)]))
            await system.waits("nav")
            await doctor.request("admit")
            await coming
            assert (await system.hand_in("nav", "yes")).json()["code"] == "consent_not_asked"

            # Nothing is recorded while the answer is outstanding, nor after a no.
            await doctor.request("ask_to_record", text_version="1")
            assert (await system.participant("nav"))["consent_pending"]
            assert not legs(bridge)
            assert (await system.hand_in("nav", "no")).status_code == 200
            await is_told(doctor, "off")
            assert not legs(bridge)

            await doctor.request("ask_to_record", text_version="1")
            handed_in = await system.hand_in("nav", "yes")
            assert (handed_in.json()["answer"], handed_in.json()["given_by"]) == ("yes", "vendor")
            await is_told(doctor, "on")
            shown = await doctor.notice(
                lambda said: said["type"] == "participant_updated" and said["participant"]["consented_by_vendor"]
            )
            assert shown["participant"]["role"] == "nav"
            await eventually(lambda: "track-2" in tracks(bridge))  # the doctor sends nothing

            # A newcomer is asked before entering, and the recording pauses from being let in until then.
            coming = asyncio.ensure_future(second.publish([ToneTrack(BLUE)]))
            await system.waits("tax")
            await doctor.request("admit")
            await is_told(doctor, "paused")
            assert (await system.hand_in("tax", "yes")).status_code == 200
            await is_told(doctor, "on")
            await coming

            assert (await system.hand_in("nav", "withdrawn")).json()["answer"] is None
            await is_told(doctor, "off")
            await no_legs(bridge)
        finally:
            await second.close()
            await first.close()
            await doctor.close()
        events = (await system.client.get("/v1/events", params={"room": room, "limit": 500})).json()["events"]
    consents = [
        (each["type"], each["data"]["identity"], each["data"].get("by_vendor"), each["data"]["text_version"])
        for each in events
        if each["type"].startswith("consent.")
    ]
    assert consents == [
        ("consent.given", "doctor", None, "1"),
        ("consent.asked", "nav", None, "1"),
        ("consent.refused", "nav", True, "nav-3"),
        ("consent.given", "doctor", None, "1"),
        ("consent.asked", "nav", None, "1"),
        ("consent.given", "nav", True, "nav-3"),
        ("consent.asked", "tax", None, "1"),
        ("consent.given", "tax", True, "nav-3"),
        ("consent.refused", "nav", True, "nav-3"),
    ]
    entries = [json.loads(line) for line in audited(bridge)]
    mine = [each for each in entries if each.get("kind") == "consent_handed_in" and each["room"] == room]
    assert [each["details"]["answer"] for each in mine] == ["no", "yes", "yes", "withdrawn"]
    assert all(each["actor"].startswith("api:") and each["subject"] not in ("", "nav", "tax") for each in mine)
