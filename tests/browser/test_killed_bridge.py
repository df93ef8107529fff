"""The bridge is killed with people in the call and in the lobby, and started again: everybody is where they were."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.browsers import Browser, BrowserName, Page
from tests.browser.conftest import make_bridge
from tests.support.bridge import Bridge
from tests.support.media import BLUE, GREEN, RED, ColourTrack, Identity, ToneTrack
from tests.support.namespace import Network
from tests.support.participant import Participant, RequestError
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.asyncio(loop_scope="module")


def token(bridge: Bridge, room: str, name: str) -> str:
    return bridge.token(room, name, "pasient", "--name", name.title(), "--enters", "lobby")


async def knock(browser: Browser, bridge: Bridge, room: str, identity: Identity) -> Page:
    """Opens a patient's link, and goes on to where they wait."""
    page = await browser.open(f"{bridge.url}/join#{token(bridge, room, identity.name)}", identity)
    await page.wait("document.querySelector('.preview video')?.videoWidth > 0")
    await page.press("Bli med")
    await page.wait("document.querySelector('.lobby-place')")
    return page


class Clinic:
    """What the vendor's system sees of a room."""

    def __init__(self, bridge: Bridge, room: str) -> None:
        self.bridge = bridge
        self.room = room
        self.key = bridge.api_key()

    async def people(self) -> list[dict[str, Any]]:
        """Those in the room, and those who wait."""
        headers = {"Authorization": f"Bearer {self.key}"}
        async with httpx.AsyncClient(base_url=self.bridge.url, headers=headers, timeout=PATIENCE) as vendor:
            answer = await vendor.get(f"/v1/rooms/{self.room}/participants")
        return list(answer.json()["participants"]) if answer.status_code == 200 else []

    async def until_waiting(self, *names: str) -> None:
        """Returns when just these wait, in whatever order; meanwhile nobody may be in the room."""
        there: set[str] = set()
        while there != set(names):
            people = await self.people()
            assert all(each["waiting"] for each in people), "somebody is in a room without a host"
            there = {each["identity"] for each in people}


async def doctor_of(bridge: Bridge, room: str) -> Participant:
    doctor = Participant(bridge.ws_url, bridge.token(room, RED.name))
    await doctor.join()
    await doctor.publish(ToneTrack(RED), ColourTrack(RED))
    return doctor


async def test_everybody_has_their_place_again_and_who_was_taken_out_has_none(
    tmp_path: Path, network: Network, room: str, browsers: dict[BrowserName, Browser]
) -> None:
    bridge = make_bridge(tmp_path, network.ipv4)
    people: list[Participant] = []
    try:
        bridge.start()
        clinic = Clinic(bridge, room)
        doctor = await doctor_of(bridge, room)
        people.append(doctor)
        blue = await knock(browsers["chromium"], bridge, room, BLUE)
        green = await knock(browsers["firefox"], bridge, room, GREEN)
        tokens = {name: token(bridge, room, name) for name in ("per", "ola", "stranger")}
        per, ola = (Participant(bridge.ws_url, tokens[name]) for name in ("per", "ola"))
        people += [per, ola]
        for each in (per, ola):
            await each.join()
        ids = {each["identity"]: each["id"] for each in await clinic.people()}
        await doctor.request("admit", participant_ids=[ids["blue"]])
        await blue.expect(RED)
        await doctor.request("lock", locked=True)
        await doctor.request("remove", participant_id=ola.id)
        bridge.kill()

        bridge.start()
        again = Participant(bridge.ws_url, tokens["per"])
        people.append(again)
        await again.join()
        await clinic.until_waiting("blue", "green", "per")
        for name, code in (("ola", "banned"), ("stranger", "room_locked")):
            with pytest.raises(RequestError, match=code):
                await Participant(bridge.ws_url, tokens[name]).join()
        back = await doctor_of(bridge, room)
        people.append(back)
        await blue.expect(RED)
        person = next(each["id"] for each in await clinic.people() if each["identity"] == "blue")
        await (await back.watcher(person, "camera")).expect(BLUE)
        await (await back.watcher(person, "microphone")).expect(BLUE)
        assert [each["name"] for each in back.joined["waiting"]] == ["Green", "Per"]
        await again.notice(lambda said: said["type"] == "lobby_changed" and said["lobby"]["position"] == 2)
        await green.wait("document.querySelector('.lobby-place')?.textContent === 'Du er neste'")
        assert back.joined["room"]["locked"]
        assert back.joined["room"]["recording"] == "off"
    finally:
        for each in people:
            await each.close()
        bridge.stop()
