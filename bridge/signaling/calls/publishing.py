"""What one client sends: its producers become sources of the room."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Unpack

from bridge.errors import BridgeError
from bridge.room import MediaKind, NotGrantedError, Rooms, Session, Source, SourceChange, SourceName
from bridge.sfu import Producer, PublishResult, WantedEncodings
from bridge.signaling.calls.notices import EncodingsWanted
from bridge.signaling.calls.ports import MediaSession
from bridge.signaling.calls.source_table import CarriedSource, SourceTable

DEFAULT_NAMES = {"audio": SourceName.MICROPHONE, "video": SourceName.CAMERA}
"""What an m-line is taken for when the client does not say."""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """What the client says that an m-line carries."""

    name: SourceName
    muted: bool = False


@dataclass(frozen=True, slots=True)
class OwnSource:
    """A source of the client, and the m-line that carries it."""

    mid: str
    source: Source


@dataclass(frozen=True, slots=True)
class Rejected:
    """An m-line that did not become a source, and why."""

    mid: str | None
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Published:
    """The answer to a publish offer, and all the client's sources after it."""

    answer: str
    sources: tuple[OwnSource, ...]
    rejected: tuple[Rejected, ...]


@dataclass(frozen=True, slots=True)
class _Sent:
    source_id: int
    producer: Producer

    @property
    def producer_id(self) -> int:
        return self.producer.producer_id


class Publishing:
    """Keeps the room's sources of one session in step with the producers of its media."""

    def __init__(self, session: Session, rooms: Rooms, media: MediaSession, table: SourceTable) -> None:
        self._session_id = session.id
        self._participant_id = session.participant_id
        self._room_id = session.room_id
        self._rooms = rooms
        self._media = media
        self._table = table
        self._sent: dict[str, _Sent] = {}
        self._encodings_wanted: dict[int, EncodingsWanted] = {}
        """What was told last, by source."""

    def sources(self) -> tuple[OwnSource, ...]:
        """What the room has of this session, in order of publishing."""
        if not self._sent:
            return ()
        known = {source.id: source for source in self._rooms.participant(self._session_id).sources}
        return tuple(
            OwnSource(mid, known[sent.source_id]) for mid, sent in self._sent.items() if sent.source_id in known
        )

    async def publish(self, offer: str, specs: Mapping[str, SourceSpec]) -> Published:
        """Answers an offer; `specs` by MID. Raises `BridgeError`: `not_granted`, and as `MediaSession.publish`.

        What the room does not take although the media plane did (too many, wrong kind) is told as rejected and ended;
        the rest goes on.
        """
        self._check_grants(specs)
        result = await self._media.publish(offer)
        rejected = [Rejected(media.mid, media.code, media.reason) for media in result.rejected]
        self._remove_gone(result)
        rejected += [problem for producer in result.new if (problem := self._add(producer, specs))]
        rejected += [problem for producer in result.kept if (problem := self._change(producer.mid, specs))]
        told = {producer.mid for producer in result.producers} | {problem.mid for problem in rejected}
        rejected += [
            Rejected(mid, "no_media", "The offer has no m-line of this mid that sends.")
            for mid in specs
            if mid not in told
        ]
        return Published(result.answer, self.sources(), tuple(rejected))

    def want_encodings(self, producer_id: int, wanted: WantedEncodings) -> EncodingsWanted | None:
        """What to tell the client about its producer; None for one that the room does not have."""
        sent = next((sent for sent in self._sent.values() if sent.producer_id == producer_id), None)
        if sent is None:
            return None
        notice = EncodingsWanted(sent.source_id, sent.producer.encodings, wanted)
        self._encodings_wanted[sent.source_id] = notice
        return notice

    def encodings_wanted(self) -> tuple[EncodingsWanted, ...]:
        """What holds of the client's sources, for one that has lost what it was told.

        Left out are those of which nothing was told yet: all their encodings are wanted.
        """
        return tuple(self._encodings_wanted.values())

    def update(self, source_id: int, **change: Unpack[SourceChange]) -> Source:
        """Mutes, unmutes or switches a source. Raises `RoomError`. Of a muted source nothing is forwarded."""
        source = self._rooms.update_source(self._session_id, source_id, **change)
        carried = self._table.of_source(source_id)
        if carried is not None:
            self._media.pause_producer(carried.producer_id, source.muted)
        return source

    def remove(self, source_id: int) -> None:
        """Takes a source out of the room. Raises `RoomError` (`source_not_found`)."""
        self._rooms.remove_source(self._session_id, source_id)
        self.stopped(source_id)
        self._table.remove(source_id)

    def muted(self, source: Source) -> None:
        """A host has muted a source in the room: nothing more of it is forwarded."""
        carried = self._table.of_source(source.id)
        if carried is not None:
            self._media.pause_producer(carried.producer_id, source.muted)

    def stopped(self, source_id: int) -> None:
        """A host has taken a source out of the room: its producer goes, too."""
        mid = next((mid for mid, sent in self._sent.items() if sent.source_id == source_id), None)
        if mid is not None:
            self._media.close_producer(self._sent.pop(mid).producer_id)
        self._encodings_wanted.pop(source_id, None)

    def forget(self) -> None:
        """The session is over, and with it its sources in the room."""
        for sent in self._sent.values():
            self._table.remove(sent.source_id)
        self._sent.clear()
        self._encodings_wanted.clear()

    def _check_grants(self, specs: Mapping[str, SourceSpec]) -> None:
        session = self._rooms.session(self._session_id)
        for mid, spec in specs.items():
            if not session.may(spec.name.grant):
                raise NotGrantedError(spec.name.grant.value, field=f"sources[mid={mid}]")

    def _remove_gone(self, result: PublishResult) -> None:
        gone = set(result.gone)
        for mid, sent in list(self._sent.items()):
            if sent.producer_id in gone:
                del self._sent[mid]
                self._encodings_wanted.pop(sent.source_id, None)
                self._table.remove(sent.source_id)
                self._rooms.remove_source(self._session_id, sent.source_id)

    def _add(self, producer: Producer, specs: Mapping[str, SourceSpec]) -> Rejected | None:
        spec = specs.get(producer.mid) or SourceSpec(DEFAULT_NAMES[producer.kind])
        try:
            source = self._rooms.add_source(self._session_id, spec.name, MediaKind(producer.kind), muted=spec.muted)
        except BridgeError as error:
            self._media.close_producer(producer.producer_id)
            return Rejected(producer.mid, error.code, error.message)
        self._sent[producer.mid] = _Sent(source.id, producer)
        self._table.add(CarriedSource(source.id, producer.producer_id, self._participant_id, self._room_id))
        if spec.muted:
            self._media.pause_producer(producer.producer_id, True)
        return None

    def _change(self, mid: str, specs: Mapping[str, SourceSpec]) -> Rejected | None:
        spec, sent = specs.get(mid), self._sent.get(mid)
        if spec is None or sent is None:
            return None
        try:
            self.update(sent.source_id, name=spec.name, muted=spec.muted)
        except BridgeError as error:
            return Rejected(mid, error.code, error.message)
        return None
