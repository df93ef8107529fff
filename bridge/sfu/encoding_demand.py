"""Which of a producer's encodings anybody receives, so that its publisher need not send the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from bridge.sfu.types import WantedEncodings

HOLD_SECONDS = 3.0
"""How long an encoding that nobody receives any more goes on: receivers change their minds, and a publisher takes a
keyframe to begin again."""


class EncodingDemand:
    """The demand for the encodings of one producer. Up at once, down after a while; everything is wanted at first."""

    def __init__(self, count: int, on_change: Callable[[WantedEncodings], None], hold: float) -> None:
        self.told = WantedEncodings((True,) * count, (False,) * count, None)
        """What the publisher was told last."""
        self._on_change = on_change
        self._hold = hold
        self._wanted = self.told.active
        self._needed: Collection[int] | None = None
        self._falling: asyncio.TimerHandle | None = None

    @property
    def any(self) -> bool:
        """Whether the publisher is to send anything at all."""
        return any(self.told.active)

    def want(
        self, spatial: Collection[int], ceiling: int | None = None, *, needed: Collection[int] | None = None
    ) -> None:
        """Says which encodings are received now, by their index, and what each is to take at most, in bit/s.

        All but the `needed` ones are spare; None for all of `spatial`. The only encoding of a producer is wanted as
        soon as any layer of it is.
        """
        count = len(self.told.active)
        self._wanted = (bool(spatial),) if count == 1 else tuple(index in spatial for index in range(count))
        self._needed = None if count == 1 else needed
        self._tell(tuple(old or new for old, new in zip(self.told.active, self._wanted, strict=True)), ceiling)
        if self.told.active == self._wanted:
            self.close()
        elif self._falling is None:
            self._falling = asyncio.get_running_loop().call_later(self._hold, self._fall)

    def close(self) -> None:
        """Takes back what is due later."""
        if self._falling is not None:
            self._falling.cancel()
            self._falling = None

    def _fall(self) -> None:
        self._falling = None
        self._tell(self._wanted, self.told.max_bitrate)

    def _tell(self, active: tuple[bool, ...], ceiling: int | None) -> None:
        needed = self._needed
        spare = tuple(on and needed is not None and index not in needed for index, on in enumerate(active))
        told = WantedEncodings(active, spare, ceiling)
        if told != self.told:
            self.told = told
            self._on_change(told)
