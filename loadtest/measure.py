"""A bridge to measure: its own process on free ports, its CPU time and memory as the kernel counts them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from bridge.auth.development import DEVELOPMENT_ISSUER, development_secret
from bridge.auth.minting import mint
from bridge.auth.printed_keys import API_KEY
from loadtest.ports import free_port

BRIDGE = Path(sys.executable).with_name("bridge")
_PATIENCE = 120.0
"""Seconds. A bridge takes one of a core to start, and whoever measures may keep the machine busy."""


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which `percent` per cent lie (nearest rank); NaN for none."""
    if not values:
        return float("nan")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(percent / 100 * len(ordered)) - 1))]


def rounded(row: Mapping[str, Any]) -> dict[str, Any]:
    """Figures for people to read: four digits behind the point."""
    return {
        key: rounded(value) if isinstance(value, Mapping) else round(value, 4) if isinstance(value, float) else value
        for key, value in row.items()
    }


@dataclass(frozen=True)
class DevelopmentBridge:
    """A running `bridge serve --dev`. Can be handed to another process."""

    url: str
    pid: int
    media_port: int
    data: Path
    secret: bytes

    @classmethod
    @contextlib.contextmanager
    def running(
        cls,
        *extra: str,
        host: str = "127.0.0.1",
        program: Sequence[str] = (str(BRIDGE),),
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[DevelopmentBridge]:
        """Starts one and ends it, on free ports of an address of this machine; it ends with this process, too.

        `program` takes what `bridge` takes; `environment` comes on top of that of this process.
        """
        with tempfile.TemporaryDirectory(prefix="bridge-loadtest-") as folder:
            data = Path(folder)
            address, media_port = f"{host}:{free_port(host)}", free_port(host)
            command = [*program, "serve", "--dev", "--http", address, "--media", f"{host}:{media_port}"]
            if host != "127.0.0.1":
                command.append("--insecure")
            # Where there is one to be had, a wrapper ends it when this process is killed.
            leash = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
            with (data / "log").open("wb") as log:
                process = subprocess.Popen(
                    [*leash, *command, "--data", folder, *extra],
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    env={**os.environ, **(environment or {})},
                    # Ctrl-C is for whoever measures, and ends the bridge last.
                    start_new_session=True,
                )
            try:
                _wait_ready(f"http://{address}", process, data / "log")
                yield cls(f"http://{address}", process.pid, media_port, data, development_secret(data, create=False))
            finally:
                process.terminate()
                try:
                    process.wait(_PATIENCE)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                if faults := logged_errors((data / "log").read_text(encoding="utf-8", errors="replace")):
                    print(f"the bridge logged {len(faults)} errors; the first: {faults[0]}", file=sys.stderr)

    def token(self, room: str, identity: str, role: str, *, name: str | None = None, ttl: float = 600) -> str:
        """A join token of `ttl` seconds, which leads into the room whatever the role."""
        return mint(
            self.secret,
            issuer=DEVELOPMENT_ISSUER,
            audience="bridge",
            room=room,
            identity=identity,
            role=role,
            issued_at=time.time(),
            ttl=ttl,
            name=name,
            enters="direct",
        )

    def keep_flight_records(self, room: str, archive: Path) -> str:
        """Writes what the bridge did on the connections of a room of its development vendor; gives why it could not."""
        name = f"{DEVELOPMENT_ISSUER}/{room}"
        command = [str(BRIDGE), "rooms", "report", name, "--data", str(self.data), "--output", str(archive)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        return done.stderr.strip()[:300] if done.returncode else ""

    def api_key(self) -> str:
        """Of the development vendor, for the REST API."""
        return (self.data / API_KEY).read_text(encoding="ascii").strip()

    def cpu_seconds(self) -> float:
        """User and system time of the process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def thread_cpu_seconds(self) -> dict[str, tuple[float, float]]:
        """User and system time by name of thread, added up over threads of the same name."""
        times: dict[str, tuple[float, float]] = {}
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            name, fields = (task / "stat").read_text().split("(", 1)[1].rsplit(")", 1)
            user, system = (int(field) / os.sysconf("SC_CLK_TCK") for field in fields.split()[11:13])
            before = times.get(name, (0.0, 0.0))
            times[name] = (before[0] + user, before[1] + system)
        return times

    def metrics(self) -> dict[str, float]:
        """Samples of `/metrics`, added up over workers; the label `kind` or `direction` follows a colon."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        samples: dict[str, float] = {}
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                label = sample.labels.get("kind") or sample.labels.get("direction")
                name = f"{sample.name}:{label}" if label else sample.name
                samples[name] = samples.get(name, 0.0) + sample.value
        return samples

    def rss_bytes(self) -> int:
        """Resident memory of the process."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def logged_errors(log: str) -> list[str]:
    """The lines of a bridge's log that tell of errors: whatever the figures say, something has gone wrong."""
    errors = []
    for line in log.splitlines():
        with contextlib.suppress(ValueError):
            entry = json.loads(line)
            if isinstance(entry, dict) and entry.get("level") == "error":
                errors.append(line)
    return errors


def _wait_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, OSError), urllib.request.urlopen(f"{url}/readyz", timeout=2):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the bridge did not start:\n{log.read_text(errors='replace')[-2000:]}")
