"""The native swarm (`loadtest/native`): how it is found, started, read and ended."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from loadtest.errors import InputError
from loadtest.priority import go_before_others

Line = dict[str, Any]
"""A line of the swarm's report, as `loadtest/native/src/report/line.rs` describes it."""

_BUILT = Path(__file__).parents[1] / "native" / "target" / "release" / "bridge-swarm"
_GRACE = 10.0
"""Seconds that it may take to say goodbye."""


def find() -> Path:
    """The program: that of `BRIDGE_SWARM`, the one that was built here, or one in the path. Raises `InputError`."""
    named = os.environ.get("BRIDGE_SWARM")
    for candidate in (named, str(_BUILT), "bridge-swarm"):
        found = shutil.which(candidate) if candidate else None
        if found is not None:
            return Path(found)
    raise InputError("there is no bridge-swarm: expected it to be built", hint="make swarm, or BRIDGE_SWARM=PATH")


def play(plan: dict[str, Any], on_line: Callable[[Line], None]) -> None:
    """Plays a plan (`loadtest/native/src/plan.rs`) to its end. Every line goes to `on_line` as it comes.

    SIGINT and SIGTERM end the run early, and with the usual goodbyes; the last lines come then, too. Raises
    `InputError` for a plan that cannot be played, `KeyboardInterrupt` after an early end.
    """
    program = find()
    with tempfile.TemporaryDirectory(prefix="swarm-") as folder:
        path = Path(folder) / "plan.json"
        path.write_text(json.dumps(plan))
        leash = ["setpriv", "--pdeathsig", "TERM", "--"] if shutil.which("setpriv") else []
        process = subprocess.Popen(
            [*leash, str(program), str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C is for us, who then tell it.
            start_new_session=True,
        )
        go_before_others(process.pid)
        try:
            with _interrupted_by_signals(process) as interrupted:
                assert process.stdout is not None
                assert process.stderr is not None
                for text in process.stdout:
                    on_line(json.loads(text))
                problem = process.stderr.read().strip()
                code = process.wait(_GRACE)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if code != 0:
        raise InputError(problem.removeprefix("bridge-swarm: ") or f"bridge-swarm ended with {code}")
    if interrupted:
        raise KeyboardInterrupt


@contextlib.contextmanager
def _interrupted_by_signals(process: subprocess.Popen[str]) -> Iterator[list[int]]:
    """Hands SIGINT and SIGTERM on; the list tells which came."""
    came: list[int] = []

    def on_signal(number: int, _: object) -> None:
        came.append(number)
        process.terminate()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
