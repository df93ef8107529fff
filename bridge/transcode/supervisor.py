"""Legs, seen from the bridge: forked from a warm launcher, counted against a budget, started again when they die.

One process runs each leg. Its end is seen at once, by the end of its control channel; it is started again on the same
media socket, going on with the same stream. One that ends again and again is given up.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import msgspec

from bridge.errors import BridgeError
from bridge.sfu.legs import AnyLegSpec, ComposeSpec, Leg, LegListener, LegSpec, MixSpec, Scene
from bridge.transcode import messages
from bridge.transcode.leg_process import RESTART_SECONDS, LegProcess
from bridge.transcode.messages import Compose, Failed, First, Mix, Ready, Report, Start, Target, Thin
from bridge.transcode.scenes import codec_spec, scene_message

logger = logging.getLogger(__name__)

SEQUENCE_MARGIN = 200
"""How many sequence numbers a successor leaves out: what its predecessor may have sent since it last said."""


@dataclass(frozen=True)
class LegSettings:
    """The budget."""

    max: int = 8
    """Legs at most; 0 for none."""
    memory: int = 2 << 30
    """Address space of each, in bytes."""
    language: str = "nb"
    """Of what stands in composed pictures beside names: "nb", "nn" or "en"."""
    cpus: frozenset[int] | None = None
    """That they may run on; None for those that the bridge may."""


class Place(Protocol):
    """A leg of any kind, as the budget counts it."""

    @property
    def codecs(self) -> tuple[str, str]:
        """What it makes of what."""

    def stop(self) -> None:
        """Ends it and frees its place."""


class LegSupervisor:
    """All legs of this bridge. Implements `bridge.sfu.legs.LegRunner`."""

    def __init__(self, settings: LegSettings) -> None:
        self.settings = settings
        self._legs: set[Place] = set()
        self._launcher: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None
        self._restart: asyncio.TimerHandle | None = None
        self._closed = False
        self.started = 0
        """Processes started, in all."""
        self.restarts = 0
        """Of those, successors of one that ended by itself."""
        self.failures = 0
        """Legs that were given up."""
        self.refused = 0
        """Legs that the budget had no place for."""

    def start(self) -> None:
        """Starts the launcher, if there may be legs at all."""
        if self.settings.max > 0:
            self._launch()

    def close(self) -> None:
        """Ends all legs and the launcher. Idempotent."""
        self._closed = True
        if self._restart is not None:
            self._restart.cancel()
        for leg in tuple(self._legs):
            leg.stop()
        if self._requests is not None:
            asyncio.get_running_loop().remove_reader(self._requests)
            self._requests.close()
            self._requests = None
        if self._launcher is not None:
            # It holds nothing that has to be brought to an end.
            self._launcher.kill()
            self._launcher.wait()
            self._launcher = None

    @property
    def enabled(self) -> bool:
        """Whether there may be legs at all."""
        return self.settings.max > 0

    @property
    def launcher_pid(self) -> int | None:
        """Of the process that legs are forked from."""
        return None if self._launcher is None else self._launcher.pid

    @property
    def cpus(self) -> int:
        """CPUs that legs may run on now; those of the bridge while there is no launcher."""
        try:
            return len(os.sched_getaffinity(self.launcher_pid or 0))
        except ProcessLookupError:
            return len(os.sched_getaffinity(0))

    @property
    def running(self) -> int:
        """Legs that have a place."""
        return len(self._legs)

    def running_by_codec(self) -> dict[tuple[str, str], int]:
        """Legs that have a place, by source and target codec."""
        return Counter(leg.codecs for leg in self._legs)

    def reserve(self, spec: AnyLegSpec, bitrate: int, listener: LegListener) -> Leg:
        """A place for a leg. Raises `BridgeError` (`legs_exhausted`)."""
        leg = SupervisedLeg(self, spec, bitrate, listener)
        self.take_place(leg)
        return leg

    def take_place(self, leg: Place) -> None:
        """Counts a leg against the budget, until it is forgotten. Raises `BridgeError` (`legs_exhausted`)."""
        if self._closed or len(self._legs) >= self.settings.max:
            self.refused += 1
            raise BridgeError(
                "legs_exhausted",
                f"all {self.settings.max} legs of this bridge are in use",
                hint="legs.max bounds them",
            )
        self._legs.add(leg)

    def forget(self, leg: Place) -> None:
        """Told by a leg: its place is free."""
        self._legs.discard(leg)

    def fork(self, control: socket.socket, media: socket.socket) -> bool:
        """Has a process forked with these two sockets. False while there is no launcher to do it."""
        if self._requests is None:
            return False
        try:
            socket.send_fds(self._requests, [b"+"], [control.fileno(), media.fileno()])
        except OSError:
            # It has died, or is overwhelmed.
            return False
        self.started += 1
        return True

    def _launch(self) -> None:
        requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._launcher = subprocess.Popen(  # noqa: S603 - this interpreter and our own module
                [sys.executable, "-m", "bridge.transcode.launcher", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=child_environment(),
            )
        self._keep_to_cpus(self._launcher.pid)
        requests.setblocking(False)
        self._requests = requests
        asyncio.get_running_loop().add_reader(requests, self._launcher_ended)

    def _keep_to_cpus(self, launcher: int) -> None:
        """Legs inherit from the launcher which CPUs they may run on."""
        if self.settings.cpus is None:
            return
        try:
            os.sched_setaffinity(launcher, self.settings.cpus)
        except OSError as error:
            # None of them is the bridge's any more: legs are worth more than where they run.
            logger.warning("legs run on any CPU: those of legs.cpus cannot be had (%s)", error.strerror)

    def _launcher_ended(self) -> None:
        """The launcher never says anything: its socket is readable when it has died."""
        if self._requests is None or self._launcher is None:
            return
        asyncio.get_running_loop().remove_reader(self._requests)
        self._requests.close()
        self._requests = None
        self._launcher.kill()
        logger.error("the launcher of legs has ended: %s", self._launcher.wait())
        self._restart = asyncio.get_running_loop().call_later(RESTART_SECONDS, self._launch)


class SupervisedLeg:
    """One leg, through all the processes that serve it."""

    def __init__(self, supervisor: LegSupervisor, spec: AnyLegSpec, bitrate: int, listener: LegListener) -> None:
        self._supervisor = supervisor
        self._spec = spec
        self._target = Target(bitrate)
        self._listener = listener
        self._scene: Scene | None = None
        self._media: socket.socket | None = None
        self._process = LegProcess(supervisor, self)
        self._sequence, self._thin_sequence = secrets.randbelow(1 << 15), secrets.randbelow(1 << 15)
        self._sequences: Mapping[int, int] = {}
        """The next one of each mix, by SSRC."""
        self._timestamp_offset = secrets.randbelow(1 << 31)
        self._stopped = False
        self.stats: Mapping[str, float] = {}

    @property
    def pid(self) -> int | None:
        """Of the process that serves it now."""
        return self._process.pid

    @property
    def restarts(self) -> int:
        """Processes that another one had to follow."""
        return self._process.restarts

    @property
    def codecs(self) -> tuple[str, str]:
        """What it makes of what: "composed" and "mixed" stand for the codecs of many."""
        match self._spec:
            case ComposeSpec():
                return "composed", self._spec.target.name
            case MixSpec():
                return "mixed", "mixed"
            case LegSpec():
                return self._spec.source[0].name, self._spec.target.name

    def connect(self, media: socket.socket) -> None:
        """Starts it on a connected socket."""
        self._media = media
        self._process.start(media)

    def set_bitrate(self, bitrate: int, thin: int = 0) -> None:
        """What it may send from now on, in bit/s, and what of a second encoding; 0 for none."""
        self._aim(msgspec.structs.replace(self._target, bitrate=bitrate, thin=thin))

    def set_loss(self, percent: int) -> None:
        """What its receivers lose of the sound that it makes."""
        self._aim(msgspec.structs.replace(self._target, loss=percent))

    def set_dtx(self, dtx: bool) -> None:
        """Whether all its receivers prefer that silence is not sent."""
        self._aim(msgspec.structs.replace(self._target, dtx=dtx))

    def set_scene(self, scene: Scene) -> None:
        """What a leg of many inputs works on from now on."""
        if scene != self._scene:
            self._scene = scene
            self._say(scene_message(scene))

    def stop(self) -> None:
        """Ends it. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        self._process.stop()
        self._supervisor.forget(self)

    # LegOwner

    def on_begun(self) -> None:
        """Tells the process what to do."""
        self._say(self._first_message())
        self._say(self._target)
        if self._scene is not None:
            self._say(scene_message(self._scene))

    def on_said(self, data: bytes) -> None:
        """Takes in what the process says of itself."""
        match messages.answer_decoder.decode(data):
            case Ready() as answer:
                self._process.pid = answer.pid
                logger.info("a leg runs", extra={"confined": list(answer.confined)})
            case Report() as answer:
                self._sequence, self._thin_sequence = answer.sequence, answer.thin_sequence
                self._sequences = answer.sequences
                figures = (name for name in answer.__struct_fields__ if name != "sequences")
                self.stats = {name: float(getattr(answer, name)) for name in figures}
            case Failed() as answer:
                self.on_given_up(answer.code)

    def on_process_ended(self) -> bool:
        """Its successor goes on with the same stream, behind all that this one may have sent."""
        self._sequence = _ahead(self._sequence)
        self._thin_sequence = _ahead(self._thin_sequence)
        self._sequences = {ssrc: _ahead(sequence) for ssrc, sequence in self._sequences.items()}
        if self._media is not None:
            _drain(self._media)
        return True

    def on_given_up(self, code: str) -> None:
        """Ends for good by itself."""
        self._supervisor.failures += 1
        self.stop()
        self._listener.on_leg_ended(code)

    def _first_message(self) -> First:
        spec, settings = self._spec, self._supervisor.settings
        match spec:
            case ComposeSpec():
                return Compose(
                    target=codec_spec(spec.target),
                    ssrc=spec.ssrc,
                    bitrate=self._target.bitrate,
                    sequence=self._sequence,
                    timestamp_offset=self._timestamp_offset,
                    language=settings.language,
                    orientation_extension=spec.orientation_extension,
                    limit_address_space=settings.memory,
                    thin=self._second(spec.thin_ssrc),
                )
            case MixSpec():
                return Mix(
                    self._target.bitrate,
                    self._sequence,
                    self._timestamp_offset,
                    settings.memory,
                    dict(self._sequences),
                )
            case LegSpec():
                return Start(
                    kind=spec.kind,
                    source=tuple(codec_spec(each) for each in spec.source),
                    target=codec_spec(spec.target),
                    ssrc=spec.ssrc,
                    bitrate=self._target.bitrate,
                    sequence=self._sequence,
                    timestamp_offset=self._timestamp_offset,
                    orientation_extension=spec.orientation_extension,
                    target_events=None if spec.target_events is None else codec_spec(spec.target_events),
                    limit_address_space=settings.memory,
                    thin=self._second(spec.thin_ssrc),
                )

    def _aim(self, target: Target) -> None:
        self._target = target
        self._say(target)

    def _second(self, ssrc: int | None) -> Thin | None:
        return None if ssrc is None else Thin(ssrc, self._target.thin, self._thin_sequence)

    def _say(self, command: messages.Command) -> None:
        self._process.say(messages.encode(command))


def child_environment() -> dict[str, str]:
    """What a leg needs to know of the bridge's environment, which may hold secrets: where its modules are."""
    kept = ("PATH", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH")
    return {"OPENBLAS_NUM_THREADS": "1", **{name: os.environ[name] for name in kept if name in os.environ}}


def _ahead(sequence: int) -> int:
    """Behind all that a predecessor may have sent since it said where it was."""
    return (sequence + SEQUENCE_MARGIN) & 0xFFFF


def _drain(media: socket.socket) -> None:
    """Throws away what waits: it may be what the predecessor died of."""
    with contextlib.suppress(OSError):
        while media.recv(1, socket.MSG_DONTWAIT):
            pass
