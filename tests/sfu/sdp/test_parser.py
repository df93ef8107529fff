"""Reading SDP: what is understood, what is skipped, and errors that name the line."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.sfu.sdp import parser, writer
from bridge.sfu.sdp.description import Codec, ExtMap, Msid, Rid, SessionDescription, SsrcGroup
from bridge.sfu.sdp.error import SdpError
from tests.sfu.support import FIXTURES, fixture

ALL_FIXTURES = sorted(path.stem for path in FIXTURES.glob("*.sdp"))

HEAD = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\n"


def parse_audio(*lines: str, head: str = "") -> SessionDescription:
    return parser.parse(HEAD + head + AUDIO + "".join(f"{line}\r\n" for line in lines))


@pytest.mark.parametrize("name", ALL_FIXTURES)
def test_what_was_read_is_written_and_read_again(name: str) -> None:
    first = parser.parse(fixture(name))
    second = parser.parse(writer.write(first))
    for media in (*first.media, *second.media):
        media.line = 0
    assert second.media == first.media
    assert second.bundle == first.bundle


def test_codecs_are_put_together_in_the_order_of_the_m_line() -> None:
    media = parse_audio(
        "a=rtcp-fb:111 transport-cc", "a=fmtp:111 minptime=10;useinbandfec=1", "a=rtpmap:111 opus/48000/2"
    ).media[0]
    assert media.codecs == [
        Codec(111, "opus", 48000, 2, "minptime=10;useinbandfec=1", ("transport-cc",)),
        Codec(0, "PCMU", 8000),
    ]


def test_wildcard_feedback_is_for_every_codec_but_retransmissions() -> None:
    text = (
        HEAD + "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\n"
        "a=fmtp:97 apt=96\r\na=rtcp-fb:* nack\r\na=rtcp-fb:96 nack pli\r\n"
    )
    vp8, rtx = parser.parse(text).media[0].codecs
    assert vp8.feedback == ("nack", "nack pli")
    assert rtx.feedback == ()


def test_a_payload_type_without_a_mapping_is_left_out() -> None:
    assert [codec.payload_type for codec in parse_audio().media[0].codecs] == [0]


def test_what_the_session_says_counts_for_m_lines_that_say_nothing() -> None:
    media = parse_audio(head=f"a=ice-ufrag:abcd\r\na=ice-pwd:{'p' * 22}\r\na=setup:active\r\na=sendonly\r\n").media[0]
    assert (media.ice_ufrag, media.ice_pwd, media.setup, media.direction) == ("abcd", "p" * 22, "active", "sendonly")


def test_credentials_are_inherited_together_or_not_at_all() -> None:
    media = parse_audio("a=ice-ufrag:wxyz", head=f"a=ice-ufrag:abcd\r\na=ice-pwd:{'p' * 22}\r\n").media[0]
    assert (media.ice_ufrag, media.ice_pwd) == ("wxyz", None)


def test_attributes_of_m_lines() -> None:
    media = parse_audio(
        "a=mid:0",
        "a=extmap:3/recvonly urn:x with attributes",
        "a=extmap-allow-mixed",
        "a=msid:- track",
        "a=ssrc-group:FID 1 2",
        "a=ssrc:1 cname:who",
        "a=ssrc:1 msid:a b",
        "a=ssrc:2 label:x",
        "a=rid:h send max-width=640",
        "a=simulcast:send h;l",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        "a=bundle-only",
    ).media[0]
    assert media.extensions == [ExtMap(3, "urn:x", "recvonly")]
    assert media.extmap_allow_mixed
    assert media.msids == [Msid(None, "track")]
    assert media.ssrc_groups == [SsrcGroup("FID", (1, 2))]
    assert media.ssrcs == {1: "who", 2: None}
    assert media.rids == [Rid("h", "send", "max-width=640")]
    assert media.simulcast == "send h;l"
    assert media.rtcp_mux
    assert media.rtcp_rsize
    assert media.bundle_only


@pytest.mark.parametrize("lines", [["a=rtcp-mux"], ["a=rtcp-mux-only"], ["a=rtcp-mux", "a=rtcp-mux-only"]])
def test_rtcp_that_is_only_multiplexed_is_multiplexed(lines: list[str]) -> None:
    assert parse_audio("a=mid:0", *lines).media[0].rtcp_mux


def test_unknown_lines_and_attributes_are_skipped() -> None:
    media = parse_audio(
        "i=title", "b=AS:500", "a=candidate:nonsense", "a=x-google-flag:conference", "a=framerate:30", "a=ssrc:7 foo"
    ).media[0]
    assert not media.rejected


def test_line_ends_may_be_bare_and_blank_lines_are_passed_over() -> None:
    assert len(parser.parse((HEAD + "\r\n" + AUDIO).replace("\r\n", "\n")).media) == 1


@pytest.mark.parametrize("text", ["", '{"type": "offer", "sdp": "v=0"}', "\ufeffv=0\r\n", "o=- 1 1 IN IP4 0.0.0.0\r\n"])
def test_whoever_sends_something_else_is_told_what_to_send(text: str) -> None:
    with pytest.raises(SdpError) as refused:
        parser.parse(text)
    assert "v=0" in (refused.value.hint or "")


@pytest.mark.parametrize("mapping", ["opus/48000", "OPUS/48000/1", "opus/48000/2"])
def test_opus_has_two_channels_whatever_a_peer_says(mapping: str) -> None:
    text = HEAD + f"m=audio 9 UDP/TLS/RTP/SAVPF 101\r\na=rtpmap:101 {mapping}\r\n"
    (codec,) = parser.parse(text).media[0].codecs
    assert (codec.key, codec.clock_rate, codec.channels) == ("opus", 48000, 2)


def test_port_0_is_a_rejection_unless_the_m_line_is_bundle_only() -> None:
    text = HEAD + "m=video 0 UDP/TLS/RTP/SAVPF 96\r\n"
    assert parser.parse(text).media[0].rejected
    assert not parser.parse(text + "a=bundle-only\r\n").media[0].rejected


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a=rtpmap:128 x/1", "payload type, name and clock rate"),
        ("a=rtpmap:111 opus", "payload type, name and clock rate"),
        ("a=rtpmap:111 opus/0", "payload type, name and clock rate"),
        ("a=fmtp:x minptime=10", "number from 0 to 127"),
        ("a=rtcp-fb:111", "kind of feedback"),
        ("a=extmap:0 urn:x", "extension ids"),
        ("a=extmap:15 urn:x", "extension ids"),
        ("a=extmap:1", "an id and a URI"),
        ("a=mid:a b", "token"),
        ("a=setup:maybe", "actpass"),
        ("a=ice-ufrag:abc", "4 to 256"),
        ("a=ice-pwd:tooshort", "22 to 256"),
        ("a=fingerprint:sha-256", "hash function"),
        ("a=fingerprint:sha-1 AA:BB", "not trusted"),
        ("a=ssrc:-1 cname:x", "number from 0 to 4294967295"),
        ("a=ssrc-group:FID x", "number from 0 to 4294967295"),
        ("a=rid:h both", "send or recv"),
        ("a=msid:a b c", "stream id"),
        ("a=mid:0\r\na=mid:1", "second MID"),
        ("a=extmap:1 urn:x\r\na=extmap:1 urn:y", "is taken"),
        ("nonsense", "not an SDP line"),
        ("m=video", "needs media"),
        ("m=video 70000 UDP/TLS/RTP/SAVPF 96", "number from 0 to 65535"),
        ("m=video 9 UDP/TLS/RTP/SAVPF 200", "0 to 127"),
        ("m=video 9 UDP/TLS/RTP/SAVPF " + "9" * 5000, "0 to 127"),
        ("a=ssrc:" + "9" * 5000 + " cname:x", "number from 0 to 4294967295"),
    ],
)
def test_errors_name_the_line(line: str, complaint: str) -> None:
    with pytest.raises(SdpError, match=re.escape(complaint)) as caught:
        parse_audio(line)
    expected = 6 + line.count("\r\n")
    assert caught.value.line == expected
    assert caught.value.field == f"line {expected}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("\r\n\r\n", "empty"),
        ("v=1\r\n", "v=0"),
        ("v=0\r\ns=-\r\n", "no o= line"),
        ("v=0\r\no=- 1 1 IN IP4\r\n", "six fields"),
        (HEAD + "o=- 1 1 IN IP4 0.0.0.0\r\n", "second o= line"),
        (HEAD + "a=group:BUNDLE 0\r\n", "no m-line has"),
        (HEAD + "a=group:BUNDLE 0 0\r\n", "twice"),
        (HEAD + "a=group:BUNDLE\r\na=group:BUNDLE\r\n", "second BUNDLE"),
        (HEAD + (AUDIO + "a=mid:0\r\n") * 2, "same MID"),
        (HEAD + AUDIO * 65, "more than 64"),
        (HEAD + "a=" + "x" * (256 * 1024), "longer than"),
        (HEAD + "a=" + "é" * (140 * 1024), "longer than"),
        (HEAD + "a=x\0y\r\n", "NUL"),
    ],
)
def test_descriptions_that_are_none(text: str, complaint: str) -> None:
    with pytest.raises(SdpError, match=complaint):
        parser.parse(text)


@pytest.mark.parametrize("number", ["64", "072", "95"])
def test_payload_types_that_look_like_rtcp_are_refused_by_line(number: str) -> None:
    text = f"{HEAD}m=audio 9 UDP/TLS/RTP/SAVPF 111 {number}\r\na=rtpmap:{int(number)} opus/48000/2\r\na=rtcp-mux\r\n"
    with pytest.raises(SdpError, match=f"payload type {int(number)} ") as refused:
        parser.parse(text)
    assert refused.value.line == 5
    assert parser.parse(text.replace("a=rtcp-mux\r\n", "")).media[0].codecs, (
        "with ports of their own both are told apart"
    )


def test_errors_show_no_passwords_and_no_addresses() -> None:
    for line in ("a=ice-pwd:secretsecret", "a=fingerprint:sha-256 nothex", "a=ssrc:x cname:someone@192.0.2.1"):
        with pytest.raises(SdpError) as caught:
            parse_audio(line)
        shown = str(caught.value)
        assert line.split(":", 1)[1] not in shown
        assert line.split(":", 1)[0] in shown


def test_errors_show_harmless_lines_but_not_all_of_a_long_one() -> None:
    with pytest.raises(SdpError) as caught:
        parse_audio("a=rtpmap:111 " + "x" * 500)
    assert "a=rtpmap:111 xxx" in str(caught.value)
    assert len(str(caught.value)) < 250


LINES = st.sampled_from(sorted({line for name in ALL_FIXTURES for line in fixture(name).split("\r\n")})) | st.text(
    max_size=60
)


@settings(max_examples=300, deadline=None)
@given(st.lists(LINES, max_size=40))
def test_mixed_up_lines_are_read_or_refused(lines: list[str]) -> None:
    try:
        description = parser.parse(HEAD + "\r\n".join(lines))
    except SdpError:
        return
    parser.parse(writer.write(description))


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=400))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(SdpError):
        parser.parse(text)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(ALL_FIXTURES), st.integers(0, 6000), st.text(max_size=5), st.integers(0, 20))
def test_damaged_offers_are_read_or_refused(name: str, position: int, inserted: str, removed: int) -> None:
    text = fixture(name)
    with contextlib.suppress(SdpError):
        parser.parse(text[:position] + inserted + text[position + removed :])
