"""Plans for the swarm: rooms of equals in which everyone sends and receives everyone else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from loadtest.errors import InputError, Place
from loadtest.swarm import media
from loadtest.swarm.target import Target

Encodings = list[dict[str, Any]]
"""`EncodingPlan`s of the program's plan."""
Clips = dict[str, str]
"""Paths of clips by name."""
WEBSOCKET, HTTP = "websocket", "http"
DOORS = (WEBSOCKET, HTTP)
_ROLE = "fastlege"
"""Enters without waiting for anybody."""
_LEAST_BITRATE = 50_000
_RUNGS = (80_000, 150_000, 300_000, 600_000, 1_200_000, 2_500_000)
"""Bit/s of the same pictures, of which an adaptive sender chooses."""
_SIMULCAST = (("q", (176, 144), (100_000,)), ("h", (352, 288), (300_000,)), ("f", (704, 576), (600_000, 1_200_000)))
"""RID, size and bitrates of encodings, the lowest first."""


@dataclass(frozen=True)
class Rooms:
    """What everyone sends, and how they come."""

    rooms: int
    size: int
    bitrate: int
    """Bit/s of video, or the most of it for adaptive senders."""
    seconds: float
    """From the first join to the end."""
    codec: str = "vp8"
    door: str = WEBSOCKET
    adaptive: bool = False
    simulcast: bool = False
    threads: int = 1
    joins_per_second: float = 50.0
    name: str = "swarm"
    """Begins the rooms' names."""

    @property
    def join_seconds(self) -> float:
        """From the first join to the last."""
        return self.rooms * self.size / self.joins_per_second

    def check(self) -> None:
        """Raises `InputError` for what cannot be played."""
        for option, value, least in (
            ("--rooms", self.rooms, 1),
            ("--size", self.size, 2),
            ("--threads", self.threads, 1),
        ):
            if value < least:
                raise InputError(f"{value}: expected a number from {least}", Place(option))
        if self.bitrate < _LEAST_BITRATE:
            raise InputError(f"{self.bitrate}: expected {_LEAST_BITRATE} bit/s or more", Place("--bitrate"))
        if self.seconds <= self.join_seconds:
            raise InputError(
                f"{self.seconds:g} s: expected more than the {self.join_seconds:g} s until the last has joined",
                Place("--seconds"),
            )

    def plan(self, target: Target) -> dict[str, Any]:
        """The plan that `bridge-swarm` plays. Encodes what is not encoded yet. Raises `InputError`."""
        self.check()
        encodings, clips = self._encodings()
        return {
            "seconds": self.seconds,
            "threads": self.threads,
            "clips": {"speech": str(media.speech()), **clips},
            "participants": [
                {
                    "name": f"{room}/{place}",
                    "room": room,
                    "join_at": (index * self.size + place) / self.joins_per_second,
                    "door": self._door(target, room, place),
                    "audio": "speech",
                    "video": {"encodings": encodings, "adaptive": self.adaptive},
                }
                for index in range(self.rooms)
                for room in (f"{self.name}-{index}",)
                for place in range(self.size)
            ],
        }

    def _door(self, target: Target, room: str, place: int) -> dict[str, Any]:
        token = target.token(room, f"participant-{place}", _ROLE)
        if self.door == WEBSOCKET:
            return {"kind": WEBSOCKET, "url": target.signal_url, "token": token}
        return {
            "kind": HTTP,
            "publish_url": target.whip_url(room),
            "view_url": target.whep_url(room),
            "token": token,
            "view_audio": self.size - 1,
            "view_video": self.size - 1,
        }

    def _encodings(self) -> tuple[Encodings, Clips]:
        if self.simulcast:
            return simulcast(self.codec)
        return adaptive(self.codec, self.bitrate) if self.adaptive else _single(self.codec, [self.bitrate], None)


def simulcast(codec: str) -> tuple[Encodings, Clips]:
    """Encodings in several sizes, and the clips that they play. Raises `InputError`."""
    encodings: Encodings = []
    clips: Clips = {}
    for rid, size, bitrates in _SIMULCAST:
        ((encoding,), more) = _single(codec, bitrates, size)
        encodings.append({"rid": rid, **encoding})
        clips |= more
    return encodings, clips


def adaptive(codec: str, bitrate: int) -> tuple[Encodings, Clips]:
    """One encoding of one size in several bitrates up to this one (bit/s). Raises `InputError`."""
    lower = [each for each in _RUNGS if each < bitrate]
    return _single(codec, [*lower, bitrate], media.picture_size(bitrate))


def _single(codec: str, bitrates: Sequence[int], size: tuple[int, int] | None) -> tuple[Encodings, Clips]:
    clips: Clips = {}
    for bitrate in bitrates:
        name = f"{bitrate // 1000}k" if size is None else f"{size[0]}x{size[1]}-{bitrate // 1000}k"
        clips[name] = str(media.pictures(codec, bitrate, size))
    return [{"rungs": list(clips)}], clips
