"""Answers to publishers."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from bridge.sfu.certificate import Fingerprint
from bridge.sfu.sdp import extensions, parser, publish_answer, writer
from bridge.sfu.sdp.description import MediaDescription
from bridge.sfu.sdp.error import SdpError
from bridge.sfu.sdp.publish_answer import PublishAnswer
from bridge.sfu.sdp.simulcast import Encoding
from bridge.sfu.sdp.transport import DtlsRole, LocalTransport
from tests.sfu.support import fixture

LOCAL = LocalTransport(
    "ufragufragug", "p" * 24, Fingerprint("sha-256", "AB:CD"), ("udp0 1 udp 1 127.0.0.1 3478 typ host",)
)


def answer(text: str, current_role: DtlsRole | None = None) -> PublishAnswer:
    plan = publish_answer.plan(parser.parse(text), current_role=current_role)
    return publish_answer.answer(plan, LOCAL, session_id="1", version=1)


@pytest.mark.parametrize(
    ("name", "kinds", "ssrcs"),
    [
        ("chrome_publish", ["audio", "video"], [Encoding(4143686337), Encoding(2349338692, 907484494)]),
        ("chrome_publish_simulcast", ["audio", "video"], [Encoding(3688730280), Encoding(rid="q")]),
        ("chrome_datachannel", ["audio", "video"], [Encoding(2753810034), Encoding(3473529889, 2603259747)]),
        ("firefox_publish", ["audio", "video"], [Encoding(533008543), Encoding(2118646257, 4129074194)]),
        ("firefox_publish_simulcast", ["audio", "video"], [Encoding(4048256693), Encoding(rid="q")]),
        ("firefox_datachannel", ["audio", "video"], [Encoding(1018584109), Encoding(3670156643, 1209229209)]),
        ("safari_publish", ["audio", "video"], [Encoding(2719847219), Encoding(1186312911, 3391027711)]),
        ("gstreamer_publish", ["video", "audio"], [Encoding(3729522813, 1429131839), Encoding(1184220905)]),
        ("aiortc_publish", ["audio", "video"], [Encoding(), Encoding()]),
        ("pion_publish", ["video", "audio"], [Encoding(4177141165, 2088570582), Encoding(2701839451)]),
        ("libdatachannel_publish", ["audio", "video"], [Encoding(1706205637), Encoding(1706205638)]),
        ("ffmpeg_publish", ["audio", "video"], [Encoding(3921472801), Encoding(1264812098, 5123312)]),
    ],
)
def test_every_stack_gets_its_sound_and_picture_accepted(name: str, kinds: list[str], ssrcs: list[Encoding]) -> None:
    offer = parser.parse(fixture(name))
    made = answer(fixture(name))
    assert [media.kind for media in made.media] == kinds
    if name != "aiortc_publish":
        assert [media.encodings[0] for media in made.media] == ssrcs
    # The text is what counts: it is read back.
    read = parser.parse(writer.write(made.description))
    assert read.ice_lite
    assert [media.mid for media in read.media] == [media.mid for media in offer.media]
    assert read.bundle == [media.mid for media in made.media]
    for answered, offered in zip(read.media, offer.media, strict=True):
        if answered.rejected:
            assert offered.kind == "application"
            continue
        assert answered.direction == "recvonly"
        assert answered.rtcp_mux
        assert [(rid.rid, rid.direction) for rid in answered.rids] == [(rid.rid, "recv") for rid in offered.rids]
        assert {codec.payload_type for codec in answered.codecs} <= {codec.payload_type for codec in offered.codecs}
        assert {(each.id, each.uri) for each in answered.extensions} <= {
            (each.id, each.uri) for each in offered.extensions
        }


def test_candidates_stand_in_every_m_line_in_use() -> None:
    sections = writer.write(answer(fixture("safari_publish")).description).split("m=")[1:]
    assert [(section.split()[0], section.count("a=candidate:")) for section in sections] == [
        ("application", 0),
        ("audio", 1),
        ("video", 1),
    ]


def test_a_data_channel_is_rejected_with_a_reason() -> None:
    refused = answer(fixture("chrome_datachannel")).refused
    assert [(each.mid, each.refusal.code) for each in refused] == [("2", "unsupported_media")]


def test_extensions_are_those_the_client_sends() -> None:
    ids = answer(fixture("firefox_publish")).receive_extensions
    assert ids[extensions.AUDIO_LEVEL] == 1
    assert ids[extensions.MID] == 3
    assert ids[extensions.TRANSPORT_CC] == 7
    # Offered as recvonly: the client would like to receive it, and that is not this connection.
    assert extensions.PLAYOUT_DELAY not in ids


@pytest.mark.parametrize("name", [extensions.FRAME_MARKING, extensions.FRAME_MARKING_DRAFT])
def test_frame_marking_is_taken_under_either_name(name: str) -> None:
    ids = answer(fixture("firefox_publish").replace("urn:ietf:params:rtp-hdrext:toffset", name)).receive_extensions
    assert ids[name] == 5


def test_transport_feedback_is_not_promised_without_its_extension() -> None:
    text = fixture("firefox_publish").replace(extensions.TRANSPORT_CC, "urn:other")
    feedback = {value for media in answer(text).description.media for codec in media.codecs for value in codec.feedback}
    assert "transport-cc" not in feedback
    assert "nack" in feedback


@pytest.mark.parametrize(
    ("setup", "current", "role", "answered"),
    [
        ("actpass", None, "server", "passive"),
        ("active", None, "server", "passive"),
        ("passive", None, "client", "active"),
        ("actpass", "client", "client", "active"),
    ],
)
def test_dtls_roles(setup: str, current: DtlsRole | None, role: DtlsRole, answered: str) -> None:
    text = fixture("chrome_publish").replace("a=setup:actpass", f"a=setup:{setup}")
    plan = publish_answer.plan(parser.parse(text), current_role=current)
    assert plan.peer is not None
    assert plan.peer.role == role
    assert f"a=setup:{answered}" in writer.write(answer(text, current).description)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("a=ice-ufrag:C5vU\r\n", "", "ice-ufrag or a=ice-pwd is missing"),
        ("a=setup:actpass\r\n", "", "setup is missing"),
        ("a=setup:actpass\r\n", "a=setup:holdconn\r\n", "holdconn"),
        ("a=group:BUNDLE 0 1\r\n", "a=group:BUNDLE 0 1\r\na=ice-lite\r\n", "ICE-lite"),
        ("a=rtcp-mux\r\n", "", "multiplexed"),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", "RTP over DTLS-SRTP"),
        ("opus/48000/2", "x/8000", "none of the codecs"),
    ],
)
def test_offers_that_cannot_be_answered_name_the_line(old: str, new: str, complaint: str) -> None:
    text = fixture("chrome_publish").replace(old, new)
    if complaint == "none of the codecs":
        for codec in ("VP8", "VP9", "H264", "AV1", "red", "G722", "PCMU", "PCMA", "telephone-event"):
            text = text.replace(f" {codec}/", " X-Y/")
    with pytest.raises(SdpError, match=complaint) as caught:
        answer(text)
    assert caught.value.line is not None


def test_a_missing_fingerprint_names_the_line() -> None:
    lines = [line for line in fixture("chrome_publish").split("\r\n") if not line.startswith("a=fingerprint")]
    with pytest.raises(SdpError, match="fingerprint is missing") as caught:
        answer("\r\n".join(lines))
    assert caught.value.field == "line 8"


def test_m_lines_outside_the_bundle_are_rejected_with_a_reason() -> None:
    made = answer(fixture("chrome_publish").replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"))
    assert [(each.mid, each.refusal.code) for each in made.refused] == [("1", "not_bundled")]
    assert made.description.media[1].rejected


def test_rejected_m_lines_name_the_transport_as_webrtcbin_and_aiortc_demand() -> None:
    made = answer(fixture("chrome_publish").replace("a=group:BUNDLE 0 1", "a=group:BUNDLE 0"))
    taken, rejected = parser.parse(writer.write(made.description)).media
    assert rejected.rejected
    assert rejected.rtcp_mux
    assert (rejected.ice_ufrag, rejected.ice_pwd) == (taken.ice_ufrag, taken.ice_pwd)
    assert (rejected.fingerprints, rejected.setup) == (taken.fingerprints, taken.setup)
    assert not rejected.candidates


def test_without_a_bundle_the_first_m_line_is_taken() -> None:
    made = answer(fixture("chrome_publish").replace("a=group:BUNDLE 0 1\r\n", ""))
    assert [media.kind for media in made.media] == ["audio"]
    assert made.description.bundle is None


def test_m_lines_that_do_not_send_are_answered_inactive() -> None:
    text = fixture("chrome_publish")
    head, tail = text.rsplit("a=sendonly", 1)
    made = answer(head + "a=inactive" + tail)
    assert [media.kind for media in made.media] == ["audio"]
    assert made.description.media[1].direction == "inactive"


def test_a_re_offer_may_end_every_m_line() -> None:
    text = fixture("chrome_publish").replace("m=audio 51155", "m=audio 0").replace("m=video 9", "m=video 0")
    made = answer(text, "server")
    assert made.media == ()
    assert all(media.rejected for media in made.description.media)
    with pytest.raises(SdpError, match="no m-line in use"):
        answer(text)


def feedback_of(media: Iterable[MediaDescription]) -> set[str]:
    return {value for each in media for codec in each.codecs for value in codec.feedback}


def test_feedback_by_source_is_taken_where_there_is_no_transport_wide_one() -> None:
    both = fixture("chrome_publish").replace("a=rtcp-mux", "a=rtcp-mux\r\na=rtcp-fb:* ack ccfb")
    made = answer(both)
    assert "transport-cc" in feedback_of(made.description.media)
    assert "ack ccfb" not in feedback_of(made.description.media)
    assert extensions.TRANSPORT_CC in made.receive_extensions
    assert all("ack ccfb" not in each.codec.feedback for media in made.media for each in media.codecs)

    made = answer(re.sub(r"a=rtcp-fb:\d+ transport-cc\s+", "", both))
    assert "ack ccfb" in feedback_of(made.description.media)
    assert extensions.TRANSPORT_CC not in made.receive_extensions
    assert all("ack ccfb" in each.codec.feedback for media in made.media for each in media.codecs)
    assert "a=rtcp-fb:* ack ccfb" in writer.write(made.description)
