"""Browsers play a recording: given out whole, while it is still written, and after its writer was killed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bridge.transcode.recording import (
    COMPOSED,
    AudioTrack,
    KeyRing,
    Recording,
    RecordingStore,
    StoreSettings,
    VideoTrack,
    WebmWriter,
    new_key_line,
)
from tests.browser.browsers import Browser, BrowserName, Page
from tests.transcode.recording.material import FRAME_RATE, SIZE, feed, packets

pytestmark = pytest.mark.asyncio(loop_scope="module")
SECONDS = 5
PLAYER = b"""<!doctype html><meta charset="utf-8"><title>recording</title>
<video src="/recording" autoplay controls onended="window.over = true"></video>"""

HEAR = """(() => {
  const video = document.querySelector('video');
  video.pause();
  video.currentTime = 0;
  window.begun = [];
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  context.createMediaElementSource(video).connect(analyser).connect(context.destination);
  const samples = new Float32Array(analyser.fftSize);
  let heard = false;
  setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const before = heard;
    heard = samples.some((each) => Math.abs(each) > 0.05);
    if (heard && !before) window.begun.push(video.currentTime);
  }, 10);
  context.resume();
  video.play();
})()"""
"""Plays it from its beginning, and notes when sound begins, by the time of the picture."""


@contextlib.contextmanager
def serving(content: Callable[[], Iterable[bytes]], media_type: str = "video/webm") -> Iterator[str]:
    """A page with a player of what `content` gives, part by part."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            page = self.path == "/"
            if not page and self.path != "/recording":
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/html" if page else media_type)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            with contextlib.suppress(ConnectionError):
                for part in [PLAYER] if page else content():
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
                self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def store(tmp_path: Path) -> RecordingStore:
    path = tmp_path / "keys"
    path.write_text(new_key_line("2026") + "\n")
    return RecordingStore(StoreSettings(tmp_path / "recordings", 1e6), KeyRing.read(path))


def record(recording: Recording, codec: str = "vp8", *, paused: bool = False) -> WebmWriter:
    """`paused`: without sound from 1.5 to 4 s."""
    writer = recording.open(COMPOSED, "video/webm")
    webm = WebmWriter(writer.write, video=VideoTrack(codec, *SIZE), audio=AudioTrack())
    for packet in packets(SECONDS, codec):
        if not paused or packet.kind == "video" or not 1.5 <= packet.timestamp < 4.0:
            feed(webm, packet)
    return webm


async def played(page: Page) -> tuple[float, int]:
    """Waits for the end; the seconds that were played and the pictures that were shown or decoded."""
    await page.wait("window.over || document.querySelector('video').error")
    assert await page.evaluate("document.querySelector('video').error?.message ?? null") is None
    seconds = await page.evaluate("document.querySelector('video').currentTime")
    frames = await page.evaluate("document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames")
    return float(seconds), int(frames)


@pytest.mark.parametrize("name", ["chromium", "firefox"])
@pytest.mark.parametrize(("container", "codec"), [("webm", "vp8"), ("mp4", "vp9"), ("mp4", "av1")])
async def test_a_recording_is_played_to_its_end(
    browsers: dict[BrowserName, Browser],
    store: RecordingStore,
    name: BrowserName,
    container: str,
    codec: str,
    tmp_path: Path,
) -> None:
    with store.create(0.0) as recording:
        record(recording, codec).flush()
    with serving(lambda: store.export(recording.id, COMPOSED, container), f"video/{container}") as url:
        page = await browsers[name].open_plain(url)
        await page.wait("document.querySelector('video').readyState >= 1")
        duration = await page.evaluate("document.querySelector('video').duration")
        assert float(duration) == pytest.approx(SECONDS, abs=0.2)
        seconds, frames = await played(page)
    await page.screenshot(tmp_path / f"{name}.png")
    assert seconds == pytest.approx(SECONDS, abs=0.3)
    assert frames >= 0.8 * SECONDS * FRAME_RATE
    assert await page.evaluate(
        "[document.querySelector('video').videoWidth, document.querySelector('video').videoHeight]"
    ) == [*SIZE]


@pytest.mark.parametrize("name", ["chromium", "firefox"])
@pytest.mark.parametrize(("container", "codec"), [("webm", "vp8"), ("mp4", "vp9")])
async def test_one_whose_writer_was_killed_is_played_to_where_it_ends(
    browsers: dict[BrowserName, Browser], store: RecordingStore, name: BrowserName, container: str, codec: str
) -> None:
    recording = store.create(0.0)
    record(recording, codec)
    path = store.settings.directory / recording.id / "composed.stream"
    # In the middle of a chunk, as a kill may find it.
    path.write_bytes(path.read_bytes()[:-1000])
    with serving(lambda: store.export(recording.id, COMPOSED, container), f"video/{container}") as url:
        seconds, frames = await played(await browsers[name].open_plain(url))
    assert seconds >= SECONDS - 2.5
    assert frames >= 0.8 * (SECONDS - 2.5) * FRAME_RATE
    recording.finish()


@pytest.mark.parametrize("container", ["webm", "mp4"])
async def test_firefox_plays_one_whose_sound_paused_to_its_end(
    browsers: dict[BrowserName, Browser], store: RecordingStore, container: str
) -> None:
    with store.create(0.0) as recording:
        record(recording, "vp9", paused=True).flush()
    with serving(lambda: store.export(recording.id, COMPOSED, container), f"video/{container}") as url:
        seconds, frames = await played(await browsers["firefox"].open_plain(url))
    assert seconds == pytest.approx(SECONDS, abs=0.3)
    assert frames >= 0.8 * SECONDS * FRAME_RATE


@pytest.mark.parametrize(("container", "codec"), [("webm", "vp8"), ("mp4", "vp9")])
async def test_sound_that_paused_comes_again_with_its_picture(
    browsers: dict[BrowserName, Browser], store: RecordingStore, container: str, codec: str
) -> None:
    # Chromium only: Firefox plays by the times of packets, and to hear what it plays takes a loudspeaker.
    with store.create(0.0) as recording:
        record(recording, codec, paused=True).flush()
    with serving(lambda: store.export(recording.id, COMPOSED, container), f"video/{container}") as url:
        page = await browsers["chromium"].open_plain(url)
        await page.wait("document.querySelector('video').readyState >= 1")
        await page.evaluate(HEAR)
        seconds, _ = await played(page)
        begun = await page.evaluate("window.begun")
    assert [round(each) for each in begun] == [0, 4]
    assert seconds == pytest.approx(SECONDS, abs=0.3)


@pytest.mark.parametrize("name", ["chromium", "firefox"])
async def test_it_is_played_while_it_is_written(
    browsers: dict[BrowserName, Browser], store: RecordingStore, name: BrowserName
) -> None:
    recording = store.create(0.0)
    webm = record(recording)
    ended = threading.Event()

    def growing() -> Iterator[bytes]:
        yield from store.read(recording.id, COMPOSED)
        before = sum(1 for _ in store.read(recording.id, COMPOSED))
        ended.wait(60)
        yield from list(store.read(recording.id, COMPOSED))[before:]

    try:
        with serving(growing) as url:
            page = await browsers[name].open_plain(url)
            await page.wait("document.querySelector('video').currentTime > 1")
            assert not await page.evaluate("Boolean(window.over)")
            webm.flush()
            recording.finish()
            ended.set()
            seconds, _ = await played(page)
    finally:
        ended.set()
    assert seconds == pytest.approx(SECONDS, abs=0.3)
