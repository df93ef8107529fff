"""What the bridge's page needs of a browser, whichever it is."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Protocol

from loadtest.participants.participant import ParticipantError

WIDTH = 1280
HEIGHT = 800
"""Of every page, in pixels."""
PATIENCE = 30.0
"""Seconds within which a browser must answer."""


class Page(Protocol):
    """A page of a browser. Every method may raise `ParticipantError`."""

    async def navigate(self, url: str) -> None:
        """Goes to an address and returns when the document has come."""

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited; an error has what was thrown."""

    async def screenshot(self, path: Path) -> None:
        """Writes a PNG of what is seen."""


class Browser(Protocol):
    """A running browser."""

    async def open(self, script: str) -> Page:
        """A page with storage of its own, in which `script` runs before anything else. It shows nothing yet."""

    async def close(self) -> None:
        """Ends the browser and removes its profile. Raises nothing."""


async def wait(page: Page, expression: str, within: float = 20.0) -> None:
    """Waits until an expression is true. Raises `ParticipantError`."""
    deadline = asyncio.get_running_loop().time() + within
    while not await page.evaluate(expression):
        if asyncio.get_running_loop().time() > deadline:
            raise ParticipantError(f"not within {within:g} s: {expression}")
        await asyncio.sleep(0.05)
