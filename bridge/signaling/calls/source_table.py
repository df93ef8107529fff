"""Which producer carries which source: where the room's words and the media plane's numbers meet."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CarriedSource:
    """A source and the producer that carries it."""

    source_id: int
    producer_id: int
    participant_id: str
    room_id: str


class SourceTable:
    """All sources of the bridge that have a producer. As bounded as the rooms' sources are: one entry for each."""

    def __init__(self) -> None:
        self._by_source: dict[int, CarriedSource] = {}
        self._by_producer: dict[int, CarriedSource] = {}
        self._stalled: dict[int, None] = {}

    def __len__(self) -> int:
        return len(self._by_source)

    def add(self, carried: CarriedSource) -> None:
        """Notes a source that a producer carries from now on."""
        self._by_source[carried.source_id] = carried
        self._by_producer[carried.producer_id] = carried

    def remove(self, source_id: int) -> None:
        """Forgets a source, if it is known."""
        carried = self._by_source.pop(source_id, None)
        if carried is not None:
            del self._by_producer[carried.producer_id]
            self._stalled.pop(source_id, None)

    def of_source(self, source_id: int) -> CarriedSource | None:
        """By the room's number."""
        return self._by_source.get(source_id)

    def of_producer(self, producer_id: int) -> CarriedSource | None:
        """By the media plane's number."""
        return self._by_producer.get(producer_id)

    def set_live(self, source_id: int, live: bool) -> None:
        """Notes what the watchdog of a source's producer says."""
        if live:
            self._stalled.pop(source_id, None)
        elif source_id in self._by_source:
            self._stalled[source_id] = None

    def is_stalled(self, source_id: int) -> bool:
        """Whether media of this source fails to reach the bridge."""
        return source_id in self._stalled
