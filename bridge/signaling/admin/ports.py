"""What the operators' door needs of others, declared here and met elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Protocol


class AdminDoorName(Enum):
    """The door, as metrics call it."""

    ADMIN = "admin"


class Overview(Protocol):
    """Knows what there is to see."""

    def describe(self, *, revision: int, sampled: float, find: str) -> dict[str, Any]:
        """Everything; of events and load what is later than these. `find`: a part of a room's id. Without names."""


class Drain(Protocol):
    """Has the bridge take no new calls."""

    async def set(self, draining: bool, actor: str) -> None:
        """Returns when it is so. Raises `BridgeError` (`audit_unavailable`) where it cannot be written down."""


class OperatorObserver(Protocol):
    """Keeps and counts what happens at the door. Is told ids of operators, and neither keys nor addresses."""

    async def on_signed_in(self, operator: str, details: Mapping[str, str]) -> None:
        """Somebody signs in: returns when it is written down. Raises `BridgeError` (`audit_unavailable`)."""

    def on_signed_out(self, operator: str) -> None:
        """Somebody has signed out."""

    def on_not_signed_in(self, details: Mapping[str, str]) -> None:
        """Somebody has shown a key that lets nobody in, or came back in vain from a provider.

        Must not block and not raise.
        """

    def on_refused(self, door: AdminDoorName, code: str) -> None:
        """A request was refused. Must not block and not raise."""
