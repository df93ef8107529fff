"""When two descriptions mean the same codec, and which of a publisher's are taken."""

from __future__ import annotations

import pytest

from bridge.sfu.sdp import codecs, parser
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from tests.sfu.support import fixture


def h264(profile: str | None, mode: int | None = 1) -> Codec:
    parts = [] if profile is None else [f"profile-level-id={profile}"]
    parts += [] if mode is None else [f"packetization-mode={mode}"]
    return Codec(100, "H264", 90000, parameters=";".join(parts))


@pytest.mark.parametrize(
    ("profile", "name"),
    [
        ("42e01f", "constrained-baseline"),
        ("42c01f", "constrained-baseline"),
        ("4d801f", "constrained-baseline"),
        ("58c01f", "constrained-baseline"),
        ("42001f", "baseline"),
        (None, "baseline"),
        ("4d001f", "main"),
        ("64001f", "high"),
        ("640c1f", "constrained-high"),
        ("58001f", None),
        ("f4001f", None),
        ("xx", None),
    ],
)
def test_h264_profiles(profile: str | None, name: str | None) -> None:
    assert codecs.h264_profile(h264(profile).parameters) == name


@pytest.mark.parametrize(
    ("sent", "receiver", "taken"),
    [
        (h264("42e01f"), h264("42e01f"), True),
        (h264("42e034"), h264("42e01f"), True),
        (h264("42e01f"), h264("42001f"), True),
        (h264("42001f"), h264("42e01f"), True),
        (h264("42e01f"), h264("640c1f"), True),
        (h264("640c1f"), h264("42e01f"), False),
        (h264("4d001f"), h264("640c1f"), False),
        (h264("42e01f", 0), h264("42e01f", 1), True),
        (h264("42e01f", 1), h264("42e01f", 0), False),
        (h264("42e01f", None), h264("42e01f", 0), True),
        (h264("42e01f", 2), h264("42e01f", 2), False),
        (Codec(1, "VP8", 90000), Codec(2, "vp8", 90000), True),
        (Codec(1, "VP8", 90000), Codec(2, "VP9", 90000), False),
        (Codec(1, "VP9", 90000), Codec(2, "VP9", 90000, parameters="profile-id=0"), True),
        (Codec(1, "VP9", 90000, parameters="profile-id=2"), Codec(2, "VP9", 90000), False),
        (Codec(1, "AV1", 90000, parameters="profile=0;level-idx=5"), Codec(2, "AV1", 90000), True),
        (Codec(1, "AV1", 90000, parameters="profile=1"), Codec(2, "AV1", 90000), False),
        (Codec(1, "opus", 48000, 2), Codec(2, "OPUS", 48000, 2), True),
        (Codec(1, "G722", 8000, 1), Codec(2, "G722", 8000, 1), True),
        (Codec(1, "telephone-event", 8000), Codec(2, "telephone-event", 48000), False),
    ],
)
def test_who_decodes_what(sent: Codec, receiver: Codec, taken: bool) -> None:
    assert (codecs.decodes(sent, receiver) is not None) is taken


def test_the_nearest_profile_is_the_best() -> None:
    offered = [h264("640c1f"), h264("4d001f"), h264("42e01f", 1), h264("42e01f", 0)]
    assert min(offered, key=lambda codec: codecs.decodes(h264("42e01f", 0), codec) or 0) == h264("42e01f", 0)


def accepted(name: str, kind: str, prefer: tuple[str, ...] = ()) -> list[tuple[str, int, int | None]]:
    media = next(each for each in parser.parse(fixture(name)).media if each.kind == kind)
    chosen = codecs.one_each(codecs.in_preference(codecs.forwardable(media), prefer))
    return [(each.codec.name, each.codec.payload_type, each.rtx_payload_type) for each in chosen]


def test_chrome_keeps_its_order_with_one_payload_type_per_codec() -> None:
    assert accepted("chrome_publish", "video") == [
        ("VP8", 96, 97),
        ("H264", 108, 109),
        ("AV1", 45, 46),
        ("VP9", 98, 99),
    ]


def test_safari_sends_vp8_by_default_so_that_everyone_can_see_it() -> None:
    assert [name for name, *_ in accepted("safari_publish", "video")] == ["VP8", "H264", "VP9"]


def test_a_client_may_prefer_another_codec_explicitly() -> None:
    assert accepted("safari_publish", "video", ("H264",))[0] == ("H264", 98, 99)
    assert accepted("chrome_publish", "video", ("av1", "VP9"))[:2] == [("AV1", 45, 46), ("VP9", 98, 99)]


def test_opus_its_redundancy_and_keys_on_its_clock_are_taken_and_narrowband_is_not() -> None:
    assert accepted("chrome_publish", "audio") == [
        ("opus", 111, None),
        ("red", 63, None),
        ("telephone-event", 110, None),
    ]


def test_narrowband_is_taken_from_those_without_opus() -> None:
    text = fixture("chrome_publish").replace(" 111 63 ", " ").replace("opus", "x-opus")
    media = parser.parse(text).media[0]
    names = [each.codec.name for each in codecs.forwardable(media)]
    assert names == ["G722", "PCMU", "PCMA", "telephone-event"]


def test_feedback_that_the_core_does_not_know_is_left_out() -> None:
    codec = Codec(96, "VP8", 90000, feedback=("nack", "nack rpsi", "ack sli", "ccm tmmbr"))
    media = parser.parse(fixture("chrome_publish")).media[1]
    media.codecs = [codec]
    assert codecs.forwardable(media)[0].codec.feedback == ("nack",)


@pytest.mark.parametrize(
    ("offered", "answered"),
    [
        (Codec(1, "opus", 48000, 2, "minptime=10;useinbandfec=1"), "minptime=10;useinbandfec=1"),
        (Codec(1, "opus", 48000, 2, "stereo=1;maxplaybackrate=48000"), "minptime=10;useinbandfec=1"),
        (Codec(1, "opus", 48000, 2, "stereo=1;sprop-stereo=1"), "minptime=10;useinbandfec=1;stereo=1"),
        (Codec(1, "VP8", 90000, 1, "max-fs=12288;max-fr=60"), ""),
        (Codec(1, "VP9", 90000, 1, "max-fs=12288;profile-id=2"), "profile-id=2"),
        (
            Codec(1, "H264", 90000, 1, "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1"),
            "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        ),
        (Codec(1, "H264", 90000, 1, ""), "packetization-mode=0;profile-level-id=42000a"),
        (Codec(1, "AV1", 90000, 1, "level-idx=5;profile=0;tier=0"), "level-idx=5;profile=0;tier=0"),
    ],
)
def test_parameters_of_answers(offered: Codec, answered: str) -> None:
    assert codecs.answer_parameters(offered) == answered


def test_names_are_written_the_usual_way() -> None:
    listed = [MediaCodec(Codec(number, name, 1)) for number, name in enumerate(["OPUS", "opus", "vp8", "PCMU"])]
    assert codecs.names(listed) == ("opus", "VP8", "PCMU")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", "qcif"),
        ("QCIF=1", "qcif"),
        ("CIF=1;QCIF=1", "cif"),
        # Ten pictures a second are fewer than a leg makes.
        ("CIF=3;QCIF=1", "qcif"),
        ("SQCIF=1;CIF4=2", "4cif"),
        ("CIF=many", "qcif"),
    ],
)
def test_the_largest_size_of_h263(text: str, size: str) -> None:
    assert codecs.h263_size(text) == size
    sent = Codec(96, "H263-1998", 90000, parameters="CIF=1;QCIF=1")
    fits = codecs.decodes(sent, Codec(97, "H263-1998", 90000, parameters=text))
    assert fits == {"qcif": None, "cif": 0, "4cif": 1}[size]


def test_h263_is_packed_in_two_ways_that_have_nothing_in_common() -> None:
    assert codecs.decodes(Codec(34, "H263", 90000), Codec(34, "H263-1998", 90000)) is None
