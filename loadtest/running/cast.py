"""Makes the participants of a scenario: which client, at which address, with which films."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtest import clips
from loadtest.emulator.station import Place
from loadtest.participants.chromium.bridge_page import BridgePage, Look
from loadtest.participants.participant import Participant
from loadtest.scenario.description import Camera, Microphone, ParticipantPlan, Scenario

MintToken = Callable[[ParticipantPlan], str]


@dataclass(frozen=True)
class Cast:
    """Everybody of one run."""

    scenario: Scenario
    url: str
    """The base URL of the bridge."""
    token: MintToken
    folder: Path
    """For films and logs."""

    def make(self, plan: ParticipantPlan, place: Place | None) -> Participant:
        """A participant, in a namespace or on the host. Raises `InputError` for what is not there."""
        wrapper = ["ip", "netns", "exec", place.namespace] if place is not None else []
        names = [other.name for other in self.scenario.participants]
        return self._browser(plan, names, wrapper)

    def _browser(self, plan: ParticipantPlan, names: Sequence[str], wrapper: Sequence[str]) -> Participant:
        camera = plan.camera or Camera()
        microphone = plan.microphone or Microphone()
        look = Look(
            number=names.index(plan.name),
            width=camera.width,
            height=camera.height,
            fps=camera.fps,
            film=clips.film(camera.clip, self.folder),
            recording=clips.recording(microphone.clip, self.folder),
            camera=plan.camera is not None,
            microphone=plan.microphone is not None,
        )
        log = self.folder / f"{plan.name}.log"
        return BridgePage(plan.name, f"{self.url}/join#{self.token(plan)}", look, names, wrapper, log)
