"""Consent to video over the WebSocket door: told on joining, refused by name, kept over a resume."""

from __future__ import annotations

from tests.signaling.house import open_house


async def test_a_camera_is_rejected_until_its_owner_has_consented() -> None:
    async with open_house() as house:
        client = await house.client()
        await client.join("room anne asks")
        kari = await house.joined("kari")
        assert kari.joined["room"]["video_consent"] is True
        assert "video_consented" not in kari.joined
        published = await kari.publish(("0", "audio", "microphone"), ("1", "video", "camera"))
        assert [each["source"] for each in published["sources"]] == ["microphone"]
        assert [(each["mid"], each["code"]) for each in published["rejected"]] == [("1", "video_not_consented")]
        assert (await kari.request("answer_video_consent", text_version="2026-1", consents=True))["type"] == "done"
        session = kari.joined["session"]
        await kari.vanish()
        again = await house.client()
        resumed = await again.request("resume", session_id=session["id"], secret=session["secret"])
        assert resumed["video_consented"] is True
        published = await again.publish(("0", "audio", "microphone"), ("2", "video", "camera"))
        assert [each["source"] for each in published["sources"]] == ["microphone", "camera"]
        await again.request("answer_video_consent", text_version="2026-1", consents=False)
        assert (await again.expect("stopped_by_host"))["source_id"] == published["sources"][1]["id"]


async def test_where_it_is_not_asked_there_is_nothing_to_answer() -> None:
    async with open_house() as house:
        kari = await house.joined("kari")
        assert kari.joined["room"]["video_consent"] is False
        answered = await kari.request("answer_video_consent", text_version="2026-1", consents=True)
        assert answered["code"] == "consent_not_asked"
