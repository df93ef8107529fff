"""A link that runs: packets in real time, each with what to do when it arrives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from loadtest.emulator.description import LinkDescription
from loadtest.emulator.link import Link
from loadtest.emulator.model import LinkModel
from loadtest.emulator.statistics import Durations
from loadtest.emulator.timer import Timer, now


@dataclass(frozen=True, slots=True)
class Parcel:
    """A packet under way."""

    arrive: Callable[[], None]
    lost: Callable[[float], None] | None
    """Told when it is lost, with the time at which it would have left the line."""


class RunningLink:
    """Carries packets in both directions; needs a running loop.

    `lateness` is how much later than the model says packets were handed on: what the emulator itself adds.
    """

    def __init__(self, description: LinkDescription, *, seed: str | int) -> None:
        self.link: Link[Parcel] = Link(description, seed=seed, start=now(), lost=_tell)
        self.lateness = Durations()
        self._timer = Timer(self._ring)
        self._closed = False

    def down(self, size: int, arrive: Callable[[], None], lost: Callable[[float], None] | None = None) -> None:
        """Sends a packet of `size` bytes (with its headers) towards the participant."""
        self._send(self.link.down, size, Parcel(arrive, lost))

    def up(self, size: int, arrive: Callable[[], None], lost: Callable[[float], None] | None = None) -> None:
        """Sends a packet away from the participant."""
        self._send(self.link.up, size, Parcel(arrive, lost))

    def close(self) -> None:
        """Forgets what is under way."""
        self._closed = True
        self._timer.close()

    def _send(self, model: LinkModel[Parcel], size: int, parcel: Parcel) -> None:
        if self._closed:
            return
        model.send(now(), size, parcel)
        self._timer.set(self.link.next_time())

    def _ring(self) -> None:
        for model in (self.link.down, self.link.up):
            for delivery in model.poll(now()):
                self.lateness.add(now() - delivery.at)
                delivery.packet.arrive()
        if not self._closed:
            self._timer.set(self.link.next_time())


def _tell(time: float, parcel: Parcel) -> None:
    if parcel.lost is not None:
        parcel.lost(time)
