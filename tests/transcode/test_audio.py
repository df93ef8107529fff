"""Sound from codec to codec: the tone and its place in time stay, whatever becomes of the packets."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterable

import numpy as np
import pytest

from bridge.transcode import rtp
from bridge.transcode.audio import AudioTranscoder
from bridge.transcode.audio_codecs import CODECS, AudioDecoder, AudioEncoder, Samples
from bridge.transcode.messages import CodecSpec, Start
from tests.support.media import dominant_tone

TONE = 700
OFFSET = 7


def spec(name: str, payload_type: int) -> CodecSpec:
    return CodecSpec(name, payload_type, 8000 if name == "telephone-event" else CODECS[name].clock)


def speech(name: str, packets: int) -> list[bytes]:
    """Packets of a steady tone."""
    encoder, sent = AudioEncoder(name), []
    for number in range(packets):
        at = number * encoder.samples + np.arange(encoder.samples)
        samples = (np.sin(2 * np.pi * TONE * at / encoder.codec.rate) * 12_000).astype(np.int16)
        payload = encoder.encode(samples)
        sent.append(rtp.write(100, number, number * encoder.ticks, 9, payload, marker=number == 0))
    return sent


def transcoded(source: str, target: str, datagrams: Iterable[bytes]) -> tuple[AudioTranscoder, list[rtp.RtpPacket]]:
    """What comes of packets that arrive 20 ms apart, and of a second of silence after them."""
    out: list[bytes] = []
    codecs = (spec(source, 100), spec("telephone-event", 110))
    start = Start(
        "audio", codecs, spec(target, 101), 2222, 300_000, 5, OFFSET, target_events=spec("telephone-event", 102)
    )
    transcoder, now = AudioTranscoder(start, out.append), 0.0
    for datagram in datagrams:
        transcoder.handle([datagram], now)
        now += 0.02
    for _ in range(50):
        transcoder.handle([], now)
        now += 0.02
    return transcoder, [rtp.parse(datagram) for datagram in out if not rtp.is_rtcp(datagram)]


def heard(target: str, packets: Iterable[rtp.RtpPacket]) -> Samples:
    decoder = AudioDecoder(target)
    return np.concatenate([decoder.decode(packet.payload) for packet in packets])


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(CODECS, 2)))
def test_the_tone_comes_out_packet_by_packet(source: str, target: str) -> None:
    transcoder, packets = transcoded(source, target, speech(source, 50))
    samples = heard(target, packets)
    tone = dominant_tone(samples[samples.size // 5 :].astype(float), CODECS[target].rate)
    assert tone is not None
    assert abs(tone - TONE) < 5
    ticks = CODECS[target].clock // 50
    # Between clocks that differ, where timestamps begin means nothing: reports say what they stand for.
    stamps = [(packet.timestamp - packets[0].timestamp) % (1 << 32) for packet in packets]
    assert stamps == [ticks * number for number in range(len(packets))]
    assert len(packets) >= 48
    assert (transcoder.errors, transcoder.gaps) == (0, 0)


@pytest.mark.parametrize(("source", "target"), list(itertools.permutations(CODECS, 2)))
def test_no_packet_waits_for_the_next_one(source: str, target: str) -> None:
    out: list[bytes] = []
    transcoder = AudioTranscoder(
        Start("audio", (spec(source, 100),), spec(target, 101), 2222, 300_000, 5, OFFSET), out.append
    )
    for number, datagram in enumerate(speech(source, 10), start=1):
        transcoder.handle([datagram], number * 0.02)
        assert len(out) == number


def test_packets_that_overtake_each_other_and_come_twice_change_nothing() -> None:
    sent = speech("pcma", 50)
    _, clean = transcoded("pcma", "pcmu", sent)
    mixed = [packet for pair in zip(sent[1::2], sent[::2], strict=True) for packet in (*pair, pair[0])]
    # The first two in order, so that it begins with the beginning.
    _, packets = transcoded("pcma", "pcmu", [sent[0], *mixed])
    assert [packet.payload for packet in packets] == [packet.payload for packet in clean]


def test_a_short_gap_is_filled_and_a_long_one_left_open() -> None:
    sent = speech("pcma", 60)
    _, packets = transcoded("pcma", "pcmu", sent[:20] + sent[22:40] + sent[55:])
    stamps = [(packet.timestamp - OFFSET) // 160 for packet in packets]
    assert stamps == [*range(40), *range(55, 60)]
    assert [packet.marker for packet in packets] == [number in (0, 55) for number in stamps]


@pytest.mark.parametrize("begins", [0, 1 << 31, (1 << 32) - 24_000])
def test_a_publisher_who_changes_over_to_a_codec_of_another_clock_is_still_one_stream(begins: int) -> None:
    out: list[bytes] = []
    codecs = (spec("opus", 100), spec("pcma", 103))
    transcoder = AudioTranscoder(Start("audio", codecs, spec("pcmu", 101), 2222, 300_000, 5, OFFSET), out.append)
    # Timestamps go on by the new clock where they had come to by the old one.
    ends = begins + 50 * 960
    for number, (payload_type, name, timestamp) in enumerate(
        [(100, "opus", begins + each * 960) for each in range(50)]
        + [(103, "pcma", ends + each * 160) for each in range(50)]
    ):
        payload = rtp.parse(speech(name, number + 1)[-1]).payload
        datagram = rtp.write(payload_type, number, timestamp, 9, payload, marker=False)
        transcoder.handle([datagram], number * 0.02)
    stamps = [rtp.parse(datagram).timestamp for datagram in out]
    assert len(stamps) >= 98
    assert {(after - before) % (1 << 32) for before, after in itertools.pairwise(stamps)} == {160}


def test_a_key_that_is_pressed_is_handed_on() -> None:
    event = struct.pack("!BBH", 5, 0x8A, 1600)
    _, packets = transcoded("opus", "pcma", [*speech("opus", 3), rtp.write(110, 3, 480, 9, event, marker=True)])
    (pressed,) = [packet for packet in packets if packet.payload_type == 102]
    assert (pressed.payload, pressed.marker) == (event, True)


@pytest.mark.parametrize("source", list(CODECS))
def test_hostile_sound_is_survived(source: str) -> None:
    chance, sent = random.Random(3), speech(source, 40)
    hostile = []
    for number in range(400):
        match chance.randrange(5):
            case 0:
                hostile.append(chance.randbytes(chance.randrange(0, 200)))
            case 1:
                jump = chance.randrange(1 << 32)
                hostile.append(rtp.write(100, number, jump, 9, chance.randbytes(chance.randrange(500)), marker=False))
            case 2:
                hostile.append(rtp.write(100, chance.randrange(1 << 16), number * 160, 9, b"", marker=True))
            case _:
                data = bytearray(chance.choice(sent))
                data[chance.randrange(len(data))] = chance.randrange(256)
                hostile.append(bytes(data))
    _, packets = transcoded(source, "pcma" if source != "pcma" else "opus", hostile)
    # Nothing more is asked than to be there still, and not to have made more than came.
    assert len(packets) < 6 * len(hostile)


def voice(packets: int) -> list[bytes]:
    """Packets of something that Opus takes for speech: a buzz with pauses."""
    encoder, sent = AudioEncoder("pcma"), []
    for number in range(packets):
        at = (number * encoder.samples + np.arange(encoder.samples)) / encoder.codec.rate
        buzz = sum(np.sin(2 * np.pi * 120 * overtone * at) / overtone for overtone in range(1, 30))
        payload = encoder.encode((buzz * 4_000 * (np.sin(2 * np.pi * 3 * at) > -0.3)).astype(np.int16))
        sent.append(rtp.write(100, number, number * encoder.ticks, 9, payload, marker=number == 0))
    return sent


def repeats(payload: bytes) -> bool:
    """Whether a packet of Opus of 20 ms holds the frame before again (LBRR flag: RFC 6716, section 4.2.4)."""
    has_silk = payload[0] >> 3 < 16
    return has_silk and len(payload) > 1 and bool(payload[1] & 0x40)


def test_opus_repeats_what_was_before_only_where_receivers_lose_packets() -> None:
    out: list[bytes] = []
    start = Start("audio", (spec("pcma", 100),), spec("opus", 101), 2222, 300_000, 5, OFFSET)
    transcoder = AudioTranscoder(start, out.append)
    repeated = []
    sent = iter(voice(300))
    for number, loss in enumerate((0, 20, 0)):
        transcoder.set_loss(loss)
        out.clear()
        for index, datagram in enumerate(itertools.islice(sent, 100)):
            transcoder.handle([datagram], (number * 100 + index) * 0.02)
        packets = [rtp.parse(datagram) for datagram in out]
        # The first one may repeat what was made before it was told.
        repeated.append(sum(repeats(packet.payload) for packet in packets[1:]))
        assert len(packets) >= 99
        steps = {(b.sequence - a.sequence, b.timestamp - a.timestamp) for a, b in itertools.pairwise(packets)}
        assert steps == {(1, 960)}
    assert repeated[0] == repeated[2] == 0
    assert repeated[1] > 30
