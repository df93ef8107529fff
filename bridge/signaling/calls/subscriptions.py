"""What one client wants to receive. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.room import Participant
from bridge.sfu import Subscription
from bridge.signaling.calls.layout import Layout
from bridge.signaling.calls.source_table import SourceTable


class Subscriptions:
    """Follows the room: all sources of the others (or none) unless the client said otherwise of one of them."""

    def __init__(self, participant_id: str, *, by_default: bool) -> None:
        self._participant_id = participant_id
        self._by_default = by_default
        # Only what departs from the default; an entry goes when its source does.
        self._departures: set[int] = set()
        self._paused: set[int] = set()
        self.layout = Layout()

    def choose(self, source_ids: Iterable[int], wanted: bool) -> None:
        """Wants these, or does not."""
        if wanted == self._by_default:
            self._departures.difference_update(source_ids)
        else:
            self._departures.update(source_ids)

    def pause(self, source_id: int, paused: bool) -> None:
        """Wants a source for later, or for now."""
        if paused:
            self._paused.add(source_id)
        else:
            self._paused.discard(source_id)

    def forget(self, source_id: int) -> None:
        """The source is gone from the room."""
        self._departures.discard(source_id)
        self._paused.discard(source_id)

    def forget_all(self) -> None:
        """The client is out of the room, and the sources with it."""
        self._departures.clear()
        self._paused.clear()

    def wants(self, source_id: int) -> bool:
        """Whether a source is wanted, be it paused."""
        return (source_id in self._departures) != self._by_default

    def wanted(
        self, participants: Iterable[Participant], table: SourceTable, pinned_for_all: str | None = None
    ) -> list[Subscription]:
        """All that is to be received now, in order of joining, then of publishing."""
        return [
            Subscription(
                producer_id=carried.producer_id,
                participant=participant.id,
                track=str(source.id),
                paused=source.id in self._paused or self.layout.hides(source),
                max_height=self.layout.max_height(source),
                rank=self.layout.rank(participant, source, pinned_for_all),
            )
            for participant in participants
            if participant.id != self._participant_id
            for source in participant.sources
            if self.wants(source.id) and (carried := table.of_source(source.id)) is not None
        ]
