"""Rooms on a clock that a test turns, with everything told so far."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.room import (
    DEFAULT_ROLES,
    Ban,
    Direction,
    HostDecided,
    JoinRequest,
    KeptRoom,
    RoomError,
    RoomEvent,
    RoomLimits,
    RoomOpened,
    RoomPolicy,
    Rooms,
    Session,
    TokenBanned,
)

ROOM = "clinic/time-1"


class Disk:
    """What is left of bridges that are killed one after the other, by one clock."""

    def __init__(self, reentry: float, clock: Callable[[], float]) -> None:
        self.rooms: dict[str, KeptRoom] = {}
        self.bans: list[Ban] = []
        self._reentry = reentry
        self._clock = clock
        self._opened: set[str] = set()
        self._found: set[str] = set()
        self._started = clock()

    def follow(self, rooms: Rooms) -> None:
        """Keeps what these do from now on."""
        self._opened, self._found, self._started = set(), set(self.rooms), self._clock()
        rooms.add_listener(self._hear)

    def killed(self, rooms: Rooms, *, complete: bool = True) -> None:
        """They are no more; `complete`: nothing that hosts have decided was lost with them."""
        late = self._found if self._clock() >= self._started + self._reentry else set()
        for room in self._opened | late:
            self.rooms.pop(room, None)
            kept = rooms.keeping.kept(room)
            if kept is not None:
                self.rooms[room] = kept
        if not complete:
            self.rooms = {key: room.distrusted() for key, room in self.rooms.items()}

    def _hear(self, event: RoomEvent) -> None:
        if isinstance(event, TokenBanned):
            self.bans.append(event.ban)
        elif isinstance(event, RoomOpened):
            self._opened.add(event.room_id)


class Consultation:
    """One room, joined by role as the default roles have it."""

    def __init__(
        self, *, limits: RoomLimits | None = None, policy: RoomPolicy | None = None, can_record: bool = True
    ) -> None:
        self.now = 1000.0
        self.events: list[RoomEvent] = []
        self._open: Callable[[], Rooms] = lambda: Rooms(
            limits or RoomLimits(), policy, clock=lambda: self.now, can_record=can_record
        )
        self.disk = Disk((policy or RoomPolicy()).reentry, lambda: self.now)
        self._start()

    def _start(self) -> None:
        self.rooms = self._open()
        self.participation = self.rooms.participation
        self.moderation = self.rooms.moderation
        self.rooms.add_listener(self.events.append)
        self.disk.follow(self.rooms)

    def crash(self, *, complete: bool = True) -> None:
        """The bridge is killed and started again; `complete`: nothing that hosts have decided was lost with it."""
        self.disk.killed(self.rooms, complete=complete)
        self._start()
        self.rooms.keeping.recover(list(self.disk.rooms.values()), self.disk.bans)

    def join(
        self,
        identity: str,
        role: str = "pasient",
        *,
        direction: Direction = Direction.BOTH,
        consent_by_vendor: bool = False,
        may_host: bool = False,
        service: bool = False,
    ) -> Session:
        """`may_host`: as the operator's own roles may have it, also of one that enters by the lobby."""
        rule = DEFAULT_ROLES[role]
        return self.rooms.join(
            JoinRequest(
                "clinic",
                "time-1",
                identity,
                identity.title(),
                role,
                rule.grants,
                direction,
                enters=rule.enters,
                may_host=rule.may_host or may_host,
                consents=rule.consents,
                consent_by_vendor=consent_by_vendor,
                service=service,
                token_id=f"token of {identity}",
                token_lifetime=600.0,
            )
        )

    def call(self) -> tuple[Session, Session]:
        """A doctor, and a patient who was let in."""
        doctor, patient = self.join("doctor", "fastlege"), self.join("kari")
        self.moderation.admit(doctor.id)
        self.told()
        return doctor, patient

    def inside(self) -> list[str]:
        return [participant.identity for participant in self.rooms.participants(ROOM)]

    def waiting(self) -> list[str]:
        return [participant.identity for participant in self.rooms.waiting(ROOM)]

    def told(self) -> list[str]:
        """Names of the events since the last call, without those that are for the records only."""
        names = [type(event).__name__ for event in self.events if not isinstance(event, HostDecided)]
        self.events.clear()
        return names

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.rooms.handle_timeout()


def refused(code: str, act: Callable[[], object]) -> RoomError:
    with pytest.raises(RoomError) as caught:
        act()
    assert caught.value.code == code
    return caught.value
