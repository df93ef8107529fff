"""Silence that is not sent (DTX): what a leg leaves out, and that nothing else changes for who listens."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import av
import numpy as np
import pytest

from bridge.sfu.legs import LegCodec, LegSpec
from bridge.transcode import ffmpeg_libraries, libopus, rtp
from bridge.transcode.audio import AudioTranscoder
from bridge.transcode.audio_codecs import AudioEncoder, Samples
from bridge.transcode.errors import CodecUnavailableError
from bridge.transcode.messages import CodecSpec, MixOutput, Start, Voices
from bridge.transcode.mix import BLOCK
from bridge.transcode.sound_encoder import THIN_BITRATE, OpusLayout, SoundEncoder, sound_encoder
from bridge.transcode.sound_input import SoundInput
from tests.transcode.harness import SOURCE_TYPE, TARGET_SSRC, TARGET_TYPE, leg, supervisor, until
from tests.transcode.test_mixing import Hall, codec

THIN = THIN_BITRATE - 1
OPUS = CodecSpec("opus", 101, 48_000)
PCMU = CodecSpec("pcmu", 100, 8_000)
SPOKEN, QUIET = 75, 150
"""Packets of each."""
CALL = [True] * SPOKEN + [False] * QUIET + [True] * SPOKEN
RESTS = range(SPOKEN + 15, SPOKEN + QUIET)
"""Blocks in which nothing is said, without the 0.3 s until that is sure."""
LATE = 2
"""Blocks that a voice waits in the jitter buffer of a mix before anything is known of its line."""
UPDATES = 21
"""Blocks from an update of the noise to the next one at most."""


def blocks(spoken: Iterable[bool], rate: int, noise: float = 5.0) -> list[Samples]:
    """A voice, a buzz with pauses, and a faint noise that is always there, in blocks of 20 ms."""
    chance, count = np.random.default_rng(2), rate // 50
    made = []
    for number, said in enumerate(spoken):
        at = (number * count + np.arange(count)) / rate
        buzz = sum(np.sin(2 * np.pi * 120 * overtone * at) / overtone for overtone in range(1, 30))
        voice = buzz * 4_000 * (np.sin(2 * np.pi * 3 * at) > -0.3) * said
        made.append((voice + chance.normal(0, noise, count)).astype(np.int16))
    return made


def sent(spoken: Iterable[bool]) -> list[bytes]:
    """The same as packets of G.711."""
    encoder = AudioEncoder("pcmu")
    return [
        rtp.write(100, number, number * encoder.ticks, 9, encoder.encode(block), marker=number == 0)
        for number, block in enumerate(blocks(spoken, 8_000))
    ]


def transcoded(bitrate: int, datagrams: Sequence[bytes], *, dtx: bool = False) -> list[rtp.RtpPacket]:
    out: list[bytes] = []
    transcoder = AudioTranscoder(Start("audio", (PCMU,), OPUS, 2222, bitrate, 65_500, 7), out.append)
    transcoder.set_dtx(dtx)
    for number, datagram in enumerate(datagrams):
        transcoder.handle([datagram], number * 0.02)
    return [rtp.parse(each) for each in out]


def block_of(packet: rtp.RtpPacket) -> int:
    number, rest = divmod(packet.timestamp - 7, BLOCK)
    assert rest == 0
    return number


def test_of_silence_there_is_next_to_nothing_and_all_of_what_is_said() -> None:
    packets = transcoded(THIN, sent(CALL))
    numbers = [block_of(packet) for packet in packets]
    assert set(range(SPOKEN)) | set(range(SPOKEN + QUIET, len(CALL))) <= set(numbers)
    resting = [packet for packet in packets if block_of(packet) in RESTS]
    assert len(resting) <= 2 * len(RESTS) // 20 + 2
    assert max(b - a for a, b in itertools.pairwise(numbers)) <= UPDATES
    # Nobody is to take what was not sent for lost.
    assert {(b.sequence - a.sequence) % (1 << 16) for a, b in itertools.pairwise(packets)} == {1}
    assert [block_of(packet) for packet in packets if packet.marker] == [0, SPOKEN + QUIET]


def test_a_decoder_is_told_that_a_silence_begins_before_it_hears_nothing() -> None:
    packets = transcoded(THIN, sent(CALL))
    for before, after in itertools.pairwise(packets):
        assert block_of(after) - block_of(before) == 1 or len(before.payload) <= libopus.NOTHING


def test_a_line_that_is_not_thin_gets_every_packet() -> None:
    packets = transcoded(THIN_BITRATE, sent(CALL))
    assert [block_of(packet) for packet in packets] == list(range(len(CALL)))


def test_a_receiver_who_prefers_it_gets_no_silence_on_any_line() -> None:
    packets = transcoded(THIN_BITRATE, sent(CALL), dtx=True)
    numbers = [block_of(packet) for packet in packets]
    assert set(range(SPOKEN)) | set(range(SPOKEN + QUIET, len(CALL))) <= set(numbers)
    assert len([number for number in numbers if number in RESTS]) <= 2 * len(RESTS) // 20 + 2


def test_a_line_that_becomes_thin_and_wide_again_is_one_stream() -> None:
    out: list[bytes] = []
    transcoder = AudioTranscoder(Start("audio", (PCMU,), OPUS, 2222, THIN_BITRATE, 5, 7), out.append)
    counts = []
    for number, datagram in enumerate(sent([False] * 300)):
        if number % 100 == 0:
            transcoder.set_bitrate(THIN if number == 100 else THIN_BITRATE)
            counts.append(len(out))
        transcoder.handle([datagram], number * 0.02)
    packets = [rtp.parse(each) for each in out]
    wide, thin, again = (after - before for before, after in itertools.pairwise([*counts, len(out)]))
    assert wide == again == 100
    assert thin < 40
    assert {b.sequence - a.sequence for a, b in itertools.pairwise(packets)} == {1}


@pytest.mark.parametrize("volume", [300, 12_000])
def test_a_steady_sound_is_no_silence(volume: int) -> None:
    encoder, made = sound_encoder("opus", OpusLayout(14_000, 0, dtx=True)), 0
    for number in range(250):
        at = number * encoder.samples + np.arange(encoder.samples)
        made += bool(encoder.encode((np.sin(2 * np.pi * 700 * at / 48_000) * volume).astype(np.int16)))
    assert made == 250


def unheard(*_: object) -> None:
    raise CodecUnavailableError("opus", "the test says so")


def test_without_libopus_silence_is_sent_like_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libopus, "library", unheard)
    packets = transcoded(THIN, sent(CALL))
    assert [block_of(packet) for packet in packets] == list(range(len(CALL)))
    assert {(b.sequence - a.sequence) % (1 << 16) for a, b in itertools.pairwise(packets)} == {1}


class _Linked:
    """Libraries without libopus, or with an old one."""

    def __init__(self, real: object | None) -> None:
        self._real = real

    def __getattr__(self, name: str) -> object:
        if self._real is None:
            raise AttributeError(name)
        if name == "opus_encoder_ctl":
            return _Refuses(getattr(self._real, name))
        return getattr(self._real, name)


class _Refuses:
    """Settings that a version before 1.3 does not know."""

    def __init__(self, real: object) -> None:
        self._real = real

    def __call__(self, state: object, request: int, *arguments: object) -> int:
        return -5 if request == 4049 else self._real(state, request, *arguments)  # type: ignore[operator]


@pytest.mark.parametrize(("old", "why"), [(False, "cannot be called"), (True, "too old")])
def test_a_libopus_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch, old: bool, why: str) -> None:
    linked = _Linked(ffmpeg_libraries.ffmpeg_libraries() if old else None)
    monkeypatch.setattr(libopus, "ffmpeg_libraries", lambda: linked)
    with pytest.raises(CodecUnavailableError, match=why):
        libopus.library.__wrapped__()


class Talker:
    """Says what it is told to, in Opus without packets of silence."""

    def __init__(self, encoder: SoundEncoder) -> None:
        self.encoder = encoder
        self.sequence = 0

    def packets(self, spoken: Iterable[bool]) -> list[list[bytes]]:
        """By block: one datagram, or none."""
        made = []
        for number, block in enumerate(blocks(spoken, 48_000)):
            payload = self.encoder.encode(block)
            if payload:
                made.append([rtp.write(100, self.sequence, number * BLOCK, 1, payload, marker=False)])
                self.sequence += 1
            else:
                made.append([])
        return made


def test_a_mix_takes_in_silence_that_is_not_sent_without_falling_behind() -> None:
    talker = Talker(sound_encoder("opus", OpusLayout(dtx=True)))
    source = SoundInput((codec("opus"),), lambda _datagram: None)
    heard = []
    for number, datagrams in enumerate(talker.packets([*CALL, *CALL])):
        for datagram in datagrams:
            source.take(datagram, number * 0.02, number * 0.02)
        source.decode(number * 0.02)
        block = source.block(number * 0.02)
        heard.append(block is not None and float(np.abs(block).max()) > 0.05)
    assert (source.gaps, source.errors) == (0, 0)
    said = [at for at, (before, after) in enumerate(itertools.pairwise(heard)) if after and not before]
    # What is said after a silence is as late as what was said before any.
    again = SPOKEN + QUIET
    assert said[0] <= LATE
    late = [min(at for at in said if at >= begun) - begun for begun in (again, len(CALL) + again)]
    assert max(late) <= LATE


def test_a_mix_of_nobody_is_not_sent_and_says_when_it_is() -> None:
    hall = Hall()
    hall.mixer.set_bitrate(THIN)
    hall.mixer.follow(mix_of_nobody())
    hall.run(500)
    packets = hall.packets(11)
    assert len(packets) < 80
    assert {b.sequence - a.sequence for a, b in itertools.pairwise(packets)} == {1}
    reports = [each for datagram in hall.sent if rtp.is_rtcp(datagram) for each in rtp.parse_rtcp(datagram)]
    assert len(reports) >= 9


def mix_of_nobody() -> Voices:
    return Voices((), (MixOutput(11, codec("opus"), None),))


async def test_a_leg_in_its_process_leaves_silence_out() -> None:
    spec = LegSpec("audio", (LegCodec("pcmu", SOURCE_TYPE, 8_000),), LegCodec("opus", TARGET_TYPE, 48_000), TARGET_SSRC)
    packets = iter(sent([False] * 2_000))
    async with supervisor(max=1) as legs:
        with leg(legs, spec, bitrate=THIN) as under_test:

            def say() -> None:
                under_test.send(next(packets))
                under_test.read()

            def rests() -> bool:
                """Whether blocks were left out between packets that follow each other."""
                return any(
                    b.timestamp - a.timestamp > 10 * BLOCK and (b.sequence - a.sequence) % (1 << 16) == 1
                    for a, b in itertools.pairwise(under_test.received)
                )

            await until(rests, say)


def test_ffmpegs_own_decoder_hears_quiet_and_then_all_that_is_said() -> None:
    """Its Opus, of which nothing is libopus's, as a player has it: what does not come is silence."""
    decoder = av.CodecContext.create("opus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.sample_rate, decoder.layout = 48_000, "mono"
    peaks = dict.fromkeys(range(len(CALL)), 0.0)
    for packet in transcoded(THIN, sent(CALL)):
        for frame in decoder.decode(av.Packet(packet.payload)):
            assert frame.samples == BLOCK
            peaks[block_of(packet)] = float(np.abs(frame.to_ndarray()).max())
    said = [peaks[number] for number in range(SPOKEN + QUIET, len(CALL))]
    assert max(peaks[number] for number in RESTS) < 0.01
    assert max(said[:3]) > 0.1
    assert max(said) < 1.5 * max(peaks[number] for number in range(SPOKEN))
