"""A network, a bridge process, and Chromium and Firefox for browser tests; each test has a room of its own."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.browser.browsers import Browser, BrowserName, Driver, running_driver
from tests.support.bridge import Bridge, free_port
from tests.support.media import GREEN
from tests.support.namespace import Network, may_make_networks, own_network


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    """The namespace that a module's tests run in."""
    if not may_make_networks():
        pytest.skip(
            "needs root: Firefox does not talk to loopback addresses, so these tests make a network of their own"
        )
    with own_network() as made:
        yield made


def make_bridge(folder: Path, address: str) -> Bridge:
    """A bridge whose page is on a loopback address, as secure pages must be, and whose media is on `address`."""
    folder.mkdir(parents=True, exist_ok=True)
    return Bridge(
        data=folder / "data",
        http_address=f"127.0.0.1:{free_port()}",
        media_address=f"[{address}]:{free_port()}" if ":" in address else f"{address}:{free_port()}",
        log=folder / "bridge.log",
    )


@pytest.fixture(scope="module")
def bridge(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    """A bridge that runs for a module's tests."""
    made = make_bridge(tmp_path_factory.mktemp("bridge"), network.ipv4)
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest_asyncio.fixture
async def driver(network: Network) -> AsyncIterator[Driver]:
    """The process that drives browsers; those that a test starts end with it."""
    async with running_driver() as running:
        yield running


@pytest_asyncio.fixture
async def browsers(driver: Driver) -> dict[BrowserName, Browser]:
    """Chromium, for anybody, and Firefox, for whoever is green."""
    chromium, firefox = await asyncio.gather(driver.launch("chromium"), driver.launch("firefox", identity=GREEN))
    return {"chromium": chromium, "firefox": firefox}


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"room-{uuid.uuid4().hex[:12]}"
