"""What is written in one room: bounded in length, rate and number, kept in memory only, gone with the room."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from bridge.room.errors import RoomError
from bridge.room.model import ChatMessage

TEXT_LIMIT = 2000
"""Characters of a text."""
MAX_KEPT = 200
"""Texts that are told anew to those whose connection was lost. The oldest goes."""
PER_SECOND = 1.0
"""Texts of one writer, on average."""
BURST = 10
"""Texts of one writer at once."""


@dataclass(slots=True)
class _Allowance:
    left: float
    at: float


class Chat:
    """The texts of one room, each with those whom it was told: whoever comes later does not read what was before."""

    def __init__(self) -> None:
        self._kept: deque[tuple[ChatMessage, frozenset[str]]] = deque(maxlen=MAX_KEPT)
        self._allowances: dict[str, _Allowance] = {}

    def check_rate(self, identity: str, now: float) -> None:
        """Counts a text of a writer. Raises `RoomError` (`too_many_messages`)."""
        allowance = self._allowances.setdefault(identity, _Allowance(BURST, now))
        allowance.left = min(BURST, allowance.left + (now - allowance.at) * PER_SECOND)
        allowance.at = now
        if allowance.left < 1.0:
            raise RoomError("too_many_messages", "Too many texts in a short time.", hint="Wait a few seconds.")
        allowance.left -= 1.0
        if len(self._allowances) > MAX_KEPT:
            del self._allowances[next(iter(self._allowances))]

    def keep(self, message: ChatMessage, identities: frozenset[str]) -> None:
        """Keeps a text for those of these identities who lose their connection, or reload."""
        self._kept.append((message, identities))

    def told(self, identity: str) -> tuple[ChatMessage, ...]:
        """What was told to an identity, oldest first."""
        return tuple(message for message, identities in self._kept if identity in identities)
