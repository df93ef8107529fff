"""A Firefox process and its pages, over WebDriver BiDi.

Its port is on loopback in the network namespace of the browser; a relay in there carries it to us by pipes.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadtest.errors import InputError
from loadtest.participants.browsers import bidi_relay
from loadtest.participants.browsers.page import HEIGHT, PATIENCE, WIDTH
from loadtest.participants.browsers.settings import FIREFOX_PREFERENCES
from loadtest.participants.participant import ParticipantError
from loadtest.priority import go_before_others

_NAMES = ("firefox-esr", "firefox")
_LISTENS = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
_LARGEST = 2**26


def find_firefox() -> str:
    """The program to run: `BROWSER_FIREFOX`, or the first of the usual names. Raises `InputError`."""
    found = os.environ.get("BROWSER_FIREFOX") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise InputError(
            "there is no Firefox: expected firefox-esr to be installed",
            hint="apt-get install firefox-esr, or BROWSER_FIREFOX=/path/to/it",
        )
    return found


@dataclass
class Firefox:
    """A running browser; `Firefox.start` makes one."""

    process: asyncio.subprocess.Process
    profile: Path
    _relay: asyncio.subprocess.Process
    _tasks: list[asyncio.Task[None]]
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    @classmethod
    async def start(cls, *, trusted: str, wrapper: Sequence[str] = (), log: Path | None = None) -> Firefox:
        """Starts one with a profile of its own. Raises `ParticipantError`.

        `wrapper` is a command that runs it, and `trusted` a host whose pages may use cameras without TLS.
        """
        profile = Path(tempfile.mkdtemp(prefix="loadtest-firefox-"))
        preferences = FIREFOX_PREFERENCES | {"dom.securecontext.allowlist": trusted}
        lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in preferences.items())
        (profile / "user.js").write_text("".join(lines))
        process = await asyncio.create_subprocess_exec(
            *wrapper,
            find_firefox(),
            "--headless",
            "--no-remote",
            "--remote-debugging-port=0",
            "--profile",
            str(profile),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            limit=_LARGEST,
            start_new_session=True,
        )
        go_before_others(process.pid)
        assert process.stderr is not None
        try:
            address = await asyncio.wait_for(_address(process.stderr), PATIENCE)
        except TimeoutError:
            await _end(process, profile)
            raise ParticipantError(f"Firefox did not start within {PATIENCE:g} s") from None
        relay = await asyncio.create_subprocess_exec(
            *wrapper,
            sys.executable,
            # Without this folder among those that modules come from.
            "-I",
            bidi_relay.__file__,
            f"{address}/session",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            limit=_LARGEST,
            start_new_session=True,
        )
        browser = cls(process, profile, relay, [])
        browser._tasks = [asyncio.create_task(browser._read()), asyncio.create_task(_keep(process.stderr, log))]
        try:
            await browser.request("session.new", capabilities={"alwaysMatch": {"acceptInsecureCerts": True}})
        except ParticipantError:
            await browser.close()
            raise
        return browser

    async def request(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends a command and waits for its result. Raises `ParticipantError`."""
        number = next(self._ids)
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            assert self._relay.stdin is not None
            self._relay.stdin.write(json.dumps({"id": number, "method": method, "params": params}).encode() + b"\n")
            answer = await asyncio.wait_for(reply, PATIENCE)
        except (TimeoutError, OSError):
            raise ParticipantError(f"the browser did not answer {method} within {PATIENCE:g} s") from None
        finally:
            self._waiting.pop(number, None)
        if answer.get("type") == "error":
            raise ParticipantError(f"{method}: {answer.get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, script: str) -> FirefoxPage:
        """See `Browser`."""
        user = (await self.request("browser.createUserContext"))["userContext"]
        context = (await self.request("browsingContext.create", type="tab", userContext=user))["context"]
        await self.request(
            "browsingContext.setViewport",
            context=context,
            viewport={"width": WIDTH, "height": HEIGHT},
            devicePixelRatio=1,
        )
        await self.request("script.addPreloadScript", functionDeclaration=f"() => {{ {script} }}", contexts=[context])
        return FirefoxPage(self, context)

    async def close(self) -> None:
        """See `Browser`."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._relay.returncode is None:
            self._relay.kill()
        await self._relay.wait()
        await _end(self.process, self.profile)

    async def _read(self) -> None:
        assert self._relay.stdout is not None
        async for line in self._relay.stdout:
            message = json.loads(line)
            waiting = self._waiting.get(message.get("id"))
            if waiting is not None and not waiting.done():
                waiting.set_result(message)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result({"type": "error", "message": "the browser has ended"})


@dataclass(frozen=True)
class FirefoxPage:
    """A page of a browser."""

    browser: Firefox
    context: str

    async def navigate(self, url: str) -> None:
        """See `Page`."""
        try:
            await self.browser.request("browsingContext.navigate", context=self.context, url=url, wait="interactive")
        except ParticipantError as error:
            raise ParticipantError(f"the page {url.partition('#')[0]} does not come: {error}") from None

    async def evaluate(self, expression: str) -> Any:
        """See `Page`."""
        # It crosses as text: what is deep is cut short.
        answer = await self.browser.request(
            "script.evaluate",
            expression=f"(async () => JSON.stringify((await ({expression})) ?? null))()",
            target={"context": self.context},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise ParticipantError(f"in the page: {str(answer['exceptionDetails'].get('text'))[:500]}")
        return json.loads(answer["result"]["value"])

    async def screenshot(self, path: Path) -> None:
        """See `Page`."""
        answer = await self.browser.request("browsingContext.captureScreenshot", context=self.context)
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))


async def _address(errors: asyncio.StreamReader) -> str:
    async for line in errors:
        if found := _LISTENS.search(line):
            return found[1].decode()
    raise ParticipantError("Firefox ended before it was there")


async def _keep(errors: asyncio.StreamReader, log: Path | None) -> None:
    """What it says goes to a file: a pipe that nobody reads would stop it."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(log.open("ab")) if log is not None else None
        async for line in errors:
            if file is not None:
                file.write(line)


async def _end(process: asyncio.subprocess.Process, profile: Path) -> None:
    # It leads a session of its own: its processes go with it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), 5)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    await asyncio.to_thread(shutil.rmtree, profile, ignore_errors=True)
