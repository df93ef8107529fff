"""Sound and picture stay in step though the sender's clock is not ours, in virtual time.

Clocks are off by 2000 ppm for a minute and a half: as far as 100 ppm take them in half an hour.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from bridge.transcode import composing, mixing, rtp
from bridge.transcode.audio import AudioTranscoder
from bridge.transcode.audio_codecs import CODECS, AudioDecoder, AudioEncoder
from bridge.transcode.messages import CodecSpec, Compose, Mix, MixOutput, Sound, Start, Voice, Voices
from bridge.transcode.mixing import SoundMixer
from bridge.transcode.video import VideoTranscoder
from tests.support.media import GREEN
from tests.transcode.harness import Camera

DRIFT = 2e-3
SECONDS = 90.0
IN_STEP = 0.04
"""Seconds by which sound and picture may be apart (ITU-R BT.1359 sees more than that)."""
JITTER = 0.02
EPOCH = 3_900_000_000
PACKET = 0.02


def ntp(at: float) -> int:
    return round((EPOCH + at) * (1 << 32))


def spec(name: str, payload_type: int) -> CodecSpec:
    return CodecSpec(name, payload_type, CODECS[name].clock)


def beeps(name: str) -> list[bytes]:
    """The packets of a second, over and over: it begins with a beep, by the sender's clock."""
    encoder = AudioEncoder(name)
    at = np.arange(encoder.codec.rate)
    sound = np.where(at < encoder.codec.rate // 10, 12_000 * np.sin(2 * np.pi * 1000 * at / encoder.codec.rate), 0)
    return [encoder.encode(block) for block in sound.astype(np.int16).reshape(50, -1)]


class Listener:
    """Decodes what a leg sends, and says when each beep was taken up by what sender reports say."""

    def __init__(self, codec: str) -> None:
        self._decoder = AudioDecoder(codec)
        self._clock, self._rate = CODECS[codec].clock, CODECS[codec].rate
        self._report: rtp.SenderReport | None = None
        self._loud = False

    def heard(self, datagrams: list[bytes]) -> Iterator[float]:
        """In seconds since the epoch of the test."""
        for datagram in datagrams:
            if rtp.is_rtcp(datagram):
                reports = [each for each in rtp.parse_rtcp(datagram) if isinstance(each, rtp.SenderReport)]
                self._report = reports[-1] if reports else self._report
                continue
            packet = rtp.parse(datagram)
            loud = np.abs(self._decoder.decode(packet.payload).astype(np.int32)) > 1500
            if loud.any() and not self._loud and self._report is not None:
                ticks = (packet.timestamp - self._report.timestamp + (1 << 31)) % (1 << 32) - (1 << 31)
                since = ticks / self._clock + int(loud.argmax()) / self._rate
                yield self._report.ntp / (1 << 32) - EPOCH + since
            self._loud = bool(loud.any())
        datagrams.clear()


def apart(at: float, drift: float, begun: float = 0.0) -> float:
    """Seconds from the moment of a sender's full second, by the true clock, to when it is said to have been."""
    second = round((at - begun) * (1 + drift))
    return at - begun - second / (1 + drift)


@pytest.mark.parametrize("drift", [DRIFT, -DRIFT])
def test_transcoded_sound_stays_where_its_sender_reports_say(drift: float) -> None:
    out: list[bytes] = []
    transcoder = AudioTranscoder(
        Start("audio", (spec("pcma", 100),), spec("g722", 101), 2222, 300_000, 5, 7), out.append
    )
    payloads, listener, found = beeps("pcma"), Listener("g722"), list[float]()
    for number in range(round(SECONDS * 50)):
        at = number * PACKET / (1 + drift)
        if number % 250 == 0:
            report = rtp.SenderReport(9, ntp(at), number * 160)
            transcoder.handle([rtp.write_sender_report(report, number, 0)], at + PACKET)
        packet = rtp.write(100, number & 0xFFFF, number * 160, 9, payloads[number % 50], marker=number == 0)
        transcoder.handle([packet], at + PACKET)
        found += [apart(each, drift) for each in listener.heard(out)]
    assert len(found) > SECONDS * 0.9
    # Reports are five seconds apart: meanwhile the clocks part by 10 ms at this drift, which no leg can know.
    assert max(map(abs, found)) < IN_STEP / 2


def test_transcoded_pictures_stay_where_their_sender_reports_say() -> None:
    out: list[bytes] = []
    transcoder = VideoTranscoder(
        Start("video", (CodecSpec("vp8", 100, 90_000),), CodecSpec("vp8", 101, 90_000), 2222, 300_000, 5, 7), out.append
    )
    camera, sequence, rounds = Camera("vp8", GREEN), 0, 0
    for number in range(10):
        # Minutes apart, by a clock that is off.
        at, timestamp = number * SECONDS, round(number * SECONDS * 90_000 * (1 + DRIFT)) % (1 << 32)
        payloads = camera.payloads()
        packets = [
            rtp.write(100, sequence + index, timestamp, 9, payload, marker=index == len(payloads) - 1)
            for index, payload in enumerate(payloads)
        ]
        sequence += len(packets)
        transcoder.handle(packets, at)
        transcoder.handle([rtp.write_sender_report(rtp.SenderReport(9, ntp(at), timestamp), 1, 0)], at)
        sent = {rtp.parse(each).timestamp for each in out if not rtp.is_rtcp(each)}
        reported = [each for data in out if rtp.is_rtcp(data) for each in rtp.parse_rtcp(data)]
        out.clear()
        if sent:
            rounds += 1
            (told,) = [each for each in reported if isinstance(each, rtp.SenderReport)]
            assert sent == {told.timestamp}
            assert told.ntp == ntp(at)
    assert rounds == 10


@pytest.mark.parametrize("drift", [DRIFT / 2, -DRIFT / 2])
def test_mixed_sound_says_when_it_was_taken_up(drift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = now = 100.0
    monkeypatch.setattr(mixing, "ntp_now", lambda: ntp(now))
    out: list[bytes] = []
    mixer, chance = SoundMixer(Mix(300_000, 40, 9), out.append), random.Random(4)
    voice = Voice("a", (Sound(7, (spec("pcma", 100),)),))
    mixer.follow(Voices((voice,), (MixOutput(55, spec("pcmu", 101), None),)))
    payloads, listener, found = beeps("pcma"), Listener("pcmu"), list[float]()
    number, arrives = 0, begun + PACKET
    while now < begun + SECONDS:
        # As a leg's loop, which looks when something comes.
        now += PACKET / 20
        packets = []
        while arrives <= now:
            packets.append(rtp.write(100, number & 0xFFFF, number * 160, 7, payloads[number % 50], marker=number == 0))
            number += 1
            arrives = begun + (number + 1) * PACKET / (1 + drift) + chance.random() * JITTER
        mixer.handle(packets, now)
        found += [apart(each, drift, begun) for each in listener.heard(out)]
    assert len(found) > SECONDS * 0.9
    # Until the next report nobody knows that a slow clock has left the buffer empty once: every 20 s here, and every
    # 200 s at 100 ppm.
    assert np.percentile(np.abs(found), 95) < IN_STEP / 2


def test_a_composed_picture_says_when_what_it_shows_was_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composing, "ntp_now", lambda: ntp(10.0))
    out: list[bytes] = []
    composer = composing.PictureComposer(Compose(CodecSpec("vp8", 101, 90_000), 2222, 500_000, 5, 7), out.append)
    composer.handle([], 10.0)
    (report,) = [each for data in out if rtp.is_rtcp(data) for each in rtp.parse_rtcp(data)]
    assert isinstance(report, rtp.SenderReport)
    # A picture waits for half of the time between two, and 40 ms at most, as sound and picture are to be in step.
    assert 0 < 10.0 - (report.ntp / (1 << 32) - EPOCH) < IN_STEP
