"""Publishing: offers become producers, re-offers change them."""

from __future__ import annotations

import pytest

from bridge.errors import BridgeError
from bridge.sfu import ConnectionKind, ConnectionState, Subscription, encoding_demand
from bridge.sfu.sdp.error import SdpError
from tests.sfu.conftest import Bridge
from tests.sfu.support import fixture

OFFER = fixture("chrome_publish")
SIMULCAST = fixture("chrome_publish_simulcast")


async def test_m_lines_become_producers(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    result = await session.publish(OFFER)
    assert [(each.mid, each.kind, each.codecs) for each in result.new] == [
        ("0", "audio", ("opus", "red", "telephone-event")),
        ("1", "video", ("VP8", "H264", "AV1", "VP9")),
    ]
    assert result.new[0].stream_id == "d2231134-a7f6-4918-b9ec-3d89223d0e68"
    assert not result.kept
    assert not result.gone
    assert not result.rejected
    ((transport_id, transport),) = bridge.core.called("create_webrtc_transport")
    created = bridge.core.called("create_producer")
    assert [producer_id for producer_id, _ in created] == [each.producer_id for each in result.new]
    video = created[1][1]
    assert video["transport_id"] == transport_id
    assert video["mid"] == "1"
    assert video["encodings"] == [{"ssrc": 2349338692, "rtx_ssrc": 907484494, "rid": None}]
    assert video["codecs"][0] == {
        "payload_type": 96,
        "name": "VP8",
        "clock_rate": 90000,
        "rtx_payload_type": 97,
        "rtcp_feedback": ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"],
    }
    assert f"a=ice-ufrag:{transport['ice_ufrag']}\r\n" in result.answer
    assert f"a=ice-pwd:{transport['ice_pwd']}\r\n" in result.answer


async def test_extensions_reach_the_transport(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    await session.publish(OFFER)
    (update,) = [each for _, each in bridge.core.called("update_transport") if "receive_extensions" in each]
    assert {"uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 4} in update["receive_extensions"]


async def test_a_re_offer_of_the_same_touches_nothing(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    first = await session.publish(OFFER)
    calls = len(bridge.core.calls)
    second = await session.publish(OFFER)
    assert not second.new
    assert not second.gone
    assert second.kept == first.new
    assert len(bridge.core.calls) == calls
    assert " 2 IN IP4" in second.answer.split("\r\n")[1]


async def test_a_source_that_stops_is_gone_and_one_that_starts_again_is_new(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    first = await session.publish(OFFER)
    head, tail = OFFER.rsplit("a=sendonly", 1)
    second = await session.publish(head + "a=inactive" + tail)
    assert second.gone == (first.new[1].producer_id,)
    assert second.kept == first.new[:1]
    assert bridge.core.called("close_producer") == [(first.new[1].producer_id,)]
    third = await session.publish(OFFER)
    assert [each.kind for each in third.new] == ["video"]
    assert third.new[0].producer_id not in {each.producer_id for each in first.new}
    assert third.producers == (*first.new[:1], *third.new)


async def test_sound_that_is_repeated_from_now_on_is_the_same_producer(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    first = await session.publish(OFFER)
    repeated = OFFER.replace(" 111 63 ", " 63 111 ", 1)
    assert repeated != OFFER
    second = await session.publish(repeated)
    assert (second.new, second.kept, second.gone) == ((), first.new, ())
    answered = next(line for line in second.answer.splitlines() if line.startswith("m=audio"))
    assert answered.split()[3:5] == ["63", "111"], "the publisher sends what comes first"
    assert (await session.publish(OFFER)).kept == first.new


async def test_another_stream_id_is_the_same_producer(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    await session.publish(OFFER)
    again = await session.publish(OFFER.replace("2f427aee-ac6c-47fa-ae0c-e02127a55a78", "other"))
    assert again.new == ()
    assert again.kept[1].track_id == "other"


async def test_other_ssrcs_are_another_producer(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    first = await session.publish(OFFER)
    again = await session.publish(OFFER.replace("2349338692", "77"))
    assert again.gone == (first.new[1].producer_id,)
    assert len(again.new) == 1


async def test_new_ice_credentials_restart_ice(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    first = await session.publish(OFFER)
    second = await session.publish(OFFER.replace("C5vU", "Wxyz"))
    ((_, ufrag, _),) = bridge.core.called("restart_ice")
    assert f"a=ice-ufrag:{ufrag}\r\n" in second.answer
    assert f"a=ice-ufrag:{ufrag}\r\n" not in first.answer
    assert second.kept == first.new


async def test_ice_restart_by_a_fragment(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    await session.publish(OFFER)
    fragment = "a=ice-ufrag:Wxyz\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    answered = await session.restart_ice(ConnectionKind.PUBLISH, fragment, demanded=True)
    ((_, ufrag, pwd),) = bridge.core.called("restart_ice")
    assert answered is not None
    assert f"a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\n" in answered
    assert "a=mid:0\r\n" in answered
    # The same again is no restart, nor are candidates alone.
    candidate = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host"
    assert await session.restart_ice(ConnectionKind.PUBLISH, fragment, demanded=False) is None
    assert await session.restart_ice(ConnectionKind.PUBLISH, candidate, demanded=False) is None
    assert session.trickles(ConnectionKind.PUBLISH, fragment + candidate)
    for other in (
        fragment,
        candidate,
        fragment.replace("Wxyz", "Abcd") + candidate,
        fragment.replace("aaa", "bbb") + candidate,
    ):
        assert not session.trickles(ConnectionKind.PUBLISH, other)
    assert not session.trickles(ConnectionKind.SUBSCRIBE, fragment + candidate)
    with pytest.raises(BridgeError, match="no subscribe connection"):
        await session.restart_ice(ConnectionKind.SUBSCRIBE, fragment, demanded=True)


CREDENTIALS = "a=ice-ufrag:Wxyz\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaaaa\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
CANDIDATE = "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n"


@pytest.mark.parametrize(
    ("fragment", "line"), [(CREDENTIALS, 1), (f"m=audio 9 RTP/AVP 0\r\na=mid:0\r\n{CANDIDATE}", None), ("", None)]
)
async def test_a_restart_that_is_demanded_and_brings_nothing_new_is_refused(
    bridge: Bridge, fragment: str, line: int | None
) -> None:
    session, _ = bridge.open("anna")
    await session.publish(OFFER)
    await session.restart_ice(ConnectionKind.PUBLISH, CREDENTIALS, demanded=True)
    with pytest.raises(SdpError, match="new credentials") as refused:
        await session.restart_ice(ConnectionKind.PUBLISH, fragment, demanded=True)
    assert refused.value.line == line
    assert len(bridge.core.called("restart_ice")) == 1


@pytest.mark.parametrize("more", [CANDIDATE, "a=end-of-candidates\r\n"])
async def test_candidates_of_the_session_that_runs_are_taken_however_they_come(bridge: Bridge, more: str) -> None:
    """As the pages of MediaMTX send them."""
    session, _ = bridge.open("anna")
    await session.publish(OFFER)
    await session.restart_ice(ConnectionKind.PUBLISH, CREDENTIALS, demanded=True)
    assert await session.restart_ice(ConnectionKind.PUBLISH, CREDENTIALS + more, demanded=True) is None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("26:F2:C7:DB", "00:00:00:00"), "fingerprint may not change"),
        (("a=mid:1", "a=mid:7"), "reorder"),
        (("a=setup:actpass", "a=setup:passive"), "may not change"),
    ],
)
async def test_what_a_re_offer_may_not_change(bridge: Bridge, change: tuple[str, str], complaint: str) -> None:
    session, _ = bridge.open("anna")
    first = await session.publish(OFFER)
    calls = len(bridge.core.calls)
    text = OFFER.replace(*change)
    if complaint == "reorder":
        text = text.replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0 7")
    with pytest.raises(SdpError, match=complaint):
        await session.publish(text)
    assert len(bridge.core.calls) == calls
    assert (await session.publish(OFFER)).kept == first.new


async def test_a_refused_offer_leaves_nothing_behind(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    with pytest.raises(SdpError):
        await session.publish("v=0\r\n")
    assert bridge.core.calls == []
    assert (await session.publish(OFFER)).new


async def test_a_data_channel_is_reported(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    rejected = (await session.publish(fixture("chrome_datachannel"))).rejected
    assert [(each.mid, each.code) for each in rejected] == [("2", "unsupported_media")]


async def test_pause_close_and_keyframes(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    audio, video = (await session.publish(OFFER)).new
    session.pause_producer(audio.producer_id, True)
    session.request_keyframe(video.producer_id)
    session.close_producer(video.producer_id)
    assert bridge.core.called("pause_producer") == [(audio.producer_id, True)]
    assert bridge.core.called("request_keyframe") == [(video.producer_id,)]
    assert bridge.core.called("close_producer") == [(video.producer_id,)]
    for act in (session.close_producer, session.request_keyframe):
        with pytest.raises(BridgeError) as caught:
            act(video.producer_id)
        assert caught.value.code == "unknown_producer"


async def test_the_watchdog_is_heard(bridge: Bridge) -> None:
    session, recorder = bridge.open("anna")
    audio, _ = (await session.publish(OFFER)).new
    bridge.core.emit(type="producer_live", producer_id=audio.producer_id)
    await recorder.wait_for("producer", audio.producer_id, True)
    bridge.core.emit(type="producer_stalled", producer_id=audio.producer_id)
    await recorder.wait_for("producer", audio.producer_id, False)


async def test_closing_ends_the_transport_and_is_final(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    await session.publish(OFFER)
    ((transport_id, _),) = bridge.core.called("create_webrtc_transport")
    await session.close()
    await session.close()
    assert bridge.core.called("close_transport") == [(transport_id,)]
    with pytest.raises(BridgeError) as caught:
        await session.publish(OFFER)
    assert caught.value.code == "session_closed"


async def test_consent_that_expires_and_comes_back(bridge: Bridge) -> None:
    session, recorder = bridge.open("anna")
    await session.publish(OFFER)
    ((transport_id, _),) = bridge.core.called("create_webrtc_transport")
    for state in ("connected", "consent_expired", "connected"):
        bridge.core.emit(type="ice", transport_id=transport_id, state=state, protocol="udp", moved=False)
    await recorder.wait_for("connection", ConnectionKind.PUBLISH, ConnectionState.DISCONNECTED)
    bridge.core.emit(type="transport_closed", transport_id=transport_id, reason="panic")
    await recorder.wait_for("connection", ConnectionKind.PUBLISH, ConnectionState.FAILED)
    # Nobody hears from somebody who is gone.
    assert recorder.events[2][0] == "quality"
    assert [event[2] for event in recorder.events if event[0] == "connection"] == [
        ConnectionState.CONNECTING,
        ConnectionState.DISCONNECTED,
        ConnectionState.CONNECTING,
        ConnectionState.FAILED,
    ]


async def test_the_client_role_starts_the_handshake_when_ice_is_up(bridge: Bridge) -> None:
    session, _ = bridge.open("ffmpeg")
    await session.publish(fixture("ffmpeg_publish"))
    ((transport_id, _),) = bridge.core.called("create_webrtc_transport")
    assert bridge.core.called("send_dtls") == []
    recorder_session, recorder = bridge.open("other")
    await recorder_session.publish(OFFER)
    bridge.core.emit(type="ice", transport_id=transport_id, state="connected", protocol="udp", moved=False)
    (other, _) = bridge.core.called("create_webrtc_transport")[1]
    bridge.core.emit(type="ice", transport_id=other, state="connected", protocol="udp", moved=False)
    await recorder.wait_for("connection", ConnectionKind.PUBLISH, ConnectionState.CONNECTING)
    ((sent_on, (hello,)),) = bridge.core.called("send_dtls")
    assert sent_on == transport_id
    assert hello[0] == 22


async def test_a_subscription_names_no_producer_of_another_room(bridge: Bridge) -> None:
    anna, _ = bridge.open("anna", "one")
    spy, _ = bridge.open("spy", "two")
    audio, _ = (await anna.publish(OFFER)).new
    result = await spy.watch(fixture("chrome_recvonly"), [Subscription(audio.producer_id, "anna", "a")])
    assert [each.code for each in result.unsupported] == ["unknown_producer"]
    assert bridge.core.called("create_consumer") == []
    with pytest.raises(BridgeError):
        spy.request_keyframe(audio.producer_id)


async def test_every_encoding_of_a_simulcast_reaches_the_core(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    result = await session.publish(SIMULCAST)
    assert result.new[1].encodings == ("q", "h", "f")
    (_, params) = bridge.core.called("create_producer")[1]
    assert params["encodings"] == [{"ssrc": None, "rtx_ssrc": None, "rid": rid} for rid in ("q", "h", "f")]


async def test_an_encoding_that_is_paused_or_resumed_changes_no_producer(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    first = await session.publish(SIMULCAST)
    second = await session.publish(SIMULCAST.replace("send q;h;f", "send ~q;h;~f"))
    assert second.kept == first.new


async def test_encodings_that_are_added_or_dropped_make_another_producer(bridge: Bridge) -> None:
    session, _ = bridge.open("anna")
    first = await session.publish(SIMULCAST)
    second = await session.publish(SIMULCAST.replace("send q;h;f", "send q;h"))
    assert second.gone == (first.new[1].producer_id,)
    assert [each.encodings for each in second.new] == [("q", "h")]
    third = await session.publish(SIMULCAST)
    assert third.gone == (second.new[0].producer_id,)
    assert [each.encodings for each in third.new] == [("q", "h", "f")]


async def test_publishers_are_told_which_encodings_are_wanted(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding_demand, "HOLD_SECONDS", 0.0)
    session, recorder = bridge.open("anna")
    audio, video = (await session.publish(SIMULCAST)).new
    (published,) = [each for each in bridge.published("room") if each.producer == video]
    published.want_encodings({0}, 200_000, {0})
    await recorder.wait_for("encodings", video.producer_id, True, False, False, 200_000)
    # One that nobody wants stalls with reason; one that somebody wants does not.
    published.want_encodings((), None, ())
    await recorder.wait_for("encodings", video.producer_id, False, False, False, None)
    bridge.core.emit(type="producer_stalled", producer_id=video.producer_id)
    bridge.core.emit(type="producer_stalled", producer_id=audio.producer_id)
    await recorder.wait_for("producer", audio.producer_id, False)
    assert ("producer", video.producer_id, False) not in recorder.events
    published.want_encodings({1}, None, {1})
    assert recorder.events[-1:] == [("encodings", video.producer_id, False, True, False, None)]
    bridge.core.emit(type="producer_stalled", producer_id=video.producer_id)
    await recorder.wait_for("producer", video.producer_id, False)
    session.close_producer(video.producer_id)
    published.want_encodings({2}, None, {2})
    assert recorder.events[-1:] == [("producer", video.producer_id, False)]


def told_by_remb(bridge: Bridge) -> list[int]:
    """What clients were to be told that they may send, one after the other."""
    updates = [update for _, update in bridge.core.called("update_transport")]
    return [update["max_incoming_bitrate"] for update in updates if "max_incoming_bitrate" in update]


async def test_publishers_that_hear_of_nothing_else_are_told_by_remb_what_is_received_at_most(bridge: Bridge) -> None:
    session, recorder = bridge.open("anna")
    recorder.hears_encodings = False
    _, video = (await session.publish(OFFER)).new
    (published,) = [each for each in bridge.published("room") if each.producer == video]
    published.want_encodings({0}, None, {0})
    assert told_by_remb(bridge) == [], "nothing bounds them yet"
    published.want_encodings({0}, 200_000, {0})
    published.want_encodings({0}, 200_000, {0})
    published.want_encodings({0}, 300_000, {0})
    published.want_encodings({0}, None, {0})
    assert told_by_remb(bridge) == [272_000, 378_000, 0], "sound counts with them"


async def test_publishers_that_are_told_by_signalling_hear_nothing_by_remb(bridge: Bridge) -> None:
    session, recorder = bridge.open("anna")
    _, video = (await session.publish(OFFER)).new
    (published,) = [each for each in bridge.published("room") if each.producer == video]
    published.want_encodings({0}, 200_000, {0})
    await recorder.wait_for("encodings", video.producer_id, True, 200_000)
    assert told_by_remb(bridge) == []


async def test_publishers_that_did_not_negotiate_remb_are_left_alone(bridge: Bridge) -> None:
    session, recorder = bridge.open("anna")
    recorder.hears_encodings = False
    _, video = (await session.publish(OFFER.replace(" goog-remb", " transport-cc"))).new
    (published,) = [each for each in bridge.published("room") if each.producer == video]
    published.want_encodings({0}, 200_000, {0})
    assert told_by_remb(bridge) == []


async def test_sound_that_the_publisher_does_not_count_leaves_pictures_no_more(bridge: Bridge) -> None:
    session, recorder = bridge.open("anna")
    recorder.hears_encodings = False
    audio, video = OFFER.split("m=video", 1)
    unnumbered = "".join(line for line in audio.splitlines(keepends=True) if "transport-wide-cc" not in line)
    _, camera = (await session.publish(f"{unnumbered}m=video{video}")).new
    (published,) = [each for each in bridge.published("room") if each.producer == camera]
    published.want_encodings({0}, 200_000, {0})
    assert told_by_remb(bridge) == [212_000]


async def test_the_bound_goes_with_the_video_that_it_was_for(bridge: Bridge) -> None:
    session, recorder = bridge.open("anna")
    recorder.hears_encodings = False
    _, video = (await session.publish(OFFER)).new
    (published,) = [each for each in bridge.published("room") if each.producer == video]
    published.want_encodings({0}, 200_000, {0})
    session.close_producer(video.producer_id)
    assert told_by_remb(bridge) == [272_000, 0]
