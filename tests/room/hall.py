"""Rooms on a clock that a test turns, with everything told so far."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bridge.room import (
    DEFAULT_ROLES,
    Direction,
    HostDecided,
    JoinRequest,
    RoomError,
    RoomEvent,
    RoomLimits,
    RoomPolicy,
    Rooms,
    Session,
)

ROOM = "clinic/time-1"


class Consultation:
    """One room, joined by role as the default roles have it."""

    def __init__(
        self, *, limits: RoomLimits | None = None, policy: RoomPolicy | None = None, can_record: bool = True
    ) -> None:
        self.now = 1000.0
        self.rooms = Rooms(limits or RoomLimits(), policy, clock=lambda: self.now, can_record=can_record)
        self.participation = self.rooms.participation
        self.moderation = self.rooms.moderation
        self.events: list[RoomEvent] = []
        self.rooms.add_listener(self.events.append)

    def join(
        self,
        identity: str,
        role: str = "pasient",
        *,
        direction: Direction = Direction.BOTH,
        consent_by_vendor: bool = False,
    ) -> Session:
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
                may_host=rule.may_host,
                consents=rule.consents,
                consent_by_vendor=consent_by_vendor,
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
