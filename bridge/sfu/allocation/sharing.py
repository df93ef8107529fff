"""How receivers with different lines share what a leg makes: one encoding for most, and a thinner one where it pays.

A leg makes as much as the thinnest line among its receivers carries. Where some lines carry much less than the others,
they get a second encoding of their own: down at once, back when the line has carried as much as the others' for a
while, which is longer each time that this was too soon.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

START_BITRATE = 300_000
MIN_BITRATE = 30_000
MAX_BITRATE = 1_500_000
"""Of pictures that a leg makes, in bit/s."""
MAIN, THIN = 0, 1
"""Encodings of what a leg makes, by their index."""
APART = 1.5
"""A line that carries so many times less than the others' gets the thin encoding …"""
TOGETHER = 1.15
"""… until it carries nearly as much as they do …"""
MIN_HOLD = 3.0
"""… for so many seconds, …"""
MAX_HOLD = 60.0
"""… doubled up to this, each time that it had to go back within the seconds of `SOON`."""
SOON = 20.0


class Receiver(Protocol):
    """Whoever is sent one of the encodings."""

    def on_encoding(self, producer_id: int, encoding: int, bitrate: int) -> None:
        """It is to be sent this encoding from now on, which is made in so many bit/s."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What is to be made, in bit/s."""

    main: int
    thin: int
    """0 for none."""

    def of(self, encoding: int) -> int:
        """What is to be made of one of the encodings."""
        return self.thin if encoding == THIN else self.main


@dataclass(slots=True)
class _Line:
    bitrate: int
    thin: bool = False
    good_since: float | None = None
    """Since when it has carried as much as the others', while it is thin."""
    left: float | None = None
    """When it was no longer thin."""
    hold: float = MIN_HOLD


class SharedLines:
    """The lines of all receivers of one leg. Pure: the clock is an argument, in seconds, and never goes back."""

    def __init__(self, start: int, least: int, most: int) -> None:
        """Bit/s: of nobody's line, and what a leg makes at least and at most."""
        self._start, self._least, self._most = start, least, most
        self._lines: dict[Receiver, _Line] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, receiver: Receiver) -> bool:
        return receiver in self._lines

    def clear(self) -> None:
        """All are gone."""
        self._lines.clear()

    def follow(self, now: float, receiver: Receiver, bitrate: int) -> list[Receiver]:
        """What a line carries, of one who is new or was there. Who changes over by it; one who is new is among them."""
        bounded = max(self._least, min(self._most, bitrate))
        new = [] if receiver in self._lines else [receiver]
        self._lines.setdefault(receiver, _Line(bounded)).bitrate = bounded
        return list(dict.fromkeys([*new, *self._divide(now)]))

    def leave(self, now: float, receiver: Receiver) -> list[Receiver]:
        """One receiver less. Who changes over by it. Idempotent."""
        return [] if self._lines.pop(receiver, None) is None else self._divide(now)

    def bitrate(self, receiver: Receiver) -> int:
        """What a receiver's line carries, within what a leg makes."""
        return self._lines[receiver].bitrate

    def encoding(self, receiver: Receiver) -> int:
        """Which encoding a receiver is to be sent."""
        line = self._lines.get(receiver)
        return THIN if line is not None and line.thin else MAIN

    @property
    def rates(self) -> Rates:
        """What is to be made now: the thinnest line of each encoding decides."""
        main = [line.bitrate for line in self._lines.values() if not line.thin]
        thin = [line.bitrate for line in self._lines.values() if line.thin]
        return Rates(min(main, default=self._start), min(thin, default=0))

    def tell(self, producer_id: int, moved: Sequence[Receiver]) -> None:
        """Tells those who change over which encoding of the producer they get, and what is made of it."""
        rates = self.rates
        for receiver in moved:
            encoding = self.encoding(receiver)
            receiver.on_encoding(producer_id, encoding, rates.of(encoding))

    def _divide(self, now: float) -> list[Receiver]:
        border = _border([line.bitrate for line in self._lines.values()])
        moved = [receiver for receiver, line in self._lines.items() if _falls(now, line, border)]
        thinnest = min((line.bitrate for line in self._lines.values() if line.thin), default=0)
        # Where all could share one, those with the main encoding would have to give up for it what they have more.
        others = border or min((line.bitrate for line in self._lines.values() if not line.thin), default=0)
        moved += [receiver for receiver, line in self._lines.items() if _rises(now, line, others, thinnest)]
        if all(line.thin for line in self._lines.values()):
            # Those who were better off have left: what is thin is all there is.
            for line in self._lines.values():
                line.thin, line.good_since, line.left = False, None, now
            moved = list(self._lines)
        return moved


def _falls(now: float, line: _Line, border: int) -> bool:
    """Has a line get the thin encoding if it is time; whether it is."""
    if line.thin or line.bitrate * APART >= border:
        return False
    if line.left is not None:
        line.hold = min(line.hold * 2, MAX_HOLD) if now - line.left < SOON else MIN_HOLD
    line.thin, line.good_since = True, None
    return True


def _rises(now: float, line: _Line, others: int, thinnest: int) -> bool:
    """Has a line get the main encoding again if it is time; whether it is.

    `others`: what the thinnest carries of those it would share with; `thinnest` of those with the thin one.
    """
    if not line.thin or line.bitrate * TOGETHER < others:
        line.good_since = None
        return False
    if line.good_since is None:
        line.good_since = now
    # Where another one is much thinner still, waiting would be at the expense of this one.
    hold = 0.0 if line.bitrate >= thinnest * APART else line.hold
    if now - line.good_since < hold:
        return False
    line.thin, line.good_since, line.left = False, None, now
    return True


def _border(bitrates: list[int]) -> int:
    """What the thinnest carries of the lines that better get an encoding without the others; 0 if all can share one.

    It is where most is won: by how much their picture grows, times how many they are.
    """
    rising = sorted(bitrates)
    if not rising or rising[-1] < rising[0] * APART:
        return 0
    least = rising[0]
    index = max(range(1, len(rising)), key=lambda at: (len(rising) - at) * math.log(rising[at] / least))
    return rising[index]
