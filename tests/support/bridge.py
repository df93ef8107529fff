"""A real bridge process on free ports, started by a test and stopped by its process id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from loadtest.ports import free_port
from tests.support.patience import PATIENCE

BRIDGE = Path(sys.executable).with_name("bridge")
"""The command that `make build` leaves beside the interpreter."""


@dataclass
class Bridge:
    """A running `bridge serve --dev`."""

    data: Path
    http_address: str
    media_address: str
    log: Path
    extra: Sequence[str] = ()
    wrapper: Sequence[str] = ()
    """A command that runs it, such as `ip netns exec NAME`."""
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The base URL of its doors."""
        return f"http://{self.http_address}"

    @property
    def ws_url(self) -> str:
        """The URL of its WebSocket door."""
        return f"ws://{self.http_address}/v1/signal"

    @property
    def media_port(self) -> int:
        """The first worker's port."""
        return int(self.media_address.rsplit(":", 1)[1])

    def start(self) -> None:
        """Starts the process and waits until it is ready."""
        command = [
            *self.wrapper,
            str(BRIDGE),
            "serve",
            "--dev",
            "--http",
            self.http_address,
            "--media",
            self.media_address,
        ]
        command += ["--data", str(self.data), *self.extra]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        self.wait_ready()

    def wait_ready(self, within: float = PATIENCE) -> None:
        """Returns when /readyz says so; raises with the log's end when it does not."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            with contextlib.suppress(httpx.HTTPError):
                if httpx.get(f"{self.url}/readyz", timeout=PATIENCE).status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the bridge did not become ready:\n{self.log_tail()}")

    def log_tail(self, lines: int = 40) -> str:
        """The end of what it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """Asks it to end (SIGTERM) and waits; kills it when it does not."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        self.process = None

    def kill(self) -> None:
        """Ends it as a power cut would (SIGKILL)."""
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.process = None

    def faults(self) -> list[str]:
        """What it logged of errors that nobody had thought of."""
        return [line for line in self.log.read_text(encoding="utf-8").splitlines() if '"exception"' in line]

    def token(self, room: str, identity: str, role: str = "fastlege", *more: str) -> str:
        """A join token, made by the command that vendors try first. It leads past the lobby unless `more` says else."""
        command = [str(BRIDGE), "token", "--data", str(self.data), "--room", room, "--identity", identity]
        if "--enters" not in more:
            command += ["--enters", "direct"]
        done = subprocess.run([*command, "--role", role, "--ttl", "10m", *more], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def api_key(self, tenant: str = "dev", *scopes: str) -> str:
        """A key for the REST API, made by the operator's command."""
        command = [str(BRIDGE), "apikey", "--data", str(self.data), "create", "--tenant", tenant]
        command += [word for scope in scopes for word in ("--scope", scope)]
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


@contextlib.contextmanager
def running_bridge(folder: Path, *extra: str, host: str = "127.0.0.1", wrapper: Sequence[str] = ()) -> Iterator[Bridge]:
    """A bridge with a data directory below `folder`, stopped at the end; `wrapper` is a command that runs it."""
    shown = f"[{host}]" if ":" in host else host
    folder.mkdir(parents=True, exist_ok=True)
    bridge = Bridge(
        data=folder / "data",
        http_address=f"{shown}:{free_port(host)}",
        media_address=f"{shown}:{free_port(host)}",
        log=folder / "bridge.log",
        extra=extra,
        wrapper=wrapper,
    )
    try:
        bridge.start()
        yield bridge
    finally:
        bridge.stop()
    assert not (faults := bridge.faults()), faults


@contextlib.asynccontextmanager
async def http_client() -> AsyncIterator[httpx.AsyncClient]:
    """A client for the doors."""
    async with httpx.AsyncClient(timeout=PATIENCE) as client:
        yield client


async def eventually(condition: object, within: float = PATIENCE, every: float = 0.05) -> None:
    """Waits until the callable `condition` is true; for states of other processes that announce nothing."""
    assert callable(condition)
    deadline = asyncio.get_running_loop().time() + within
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"not within {within} s: {condition}"
        await asyncio.sleep(every)
