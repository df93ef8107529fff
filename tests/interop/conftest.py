"""One bridge process for all of a worker's interop tests; each test has a room of its own."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.bridge import Bridge, running_bridge


@pytest.fixture(scope="session")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge that runs for the whole session."""
    folder: Path = tmp_path_factory.mktemp("bridge")
    with running_bridge(folder) as running:
        yield running


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"room-{uuid.uuid4().hex[:12]}"
