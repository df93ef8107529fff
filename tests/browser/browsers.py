"""Chromium and Firefox for tests: real browsers, driven through a node process (driver.js).

Each page has a camera of its own colour and a microphone of its own tone (`tests.support.media.Identity`), and says
whose pictures and sounds it receives.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tests.support.media import BLUE, Identity, identity_of_colour, identity_of_tone
from tests.support.patience import PATIENCE

HERE = Path(__file__).parent
BrowserName = Literal["chromium", "firefox"]


class BrowserError(Exception):
    """The browser, or the page in it, did not do what was asked."""


@dataclass
class Driver:
    """The node process that drives the browsers."""

    process: asyncio.subprocess.Process
    _replies: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _ids: Iterable[int] = field(default_factory=lambda: itertools.count(1))
    _reader: asyncio.Task[None] | None = None

    @classmethod
    async def start(cls) -> Driver:
        """Starts node; browsers start with `launch`."""
        process = await asyncio.create_subprocess_exec(
            "node",
            str(HERE / "driver.js"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=2**24,
        )
        driver = cls(process)
        driver._reader = asyncio.create_task(driver._read())
        return driver

    async def launch(
        self,
        browser: BrowserName,
        *,
        wrapper: Sequence[str] = (),
        flags: Sequence[str] = (),
        preferences: Mapping[str, bool | int | str] | None = None,
        identity: Identity | None = None,
        kept: bool = False,
    ) -> Browser:
        """A browser of its own; `wrapper` is a command that runs it, such as `ip netns exec NAME`.

        One that is `kept` outlives `tidy`. Firefox has one tone for all its pages: that of `identity`.
        """
        tone = {"media.navigator.audio.fake_frequency": identity.tone} if identity else {}
        options = {
            "wrapper": list(wrapper),
            "flags": list(flags),
            "preferences": {**tone, **(preferences or {})},
            "kept": kept,
        }
        return Browser(self, browser, await self.request("launch", browser=browser, **options), identity)

    async def tidy(self) -> None:
        """Ends every page, and every browser that is not kept."""
        await self.request("tidy")

    async def request(self, method: str, **params: Any) -> Any:
        """Asks the node process; raises `BrowserError` with what it says went wrong."""
        assert self.process.stdin is not None
        number = next(iter(self._ids))
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        self.process.stdin.write(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")
        await self.process.stdin.drain()
        return await reply

    async def close(self) -> None:
        """Ends node and with it all its browsers."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), PATIENCE)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        if self._reader is not None:
            await self._reader

    async def _read(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            reply = json.loads(line)
            waiting = self._replies.pop(reply["id"])
            if waiting.done():
                continue
            if "error" in reply:
                waiting.set_exception(BrowserError(reply["error"]))
            else:
                waiting.set_result(reply["result"])
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(BrowserError("the driver has ended"))


@dataclass(frozen=True)
class Browser:
    """A running browser."""

    driver: Driver
    name: BrowserName
    handle: str
    identity: Identity | None

    async def open(self, url: str, identity: Identity, *, language: str = "nb", rate: int = 10) -> Page:
        """Opens a page in a profile of its own, with the identity's camera and microphone; its screen is blue.

        Both give `rate` pictures a second.
        """
        if self.name == "firefox" and identity != self.identity:
            raise ValueError("Firefox has the tone that it was launched with")
        synthesize = self.name != "firefox"
        looks = json.dumps(
            {
                "colour": identity.colour,
                "tone": identity.tone,
                "synthesize": synthesize,
                "screen": BLUE.colour,
                "rate": rate,
            }
        )
        speaks = f"Object.defineProperty(navigator, 'languages', {{ get: () => [{json.dumps(language)}] }});"
        script = f"{(HERE / 'instrument.js').read_text()}\ninstrument({looks});\n{speaks}"
        page = await self.driver.request("open", browser=self.handle, url=url, script=script)
        return Page(self.driver, page)

    async def open_plain(self, url: str) -> Page:
        """Opens a page that is only looked at."""
        return Page(self.driver, await self.driver.request("open", browser=self.handle, url=url))


@dataclass(frozen=True)
class Page:
    """A page that a participant looks at."""

    driver: Driver
    handle: str

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, awaited."""
        return await self.driver.request("evaluate", page=self.handle, expression=expression)

    async def wait(self, expression: str, within: float = PATIENCE) -> None:
        """Waits until a JavaScript expression is true."""
        await self.driver.request("wait", page=self.handle, expression=expression, timeout=within * 1000)

    async def press(self, label: str, *, role: str = "button", within: str = "", patience: float = PATIENCE) -> None:
        """Presses the button, or what else has the role, of this accessible name; `within` is a CSS selector."""
        where = {"label": label, "role": role, "within": within, "timeout": patience * 1000}
        await self.driver.request("press", page=self.handle, **where)

    async def fill(self, label: str, text: str, *, patience: float = PATIENCE) -> None:
        """Writes into the field of this label, in place of what stands there."""
        await self.driver.request("fill", page=self.handle, label=label, text=text, timeout=patience * 1000)

    async def choose(self, label: str, option: str, *, patience: float = PATIENCE) -> None:
        """Chooses the option of this text in the list of this label."""
        await self.driver.request("choose", page=self.handle, label=label, option=option, timeout=patience * 1000)

    async def reload(self) -> None:
        """Reloads the page, as a person would."""
        await self.driver.request("reload", page=self.handle)

    async def emulate(self, *, width: int, height: int, dark: bool = False) -> None:
        """Another window size, and the colours that the system prefers (Chromium only)."""
        await self.driver.request("emulate", page=self.handle, width=width, height=height, dark=dark)

    async def noticed(self) -> dict[str, list[str]]:
        """What it has said on its console, thrown and asked for since it was opened: console, errors, requests."""
        answer: dict[str, list[str]] = await self.driver.request("noticed", page=self.handle)
        return answer

    async def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Writes a PNG, of the whole page or of what its window shows."""
        await self.driver.request("screenshot", page=self.handle, path=str(path), whole=whole)

    async def close(self) -> None:
        """Closes the page."""
        await self.driver.request("close", page=self.handle)

    async def expect(self, *others: Identity, screens: Sequence[Identity] = (), within: float = PATIENCE) -> None:
        """Waits until just these identities are seen and heard, each once, and move; `screens` are only seen."""
        expected = sorted(other.name for other in others)
        expected_pictures = sorted(expected + [screen.name for screen in screens])
        seen: list[str] = []
        heard: list[str] = []
        frames = await self.frames()
        deadline = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < deadline:
            seen = names(identity_of_colour(tuple(colour)) for colour in await self.evaluate("received.colours()"))
            heard = names(identity_of_tone(tone) for tone in await self.evaluate("received.tones()"))
            if seen == expected_pictures and heard == expected and (not others or await self.frames() > frames):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"expected {expected_pictures} within {within} s, but saw {seen} and heard {heard}")

    async def frames(self) -> int:
        """Frames decoded so far, of all remote pictures."""
        return int(await self.evaluate("received.frames()"))


def names(identities: Iterable[Identity | None]) -> list[str]:
    """Sorted, with "nobody" for what is not recognised."""
    return sorted(identity.name if identity else "nobody" for identity in identities)


@contextlib.asynccontextmanager
async def running_driver() -> AsyncIterator[Driver]:
    """A driver that ends, with its browsers, at the end of the block."""
    driver = await Driver.start()
    try:
        yield driver
    finally:
        await driver.close()
