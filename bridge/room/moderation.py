"""What hosts decide: who comes in, who goes, who is muted, whether the room is locked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from bridge.room.bans import Bans
from bridge.room.errors import RoomError, participant_not_found
from bridge.room.events import (
    HostDecided,
    LobbyMessaged,
    RoomChanged,
    RoomListener,
    UnmuteAsked,
)
from bridge.room.grants import Grant
from bridge.room.member import Member
from bridge.room.model import EndReason, LobbyMessage, LobbyNotice, Source, SourceName
from bridge.room.room import Room
from bridge.room.texts import checked_text

LOBBY_TEXT_LIMIT = 500
"""Characters of a message to those who wait."""
MAX_DELAY_MINUTES = 600


class Access(Protocol):
    """What moderation needs of `Rooms`."""

    def begin(self, session_id: str) -> Room:
        """The session's room, with all that was due having happened. Raises `RoomError` (`session_not_found`)."""

    def queue_of(self, room: Room, queue_id: str | None) -> Room:
        """Where those wait whom a room takes from a queue. Raises `RoomError`: `queue_not_found`, `queue_empty`."""

    def move(self, member: Member, source: Room, target: Room) -> None:
        """Someone who waits in a queue waits in one of its rooms from now on."""

    def look_up(self, room_id: str) -> Room | None:
        """A room by its id, with all that was due having happened; None if it is not there."""

    def finish(self) -> None:
        """Tells what has happened."""


class Moderation:
    """Decisions of hosts. Each method names the session that decides, and raises `RoomError`.

    That is: `not_granted` for a session that has not the grant `host`, `in_lobby` for one that waits itself,
    `participant_not_found` and `source_not_found` for what is not in its room, and as each method says.
    """

    def __init__(
        self, access: Access, emit: RoomListener, bans: Bans, clock: Callable[[], float], new_id: Callable[[], int]
    ) -> None:
        self._access = access
        self._emit = emit
        self._bans = bans
        self._clock = clock
        self._new_id = new_id

    # The lobby

    def admit(self, session_id: str, participant_ids: Sequence[str] | None = None) -> None:
        """Lets these in, or everyone who waits; all of them or nobody. Raises `room_full`, `consent_impossible`."""
        room, host = self._decide(session_id)
        if participant_ids is None:
            chosen = room.lobby.queue(room.members.values())
        else:
            chosen = [self._waiting(room, each) for each in dict.fromkeys(participant_ids)]
        room.check_space(sum(not member.consent_pending for member in chosen))
        if room.consent.request is not None:
            room.check_can_answer(chosen)
        for member in chosen:
            self._note(room, host, "admit", member.id)
            room.let_in(member, self._clock())
        self._access.finish()

    def take(self, session_id: str, queue_id: str | None = None, participant_id: str | None = None) -> str:
        """Lets the next one of a queue into one's own room, or a certain one; says who that is.

        The next one is the first who is there: whoever has lost their connection just now keeps their place. Without
        `queue_id` it is the room's only queue. Raises `queue_not_found`, `queue_empty`, `room_full`,
        `consent_impossible`.
        """
        room, host = self._decide(session_id)
        queue = self._access.queue_of(room, queue_id)
        room.check_space(1)
        waiting = queue.lobby.queue(queue.members.values())
        if participant_id is not None:
            member = self._waiting(queue, participant_id)
        else:
            there = [each for each in waiting if any(session.connected for session in each.sessions.values())]
            member = (there or waiting)[0]
        if room.consent.request is not None:
            room.check_can_answer([member])
        self._note(room, host, "take", member.id)
        self._access.move(member, queue, room)
        room.let_in(member, self._clock())
        self._access.finish()
        return member.id

    def refuse(self, session_id: str, participant_id: str, *, queue_id: str | None = None) -> None:
        """Ends the wait of someone in one's own lobby, or in a queue of one's room, without letting them in.

        Raises `queue_not_found`, `queue_empty`.
        """
        room, host = self._decide(session_id)
        place = room if queue_id is None else self._access.queue_of(room, queue_id)
        member = self._waiting(place, participant_id)
        self._note(room, host, "refuse", member.id)
        place.end_member(member, EndReason.REFUSED, self._clock())
        self._access.finish()

    def send_to_lobby(self, session_id: str, participant_id: str) -> None:
        """Has someone wait again. Raises `last_host` where nobody would be left to decide."""
        room, host = self._decide(session_id)
        member = self._inside(room, participant_id)
        if member.decides and sum(each.decides for each in room.members.values()) == 1:
            raise RoomError("last_host", "The only host cannot wait for itself.", field="participant_id")
        self._note(room, host, "send_to_lobby", member.id)
        room.send_back(member, held_back=True, now=self._clock())
        self._access.finish()

    def message_lobby(
        self,
        session_id: str,
        notice: LobbyNotice,
        *,
        text: str = "",
        minutes: int | None = None,
        participant_id: str | None = None,
        queue_id: str | None = None,
    ) -> None:
        """Writes to everyone who waits, in one's own lobby or in a queue of one's room, or to one of them.

        `minutes` goes with `DELAYED`; `text` is needed for `TEXT` only. Raises `bad_text`, `queue_not_found`,
        `queue_empty`.
        """
        room, host = self._decide(session_id)
        place = room if queue_id is None else self._access.queue_of(room, queue_id)
        if notice is LobbyNotice.TEXT or text:
            text = checked_text(text, LOBBY_TEXT_LIMIT)
        if (minutes is not None) != (notice is LobbyNotice.DELAYED) or not 1 <= (minutes or 1) <= MAX_DELAY_MINUTES:
            raise RoomError(
                "bad_text", f"A delay, and nothing else, has 1 to {MAX_DELAY_MINUTES} minutes.", field="minutes"
            )
        if participant_id is None:
            to = place.lobby.queue(place.members.values())
        else:
            to = [self._waiting(place, participant_id)]
        self._note(room, host, "message_lobby", participant_id)
        message = LobbyMessage(self._new_id(), notice, text, minutes)
        place.lobby.message(to, message, self._clock(), to_all=participant_id is None)
        self._emit(LobbyMessaged(place.id, frozenset(member.id for member in to), message))
        self._access.finish()

    # The room

    def remove(self, session_id: str, participant_id: str, *, queue_id: str | None = None) -> None:
        """Takes someone out, in the room, its lobby or one of its queues, and lets none of their tokens in again.

        Raises `queue_not_found`, `queue_empty`.
        """
        room, host = self._decide(session_id)
        place = room if queue_id is None else self._access.queue_of(room, queue_id)
        member = place.members.get(participant_id)
        if member is None:
            raise participant_not_found()
        self._note(room, host, "remove", member.id)
        place.expel(member, self._bans, self._clock())
        self._access.finish()

    def lock(self, session_id: str, locked: bool) -> None:
        """Lets nobody new knock, or anybody again. Those who wait already can be let in all the same."""
        room, host = self._decide(session_id)
        if room.state.locked != locked:
            self._note(room, host, "lock" if locked else "unlock")
            room.state = replace(room.state, locked=locked)
            self._emit(RoomChanged(room.id, room.state))
        self._access.finish()

    def pin_for_all(self, session_id: str, participant_id: str | None) -> None:
        """Has everybody see somebody in the room best, in place of whom it was before; nobody again with None."""
        room, host = self._decide(session_id)
        pinned = None if participant_id is None else self._inside(room, participant_id).id
        if room.state.pinned != pinned:
            self._note(room, host, "unpin_for_all" if pinned is None else "pin_for_all", pinned)
            room.pin(pinned)
        self._access.finish()

    def hand_over(self, session_id: str, participant_id: str) -> None:
        """Gives the grant `host` to someone else, and gives it up. Raises `may_not_host`."""
        room, giver = self._decide(session_id)
        taker = self._inside(room, participant_id)
        if taker is giver:
            return
        if not taker.may_host:
            raise RoomError(
                "may_not_host",
                "This role may not be a host.",
                field="participant_id",
                hint="configs/roles.toml says which roles may.",
            )
        self._note(room, giver, "hand_over", taker.id)
        for member, has_office in ((taker, True), (giver, False)):
            before = member.snapshot(room.id)
            host = frozenset({Grant.HOST.value})
            for key, session in member.sessions.items():
                grants = session.grants | host if has_office else session.grants - host
                member.sessions[key] = replace(session, grants=grants)
            room.tell_update(member, before)
        room.handed.discard(giver.identity)
        room.handed.add(taker.identity)
        self._access.finish()

    def end(self, session_id: str) -> None:
        """Ends the call for everyone in the room. Those in the lobby go on waiting."""
        room, host = self._decide(session_id)
        self._note(room, host, "end")
        room.outcome = EndReason.ENDED
        for member in [member for member in room.members.values() if not member.waiting]:
            room.end_member(member, EndReason.ENDED, self._clock())
        for member in room.members.values():
            if member.by_lobby and member.consent_pending:
                room.forget_admission(member)
        room.forget_places()
        self._access.finish()

    # Others' sources

    def mute(self, session_id: str, source_id: int) -> None:
        """Forwards nothing more of somebody's source until its owner unmutes it."""
        room, host = self._decide(session_id)
        owner, source = self._source(room, source_id)
        if not source.muted:
            self._note(room, host, "mute", owner.id)
            room.sources.mute(owner, source)
        self._access.finish()

    def ask_to_unmute(self, session_id: str, participant_id: str) -> None:
        """Asks somebody to unmute. Only they can."""
        room, host = self._decide(session_id)
        member = self._inside(room, participant_id)
        self._note(room, host, "ask_to_unmute", member.id)
        self._emit(UnmuteAsked(room.id, member.id, host.id))
        self._access.finish()

    def stop_screen(self, session_id: str, participant_id: str) -> None:
        """Stops what somebody shows of their screen. Raises `source_not_found` where they show none."""
        room, host = self._decide(session_id)
        member = self._inside(room, participant_id)
        if all(source.name is not SourceName.SCREEN for source in member.sources.values()):
            raise RoomError("source_not_found", "This participant shares no screen.", field="participant_id")
        self._note(room, host, "stop_screen", member.id)
        room.sources.stop(member, SourceName.SCREEN)
        self._access.finish()

    # Inside

    def _note(self, room: Room, host: Member, decision: str, participant_id: str | None = None) -> None:
        self._emit(HostDecided(room.id, host.id, decision, participant_id))

    def _decide(self, session_id: str) -> tuple[Room, Member]:
        """The room, and the host that decides."""
        room = self._access.begin(session_id)
        return room, room.acting(session_id, Grant.HOST)

    @staticmethod
    def _waiting(room: Room, participant_id: str) -> Member:
        member = room.members.get(participant_id)
        if member is None or not member.waiting:
            raise participant_not_found()
        return member

    @staticmethod
    def _inside(room: Room, participant_id: str) -> Member:
        member = room.members.get(participant_id)
        if member is None or member.waiting:
            raise participant_not_found()
        return member

    @staticmethod
    def _source(room: Room, source_id: int) -> tuple[Member, Source]:
        for member in room.members.values():
            if source_id in member.sources:
                return member, member.sources[source_id]
        raise RoomError("source_not_found", "There is no such source in this room.", field="source_id")
