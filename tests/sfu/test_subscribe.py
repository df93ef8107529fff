"""Subscribing over offers of the bridge: m-lines, consumers, renegotiation."""

from __future__ import annotations

import contextlib

import pytest

from bridge.errors import BridgeError
from bridge.sfu import MediaSession, Producer, SubscribeOffer, SubscribeResult, Subscription
from bridge.sfu.sdp import parser
from bridge.sfu.sdp.error import SdpError
from tests.sfu.conftest import Bridge
from tests.sfu.receiver import answer
from tests.sfu.support import Recorder, fixture


def wanted(*producers: Producer, participant: str = "anna", paused: bool = False) -> list[Subscription]:
    return [
        Subscription(each.producer_id, participant, f"{participant}-{each.kind}", paused=paused) for each in producers
    ]


async def published(bridge: Bridge, name: str = "chrome_publish", session: str = "anna") -> tuple[Producer, ...]:
    opened, _ = bridge.open(session)
    return (await opened.publish(fixture(name))).producers


async def negotiate(session: MediaSession, **client: object) -> tuple[SubscribeOffer, SubscribeResult]:
    offer = await session.subscribe_offer()
    return offer, await session.subscribe_answer(answer(offer.sdp, **client), offer.revision)  # type: ignore[arg-type]


async def subscribed(
    bridge: Bridge, producers: tuple[Producer, ...], name: str = "bo"
) -> tuple[MediaSession, Recorder]:
    session, recorder = bridge.open(name)
    session.set_subscriptions(wanted(*producers))
    await recorder.wait_for("negotiation")
    return session, recorder


async def test_the_offer_describes_what_will_come(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, _ = await subscribed(bridge, producers)
    offer = await session.subscribe_offer()
    assert offer.producers == {"0": producers[0].producer_id, "1": producers[1].producer_id}
    read = parser.parse(offer.sdp)
    assert read.bundle == ["0", "1"]
    assert read.ice_lite
    audio, video = read.media
    assert audio.setup == video.setup == "actpass"
    assert audio.direction == video.direction == "sendonly"
    assert [(codec.name, codec.payload_type) for codec in audio.codecs] == [
        ("opus", 111),
        ("red", 63),
        ("telephone-event", 101),
    ]
    assert [codec.payload_type for codec in video.codecs] == [96, 97, 102, 103, 45, 46, 98, 99]
    assert (video.msids[0].stream, video.msids[0].track) == ("anna", "anna-video")
    # One CNAME for what is to be played in step, and it does not say whose it is.
    assert len({*audio.ssrcs.values(), *video.ssrcs.values()}) == 1
    assert "anna" not in audio.ssrcs.values()
    assert len(video.ssrcs) == 2
    assert bridge.core.called("create_consumer") == []


async def test_consumers_start_with_the_answer_in_the_numbers_it_agreed_to(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, _ = await subscribed(bridge, producers)
    offer, result = await negotiate(session)
    assert result.producers == offer.producers
    assert result.unsupported == ()
    (_, audio), (_, video) = bridge.core.called("create_consumer")
    described = parser.parse(offer.sdp).media
    assert audio["producer_id"] == producers[0].producer_id
    assert audio["payload_types"] == [
        {"producer_payload_type": 111, "payload_type": 111, "rtx_payload_type": None},
    ]
    assert [video["ssrc"], video["rtx_ssrc"]] == list(described[1].ssrcs)
    assert video["mid"] == "1"
    assert video["payload_types"] == [{"producer_payload_type": 96, "payload_type": 96, "rtx_payload_type": 97}]
    assert video["rtcp_feedback"] == ["nack", "nack pli", "ccm fir", "transport-cc"]
    assert audio["cname"] == video["cname"] == described[0].ssrcs[audio["ssrc"]]
    update = bridge.core.called("update_transport")[-1][1]
    assert {each["id"] for each in update["send_extensions"]} == {1, 3}


async def test_a_receiver_without_retransmissions_gets_none(bridge: Bridge) -> None:
    session, _ = await subscribed(bridge, await published(bridge))
    await negotiate(session, codecs=("opus", "VP8"))
    (_, video) = bridge.core.called("create_consumer")[1]
    assert video["rtx_ssrc"] is None
    assert video["payload_types"][0]["rtx_payload_type"] is None


async def test_a_codec_the_receiver_lacks_is_reported_once_and_not_offered_again(bridge: Bridge) -> None:
    producers = await published(bridge, "libdatachannel_publish")
    session, recorder = await subscribed(bridge, producers)
    _, result = await negotiate(session)
    assert [(each.producer_id, each.code, each.codecs) for each in result.unsupported] == [
        (producers[1].producer_id, "unsupported_codec", ("H264",))
    ]
    assert list(result.producers.values()) == [producers[0].producer_id]
    assert len(bridge.core.called("create_consumer")) == 1
    recorder.forget()
    session.set_subscriptions(wanted(*producers))
    offer = await session.subscribe_offer()
    rejected = parser.parse(offer.sdp).media[1]
    assert rejected.rejected
    # werift refuses an offer with an m-line, used or not, on which it finds no codec that it knows.
    assert [codec.name for codec in rejected.codecs] == ["H264"]
    assert recorder.events == []


async def test_a_codec_that_is_preferred_and_lacking_is_reported_though_others_were_agreed_on(bridge: Bridge) -> None:
    anna, _ = bridge.open("anna")
    producers = (await anna.publish(fixture("chrome_publish"), prefer=["H264"])).producers
    session, recorder = await subscribed(bridge, producers)
    recorder.forget()
    _, result = await negotiate(session)
    assert [(each.code, each.codecs) for each in result.unsupported] == [("unsupported_codec", ("H264",))]
    assert list(result.producers.values()) == [producers[0].producer_id]
    # The m-line that was agreed on for nothing is ended.
    await recorder.wait_for("negotiation")
    offer, again = await negotiate(session)
    assert [media.direction for media in parser.parse(offer.sdp).media] == ["sendonly", "inactive"]
    assert again.unsupported == result.unsupported


async def test_a_rejected_m_line_is_reused_under_a_new_mid(bridge: Bridge) -> None:
    producers = await published(bridge, "libdatachannel_publish")
    session, recorder = await subscribed(bridge, producers)
    await negotiate(session)
    others = await published(bridge, "firefox_publish", "cleo")
    session.set_subscriptions(wanted(*producers) + wanted(*others, participant="cleo"))
    offer, result = await negotiate(session)
    assert [media.mid for media in parser.parse(offer.sdp).media] == ["0", "2", "3"]
    assert set(result.producers.values()) == {producers[0].producer_id, *(each.producer_id for each in others)}
    del recorder


async def test_a_newcomer_changes_nothing_for_those_who_flow(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, recorder = await subscribed(bridge, producers)
    first, _ = await negotiate(session)
    calls = len(bridge.core.calls)
    others = await published(bridge, "firefox_publish", "cleo")
    recorder.forget()
    session.set_subscriptions(wanted(*producers) + wanted(*others, participant="cleo"))
    await recorder.wait_for("negotiation")
    second, result = await negotiate(session)
    assert second.revision == first.revision + 1
    before, after = parser.parse(first.sdp).media, parser.parse(second.sdp).media
    for old, new in zip(before, after[:2], strict=True):
        assert (old.mid, old.ssrcs, old.codecs, old.msids) == (new.mid, new.ssrcs, new.codecs, new.msids)
    assert len(result.producers) == 4
    names = [call[0] for call in bridge.core.calls[calls:]]
    assert names.count("create_consumer") == 2
    assert "close_consumer" not in names


async def test_an_m_line_is_reused_only_after_its_end_was_agreed_on(bridge: Bridge) -> None:
    producers = await published(bridge)
    others = await published(bridge, "firefox_publish", "cleo")
    session, recorder = await subscribed(bridge, producers)
    await negotiate(session)
    session.set_subscriptions(wanted(*others, participant="cleo"))
    # Both at once: the old m-lines end, and the new producers need others.
    offer, _ = await negotiate(session)
    assert [media.direction for media in parser.parse(offer.sdp).media] == [
        "inactive",
        "inactive",
        "sendonly",
        "sendonly",
    ]
    session.set_subscriptions(wanted(*others, participant="cleo") + wanted(*producers))
    again, result = await negotiate(session)
    assert len(parser.parse(again.sdp).media) == 4
    assert len(result.producers) == 4
    ssrcs = [params["ssrc"] for _, params in bridge.core.called("create_consumer")]
    assert len(set(ssrcs)) == len(ssrcs) == 6
    del recorder


async def test_what_is_no_longer_wanted_stops_at_once(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, recorder = await subscribed(bridge, producers)
    await negotiate(session)
    recorder.forget()
    session.set_subscriptions(wanted(producers[0]))
    (consumer_id, _) = bridge.core.called("create_consumer")[1]
    assert bridge.core.called("close_consumer") == [(consumer_id,)]
    await recorder.wait_for("negotiation")


async def test_a_producer_that_ends_frees_its_m_line(bridge: Bridge) -> None:
    anna, _ = bridge.open("anna")
    producers = (await anna.publish(fixture("chrome_publish"))).producers
    session, recorder = await subscribed(bridge, producers)
    await negotiate(session)
    recorder.forget()
    await anna.close()
    await recorder.wait_for("negotiation")
    # The core ended the consumers with their producer.
    assert bridge.core.called("close_consumer") == []
    offer, result = await negotiate(session)
    assert offer.producers == result.producers == {}
    assert {each.code for each in result.unsupported} == {"unknown_producer"}


async def test_a_producer_that_ends_while_an_offer_is_out(bridge: Bridge) -> None:
    anna, _ = bridge.open("anna")
    producers = (await anna.publish(fixture("chrome_publish"))).producers
    session, recorder = await subscribed(bridge, producers)
    offer = await session.subscribe_offer()
    await anna.close()
    recorder.forget()
    result = await session.subscribe_answer(answer(offer.sdp), offer.revision)
    assert result.producers == {}
    assert bridge.core.called("create_consumer") == []
    await recorder.wait_for("negotiation")


async def test_changes_while_an_offer_is_out_wait_for_its_answer(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, recorder = await subscribed(bridge, producers[:1])
    offer = await session.subscribe_offer()
    recorder.forget()
    session.set_subscriptions(wanted(*producers))
    await session.stats()
    assert recorder.events == []
    await session.subscribe_answer(answer(offer.sdp), offer.revision)
    await recorder.wait_for("negotiation")


async def test_an_offer_can_be_superseded_and_then_its_answer_is_stale(bridge: Bridge) -> None:
    session, _ = await subscribed(bridge, await published(bridge))
    first = await session.subscribe_offer()
    second = await session.subscribe_offer(ice_restart=True)
    assert len(bridge.core.called("restart_ice")) == 1
    assert parser.parse(first.sdp).media[0].ssrcs == parser.parse(second.sdp).media[0].ssrcs
    with pytest.raises(BridgeError) as caught:
        await session.subscribe_answer(answer(first.sdp), first.revision)
    assert caught.value.code == "stale_answer"
    assert (await session.subscribe_answer(answer(second.sdp), second.revision)).producers
    with pytest.raises(BridgeError):
        await session.subscribe_answer(answer(second.sdp), second.revision)


async def test_pausing_takes_effect_at_once(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, _ = await subscribed(bridge, producers)
    await negotiate(session)
    session.set_subscriptions(wanted(*producers, paused=True))
    session.set_subscriptions(wanted(*producers, paused=True))
    consumers = [consumer_id for consumer_id, _ in bridge.core.called("create_consumer")]
    assert bridge.core.called("pause_consumer") == [(consumer_id, True) for consumer_id in consumers]


async def test_the_watchdog_of_consumers_names_the_producer(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, recorder = await subscribed(bridge, producers)
    await negotiate(session)
    (consumer_id, _) = bridge.core.called("create_consumer")[0]
    bridge.core.emit(type="consumer_stalled", consumer_id=consumer_id)
    await recorder.wait_for("consumer", producers[0].producer_id, False)


async def test_nothing_to_offer_is_an_error(bridge: Bridge) -> None:
    session, _ = bridge.open("bo")
    with pytest.raises(BridgeError) as caught:
        await session.subscribe_offer()
    assert caught.value.code == "nothing_to_offer"


async def test_too_many_subscriptions_are_refused(bridge: Bridge) -> None:
    session, _ = bridge.open("bo")
    with pytest.raises(BridgeError) as caught:
        session.set_subscriptions([Subscription(number, "p", "t") for number in range(257)])
    assert caught.value.code == "too_many_subscriptions"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("a=setup:active", "a=setup:actpass", "active or passive"),
        ("a=mid:1", "a=mid:9", "another MID"),
        ("m=video", "m=audio", "another kind"),
        ("a=rtcp-mux\r\n", "", "multiplex"),
        ("a=ice-ufrag:peer\r\n", "", "ice-ufrag"),
    ],
)
async def test_answers_that_do_not_fit_name_the_line(bridge: Bridge, old: str, new: str, complaint: str) -> None:
    session, _ = await subscribed(bridge, await published(bridge))
    offer = await session.subscribe_offer()
    text = answer(offer.sdp)
    if old == "a=mid:1":
        text = text.replace("BUNDLE 0 1", "BUNDLE 0 9")
    with pytest.raises(SdpError, match=complaint) as caught:
        await session.subscribe_answer(text.replace(old, new), offer.revision)
    assert caught.value.line is not None
    # A good answer to the same offer is still welcome.
    assert (await session.subscribe_answer(answer(offer.sdp), offer.revision)).producers


async def test_a_browsers_answer_for_a_full_room_is_not_too_long(bridge: Bridge) -> None:
    producers = [each for number in range(32) for each in await published(bridge, session=f"anna-{number}")]
    session, _ = await subscribed(bridge, tuple(producers))
    offer = await session.subscribe_offer()
    everything = ("opus", "red", "telephone-event", "VP8", "VP9", "H264", "AV1", "rtx")
    text = answer(offer.sdp, codecs=everything, extensions=("",))
    assert len(text) > 64 * 1024
    result = await session.subscribe_answer(text, offer.revision)
    assert set(result.producers.values()) == {each.producer_id for each in producers}


async def test_an_answer_with_too_few_m_lines(bridge: Bridge) -> None:
    session, _ = await subscribed(bridge, await published(bridge))
    offer = await session.subscribe_offer()
    text = answer(offer.sdp).partition("m=video")[0].replace("BUNDLE 0 1", "BUNDLE 0")
    with pytest.raises(SdpError, match="1 m-lines, the offer 2"):
        await session.subscribe_answer(text, offer.revision)


async def test_a_session_either_watches_or_subscribes(bridge: Bridge) -> None:
    producers = await published(bridge)
    session, _ = await subscribed(bridge, producers)
    with pytest.raises(BridgeError) as caught:
        await session.watch(fixture("chrome_recvonly"), wanted(*producers))
    assert caught.value.code == "wrong_connection"
    watcher, _ = bridge.open("watcher")
    await watcher.watch(fixture("chrome_recvonly"), wanted(*producers))
    with pytest.raises(BridgeError):
        watcher.set_subscriptions([])


async def test_watching_makes_consumers_at_once_and_re_offers_keep_them(bridge: Bridge) -> None:
    anna, _ = bridge.open("anna")
    producers = (await anna.publish(fixture("chrome_publish"))).producers
    watcher, _ = bridge.open("watcher")
    first = await watcher.watch(fixture("firefox_recvonly"), wanted(*producers))
    assert set(first.producers.values()) == {each.producer_id for each in producers}
    assert [params["payload_types"][0]["payload_type"] for _, params in bridge.core.called("create_consumer")] == [
        109,
        120,
    ]
    again = await watcher.watch(fixture("firefox_recvonly"), wanted(producers[1], paused=True))
    assert list(again.producers.values()) == [producers[1].producer_id]
    (audio, _), (video, _) = bridge.core.called("create_consumer")
    assert bridge.core.called("close_consumer") == [(audio,)]
    assert bridge.core.called("pause_consumer") == [(video, True)]
    watcher.pause_subscription(producers[1].producer_id, False)
    assert bridge.core.called("pause_consumer")[-1] == (video, False)
    await anna.close()
    assert bridge.core.called("close_consumer") == [(audio,)]
    assert (await watcher.watch(fixture("firefox_recvonly"), [])).producers == {}


async def test_a_publisher_of_ever_new_codecs_does_not_end_the_offers_for_others(bridge: Bridge) -> None:
    session, _ = bridge.open("bo")
    mallory, _ = bridge.open("mallory")
    for level in range(60):
        offer = fixture("libdatachannel_publish").replace("42e01f", f"42e0{level:02x}")
        producers = (await mallory.publish(offer)).producers
        session.set_subscriptions(wanted(*producers, participant="mallory"))
        with contextlib.suppress(BridgeError):
            await negotiate(session)
    honest = await published(bridge)
    session.set_subscriptions(wanted(*producers, participant="mallory") + wanted(*honest))
    _, result = await negotiate(session)
    assert set(result.producers.values()) >= {each.producer_id for each in honest}
    refused = {each.producer_id: each.code for each in result.unsupported}
    assert refused == {each.producer_id: "unsupported_codec" for each in producers if each.kind == "video"}
