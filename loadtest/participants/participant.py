"""What the runner asks of a participant, whatever it is made of."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from loadtest.participants.samples import Sample


class ParticipantError(Exception):
    """A participant could not do what it was asked: the run has failed, whatever was measured."""


class Source(Enum):
    """What a participant may send; the words of the bridge's protocol."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN = "screen"


class Participant(Protocol):
    """One member of a call. Every method may raise `ParticipantError`; none is called before the one above it ended.

    `sample` and `switch` are called between `join` and `leave`, a participant that left may `join` again, and `close`
    may come at any time.
    """

    @property
    def name(self) -> str:
        """Its name in the scenario, and in the call."""

    async def prepare(self) -> None:
        """Everything that comes before the call: processes started, pages loaded, cameras opened."""

    async def approach(self) -> None:
        """Is about to join, as a person is who reaches for the button."""

    async def join(self) -> None:
        """Enters the call; returns as soon as that is asked for, as how long it takes is what is measured."""

    async def switch(self, source: Source, on: bool) -> None:
        """Mutes or unmutes a source, or begins and ends showing the screen."""

    async def sample(self) -> Sample:
        """What was measured since the last sample, in about a second at the most."""

    async def leave(self) -> None:
        """Leaves the call as a person would."""

    async def close(self) -> None:
        """Ends all it started, also if it never joined. Raises nothing."""
