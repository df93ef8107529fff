"""A bridge that is killed and started again: what was decided holds at once, and no consent is assumed."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.test_recordings import answer, is_told
from tests.interop.test_room_of_three import sees_and_hears
from tests.support.bridge import Bridge, running_bridge
from tests.support.media import GREEN, RED, ColourTrack, Identity, ToneTrack
from tests.support.participant import Participant, RequestError
from tests.support.webrtc_http import Publisher


async def enters(bridge: Bridge, room: str, identity: Identity, role: str = "fastlege") -> Participant:
    """A doctor, or somebody who waits to be let in."""
    entrance = "direct" if role == "fastlege" else "lobby"
    participant = Participant(bridge.ws_url, bridge.token(room, identity.name, role, "--enters", entrance))
    await participant.join()
    if role == "fastlege":
        await participant.publish(ToneTrack(identity), ColourTrack(identity))
    return participant


def stands(place: int, said: dict[str, Any]) -> bool:
    """Whether somebody who waits is told that they have this place."""
    return bool(said.get("lobby", {}).get("position") == place)


async def test_what_a_host_was_told_is_done_holds_and_consent_is_asked_for_anew(tmp_path: Path, room: str) -> None:
    with running_bridge(tmp_path) as bridge:
        doctor, patient = await enters(bridge, room, RED), await enters(bridge, room, GREEN, "pasient")
        taken_out = Participant(bridge.ws_url, bridge.token(room, "ola", "pasient", "--enters", "lobby"))
        people = [doctor, patient, taken_out]
        try:
            await taken_out.join()
            await doctor.request("admit")
            await patient.notice(lambda said: said["type"] == "admitted")
            await patient.publish(ToneTrack(GREEN), ColourTrack(GREEN))
            await doctor.request("ask_to_record", text_version="1")
            await answer(patient, True)
            await answer(taken_out, True)
            await is_told(doctor, "on")
            await doctor.request("lock", locked=True)
            await doctor.request("remove", participant_id=taken_out.id)
            # Not a moment later: the answer says that it is done.
            bridge.kill()
            bridge.start()
            for who in (Participant(bridge.ws_url, taken_out.joined["token"]), taken_out):
                with pytest.raises(RequestError, match="banned"):
                    await who.join()
            # The first token and the one that the bridge gave in its place are as good as each other.
            back = Participant(bridge.ws_url, patient.joined["token"])
            people.append(back)
            await back.join()
            assert "lobby" in back.joined
            host = await enters(bridge, room, RED)
            people.append(host)
            await back.notice(lambda said: said["type"] == "admitted")
            await back.publish(ToneTrack(GREEN), ColourTrack(GREEN))
            await sees_and_hears(host, back, GREEN)
            await sees_and_hears(back, host, RED)
            assert host.joined["room"]["locked"]
            assert host.joined["room"]["recording"] == "off"
            await host.request("ask_to_record", text_version="1")
            await back.notice(lambda said: said["type"] == "consent_asked")
            await is_told(back, "asking")
            await answer(back, False)
            await is_told(host, "off")
        finally:
            for each in people:
                await each.close()


async def test_who_waits_keeps_the_place_when_the_bridge_ends_in_good_order(tmp_path: Path, room: str) -> None:
    with running_bridge(tmp_path) as bridge:
        names = ("first", "second", "third")
        tokens = [bridge.token(room, name, "pasient", "--enters", "lobby") for name in names]
        before = [Participant(bridge.ws_url, token) for token in tokens]
        after = [Participant(bridge.ws_url, token) for token in tokens]
        try:
            for each in before:
                await each.join()
            bridge.stop()
            bridge.start()
            for each in reversed(after):
                await each.join()
            for place, each in enumerate(after, 1):
                # Whoever came back before those in front of them is told as these come.
                if each.joined["lobby"]["position"] != place:
                    await each.notice(partial(stands, place))
        finally:
            for each in (*before, *after):
                await each.close()


async def test_a_client_of_whip_comes_back_to_where_it_was(tmp_path: Path, room: str) -> None:
    with running_bridge(tmp_path) as bridge:
        doctor = await enters(bridge, room, RED)
        token = bridge.token(room, GREEN.name, "nav", "--enters", "lobby")
        first, second = Publisher(f"{bridge.url}/whip/{room}", token), Publisher(f"{bridge.url}/whip/{room}", token)
        people = [doctor]
        try:
            async with httpx.AsyncClient(headers=first.headers) as client:
                headers = {"Content-Type": "application/sdp"}
                knock = await client.post(first.url, headers=headers, content="v=0")
                assert (knock.status_code, knock.json()["code"]) == (409, "in_lobby")
                await doctor.request("admit")
                await first.publish([ToneTrack(GREEN), ColourTrack(GREEN)])
                bridge.kill()
                bridge.start()
                gone = await client.delete(first.location)
                assert (gone.status_code, gone.json()["code"]) == (404, "session_not_found")
                knock = await client.post(first.url, headers=headers, content="v=0")
                assert (knock.status_code, knock.json()["code"]) == (409, "in_lobby")
            host = await enters(bridge, room, RED)
            people.append(host)
            await second.publish([ToneTrack(GREEN), ColourTrack(GREEN)])
            [nav] = [each for each in host.joined["participants"] if each["role"] == "nav"]
            await (await host.watcher(nav["id"], "camera")).expect(GREEN)
            await (await host.watcher(nav["id"], "microphone")).expect(GREEN)
        finally:
            await second.close()
            await first.close()
            for each in people:
                await each.close()


async def test_a_session_of_whip_outlives_its_token(tmp_path: Path, room: str) -> None:
    config = tmp_path / "bridge.toml"
    config.write_text('[tokens]\nleeway = "0s"\n')
    with running_bridge(tmp_path, "--config", str(config)) as bridge:
        doctor = await enters(bridge, room, RED)
        lives = ("--ttl", "5s", "--enters", "direct")
        old, other = (bridge.token(room, GREEN.name, "nav", *lives) for _ in range(2))
        newer, stranger = bridge.token(room, GREEN.name, "nav"), bridge.token(room, "stranger", "nav")
        publisher = Publisher(f"{bridge.url}/whip/{room}", old)
        try:
            await publisher.publish([ToneTrack(GREEN), ColourTrack(GREEN)])
            joined = await doctor.notice(lambda said: said["type"] == "participant_joined")
            async with httpx.AsyncClient() as client:

                async def ask(method: str, token: str) -> tuple[int, str]:
                    """A PATCH of a candidate, which is not needed, or the end."""
                    headers = {"Authorization": f"Bearer {token}"}
                    if method == "PATCH":
                        headers |= {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": publisher.etag}
                    content = "a=end-of-candidates\r\n" if method == "PATCH" else None
                    said = await client.request(method, publisher.location, headers=headers, content=content)
                    return said.status_code, said.json()["code"] if said.status_code >= 400 else ""

                while (said := await ask("PATCH", other)) == (204, ""):
                    pass
                assert said == (401, "token_expired"), "another token of the same person that has ended, too"
                assert await ask("PATCH", old) == (204, ""), "the one that the session was made with"
                assert await ask("PATCH", newer) == (204, "")
                assert await ask("PATCH", stranger) == (403, "not_granted")
                assert await ask("DELETE", stranger) == (403, "not_granted")
                await (await doctor.watcher(joined["participant"]["id"], "camera")).expect(GREEN)
                assert await ask("DELETE", old) == (200, "")
                assert await ask("DELETE", newer) == (404, "session_not_found")
                # What has ended opens nothing, and learns nothing either.
                assert await ask("DELETE", old) == (401, "token_expired")
            left = await doctor.notice(lambda said: said["type"] == "participant_left")
            assert left["reason"] == "left"
        finally:
            await publisher.peer.close()
            await doctor.close()
