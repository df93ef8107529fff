"""What a compositor is given: the sources of a room as they are at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import av

from bridge.transcode.compose.layouts import Party

Rotation: TypeAlias = Literal[0, 90, 180, 270]


@dataclass(slots=True)
class Source:
    """A camera or screen. Whoever decodes it changes it in place: `arrive` for a frame, the fields for the rest."""

    id: str
    name: str
    """Whose it is, as it stands under the picture."""
    screen: bool = False
    pinned: bool = False
    """An interpreter whom the others have to see."""
    speaking: bool = False
    """Whether it is who speaks, or spoke last."""
    muted: bool = False
    """Whether the microphone is off."""
    camera_off: bool = False
    """Whether the owner has turned it off: the initials stand in its place, at once."""
    rotation: Rotation = 0
    """Degrees clockwise by which frames are to be turned: as the header extension of video orientation says."""
    frame: av.VideoFrame | None = None
    """The newest frame, in any format and size."""
    arrived: float = 0.0
    """When it came, in the seconds of `compose`'s `now`."""

    def arrive(self, frame: av.VideoFrame, now: float) -> None:
        """A new frame. It is not to be written to afterwards."""
        self.frame = frame
        self.arrived = now

    def party(self) -> Party:
        """The source as layouts see it. One that has never sent anything has the form of a common camera."""
        aspect = 16 / 9
        if self.frame is not None and self.frame.width and self.frame.height:
            aspect = self.frame.width / self.frame.height
            if self.rotation in (90, 270):
                aspect = 1.0 / aspect
        # A picture that is a line or a pillar would have no place in any tile.
        bounded = min(max(aspect, 0.2), 5.0)
        return Party(self.id, bounded, screen=self.screen, pinned=self.pinned, speaking=self.speaking)
