"""A doctor's room: one patient at a time, and others who wait their turn."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from loadtest.lobbies.client import Client, ClientError

_PATIENCE = 10.0
"""Seconds until whoever was let in should see, and be seen."""


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """Who comes to a room: the doctor's token and the patients', by their turn."""

    name: str
    doctor: str = field(repr=False)
    patients: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Admission:
    """What came of one. Times are seconds of the wall clock; None for a picture that never came."""

    asked_at: float
    """When the doctor's client sent it."""
    seen_by_patient: float | None
    """When the first packet of a keyframe of the doctor's came to the patient."""
    seen_by_doctor: float | None


class Room:
    """One room. `fail` is told of whatever goes wrong."""

    def __init__(self, plan: RoomPlan, url: str, fail: Callable[[str], None]) -> None:
        self._plan = plan
        self._url = url
        self._fail = fail
        self._doctor = Client(f"{plan.name}: doctor", fail)
        self._waiting: deque[Client] = deque()
        self._inside: Client | None = None
        self._lobby_changes = 0

    @property
    def lobby_changes(self) -> int:
        """Notices of the lobby that those who waited were told, those who are gone included."""
        return self._lobby_changes + sum(patient.lobby_changes for patient in self._waiting)

    async def open(self) -> None:
        """The doctor enters. Raises nothing."""
        await self._join(self._doctor, self._plan.doctor)

    async def come(self, turn: int) -> None:
        """The patient of that turn begins to wait; to be awaited before the next one comes. Raises nothing."""
        patient = Client(f"{self._plan.name}: patient {turn}", self._fail)
        if await self._join(patient, self._plan.patients[turn]):
            self._waiting.append(patient)

    async def admit(self) -> Admission | None:
        """Whoever is inside leaves, the next one is let in, and both see each other. None if that was refused."""
        if self._inside is not None:
            await self._inside.leave()
            self._inside = None
        if not self._waiting:
            self._fail(f"{self._plan.name}: nobody waits")
            return None
        patient = self._inside = self._waiting.popleft()
        self._lobby_changes += patient.lobby_changes
        by_patient, by_doctor = _Once(), _Once()
        patient.on_picture, self._doctor.on_picture = by_patient.set, by_doctor.set
        asked_at = time.time()
        try:
            await self._doctor.request("admit", participant_ids=[patient.id])
        except (ClientError, TimeoutError) as error:
            self._fail(f"{self._plan.name}: {error}")
            return None
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.gather(by_patient.come.wait(), by_doctor.come.wait())
        except TimeoutError:
            for who, picture in (("the patient", by_patient), ("the doctor", by_doctor)):
                if picture.at is None:
                    self._fail(f"{self._plan.name}: {who} saw nobody in {_PATIENCE:g} s")
        return Admission(asked_at, by_patient.at, by_doctor.at)

    def check_places(self) -> None:
        """Tells `fail` of those who wait and were not told the place that they have."""
        for place, patient in enumerate(self._waiting, 1):
            if patient.place != place:
                self._fail(f"{patient.name} has place {place} and was told {patient.place}")

    async def close(self) -> None:
        """Everyone leaves, the doctor last. Raises nothing."""
        for client in (*self._waiting, *([self._inside] if self._inside else []), self._doctor):
            await client.leave()

    async def _join(self, client: Client, token: str) -> bool:
        try:
            await client.join(self._url, token)
        except (ClientError, TimeoutError, OSError) as error:
            self._fail(f"{client.name}: {error}")
            client.abandon()
            return False
        return True


@dataclass
class _Once:
    at: float | None = None
    come: asyncio.Event = field(default_factory=asyncio.Event)

    def set(self, at: float) -> None:
        if self.at is None:
            self.at = at
            self.come.set()
