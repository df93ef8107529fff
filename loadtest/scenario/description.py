"""What a scenario asks for: plain values, as read from a file. Times are seconds from the start of the call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from loadtest.emulator.description import LinkDescription
from loadtest.participants.participant import Source


class Client(Enum):
    """What a participant is made of."""

    CHROMIUM = "chromium"
    """A real browser with the bridge's own page."""
    FIREFOX = "firefox"
    """The same, with a drawn picture and a microphone that hums: it plays no clips."""
    NATIVE = "native"
    """One of the native swarm: sends real encoded media through the WebSocket door and decodes nothing."""
    WHIP = "whip"
    """The same through WHIP and WHEP, which other bridges understand too."""

    @property
    def is_browser(self) -> bool:
        """Whether it decodes what it receives."""
        return self in (Client.CHROMIUM, Client.FIREFOX)


@dataclass(frozen=True, slots=True)
class Camera:
    """What a camera shows."""

    width: int = 640
    height: int = 360
    fps: float = 30.0
    clip: str = "drawn"
    """"drawn" (a person, painted), "talking-head" (a filmed one), or the path of a film."""


@dataclass(frozen=True, slots=True)
class Microphone:
    """What a microphone hears."""

    clip: str = "speech"
    """"speech", "beeps", or the path of a recording (WAV)."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A source that is turned on or off in the course of a call."""

    at: float
    source: Source
    on: bool


@dataclass(frozen=True, slots=True)
class ParticipantPlan:
    """One participant."""

    name: str
    client: Client = Client.CHROMIUM
    role: str = "fastlege"
    room: str = "call"
    lines: tuple[str, ...] = ()
    """Names of the links between it and the bridge, from itself outwards; none is a perfect line."""
    join: float = 0.0
    leave: float | None = None
    camera: Camera | None = field(default_factory=Camera)
    microphone: Microphone | None = field(default_factory=Microphone)
    switches: tuple[Switch, ...] = ()
    codec: str | None = None
    """Of pictures that are sent, vp8 or h264. None for what a browser prefers; of other clients, for vp8."""
    simulcast: bool = True
    """Of native clients: whether they send several sizes. A WHIP client sends one."""


@dataclass(frozen=True, slots=True)
class Window:
    """A part of the call that figures are given for separately."""

    name: str
    begin: float
    end: float


@dataclass(frozen=True, slots=True)
class Threshold:
    """What must hold."""

    subject: str
    """A participant, "everyone", or "run" for what is nobody's own."""
    metric: str
    at_most: bool
    bound: float
    window: str | None = None
    """None for the whole call."""

    def __str__(self) -> str:
        where = f"@{self.window}" if self.window else ""
        return f"{self.subject}{where} {self.metric} {'≤' if self.at_most else '≥'} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Lobbies:
    """Many rooms at once, in place of participants: doctors, and patients who wait for them."""

    rooms: int
    """Each with a doctor."""
    waiting: int
    """Patients in all lobbies when the load begins."""
    admits_per_minute: float
    calls: int = 0
    """Rooms in which a patient is inside already. Whoever is inside leaves when the next one is let in."""
    requests_per_second: float = 20.0
    """Of a vendor's server to the REST API meanwhile."""
    joins_per_second: float = 40.0
    """Before the load begins."""
    processes: int = 1
    """That play the clients."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario, one of several of its file where that has a grid."""

    name: str
    file: Path
    participants: tuple[ParticipantPlan, ...]
    """None where there are lobbies."""
    duration: float
    links: Mapping[str, LinkDescription] = field(default_factory=dict)
    about: str = ""
    seed: int = 1
    settle: float = 5.0
    """From here on figures of the window "steady" count."""
    windows: tuple[Window, ...] = ()
    thresholds: tuple[Threshold, ...] = ()
    lobbies: Lobbies | None = None
    variant: Mapping[str, str] = field(default_factory=dict)
    """Of a grid: the value of each of its names."""
