"""One bridge with ID-porten and HelseID side by side, for a module of tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from bridge.app import Application
from loadtest.ports import free_port
from tests.auth.oidc.counterpart import AUDIENCE, Counterpart, Person, person, running_provider
from tests.signaling.signin.house import House, Vendor, settings_of


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


EXCHANGE = """
[[signin.exchanges]]
id = "{id}"
tenant = "dev"
kind = "helseid"
issuer = "{issuer}"
audience = "{audience}"
scopes = ["bridge:join"]
scheme = "{scheme}"
roles = ["fastlege"]
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(
    tmp_path_factory: pytest.TempPathFactory, port: int, id_porten: Counterpart, helseid: Counterpart
) -> AsyncIterator[House]:
    more = "".join(
        EXCHANGE.format(id=name, issuer=helseid.issuer, audience=audience, scheme=scheme)
        for name, scheme, audience in (
            ("portal", "dpop", AUDIENCE),
            ("bearer", "bearer", AUDIENCE),
            ("other", "dpop", "nhn:another"),
        )
    )
    settings = settings_of(tmp_path_factory.mktemp("house"), port, id_porten, helseid, more=more)
    application = Application(settings, development=True)
    await application.start()
    base = f"http://127.0.0.1:{port}"
    yield House(application, base, Vendor(base, settings.data.directory))
    await application.close()


@pytest_asyncio.fixture(loop_scope="module")
async def somebody() -> AsyncIterator[Person]:
    async with person() as each:
        yield each
