"""The bridge that the swarm is sent to: one of our own, or one that runs already."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from loadtest.errors import InputError, Place
from loadtest.measure import DevelopmentBridge
from loadtest.priority import go_before_others

_TOKEN_SECONDS = 3600


@dataclass(frozen=True)
class Target:
    """Where its doors are, and who makes tokens for it."""

    url: str
    """Such as `http://192.0.2.1:8080`."""
    token_command: str | None = None
    process: DevelopmentBridge | None = None
    whip: str | None = None
    """Where other makes publish; {room} is filled in. None for the bridge's own place."""
    whep: str | None = None

    @property
    def signal_url(self) -> str:
        """Of the WebSocket door."""
        return self.url.replace("http", "ws", 1) + "/v1/signal"

    def whip_url(self, room: str) -> str:
        """Where to publish."""
        return _filled(self.whip, room) if self.whip is not None else f"{self.url}/whip/{room}"

    def whep_url(self, room: str) -> str:
        """Where to watch."""
        return _filled(self.whep, room) if self.whep is not None else f"{self.url}/whep/{room}"

    def token(self, room: str, identity: str, role: str) -> str:
        """A join token. Raises `InputError`."""
        if self.process is not None:
            return self.process.token(room, identity, role, ttl=_TOKEN_SECONDS)
        assert self.token_command is not None
        values = {"room": room, "identity": identity, "role": role}
        try:
            words = [word.format(**values) for word in shlex.split(self.token_command)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        except (KeyError, ValueError, IndexError) as error:
            message = f"{self.token_command!r}: expected {{room}}, {{identity}} or {{role}} ({error})"
            raise InputError(message, Place("--token")) from None
        except (OSError, subprocess.TimeoutExpired) as error:
            raise InputError(f"{words[0]}: {error}", Place("--token")) from None
        if done.returncode != 0:
            raise InputError(f"the command ended with {done.returncode}: {done.stderr.strip()[:300]}", Place("--token"))
        return done.stdout.strip()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what names the bridge."""
    bridge = parser.add_argument_group("the bridge (by default one of its own is started)")
    bridge.add_argument("--bridge", metavar="URL", help="one that runs already, such as http://192.0.2.1:8080")
    bridge.add_argument(
        "--token",
        metavar="COMMAND",
        help="prints a join token; {room}, {identity} and {role} are filled in (needed with --bridge and --target)",
    )
    bridge.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="DOOR=URL",
        help="another make's door: whip=URL or whep=URL, with {room} in it (both are needed)",
    )


@contextlib.contextmanager
def opened(options: argparse.Namespace) -> Iterator[Target]:
    """The bridge that the options name. Raises `InputError`."""
    named = options.bridge is not None or bool(options.target)
    if named != (options.token is not None):
        raise InputError("--token goes with --bridge or --target: expected both or none")
    if options.target:
        doors = dict(each.partition("=")[::2] for each in options.target)
        if set(doors) != {"whip", "whep"} or options.bridge is not None:
            raise InputError("expected whip=URL and whep=URL, and no --bridge", Place("--target"))
        for url in doors.values():
            _filled(url, "room")
        yield Target("", options.token, whip=doors["whip"], whep=doors["whep"])
        return
    if options.bridge is not None:
        yield Target(options.bridge.rstrip("/"), options.token)
        return
    with DevelopmentBridge.running() as process:
        go_before_others(process.pid)
        yield Target(process.url, process=process)


def _filled(url: str, room: str) -> str:
    try:
        return url.format(room=room)
    except (KeyError, ValueError, IndexError):
        raise InputError(f"{url!r}: expected a URL with {{room}} in it", Place("--target")) from None
