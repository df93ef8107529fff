"""What a test leg's process is told on standard input, and says on standard output: each once, in JSON on one line."""

from __future__ import annotations

import msgspec


class Order(msgspec.Struct):
    """What it is to be."""

    kind: str
    """One of "echo", "clock", "player"."""
    url: str
    token: str
    memory: int
    """Address space, in bytes."""
    clip: str | None = None
    """The file to play."""
    certificate: str | None = None
    """PEM of the certificate that the door has to show, whatever name it is of."""


class Joined(msgspec.Struct, tag="joined"):
    """It is in the room, and sends."""

    participant_id: str


class Refused(msgspec.Struct, tag="refused"):
    """It could not."""

    code: str
    message: str
