"""Answers to watching clients (WHEP): producers on their m-lines, in their numbers."""

from __future__ import annotations

import itertools
import re

import pytest

from bridge.sfu.certificate import Fingerprint
from bridge.sfu.sdp import codecs, extensions, parser, watch_answer, writer
from bridge.sfu.sdp.description import Msid
from bridge.sfu.sdp.error import SdpError
from bridge.sfu.sdp.payload_types import Mapping
from bridge.sfu.sdp.transport import LocalTransport
from bridge.sfu.sdp.watch_answer import Placement, Source, WatchAnswer
from tests.sfu.support import fixture

LOCAL = LocalTransport(
    "ufragufragug", "p" * 24, Fingerprint("sha-256", "AB:CD"), ("udp0 1 udp 1 127.0.0.1 1 typ host",)
)


def source(producer_id: int, name: str, kind: str) -> Source:
    media = next(each for each in parser.parse(fixture(name)).media if each.kind == kind)
    listed = tuple(codecs.one_each(codecs.in_preference(codecs.forwardable(media))))
    return Source(producer_id, kind, listed, Msid(name, f"{name}-{kind}"), f"cname-{name}")


def answer(text: str, sources: list[Source], placed: dict[str, Placement] | None = None) -> WatchAnswer:
    plan = watch_answer.plan(parser.parse(text))
    ssrcs = itertools.count(1000 if placed is None else 2000)
    return watch_answer.answer(plan, LOCAL, sources, placed or {}, lambda: next(ssrcs), session_id="1", version=1)


def test_producers_are_placed_in_their_order() -> None:
    sources = [
        source(1, "chrome_publish", "video"),
        source(2, "chrome_publish", "audio"),
        source(3, "firefox_publish", "video"),
    ]
    made = answer(fixture("firefox_recvonly"), sources)
    assert {each.mid: each.source.producer_id for each in made.placements} == {"0": 2, "1": 1, "2": 3}
    assert made.unplaced == ()
    read = parser.parse(writer.write(made.description))
    assert [media.direction for media in read.media] == ["sendonly"] * 3
    assert read.media[1].msids == [Msid("chrome_publish", "chrome_publish-video")]
    assert len(read.media[1].ssrcs) == 2
    assert read.media[1].ssrc_groups[0].semantics == "FID"
    assert set(read.media[1].ssrcs.values()) == {"cname-chrome_publish"}


def test_numbers_are_the_receivers() -> None:
    made = answer(fixture("firefox_recvonly"), [source(1, "chrome_publish", "video")])
    assert made.placements[0].mappings[0] == Mapping(96, 120, 124)
    assert made.send_extensions[extensions.MID] == 3
    assert made.send_extensions[extensions.ABS_SEND_TIME] == 4
    # Firefox offers to receive it, so it is sent.
    assert made.send_extensions[extensions.PLAYOUT_DELAY] == 6
    assert extensions.FRAME_MARKING not in made.send_extensions


def test_frame_marking_is_sent_to_who_takes_it() -> None:
    text = fixture("firefox_recvonly").replace("urn:ietf:params:rtp-hdrext:toffset", extensions.FRAME_MARKING)
    made = answer(text, [source(1, "chrome_publish", "video")])
    assert made.send_extensions[extensions.FRAME_MARKING] == 5


def test_telephone_sound_reaches_a_receiver_that_would_rather_have_opus() -> None:
    text = fixture("chrome_publish")
    g711 = parser.parse(fixture("chrome_recvonly")).media[0]
    listed = tuple(each for each in codecs.receivable(g711) if each.codec.key == "pcmu")
    made = answer(text.replace("sendonly", "recvonly"), [Source(1, "audio", listed, Msid("g", "g-audio"), "cname-g")])
    assert [each.mappings for each in made.placements] == [(Mapping(0, 0, None),)]
    assert [codec.name for codec in made.description.media[0].codecs] == ["PCMU"]


def test_a_receiver_is_offered_redundancy_of_sound_that_comes_without() -> None:
    made = answer(fixture("chrome_recvonly"), [source(1, "firefox_publish", "audio")])
    assert made.placements[0].redundancy == 63
    listed = [(codec.name, codec.payload_type, codec.parameters) for codec in made.description.media[0].codecs]
    assert [each[:2] for each in listed] == [("opus", 111), ("red", 63)]
    assert listed[1][2] == "111/111"
    made = answer(fixture("firefox_recvonly"), [source(1, "chrome_publish", "audio")])
    assert made.placements[0].redundancy is None


def test_m_lines_left_over_are_answered_inactive() -> None:
    made = answer(fixture("chrome_recvonly"), [source(1, "chrome_publish", "audio")])
    assert [media.direction for media in made.description.media] == ["sendonly", "inactive", "inactive"]
    assert not any(media.rejected for media in made.description.media)


def test_nobody_to_watch_yet_is_no_error() -> None:
    made = answer(fixture("chrome_recvonly"), [])
    assert made.placements == ()
    assert {media.direction for media in made.description.media} == {"inactive"}


def test_a_codec_the_receiver_lacks_is_reported_and_takes_no_m_line() -> None:
    sources = [source(1, "libdatachannel_publish", "video"), source(2, "firefox_publish", "video")]
    made = answer(fixture("firefox_recvonly"), sources)
    assert [each.source.producer_id for each in made.placements] == [2]
    assert [(each.producer_id, why.code) for each, why in made.unplaced] == [(1, "unsupported_codec")]


def test_producers_beyond_the_m_lines_are_reported() -> None:
    sources = [source(number, "chrome_publish", "audio") for number in (1, 2)]
    made = answer(fixture("firefox_recvonly"), sources)
    assert [(each.producer_id, why.code) for each, why in made.unplaced] == [(2, "no_media_line")]


def test_what_is_placed_stays_when_others_leave() -> None:
    first, second = source(1, "chrome_publish", "video"), source(2, "firefox_publish", "video")
    before = answer(fixture("firefox_recvonly"), [first, second])
    placed = {each.mid or "": each for each in before.placements}
    after = answer(fixture("firefox_recvonly"), [second], placed)
    assert after.placements == (placed["2"],)
    assert [media.direction for media in after.description.media] == ["inactive", "inactive", "sendonly"]


def test_an_answer_lists_only_what_the_producer_can_send() -> None:
    made = answer(fixture("chrome_recvonly"), [source(1, "libdatachannel_publish", "video")])
    listed = [(codec.name, codec.parameters) for codec in made.description.media[1].codecs]
    assert [name for name, _ in listed] == ["H264", "rtx"]
    assert "packetization-mode=1;profile-level-id=42e01f" in listed[0][1]


def test_an_offer_that_cannot_receive_is_refused() -> None:
    with pytest.raises(SdpError, match="recvonly"):
        answer(fixture("chrome_publish"), [])
    g729_only = re.sub(r"(m=\S+ \d+ \S+).*", r"\1 18", fixture("chrome_recvonly"))
    with pytest.raises(SdpError, match="codecs") as refused:
        answer(g729_only, [])
    assert refused.value.line is not None
    head, _, rest = fixture("chrome_datachannel").partition("m=audio")
    data_only = head.replace("0 1 2", "2") + "m=application" + rest.partition("m=application")[2]
    with pytest.raises(SdpError, match="data channels"):
        answer(data_only, [])


@pytest.mark.parametrize("name", ["chrome_recvonly", "firefox_recvonly", "aiortc_recvonly", "gstreamer_recvonly"])
def test_every_stack_is_answered(name: str) -> None:
    made = answer(fixture(name), [source(1, "chrome_publish", "video"), source(2, "chrome_publish", "audio")])
    assert len(made.placements) == 2
    read = parser.parse(writer.write(made.description))
    listed = {media.mid: {codec.payload_type for codec in media.codecs} for media in read.media}
    for placement in made.placements:
        # What an answer does not say is not sent: GStreamer offers redundant sound without saying of what.
        assert {mapping.receiver for mapping in placement.mappings} <= listed[placement.mid]


def test_a_viewer_that_tells_by_source_is_not_sent_transport_wide_numbers() -> None:
    text = fixture("chrome_recvonly").replace("a=rtcp-mux", "a=rtcp-mux\r\na=rtcp-fb:* ack ccfb")
    made = answer(text, [source(1, "chrome_publish", "video")])
    assert "ack ccfb" not in made.placements[0].feedback
    made = answer(re.sub(r"a=rtcp-fb:\d+ transport-cc\s+", "", text), [source(1, "chrome_publish", "video")])
    assert "ack ccfb" in made.placements[0].feedback
    assert extensions.TRANSPORT_CC not in made.send_extensions
