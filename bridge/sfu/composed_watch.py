"""A room as one picture and one sound, for a client that offers what it can receive (WHEP)."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from bridge.errors import BridgeError
from bridge.sfu.composed_picture import ComposedPicture
from bridge.sfu.composed_view import STREAM
from bridge.sfu.consumers import Consumers
from bridge.sfu.mixed_sound import Mix
from bridge.sfu.sdp.watch_answer import WatchPlan
from bridge.sfu.types import ComposedLayout, MediaKind, Subscription

if TYPE_CHECKING:
    from bridge.sfu.router import Router

logger = logging.getLogger(__name__)


class ComposedWatch:
    """What one connection holds of its room's compositions."""

    def __init__(self, router: Router, consumers: Consumers) -> None:
        self._router = router
        self._consumers = consumers
        self._held: dict[MediaKind, ComposedPicture | Mix] = {}

    def wanted(self, plan: WatchPlan, without: str | None, layout: ComposedLayout) -> list[Subscription]:
        """The picture and the sound that the offer has m-lines for; nothing where no leg can be started."""
        compositions = self._router.compositions
        makes: dict[MediaKind, ComposedPicture | Mix | None] = {
            "video": compositions.picture_for(partial(plan.suits, "video"), layout),
            "audio": compositions.mix_for(partial(plan.suits, "audio"), without),
        }
        for kind, made in makes.items():
            held = self._held.get(kind)
            if made is None or (held is not None and held.producer_id):
                continue
            try:
                made.acquire(self)
            except BridgeError as error:
                logger.info("A room is not composed: %s", error.code)
                self.release()
                return []
            self._held[kind] = made
        sound = self._held.get("audio")
        if isinstance(sound, Mix):
            sound.prefer_dtx(self, plan.prefers_dtx)
        return [Subscription(made.producer_id, STREAM, f"{STREAM}-{kind}") for kind, made in self._held.items()]

    @property
    def held(self) -> bool:
        """Whether that is what the connection receives."""
        return bool(self._held)

    def set_bitrate(self, picture: int, line: int) -> None:
        """What the line carries of a picture, and in all, in bit/s."""
        for kind, made in self._held.items():
            made.set_bitrate(self, picture if kind == "video" else line)

    def set_loss(self, lost: float) -> None:
        """What is lost on the line, 0–1."""
        sound = self._held.get("audio")
        if isinstance(sound, Mix):
            sound.set_loss(self, lost)

    def on_encoding(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """Told by the picture: which of its encodings is for this line."""
        self._consumers.choose(producer_id, encoding, bitrate)

    def release(self) -> None:
        """Lets go of both."""
        held, self._held = self._held, {}
        for made in held.values():
            made.release(self)
