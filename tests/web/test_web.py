"""The SDK and the page, tested by node's own test runner; the page in real browsers over a bridge inside the page."""

import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("*.test.js"))


@pytest.mark.parametrize("name", FILES)
def test_node(name: str) -> None:
    done = subprocess.run(
        ["node", "--test", "--test-reporter=spec", name], cwd=HERE, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
