"""Which of a producer's encodings anybody receives, so that its publisher need not send the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

HOLD_SECONDS = 3.0
"""How long an encoding that nobody receives any more goes on: receivers change their minds, and a publisher takes a
keyframe to begin again."""


class EncodingDemand:
    """The demand for the encodings of one producer. Up at once, down after a while; everything is wanted at first."""

    def __init__(self, count: int, on_change: Callable[[tuple[bool, ...], int | None], None], hold: float) -> None:
        self.told = (True,) * count
        """What the publisher was told last."""
        self.ceiling: int | None = None
        """What it was told that each of them is to take at most, in bit/s; None for no bound."""
        self._on_change = on_change
        self._hold = hold
        self._wanted = self.told
        self._falling: asyncio.TimerHandle | None = None

    @property
    def any(self) -> bool:
        """Whether the publisher is to send anything at all."""
        return any(self.told)

    def want(self, spatial: Collection[int], ceiling: int | None = None) -> None:
        """Says which encodings are received now, by their index, and what each is to take at most, in bit/s.

        The only encoding of a producer is wanted as soon as any layer of it is.
        """
        count = len(self.told)
        self._wanted = (bool(spatial),) if count == 1 else tuple(index in spatial for index in range(count))
        self._tell(tuple(told or wanted for told, wanted in zip(self.told, self._wanted, strict=True)), ceiling)
        if self.told == self._wanted:
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
        self._tell(self._wanted, self.ceiling)

    def _tell(self, wanted: tuple[bool, ...], ceiling: int | None) -> None:
        if (wanted, ceiling) != (self.told, self.ceiling):
            self.told, self.ceiling = wanted, ceiling
            self._on_change(wanted, ceiling)
