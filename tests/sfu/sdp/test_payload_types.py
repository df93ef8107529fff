"""Payload types between producers, the bridge's offers and receivers."""

from __future__ import annotations

import pytest

from bridge.errors import BridgeError
from bridge.sfu.sdp import codecs, parser
from bridge.sfu.sdp.codecs import MediaCodec
from bridge.sfu.sdp.description import Codec
from bridge.sfu.sdp.payload_types import Mapping, PayloadTypes, redundancy, translate
from tests.sfu.support import fixture


def published(name: str, kind: str) -> list[MediaCodec]:
    media = next(each for each in parser.parse(fixture(name)).media if each.kind == kind)
    return codecs.one_each(codecs.in_preference(codecs.forwardable(media)))


def test_chrome_to_firefox_uses_firefoxs_numbers() -> None:
    receiver = parser.parse(fixture("firefox_recvonly")).media[1]
    mappings, feedback = translate(published("chrome_publish", "video"), receiver)
    assert mappings == [Mapping(96, 120, 124), Mapping(45, 99, 100), Mapping(98, 121, 125)]
    assert set(feedback) == {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"}


def test_redundancy_is_forwarded_to_those_who_take_it() -> None:
    producer = published("chrome_publish", "audio")
    chrome = parser.parse(fixture("chrome_recvonly")).media[0]
    firefox = parser.parse(fixture("firefox_recvonly")).media[0]
    assert [mapping.producer for mapping in translate(producer, chrome)[0]] == [111, 63, 110]
    assert [mapping.producer for mapping in translate(producer, firefox)[0]] == [111]


def test_redundant_sound_reaches_those_who_take_only_plain_opus() -> None:
    media = parser.parse(fixture("chrome_publish")).media[0]
    producer = codecs.one_each(codecs.in_preference(codecs.forwardable(media), ["red"]))
    assert [each.codec.key for each in producer] == ["red", "opus", "telephone-event"]
    firefox = parser.parse(fixture("firefox_recvonly")).media[0]
    assert [mapping.producer for mapping in translate(producer, firefox)[0]] == [111]


def test_the_receivers_redundancy_is_found_by_the_opus_it_repeats() -> None:
    chrome = parser.parse(fixture("chrome_recvonly")).media[0]
    opus = [Mapping(109, 111, None)]
    assert redundancy(opus, chrome) == 63
    assert redundancy([Mapping(109, 9, None)], chrome) is None
    assert redundancy(opus, parser.parse(fixture("firefox_recvonly")).media[0]) is None


def test_redundancy_without_what_it_repeats_is_nothing() -> None:
    chrome = parser.parse(fixture("chrome_recvonly")).media[0]
    chrome.codecs = [codec for codec in chrome.codecs if codec.key == "red"]
    assert translate(published("chrome_publish", "audio"), chrome) == ([], ())


def test_a_receiver_without_the_codec_gets_nothing() -> None:
    firefox = parser.parse(fixture("firefox_recvonly")).media[1]
    assert translate(published("libdatachannel_publish", "video"), firefox) == ([], ())


def test_a_receiver_without_the_codec_that_is_sent_gets_nothing_though_it_has_others() -> None:
    media = parser.parse(fixture("chrome_publish")).media[1]
    producer = codecs.one_each(codecs.in_preference(codecs.forwardable(media), ["H264"]))
    firefox = parser.parse(fixture("firefox_recvonly")).media[1]
    assert translate(producer, firefox) == ([], ())


def test_a_number_means_one_thing_for_the_whole_connection() -> None:
    numbers = PayloadTypes()
    first = numbers.number(published("chrome_publish", "video"))
    again = numbers.number(published("chrome_publish", "video"))
    pion = numbers.number(published("pion_publish", "video"))
    assert first == again
    assert [each.codec.payload_type for each in first] == [96, 102, 45, 98]
    # Pion's H.264 and VP9 mean the same as Chrome's.
    assert [each.codec.payload_type for each in pion] == [96, 102, 98]


def test_the_producers_preference_is_kept() -> None:
    numbered = PayloadTypes().number(published("safari_publish", "video"))
    assert [each.codec.key for each in numbered] == ["vp8", "h264", "vp9"]


def test_redundancy_names_our_number_of_opus() -> None:
    firefox = published("firefox_publish", "audio")
    numbers = PayloadTypes()
    # Firefox sends none; the bridge makes it.
    assert [each.codec.payload_type for each in numbers.number(firefox)] == [111, 63]
    opus, red, _ = numbers.number([*published("chrome_publish", "audio")])
    assert red.codec.parameters == f"{opus.codec.payload_type}/{opus.codec.payload_type}"


def fill(numbers: PayloadTypes, name: str, clock_rate: int, parameters: str) -> set[int]:
    """Publishes ever new variants of a codec until there are no numbers left; the numbers given."""
    taken: set[int] = set()
    with pytest.raises(BridgeError) as caught:  # noqa: PT012 - it is the filling up that is tested
        for variant in range(100):
            codec = Codec(96, name, clock_rate, 1, parameters.format(f"{variant:02x}"))
            for each in numbers.number([MediaCodec(codec)]):
                taken |= {each.codec.payload_type, each.rtx_payload_type or each.codec.payload_type}
    assert caught.value.code == "too_many_codecs"
    return taken


VARIANTS = {
    "H264": (90000, "profile-level-id=42e0{}"),
    "VP9": (90000, "profile-id={}"),
    "AV1": (90000, "profile={}"),
}


def test_numbers_are_not_given_twice_and_do_not_touch_what_rtcp_uses() -> None:
    numbers = PayloadTypes()
    taken: set[int] = set()
    for name, (clock_rate, parameters) in VARIANTS.items():
        new = fill(numbers, name, clock_rate, parameters)
        assert new
        assert not new & taken
        taken |= new
    assert not taken & set(range(64, 96))


@pytest.mark.parametrize("name", VARIANTS)
def test_variants_without_end_of_one_codec_leave_room_for_the_others(name: str) -> None:
    numbers = PayloadTypes()
    fill(numbers, name, *VARIANTS[name])
    audio = numbers.number(published("chrome_publish", "audio"))
    assert [each.codec.key for each in audio] == ["opus", "red", "telephone-event"]
    video = [codec for codec in published("chrome_publish", "video") if codec.codec.key != name.lower()]
    assert len(numbers.number(video)) == len(video)
