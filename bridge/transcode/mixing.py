"""Many sounds become one for each who listens, without their own: what runs inside a leg for mixed sound.

It keeps its own time, in blocks of 20 ms that are numbered by the machine's steady clock. So timestamps of a successor
go on where those of its predecessor ended. Sequence numbers do as well, from where the predecessor last said that it
was: where silence is not sent, there are fewer packets than blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from bridge.transcode import rtp
from bridge.transcode.audio_codecs import Resampler, Samples
from bridge.transcode.messages import START_LOSS, Mix, MixOutput, Sound, Voices
from bridge.transcode.mix import SAMPLE_RATE, Block, Mixer, to_int16
from bridge.transcode.ntp import ntp_now, ntp_seconds
from bridge.transcode.sender import RtpSender
from bridge.transcode.sound_encoder import OpusLayout, sound_encoder
from bridge.transcode.sound_input import BLOCK_SECONDS, SoundInput

MIX_DELAY = 0.05
"""Seconds from sound being taken up until it is mixed, while nobody is heard."""
MAX_BEHIND = 10
"""Blocks by which it may be late before the rest is left out."""
REPORT_BLOCKS = 50
"""Between two sender reports: a second."""


class _Output:
    """One mix on its way to those who hear it."""

    def __init__(self, spec: MixOutput, send: Callable[[bytes], None], layout: OpusLayout, sequence: int) -> None:
        self.spec = spec
        self._encoder = sound_encoder(spec.codec.name, layout)
        self._resampler = Resampler(SAMPLE_RATE, self._encoder.codec.rate)
        self._waiting: Samples = np.zeros(0, np.int16)
        self._begins = True
        self.sender = RtpSender(send, spec.codec.payload_type, spec.ssrc, sequence)

    def adapt(self, layout: OpusLayout) -> None:
        """To what the lines carry, and to what they lose."""
        self._encoder.adapt(layout)

    def send(self, block: Block, tick: int, start: Mix, delay: float) -> bool:
        """Encodes a block and sends it; whether a packet came of it. It was taken up `delay` seconds ago."""
        self._waiting = np.concatenate((self._waiting, self._resampler.resample(to_int16(block))))
        encoder = self._encoder
        if self._waiting.size < encoder.samples:
            return False
        samples, self._waiting = self._waiting[: encoder.samples], self._waiting[encoder.samples :]
        payload = encoder.encode(samples)
        timestamp = tick * encoder.ticks + start.timestamp_offset
        if payload:
            self.sender.send([payload], timestamp, marker=self._begins and not encoder.silent)
            self._begins = False
        # What is heard after a silence is marked (RFC 3551, section 4.1), and an update of its noise is not.
        self._begins |= encoder.silent
        if tick % REPORT_BLOCKS == 0:
            self.sender.report(ntp_now() - ntp_seconds(delay), timestamp)
        return bool(payload)


class SoundMixer:
    """Packets of many sounds in, packets of mixes out."""

    def __init__(self, start: Mix, send: Callable[[bytes], None]) -> None:
        self._start = start
        self._send = send
        self._mixer = Mixer()
        self._inputs: dict[int, SoundInput] = {}
        """By SSRC."""
        self._sounds: dict[int, Sound] = {}
        self._voices: dict[str, tuple[int, ...]] = {}
        """SSRCs by who is heard."""
        self._outputs: dict[int, _Output] = {}
        """By SSRC."""
        self._tick: int | None = None
        """The number of the next block."""
        self._frames_gone = self._errors_gone = self._gaps_gone = self._octets_gone = 0
        self.bitrate = start.bitrate
        self._loss = START_LOSS
        self._dtx = False
        self.frames_out = 0
        self.size = (0, 0)
        self.delays: list[float] = []
        """Seconds that mixing and encoding took, since they were last taken away."""

    @property
    def frames_in(self) -> int:
        """Packets of all sounds."""
        return self._frames_gone + sum(each.packets for each in self._inputs.values())

    @property
    def errors(self) -> int:
        """Packets that made no sense."""
        return self._errors_gone + sum(each.errors for each in self._inputs.values())

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._gaps_gone + sum(each.gaps for each in self._inputs.values())

    @property
    def octets(self) -> int:
        """Of payload that were sent."""
        return self._octets_gone + sum(each.sender.octets for each in self._outputs.values())

    @property
    def sequence(self) -> int:
        """With which a mix that there was not begins."""
        return self._start.sequence

    @property
    def sequences(self) -> dict[int, int]:
        """The next sequence number of each mix, by SSRC."""
        return {ssrc: output.sender.sequence for ssrc, output in self._outputs.items()}

    def set_bitrate(self, bitrate: int, _thin: int = 0, /) -> None:
        """What the thinnest of the lines carries: on a thin one Opus takes less."""
        before, self.bitrate = self._layout, bitrate
        self._adapt(before)

    def set_loss(self, percent: int) -> None:
        """What the receivers lose."""
        before, self._loss = self._layout, percent
        self._adapt(before)

    def set_dtx(self, dtx: bool) -> None:
        """Whether all receivers prefer that silence is not sent."""
        before, self._dtx = self._layout, dtx
        self._adapt(before)

    def follow(self, voices: Voices) -> None:
        """Takes in what is to be mixed, and for whom. What stays is not interrupted."""
        sounds = {sound.ssrc: sound for voice in voices.voices for sound in voice.sounds}
        for ssrc in [ssrc for ssrc, sound in self._sounds.items() if sounds.get(ssrc) != sound]:
            gone = self._inputs.pop(ssrc)
            self._frames_gone, self._errors_gone = self._frames_gone + gone.packets, self._errors_gone + gone.errors
            self._gaps_gone += gone.gaps
        for ssrc, sound in sounds.items():
            if ssrc not in self._inputs:
                self._inputs[ssrc] = SoundInput(sound.codecs, self._send)
        self._sounds = sounds
        self._voices = {voice.id: tuple(sound.ssrc for sound in voice.sounds) for voice in voices.voices}
        for source in self._mixer.sources:
            if source not in self._voices:
                self._mixer.remove(source)
        for source in self._voices:
            self._mixer.add(source)
        self._follow_outputs(voices.outputs)

    def handle(self, datagrams: Sequence[bytes], now: float) -> None:
        """Takes in what has come since the last time, and mixes the blocks whose time has come."""
        # Who is woken too late for a block does not know what has come since, and it comes in time for the block.
        since = now if self._tick is None else min(now, self._tick * BLOCK_SECONDS)
        for datagram in datagrams:
            if not rtp.is_rtcp(datagram):
                source = self._inputs.get(int.from_bytes(datagram[8:12], "big"))
                if source is not None:
                    source.take(datagram, now, since)
        for source in self._inputs.values():
            source.decode(now)
        current = int(now / BLOCK_SECONDS)
        if self._tick is None or current - self._tick > MAX_BEHIND:
            self._tick = current
        while self._tick <= current:
            begun = time.monotonic()
            self._mix(self._tick)
            self._tick += 1
            self.delays.append(time.monotonic() - begun)

    @property
    def thin_sequence(self) -> int:
        """Of sound there is no second encoding."""
        return 0

    def next_step(self, now: float) -> float:
        """Seconds until the next block."""
        return 0.0 if self._tick is None else max(0.0, self._tick * BLOCK_SECONDS - now)

    def close(self) -> None:
        """Nothing is left to free."""

    def _follow_outputs(self, outputs: Iterable[MixOutput]) -> None:
        wanted = {output.ssrc: output for output in outputs}
        for ssrc in [ssrc for ssrc, output in self._outputs.items() if wanted.get(ssrc) != output.spec]:
            self._octets_gone += self._outputs.pop(ssrc).sender.octets
        for ssrc, spec in wanted.items():
            if ssrc not in self._outputs:
                sequence = self._start.sequences.get(ssrc, self._start.sequence)
                self._outputs[ssrc] = _Output(spec, self._send, self._layout, sequence)

    @property
    def _layout(self) -> OpusLayout:
        return OpusLayout.of_line(self.bitrate, self._loss, self._dtx)

    def _adapt(self, before: OpusLayout) -> None:
        if self._layout != before:
            for output in self._outputs.values():
                output.adapt(self._layout)

    def _mix(self, tick: int) -> None:
        self._mixer.feed({source: self._heard(ssrcs, tick * BLOCK_SECONDS) for source, ssrcs in self._voices.items()})
        made: dict[str | None, Block] = {}
        for output in self._outputs.values():
            without = output.spec.without if output.spec.without in self._voices else None
            if without not in made:
                # Who has no voice, or none any more, hears everyone. Each mix is limited once.
                made[without] = self._mixer.everyone() if without is None else self._mixer.without(without)
            self.frames_out += output.send(made[without], tick, self._start, self._delay())

    def _delay(self) -> float:
        """Seconds since what is heard now was taken up, as the mean of all voices: pictures are shown in step."""
        delays = [each.delay for each in self._inputs.values() if each.plays] or [MIX_DELAY]
        return sum(delays) / len(delays)

    def _heard(self, ssrcs: Sequence[int], now: float) -> Block | None:
        """All that a participant sends, as one."""
        blocks = [block for ssrc in ssrcs if (block := self._inputs[ssrc].block(now)) is not None]
        return sum(blocks[1:], blocks[0]) if blocks else None
