"""Who is in a room, as far as a composed picture and mixed sound show it. `sfu` knows no more of anyone."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Party:
    """A participant."""

    id: str
    name: str = field(repr=False)
    """Drawn below the picture; never logged."""
    interpreter: bool = False
    """Whether the others have to see them: a sign-language interpreter, or whom a host pinned."""
    muted: bool = False
    """Whether there is no microphone open."""
    camera: int | None = None
    """Producer id; None while nothing is shown."""
    screens: tuple[int, ...] = ()
    sounds: tuple[int, ...] = ()
    """Producer ids."""
