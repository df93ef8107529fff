"""One bridge with ID-porten and HelseID side by side, for a module of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bridge.app import Application
from tests.auth.oidc.counterpart import Counterpart, Person, person, running_provider
from tests.signaling.signin.house import House, Vendor, settings_of
from tests.support.bridge import free_port


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def id_porten(port: int) -> Iterator[Counterpart]:
    with running_provider("id-porten", f"http://127.0.0.1:{port}/signin/id-porten/callback") as counterpart:
        yield counterpart


@pytest.fixture(scope="module")
def helseid(port: int) -> Iterator[Counterpart]:
    with running_provider("helseid", f"http://127.0.0.1:{port}/signin/helseid/callback") as counterpart:
        yield counterpart


@pytest.fixture
async def house(tmp_path: Path, port: int, id_porten: Counterpart, helseid: Counterpart) -> AsyncIterator[House]:
    settings = settings_of(tmp_path, port, id_porten, helseid)
    application = Application(settings, development=True)
    await application.start()
    base = f"http://127.0.0.1:{port}"
    yield House(application, base, Vendor(base, settings.data.directory))
    await application.close()


@pytest.fixture
async def somebody() -> AsyncIterator[Person]:
    async with person() as each:
        yield each
