"""Both directions of a link."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from loadtest.emulator.description import LinkDescription
from loadtest.emulator.model import LinkModel

P = TypeVar("P")


class Link(Generic[P]):
    """Two independent models with one start; `down` is towards the participant, `up` away from it."""

    def __init__(
        self,
        description: LinkDescription,
        *,
        seed: str | int,
        start: float = 0.0,
        lost: Callable[[float, P], None] | None = None,
    ) -> None:
        self.down: LinkModel[P] = LinkModel(description.down, seed=f"{seed}/down", start=start, lost=lost)
        self.up: LinkModel[P] = LinkModel(description.up, seed=f"{seed}/up", start=start, lost=lost)

    def next_time(self) -> float | None:
        """When to poll the models next; None while there is nothing to wait for."""
        return min((time for model in (self.down, self.up) if (time := model.next_time()) is not None), default=None)
