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

    @property
    def signal_url(self) -> str:
        """Of the WebSocket door."""
        return self.url.replace("http", "ws", 1) + "/v1/signal"

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
            raise InputError(f"the command failed: {done.stderr.strip()[:300]}", Place("--token"))
        return done.stdout.strip()


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds what names the bridge."""
    bridge = parser.add_argument_group("the bridge (by default one of its own is started)")
    bridge.add_argument("--bridge", metavar="URL", help="one that runs already, such as http://192.0.2.1:8080")
    bridge.add_argument(
        "--token",
        metavar="COMMAND",
        help="prints a join token; {room}, {identity} and {role} are filled in (needed with --bridge)",
    )


@contextlib.contextmanager
def opened(options: argparse.Namespace) -> Iterator[Target]:
    """The bridge that the options name. Raises `InputError`."""
    if (options.bridge is None) != (options.token is None):
        raise InputError("--bridge and --token go together: expected both or none")
    if options.bridge is not None:
        yield Target(options.bridge.rstrip("/"), options.token)
        return
    with DevelopmentBridge.running() as process:
        go_before_others(process.pid)
        yield Target(process.url, process=process)
