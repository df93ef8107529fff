"""A bridge that runs until the system asks it to end."""

from __future__ import annotations

import asyncio
import logging
import signal

from bridge.app import Application

_log = logging.getLogger(__name__)

SAME_REQUEST_SECONDS = 5.0
"""What a shell, `timeout` or npm hands on to the bridge after it told the whole process group: the same once more."""


async def run_until_asked(application: Application) -> None:
    """Waits for SIGTERM, SIGINT or SIGHUP (unless it is ignored, as by `nohup`), then closes the application.

    It has been started. A signal that comes again after `SAME_REQUEST_SECONDS`, while it still closes, ends the process
    as it would have without us.
    """
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    numbers = [signal.SIGTERM, signal.SIGINT]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def leave_to_the_system() -> None:
        for number in numbers:
            loop.remove_signal_handler(number)

    for number in numbers:
        loop.add_signal_handler(number, asked.set)
    await asked.wait()
    impatient = loop.call_later(SAME_REQUEST_SECONDS, leave_to_the_system)
    _log.info("The bridge is asked to end")
    try:
        await application.close()
    finally:
        impatient.cancel()
        leave_to_the_system()
