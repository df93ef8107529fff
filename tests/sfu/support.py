"""What the tests of media sessions share."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bridge.sfu import (
    AudioLevel,
    ConnectionKind,
    ConnectionState,
    LegReport,
    QualityReport,
    VideoState,
    ViewState,
    WantedEncodings,
)
from tests.support.patience import PATIENCE

FIXTURES = Path(__file__).parent / "fixtures"


def fixture(name: str) -> str:
    """A recorded offer."""
    return (FIXTURES / f"{name}.sdp").read_bytes().decode("ascii")


class Recorder:
    """A `SessionListener` that remembers what it was told, and lets tests wait for it."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self._waited = 0
        """How many of the events lie before what is waited for next."""
        self.heeds_restarts = True
        self.hears_encodings = True
        self._changed = asyncio.Event()

    def _note(self, *event: object) -> None:
        self.events.append(event)
        self._changed.set()

    def on_connection(self, kind: ConnectionKind, state: ConnectionState) -> None:
        self._note("connection", kind, state)

    def restarts_ice(self) -> bool:
        return self.heeds_restarts

    def on_restart_wanted(self, kind: ConnectionKind) -> None:
        self._note("restart", kind)

    def on_producer(self, producer_id: int, live: bool) -> None:
        self._note("producer", producer_id, live)

    def on_consumer(self, producer_id: int, live: bool) -> None:
        self._note("consumer", producer_id, live)

    def heeds_encodings(self) -> bool:
        return self.hears_encodings

    def on_encodings_wanted(self, producer_id: int, wanted: WantedEncodings) -> None:
        self._note("encodings", producer_id, *wanted.active, wanted.max_bitrate)

    def on_video_state(self, producer_id: int, state: VideoState) -> None:
        self._note("video", producer_id, state)

    def on_audio_levels(self, levels: Sequence[AudioLevel]) -> None:
        self._note("levels", *levels)

    def on_active_speaker(self, producer_id: int | None) -> None:
        self._note("speaker", producer_id)

    def on_quality(self, report: QualityReport) -> None:
        self._note("quality", report)

    def on_legs(self, legs: Sequence[LegReport]) -> None:
        self._note("legs", *legs)

    def on_view(self, state: ViewState) -> None:
        self._note("view", state.composed, state.reason)

    def on_negotiation_needed(self) -> None:
        self._note("negotiation")

    def on_closed(self, reason: str) -> None:
        self._note("closed", reason)

    def forget(self) -> None:
        """Drops what came so far: from here on, only what comes counts."""
        self.events.clear()
        self._waited = 0

    async def wait_for(self, *event: object, guard: float = PATIENCE) -> None:
        """Waits for an event behind the one that was waited for last; `guard` only keeps a broken test from hanging.

        One event answers one wait: what happened before a test asked for it again proves nothing.
        """
        async with asyncio.timeout(guard):
            while event not in self.events[self._waited :]:
                self._changed.clear()
                await self._changed.wait()
        self._waited = self.events.index(event, self._waited) + 1

    async def wait_for_all(self, *events: tuple[object, ...], guard: float = PATIENCE) -> None:
        """Waits for several events, in whatever order, behind the one that was waited for last."""
        begun = ended = self._waited
        for event in events:
            self._waited = begun
            await self.wait_for(*event, guard=guard)
            ended = max(ended, self._waited)
        self._waited = ended


def fragments(hello: bytes) -> tuple[bytes, bytes]:
    """A ClientHello in one record, as two, head and tail (RFC 6347, section 4.2.3), with numbers of their own."""
    record, message, body = hello[:11], hello[13:19], hello[25:]
    assert len(hello) == 13 + int.from_bytes(hello[11:13], "big")
    parts = []
    for number, (start, end) in enumerate(((0, len(body) - 50), (len(body) - 50, len(body)))):
        fragment = message + start.to_bytes(3, "big") + (end - start).to_bytes(3, "big") + body[start:end]
        sequence = record[:10] + bytes([20 + number])
        parts.append(sequence + len(fragment).to_bytes(2, "big") + fragment)
    return parts[0], parts[1]
