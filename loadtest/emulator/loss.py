"""Which packets are lost on the way, beyond those for which the queue had no room."""

from __future__ import annotations

import random
from typing import Protocol

from loadtest.emulator.description import FourStateLoss, GilbertElliottLoss, IndependentLoss, Loss


class LossProcess(Protocol):
    """Asked once per packet, in the order in which they leave the queue."""

    def loses(self) -> bool:
        """Whether the next packet is lost."""


class IndependentProcess:
    """Losses that know nothing of each other."""

    def __init__(self, loss: IndependentLoss, rng: random.Random) -> None:
        self._share = loss.share
        self._random = rng.random

    def loses(self) -> bool:
        """See `LossProcess`."""
        return self._share > 0 and self._random() < self._share


class GilbertElliottProcess:
    """Begins in the good state; the state changes before each packet."""

    def __init__(self, loss: GilbertElliottLoss, rng: random.Random) -> None:
        self._loss = loss
        self._random = rng.random
        self._bad = False

    def loses(self) -> bool:
        """See `LossProcess`."""
        loss = self._loss
        if self._random() < (loss.r if self._bad else loss.p):
            self._bad = not self._bad
        return self._random() < (loss.bad if self._bad else loss.good)


class FourStateProcess:
    """Begins in state 1; the state changes before each packet, and states 3 and 4 lose it."""

    def __init__(self, loss: FourStateLoss, rng: random.Random) -> None:
        self._loss = loss
        self._random = rng.random
        self._state = 1

    def loses(self) -> bool:
        """See `LossProcess`."""
        loss = self._loss
        draw = self._random()
        match self._state:
            case 1:
                self._state = 4 if draw < loss.p14 else 3 if draw < loss.p14 + loss.p13 else 1
            case 2:
                self._state = 3 if draw < loss.p23 else 2
            case 3:
                self._state = 1 if draw < loss.p31 else 2 if draw < loss.p31 + loss.p32 else 3
            case _:
                self._state = 1
        return self._state >= 3


def make_loss(loss: Loss, rng: random.Random) -> LossProcess:
    """The process of a description."""
    match loss:
        case IndependentLoss():
            return IndependentProcess(loss, rng)
        case GilbertElliottLoss():
            return GilbertElliottProcess(loss, rng)
        case FourStateLoss():
            return FourStateProcess(loss, rng)


def mean_loss(loss: Loss) -> float:
    """The share of packets that is lost in the long run, from the chain's stationary distribution."""
    match loss:
        case IndependentLoss():
            return loss.share
        case GilbertElliottLoss():
            if loss.p + loss.r == 0:
                return loss.good
            in_bad = loss.p / (loss.p + loss.r)
            return in_bad * loss.bad + (1 - in_bad) * loss.good
        case FourStateLoss():
            return _mean_of_four_states(loss)


def _mean_of_four_states(loss: FourStateLoss) -> float:
    # Balance of the chain with the weight of state 1 set to 1. Every way out of the burst leads through state 3.
    alone = loss.p14
    if loss.p13 == 0:
        return alone / (1 + alone)
    if loss.p31 == 0:
        lost, received = 1.0, (loss.p32 / loss.p23 if loss.p32 else 0.0)
        return lost / (lost + received)
    lost_in_burst = loss.p13 / loss.p31
    received_in_burst = lost_in_burst * loss.p32 / loss.p23 if loss.p32 else 0.0
    lost = lost_in_burst + alone
    return lost / (1 + lost + received_in_burst)
