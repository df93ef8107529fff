"""A network, a bridge process, and Chromium and Firefox for browser tests; each test has a room of its own."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from loadtest.ports import free_port
from tests.browser.browsers import Browser, BrowserName, Driver, running_driver
from tests.support.bridge import Bridge
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


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_driver(network: Network) -> AsyncIterator[Driver]:
    """The process that drives a module's browsers."""
    async with running_driver() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_chromium(module_driver: Driver) -> Browser:
    """Starting a browser costs seconds of a core: a module has one of each kind."""
    return await module_driver.launch("chromium", kept=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_firefox(module_driver: Driver) -> Browser:
    """The module's Firefox, which is green."""
    return await module_driver.launch("firefox", identity=GREEN, kept=True)


@pytest_asyncio.fixture(loop_scope="module")
async def driver(module_driver: Driver) -> AsyncIterator[Driver]:
    """Drives browsers; the pages and the browsers that a test opens end with it."""
    yield module_driver
    await module_driver.tidy()


@pytest_asyncio.fixture(loop_scope="module")
async def chromium(driver: Driver, module_chromium: Browser) -> Browser:
    """Chromium, for anybody."""
    return module_chromium


@pytest_asyncio.fixture(loop_scope="module")
async def firefox(driver: Driver, module_firefox: Browser) -> Browser:
    """Firefox, for whoever is green."""
    return module_firefox


@pytest.fixture
def browsers(chromium: Browser, firefox: Browser) -> dict[BrowserName, Browser]:
    """Both."""
    return {"chromium": chromium, "firefox": firefox}


@pytest.fixture
def room() -> str:
    """A room that no other test uses."""
    return f"room-{uuid.uuid4().hex[:12]}"
