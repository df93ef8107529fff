"""A browser on the bridge's own page: what its users have, with its layout, its SDK and its habits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadtest.participants.browsers.chromium import Chromium
from loadtest.participants.browsers.firefox import Firefox
from loadtest.participants.browsers.page import Browser, Page, wait
from loadtest.participants.participant import ParticipantError, Source
from loadtest.participants.samples import FrameSeen, Notice, Sample, StreamCounters, StreamKey

HERE = Path(__file__).parent
_PREVIEW = 60.0
"""Seconds within which a page must have opened its camera."""
_JOIN = "document.querySelector('.join-bar button')"
_NO_PREVIEW = """(async () => {
    const video = document.querySelector(".preview video");
    const tracks = (video?.srcObject?.getTracks() ?? []).map(({ kind, readyState }) => `${kind} ${readyState}`);
    const { notices } = await loadtest.take();
    const said = document.body.innerText.replace(/\\s+/g, " ").slice(0, 200);
    return `no picture in its preview; ${JSON.stringify(notices)}; ${tracks}; ${video?.readyState}; "${said}"`;
})()"""
_BUTTONS = {Source.MICROPHONE: 0, Source.CAMERA: 1, Source.SCREEN: 3}
"""Their places in the page's toolbar."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the cameras of a page show."""

    number: int
    """Below 16: whose pictures they are, as their time code tells."""
    width: int
    height: int
    fps: float
    film: Path | None
    recording: Path | None
    camera: bool = True
    microphone: bool = True
    codec: str | None = None
    """What pictures go out in, as SDP writes it; None for what the page prefers."""


@dataclass
class BridgePage:
    """See `Participant`."""

    name: str
    link: str
    """Of the join page, with the token behind its #."""
    look: Look
    names: Sequence[str]
    """Of all participants, by number."""
    wrapper: Sequence[str] = ()
    log: Path | None = None
    firefox: bool = False
    """Chromium otherwise."""
    asks_every: float | None = None
    """Seconds between two questions to the bridge what it counts; None for none.

    The answer of a kilobyte takes the very line that is measured: 30 ms of one that carries 300 kbit/s.
    """
    session: str | None = None
    """By which the bridge knows it, once it has joined."""
    _browser: Browser | None = None
    _page: Page | None = None
    _asked: float = field(default=0.0)

    async def prepare(self) -> None:
        """See `Participant`."""
        self._browser = await self._start()
        self._page = await self._browser.open(instrument(self.look, self.names))
        await self._page.navigate(self.link)
        # The button is there once the page has asked for the devices, and they are open once the preview moves.
        seen = "document.querySelector('.preview video')?.videoWidth > 0"
        try:
            await wait(self._page, seen, _PREVIEW)
        except ParticipantError:
            raise ParticipantError(f"{self.name}: {await self._page.evaluate(_NO_PREVIEW)}") from None
        if not self.look.camera:
            await self._page.evaluate("document.querySelectorAll('.preview-controls button')[1].click()")
        if not self.look.microphone:
            await self._page.evaluate("document.querySelectorAll('.preview-controls button')[0].click()")

    async def approach(self) -> None:
        """See `Participant`."""
        await self._there.evaluate(f"{_JOIN}.dispatchEvent(new PointerEvent('pointerenter'))")

    async def join(self) -> None:
        """See `Participant`."""
        await self._there.evaluate(f"loadtest.note('join'), {_JOIN}.click()")

    async def switch(self, source: Source, on: bool) -> None:
        """See `Participant`."""
        shows_on = "contains('is-active')" if source is Source.SCREEN else "contains('is-off') === false"
        await self._there.evaluate(
            f"""(() => {{
                const button = document.querySelectorAll('.toolbar button')[{_BUTTONS[source]}];
                if (button.classList.{shows_on} !== {json.dumps(on)}) button.click();
            }})()"""
        )

    async def sample(self) -> Sample:
        """See `Participant`."""
        taken = await self._there.evaluate("loadtest.take()")
        self.session = taken["session"]
        if self.asks_every is not None and taken["at"] - self._asked >= self.asks_every * 1000:
            self._asked = taken["at"]
            await self._there.evaluate("loadtest.askBridge()")
        return read_sample(taken)

    async def leave(self) -> None:
        """See `Participant`."""
        await self._there.evaluate("document.querySelector('.toolbar .leave')?.click()")

    async def screenshot(self, path: Path) -> None:
        """What its user sees, as PNG."""
        await self._there.screenshot(path)

    async def close(self) -> None:
        """See `Participant`."""
        if self._browser is not None:
            await self._browser.close()
            self._browser = self._page = None

    async def _start(self) -> Browser:
        address = urlsplit(self.link)
        if self.firefox:
            return await Firefox.start(trusted=address.hostname or "", wrapper=self.wrapper, log=self.log)
        origin = f"{address.scheme}://{address.netloc}"
        flags = [f"--unsafely-treat-insecure-origin-as-secure={origin}", "--ignore-certificate-errors"]
        if self.look.film is not None:
            flags.append(f"--use-file-for-fake-video-capture={self.look.film}")
        if self.look.recording is not None:
            flags.append(f"--use-file-for-fake-audio-capture={self.look.recording}")
        return await Chromium.start(wrapper=self.wrapper, flags=flags, log=self.log)

    @property
    def _there(self) -> Page:
        if self._page is None:
            raise ParticipantError(f"{self.name} has no page")
        return self._page


def instrument(look: Look, names: Sequence[str]) -> str:
    """The script that runs before a page's own."""
    picture = {
        "number": look.number,
        "width": look.width,
        "height": look.height,
        "fps": look.fps,
        "clip": look.film is not None,
    }
    sources = "\n".join((HERE / name).read_text() for name in ("camera.js", "meter.js"))
    installed = f"{sources}\ninstallMeter(installCamera({json.dumps(picture)}), {json.dumps(list(names))});"
    if look.codec is None:
        return installed
    return f"{installed}\n{(HERE / 'codec_limits.js').read_text()}\ncodecLimits.send({json.dumps(look.codec)});"


def read_sample(taken: dict[str, Any]) -> Sample:
    """What meter.js says, whose times are in milliseconds."""
    bridge = (taken.get("bridge") or {}).get("subscribe") or {}
    return Sample(
        at=taken["at"] / 1000,
        streams={StreamKey(*key): StreamCounters(**counters) for key, counters in taken["streams"]},
        frames=tuple(
            FrameSeen(peer, source, at / 1000, None if sent is None else sent / 1000, width, height)
            for peer, source, at, sent, width, height in taken["frames"]
        ),
        notices=tuple(Notice(at / 1000, kind, text) for at, kind, text in taken["notices"]),
        upstream_estimate=taken["upstream"],
        downstream_estimate=bridge.get("estimate"),
        round_trip=taken["roundTrip"],
    )
