"""Chat, hands, companions and consent over the WebSocket door."""

from __future__ import annotations

from tests.signaling.house import open_house


class FakeRecorder:
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def start(self, room_id: str) -> None:
        self.told.append(("start", room_id))

    def pause(self, room_id: str) -> None:
        self.told.append(("pause", room_id))

    def stop(self, room_id: str) -> None:
        self.told.append(("stop", room_id))


async def test_chat_reaches_the_room_and_comes_again_after_a_resume() -> None:
    async with open_house() as house:
        doctor, other = await house.joined("doctor"), await house.joined("other")
        await doctor.request("chat", text="Hei")
        assert (await other.expect("chat_message"))["message"]["text"] == "Hei"
        own = await doctor.expect("chat_message")
        assert own["message"]["participant_id"] == doctor.joined["participant_id"]
        await other.vanish()
        again = await house.client()
        session = other.joined["session"]
        resumed = await again.request("resume", session_id=session["id"], secret=session["secret"])
        assert [message["text"] for message in resumed["chat"]] == ["Hei"]
        assert resumed["chat"][0]["id"] == own["message"]["id"]


async def test_chat_takes_its_grant() -> None:
    async with open_house() as house:
        client = await house.client()
        await client.join("room ola subscribe")
        refused = await client.request("chat", text="Hei")
        assert (refused["code"], refused["grant"]) == ("not_granted", "chat")


async def test_hands_and_companions_are_in_the_roster() -> None:
    async with open_house() as house:
        doctor, other = await house.joined("doctor"), await house.joined("other")
        await other.request("raise_hand", raised=True)
        assert (await doctor.expect("participant_updated"))["participant"]["hand_raised"] is True
        await other.request("set_companions", names=["Per"])
        assert (await doctor.expect("participant_updated"))["participant"]["companions"] == ["Per"]


async def test_a_recording_follows_consent() -> None:
    recorder = FakeRecorder()
    async with open_house(recorder=recorder) as house:
        doctor, patient = await house.joined("doctor"), await house.patient("kari")
        await doctor.request("admit")
        await patient.expect("admitted")
        await doctor.request("ask_to_record", text_version="2026-1")
        request = (await patient.expect("consent_asked"))["consent"]
        assert (await patient.expect("room_changed"))["room"]["recording"] == "asking"
        assert recorder.told == []
        reloaded = await house.patient("kari")
        assert reloaded.joined["consent"] == request
        await reloaded.request("answer_consent", consent_id=request["id"], consents=True, text_version="vendor-7")
        assert (await reloaded.expect("room_changed"))["room"]["recording"] == "on"
        newcomer = await house.patient("per")
        await doctor.request("admit")
        asked = await newcomer.expect("consent_asked")
        assert asked["consent"] == request
        assert newcomer.joined["lobby"]["position"] == 1
        await newcomer.request("answer_consent", consent_id=request["id"], consents=True)
        await newcomer.expect("admitted")
        await reloaded.request("answer_consent", consent_id=request["id"], consents=False)
        room = "clinic/room"
        assert recorder.told == [("start", room), ("pause", room), ("start", room), ("stop", room)]


async def test_without_a_recorder_nobody_is_asked() -> None:
    async with open_house() as house:
        doctor = await house.joined("doctor")
        assert (await doctor.request("ask_to_record", text_version="1"))["code"] == "recording_unavailable"
        assert doctor.joined["room"] == {
            "locked": False,
            "recording": "off",
            "video_consent": False,
            "recordable": False,
            "pinned": None,
            "encryption": "bridge",
        }
