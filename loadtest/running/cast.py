"""Makes the participants of a scenario: which client, at which address, with which films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest import clips
from loadtest.emulator.station import Place
from loadtest.participants.browsers.bridge_page import BridgePage, Look
from loadtest.participants.native import NativeClient
from loadtest.participants.participant import Participant
from loadtest.scenario.description import Camera, Client, Microphone, ParticipantPlan, Scenario
from loadtest.swarm import media
from loadtest.swarm.native import find
from loadtest.swarm.rooms import HTTP, WEBSOCKET, adaptive, simulcast
from loadtest.swarm.target import Target

MintToken = Callable[[ParticipantPlan], str]
_NATIVE_BITRATE = 1_200_000
"""Bit/s of video at most, of a native client that sends one size."""


@dataclass(frozen=True)
class Cast:
    """Everybody of one run."""

    scenario: Scenario
    url: str
    """The base URL of the bridge."""
    token: MintToken
    folder: Path
    """For films and logs."""
    asks_every: float | None = None
    """Seconds between two questions of a browser to the bridge what it counts; None for none."""

    def make(self, plan: ParticipantPlan, place: Place | None) -> Participant:
        """A participant, in a namespace or on the host. Raises `InputError` for what is not there."""
        wrapper = ["ip", "netns", "exec", place.namespace] if place is not None else []
        if not plan.client.is_browser:
            return self._native(plan, wrapper)
        names = [other.name for other in self.scenario.participants if other.client.is_browser]
        return self._browser(plan, names, wrapper)

    def _native(self, plan: ParticipantPlan, wrapper: Sequence[str]) -> Participant:
        find()
        codec = plan.codec or "vp8"
        encodings, clips = (
            simulcast(codec) if plan.simulcast and plan.client is Client.NATIVE else adaptive(codec, _NATIVE_BITRATE)
        )
        played: dict[str, object] = {"name": plan.name, "room": plan.room, "door": self._door(plan)}
        if plan.microphone is not None:
            played["audio"] = "speech"
            clips["speech"] = str(media.speech())
        if plan.camera is not None:
            played["video"] = {"encodings": encodings, "adaptive": True}
        return NativeClient(plan.name, clips, played, wrapper, self.folder)

    def _door(self, plan: ParticipantPlan) -> dict[str, object]:
        target = Target(self.url)
        token = self.token(plan)
        if plan.client is Client.NATIVE:
            return {"kind": WEBSOCKET, "url": target.signal_url, "token": token}
        others = sum(other.room == plan.room for other in self.scenario.participants) - 1
        sends = plan.camera is not None or plan.microphone is not None
        return {
            "kind": HTTP,
            "publish_url": target.whip_url(plan.room) if sends else None,
            "view_url": target.whep_url(plan.room),
            "token": token,
            "view_audio": others,
            "view_video": others,
        }

    def _browser(self, plan: ParticipantPlan, names: Sequence[str], wrapper: Sequence[str]) -> Participant:
        firefox = plan.client is Client.FIREFOX
        camera = plan.camera or Camera()
        microphone = plan.microphone or Microphone()
        look = Look(
            number=names.index(plan.name),
            width=camera.width,
            height=camera.height,
            fps=camera.fps,
            film=None if firefox else clips.film(camera.clip, self.folder),
            recording=None if firefox else clips.recording(microphone.clip, self.folder),
            camera=plan.camera is not None,
            microphone=plan.microphone is not None,
            codec=None if plan.codec is None else plan.codec.upper(),
        )
        log = self.folder / f"{plan.name}.log"
        return BridgePage(
            plan.name, f"{self.url}/join#{self.token(plan)}", look, names, wrapper, log, firefox, self.asks_every
        )
