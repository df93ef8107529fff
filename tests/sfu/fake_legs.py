"""Legs of which nothing runs, for tests of what decides about them."""

from __future__ import annotations

from bridge.errors import BridgeError
from bridge.sfu.legs import AnyLegSpec, LegListener, Scene


class FakeLeg:
    """A leg that remembers what it is told."""

    def __init__(self, spec: AnyLegSpec, bitrate: int, listener: LegListener) -> None:
        self.spec, self.bitrate, self.listener, self.thin = spec, bitrate, listener, 0
        self.scene: Scene | None = None
        self.stopped = False
        self.loss: int | None = None
        self.dtx = False
        self.restarts = 0
        self.stats: dict[str, float] = {}

    def connect(self, media: object) -> None:
        """Nothing runs."""

    def set_bitrate(self, bitrate: int, thin: int = 0) -> None:
        self.bitrate, self.thin = bitrate, thin

    def set_loss(self, percent: int) -> None:
        self.loss = percent

    def set_dtx(self, dtx: bool) -> None:
        self.dtx = dtx

    def set_scene(self, scene: Scene) -> None:
        self.scene = scene

    def stop(self) -> None:
        self.stopped = True


class FakeLegs:
    """A budget of so many legs."""

    enabled = True

    def __init__(self, budget: int = 8) -> None:
        self.budget = budget
        self.legs: list[FakeLeg] = []
        self.refused = 0

    def reserve(self, spec: AnyLegSpec, bitrate: int, listener: LegListener) -> FakeLeg:
        if len(self.running) >= self.budget:
            self.refused += 1
            raise BridgeError("legs_exhausted", "none left")
        self.legs.append(FakeLeg(spec, bitrate, listener))
        return self.legs[-1]

    @property
    def running(self) -> list[FakeLeg]:
        return [leg for leg in self.legs if not leg.stopped]
