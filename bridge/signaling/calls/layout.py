"""What a client shows of the others, and what each video counts for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bridge.room import MediaKind, Participant, Source, SourceName
from bridge.sfu import AUTO_LAYOUT, ComposedLayout, View
from bridge.sfu.allocation import ranks

SAVING_HEIGHT = 180
"""Lines of a camera's picture that a client receives at most that saves data."""
SIGN_LANGUAGE_INTERPRETER = "dovetolk"
INTERPRETERS = frozenset({"tolk", SIGN_LANGUAGE_INTERPRETER})
"""Roles of those who are always heard, however many others are louder."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A client's page, as far as it is of use to who sends to it."""

    heights: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """Height of videos by source, in device pixels: 0 for what is out of sight. Others are of unknown size."""
    pinned: frozenset[str] | None = None
    """Participants that the client wants to see best; None where it leaves that to the hosts."""
    save_data: bool = False
    view: View | None = None
    """How the client gets the pictures; None where it does not say."""
    composed: ComposedLayout = AUTO_LAYOUT
    """How one picture of everybody is laid out, if it gets that …"""
    composed_hidden: bool = False
    """… and whether it has that out of sight."""

    def hides(self, source: Source) -> bool:
        """Whether the client has the video out of sight."""
        return source.kind is MediaKind.VIDEO and self.heights.get(source.id) == 0

    def max_height(self, source: Source) -> int | None:
        """Lines of a video beyond which it is of no use; None where that is unknown."""
        height = self.heights.get(source.id) or None
        if self.save_data and source.name is not SourceName.SCREEN:
            return min(height or SAVING_HEIGHT, SAVING_HEIGHT)
        return height

    def rank(self, participant: Participant, source: Source, pinned_for_all: str | None = None) -> int:
        """What a video counts for: see `bridge.sfu.allocation.ranks`. `pinned_for_all`: whom a host pinned."""
        if source.kind is not MediaKind.VIDEO:
            return 0
        if source.name is SourceName.SCREEN:
            return ranks.SCREEN
        if participant.id in (self.pinned if self.pinned is not None else {pinned_for_all}):
            return ranks.PINNED
        return ranks.INTERPRETER if participant.role == SIGN_LANGUAGE_INTERPRETER else 0
