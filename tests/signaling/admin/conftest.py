"""One bridge with its operators' page, for a module of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bridge.app import Application
from bridge.auth.operator_keys import OperatorKeys
from tests.signaling.admin.house import House, settings_of


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    settings = settings_of(tmp_path_factory.mktemp("admin") / "data")
    application = Application(settings, development=True)
    await application.start()
    yield House(application, OperatorKeys(settings.data.directory))
    await application.close()
