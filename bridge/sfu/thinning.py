"""The pictures that one line does not carry as they are sent: a leg makes them thinner, until it does.

They come within the stream in which they were forwarded, without a negotiation, wherever the leg makes them in the
codec that is sent: until the first picture of the one the other goes on. Another codec takes a negotiation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bridge.sfu.allocation import ranks
from bridge.sfu.allocation.model import Source
from bridge.sfu.allocation.thin_line import ThinLine
from bridge.sfu.consumers import Consumers
from bridge.sfu.detours import Detours


class Thinning:
    """Decides for one connection, and has it done by its detours."""

    def __init__(self, consumers: Consumers, detours: Detours, on_anew: Callable[[int], None] | None = None) -> None:
        """`on_anew` is told of sources whose m-lines have to be negotiated anew. None: the connection cannot."""
        self._consumers = consumers
        self._detours = detours
        self._on_anew = on_anew
        self._thin_line = ThinLine()
        consumers.on_handover = self._on_handover

    @property
    def decides(self) -> bool:
        """Whether the line may change something."""
        return bool(self._consumers.starved or self._detours.thinned)

    def look(self, now: float, budget: int | None, videos: Sequence[Source]) -> None:
        """Has those made thinner that stand still on this line, until it carries them as they are sent.

        Not screens, whose text is to be read: they stand still and sharp.
        """
        each_sent = [
            video for video in videos if not self._detours.by_codec(video.producer_id) and video.rank != ranks.SCREEN
        ]
        before = self._detours.thinned
        starved = [self._detours.source_of(key) for key in self._consumers.starved]
        wanted = self._thin_line.update(now, budget, each_sent, thinned=before, starved=starved)
        for source_id in wanted - before:
            if self._detours.thin(source_id, anew=self._on_anew is not None):
                self._negotiate_if_gone(source_id)
            else:
                self._thin_line.refuse(now)
        for source_id in before - wanted:
            self._restore(source_id)

    def leg_ended(self, source_id: int) -> None:
        """The leg that made a source thinner has ended for good, and the source goes on."""
        self._thin_line.refuse(asyncio.get_running_loop().time())
        self._restore(source_id)

    def _restore(self, source_id: int) -> None:
        self._detours.restore(source_id)
        self._negotiate_if_gone(source_id)

    def _negotiate_if_gone(self, source_id: int) -> None:
        if self._on_anew is not None and self._detours.key(source_id) not in self._consumers:
            self._on_anew(source_id)

    def _on_handover(self, key: int, done: bool) -> None:
        source_id = self._detours.source_of(key)
        if done:
            self._detours.arrived(source_id)
        elif source_id in self._detours.thinned:
            self.leg_ended(source_id)
        else:
            # The core has ended the consumer: with the transport of the leg, whose end comes behind.
            self._detours.ended(source_id)
            self._negotiate_if_gone(source_id)
