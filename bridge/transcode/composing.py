"""Many pictures become one: what runs inside a leg for a composed picture.

It keeps its own time: a picture is made as often as the bitrate allows, whether or not anything has come since the last
one, so that what stands still is seen to be there and is marked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bridge.picture_layouts import PictureLayout
from bridge.transcode import rtp
from bridge.transcode.compose import Compositor, LayoutSettings, Rung, Source, choose_rung
from bridge.transcode.compose.sources import Rotation
from bridge.transcode.encodings import Encodings, MakesEncodings
from bridge.transcode.messages import Compose, Pictures, PictureSource
from bridge.transcode.ntp import ntp_now, ntp_seconds
from bridge.transcode.pacing import IDLE_SECONDS, TICK_SECONDS
from bridge.transcode.payload import VIDEO_CLOCK
from bridge.transcode.picture_input import PictureInput
from bridge.transcode.picture_output import PictureOutput
from bridge.transcode.steady_rate import SteadyRate

REPORT_SECONDS = 1.0
"""Between two sender reports."""
FROZEN_SECONDS = 2.0
"""After so long without a picture a tile is marked: screens that stand still send one a second."""
MAX_BEHIND = 0.5
"""Seconds by which the encoder may be late before pictures are left out."""
_ROTATIONS: tuple[Rotation, ...] = (0, 90, 180, 270)


@dataclass(slots=True)
class _Shown:
    """A source in the picture, and its stream if there is one."""

    spec: PictureSource
    source: Source
    input: PictureInput | None


class _Encoding:
    """One composed picture: drawn for its size, so that names can be read, at its own rate."""

    def __init__(
        self,
        start: Compose,
        ssrc: int,
        sequence: int,
        bitrate: int,
        send: Callable[[bytes], None],
        layout: tuple[PictureLayout, bool],
    ) -> None:
        """`layout`: its name, and whether the picture is upright."""
        self.bitrate = bitrate
        self._rate = SteadyRate(bitrate)
        self.rung: Rung = choose_rung(bitrate)
        self._upright = layout[1]
        self._compositor = Compositor(
            LayoutSettings(
                layout[0],
                *self.size,
                language=start.language,
                frozen_after=FROZEN_SECONDS,
            )
        )
        self.output = PictureOutput(
            start.target,
            ssrc,
            sequence,
            start.timestamp_offset,
            send,
            bitrate=bitrate,
            frame_rate=self.rung.frame_rate,
        )
        self._due: float | None = None
        self._reported = -REPORT_SECONDS

    @property
    def size(self) -> tuple[int, int]:
        """Pixels."""
        rung = self.rung.upright() if self._upright else self.rung
        return rung.width, rung.height

    def set_bitrate(self, bitrate: int) -> None:
        """Size and frame rate follow. At 0 nothing is made."""
        self.bitrate = bitrate
        if bitrate:
            self._rate.want(bitrate)

    def lay_out(self, layout: PictureLayout, *, upright: bool) -> None:
        """Who stands where, and whether the picture is for a screen that is held upright."""
        self._compositor.lay_out(layout)
        self._become(self.rung, upright=upright)

    def _become(self, rung: Rung, *, upright: bool) -> None:
        before = self.size
        self.rung, self._upright = rung, upright
        if self.size != before:
            self._compositor.resize(*self.size)

    def until_due(self, now: float) -> float:
        """Seconds until the next picture."""
        if not self.bitrate:
            return IDLE_SECONDS
        return 0.0 if self._due is None else max(0.0, self._due - now)

    def step(self, now: float, sources: Sequence[Source]) -> float | None:
        """Makes a picture if it is time for one, and sends it: how long that took; None if nothing was sent."""
        if not self.bitrate:
            # Whoever looks at it again has seen nothing of what was between.
            self._due, self.output.keyframe_wanted = None, True
            return None
        if self._due is None:
            self._due = now
        if now < self._due:
            return None
        took = self._make(now, sources)
        interval = 1.0 / self.rung.frame_rate
        # The raster stays, but for one that was missed by far: catching up would only make it worse.
        self._due = self._due + interval if now - self._due < MAX_BEHIND else now + interval
        return took

    def _make(self, now: float, sources: Sequence[Source]) -> float | None:
        begun = time.monotonic()
        if self._rate.follow(now):
            self._become(choose_rung(self._rate.bitrate, self.rung), upright=self._upright)
        picture = self._compositor.compose(now, sources)
        timestamp = round(now * VIDEO_CLOCK)
        self.output.set_rate(self._rate, self.rung.frame_rate)
        if not self.output.send(picture, timestamp, now):
            return None
        if now - self._reported >= REPORT_SECONDS:
            self._reported = now
            # What is shown came since the picture before this one.
            self.output.report(ntp_now() - ntp_seconds(0.5 / self.rung.frame_rate), timestamp)
        return time.monotonic() - begun


class PictureComposer(MakesEncodings[_Encoding]):
    """Packets of many pictures in, packets of one picture out, and of a second one for thin lines."""

    def __init__(self, start: Compose, send: Callable[[bytes], None]) -> None:
        """Raises `BridgeError`: `codec_unavailable`, `unknown_language`."""
        self._start = start
        self._send = send
        self._layout: tuple[PictureLayout, bool] = "auto", False
        self._encodings = Encodings(
            lambda ssrc, sequence, bitrate: _Encoding(start, ssrc, sequence, bitrate, send, self._layout),
            start.ssrc,
            start.sequence,
            start.bitrate,
            start.thin,
        )
        self._shown: dict[str, _Shown] = {}
        self._by_ssrc: dict[int, _Shown] = {}
        self._gone = _Counts()
        self.delays: list[float] = []
        """Seconds that composing and encoding took, since they were last taken away."""

    @property
    def frames_in(self) -> int:
        """Of all sources."""
        return self._gone.frames + sum(each.frames for each in self._inputs())

    @property
    def errors(self) -> int:
        """Packets, frames and pictures that made no sense."""
        return self._gone.errors + sum(each.errors for each in self._inputs())

    @property
    def gaps(self) -> int:
        """Times that packets were given up."""
        return self._gone.gaps + sum(each.gaps for each in self._inputs())

    def follow(self, pictures: Pictures) -> None:
        """Takes in who is to be seen. A stream that stays keeps its decoder, a source its newest picture."""
        if (pictures.layout, pictures.upright) != self._layout:
            self._layout = pictures.layout, pictures.upright
            for each in self._encodings:
                each.lay_out(pictures.layout, upright=pictures.upright)
        before, self._shown = self._shown, {}
        for spec in pictures.sources:
            self._shown[spec.id] = self._continued(spec, before.pop(spec.id, None))
        for gone in before.values():
            self._count_gone(gone.input)
        self._by_ssrc = {each.spec.ssrc: each for each in self._shown.values() if each.spec.ssrc is not None}

    def handle(self, datagrams: Sequence[bytes], now: float) -> None:
        """Takes in what has come since the last time, and makes a picture if it is time for one."""
        for datagram in datagrams:
            if rtp.is_rtcp(datagram):
                self._take_rtcp(datagram)
            elif (shown := self._by_ssrc.get(_ssrc(datagram))) is not None and shown.input is not None:
                shown.input.take(datagram, now)
        for shown in self._by_ssrc.values():
            self._decode(shown, now)
        sources = [each.source for each in self._shown.values()]
        took = [each.step(now, sources) for each in self._encodings]
        self.delays += [each for each in took if each is not None]

    def next_step(self, now: float) -> float:
        """Seconds after which it is to look at the time, if no packet comes before."""
        until_due = min(each.until_due(now) for each in self._encodings)
        return min(until_due, TICK_SECONDS) if any(each.waits for each in self._inputs()) else until_due

    def close(self) -> None:
        """Frees the encoders."""
        self._encodings.close()

    def _inputs(self) -> Iterable[PictureInput]:
        return (shown.input for shown in self._shown.values() if shown.input is not None)

    def _continued(self, spec: PictureSource, before: _Shown | None) -> _Shown:
        same_stream = before is not None and (before.spec.ssrc, before.spec.codecs) == (spec.ssrc, spec.codecs)
        shown = before if before is not None else _Shown(spec, Source(spec.id, spec.name), None)
        if not same_stream:
            self._count_gone(shown.input)
            shown.input = self._input(spec)
        source = shown.source
        source.name, source.screen, source.pinned = spec.name, spec.screen, spec.pinned
        source.speaking, source.muted, source.camera_off = spec.speaking, spec.muted, spec.ssrc is None
        if source.camera_off:
            # When it is turned on again, what it showed before is nobody's picture any more.
            source.frame = None
        shown.spec = spec
        return shown

    def _input(self, spec: PictureSource) -> PictureInput | None:
        if spec.ssrc is None:
            return None
        return PictureInput(spec.codecs, self._send, orientation_extension=self._start.orientation_extension)

    def _count_gone(self, ended: PictureInput | None) -> None:
        if ended is not None:
            self._gone.frames += ended.frames
            self._gone.errors += ended.errors
            self._gone.gaps += ended.gaps

    def _take_rtcp(self, datagram: bytes) -> None:
        for each in rtp.parse_rtcp(datagram):
            if isinstance(each, rtp.KeyframeRequest):
                self._encodings.want_keyframe(each.ssrc)

    def _decode(self, shown: _Shown, now: float) -> None:
        if shown.input is None:
            return
        for decoded in shown.input.pictures(now):
            shown.source.arrive(decoded.picture, now)
            orientation = shown.input.orientation
            # The lowest two bits turn (3GPP TS 26.114, section 7.4.5); cameras that mirror do so for themselves.
            shown.source.rotation = _ROTATIONS[orientation[0] & 3] if orientation else 0
        shown.input.ask(now)


@dataclass(slots=True)
class _Counts:
    """Of streams that are gone: counters of a leg do not go back."""

    frames: int = 0
    errors: int = 0
    gaps: int = 0


def _ssrc(datagram: bytes) -> int:
    return int.from_bytes(datagram[8:12], "big")
