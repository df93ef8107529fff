"""What those in one room send: which sources may come in, and how they change and go."""

from __future__ import annotations

from dataclasses import replace

from bridge.room.errors import NotGrantedError, RoomError, in_lobby
from bridge.room.events import RoomListener, SourceAdded, SourceMuted, SourceRemoved, SourceStopped, SourceUpdated
from bridge.room.member import Member
from bridge.room.model import MediaKind, Session, Source, SourceChange, SourceName, Upload
from bridge.room.video_consent import VideoConsent


class Sources:
    """Knows nothing of who is there but whom it is handed: each member has its own."""

    def __init__(self, room_id: str, emit: RoomListener, video_consent: VideoConsent, most: int) -> None:
        """`most` is how many a participant may have."""
        self._room_id = room_id
        self._emit = emit
        self._video_consent = video_consent
        self._most = most

    # What their owner decides

    def add(self, member: Member, source: Source) -> None:
        """Adds what one of the member's sessions begins to send.

        Raises `RoomError`: `in_lobby`, `wrong_kind`, `not_granted`, `video_not_consented`, `too_many_sources`.
        """
        if member.waiting:
            raise in_lobby()
        self._check(member, member.sessions[source.session_id], source.name, source.kind)
        if len(member.sources) >= self._most:
            raise RoomError("too_many_sources", f"A participant has {self._most} sources at most.", field="source")
        member.sources[source.id] = source
        self._emit(SourceAdded(self._room_id, member.id, source))

    def update(self, member: Member, session_id: str, source_id: int, change: SourceChange) -> Source:
        """Changes what is given; says nothing if nothing changed. Raises as `add` does, and `source_not_found`."""
        old = self._of_session(member, session_id, source_id)
        new = replace(old, **change)
        if new.kind is MediaKind.AUDIO and new.upload is not Upload.FULL:
            raise RoomError("wrong_kind", "Sound is never sent in part.", field="upload", hint="Leave it out, or full.")
        if new != old:
            self._check(member, member.sessions[session_id], new.name, new.kind)
            member.sources[source_id] = new
            self._emit(SourceUpdated(self._room_id, member.id, new))
        return new

    def remove(self, member: Member, session_id: str, source_id: int) -> None:
        """Removes what a session no longer sends. Raises `RoomError` (`source_not_found`)."""
        self._drop(member, self._of_session(member, session_id, source_id))

    # What is decided for them

    def drop_all(self, member: Member, *, session_id: str | None = None) -> None:
        """Removes what a session sends that ends, or everything of someone who goes back into the lobby."""
        for source in list(member.sources.values()):
            if session_id is None or source.session_id == session_id:
                self._drop(member, source)

    def stop(self, member: Member, name: SourceName) -> None:
        """Takes somebody's camera or screen out, and tells its owner."""
        for source in [source for source in member.sources.values() if source.name is name]:
            self._drop(member, source)
            self._emit(SourceStopped(self._room_id, member.id, source))

    def stop_camera_without_consent(self, member: Member) -> None:
        """Takes somebody's camera out, if it has to stay out."""
        if self._video_consent.lacks(member):
            self.stop(member, SourceName.CAMERA)

    def mute(self, member: Member, source: Source) -> None:
        """Mutes a source in its owner's stead, and tells them."""
        member.sources[source.id] = muted = replace(source, muted=True)
        self._emit(SourceUpdated(self._room_id, member.id, muted))
        self._emit(SourceMuted(self._room_id, member.id, muted))

    # Inside

    def _drop(self, member: Member, source: Source) -> None:
        del member.sources[source.id]
        self._emit(SourceRemoved(self._room_id, member.id, source))

    @staticmethod
    def _of_session(member: Member, session_id: str, source_id: int) -> Source:
        source = member.sources.get(source_id)
        if source is None or source.session_id != session_id:
            raise RoomError("source_not_found", "This session sends no such source.", field="source_id")
        return source

    def _check(self, member: Member, session: Session, name: SourceName, kind: MediaKind) -> None:
        if kind not in name.kinds:
            raise RoomError("wrong_kind", f"A {name.value} does not send {kind.value}.", field="kind")
        if not session.may(name.grant):
            raise NotGrantedError(name.grant.value, field="source")
        self._video_consent.check(member, name)
