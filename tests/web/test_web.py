"""The SDK and the page, tested by node's own test runner; the page in real browsers over a bridge inside the page."""

import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.test.js"))
IN_BROWSERS = {"consent.test.js", "consultation.test.js", "lacking.test.js", "page.test.js"}
"""These take a minute in each browser: a run for each, so that workers share them."""
LIMIT = 900
"""Seconds of a run on a busy machine."""
RUNS = [(name, browser) for name in FILES for browser in (("chromium", "firefox") if name in IN_BROWSERS else (None,))]


@pytest.mark.timeout(LIMIT + 20)
@pytest.mark.parametrize(("name", "browser"), RUNS, ids=["-".join(filter(None, run)) for run in RUNS])
def test_node(name: str, browser: str | None) -> None:
    done = subprocess.run(
        ["node", "--test", "--test-reporter=spec", name],
        cwd=HERE,
        env={**os.environ, **({"BRIDGE_BROWSER": browser} if browser else {})},
        capture_output=True,
        text=True,
        # Before pytest ends it, which would leave its browser behind.
        timeout=LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
