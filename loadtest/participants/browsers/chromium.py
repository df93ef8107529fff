"""A Chromium process and its pages, over the DevTools protocol on a pipe.

A pipe crosses network namespaces, which a debugging port would not; and a browser whose pipe closes ends by itself, so
that none outlives its runner however that ends.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
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
from loadtest.participants.browsers.page import HEIGHT, PATIENCE, WIDTH
from loadtest.participants.browsers.settings import CHROMIUM_FLAGS
from loadtest.participants.participant import ParticipantError
from loadtest.priority import go_before_others

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = ("--headless=new", "--remote-debugging-pipe", *CHROMIUM_FLAGS)
_ON_3_AND_4 = """
import os, sys
read, write = int(sys.argv[1]), int(sys.argv[2])
read, write = os.dup(os.dup(read)), os.dup(os.dup(write))
os.dup2(read, 3)
os.dup2(write, 4)
os.set_inheritable(3, True)
os.set_inheritable(4, True)
os.closerange(5, 256)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""Chromium's pipe is on the files 3 and 4, which cannot be arranged from this side of a fork in safety."""


def find_chromium() -> str:
    """The program to run: `BROWSER_CHROMIUM`, or the first of the usual names. Raises `InputError`."""
    named = os.environ.get("BROWSER_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        raise InputError(
            "there is no Chromium: expected chromium to be installed",
            hint="apt-get install chromium, or BROWSER_CHROMIUM=/path/to/it",
        )
    return found


@dataclass
class Chromium:
    """A running browser; `Chromium.start` makes one."""

    process: asyncio.subprocess.Process
    profile: Path
    _writer: asyncio.StreamWriter
    _transports: list[asyncio.BaseTransport]
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)
    _reading: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, *, wrapper: Sequence[str] = (), flags: Sequence[str] = (), log: Path | None = None
    ) -> Chromium:
        """Starts one with a profile of its own; `wrapper` is a command that runs it. Raises `ParticipantError`."""
        profile = Path(tempfile.mkdtemp(prefix="loadtest-chromium-"))
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        command = [*wrapper, sys.executable, "-ISc", _ON_3_AND_4, str(theirs_in), str(theirs_out)]
        output = log.open("ab") if log is not None else None
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                find_chromium(),
                *_FLAGS,
                f"--user-data-dir={profile}",
                *flags,
                stdin=subprocess.DEVNULL,
                stdout=output or subprocess.DEVNULL,
                stderr=output or subprocess.DEVNULL,
                pass_fds=(theirs_in, theirs_out),
                start_new_session=True,
            )
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
            if output is not None:
                output.close()
        go_before_others(process.pid)
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=2**26)
        protocol = asyncio.StreamReaderProtocol(reader)
        reading, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(ours_in, "rb", 0))
        writing, flow = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(ours_out, "wb", 0))
        browser = cls(process, profile, asyncio.StreamWriter(writing, flow, None, loop), [reading, writing])
        browser._reading = asyncio.create_task(browser._read(reader))
        await browser.request("Browser.getVersion")
        return browser

    async def request(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Sends a command and waits for its result. Raises `ParticipantError`."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": params, **({"sessionId": session} if session else {})}
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        try:
            self._writer.write(json.dumps(message).encode() + b"\0")
            answer = await asyncio.wait_for(reply, PATIENCE)
        except (TimeoutError, OSError):
            raise ParticipantError(f"the browser did not answer {method} within {PATIENCE:g} s") from None
        finally:
            self._waiting.pop(number, None)
        if "error" in answer:
            raise ParticipantError(f"{method}: {answer['error'].get('message')}")
        result: dict[str, Any] = answer["result"]
        return result

    async def open(self, script: str) -> ChromiumPage:
        """See `Browser`."""
        context = (await self.request("Target.createBrowserContext"))["browserContextId"]
        target = await self.request(
            "Target.createTarget", url="about:blank", browserContextId=context, width=WIDTH, height=HEIGHT
        )
        attached = await self.request("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = ChromiumPage(self, attached["sessionId"])
        await page.command("Page.enable")
        await page.command(
            "Emulation.setDeviceMetricsOverride", width=WIDTH, height=HEIGHT, deviceScaleFactor=1, mobile=False
        )
        await page.command("Page.addScriptToEvaluateOnNewDocument", source=script)
        return page

    async def close(self) -> None:
        """See `Browser`."""
        for transport in self._transports:
            transport.close()
        try:
            await asyncio.wait_for(self.process.wait(), 5)
        except TimeoutError:
            # It leads a session of its own: what is left of that goes with it.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            await self.process.wait()
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        await asyncio.to_thread(shutil.rmtree, self.profile, ignore_errors=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                message = json.loads((await reader.readuntil(b"\0"))[:-1])
                waiting = self._waiting.get(message.get("id"))
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result({"error": {"message": "the browser has ended"}})


@dataclass(frozen=True)
class ChromiumPage:
    """A page of a browser."""

    browser: Chromium
    session: str

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """A command of the DevTools protocol."""
        return await self.browser.request(method, self.session, **params)

    async def navigate(self, url: str) -> None:
        """See `Page`."""
        answer = await self.command("Page.navigate", url=url)
        if "errorText" in answer:
            raise ParticipantError(f"the page {url.partition('#')[0]} does not come: {answer['errorText']}")

    async def evaluate(self, expression: str) -> Any:
        """See `Page`."""
        answer = await self.command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            thrown = details.get("exception", {}).get("description") or details.get("text")
            raise ParticipantError(f"in the page: {str(thrown)[:500]}")
        return answer["result"].get("value")

    async def screenshot(self, path: Path) -> None:
        """See `Page`."""
        answer = await self.command("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(answer["data"]))
