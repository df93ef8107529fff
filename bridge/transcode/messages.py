"""What is said over a leg's control channel: one JSON object in each datagram of a SOCK_SEQPACKET pair.

The socket keeps messages apart, so they need no length. Of what came from the network there are only the names of
participants, as their tokens say them. Neither end logs what is said.
"""

from __future__ import annotations

import msgspec

from bridge.picture_layouts import PictureLayout

MAX_MESSAGE = 64 * 1024
"""Bytes of a message at most."""

START_LOSS = 10
"""Percent of sound that receivers are taken to lose until it is known."""

MAX_NAME = 64
"""Characters of a name that are looked at."""


class CodecSpec(msgspec.Struct, frozen=True):
    """A codec as it is numbered between the core and the leg."""

    name: str
    """In small letters: "vp8", "opus", "pcma" …"""
    payload_type: int
    clock_rate: int
    channels: int = 1
    packetization_mode: int = 1
    """Of H.264 (RFC 6184, section 6.2)."""
    profile: str = ""
    """Of H.264: "high", or anything else for Constrained Baseline; of H.263 the largest size: "qcif", "cif", "4cif"."""


class Thin(msgspec.Struct, frozen=True):
    """A second encoding of a picture, for thin lines."""

    ssrc: int
    bitrate: int
    """To begin with, in bit/s; 0 while none is to be made."""
    sequence: int
    """The first sequence number."""


class Start(msgspec.Struct, frozen=True, tag="start"):
    """What the leg is to do. The first message to it."""

    kind: str
    """"video" or "audio"."""
    source: tuple[CodecSpec, ...]
    """What comes; the payload type tells which."""
    target: CodecSpec
    """What is to be sent."""
    ssrc: int
    """SSRC of what is sent."""
    bitrate: int
    """To begin with, in bit/s."""
    sequence: int
    """The first sequence number."""
    timestamp_offset: int
    """Added to incoming timestamps, in units of the target's clock."""
    target_events: CodecSpec | None = None
    """What telephone events (RFC 4733) are sent as; without it they are left out."""
    orientation_extension: int | None = None
    """Id of the video orientation extension (3GPP TS 26.114), which is handed on."""
    limit_address_space: int = 2 << 30
    """RLIMIT_AS in bytes."""
    thin: Thin | None = None


class StartRecording(msgspec.Struct, frozen=True, tag="start_recording"):
    """The leg is to record. The first message to it; `bridge.transcode.recorder.messages` has those that follow."""

    key: bytes
    """Of the recording; never the operator's."""
    zero: float
    """CLOCK_MONOTONIC at the recording's beginning, moved by how long it was paused."""
    paused: bool
    minimum_free: int
    """Bytes that have to be left on the file system."""
    limit_address_space: int = 2 << 30
    """RLIMIT_AS in bytes."""


class Compose(msgspec.Struct, frozen=True, tag="compose"):
    """The leg is to make one picture of many. The first message to it; `Pictures` says of which."""

    target: CodecSpec
    ssrc: int
    bitrate: int
    """To begin with, in bit/s."""
    sequence: int
    timestamp_offset: int
    language: str = "nb"
    """Of what stands in the picture beside names."""
    orientation_extension: int | None = None
    limit_address_space: int = 2 << 30
    thin: Thin | None = None


class Mix(msgspec.Struct, frozen=True, tag="mix"):
    """The leg is to mix sounds. The first message to it; `Voices` says which, and for whom."""

    bitrate: int
    sequence: int
    """With which a mix begins that there was not yet."""
    timestamp_offset: int
    limit_address_space: int = 2 << 30
    sequences: dict[int, int] = {}
    """The next sequence number of mixes that there were, by SSRC."""


class Sound(msgspec.Struct, frozen=True):
    """A stream of sound that comes in."""

    ssrc: int
    codecs: tuple[CodecSpec, ...]


class PictureSource(msgspec.Struct, frozen=True):
    """Somebody's camera or screen, as it is to stand in a composed picture."""

    id: str
    """The same as long as it is the same source, whatever becomes of its stream."""
    name: str
    ssrc: int | None
    """Of its stream; None while none comes: initials stand in its place."""
    codecs: tuple[CodecSpec, ...] = ()
    screen: bool = False
    pinned: bool = False
    speaking: bool = False
    muted: bool = False


class Pictures(msgspec.Struct, frozen=True, tag="pictures"):
    """Who is to be in the composed picture from now on, in order."""

    sources: tuple[PictureSource, ...]
    layout: PictureLayout = "auto"
    upright: bool = False


class Voice(msgspec.Struct, frozen=True):
    """Everything that is heard of one participant."""

    id: str
    sounds: tuple[Sound, ...]


class MixOutput(msgspec.Struct, frozen=True):
    """A mix that is to be made."""

    ssrc: int
    codec: CodecSpec
    without: str | None
    """Whose voice is left out; None for nobody's."""


class Voices(msgspec.Struct, frozen=True, tag="voices"):
    """What is to be mixed from now on, and for whom."""

    voices: tuple[Voice, ...]
    outputs: tuple[MixOutput, ...]


class Target(msgspec.Struct, frozen=True, tag="target"):
    """What may be sent from now on."""

    bitrate: int
    """In bit/s of RTP payload; 0: a composed picture is not made while nobody looks at it."""
    thin: int = 0
    """The same of the second encoding; 0 for none."""
    loss: int = START_LOSS
    """Percent of sound that its receivers lose."""
    dtx: bool = False
    """Whether they all prefer that silence is not sent."""


class Report(msgspec.Struct, frozen=True, tag="report"):
    """How the leg does, once a second. Counters since its start."""

    frames_in: int
    frames_out: int
    errors: int
    """Packets, frames and pictures that made no sense."""
    gaps: int
    """Times that packets were given up."""
    bytes_out: int
    cpu_seconds: float
    delay_p50: float
    """From the last packet of a frame being read to its re-encoded packets being sent, over the last second, in
    seconds."""
    delay_max: float
    sequence: int
    """The next sequence number: a successor goes on from there."""
    bitrate: int
    """What it may send, in bit/s."""
    width: int = 0
    height: int = 0
    thin_sequence: int = 0
    """The next sequence number of the second encoding."""
    sequences: dict[int, int] = {}
    """The next sequence number of each mix, by SSRC."""


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The leg takes packets."""

    pid: int
    confined: tuple[str, ...]
    """What the system let it give up: "capabilities", "no_new_privileges", "network", "files"."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The leg cannot do what is asked, and ends."""

    code: str
    message: str


First = Start | StartRecording | Compose | Mix
Command = First | Target | Pictures | Voices
Answer = Report | Ready | Failed

encode = msgspec.json.encode
command_decoder = msgspec.json.Decoder(Command)
answer_decoder = msgspec.json.Decoder(Answer)
