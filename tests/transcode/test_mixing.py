"""Mixed sound, inside its leg: everyone hears all others and not themselves, whatever packets do."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest

from bridge.settings import MAX_PARTICIPANTS
from bridge.sfu.mixed_sound import MAX_SOUNDS
from bridge.transcode import messages, mixing, rtp
from bridge.transcode.audio_codecs import CODECS, AudioDecoder, AudioEncoder, Samples
from bridge.transcode.messages import CodecSpec, Mix, MixOutput, Sound, Voice, Voices
from bridge.transcode.mix import BLOCK
from bridge.transcode.mixing import SoundMixer
from bridge.transcode.sound_input import SoundInput
from tests.support.media import BLUE, GREEN, RED, Identity, dominant_tone, identity_of_tone

OUT_OF_TUNE = 30
PACKET = 0.02


def codec(name: str, payload_type: int = 100) -> CodecSpec:
    return CodecSpec(name, payload_type, CODECS[name].clock)


class Talker:
    """Somebody who sends their tone."""

    def __init__(self, identity: Identity, ssrc: int, name: str = "opus") -> None:
        self.identity, self.ssrc, self.codec = identity, ssrc, codec(name)
        self._encoder = AudioEncoder(name)
        self._count = 0

    def packet(self) -> bytes:
        """The next 20 ms."""
        at = self._count * self._encoder.samples + np.arange(self._encoder.samples)
        samples = (np.sin(2 * np.pi * self.identity.tone * at / self._encoder.codec.rate) * 8_000).astype(np.int16)
        timestamp = self._count * self._encoder.ticks
        self._count += 1
        payload = self._encoder.encode(samples)
        return rtp.write(100, self._count, timestamp, self.ssrc, payload, marker=False)

    @property
    def voice(self) -> Voice:
        return Voice(self.identity.name, (Sound(self.ssrc, (self.codec,)),))


class Hall:
    """A mixer, and what comes out of it by SSRC."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.mixer = SoundMixer(Mix(300_000, 40, 9), self.sent.append)
        self.now = 50.0

    def run(self, packets: int, *talkers: Talker, arrives: Callable[[bytes], bool] = lambda _datagram: True) -> None:
        """So many times 20 ms."""
        for _ in range(packets):
            self.now += PACKET
            self.mixer.handle([each for each in (talker.packet() for talker in talkers) if arrives(each)], self.now)

    def packets(self, ssrc: int) -> list[rtp.RtpPacket]:
        parsed = [rtp.parse(datagram) for datagram in self.sent if not rtp.is_rtcp(datagram)]
        return [packet for packet in parsed if packet.ssrc == ssrc]

    def hears(self, ssrc: int, name: str = "opus") -> set[Identity]:
        """Whose tones are in the last half second of a mix."""
        decoder = AudioDecoder(name)
        samples: Samples = np.concatenate([decoder.decode(packet.payload) for packet in self.packets(ssrc)])
        last = samples[-decoder.codec.rate // 2 :].astype(float)
        spectrum = np.abs(np.fft.rfft(last * np.hanning(len(last))))
        strongest = spectrum.max()
        heard = set()
        for identity in (RED, GREEN, BLUE):
            at = round(identity.tone * len(last) / decoder.codec.rate)
            if strongest > 1e5 and spectrum[at - 2 : at + 3].max() > strongest / OUT_OF_TUNE:
                heard.add(identity)
        return heard


def test_everyone_hears_all_others_and_not_themselves() -> None:
    hall = Hall()
    talkers = [Talker(RED, 1), Talker(GREEN, 2, "pcma"), Talker(BLUE, 3, "g722")]
    outputs = (
        MixOutput(11, codec("opus"), "red"),
        MixOutput(12, codec("pcmu"), "green"),
        MixOutput(13, codec("opus"), None),
    )
    hall.mixer.follow(Voices(tuple(talker.voice for talker in talkers), outputs))
    hall.run(75, *talkers)
    assert hall.hears(11) == {GREEN, BLUE}
    assert hall.hears(12, "pcmu") == {RED, BLUE}
    assert hall.hears(13) == {RED, GREEN, BLUE}


def test_packets_follow_each_other_evenly_and_reports_say_when() -> None:
    hall, talker = Hall(), Talker(RED, 1)
    hall.mixer.follow(Voices((talker.voice,), (MixOutput(11, codec("opus"), None),)))
    hall.run(120, talker)
    packets = hall.packets(11)
    assert {b.sequence - a.sequence for a, b in itertools.pairwise(packets)} == {1}
    assert {b.timestamp - a.timestamp for a, b in itertools.pairwise(packets)} == {BLOCK}
    reports = [each for datagram in hall.sent if rtp.is_rtcp(datagram) for each in rtp.parse_rtcp(datagram)]
    assert len([each for each in reports if isinstance(each, rtp.SenderReport)]) >= 2


def test_a_leg_that_is_woken_too_late_makes_no_voice_later(monkeypatch: pytest.MonkeyPatch) -> None:
    hall, talker, late = Hall(), Talker(RED, 1), 4
    monkeypatch.setattr(mixing, "ntp_now", lambda: round(hall.now * (1 << 32)))
    hall.mixer.follow(Voices((talker.voice,), (MixOutput(11, codec("opus"), None),)))
    # Between two blocks.
    hall.now += PACKET / 2
    hall.run(160, talker)
    hall.now += late * PACKET
    hall.mixer.handle([talker.packet() for _ in range(late)], hall.now)
    hall.run(160, talker)
    reports = [each for datagram in hall.sent if rtp.is_rtcp(datagram) for each in rtp.parse_rtcp(datagram)]
    told = [each.ntp / (1 << 32) - each.timestamp / 48_000 for each in reports if isinstance(each, rtp.SenderReport)]
    assert len(told) >= 6
    assert told[2:] == pytest.approx([told[2]] * len(told[2:]), abs=1e-3)


def test_a_successor_goes_on_where_its_predecessor_was() -> None:
    first, second = Hall(), Hall()
    for hall, begun in ((first, 50.0), (second, 53.0)):
        hall.now = begun
        if hall is second:
            hall.mixer = SoundMixer(Mix(300_000, 240, 9, sequences={11: 770}), hall.sent.append)
        hall.mixer.follow(Voices((), (MixOutput(11, codec("opus"), None),)))
        hall.run(10)
    last, following = first.packets(11)[-1], second.packets(11)[0]
    assert first.mixer.sequences == {11: last.sequence + 1}
    assert following.sequence == 770
    assert following.timestamp - last.timestamp == 141 * BLOCK


def test_who_leaves_is_heard_no_more_and_who_comes_is() -> None:
    hall, red, green = Hall(), Talker(RED, 1), Talker(GREEN, 2)
    outputs = (MixOutput(11, codec("opus"), None),)
    hall.mixer.follow(Voices((red.voice,), outputs))
    hall.run(60, red)
    assert hall.hears(11) == {RED}
    hall.mixer.follow(Voices((green.voice,), outputs))
    hall.run(60, green)
    assert hall.hears(11) == {GREEN}


def test_lost_packets_are_bridged() -> None:
    hall, talker, chance = Hall(), Talker(RED, 1), random.Random(4)
    hall.mixer.follow(Voices((talker.voice,), (MixOutput(11, codec("opus"), None),)))
    hall.run(200, talker, arrives=lambda _datagram: chance.random() > 0.05)
    assert hall.hears(11) == {RED}
    assert len(hall.packets(11)) >= 199


def test_a_jitter_buffer_grows_with_what_packets_vary_by_and_no_further() -> None:
    source, talker = SoundInput((codec("opus"),), lambda _datagram: None), Talker(RED, 1)
    now, heard, silent = 0.0, 0, 0
    for round_ in range(100):
        # Five packets at once, every 100 ms.
        for _ in range(5):
            source.take(talker.packet(), now, now)
        source.decode(now)
        for _ in range(5):
            now += PACKET
            heard, silent = (heard + 1, silent) if source.block(now) is not None else (heard, silent + 1)
        if round_ == 20:
            heard = silent = 0
    assert silent == 0
    # The last of five is 80 ms late, and what plays may wait for a block more than that.
    assert source.held <= (4 + 1 + 1) * BLOCK


def test_what_a_fast_clock_sends_too_much_is_caught_up_with() -> None:
    source, talker = SoundInput((codec("opus"),), lambda _datagram: None), Talker(RED, 1)
    now = 0.0
    blocks = []
    for number in range(1500):
        now += PACKET
        source.take(talker.packet(), now, now)
        if number % 50 == 0:
            # Two percent too fast: far more than any clock.
            source.take(talker.packet(), now, now)
        source.decode(now)
        block = source.block(now)
        if block is not None:
            blocks.append(block)
    assert source.held <= 2 * BLOCK
    # No step in it: the tone is the only thing that is heard.
    last = np.concatenate(blocks[-50:]) * 30_000
    assert identity_of_tone(dominant_tone(last, 48_000)) is RED


def test_the_largest_room_is_mixed_for_each_of_it_and_fits_in_a_message() -> None:
    taken = tuple(codec(name) for name in CODECS)
    names = [f"{number:064}" for number in range(MAX_PARTICIPANTS)]
    speaking = enumerate(names[:MAX_SOUNDS])
    voices = tuple(Voice(name, (Sound(2**32 - 1 - number, taken),)) for number, name in speaking)
    outputs = tuple(MixOutput(2**31 + number, codec("opus"), name) for number, name in enumerate(names))
    hall, message = Hall(), Voices(voices, outputs)
    assert len(messages.encode(message)) <= messages.MAX_MESSAGE
    hall.mixer.follow(message)
    hall.run(2)
    assert {rtp.parse(each).ssrc for each in hall.sent if not rtp.is_rtcp(each)} == {each.ssrc for each in outputs}


def test_noise_in_place_of_sound_is_counted_and_silent() -> None:
    hall, talker, chance = Hall(), Talker(RED, 1), random.Random(7)
    hall.mixer.follow(Voices((talker.voice,), (MixOutput(11, codec("opus"), None),)))
    for number in range(100):
        hall.now += PACKET
        noise = rtp.write(100, number, number * 960, 1, chance.randbytes(chance.randrange(1, 200)), marker=False)
        hall.mixer.handle([noise, chance.randbytes(40), noise[:7]], hall.now)
    assert len(hall.packets(11)) >= 99
