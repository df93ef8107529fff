"""Who takes part in a scenario: real browsers, or native clients by the hundred, all known as a `Participant`.

Whatever a participant is made of, it says what it measured in the words of `samples`.
"""

from loadtest.participants.participant import Participant, ParticipantError, Source
from loadtest.participants.samples import FrameSeen, Notice, Sample, StreamCounters, StreamKey

__all__ = [
    "FrameSeen",
    "Notice",
    "Participant",
    "ParticipantError",
    "Sample",
    "Source",
    "StreamCounters",
    "StreamKey",
]
